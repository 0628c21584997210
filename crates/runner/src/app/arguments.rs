//! Arguments that several commands share.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::normalise::Normalisation;
use faus_data::{DataConfig, Prepared, Protocol};
use faus_model::{Checkpoint, DeviceChoice, Network, Precision};
use faus_train::{check_fits, normalisation_of};

use super::own_network::{self, default_layer};
use super::program::Program;
use crate::config::{ExperimentConfig, NetworkConfig, Preset};
use crate::pipeline::finished_run::best_checkpoint;

/// A list of numbers: `0-9`, `0,3`, `1-2,5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberList(pub Vec<usize>);

/// Upper limit of the numbers in a list.
const LIMIT: usize = 100_000;

impl FromStr for NumberList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a list of numbers: use for example 0-9 or 0,3");
        let mut all = std::collections::BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            if first > last || last >= LIMIT {
                return Err(wrong());
            }
            all.extend(first..=last);
        }
        Ok(Self(all.into_iter().collect()))
    }
}

/// Folds that train at once on each device. `None` is auto: one for each core on the CPU, three on a GPU, limited by the computer's memory (a GPU's is not checked).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParallelFolds(pub Option<usize>);

impl FromStr for ParallelFolds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self(None)),
            (_, Ok(count)) if (1..=1000).contains(&count) => Ok(Self(Some(count))),
            _ => Err(format!(
                "`{text}` is not a number of folds: use auto, 1, 2 …"
            )),
        }
    }
}

/// An experiment and the flags that change its settings.
#[derive(Debug, Args)]
pub(crate) struct ExperimentArgs {
    /// The experiment's JSON file; see experiments/.
    experiment: PathBuf,
    /// Amount of the paper's training to do.
    #[arg(long, value_enum, default_value = "auto")]
    preset: Preset,
    /// Random seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Any setting of the experiment, for example train.steps=500; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

impl ExperimentArgs {
    /// The experiment overlaid with preset and settings, and the preset selected by `auto` on this device; `drawn` tells
    /// whether the experiment's faces are drawn.
    ///
    /// # Errors
    /// When the file cannot be read or a setting is wrong.
    pub fn resolve(
        &self,
        program: &Program,
        cuda: bool,
        drawn: impl FnOnce(&DataConfig) -> bool,
    ) -> Result<(ExperimentConfig, Preset)> {
        let read = |preset| ExperimentConfig::read(&self.experiment, preset, self.seed, &self.sets);
        let mut preset = self.preset;
        if preset == Preset::Auto {
            preset = preset.on(cuda, drawn(&read(preset)?.data));
        }
        let config = read(preset)?;
        program.check_names(&config)?;
        Ok((config, preset))
    }
}

impl ExperimentArgs {
    /// Checks that no setting asks for other images than those of the prepared set.
    ///
    /// # Errors
    /// When one does.
    pub fn check_size(&self, prepared: &Prepared) -> Result<()> {
        let sizes = self.sets.iter();
        let mut sizes = sizes.filter_map(|set| set.strip_prefix("data.image_size="));
        let own = prepared.image_size();
        match sizes.find(|size| size.parse() != Ok(own)) {
            None => Ok(()),
            Some(size) => bail!(
                "--set data.image_size={size}, but the images of {} have {own} pixels a side: leave the setting out, or prepare the data at that size",
                prepared.dir().display()
            ),
        }
    }
}

/// A prepared data set and the split of one fold.
#[derive(Debug, Args)]
pub(crate) struct FoldArgs {
    /// A prepared data set.
    #[arg(long, value_name = "DIR")]
    pub prepared: PathBuf,
    /// The test fold.
    #[arg(long, value_name = "K")]
    pub fold: usize,
    /// Which folds validate and test: paper-2017 (one each) or paper-2015 (the test fold does both).
    #[arg(long, default_value = "paper-2017", value_parser = protocol)]
    pub protocol: Protocol,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
}

fn protocol(name: &str) -> Result<Protocol, String> {
    serde_json::from_value(name.into())
        .map_err(|_| format!("`{name}` is not a protocol: use paper-2017 or paper-2015"))
}

/// A network of the user's own.
#[derive(Debug, Args)]
pub(crate) struct OwnArgs {
    /// A network of your own, instead of a run.
    #[arg(long, value_name = "MODEL.onnx", requires = "prepared")]
    pub network: Option<PathBuf>,
    /// The images that it was trained on: size, channels, scale, mean, std, crop, classes.
    #[arg(long, value_name = "INPUT.json", requires = "network")]
    pub input: Option<PathBuf>,
}

/// A network, and the data set that it is applied to: both of a run, or named.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// A run folder: the network of the finished fold that validated best, on the run's images.
    #[arg(required_unless_present_any = ["checkpoint", "network"], conflicts_with_all = ["checkpoint", "network"])]
    run: Option<PathBuf>,
    /// A .safetensors checkpoint, instead of a run.
    #[arg(
        long,
        value_name = "FILE",
        requires = "prepared",
        conflicts_with = "network"
    )]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    own: OwnArgs,
    /// A prepared data set; needed with --checkpoint and --network.
    #[arg(long, value_name = "DIR")]
    prepared: Option<PathBuf>,
    /// The layer's name [default: conv3; of your own network its last map].
    #[arg(long)]
    layer: Option<String>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
}

