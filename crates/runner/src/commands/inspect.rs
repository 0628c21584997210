//! `faus data inspect`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_data::inspect::contact_sheet;
use faus_data::{Prepared, refuse_inside, write_png};

/// Show statistics, class balance, folds and skipped files of a prepared data set; --sheets adds pictures.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data inspect runs/ck_plus-cnn_ad-quick/dataset --sheets sheets"
)]
pub(crate) struct InspectArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Folder for a contact sheet of each class.
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
}

pub(crate) fn inspect(args: InspectArgs) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let sheets = match &args.sheets {
        Some(dir) => {
            refuse_part_of(dir, &args.prepared)?;
            write_sheets(&prepared, dir)?
        }
        None => Vec::new(),
    };
    println!("{}", faus_data::inspect::inspect(&prepared));
    sheets
        .iter()
        .for_each(|path| println!("{}", path.display()));
    Ok(())
}

fn write_sheets(prepared: &Prepared, dir: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("{}: cannot be created", dir.display()))?;
    let mut written = Vec::new();
    for (name, label) in prepared.info().classes.iter().zip(0..) {
        if let Some(sheet) = contact_sheet(prepared, label, 100) {
            let path = dir.join(format!("{label}-{}.png", file_name(name)));
            write_png(&path, &sheet)?;
            written.push(path);
        }
    }
    Ok(written)
}

/// A class name as part of a file name.
fn file_name(name: &str) -> String {
    name.replace(|c: char| !c.is_alphanumeric(), "_")
}

/// Rejects paths inside a prepared set, whether or not it exists yet.
pub(super) fn refuse_part_of(path: &Path, set: &Path) -> Result<()> {
    let unusable = || format!("{}: not a usable path", path.display());
    let absolute = |path| std::path::absolute(path).with_context(unusable);
    if absolute(path)?.starts_with(absolute(set)?) || refuse_inside(path, set).is_err() {
        let (path, set) = (path.display(), set.display());
        bail!("{path}: is inside the prepared data set {set}; choose a folder outside it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_into_a_prepared_set() {
        let set = Path::new("prepared/ck");
        assert!(refuse_part_of(Path::new("prepared/ck/sheet.png"), set).is_err());
        assert!(refuse_part_of(Path::new("prepared/ck-sheet.png"), set).is_ok());
    }

    #[test]
    fn class_names_become_file_names() {
        assert_eq!(file_name("a/b c"), "a_b_c");
    }
}
