use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::tensorboard::EventWriter;

/// A row of `metrics.csv`: what happened since the row before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Training steps done.
    pub step: u64,
    /// Mean cross-entropy of the training batches since the last row (dropout and augmentation on).
    pub train_loss: f64,
    /// Share of their images classified rightly.
    pub train_accuracy: f64,
    /// Accuracy on the validation fold after this step.
    pub val_accuracy: f64,
    /// Training images per second since the last row, validation left out.
    pub images_per_second: f64,
}

/// Writes `metrics.csv` row by row, so that it can be watched and survives a stop; on request for TensorBoard too.
pub(crate) struct MetricsWriter {
    path: PathBuf,
    file: File,
    kept: Vec<MetricsRow>,
    events: Option<EventWriter>,
}

impl MetricsWriter {
    /// Starts the file in folder `dir` with the rows up to `step` that it already has.
    pub fn open(dir: &Path, step: u64, tensorboard: bool) -> Result<Self, Error> {
        let path = &dir.join("metrics.csv");
        let kept: Vec<MetricsRow> = match step {
            0 => vec![],
            _ => read_metrics(path)?
                .into_iter()
                .filter(|row| row.step <= step)
                .collect(),
        };
        // Rewritten as a whole, so that a stop here loses none of the rows that are kept.
        let mut text = format!("{HEADER}\n");
        kept.iter().for_each(|row| text += &line(row));
        let mut whole = AtomicWriteFile::open(path).map_err(Error::io(path))?;
        whole.write_all(text.as_bytes()).map_err(Error::io(path))?;
        whole.commit().map_err(Error::io(path))?;
        let file = File::options()
            .append(true)
            .open(path)
            .map_err(Error::io(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            events: tensorboard
                .then(|| EventWriter::open(dir, &kept))
                .transpose()?,
            kept,
        })
    }

    /// The rows of before that the file was started with.
    pub fn rows(&self) -> &[MetricsRow] {
        &self.kept
    }

    /// Appends a row that is on the disk when this returns: the training state written next counts on it.
    pub fn push(&mut self, row: &MetricsRow) -> Result<(), Error> {
        let written = self
            .file
            .write_all(line(row).as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(Error::io(&self.path))?;
        self.events
            .as_mut()
            .map_or(Ok(()), |events| events.push(row))
    }
}

const HEADER: &str = "step,train_loss,train_accuracy,val_accuracy,images_per_second";

fn line(row: &MetricsRow) -> String {
    let MetricsRow {
        step,
        train_loss,
        train_accuracy,
        val_accuracy,
        images_per_second,
    } = row;
    format!("{step},{train_loss},{train_accuracy},{val_accuracy},{images_per_second:.1}\n")
}

/// Rows of a `metrics.csv`; a last line cut short by a stop is left out.
fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    Ok(reader.deserialize().map_while(Result::ok).collect())
}
