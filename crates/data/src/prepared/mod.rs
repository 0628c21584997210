//! A prepared data set on disk (DESIGN 4): written once, read memory-mapped.

pub(crate) mod info;
pub(crate) mod npy;
pub(crate) mod options;
pub(crate) mod prepare;
pub(crate) mod sample;
pub(crate) mod split_part;
pub(crate) mod write;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fold::rule::FoldRule;
use crate::fold::split::{Protocol, Split};
use crate::label::role::Role;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::{Row, Sample};
use crate::read::file::read_bounded;

use npy::{Images, read_i64, read_parts};

/// Most bytes of `dataset.json` and of `samples.csv`: some hundred thousand rows.
const TABLE_LIMIT: u64 = 1 << 30;

/// A prepared data set, open for reading. Images stay on disk and are mapped, so opening costs no memory for them.
pub struct Prepared {
    dir: PathBuf,
    info: DatasetInfo,
    samples: Vec<Sample>,
    images: Images,
    labels: Vec<i64>,
    subjects: Vec<i64>,
    folds: Vec<i64>,
}

impl Prepared {
    /// Opens the folder and checks that its files agree: shapes, row numbers, labels, subjects and folds.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] naming the file that is wrong; [`Error::Io`] if one is missing.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let set = Self::open_for_audit(dir)?;
        let rows = set.samples.iter().enumerate();
        for (row, sample) in rows {
            set.check_row(row, sample)
                .map_err(|reason| Error::NotPrepared {
                    path: dir.join("samples.csv"),
                    reason: format!("row {row}: {reason}"),
                })?;
        }
        Ok(set)
    }

    /// [`open`](Self::open) that checks shapes and numbers of rows only: what rows say may be contradictory.
    pub(crate) fn open_for_audit(dir: &Path) -> Result<Self, Error> {
        let info = read_info(&dir.join("dataset.json"))?;
        let images = Images::open(&dir.join("images.npy"))?;
        let table = dir.join("samples.csv");
        let mut samples = read_samples(&table)?;
        let labels = read_i64(&dir.join("labels.npy"), images.count)?;
        let subjects = read_i64(&dir.join("subjects.npy"), images.count)?;
        let place = dir.join("folds.npy");
        let folds = match info.fold_rule {
            FoldRule::Given if info.folds == 0 => {
                return Err(Error::NotPrepared {
                    path: dir.join("dataset.json"),
                    reason: "given splits, but none of them".to_owned(),
                });
            }
            FoldRule::Given => {
                let parts = read_parts(&place, images.count, info.folds)?;
                for (sample, parts) in samples.iter_mut().zip(parts.chunks_exact(info.folds)) {
                    sample.parts = parts.to_vec();
                }
                vec![-1; images.count]
            }
            _ => read_i64(&place, images.count)?,
        };
        let set = Self {
            dir: dir.to_path_buf(),
            info,
            samples,
            images,
            labels,
            subjects,
            folds,
        };
        set.check().map_err(|reason| Error::NotPrepared {
            path: table,
            reason,
        })?;
        Ok(set)
    }

    fn check(&self) -> Result<(), String> {
        if self.samples.len() != self.images.count || self.info.images != self.images.count {
            let (rows, said, images) = (self.samples.len(), self.info.images, self.images.count);
            return Err(format!(
                "{rows} rows, dataset.json says {said}, images.npy holds {images}"
            ));
        }
        if self.info.image_size as usize != self.images.side {
            return Err(format!(
                "dataset.json says images of {}, images.npy holds {}",
                self.info.image_size, self.images.side
            ));
        }
        match self
            .samples
            .iter()
            .enumerate()
            .find(|(row, s)| s.index != *row)
        {
            Some((row, sample)) => Err(format!("row {row}: has index {}", sample.index)),
            None => Ok(()),
        }
    }

    fn check_row(&self, row: usize, sample: &Sample) -> Result<(), String> {
        let arrays = (self.labels[row], self.subjects[row], self.folds[row]);
        if sample.index != row || (sample.label, sample.subject, sample.fold) != arrays {
            return Err(format!(
                "index {}, label {}, subject {}, fold {} differ from the arrays' {arrays:?}",
                sample.index, sample.label, sample.subject, sample.fold
            ));
        }
        let class = usize::try_from(sample.label)
            .ok()
            .and_then(|label| self.info.classes.get(label));
        match sample.role {
            Role::HeldOut if sample.label == -1 => Ok(()),
            Role::Labelled if class == Some(&sample.label_name) => {
                match usize::try_from(sample.fold) {
                    _ if self.info.fold_rule == FoldRule::Given => Ok(()),
                    Ok(fold) if fold < self.info.folds => Ok(()),
                    _ => Err(format!(
                        "fold {} is none of the {} folds",
                        sample.fold, self.info.folds
                    )),
                }
            }
            role => Err(format!(
                "{role} with label {} '{}' is no class",
                sample.label, sample.label_name
            )),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `dataset.json`.
    pub fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// `samples.csv`, row by row.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Rows, labelled and held out.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Side of the images in pixels.
    pub fn image_size(&self) -> usize {
        self.images.side
    }

    /// Image `index`: `[H·W]` u8, row by row.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> &[u8] {
        self.images.get(index)
    }

    /// Labels, `[N]`; −1 for held-out rows.
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// Subjects, `[N]`; −1 where unknown.
    pub fn subjects(&self) -> &[i64] {
        &self.subjects
    }

    /// Folds, `[N]`; −1 for a held-out row whose subject is in none, and throughout where the data set brings its own
    /// splits ([`Sample::parts`]).
    pub fn folds(&self) -> &[i64] {
        &self.folds
    }

    /// The labelled rows of each part when `fold` tests; checks every time that no subject is in two parts.
    ///
    /// # Errors
    /// See [`Split::new`].
    pub fn split(&self, fold: usize, protocol: Protocol) -> Result<Split, Error> {
        Split::new(
            &self.samples,
            fold,
            self.info.folds,
            protocol,
            self.info.subject_independent,
        )
    }
}

fn read_info(path: &Path) -> Result<DatasetInfo, Error> {
    let bytes = match read_bounded(path, TABLE_LIMIT) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let reason = "no prepared data set lies here".to_owned();
            return Err(Error::NotPrepared {
                path: path.to_path_buf(),
                reason,
            });
        }
        other => other?,
    };
    serde_json::from_slice(&bytes).map_err(|error| Error::NotPrepared {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}

fn read_samples(path: &Path) -> Result<Vec<Sample>, Error> {
    let wrong = |reason: String| Error::NotPrepared {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_bounded(path, TABLE_LIMIT)?;
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    table
        .deserialize::<Row>()
        .map(|row| {
            Sample::try_from(row.map_err(|error| wrong(error.to_string()))?)
                .map_err(|e| wrong(e.to_string()))
        })
        .collect()
}
