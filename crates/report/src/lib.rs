//! Writes one self-contained HTML page about a run, or about several runs side by side.
//!
//! [`write_report`] reads the files of a run folder and writes `report/index.html` beside them: styles, script,
//! pictures, drawings and tables inside the page, which asks nothing of any network. The drawings lie beside it as SVG,
//! their numbers as CSV, in `report/figures`. Whatever is missing or damaged is named in its section, with the way to
//! get it; it never stops the rest. [`write_comparison`] sets runs side by side.
//!
//! This crate computes no statistic of its own but shares of what was counted and their bootstrap intervals over people:
//! every other number is another crate's, as it stands in the run's files. It knows no other crate, so a run of any
//! program that keeps the file contract can be reported.
//!
//! ```
//! let run = std::env::temp_dir().join(format!("faus-report-{}", std::process::id()));
//! std::fs::create_dir_all(&run)?;
//! std::fs::write(run.join("summary.json"), r#"{"experiment": "ck_plus_cnn", "synthetic": true}"#)?;
//! let page = faus_report::write_report(&run)?;
//! assert!(std::fs::read_to_string(page)?.contains("Synthetic data"));
//! # std::fs::remove_dir_all(&run)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod action_units;
mod answer;
mod bootstrap;
mod compare;
mod config;
mod errors;
mod files;
mod page;
mod plot;
mod published;
mod run;
mod sections;
mod text;
mod write;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use askama::Template;

pub use compare::{COMPARISON_TITLE, write_comparison};
pub use errors::Error;

/// Writes `<run_dir>/report/index.html` and, beside it, the folder `figures`; returns the page's path. An older report
/// is replaced.
///
/// # Errors
/// [`Error::NoRun`] if `run_dir` is not a folder, [`Error::Write`] if the page cannot be written. Missing or
/// damaged files of the run are no errors: the page says so.
pub fn write_report(run_dir: &Path) -> Result<PathBuf, Error> {
    let folder = files::RunFolder::open_run(run_dir)?;
    let run = run::Run::read(&folder, run_name(run_dir));
    let context = sections::Context {
        folder: &folder,
        run: &run,
        plots: RefCell::new(Vec::new()),
    };
    let sections = sections::sections(&context)?;
    let html = page::Page::new(page::head(&run), sections)?.render()?;
    write::report(&run_dir.join("report"), &html, &context.plots.into_inner())
}

/// The folder's own name, as far as the path shows it.
fn run_name(run_dir: &Path) -> String {
    let named = run_dir.canonicalize().ok();
    let path = named.as_deref().unwrap_or(run_dir);
    let name = path.file_name();
    name.map_or("run".into(), |name| name.to_string_lossy().into_owned())
}
