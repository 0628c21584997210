//! Writes `metrics.csv`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use faus_base::file;

use crate::error::Error;
use crate::fold::progress::MetricsRow;
use crate::fold::tensorboard::EventWriter;

/// Writes `metrics.csv` row by row, so that it can be followed live and survives a stop; on request a TensorBoard file too.
pub(crate) struct MetricsWriter {
    path: PathBuf,
    file: File,
    kept: Vec<MetricsRow>,
    events: Option<EventWriter>,
}

impl MetricsWriter {
    /// Starts the file in folder `dir` with its earlier rows up to `step`.
    pub fn open(dir: &Path, step: u64, tensorboard: bool) -> Result<Self, Error> {
        let path = dir.join("metrics.csv");
        let mut kept = match step {
            0 => vec![],
            _ => read_metrics(&path)?,
        };
        kept.retain(|row| row.step <= step);
        // Rewritten as a whole, so that a stop here does not lose earlier rows.
        let text = kept.iter().map(line).collect::<String>();
        file::write(&path, format!("{HEADER}\n{text}").as_bytes()).map_err(Error::io(&path))?;
        let file = File::options().append(true).open(&path);
        let file = file.map_err(Error::io(&path))?;
        let events = tensorboard.then(|| EventWriter::open(dir, &kept));
        Ok(Self {
            path,
            file,
            events: events.transpose()?,
            kept,
        })
    }

    /// The earlier rows.
    pub fn rows(&self) -> &[MetricsRow] {
        &self.kept
    }

    /// Appends a row and syncs it to disk: the training state written next relies on it.
    pub fn push(&mut self, row: &MetricsRow) -> Result<(), Error> {
        let written = self.file.write_all(line(row).as_bytes());
        let kept = written.and_then(|()| self.file.sync_data());
        kept.map_err(Error::io(&self.path))?;
        match &mut self.events {
            Some(events) => events.push(row),
            None => Ok(()),
        }
    }
}

const HEADER: &str = "step,train_loss,train_accuracy,val_accuracy,images_per_second";

fn line(row: &MetricsRow) -> String {
    let (step, loss, rate) = (row.step, row.train_loss, row.images_per_second);
    let (train, val) = (row.train_accuracy, row.val_accuracy);
    format!("{step},{loss},{train},{val},{rate:.1}\n")
}

/// Rows of a `metrics.csv`; a last line truncated by a stop is skipped.
fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    Ok(reader.deserialize().map_while(Result::ok).collect())
}
