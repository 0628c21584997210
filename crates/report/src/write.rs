//! The files of a report.

use std::io::Write;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::Error;
use crate::plot::Plot;

/// Writes the drawings and their numbers into `folder/figures`, which is made anew, and then the page, so that a page
/// never lacks its figures.
pub(crate) fn report(folder: &Path, html: &str, plots: &[Plot]) -> Result<PathBuf, Error> {
    let figures = folder.join("figures");
    match std::fs::remove_dir_all(&figures) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::Write {
                path: figures,
                source,
            });
        }
        _ => {}
    }
    for plot in plots {
        if !plot.svg.is_empty() {
            save(&figures.join(format!("{}.svg", plot.name)), &plot.svg)?;
        }
        save(&figures.join(format!("{}.csv", plot.name)), &plot.csv)?;
    }
    let path = folder.join("index.html");
    save(&path, html)?;
    Ok(path)
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    };
    write().map_err(|source| Error::Write {
        path: path.to_path_buf(),
        source,
    })
}
