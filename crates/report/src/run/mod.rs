//! The files of a run folder that the report reads. Every file and every key may be absent.

pub(crate) mod config;
pub(crate) mod dataset;
pub(crate) mod edge;
pub(crate) mod fau;
pub(crate) mod folder;
pub(crate) mod folds;
pub(crate) mod network;
pub(crate) mod people;
pub(crate) mod pictures;
pub(crate) mod summary;
pub(crate) mod value;
pub(crate) mod viz;

use std::path::Path;

use serde_json::Value;

use self::dataset::{DataSet, Sample};
use self::edge::collapsed;
use self::fau::Fau;
use self::folder::{ANALYSE, CORRELATE, Contents, PREPARE, Part, RERUN, RunFolder};
use self::folds::{Fold, Prediction};
use self::people::People;
use self::pictures::Images;
use self::summary::Summary;
use self::value::texts;
use self::viz::{Layer, Patch};
use crate::errors::Error;

/// A run with all its files.
pub(crate) struct Run {
    pub name: String,
    pub folder: RunFolder,
    pub config: Contents<Value>,
    /// `network.json` of a network from a file; null for a run.
    pub network: Contents<Value>,
    pub summary: Contents<Summary>,
    pub dataset: Contents<DataSet>,
    pub samples: Contents<Vec<Sample>>,
    pub images: Part<Images>,
    pub folds: Vec<Fold>,
    pub layers: Vec<Layer>,
    pub fau: Fau,
}

/// What `faus correlate` records of its run.
fn of_correlate(fau: Value) -> Value {
    let keys = ["version", "command", "inputs", "null"];
    keys.into_iter()
        .map(|key| (key.to_owned(), fau[key].clone()))
        .collect()
}

