//! A finished run, opened to look into its networks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use faus_data::{Prepared, rng};
use faus_fau::{Activations, CheckedOptions, Observer, SampleRow, Watch, read_samples};
use faus_model::{Architecture, Checkpoint, DeviceChoice, InputSpec, Network, Precision};
use faus_train::{CheckedRecipe, Workers};
use rand::Rng;
use tch::Device;

use crate::app::program::wrong_usage;
use crate::console::Bar;
use crate::run_folder::{RunFolder, read_json};
use crate::config::ExperimentConfig;
use crate::{MakeArchitecture, interrupt};

/// A run folder with what is needed to look into its networks; held by this process alone.
pub(crate) struct Run {
    pub folder: RunFolder,
    pub config: ExperimentConfig,
    pub recipe: CheckedRecipe,
    pub prepared: Prepared,
    pub samples: Vec<SampleRow>,
    pub architecture: Box<dyn Architecture>,
    pub device: Device,
    pub workers: Workers,
    /// Where the run's data came from.
    pub source: Option<PathBuf>,
    /// Finished folds with their validation accuracy.
    folds: Vec<(usize, f64)>,
}

impl Run {
    /// Opens a run folder.
    ///
    /// # Errors
    /// When it is none, is in use, or no fold is finished.
    pub fn open(root: &Path, device: DeviceChoice, make: MakeArchitecture) -> Result<Self> {
        let no_run = || {
            format!(
                "{}: no run folder (no config.json in it); `faus run` makes one under runs/",
                root.display()
            )
        };
        // Looked for first, so that a slip of the pen makes no folder.
        let value = read_json(&root.join("config.json"))?.with_context(no_run)?;
        let config: ExperimentConfig = serde_json::from_value(value["config"].clone())
            .with_context(|| {
                format!(
                    "{}: not of this version; run the experiment again",
                    root.join("config.json").display()
                )
            })?;
        let folder = RunFolder::open(root)?;
        let prepared = Prepared::open(&folder.join("dataset"))?;
        let device = device.resolve()?;
        Precision::for_looking(device)?;
        let folds = finished(&folder, prepared.info().folds)?;
        if folds.is_empty() {
            bail!(
                "{}: no fold is finished; go on with `faus run … --resume`",
                root.display()
            );
        }
        Ok(Self {
            samples: read_samples(&prepared.dir().join("samples.csv"))?,
            architecture: make.architecture(&config.network)?,
            recipe: config.recipe()?,
            source: value["data"].as_str().map(PathBuf::from),
            workers: Workers::new(0)?,
            folder,
            config,
            prepared,
            device,
            folds,
        })
    }

    /// Whether the faces are drawn.
    pub fn synthetic(&self) -> bool {
        self.prepared.info().synthetic
    }

    /// The finished folds.
    pub fn folds(&self) -> Vec<usize> {
        self.folds.iter().map(|(fold, _)| *fold).collect()
    }

    /// The fold that validated best, the first of equals: the one that `faus run` looks into.
    pub fn best_fold(&self) -> usize {
        let best = self.folds.iter().copied();
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(0, |(fold, _)| fold)
    }

    /// A file of the run's `fau/`.
    pub fn fau(&self, name: &str) -> Result<PathBuf> {
        let dir = self.folder.join("fau");
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("{}: cannot be made", dir.display()))?;
        Ok(dir.join(name))
    }

    /// The network of a fold, as selected.
    pub fn trained(&self, fold: usize) -> Result<Network> {
        let path = self.folder.fold(fold).join("best.safetensors");
        Ok(Checkpoint::load(&path)?.network(self.architecture.as_ref(), self.device)?)
    }

    /// The network that a fold's training began with.
    pub fn untrained(&self, fold: usize) -> Result<Network> {
        let spec = InputSpec {
            side: self.prepared.image_size(),
            classes: self.prepared.info().classes.len(),
            dropout: self.recipe.dropout,
        };
        let seed = rng::keyed(self.config.seed, "weights", &[fold as u64]).next_u64();
        let architecture = self.architecture.as_ref();
        Ok(Network::build(architecture, spec, seed, self.device)?)
    }

    /// The stage that the run looks into.
    pub fn stage(&self, network: &Network) -> Result<usize> {
        match &self.config.visualize.layer {
            Some(layer) => Ok(network.stage_index(layer)?),
            None => network
                .last_convolution()
                .context("the network has no convolution to look into: set visualize.layer"),
        }
    }

    /// Rows that FACS coders saw.
    pub fn coded_rows(&self) -> Vec<usize> {
        let coded = self.samples.iter().filter(|sample| sample.coded.is_some());
        let mut rows: Vec<usize> = coded.map(|sample| sample.index).collect();
        rows.sort_unstable();
        rows
    }

    /// F(x) of the coded rows; the others, which no analysis reads, are 0.
    pub fn activations(&self, network: &Network, stage: usize) -> Result<Activations> {
        let rows = self.coded_rows();
        let values = faus_train::activations(
            network,
            &self.prepared,
            &rows,
            stage,
            &self.recipe.normalisation,
            &self.workers,
        )?;
        Ok(self.spread(&rows, &values)?)
    }

    /// Values `[rows, filters]` of some rows as an array of all.
    pub fn spread(&self, rows: &[usize], values: &[f32]) -> Result<Activations, faus_fau::Error> {
        let filters = values.len() / rows.len().max(1);
        let mut all = vec![0.0; self.prepared.len() * filters];
        for (&row, own) in rows.iter().zip(values.chunks_exact(filters.max(1))) {
            all[row * filters..][..filters].copy_from_slice(own);
        }
        Activations::new(self.prepared.len(), filters, all)
    }
}

/// Folds with a result, and their validation accuracy.
fn finished(folder: &RunFolder, folds: usize) -> Result<Vec<(usize, f64)>> {
    let mut all = Vec::new();
    for fold in 0..folds {
        let path = folder.fold(fold).join("fold.json");
        if let Some(result) = read_json(&path)? {
            all.push((fold, result["val_accuracy"].as_f64().unwrap_or(0.0)));
        }
    }
    Ok(all)
}

/// Refuses to answer from nulls and intervals that are not drawn.
pub(crate) fn check_draws(options: &CheckedOptions, what: &str) -> Result<()> {
    match options.permutations == 0 || options.bootstrap == 0 {
        true => Err(wrong_usage(anyhow!(
            "{what} asks whether chance explains a result: fau.permutations and fau.bootstrap must be at least 1 (10000 and 1000 unless told otherwise)"
        ))),
        false => Ok(()),
    }
}

/// Does long statistics with a bar; Ctrl-C stops it cleanly.
pub(crate) fn watched<R>(what: &str, work: impl FnOnce(&Watch) -> R) -> R {
    let bar = Bar::new(what);
    let observer: Observer = &|done, of| {
        bar.set(done, of);
        !interrupt::stopped()
    };
    work(&Watch {
        observer: Some(observer),
    })
}

/// Ends here if the user asked to.
pub(crate) fn stop_here() -> Result<()> {
    match interrupt::stopped() {
        true => bail!("stopped on request; what was written stays, the same command does the rest"),
        false => Ok(()),
    }
}
