//! Checks that a recipe can run.

use std::ops::Deref;

use faus_data::normalise::Normalisation;

use crate::error::Error;
use crate::recipe::settings::Recipe;

/// A condition on a number, with its message.
type Rule = (fn(f64) -> bool, &'static str);

const AT_LEAST_1: Rule = (|x| x >= 1.0, "it must be at least 1");
/// Guards against a typing error that would exhaust memory.
const AT_MOST_65536: Rule = (|x| x <= 65536.0, "it must be at most 65536");
const SHARE: Rule = (|x| (0.0..1.0).contains(&x), "it must lie in [0, 1)");
const POSITIVE: Rule = (|x| x > 0.0 && x.is_finite(), "it must be positive");
const NOT_NEGATIVE: Rule = (|x| x >= 0.0 && x.is_finite(), "it must not be negative");

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
    /// Names the field, its value and the valid values.
    pub fn check(self) -> Result<CheckedRecipe, Error> {
        let batch_size = self.batch_size as f64;
        let epsilon = match self.normalisation {
            Normalisation::Subtractive => 1.0,
            Normalisation::Divisive { epsilon } => f64::from(epsilon),
        };
        let first = self.checkpoint_from.unwrap_or(1);
        const TOO_LATE: Rule = (
            |_| false,
            "it must be at most `steps`: without a checkpoint there is nothing to choose",
        );
        let late = (first > self.steps).then_some(("checkpoint_from", first as f64, TOO_LATE));
        let numbers = [
            ("batch_size", batch_size, AT_LEAST_1),
            ("steps", self.steps as f64, AT_LEAST_1),
            ("validate_every", self.validate_every as f64, AT_LEAST_1),
            ("checkpoint_every", self.checkpoint_every as f64, AT_LEAST_1),
            ("checkpoint_from", first as f64, AT_LEAST_1),
            ("batch_size", batch_size, AT_MOST_65536),
            ("normalisation.divisive.epsilon", epsilon, POSITIVE),
            ("dropout", self.dropout, SHARE),
            ("momentum", self.momentum, SHARE),
            ("learning_rate", self.learning_rate, POSITIVE),
            ("weight_decay", self.weight_decay, NOT_NEGATIVE),
        ];
        match numbers
            .into_iter()
            .chain(late)
            .find(|(_, x, (holds, _))| !holds(*x))
        {
            None => Ok(CheckedRecipe(self)),
            Some((field, value, (_, reason))) => Err(Error::Recipe {
                field,
                value: value.to_string(),
                reason,
            }),
        }
    }
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
            (
                Recipe {
                    steps: 7,
                    checkpoint_from: Some(10),
                    ..Recipe::default()
                },
                "checkpoint_from is 10: it must be at most `steps`",
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
}
