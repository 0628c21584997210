//! The losses of the steps since the last validation.

use std::time::Instant;

use faus_model::Tally;
use tch::Device;

use crate::error::Error;
use crate::fold::progress::MetricsRow;

/// Number of steps that a GPU may run before their losses are read (our choice: the paper's interval of validations).
const AHEAD: usize = 50;

/// Losses and hits since the last row of the metrics. Reading them waits for the GPU's queue, so the losses of many
/// steps are read at once.
pub(crate) struct Losses {
    /// Steps whose losses are not read, with the tallies of their shares.
    pub unread: Vec<(u64, Vec<Tally>)>,
    steps: u64,
    loss: f64,
    correct: i64,
    pub since: Instant,
    /// Loss of the newest step that has been read.
    pub last_loss: Option<f64>,
}

impl Losses {
    /// Begins a row.
    pub fn new(last_loss: Option<f64>) -> Self {
        Self {
            unread: vec![],
            steps: 0,
            loss: 0.0,
            correct: 0,
            since: Instant::now(),
            last_loss,
        }
    }

    pub fn is_due(&self, device: Device) -> bool {
        !device.is_cuda() || self.unread.len() >= AHEAD
    }

    /// Adds up the unread steps. A non-finite loss ends the fold; nothing from later steps has been written.
    pub fn read(&mut self, fold: usize) -> Result<(), Error> {
        let unread = std::mem::take(&mut self.unread);
        let read = Tally::read(unread.iter().flat_map(|(_, shares)| shares))?;
        let mut read = read.into_iter();
        for (step, shares) in unread {
            let shares = read.by_ref().take(shares.len());
            let (loss, hits) = shares.fold((0.0, 0), |(loss, hits), (l, h)| (loss + l, hits + h));
            if !f64::is_finite(loss) {
                return Err(Error::Diverged { fold, step, loss });
            }
            self.steps += 1;
            self.loss += loss;
            self.correct += hits;
            self.last_loss = Some(loss);
        }
        Ok(())
    }

    pub fn row(&self, step: u64, batch: usize, val_accuracy: f64, seconds: f64) -> MetricsRow {
        let images = (self.steps * batch as u64) as f64;
        MetricsRow {
            step,
            train_loss: self.loss / self.steps as f64,
            train_accuracy: self.correct as f64 / images,
            val_accuracy,
            images_per_second: images / seconds,
        }
    }
}
