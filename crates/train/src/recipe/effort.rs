//! The settings of a recipe that determine its amount of work, in words.

use crate::recipe::settings::{OptimizerKind, Recipe, Schedule};

impl Recipe {
    /// Every setting that determines the amount of training work and the network's accuracy: name and value.
    pub fn effort(&self) -> [(&'static str, String); 8] {
        let checkpoints = self.checkpoint_every.to_string();
        [
            ("training steps per fold", self.steps.to_string()),
            ("images per step", self.batch_size.to_string()),
            ("optimizer", self.optimizer()),
            ("steps between checkpoints", checkpoints),
            ("steps between validations", self.validate_every.to_string()),
            ("augmentation", self.ranges()),
            ("normalisation", self.normalisation.to_string()),
            ("precision", format!("{:?}", self.precision).to_lowercase()),
        ]
    }

    /// `AdamW, rate 0.002 one-cycle, decay 0.01`.
    fn optimizer(&self) -> String {
        let name = match self.optimizer {
            OptimizerKind::Sgd => format!("SGD, momentum {}", self.momentum),
            OptimizerKind::Adamw => "AdamW".to_owned(),
        };
        let schedule = match self.schedule {
            Schedule::Constant => "constant",
            Schedule::OneCycle => "one-cycle",
        };
        let (rate, decay) = (self.learning_rate, self.weight_decay);
        format!("{name}, rate {rate} {schedule}, decay {decay}")
    }

    /// The ranges of augmentation; empty where there is none.
    fn ranges(&self) -> String {
        let a = &self.augmentation;
        match self.augment {
            true => format!(
                "flip {}, rotation {:?}°, scale {:?}, grey {:?} {:?} {:?}",
                a.flip_probability, a.rotation_deg, a.scale, a.a, a.b, a.c
            ),
            false => String::new(),
        }
    }
}
