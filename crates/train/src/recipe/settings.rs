//! The numbers of a training, the paper's by default.

use faus_data::Protocol;
use faus_data::augment::AugmentRanges;
use faus_data::normalise::Normalisation;
use faus_model::Precision;
use serde::{Deserialize, Serialize};

/// The rule that updates the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum: the paper's.
    Sgd,
    /// AdamW (Loshchilov and Hutter 2019), β = (0.9, 0.999), ε = 1e-8.
    Adamw,
}

/// The course of the learning rate over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same at every step: the paper's.
    Constant,
    /// Up and down by two half cosines (Smith and Topin 2018), with PyTorch's defaults: starts at 1/25, peaks at 30%
    /// of the steps, ends at 1/250,000 of the peak.
    OneCycle,
}

/// What chooses the checkpoint that is tested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The validation part: the authors' rule since 2017.
    #[default]
    Validation,
    /// The test part: the authors' rule of 2015, optimistic.
    Test,
    /// Nothing: the last checkpoint is tested. A one-cycle schedule anneals the rate to 0, so that choosing an earlier
    /// checkpoint only adds the noise of a small validation part.
    Last,
}

/// Every number of the training. Defaults are the paper's, from the authors' code (docs/PROTOCOL.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The folds that train, validate and test (default `paper-2017`: eight, one, one).
    pub protocol: Protocol,
    /// Local contrast normalisation of the input (default subtractive, as published). In JSON also as a string:
    /// `"subtractive"`, `"divisive"`, `"divisive:0.01"`.
    #[serde(deserialize_with = "word_or_object")]
    pub normalisation: Normalisation,
    /// Variant "A": each training image is augmented afresh through [`Recipe::augmentation`].
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
    /// Step of the first checkpoint, which the others follow; `null` is `checkpoint_every`, with a checkpoint of the last
    /// step besides. The authors': 1, so that checkpoints follow 1, 1001, … 30,001 updates.
    pub checkpoint_from: Option<u64>,
    /// Update rule (SGD with momentum).
    pub optimizer: OptimizerKind,
    /// Learning rate, or its peak under a schedule (0.01).
    pub learning_rate: f64,
    /// Its course (constant).
    pub schedule: Schedule,
    /// Momentum of SGD (0.9).
    pub momentum: f64,
    /// Weight decay on every parameter (1e-5).
    pub weight_decay: f64,
    /// Precision of a GPU's products: `float32`, `tf32` or `bf16` (float32, the only one of the authors' GPUs).
    pub precision: Precision,
}

impl Recipe {
    /// What chooses the checkpoint that is tested.
    pub fn chosen_by(&self) -> ChosenBy {
        match (self.protocol, self.schedule) {
            (Protocol::Paper2015, _) => ChosenBy::Test,
            (_, Schedule::OneCycle) => ChosenBy::Last,
            (_, Schedule::Constant) => ChosenBy::Validation,
        }
    }
}

/// A normalisation, as text (for the command line) or as JSON.
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
            checkpoint_from: None,
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.01,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: 1e-5,
            precision: Precision::Float32,
        }
    }
}
