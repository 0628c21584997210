//! A prepared data set on disk: written once, read memory-mapped.

pub(crate) mod info;
mod npy;
pub(crate) mod options;
pub(crate) mod prepare;
mod rows;
pub(crate) mod sample;
pub(crate) mod split_part;
mod stale;
mod worker;
pub(crate) mod write;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fold::rule::FoldRule;
use crate::fold::split::{Protocol, Split};
use crate::label::Role;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::{Row, Sample};
use crate::read::file::read_bounded;

use npy::{Images, read_i64, read_parts};

/// Maximum size in bytes of `dataset.json` and of `samples.csv`: some hundred thousand rows.
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
    /// Opens the folder and checks that its files are consistent: shapes, row numbers, labels, subjects and folds.
    ///
    /// # Errors
    /// [`Error::NotPrepared`] naming the file that is wrong; [`Error::Io`] if one is missing.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let set = Self::open_for_audit(dir)?;
        for (row, sample) in set.samples.iter().enumerate() {
            set.check_row(row, sample).map_err(|reason| {
                Error::not_prepared(&dir.join("samples.csv"), format!("row {row}: {reason}"))
            })?;
        }
        Ok(set)
    }

    /// [`open`](Self::open) that checks shapes and numbers of rows only: rows may contradict the arrays.
    pub(crate) fn open_for_audit(dir: &Path) -> Result<Self, Error> {
        let info = read_info(&dir.join("dataset.json"))?;
        let images = Images::open(&dir.join("images.npy"))?;
        let mut samples = read_samples(&dir.join("samples.csv"))?;
        let labels = read_i64(&dir.join("labels.npy"), images.count)?;
        let subjects = read_i64(&dir.join("subjects.npy"), images.count)?;
        let folds = read_folds(dir, &info, images.count, &mut samples)?;
        let set = Self {
            dir: dir.to_path_buf(),
            info,
            samples,
            images,
            labels,
            subjects,
            folds,
        };
        set.check()
            .map_err(|reason| Error::not_prepared(&dir.join("samples.csv"), reason))?;
        Ok(set)
    }

    fn check(&self) -> Result<(), String> {
        let (rows, images) = (self.samples.len(), self.images.count);
        let (info, side) = (&self.info, self.images.side);
        if rows != images || info.images != images {
            return Err(format!(
                "{rows} rows, dataset.json says {}, images.npy holds {images}",
                info.images
            ));
        }
        if info.image_size as usize != side {
            let said = info.image_size;
            return Err(format!(
                "dataset.json says images of {said}, images.npy holds {side}"
            ));
        }
        let mut rows = self.samples.iter().enumerate();
        match rows.find(|(row, sample)| sample.index != *row) {
            Some((row, sample)) => Err(format!("row {row}: has index {}", sample.index)),
            None => Ok(()),
        }
    }

    fn check_row(&self, row: usize, sample: &Sample) -> Result<(), String> {
        let (role, label, name, fold) =
            (sample.role, sample.label, &sample.label_name, sample.fold);
        let (table, arrays) = (
            (label, sample.subject, fold),
            (self.labels[row], self.subjects[row], self.folds[row]),
        );
        if table != arrays {
            return Err(format!(
                "label, subject and fold are {table:?}, in the arrays {arrays:?}"
            ));
        }
        let fits = match role {
            Role::HeldOut => label == -1,
            Role::Labelled => self.info.class(label) == Some(name),
        };
        if !fits {
            return Err(format!("{role} with label {label} '{name}' is not a class"));
        }
        let folds = self.info.folds;
        let dealt = role == Role::Labelled && self.info.fold_rule != FoldRule::Given;
        match usize::try_from(fold) {
            Ok(fold) if fold < folds => Ok(()),
            _ if !dealt => Ok(()),
            _ => Err(format!("fold {fold} is not one of the {folds} folds")),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Copies the files into the new folder `to`, which appears only when complete.
    ///
    /// # Errors
    /// [`Error::Io`] when a write fails.
    pub fn copy_to(&self, to: &Path) -> Result<(), Error> {
        let draft = to.with_extension("copying");
        let copy = || {
            faus_base::file::remove(&draft)?;
            std::fs::create_dir_all(&draft)?;
            for entry in std::fs::read_dir(&self.dir)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    std::fs::copy(entry.path(), draft.join(entry.file_name()))?;
                }
            }
            std::fs::rename(&draft, to)
        };
        copy().map_err(Error::io(to))
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

    /// Folds, `[N]`; −1 for a held-out row whose subject is in none, and everywhere if the data set has its own splits
    /// ([`Sample::parts`]).
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
            return Err(Error::not_prepared(
                path,
                "there is no prepared data set here",
            ));
        }
        other => other?,
    };
    serde_json::from_slice(&bytes).map_err(|error| Error::not_prepared(path, error.to_string()))
}

fn read_samples(path: &Path) -> Result<Vec<Sample>, Error> {
    let bytes = read_bounded(path, TABLE_LIMIT)?;
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    let rows = table.deserialize::<Row>().map(|row| {
        let row = row.map_err(|error| Error::not_prepared(path, error.to_string()))?;
        Sample::try_from(row).map_err(|error| Error::not_prepared(path, error.to_string()))
    });
    rows.collect()
}

/// The fold of every row; the data set's own splits go into [`Sample::parts`] instead.
fn read_folds(
    dir: &Path,
    info: &DatasetInfo,
    rows: usize,
    samples: &mut [Sample],
) -> Result<Vec<i64>, Error> {
    let path = dir.join("folds.npy");
    if info.fold_rule != FoldRule::Given {
        return read_i64(&path, rows);
    }
    if info.folds == 0 {
        let reason = "given splits, but none of them";
        return Err(Error::not_prepared(&dir.join("dataset.json"), reason));
    }
    let parts = read_parts(&path, rows, info.folds)?;
    for (sample, parts) in samples.iter_mut().zip(parts.chunks_exact(info.folds)) {
        sample.parts = parts.to_vec();
    }
    Ok(vec![-1; rows])
}
