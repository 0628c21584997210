//! A run folder, read for a comparison.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use faus_base::text;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::fold::result::FoldResult;
use crate::summary::{MeanStd, Summary};

pub(super) struct ComparedRun {
    pub folder: PathBuf,
    pub summary: Summary,
    pub settings: Settings,
    /// Test images over training images, mean of the folds.
    pub test_share: f64,
    /// Test images of each fold, and how many of each person; empty if people are not known.
    tested: BTreeMap<usize, (usize, Vec<(i64, u64)>)>,
}

/// The part of `config.json` that a comparison needs.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Settings {
    pub source_digest: String,
    pub seed: u64,
}

impl ComparedRun {
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let by_run = "`faus run` writes it when the folds are trained";
        let summary: Summary = read(&folder.join("summary.json"), by_run)?;
        let settings = read(&folder.join("config.json"), "is this a run folder?")?;
        let (mut shares, mut tested) = (Vec::new(), BTreeMap::new());
        for fold in summary.folds.iter().filter(|f| f.failed.is_none()) {
            let path = folder.join(format!("folds/{}/fold.json", fold.fold));
            let result: FoldResult = read(&path, "`faus run` writes it")?;
            let [train, _, test] = result.images;
            shares.push(test as f64 / train.max(1) as f64);
            let people = result.subjects.iter().map(|p| (p.subject, p.images));
            tested.insert(fold.fold, (test, people.collect()));
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            test_share: MeanStd::of(shares).map_or(0.0, |share| share.mean),
            settings,
            tested,
            summary,
        })
    }

    /// Accuracies of different tasks cannot be compared.
    pub fn check_comparable(&self, other: &Self) -> Result<(), Error> {
        let (a, b) = (&self.summary, &other.summary);
        let same_source = self.settings.source_digest == other.settings.source_digest;
        let mut tested = self.tested.iter();
        let same_folds =
            tested.all(|(fold, mine)| other.tested.get(fold).is_none_or(|t| t == mine));
        let same_preparation = a.subject_independent == b.subject_independent && same_folds;
        let what = match () {
            () if a.dataset != b.dataset || !same_source => "data",
            () if a.classes != b.classes => "classes",
            () if !same_preparation => "preparation or folds",
            () => return Ok(()),
        };
        Err(Error::Incomparable {
            first: self.folder.clone(),
            other: other.folder.clone(),
            what,
        })
    }

    /// Test accuracies of the folds in which both have a result.
    pub fn common_folds(&self, other: &Self) -> (Vec<f64>, Vec<f64>) {
        let folds = self.summary.folds.iter();
        let both = folds.filter_map(|mine| {
            let theirs = other.summary.folds.iter().find(|f| f.fold == mine.fold)?;
            Some((mine.test_accuracy?, theirs.test_accuracy?))
        });
        both.unzip()
    }
}

/// Reads JSON; `missing` is the remedy if there is no file.
fn read<T: DeserializeOwned>(path: &Path, missing: &str) -> Result<T, Error> {
    let bytes = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("not there; {missing}"),
        _ => e.to_string(),
    });
    let foreign = |e: String| format!("not written by this version of faus ({e})");
    let value = bytes.and_then(|bytes| text::json(&bytes).map_err(foreign));
    value.map_err(Error::file(path))
}
