//! Stops a fold whose loss has exploded but is still finite.

use crate::fold::progress::MetricsRow;

/// A loss this many times that of guessing has exploded (our choice: the largest initial loss we have seen, with k =
/// 1.5, is two to three times that of guessing, and it falls from the first steps on).
const FACTOR: f64 = 20.0;
/// Number of steps for which this must hold (our choice: with a momentum of 0.9 a single bad batch is forgotten in
/// about twenty steps).
const STEPS: u64 = 100;

/// Watches the rows of the metrics. It can be rebuilt from the rows of a stopped fold, so a resumed fold ends where an
/// uninterrupted one does.
pub(crate) struct LossWatch {
    bound: f64,
    /// Step of the previous row.
    before: u64,
    /// The step from which on all rows are above the bound.
    since: Option<u64>,
}

impl LossWatch {
    /// A watch over the training of `classes` classes, after `rows`.
    pub fn new(classes: usize, rows: &[MetricsRow]) -> Self {
        let mut watch = Self {
            bound: FACTOR * (classes.max(2) as f64).ln(),
            before: 0,
            since: None,
        };
        rows.iter().for_each(|row| {
            watch.exploded(row);
        });
        watch
    }

    /// The bound, if the loss has exceeded it for too long. The first row, with the initial loss, is ignored.
    pub fn exploded(&mut self, row: &MetricsRow) -> Option<f64> {
        if row.train_loss > self.bound && self.before > 0 {
            self.since.get_or_insert(self.before);
        } else {
            self.since = None;
        }
        self.before = row.step;
        let since = self.since?;
        (row.step - since >= STEPS).then_some(self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, train_loss: f64) -> MetricsRow {
        MetricsRow {
            step,
            train_loss,
            train_accuracy: 0.1,
            val_accuracy: 0.1,
            images_per_second: 1.0,
        }
    }

    /// The step at which losses, one row every 50 steps, are given up.
    fn given_up(losses: &[f64]) -> Option<u64> {
        let mut watch = LossWatch::new(8, &[]);
        let mut rows = (1..).map(|n| 50 * n).zip(losses);
        rows.find_map(|(step, loss)| watch.exploded(&row(step, *loss)).map(|_| step))
    }

    #[test]
    fn only_a_loss_that_stays_high_is_given_up() {
        assert_eq!(given_up(&[2.0, 1.0, 0.5, 0.4]), None);
        assert_eq!(given_up(&[1e9, 2.0, 1e9, 2.0, 1e9]), None, "single rows");
        assert_eq!(given_up(&[1e9, 2.0, 1.0]), None, "a high start");
        assert_eq!(given_up(&[2.0, 50.0, 1e3, 1e6]), Some(150));
        assert_eq!(given_up(&[1e9, 1e9, 1e9]), Some(150));
    }

    #[test]
    fn a_resumed_watch_remembers() {
        let seen = [row(50, 2.0), row(100, 1e3)];
        let mut watch = LossWatch::new(8, &seen);
        assert!(watch.exploded(&row(150, 1e4)).is_some());
        assert!(
            LossWatch::new(8, &seen[..1])
                .exploded(&row(100, 1e4))
                .is_none()
        );
    }
}
