//! The data set of a run: prepared from a source, copied from a prepared set, or kept from an earlier start.

use std::path::Path;

use anyhow::{Context, Result, bail};
use faus_data::{DatasetInfo, PrepareOptions, Prepared, Skipped, Source};

use super::job::Job;
use crate::app::console::with_bar;

/// Maximum number of skipped inputs listed on screen; a longer list would hide the important ones.
const SKIPPED_SHOWN: usize = 1000;

/// Where a run's data set comes from.
pub(super) enum Origin {
    /// Already in the run folder.
    Kept,
    /// Prepared from a source.
    Source(Box<dyn Source>),
    /// Copied from a prepared set.
    Prepared(Box<Prepared>),
}

impl Job<'_> {
    /// Finds the data at `place`. Checks as much as possible before creating the run folder, so that a job without data
    /// leaves none.
    pub(super) fn origin(&self, place: &Path) -> Result<Origin> {
        let config = &self.config.data;
        if self.dataset().join("dataset.json").exists() {
            return Ok(Origin::Kept);
        }
        if self.prepared.is_some() {
            config.check()?;
            let prepared = Prepared::open(place)?;
            refuse_codes_alone(&prepared.info().classes)?;
            config.check_agrees(&prepared)?;
            self.check_folds(prepared.info().folds)?;
            return Ok(Origin::Prepared(Box::new(prepared)));
        }
        let source = self.open_source(place)?;
        refuse_codes_alone(&source.class_names())?;
        if self.folds.is_some() {
            let folding = source.scan()?.folding;
            self.check_folds(config.options().fold_count(&folding))?;
        }
        Ok(Origin::Source(source))
    }

    /// Puts the data set into the run folder.
    pub(super) fn prepare(&self, origin: Origin) -> Result<Prepared> {
        let folder = self.dataset();
        match origin {
            Origin::Kept => eprintln!("Data: {} is prepared already", folder.display()),
            Origin::Source(source) => {
                prepare_into(source.as_ref(), &self.config.data.options(), &folder)?;
            }
            Origin::Prepared(set) => {
                eprintln!("Data: {}, prepared before", set.dir().display());
                set.copy_to(&folder)?;
                print_info(set.info(), &folder);
            }
        }
        Prepared::open(&folder)
            .with_context(|| format!("{}: delete it to prepare the data again", folder.display()))
    }
}

/// Refuses a data set without expressions before anything is prepared.
fn refuse_codes_alone(classes: &[String]) -> Result<()> {
    match classes.is_empty() {
        true => Err(faus_data::Error::NothingToTrain.into()),
        false => Ok(()),
    }
}

/// Marks for every accuracy on a data set; empty for photographs in subject-independent folds.
pub(crate) fn marks(info: &DatasetInfo) -> &'static str {
    match (info.synthetic, info.subject_independent) {
        (false, true) => "",
        (true, true) => " (synthetic)",
        (false, false) => " (not subject-independent)",
        (true, false) => " (synthetic, not subject-independent)",
    }
}

/// Prepares `source` into the folder `to` with a progress bar, and lists the inputs that were left out.
///
/// # Errors
/// When nothing usable is found, a write fails or the user cancels.
pub(crate) fn prepare_into(source: &dyn Source, options: &PrepareOptions, to: &Path) -> Result<()> {
    let prepared = with_bar("Preparing faces", |progress| {
        faus_data::prepare(source, options, to, progress)
    });
    match prepared {
        Err(faus_data::Error::Cancelled) => bail!(
            "stopped while preparing faces, nothing was written; run the same command again to start over"
        ),
        other => {
            let failed = || format!("{}: the data set cannot be prepared", to.display());
            print_info(&other.with_context(failed)?, to);
            Ok(())
        }
    }
}

/// Prints the contents of a prepared set, and what is missing.
fn print_info(info: &DatasetInfo, folder: &Path) {
    let synthetic = match (info.synthetic, info.machine_coded) {
        (true, true) => " SYNTHETIC, MACHINE-CODED",
        (true, false) => " SYNTHETIC",
        (false, true) => " MACHINE-CODED",
        (false, false) => "",
    };
    let skipped = Skipped::count(&info.skipped);
    // Plurals throughout: scripts look for this line.
    eprintln!(
        "Prepared {}{synthetic}: {} images of {} subjects in {} folds, {} held out, {skipped} inputs skipped",
        info.name,
        info.images - info.held_out,
        info.subjects,
        info.folds,
        info.held_out
    );
    if !info.subject_independent {
        eprintln!(
            "NOT subject-independent: the same person may be in several parts of a split; every output is marked",
        );
    }
    for note in &info.notes {
        eprintln!("  note: {note}");
    }
    for skipped in info.skipped.iter().take(SKIPPED_SHOWN) {
        let line = format!("  skipped {}: {}", skipped.path, skipped.reason);
        // File names may contain control characters, which a terminal would execute.
        eprintln!("{}", line.replace(char::is_control, "\u{fffd}"));
    }
    if info.skipped.len() > SKIPPED_SHOWN {
        let (more, all) = (
            info.skipped.len() - SKIPPED_SHOWN,
            folder.join("dataset.json"),
        );
        eprintln!("  … {more} more; all of them in {}", all.display());
    }
}
