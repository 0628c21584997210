//! Writes `metrics.csv`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use faus_base::file;

use crate::error::Error;
use crate::fold::divergence::LossWatch;
use crate::fold::progress::MetricsRow;
use crate::fold::tensorboard;

/// Writes `metrics.csv` row by row, so that it can be followed live and survives a stop; on request a TensorBoard file too.
pub(crate) struct MetricsWriter {
    table: Growing,
    events: Option<Growing>,
    watch: LossWatch,
}

/// A file to which rows are appended.
struct Growing {
    path: PathBuf,
    file: File,
}

impl Growing {
    /// Starts the file with `content`: rewritten as a whole, so that a stop here neither loses nor duplicates rows.
    fn start(path: PathBuf, content: &[u8]) -> Result<Self, Error> {
        let written = file::write(&path, content);
        let file = written.and_then(|()| File::options().append(true).open(&path));
        let file = file.map_err(Error::file(&path))?;
        Ok(Self { path, file })
    }

    /// Appends and syncs to disk: the training state written next relies on it.
    fn push(&mut self, content: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(content);
        let kept = written.and_then(|()| self.file.sync_data());
        kept.map_err(Error::file(&self.path))
    }
}

impl MetricsWriter {
    /// Starts the files in folder `dir`, of a training of `classes` classes, with their earlier rows up to `step`.
    pub fn open(dir: &Path, step: u64, classes: usize, tensorboard: bool) -> Result<Self, Error> {
        let path = dir.join("metrics.csv");
        let mut kept = match step {
            0 => vec![],
            _ => read_metrics(&path)?,
        };
        kept.retain(|row| row.step <= step);
        let text = kept.iter().map(line).collect::<String>();
        let events = || Growing::start(dir.join(tensorboard::FILE), &tensorboard::events(&kept));
        Ok(Self {
            table: Growing::start(path, format!("{HEADER}\n{text}").as_bytes())?,
            events: tensorboard.then(events).transpose()?,
            watch: LossWatch::new(classes, &kept),
        })
    }

    /// Appends a row. Returns the loss's bound if the loss has exceeded it for too long.
    pub fn push(&mut self, row: &MetricsRow) -> Result<Option<f64>, Error> {
        self.table.push(line(row).as_bytes())?;
        if let Some(events) = &mut self.events {
            events.push(&tensorboard::event(row))?;
        }
        Ok(self.watch.exploded(row))
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
    let file = File::open(path).map_err(Error::file(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    Ok(reader.deserialize().map_while(Result::ok).collect())
}
