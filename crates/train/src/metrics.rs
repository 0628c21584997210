use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

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

/// Writes `metrics.csv` row by row, so that it can be watched and survives a stop.
pub(crate) struct MetricsWriter {
    path: PathBuf,
    file: File,
}

impl MetricsWriter {
    /// Starts the file with the rows up to `step` that it already has.
    pub fn open(path: &Path, step: u64) -> Result<Self, Error> {
        let kept: Vec<MetricsRow> = match step {
            0 => vec![],
            _ => read_metrics(path)?
                .into_iter()
                .filter(|row| row.step <= step)
                .collect(),
        };
        let file = File::create(path).map_err(Error::io(path))?;
        let mut writer = Self {
            path: path.to_path_buf(),
            file,
        };
        writer.line("step,train_loss,train_accuracy,val_accuracy,images_per_second")?;
        kept.iter().try_for_each(|row| writer.push(row))?;
        Ok(writer)
    }

    pub fn push(&mut self, row: &MetricsRow) -> Result<(), Error> {
        let MetricsRow {
            step,
            train_loss,
            train_accuracy,
            val_accuracy,
            images_per_second,
        } = row;
        self.line(&format!(
            "{step},{train_loss},{train_accuracy},{val_accuracy},{images_per_second:.1}"
        ))
    }

    fn line(&mut self, line: &str) -> Result<(), Error> {
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .map_err(Error::io(&self.path))
    }
}

/// Rows of a `metrics.csv`; a last line cut short by a stop is left out.
fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    Ok(reader.deserialize().map_while(Result::ok).collect())
}
