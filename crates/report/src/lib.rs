//! Writes one self-contained HTML page about a run, or about several runs side by side.
//!
//! [`write_report`] reads the files of a run folder and writes `report/index.html` beside them: styles, script,
//! pictures, drawings and tables inside the page, which loads nothing from the network. The drawings are also written
//! as SVG, their numbers as CSV, to `report/figures`. Each section names its missing or damaged files and how to get
//! them; the other sections are unaffected. [`write_comparison`] sets runs side by side.
//!
//! The only statistics computed here are shares of counts and their bootstrap intervals over people; all other numbers
//! are read from the run's files. The report works for runs of any program that writes these file formats.
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

mod compare;
mod errors;
mod page;
mod plot;
mod run;
mod sections;

use std::path::{Path, PathBuf};

pub use compare::{COMPARISON_TITLE, write_comparison};
pub use errors::Error;

/// Writes `<run_dir>/report/index.html` and, beside it, the folder `figures`; returns the page's path. An older report
/// is replaced.
///
/// # Errors
/// [`Error::NoRun`] if `run_dir` is not a folder, [`Error::Write`] if the page cannot be written. Missing or damaged
/// files of the run are not errors: the page names them.
pub fn write_report(run_dir: &Path) -> Result<PathBuf, Error> {
    let run = run::Run::read(run_dir)?;
    let (head, sections) = (page::head(&run), sections::sections(&run));
    page::Page { head, sections }.write(&run_dir.join("report"))
}
