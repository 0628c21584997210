//! An experiment: its settings, their defaults, and its run folder.

mod differences;
mod resolve;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use faus_data::{DataConfig, Protocol, SplitPart};
use faus_fau::AnalysisOptions;
use faus_model::Network;
use faus_train::{CheckedRecipe, Recipe};
use faus_viz::{Distinct, Show};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use resolve::json_of;

/// The share of the paper's work that a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Preset {
    /// `paper` on CUDA; on the CPU `standard` for photographs, `quick` for drawn faces.
    Auto,
    /// All ten folds within ten minutes on two cores, for drawn faces and for trying out.
    Quick,
    /// Three times as many steps as `quick`, which photographs need.
    Standard,
    /// The authors' recipe; the run lists every difference that remains.
    Paper,
}

impl Preset {
    /// The preset for a device and drawn faces or photographs: with `auto` resolved.
    pub fn on(self, cuda: bool, drawn: bool) -> Self {
        match self {
            Self::Auto if cuda => Self::Paper,
            Self::Auto if drawn => Self::Quick,
            Self::Auto => Self::Standard,
            other => other,
        }
    }
}

/// The name of a unit variant in files and on the command line.
pub(crate) fn name_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The network an experiment trains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Name of the network; `null` takes the program's. The name of another program's network is an error.
    pub architecture: Option<String>,
    /// The zero-bias CNN's initial scale k; `null` draws it from U[0.2, 1.2) as the authors do.
    pub k: Option<f64>,
}

/// Settings of the patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VisualizeConfig {
    /// Name of a layer; `null` takes the last convolution.
    pub layer: Option<String>,
    /// Name of the method that explains units (guided).
    pub method: String,
    /// Patches per filter, each from a different subject (10).
    pub top: usize,
    /// Filters in the figure (10): the best of each action unit first.
    pub figure_filters: usize,
    /// The picture beside a projection: `input` or `normalised` (input).
    pub show: Show,
    /// The images to search (test: people not seen in training).
    pub split: SplitPart,
    /// How patches of one filter must differ (by subject).
    pub distinct: Distinct,
    /// Whether the patches are compared with those of random networks (true).
    pub sanity: bool,
    /// Whether the output layer and the evidence for classes are drawn too (true).
    pub evidence: bool,
}

impl Default for VisualizeConfig {
    fn default() -> Self {
        Self {
            layer: None,
            method: "guided".to_owned(),
            top: 10,
            figure_filters: 10,
            show: Show::Input,
            split: SplitPart::Test,
            distinct: Distinct::Subject,
            sanity: true,
            evidence: true,
        }
    }
}

/// An experiment: all settings but the device and the folds to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExperimentConfig {
    /// Name of the experiment and of its run folder.
    pub name: String,
    /// Random seed.
    pub seed: u64,
    /// The data.
    pub data: DataConfig,
    /// The network.
    pub network: NetworkConfig,
    /// The training.
    pub train: Recipe,
    /// The patches.
    pub visualize: VisualizeConfig,
    /// The action-unit analysis.
    pub fau: AnalysisOptions,
}

impl Default for ExperimentConfig {
    fn default() -> Self {
        Self {
            name: "experiment".to_owned(),
            seed: 1,
            data: DataConfig::default(),
            network: NetworkConfig::default(),
            train: Recipe::default(),
            visualize: VisualizeConfig::default(),
            fau: AnalysisOptions::default(),
        }
    }
}

impl ExperimentConfig {
    /// Checks the settings; returns the recipe.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub fn recipe(&self) -> Result<CheckedRecipe> {
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(fine) {
            bail!(
                "name is `{}`: it names a folder, so use letters, digits, - and _",
                self.name
            );
        }
        if let Some(k) = self.network.k.filter(|k| !(k.is_finite() && *k > 0.0)) {
            bail!("network.k is {k}: it must be positive, or null to draw it");
        }
        if self.visualize.top == 0 {
            bail!("visualize.top is 0: it must be at least 1");
        }
        self.train.augmentation.check()?;
        self.fau.check()?;
        Ok(self.train.clone().check()?)
    }

    /// The stage that the run analyses: `visualize.layer`, else the last convolution.
    ///
    /// # Errors
    /// When the network has no such layer, or no convolution.
    pub fn stage(&self, network: &Network) -> Result<usize> {
        match &self.visualize.layer {
            Some(layer) => Ok(network.stage_index(layer)?),
            None => network
                .last_convolution()
                .context("the network has no convolution to analyse: set visualize.layer"),
        }
    }

    /// The default run folder, `runs/<experiment>-<preset>`; a protocol other than the default is part of the name, so
    /// that both can be run and compared.
    pub fn run_folder(&self, preset: Preset) -> PathBuf {
        let tag = match self.train.protocol {
            Protocol::Paper2017 => String::new(),
            other => format!("-{}", name_of(other)),
        };
        PathBuf::from("runs").join(format!("{}-{}{tag}", self.name, name_of(preset)))
    }
}
