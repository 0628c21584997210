//! `faus data audit`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::refuse_inside;

use super::inspect::refuse_part_of;
use crate::pipeline::run_folder::write_json;

/// Find leaks between training and test: people, recordings and near-identical images in two parts, images tested never
/// or twice, contradictory labels. Exit code 1 if there is a leak, or too little data to tell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data audit prepared/ck-96\nSomeone else's split: faus data audit prepared/ck-96 --split-csv theirs.csv (columns path,split[,fold][,label])"
)]
pub(crate) struct AuditArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Audits this split instead of the set's own folds: a table with the columns path (as in samples.csv), split (train, val
    /// or test), fold (if there are several) and, optionally, label, which is then compared.
    #[arg(long, value_name = "CSV")]
    split_csv: Option<PathBuf>,
    /// The findings as JSON.
    #[arg(long, value_name = "JSON")]
    json: Option<PathBuf>,
}

pub(crate) fn audit(args: AuditArgs) -> Result<()> {
    if let Some(path) = &args.json {
        refuse_part_of(path, &args.prepared)?;
        if let Some(split) = &args.split_csv {
            refuse_inside(path, split)?;
        }
    }
    let found = faus_data::audit(&args.prepared, args.split_csv.as_deref())?;
    if let Some(path) = &args.json {
        write_json(path, &found)?;
    }
    println!("{found}");
    match found.is_clear() {
        true => Ok(()),
        false => bail!("{}: {}", args.prepared.display(), found.verdict()),
    }
}
