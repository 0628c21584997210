//! A prepared data set on disk: written once, read memory-mapped.

pub(crate) mod info;
pub(crate) mod npy;
pub(crate) mod options;
pub(crate) mod prepare;
mod rows;
pub(crate) mod sample;
pub(crate) mod split_part;
mod stale;
mod worker;
pub(crate) mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use faus_base::text;
use image::{DynamicImage, GrayImage};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::fold::split::{Protocol, Split};
use crate::label::Role;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::{Sample, read_samples};
use crate::read::file::read_bounded;

use faus_base::person::Person;
use npy::{Images, read_i64};

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
            let wrong = |reason| format!("row {row}: {reason}");
            let checked = set.check_row(row, sample).map_err(wrong);
            checked.map_err(|reason| Error::not_prepared(&dir.join("samples.csv"), reason))?;
        }
        Ok(set)
    }

    /// [`open`](Self::open) that checks shapes and numbers of rows only: rows may contradict the arrays.
    pub(crate) fn open_for_audit(dir: &Path) -> Result<Self, Error> {
        let info = read_info(&dir.join("dataset.json"))?;
        let images = Images::open(&dir.join("images.npy"))?;
        let table = dir.join("samples.csv");
        let wrong = |reason: String| Error::not_prepared(&table, reason);
        let samples = read_samples(&read_bounded(&table, TABLE_LIMIT)?);
        let samples = samples.map_err(wrong)?;
        let rows = images.count;
        let mut set = Self {
            labels: read_i64(&dir.join("labels.npy"), &[rows])?,
            subjects: read_i64(&dir.join("subjects.npy"), &[rows])?,
            folds: vec![-1; rows],
            dir: dir.to_path_buf(),
            info,
            samples,
            images,
        };
        set.number_people();
        set.read_folds()?;
        set.check().map_err(wrong)?;
        Ok(set)
    }

    /// The number of every row's person by the table: a number is its own, and a name has the one that `subjects.npy` gives it
    /// first, unless that is another person's.
    fn number_people(&mut self) {
        let mut numbers: HashMap<Person, i64> = HashMap::new();
        let mut taken: HashMap<i64, Person> = HashMap::new();
        for (sample, &given) in self.samples.iter_mut().zip(&self.subjects) {
            let Some(person) = Person::of(&sample.person) else {
                sample.subject = -1;
                continue;
            };
            let known = numbers.entry(person.clone()).or_insert(match person {
                Person::Number(number) => number,
                Person::Name(_) => given,
            });
            let owner = taken.entry(*known).or_insert_with(|| person.clone());
            sample.subject = if *owner == person { *known } else { -1 };
        }
    }

    /// Reads the fold of every row, or the data set's own splits into [`Sample::parts`].
    fn read_folds(&mut self) -> Result<(), Error> {
        let (rows, splits) = (self.images.count, self.info.folds);
        let path = self.dir.join("folds.npy");
        if self.info.fold_rule != FoldRule::Given {
            self.folds = read_i64(&path, &[rows])?;
            return Ok(());
        }
        if splits == 0 {
            let reason = "given splits, but none of them";
            return Err(Error::not_prepared(&self.dir.join("dataset.json"), reason));
        }
        let part = |&number: &i64| {
            Part::from_number(number).ok_or_else(|| {
                let reason = format!("{number} is not a part of a split: use 0 to 3");
                Error::not_prepared(&path, reason)
            })
        };
        let parts = read_i64(&path, &[rows, splits])?;
        for (sample, parts) in self.samples.iter_mut().zip(parts.chunks_exact(splits)) {
            sample.parts = parts.iter().map(part).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let (rows, images, side) = (self.samples.len(), self.images.count, self.images.side);
        let (listed, size) = (self.info.images, self.info.image_size);
        let mut numbered = self.samples.iter().enumerate();
        let misplaced = numbered.find(|(row, sample)| sample.index != *row);
        match misplaced {
            _ if rows != images || listed != images => Err(format!(
                "{rows} rows, dataset.json says {listed}, images.npy holds {images}"
            )),
            _ if size as usize != side => Err(format!(
                "dataset.json says images of {size}, images.npy holds {side}"
            )),
            Some((row, sample)) => Err(format!("row {row}: has index {}", sample.index)),
            None => Ok(()),
        }
    }

    fn check_row(&self, row: usize, sample: &Sample) -> Result<(), String> {
        let (role, label, fold) = (sample.role, sample.label, sample.fold);
        let (name, folds) = (&sample.label_name, self.info.folds);
        let table = (label, sample.subject, fold);
        let arrays = (self.labels[row], self.subjects[row], self.folds[row]);
        let fits = match role {
            Role::HeldOut => label == -1,
            Role::Labelled => self.info.class(label) == Some(name),
        };
        let dealt = role == Role::Labelled && self.info.fold_rule != FoldRule::Given;
        let exists = usize::try_from(fold).is_ok_and(|fold| fold < folds);
        match (fits, exists || !dealt) {
            _ if table != arrays => Err(format!(
                "label, subject and fold are {table:?}, in the arrays {arrays:?}"
            )),
            (false, _) => Err(format!("{role} with label {label} '{name}' is not a class")),
            (_, false) => Err(format!("fold {fold} is not one of the {folds} folds")),
            (true, true) => Ok(()),
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
        write::refuse_existing(to)?;
        let copy = || {
            let (work, _lock) = stale::work_folder(to)?;
            let folder = work.path().join("set");
            std::fs::create_dir(&folder)?;
            for entry in std::fs::read_dir(&self.dir)? {
                let entry = entry?;
                // Also through links: a set may consist of them.
                if entry.path().is_file() {
                    // The content alone: a set that nobody may write to is copied to files that follow the umask.
                    let mut from = std::fs::File::open(entry.path())?;
                    let mut to = std::fs::File::create(folder.join(entry.file_name()))?;
                    std::io::copy(&mut from, &mut to)?;
                }
            }
            std::fs::rename(&folder, to)
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

    /// Whether row `index` was made from `image`: its crop has the row's pixels.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn is_of(&self, index: usize, image: DynamicImage) -> bool {
        let crop = self.samples[index].crop;
        crop.is_some_and(|crop| worker::is_of(self.info.crop, crop, self.image(index), image))
    }

    /// Image `index` as a picture.
    pub(crate) fn picture(&self, index: usize) -> GrayImage {
        let side = self.images.side as u32;
        GrayImage::from_raw(side, side, self.image(index).to_vec()).unwrap_or_default()
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
        let (folds, apart) = (self.info.folds, self.info.subject_independent);
        Split::new(&self.samples, fold, folds, protocol, apart)
    }
}

pub(crate) fn read_info(path: &Path) -> Result<DatasetInfo, Error> {
    let bytes = match read_bounded(path, TABLE_LIMIT) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let reason = "there is no prepared data set here";
            return Err(Error::not_prepared(path, reason));
        }
        other => other?,
    };
    text::json(&bytes).map_err(|reason| Error::not_prepared(path, reason))
}
