//! The layer that a run analyses: activations, action units and pictures of the fold that validated best.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use faus_base::{digest, npy};
use faus_data::{Protocol, SplitPart};
use faus_fau::{
    Analysis, CheckedOptions, Controls, Lens, OutputOptions, Replicate, Study, Watch, analyse_with,
    read_samples,
};
use faus_model::{Checkpoint, Precision};
use faus_viz::{Album, Choice, LayerLens, Untrained, write_evidence};
use serde_json::{Value, json};

use super::finished_run::FinishedRun;
use super::folds::Training;
use super::job::Job;
use super::run_folder::{RunFolder, read_json, remove, write_json};
use crate::app::console::Steps;
use crate::app::interrupt;

/// File in `fau/` that identifies the network and the settings of the statistics.
const SUBJECT: &str = "of.json";

impl Training<'_> {
    /// Activations, action units and patches of fold `fold`, which validated best.
    pub fn analyse(&self, fold: usize) -> Result<()> {
        let (job, folder) = (self.job, self.folder);
        Precision::for_looking(job.device())?;
        let path = folder.fold(fold).join("best.safetensors");
        let network = Checkpoint::load(&path)
            .and_then(|checkpoint| checkpoint.network(job.architecture, job.device()))
            .with_context(|| format!("delete {} to train its fold again", path.display()))?;
        let steps = Steps::default();
        let lens = LayerLens {
            stage: job.config.stage(&network)?,
            network,
            prepared: self.prepared,
            normalisation: Some(self.recipe.normalisation),
            pool: self.workers.pool(),
            progress: &|step, done, of| steps.show(step, done, of),
        };
        let layer = lens.layer();
        eprintln!("Analysing {layer} of fold {fold}, which validated best");
        remove(&folder.join("viz"))?;
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        job.write_statistics(&folder.join("fau"), &lens, digest::sha256(&bytes))?;
        job.stop_here()?;
        job.draw(folder, lens, Some(fold))
    }
}

