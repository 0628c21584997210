//! Writes prepared data sets.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use faus_base::{file, npy};
use tempfile::TempDir;

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::Role;
use crate::prepared::sample::{Row, Sample};

use super::npy::ImagesWriter;
use super::stale;
use crate::prepared::info::DatasetInfo;

/// Writes a prepared data set image by image; the folder appears only when complete.
///
/// Everything goes to a hidden folder beside `output`; [`finish`](Self::finish) renames it. Dropped before that, it
/// leaves nothing behind.
pub struct PreparedWriter {
    output: PathBuf,
    work: TempDir,
    /// Held for the lifetime of this value, to mark `work` as in use.
    _lock: File,
    images: ImagesWriter,
    table: csv::Writer<File>,
    side: usize,
    labels: Vec<i64>,
    subjects: Vec<i64>,
    folds: Vec<i64>,
    /// `[N, splits]` where the data set has its own splits, empty otherwise.
    parts: Vec<Part>,
    held_out: usize,
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
        let side = image_size as usize;
        let path = folder.join("images.npy");
        let images = ImagesWriter::create(&path, side).map_err(Error::io(&path))?;
        let path = folder.join("samples.csv");
        let table = File::create(&path).map_err(Error::io(&path))?;
        Ok(Self {
            output,
            work,
            _lock: lock,
            images,
            table: csv::Writer::from_writer(table),
            side,
            labels: Vec::new(),
            subjects: Vec::new(),
            folds: Vec::new(),
            parts: Vec::new(),
            held_out: 0,
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
        sample.index = self.labels.len();
        if sample.parts.len() * sample.index != self.parts.len() {
            return Err(Error::setting("parts", "must be as many in every row"));
        }
        let pushed = self.images.push(image);
        let written = self.table.serialize(Row::from(&sample));
        pushed
            .and(written.map_err(std::io::Error::from))
            .map_err(Error::io(&self.output))?;
        self.labels.push(sample.label);
        self.subjects.push(sample.subject);
        self.folds.push(sample.fold);
        self.parts.extend(&sample.parts);
        self.held_out += usize::from(sample.role == Role::HeldOut);
        Ok(())
    }

    /// Writes the remaining files and renames the folder into place. The counts in `info` are filled in from the rows.
    ///
    /// # Errors
    /// [`Error::Setting`] if a label is not a class of `info`; [`Error::Io`] if a write fails.
    pub fn finish(self, mut info: DatasetInfo) -> Result<DatasetInfo, Error> {
        let folder = self.work.path().join("set");
        self.count(&mut info)?;
        self.images.finish().map_err(Error::io(&self.output))?;
        let table = self.table.into_inner().map_err(|error| error.into_error());
        table
            .and_then(|table| table.sync_all())
            .map_err(Error::io(&self.output))?;
        let rows = self.labels.len();
        let write = |name: &str, shape: &[usize], values: &[i64]| {
            let path = folder.join(name);
            npy::write(&path, shape, values.iter().copied()).map_err(Error::io(&path))
        };
        write("labels.npy", &[rows], &self.labels)?;
        write("subjects.npy", &[rows], &self.subjects)?;
        match info.fold_rule {
            FoldRule::Given => {
                let parts: Vec<i64> = self.parts.iter().map(|&part| part as i64).collect();
                write("folds.npy", &[rows, parts.len() / rows.max(1)], &parts)?;
            }
            _ => write("folds.npy", &[rows], &self.folds)?,
        }
        let path = folder.join("dataset.json");
        file::write_json(&path, &info).map_err(Error::io(&path))?;
        refuse_existing(&self.output)?;
        fs::rename(&folder, &self.output).map_err(Error::io(&self.output))?;
        // Makes the rename survive a power cut, except on systems that cannot sync a folder.
        let _ = File::open(stale::parent(&self.output)).and_then(|folder| folder.sync_all());
        Ok(info)
    }

    fn count(&self, info: &mut DatasetInfo) -> Result<(), Error> {
        info.image_size = self.side as u32;
        info.images = self.labels.len();
        info.held_out = self.held_out;
        let classes = info.classes.iter();
        info.counts = classes.map(|class| (class.clone(), 0)).collect();
        let mut subjects = BTreeSet::new();
        let rows = self.labels.iter().zip(&self.subjects);
        for (&label, &subject) in rows.filter(|(label, _)| **label != -1) {
            let class = info.class(label).cloned().ok_or_else(|| {
                let classes = info.classes.len();
                Error::setting(
                    "label",
                    format!("{label} is not one of the {classes} classes"),
                )
            })?;
            *info.counts.entry(class).or_default() += 1;
            subjects.extend((subject >= 0).then_some(subject));
        }
        info.subjects = subjects.len();
        Ok(())
    }
}

/// An error unless `output` is missing or an empty folder.
pub(crate) fn refuse_existing(output: &Path) -> Result<(), Error> {
    let empty_folder = fs::read_dir(output).is_ok_and(|entries| entries.count() == 0);
    // Links and files count as existing, even a dangling link.
    if empty_folder || fs::symlink_metadata(output).is_err() {
        return Ok(());
    }
    Err(Error::OutputExists {
        path: output.to_path_buf(),
    })
}
