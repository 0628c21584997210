//! The differences between an experiment and the paper's.

use faus_train::{OptimizerKind, Recipe};

use super::{ExperimentConfig, name_of};

impl ExperimentConfig {
    /// The settings in which this experiment shortens or changes the paper's work, one sentence each.
    pub fn shortened(&self) -> Vec<String> {
        let mut paper = Self::default();
        paper.train.augment = self.train.augment;
        let pairs = self.effort().into_iter().zip(paper.effort());
        pairs
            .filter(|((_, own), (_, paper))| own != paper)
            .map(|((what, own), (_, paper))| format!("{what}: {own} (paper: {paper})"))
            .collect()
    }

    /// Every setting that decides how much work a run does and how good its network gets.
    fn effort(&self) -> [(&'static str, String); 10] {
        let (train, side) = (&self.train, self.data.image_size);
        let drawn = || "drawn from U[0.2, 1.2)".to_owned();
        let k = self
            .network
            .k
            .map_or_else(drawn, |k| format!("fixed at {k}"));
        [
            ("images", format!("{side}×{side} pixels")),
            ("training steps per fold", train.steps.to_string()),
            ("images per step", train.batch_size.to_string()),
            ("optimizer", optimizer(train)),
            (
                "steps between checkpoints",
                train.checkpoint_every.to_string(),
            ),
            (
                "steps between validations",
                train.validate_every.to_string(),
            ),
            ("augmentation", augmentation(train)),
            ("initial scale k", k),
            ("normalisation", train.normalisation.to_string()),
            ("precision", format!("{:?}", train.precision).to_lowercase()),
        ]
    }
}

/// `AdamW, rate 0.002 one-cycle, decay 0.01`.
fn optimizer(recipe: &Recipe) -> String {
    let name = match recipe.optimizer {
        OptimizerKind::Sgd => format!("SGD, momentum {}", recipe.momentum),
        OptimizerKind::Adamw => "AdamW".to_owned(),
    };
    let schedule = name_of(recipe.schedule).replace('_', "-");
    let (rate, decay) = (recipe.learning_rate, recipe.weight_decay);
    format!("{name}, rate {rate} {schedule}, decay {decay}")
}

/// The ranges of augmentation; empty where there is none.
fn augmentation(recipe: &Recipe) -> String {
    let a = &recipe.augmentation;
    match recipe.augment {
        true => format!(
            "flip {}, rotation {:?}°, scale {:?}, grey {:?} {:?} {:?}",
            a.flip_probability, a.rotation_deg, a.scale, a.a, a.b, a.c
        ),
        false => String::new(),
    }
}
