//! The run folder of the file contract, as far as the report reads it. Every file and every key may be absent.

mod dataset;
mod fau;
mod folds;
mod pictures;
mod summary;
mod viz;

use serde_json::Value;

pub(crate) use dataset::{DataSet, Samples};
pub(crate) use fau::{
    Association, Causal, ClassEffect, Control, Correspondence, Fau, HeldOut, Intervention, Probe,
    Sensitivity, Spatial, finite, verdict,
};
pub(crate) use folds::{Fold, MetricsRow, Prediction};
pub(crate) use pictures::{Grey, Images};
pub(crate) use summary::{FoldResult, MeanStd, Summary};
pub(crate) use viz::{Evidence, Filters, Layer, Patch, Sanity};

use crate::files::{Part, RunFolder};

/// What finishes a run.
pub(crate) const RERUN: &str =
    "`faus run EXPERIMENT.json --resume` finishes the run and writes it.";

/// Everything the report knows about a run.
pub(crate) struct Run {
    pub name: String,
    pub config: Part<Value>,
    pub summary: Part<Summary>,
    pub dataset: Part<DataSet>,
    pub samples: Part<Samples>,
    pub images: Part<Images>,
    pub folds: Vec<Fold>,
    pub layers: Vec<Layer>,
    pub fau: Fau,
}

impl Run {
    pub fn read(folder: &RunFolder, name: String) -> Self {
        let summary: Part<Summary> = folder.json("summary.json", RERUN);
        let listed = summary.as_ref().map_or(&[][..], |summary| &summary.folds);
        let classes = summary.as_ref().map_or(&[][..], |summary| &summary.classes);
        Self {
            name,
            config: folder.json("config.json", RERUN),
            dataset: dataset::read(folder),
            samples: Samples::read(folder),
            images: Images::open(folder),
            folds: folds::read(folder, listed, classes),
            layers: viz::read(folder),
            fau: Fau::read(folder),
            summary,
        }
    }

    /// Folds that have a test accuracy.
    pub fn tested(&self) -> usize {
        let results = self.folds.iter().filter_map(|f| f.result.as_ref().ok());
        results.filter(|r| r.test_accuracy.is_some()).count()
    }

    /// Whether test subjects are absent from training, where a file of the run says so.
    pub fn subject_independent(&self) -> Option<bool> {
        let summary = self.summary.as_ref().ok();
        let said = summary.and_then(|summary| summary.subject_independent);
        said.or_else(|| self.dataset.as_ref().ok()?.subject_independent)
    }

    /// Synthetic if any file of the run says so; `None` if none says anything.
    pub fn synthetic(&self) -> Option<bool> {
        let config = self.config.as_ref().ok();
        let said = [
            self.summary.as_ref().ok().and_then(|s| s.synthetic),
            self.dataset.as_ref().ok().and_then(|d| d.synthetic),
            self.fau
                .summary
                .as_ref()
                .ok()
                .and_then(|f| f["synthetic"].as_bool()),
            config.and_then(|config| config.get("synthetic")?.as_bool()),
        ];
        said.into_iter().flatten().reduce(|a, b| a || b)
    }

    /// A text of the summary or, where that has none, of the configuration.
    pub fn text(&self, of: impl Fn(&Summary) -> Option<&String>, key: &str) -> Option<String> {
        let summary = self.summary.as_ref().ok().and_then(|s| of(s).cloned());
        let config = || Some(self.config.as_ref().ok()?.get(key)?.as_str()?.to_owned());
        summary.or_else(config)
    }

    /// The experiment's name; the folder's where no file knows it.
    pub fn experiment(&self) -> String {
        let named = self.text(|s| s.experiment.as_ref(), "experiment");
        named.unwrap_or_else(|| self.name.clone())
    }

    /// Names of the classes in label order.
    pub fn classes(&self) -> &[String] {
        let of_data = || self.dataset.as_ref().map_or(&[][..], |data| &data.classes);
        match &self.summary {
            Ok(summary) if !summary.classes.is_empty() => &summary.classes,
            _ => of_data(),
        }
    }
}