impl Run {
    /// Reads a run, or a folder that `faus correlate` wrote.
    ///
    /// # Errors
    /// [`Error::NoRun`] if `path` is not a folder.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let network: Contents<Value> = match folder.analysed {
            true => folder.json("network.json", ANALYSE).into(),
            false => Ok(Value::Null).into(),
        };
        let summary: Contents<Summary> = match folder.analysed {
            true => network::summary(&network).into(),
            false => folder.json("summary.json", RERUN).into(),
        };
        let config = match (folder.correlated, folder.analysed) {
            (true, _) => folder.json("fau/fau.json", CORRELATE).map(of_correlate),
            (_, true) => Ok(network::identity(&network)),
            _ => folder.json("config.json", RERUN),
        };
        Ok(Self {
            name: name(path),
            config: config.into(),
            dataset: folder.json("dataset/dataset.json", PREPARE).into(),
            samples: folder.table("dataset/samples.csv", PREPARE).into(),
            images: Images::open(&folder),
            folds: match folder.analysed {
                true => network::predictions(&folder, &summary),
                false => folds::read(&folder, &summary.folds, &summary.classes),
            },
            layers: match folder.correlated {
                true => vec![],
                false => viz::read(&folder),
            },
            fau: Fau::read(&folder),
            network,
            summary,
            folder,
        })
    }

    /// What the page calls the network: one from a file need not be trained.
    pub fn called(&self) -> &'static str {
        match self.folder.analysed {
            true => "network",
            false => "trained network",
        }
    }

    /// Folds that have a test accuracy.
    pub fn tested(&self) -> usize {
        let tested = |fold: &&Fold| fold.result.test_accuracy.is_some();
        self.folds.iter().filter(tested).count()
    }

    /// The 95% interval of the accuracy over all people tested: as recorded, or where that bootstrap collapses, from the
    /// predictions.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let recorded = self.summary.interval()?;
        if !collapsed(recorded) {
            return Some(recorded);
        }
        let rows = self.predictions().map(|(_, row)| row);
        Some(People::of(self, rows).interval()?.ends)
    }

    /// Whether test subjects are absent from training, where a file of the run records it.
    pub fn subject_independent(&self) -> Option<bool> {
        let summary = self.summary.subject_independent;
        summary.or(self.dataset.subject_independent)
    }

    /// Whether a program estimated the action units.
    pub fn machine_coded(&self) -> bool {
        self.dataset.machine_coded || self.fau.summary["machine_coded"] == true
    }

    /// Whether any file of the run records synthetic data; `None` if none records either.
    pub fn synthetic(&self) -> Option<bool> {
        let recorded = [
            self.summary.synthetic,
            self.dataset.synthetic,
            self.fau.summary["synthetic"].as_bool(),
            self.config["synthetic"].as_bool(),
        ];
        recorded.into_iter().flatten().reduce(|a, b| a || b)
    }

    /// The experiment's name; the folder's where no file records one.
    pub fn experiment(&self) -> String {
        let named = self.text(&self.summary.experiment, "experiment");
        named.unwrap_or_else(|| self.name.clone())
    }

    /// A text of the summary or, where that has none, of the configuration.
    pub fn text(&self, summary: &Option<String>, key: &str) -> Option<String> {
        let config = || Some(self.config[key].as_str()?.to_owned());
        summary.clone().or_else(config)
    }

    /// The differences from the paper's code that the configuration lists.
    pub fn differences(&self) -> impl Iterator<Item = String> {
        texts(&self.config["differences"]).map(str::to_owned)
    }

    /// Name of the data set.
    pub fn data_name(&self) -> Option<&String> {
        self.dataset.name.as_ref().or(self.summary.dataset.as_ref())
    }

    /// Name of the class with this label.
    pub fn class(&self, label: usize) -> String {
        let name = self.classes().get(label).cloned();
        name.unwrap_or_else(|| format!("class {label}"))
    }

    /// Names of the classes in label order.
    pub fn classes(&self) -> &[String] {
        match self.summary.classes.is_empty() {
            false => &self.summary.classes,
            true => &self.dataset.classes,
        }
    }

    /// The row of an image in `samples.csv`.
    pub fn sample(&self, index: u64) -> Option<&Sample> {
        let row = self.samples.get(index as usize);
        row.filter(|row| row.index == index)
    }

    /// Whether a face shows an action unit by its codes, or by those of its recording's peak if it has the peak's label;
    /// `None` if neither is coded.
    pub fn shows(&self, index: u64, au: u64) -> Option<bool> {
        let own = self.sample(index)?;
        let same = |row: &&Sample| row.sequence == own.sequence && row.label == own.label;
        let peak = || {
            let mut rows = self
                .samples
                .iter()
                .filter(|_| !own.sequence.is_empty())
                .filter(same);
            rows.find_map(|row| row.coded_with(au))
        };
        own.coded_with(au).or_else(peak)
    }

    /// The patches of a filter of the analysed layer, best first.
    pub fn patches(&self, filter: u64) -> &[Patch] {
        let filters = self.analysed().map(|layer| &layer.filters.filters);
        let own = filters.and_then(|all| all.iter().find(|of| of.filter == filter));
        own.map_or(&[], |own| &own.patches)
    }

    /// How many of a filter's best patches come from faces that show a unit, and of how many; `None` if none is coded.
    pub fn patches_that_show(&self, filter: u64, au: u64) -> Option<(usize, usize)> {
        let patches = self.patches(filter).iter();
        let shows = patches.map(|patch| self.shows(patch.index?, au));
        let shows: Vec<Option<bool>> = shows.collect();
        let with = shows.iter().filter(|shows| **shows == Some(true)).count();
        shows
            .iter()
            .any(Option::is_some)
            .then_some((with, shows.len()))
    }

    /// The analysed layer, else the last convolution with pictures.
    pub fn analysed(&self) -> Option<&Layer> {
        let named = self.fau.summary["layer"].as_str();
        let mut layers = self.layers.iter();
        let analysed = layers.find(|layer| Some(layer.name.as_str()) == named);
        let convolution = || {
            self.layers
                .iter()
                .rev()
                .find(|layer| layer.name != "output")
        };
        analysed.or_else(convolution)
    }

    /// All predictions on test images, with their fold.
    pub fn predictions(&self) -> impl Iterator<Item = (u64, &Prediction)> {
        self.folds.iter().flat_map(|fold| {
            let rows = fold.predictions.iter();
            rows.map(|row| (fold.number, row))
        })
    }
}

/// The name of the folder.
fn name(path: &Path) -> String {
    let full = path.canonicalize().ok();
    let name = full.as_deref().unwrap_or(path).file_name();
    name.map_or("run".into(), |name| name.to_string_lossy().into_owned())
}
