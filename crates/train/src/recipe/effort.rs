//! The settings of a recipe that determine its amount of work, in words.

use crate::recipe::settings::{OptimizerKind, Recipe, Schedule};

/// Differences from the authors' code that no setting removes (docs/PROTOCOL.md, "Differences").
pub const DIFFERENCES: [&str; 7] = [
    "face boxes: estimated from landmarks or a detector of our own, not found by OpenCV's Haar cascade, whose boxes differ by 3 to 5% of their side",
    "convolution: kernels are not flipped as in Theano, which mirrors learned kernels and changes nothing else",
    "random numbers: streams of our own from the seed, another in each fold; the authors restart numpy's at 0 in every fold and leave the weights unseeded",
    "logged validation: all images without dropout; the authors' log shows one random batch with dropout (no checkpoint is chosen by it)",
    "image range: always [0, 2]; from 2015 to 2017 a bug left some of the authors' inputs outside it",
    ".DS_Store files are ignored; the authors lose the neutral frame of a recording that has one",
    "local contrast normalisation leaves out the division that Python 2 made void in the authors' code",
];

impl Recipe {
    /// Every setting that determines the amount of training work and the network's accuracy: name and value.
    pub fn effort(&self) -> [(&'static str, String); 8] {
        let every = self.checkpoint_every;
        let from = self
            .checkpoint_from
            .map(|first| format!("{every}, from step {first}"));
        let checkpoints = from.unwrap_or_else(|| every.to_string());
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
