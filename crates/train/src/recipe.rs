use std::ops::Deref;

use faus_data::Protocol;
use faus_data::augment::AugmentRanges;
use faus_data::normalise::Normalisation;
use faus_model::Precision;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest batch that is accepted, so that a slip of the pen does not ask for all memory.
const MOST_IMAGES: usize = 65_536;

/// Which rule updates the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum: the paper's.
    Sgd,
    /// AdamW (Loshchilov and Hutter 2019), β = (0.9, 0.999), ε = 1e-8.
    Adamw,
}

/// How the learning rate changes over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same at every step: the paper's.
    Constant,
    /// Up and down by two half cosines (Smith and Topin 2018), with PyTorch's defaults: starts at 1/25, peaks at 30%
    /// of the steps, ends at 1/250,000 of the peak.
    OneCycle,
}

/// Every number of the training. Defaults are the paper's, as the authors' code has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Which folds train, validate and test (default `paper-2017`: eight, one, one).
    pub protocol: Protocol,
    /// Local contrast normalisation of the input (default subtractive, which is what was published). In JSON also a word:
    /// `"subtractive"`, `"divisive"`, `"divisive:0.01"`.
    #[serde(deserialize_with = "word_or_object")]
    pub normalisation: Normalisation,
    /// Variant "A": each training image is drawn anew through [`Recipe::augmentation`].
    pub augment: bool,
    /// Ranges of the augmentation (section 3.1 of the paper, ranges from the authors' code).
    pub augmentation: AugmentRanges,
    /// Variant "D": dropout probability on the hidden layer's input; the paper's is 0.5, 0 leaves it out.
    pub dropout: f64,
    /// Images per step, drawn uniformly with replacement (64).
    pub batch_size: usize,
    /// Training steps (31,000).
    pub steps: u64,
    /// Steps between validations (50).
    pub validate_every: u64,
    /// Steps between checkpoints, the candidates of the selection (1000).
    pub checkpoint_every: u64,
    /// Update rule (SGD with momentum).
    pub optimizer: OptimizerKind,
    /// Learning rate, the peak where it is scheduled (0.01).
    pub learning_rate: f64,
    /// Its course (constant).
    pub schedule: Schedule,
    /// Momentum of SGD (0.9).
    pub momentum: f64,
    /// Weight decay on every parameter (1e-5).
    pub weight_decay: f64,
    /// How precisely a GPU multiplies: `float32`, `tf32` or `bf16` (float32; the authors' GPUs had nothing else).
    pub precision: Precision,
}

/// A normalisation as its text or as its JSON: a command line has words.
fn word_or_object<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Normalisation, D::Error> {
    match serde_json::Value::deserialize(input)? {
        serde_json::Value::String(word) => word.parse().map_err(serde::de::Error::custom),
        object => serde_json::from_value(object).map_err(serde::de::Error::custom),
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            protocol: Protocol::Paper2017,
            normalisation: Normalisation::Subtractive,
            augment: false,
            augmentation: AugmentRanges::default(),
            dropout: 0.0,
            batch_size: 64,
            steps: 31_000,
            validate_every: 50,
            checkpoint_every: 1000,
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.01,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: 1e-5,
            precision: Precision::Float32,
        }
    }
}

/// A recipe that can run; made by [`Recipe::check`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedRecipe(Recipe);

impl Deref for CheckedRecipe {
    type Target = Recipe;

    fn deref(&self) -> &Recipe {
        &self.0
    }
}

impl Recipe {
    /// Checks that the recipe can run.
    ///
    /// # Errors
    /// Names the field, its value and what would do.
    pub fn check(self) -> Result<CheckedRecipe, Error> {
        let counts = [
            ("batch_size", self.batch_size as u64),
            ("steps", self.steps),
            ("validate_every", self.validate_every),
            ("checkpoint_every", self.checkpoint_every),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::Recipe {
                    field,
                    value: "0".to_owned(),
                    reason: "it must be at least 1",
                });
            }
        }
        if self.batch_size > MOST_IMAGES {
            let value = self.batch_size.to_string();
            return Err(Error::Recipe {
                field: "batch_size",
                value,
                reason: "it must be at most 65536",
            });
        }
        let epsilon = match self.normalisation {
            Normalisation::Subtractive => f64::MIN_POSITIVE,
            Normalisation::Divisive { epsilon } => f64::from(epsilon),
        };
        let numbers = [
            (
                "normalisation.divisive.epsilon",
                epsilon,
                epsilon > 0.0 && epsilon.is_finite(),
                "it must be positive",
            ),
            (
                "dropout",
                self.dropout,
                (0.0..1.0).contains(&self.dropout),
                "it must lie in [0, 1)",
            ),
            (
                "momentum",
                self.momentum,
                (0.0..1.0).contains(&self.momentum),
                "it must lie in [0, 1)",
            ),
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0 && self.learning_rate.is_finite(),
                "it must be positive",
            ),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
                "it must not be negative",
            ),
        ];
        for (field, value, fine, reason) in numbers {
            if !fine {
                return Err(Error::Recipe {
                    field,
                    value: value.to_string(),
                    reason,
                });
            }
        }
        Ok(CheckedRecipe(self))
    }
}

impl CheckedRecipe {
    /// Learning rate of step `step` (the first is 1).
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::OneCycle => one_cycle(self.learning_rate, step - 1, self.steps),
        }
    }

    /// Whether step `step` ends with a checkpoint: the last one always does.
    pub fn is_checkpoint(&self, step: u64) -> bool {
        step.is_multiple_of(self.checkpoint_every) || step == self.steps
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
    let (from, to, fraction) = match step as f64 {
        s if s <= rise => (initial, peak, s / rise),
        s => (
            peak,
            last,
            (s - rise) / (total as f64 - 1.0 - rise).max(f64::MIN_POSITIVE),
        ),
    };
    to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * fraction.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_recipes_are_refused_by_field() {
        let wrong = [
            (
                Recipe {
                    batch_size: 0,
                    ..Recipe::default()
                },
                "batch_size",
            ),
            (
                Recipe {
                    dropout: 1.0,
                    ..Recipe::default()
                },
                "dropout",
            ),
            (
                Recipe {
                    learning_rate: f64::NAN,
                    ..Recipe::default()
                },
                "learning_rate",
            ),
            (
                Recipe {
                    weight_decay: -1.0,
                    ..Recipe::default()
                },
                "weight_decay",
            ),
        ];
        for (recipe, field) in wrong {
            assert!(recipe.check().unwrap_err().to_string().starts_with(field));
        }
    }

    #[test]
    fn unknown_keys_are_errors() {
        let error = serde_json::from_str::<Recipe>(r#"{"stepz": 3}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("stepz"), "{error}");
    }

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
