//! The course of a training: learning rate, validations and checkpoints by step.

use crate::recipe::check::CheckedRecipe;
use crate::recipe::settings::Schedule;

impl CheckedRecipe {
    /// Learning rate of step `step` (the first is 1).
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::OneCycle => one_cycle(self.learning_rate, step - 1, self.steps),
        }
    }

    /// Whether step `step` ends with a checkpoint ([`Recipe::checkpoint_from`](crate::Recipe::checkpoint_from)).
    pub fn is_checkpoint(&self, step: u64) -> bool {
        let since = |first| step.checked_sub(first);
        match self.checkpoint_from {
            Some(first) => since(first).is_some_and(|n| n.is_multiple_of(self.checkpoint_every)),
            None => step.is_multiple_of(self.checkpoint_every) || step == self.steps,
        }
    }

    /// Whether step `step` ends with a validation: every checkpoint does.
    pub fn is_validation(&self, step: u64) -> bool {
        step.is_multiple_of(self.validate_every) || self.is_checkpoint(step)
    }
}

/// PyTorch's `OneCycleLR` with its defaults, at 0-based step `step` of `total`.
fn one_cycle(peak: f64, step: u64, total: u64) -> f64 {
    let (initial, last) = (peak / 25.0, peak / 25.0 / 1e4);
    let rise = 0.3 * total as f64 - 1.0;
    let fall = (total as f64 - 1.0 - rise).max(f64::MIN_POSITIVE);
    let (from, to, fraction) = match step as f64 {
        s if s <= rise => (initial, peak, s / rise),
        s => (peak, last, (s - rise) / fall),
    };
    to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * fraction.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use crate::recipe::settings::{Recipe, Schedule};

    #[test]
    fn the_last_step_is_a_checkpoint_and_is_validated() {
        let recipe = Recipe {
            steps: 130,
            checkpoint_every: 40,
            validate_every: 30,
            ..Recipe::default()
        }
        .check()
        .unwrap();
        let checkpoints: Vec<u64> = (1..=130).filter(|&s| recipe.is_checkpoint(s)).collect();
        assert_eq!(checkpoints, [40, 80, 120, 130]);
        let validated: Vec<u64> = (1..=130).filter(|&s| recipe.is_validation(s)).collect();
        assert_eq!(validated, [30, 40, 60, 80, 90, 120, 130]);
    }

    #[test]
    fn the_authors_checkpoints_follow_the_first_update() {
        #[derive(serde::Deserialize)]
        struct Golden {
            checkpoints: Vec<u64>,
        }
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/golden/authors.json")).unwrap();
        let recipe = Recipe {
            checkpoint_from: Some(1),
            ..Recipe::default()
        };
        let recipe = recipe.check().unwrap();
        let checkpoints: Vec<u64> = (1..=31_000).filter(|&s| recipe.is_checkpoint(s)).collect();
        assert_eq!(checkpoints, golden.checkpoints);
    }

    #[test]
    fn a_one_cycle_of_one_step_is_finite() {
        let recipe = Recipe {
            steps: 1,
            schedule: Schedule::OneCycle,
            ..Recipe::default()
        }
        .check()
        .unwrap();
        assert!(recipe.learning_rate_at(1).is_finite());
    }
}