/// A network ready to be applied to its data set.
pub(crate) struct Opened {
    pub path: PathBuf,
    pub prepared: Prepared,
    pub network: Network,
    /// The layer's number.
    pub stage: usize,
    pub normalisation: Option<Normalisation>,
    /// `None` for a network of the user's own.
    pub checkpoint: Option<Checkpoint>,
}

impl NetworkArgs {
    /// A network of the user's own.
    pub fn own(
        own: OwnArgs,
        prepared: Option<PathBuf>,
        layer: Option<String>,
        device: DeviceChoice,
    ) -> Self {
        Self {
            run: None,
            checkpoint: None,
            own,
            prepared,
            layer,
            device,
        }
    }

    /// The network and the data set, checked against each other.
    ///
    /// # Errors
    /// When the run has no finished fold, or one cannot be read or does not fit the other, or the layer does not exist.
    pub fn open(&self, program: &Program) -> Result<Opened> {
        let (path, own) = match (&self.run, &self.own.network) {
            (Some(run), _) => (best_checkpoint(run)?, Some(run.join("dataset"))),
            (None, Some(onnx)) => (onnx.clone(), None),
            (None, None) => (self.checkpoint.clone().unwrap_or_default(), None),
        };
        let prepared = Prepared::open(&self.prepared.clone().or(own).unwrap_or_default())?;
        let (checkpoint, network) = match self.own.network.is_some() {
            true => (
                None,
                own_network::open(&path, self.own.input.as_deref(), &prepared, self.device)?,
            ),
            false => {
                let (checkpoint, network) = open_network(program, &path, &prepared, self.device)?;
                (Some(checkpoint), network)
            }
        };
        let layer = self.layer.as_deref().unwrap_or(default_layer(&network));
        let normalisation = match &checkpoint {
            Some(checkpoint) => Some(normalisation_of(checkpoint, &path)?),
            None => own_network::normalisation(&network)?,
        };
        Ok(Opened {
            stage: network.stage_index(layer)?,
            normalisation,
            path,
            prepared,
            network,
            checkpoint,
        })
    }
}

/// A checkpoint with its network, checked against the data set.
///
/// # Errors
/// When the checkpoint does not fit the data set or the program's network, or the device cannot be used.
pub(crate) fn open_network(
    program: &Program,
    path: &Path,
    prepared: &Prepared,
    device: DeviceChoice,
) -> Result<(Checkpoint, Network)> {
    let checkpoint = Checkpoint::load(path)?;
    check_fits(&checkpoint, prepared)?;
    let architecture = program.architecture(&NetworkConfig::default())?;
    let device = device.resolve()?;
    Precision::for_looking(device)?;
    let network = checkpoint.network(architecture.as_ref(), device)?;
    Ok((checkpoint, network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_folds() {
        assert_eq!("auto".parse(), Ok(ParallelFolds(None)));
        assert_eq!("3".parse(), Ok(ParallelFolds(Some(3))));
        for wrong in ["", "0", "-1", "many", "1001"] {
            assert!(wrong.parse::<ParallelFolds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn number_lists() {
        assert_eq!("0-2,5,1".parse::<NumberList>().unwrap().0, [0, 1, 2, 5]);
        for wrong in ["", "a", "3-1", "-1", "1-", "0-99999999999", "0-100000"] {
            assert!(wrong.parse::<NumberList>().is_err(), "{wrong}");
        }
    }
}
