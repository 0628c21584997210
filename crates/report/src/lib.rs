//! Writes one self-contained HTML page about a run.
//!
//! [`write_report`] reads the files of a run folder and writes `report/index.html` beside them: styles,
//! pictures and curves inside the page, no script, no request to anywhere. Whatever is missing or damaged
//! is named in its section, with the way to get it; it never stops the rest.
//!
//! This crate computes no statistic of its own beyond shares of the confusion matrix: every number is
//! another crate's, as it stands in the run's files. It knows no other crate, so a run of any program that
//! keeps the file contract can be reported.
//!
//! ```
//! let run = std::env::temp_dir().join(format!("faus-report-{}", std::process::id()));
//! std::fs::create_dir_all(&run).unwrap();
//! std::fs::write(run.join("summary.json"), r#"{"experiment": "ck_plus_cnn", "synthetic": true}"#).unwrap();
//! let page = faus_report::write_report(&run).unwrap();
//! assert!(std::fs::read_to_string(page).unwrap().contains("Synthetic data"));
//! # std::fs::remove_dir_all(&run).unwrap();
//! ```

mod answer;
mod config;
mod curves;
mod errors;
mod files;
mod page;
mod published;
mod results;
mod run;
mod text;
mod units;

use std::io::Write;
use std::path::{Path, PathBuf};

use askama::Template;
use atomic_write_file::AtomicWriteFile;

pub use errors::Error;

/// Writes `<run_dir>/report/index.html` and returns its path; an older report is replaced as a whole.
///
/// # Errors
/// [`Error::NoRun`] if `run_dir` is not a folder, [`Error::Write`] if the page cannot be written. Missing or
/// damaged files of the run are no errors: the page says so.
pub fn write_report(run_dir: &Path) -> Result<PathBuf, Error> {
    let metadata = std::fs::metadata(run_dir).map_err(|error| Error::NoRun {
        path: run_dir.to_path_buf(),
        reason: error.to_string(),
    })?;
    if !metadata.is_dir() {
        return Err(Error::NoRun {
            path: run_dir.to_path_buf(),
            reason: "it is a file".to_owned(),
        });
    }
    let name = run_dir
        .file_name()
        .or_else(|| run_dir.parent()?.file_name());
    let name = name.map_or("run".into(), |name| name.to_string_lossy().into_owned());
    let mut folder = files::RunFolder::new(run_dir);
    let run = run::Run::read(&mut folder, name);
    let html = page::Page::of(&run).render()?;
    save(&run_dir.join("report"), &html)
}

fn save(folder: &Path, html: &str) -> Result<PathBuf, Error> {
    let path = folder.join("index.html");
    let write = || {
        std::fs::create_dir_all(folder)?;
        let mut file = AtomicWriteFile::open(&path)?;
        file.write_all(html.as_bytes())?;
        file.commit()
    };
    match write() {
        Ok(()) => Ok(path),
        Err(source) => Err(Error::Write { path, source }),
    }
}
