//! `faus data augment`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::augment::AugmentRanges;
use faus_data::{Prepared, augment_sheet};

use super::inspect::refuse_part_of;
use crate::app::console::say;

/// Show what augmentation does to one image, with the drawn parameters.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data augment prepared/ck-96 --index 0 --count 20 --seed 1 --output out.npy --params params.csv --sheet sheet.png"
)]
pub(crate) struct AugmentArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Row of the image.
    #[arg(long)]
    index: usize,
    /// Number of draws.
    #[arg(long)]
    count: usize,
    /// Random seed of the draws.
    #[arg(long)]
    seed: u64,
    /// Images before normalisation, f32 [count, 1, H, W] in [0, 2].
    #[arg(long, alias = "out", value_name = "NPY")]
    output: PathBuf,
    /// The drawn parameters.
    #[arg(long, value_name = "CSV")]
    params: PathBuf,
    /// A picture of all draws.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
}

impl AugmentArgs {
    /// Checks that no output is inside the data set, and that no two are the same file.
    fn check_outputs(&self) -> Result<()> {
        let mut seen = Vec::new();
        for path in [Some(&self.output), Some(&self.params), self.sheet.as_ref()] {
            let Some(path) = path else { continue };
            refuse_part_of(path, &self.prepared)?;
            let absolute = std::path::absolute(path)?;
            if seen.contains(&absolute) {
                bail!("{}: named for two outputs", path.display());
            }
            seen.push(absolute);
        }
        Ok(())
    }
}

pub(crate) fn augment(args: AugmentArgs) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    args.check_outputs()?;
    let ranges = AugmentRanges::default();
    let sheet = augment_sheet(&prepared, args.index, args.count, args.seed, &ranges)?;
    sheet.write_images(&args.output)?;
    sheet.write_params(&args.params)?;
    if let Some(path) = &args.sheet {
        sheet.write_picture(path)?;
    }
    let (count, row) = (args.count, args.index);
    let (images, params) = (args.output.display(), args.params.display());
    say(format!(
        "{count} draws of row {row} in {images} and {params}"
    ));
    Ok(())
}
