//! The layer that a run analyses: activations, action units and pictures of the fold that validated best.

use std::path::Path;

use anyhow::{Context, Result, bail};
use faus_base::{digest, file, npy};
use faus_data::{Prepared, Protocol};
use faus_fau::{Lens, OutputOptions, Watch, analyse_with, read_samples};
use faus_model::{Checkpoint, Network, Precision};
use faus_train::{CheckedRecipe, Workers};
use faus_viz::{Album, Choice, LayerLens, Untrained, write_evidence};
use serde_json::{Value, json};

use super::Job;
use crate::console::{Steps, say};
use crate::interrupt;
use crate::run_folder::{RunFolder, read_json, write_json};

/// File in `fau/` that identifies the network and the settings of the statistics.
const SUBJECT: &str = "of.json";

impl Job<'_> {
    /// Activations, action units and patches of fold `fold`, which validated best.
    pub(super) fn analyse(
        &self,
        folder: &RunFolder,
        prepared: &Prepared,
        recipe: &CheckedRecipe,
        workers: &Workers,
        fold: usize,
    ) -> Result<()> {
        Precision::for_looking(self.device())?;
        let path = folder.fold(fold).join("best.safetensors");
        let network = self.trained(&path)?;
        let steps = Steps::default();
        let lens = LayerLens {
            stage: self.stage(&network)?,
            network,
            prepared,
            normalisation: recipe.normalisation,
            pool: workers.pool(),
            progress: &|step, done, of| steps.show(step, done, of),
        };
        say(format!(
            "Analysing {} of fold {fold}, which validated best",
            lens.layer()
        ));
        file::remove(&folder.join("viz"))?;
        self.write_statistics(&folder.join("fau"), &lens, &path)?;
        self.stop_here()?;
        self.draw(folder, lens, fold)
    }

    fn trained(&self, path: &Path) -> Result<Network> {
        Checkpoint::load(path)
            .and_then(|checkpoint| checkpoint.network(self.architecture, self.device()))
            .with_context(|| format!("delete {} to train its fold again", path.display()))
    }

    /// F(x) and its statistics as files of `dir`, unless they are there. The studies' files beside them, which may have taken
    /// hours, stay as long as the statistics do; another network's go.
    fn write_statistics(&self, dir: &Path, lens: &LayerLens, checkpoint: &Path) -> Result<()> {
        let subject = self.subject(checkpoint, lens.stage)?;
        if read_json(&dir.join(SUBJECT))?.is_some_and(|before| before == subject) {
            return Ok(());
        }
        file::remove(dir)?;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{}: cannot be made", dir.display()))?;
        let rows: Vec<usize> = (0..lens.prepared.len()).collect();
        let activations = lens.activations(&rows)?;
        npy::write(
            &dir.join("activations.npy"),
            &[activations.rows(), activations.filters()],
            activations.values().iter().copied(),
        )
        .with_context(|| format!("{}: cannot be written", dir.display()))?;
        let samples = read_samples(&lens.prepared.dir().join("samples.csv"))?;
        let options = self.config.fau.check()?;
        let watch = Watch {
            observer: Some(&|done, of| (lens.progress)("Exchanging codes", done, of)),
        };
        let analysis = lens
            .pool
            .install(|| analyse_with(&activations, &samples, &options, &[], &watch));
        match analysis {
            Ok(analysis) => {
                let output = OutputOptions {
                    synthetic: Some(lens.prepared.info().synthetic),
                    layer: Some(lens.layer().to_owned()),
                    ..OutputOptions::default()
                };
                analysis.write(dir, &output)?;
                for sentence in analysis.verdict() {
                    say(format!("  {sentence}"));
                }
            }
            Err(error @ faus_fau::Error::Cancelled) => return Err(error.into()),
            Err(error) => say(format!("No action-unit analysis: {error}")),
        }
        write_json(&dir.join(SUBJECT), &subject)
    }

    /// The statistics are valid as long as this is the same.
    fn subject(&self, checkpoint: &Path, stage: usize) -> Result<Value> {
        let bytes = std::fs::read(checkpoint)
            .with_context(|| format!("{}: cannot be read", checkpoint.display()))?;
        Ok(json!({
            "checkpoint_sha256": digest::sha256(&bytes),
            "stage": stage,
            "settings": self.config.fau,
        }))
    }

    /// Patches of the analysed layer, and of the output layer with the evidence for its classes.
    fn draw(&self, folder: &RunFolder, lens: LayerLens, fold: usize) -> Result<()> {
        let config = &self.config.visualize;
        let protocol = self.config.train.protocol;
        let rows = config.split.rows(lens.prepared, fold, protocol)?;
        let mut album = Album {
            options: &self.config.fau.check()?,
            rows: &rows,
            split: config.split,
            fold: Some(fold),
            may_have_seen: (protocol == Protocol::Paper2015)
                .then(|| "under paper-2015 the test fold chooses the checkpoint".to_owned()),
            choice: Choice::All,
            method: faus_viz::find(&config.method, &[])?,
            top: config.top,
            distinct: config.distinct,
            shown: config.figure_filters,
            arrays: false,
        };
        let untrained = match config.sanity {
            true => Some(Untrained::draw(
                self.architecture,
                self.config.seed,
                &lens.network,
            )?),
            false => None,
        };
        let folder_of = |layer: &str| folder.join("viz").join(layer);
        album.write(&lens, &folder_of(lens.layer()), untrained)?;
        let output = lens.network.stages().len() - 1;
        if !config.evidence || output == lens.stage {
            return Ok(());
        }
        self.stop_here()?;
        let lens = LayerLens {
            stage: output,
            ..lens
        };
        album.choice = Choice::Numbers((0..lens.network.filters(output)?).collect());
        let dir = folder_of(lens.layer());
        album.write(&lens, &dir, None)?;
        let rows = one_of_each_class(lens.prepared, &rows);
        Ok(write_evidence(&lens, &dir, &rows, None, false)?)
    }

    fn stop_here(&self) -> Result<()> {
        match interrupt::stopped() {
            true => bail!(
                "stopped on request; the folds are kept in {}, the same command does the rest",
                self.out.display()
            ),
            false => Ok(()),
        }
    }
}

/// The first of `rows` of each class that they hold.
fn one_of_each_class(prepared: &Prepared, rows: &[usize]) -> Vec<usize> {
    let first = |class: usize| {
        let mut rows = rows.iter().copied();
        rows.find(|&row| prepared.labels()[row] == class as i64)
    };
    (0..prepared.info().classes.len())
        .filter_map(first)
        .collect()
}
