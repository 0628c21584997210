//! Writes prepared data sets.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use faus_base::{file, npy};
use tempfile::TempDir;

use crate::error::Error;
use crate::fold::rule::FoldRule;
use crate::label::Role;
use crate::prepared::info::DatasetInfo;
use crate::prepared::npy::{MOST_IMAGES, write_header};
use crate::prepared::sample::{COLUMNS, Sample};
use crate::prepared::stale;
use crate::read::name::parent;

/// Writes a prepared data set image by image; the folder appears only when complete.
///
/// Everything goes to a hidden folder beside `output`; [`finish`](Self::finish) renames it. Dropped before that, it
/// leaves nothing behind.
pub struct PreparedWriter {
    output: PathBuf,
    work: TempDir,
    /// Held for the lifetime of this value, to mark `work` as in use.
    _lock: File,
    images: BufWriter<File>,
    side: usize,
    samples: Vec<Sample>,
}

impl PreparedWriter {
    /// Starts a data set of `[1, image_size, image_size]` u8 images that is to become the folder `output`.
    ///
    /// # Errors
    /// [`Error::OutputExists`] if `output` exists and is not an empty folder; [`Error::Setting`] for a size of 0.
    pub fn create(output: &Path, image_size: u32) -> Result<Self, Error> {
        if image_size == 0 {
            return Err(Error::setting("image size", "must be at least 1"));
        }
        refuse_existing(output)?;
        // An existing empty folder, under any name (`.`, a link), is replaced at its real location.
        let output = match output.exists() {
            true => fs::canonicalize(output).map_err(Error::io(output))?,
            false => output.to_path_buf(),
        };
        let (work, lock) = stale::work_folder(&output).map_err(Error::io(&output))?;
        // The temporary folder itself is closed to others; the one inside it gets the usual permissions.
        let folder = work.path().join("set");
        fs::create_dir(&folder).map_err(Error::io(&folder))?;
        let (side, path) = (image_size as usize, folder.join("images.npy"));
        let images = File::create(&path).map_err(Error::io(&path))?;
        let mut images = BufWriter::with_capacity(1 << 20, images);
        write_header(&mut images, MOST_IMAGES, side).map_err(Error::io(&path))?;
        Ok(Self {
            output,
            work,
            _lock: lock,
            images,
            side,
            samples: Vec::new(),
        })
    }

    /// Appends one image, `[H·W]` u8 row by row. `sample.index` is set to its position.
    ///
    /// # Errors
    /// [`Error::Setting`] if the image has another size, or its row more or fewer parts than the others; [`Error::Io`]
    /// if a write fails.
    pub fn push(&mut self, mut sample: Sample, image: &[u8]) -> Result<(), Error> {
        if image.len() != self.side * self.side {
            let reason = format!("expected {0}×{0} pixels, found {1}", self.side, image.len());
            return Err(Error::setting("image", reason));
        }
        let first = self.samples.first().unwrap_or(&sample);
        if first.parts.len() != sample.parts.len() {
            return Err(Error::setting("parts", "must be as many in every row"));
        }
        sample.index = self.samples.len();
        if sample.person.is_empty() {
            sample.person = sample.subject.to_string();
        }
        self.samples.push(sample);
        let written = self.images.write_all(image);
        written.map_err(Error::io(&self.output))
    }

    /// The rows so far.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Writes the remaining files and renames the folder into place. The counts in `info` are filled in from the rows.
    ///
    /// # Errors
    /// [`Error::Setting`] if a label is not a class of `info`; [`Error::Io`] if a write fails.
    pub fn finish(mut self, mut info: DatasetInfo) -> Result<DatasetInfo, Error> {
        self.count(&mut info)?;
        let folder = self.work.path().join("set");
        let written = self.write_files(&folder, &info);
        written.map_err(Error::io(&self.output))?;
        refuse_existing(&self.output)?;
        fs::rename(&folder, &self.output).map_err(Error::io(&self.output))?;
        // Makes the rename survive a power cut, except on systems that cannot sync a folder.
        let _ = File::open(parent(&self.output)).and_then(|folder| folder.sync_all());
        Ok(info)
    }

    fn write_files(&mut self, folder: &Path, info: &DatasetInfo) -> std::io::Result<()> {
        let (rows, images) = (self.samples.len(), &mut self.images);
        write_header(images, rows as u64, self.side)?;
        images.flush()?;
        images.get_ref().sync_all()?;
        file::write_with(&folder.join("samples.csv"), |out| {
            let mut table = csv::WriterBuilder::new();
            let mut table = table.has_headers(false).from_writer(out);
            table.write_record(COLUMNS.split(','))?;
            self.samples.iter().try_for_each(|s| table.serialize(s))?;
            table.flush()
        })?;
        let samples = self.samples.iter();
        let labels = samples.clone().map(|s| s.label);
        npy::write(&folder.join("labels.npy"), &[rows], labels)?;
        let subjects = samples.clone().map(|s| s.subject);
        npy::write(&folder.join("subjects.npy"), &[rows], subjects)?;
        let folds = folder.join("folds.npy");
        match info.fold_rule {
            FoldRule::Given => {
                let splits = self.samples.first().map_or(0, |s| s.parts.len());
                let parts = samples.flat_map(|s| &s.parts).map(|&part| part as i64);
                npy::write(&folds, &[rows, splits], parts)?;
            }
            _ => npy::write(&folds, &[rows], samples.map(|s| s.fold))?,
        }
        file::write_json(&folder.join("dataset.json"), info)
    }

    fn count(&self, info: &mut DatasetInfo) -> Result<(), Error> {
        let held_out = self.samples.iter().filter(|s| s.role == Role::HeldOut);
        info.image_size = self.side as u32;
        info.images = self.samples.len();
        info.held_out = held_out.count();
        let classes = info.classes.iter();
        info.counts = classes.map(|class| (class.clone(), 0)).collect();
        let mut subjects = BTreeSet::new();
        for sample in self.samples.iter().filter(|s| s.label != -1) {
            let (label, classes) = (sample.label, info.classes.len());
            let class = info.class(label).cloned().ok_or_else(|| {
                let reason = format!("{label} is not one of the {classes} classes");
                Error::setting("label", reason)
            })?;
            *info.counts.entry(class).or_default() += 1;
            subjects.extend((sample.subject >= 0).then_some(sample.subject));
        }
        info.subjects = subjects.len();
        Ok(())
    }
}

/// An error unless `output` is missing or an empty folder.
pub(crate) fn refuse_existing(output: &Path) -> Result<(), Error> {
    let empty_folder = fs::read_dir(output).is_ok_and(|entries| entries.count() == 0);
    let path = output.to_path_buf();
    // Links and files count as existing, even a dangling link.
    match empty_folder || fs::symlink_metadata(output).is_err() {
        true => Ok(()),
        false => Err(Error::OutputExists { path }),
    }
}