impl Job<'_> {
    /// F(x) of the network with this digest, and its statistics, as files of `dir`, unless they are there. The studies' files beside them, which may have
    /// taken hours, are kept with them; those of another network are removed.
    pub(super) fn write_statistics(
        &self,
        dir: &Path,
        lens: &LayerLens,
        network: String,
    ) -> Result<()> {
        let subject = self.subject(&network, lens.stage);
        if read_json(&dir.join(SUBJECT))?.is_some_and(|before| before == subject) {
            return Ok(());
        }
        remove(dir)?;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{}: cannot be created", dir.display()))?;
        match self.score(dir, lens, &self.config.fau.check()?)? {
            Ok(analysis) => {
                let output = OutputOptions {
                    synthetic: Some(lens.prepared.info().synthetic),
                    machine_coded: lens.prepared.info().machine_coded,
                    layer: Some(lens.layer().to_owned()),
                    au_threshold: lens.prepared.info().au_threshold,
                    inputs: inputs(dir, lens, network)?,
                    ..OutputOptions::default()
                };
                analysis.write(dir, &output)?;
            }
            Err(error @ faus_fau::Error::Cancelled) => return Err(error.into()),
            Err(error) => eprintln!("No action-unit analysis: {error}"),
        }
        write_json(&dir.join(SUBJECT), &subject)
    }

    /// The studies that carry the verdict, where there are statistics with p and intervals; prints the findings.
    pub fn study(&self, folder: RunFolder) -> Result<RunFolder> {
        let tested = self.config.fau.permutations > 0 && self.config.fau.bootstrap > 0;
        if !folder.join("fau/fau.json").exists() {
            return Ok(folder);
        }
        let run = FinishedRun::of(folder, self.device(), self.program)?;
        let controls = Controls {
            skip_training: true,
            ..Controls::default()
        };
        let studies: &[&dyn Study] = if tested {
            &[&controls, &Replicate]
        } else {
            &[]
        };
        Ok(run.settle(studies)?.0)
    }

    /// Writes F(x) into `dir` and scores it against the action units; the inner error where too few are coded.
    fn score(
        &self,
        dir: &Path,
        lens: &LayerLens,
        options: &CheckedOptions,
    ) -> Result<Result<Analysis, faus_fau::Error>> {
        let rows: Vec<usize> = (0..lens.prepared.len()).collect();
        let activations = lens.activations(&rows)?;
        let shape = [activations.rows(), activations.filters()];
        let values = activations.values().map(|x| x as f32);
        npy::write(&dir.join("activations.npy"), &shape, values)
            .with_context(|| format!("{}: cannot be written", dir.display()))?;
        let samples = read_samples(&lens.prepared.dir().join("samples.csv"))?;
        let observer = |done, of| (lens.progress)("Exchanging codes", done, of);
        let watch = Watch {
            observer: Some(&observer),
        };
        let measures = self.program.measures();
        let analyse = || analyse_with(&activations, &samples, options, &measures, &watch);
        Ok(lens.pool.install(analyse))
    }

    /// Network and settings of the statistics; a change invalidates them.
    fn subject(&self, network: &str, stage: usize) -> Value {
        let mut subject = json!({
            "checkpoint_sha256": network,
            "stage": stage,
            "settings": self.config.fau,
        });
        let measures = self.program.measures().into_iter();
        let measures: Vec<&str> = measures.map(|measure| measure.name()).collect();
        if !measures.is_empty() {
            subject["measures"] = measures.into();
        }
        subject
    }

    /// Patches of the analysed layer, and of the output layer with the evidence for its classes.
    pub(super) fn draw(
        &self,
        folder: &RunFolder,
        mut lens: LayerLens,
        fold: Option<usize>,
    ) -> Result<()> {
        let config = &self.config.visualize;
        let (protocol, prepared) = (self.config.train.protocol, lens.prepared);
        // The folds of the data set are not those of a network that was trained elsewhere.
        let (split, rows) = match fold {
            Some(fold) => (config.split, config.split.rows(prepared, fold, protocol)?),
            None => (SplitPart::All, (0..prepared.len()).collect()),
        };
        let mut album = Album {
            options: &self.config.fau.check()?,
            rows: &rows,
            split,
            fold,
            may_have_seen: (fold.is_some() && protocol == Protocol::Paper2015)
                .then(|| "under paper-2015 the test fold chooses the checkpoint".to_owned()),
            choice: Choice::All,
            method: faus_viz::find(&config.method, self.program.methods())?,
            top: config.top,
            distinct: config.distinct,
            shown: config.figure_filters,
            show: config.show,
            front: front(&folder.join("fau/names.csv"))?,
            arrays: false,
        };
        let draw = || Untrained::draw(self.architecture, self.config.seed, &lens.network);
        let untrained = config.sanity.then(draw).transpose()?;
        let output = lens.network.layers().len() - 1;
        let dir = folder.join("viz").join(folder_name(lens.layer()));
        album.write(&lens, &dir, untrained)?;
        // Of a network with other classes nothing is known about its outputs.
        if !config.evidence || output == lens.stage || !lens.outputs().any() {
            return Ok(());
        }
        self.stop_here()?;
        lens.stage = output;
        album.front = vec![];
        album.choice = Choice::Numbers((0..lens.network.filters(output)?).collect());
        let dir = folder.join("viz/output");
        album.write(&lens, &dir, None)?;
        // The first image of each class.
        let mut of_class = BTreeMap::new();
        for &row in rows.iter().filter(|row| prepared.labels()[**row] >= 0) {
            of_class.entry(prepared.labels()[row]).or_insert(row);
        }
        let rows = Vec::from_iter(of_class.into_values());
        Ok(write_evidence(&lens, &dir, &rows, None, false)?)
    }

    pub(super) fn stop_here(&self) -> Result<()> {
        if interrupt::stopped() {
            let out = self.out.display();
            bail!(
                "stopped on request; finished work is kept in {out}; run the same command again to continue"
            );
        }
        Ok(())
    }
}

/// A layer's name as that of a folder: names of graphs have slashes.
fn folder_name(layer: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.#".contains(c);
    let name: String = layer
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    match name.trim_matches(['_', '.']) {
        // The folder of the classes.
        "" | "output" => format!("layer_{name}"),
        name => name.to_owned(),
    }
}

/// SHA-256 of the checkpoint, of F(x) in `dir` and of the data set's table.
fn inputs(dir: &Path, lens: &LayerLens, network: String) -> Result<BTreeMap<String, String>> {
    let mut inputs = BTreeMap::from([("checkpoint".to_owned(), network)]);
    let samples = lens.prepared.dir().join("samples.csv");
    for (name, path) in [
        ("activations", dir.join("activations.npy")),
        ("samples", samples),
    ] {
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        inputs.insert(name.to_owned(), digest::sha256(&bytes));
    }
    Ok(inputs)
}

/// The filters of the front page; none without statistics.
fn front(names: &Path) -> Result<Vec<(String, usize)>> {
    match names.exists() {
        true => Ok(faus_fau::front_page(names)?),
        false => Ok(vec![]),
    }
}
