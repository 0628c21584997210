use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::role::Role;
use crate::prepared::sample::{Row, Sample};

use super::npy::{ImagesWriter, write_i64, write_parts};
use crate::prepared::info::DatasetInfo;

/// Writes a prepared data set image by image and shows it to the world only when it is whole.
///
/// Everything goes to a hidden folder beside `output`; [`finish`](Self::finish) renames it. Dropped before that, it
/// leaves nothing behind.
pub struct PreparedWriter {
    output: PathBuf,
    work: TempDir,
    /// Held while this lives, so that others see that `work` is in use.
    _lock: File,
    images: ImagesWriter,
    table: csv::Writer<File>,
    side: usize,
    labels: Vec<i64>,
    subjects: Vec<i64>,
    folds: Vec<i64>,
    /// `[N, splits]` where the data set brings its own splits, empty otherwise.
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
        // An empty folder that is there, by whatever name it was called (`.`, a link), is replaced where it really lies.
        let output = match output.exists() {
            true => fs::canonicalize(output).map_err(Error::io(output))?,
            false => output.to_path_buf(),
        };
        let parent = output
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::io(&output))?;
        clear_stale(parent, &output);
        let work = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .map_err(Error::io(&output))?;
        let lock = lock(work.path(), &output).map_err(Error::io(&output))?;
        // The temporary folder itself is closed to others; the one inside it gets the usual permissions.
        let folder = work.path().join("set");
        fs::create_dir(&folder).map_err(Error::io(&folder))?;
        let side = image_size as usize;
        let images = ImagesWriter::create(folder.join("images.npy"), side)?;
        let path = folder.join("samples.csv");
        let table = csv::Writer::from_writer(File::create(&path).map_err(Error::io(&path))?);
        let (labels, subjects, folds) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            output,
            work,
            _lock: lock,
            images,
            table,
            side,
            labels,
            subjects,
            folds,
            parts: Vec::new(),
            held_out: 0,
        })
    }

    /// Rows written so far.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Appends one image, `[H·W]` u8 row by row. `sample.index` is set to its position.
    ///
    /// # Errors
    /// [`Error::Setting`] if the image has another size, or its row more or fewer parts than the others;
    /// [`Error::Io`] if the disk does not take it.
    pub fn push(&mut self, mut sample: Sample, image: &[u8]) -> Result<(), Error> {
        if image.len() != self.side * self.side {
            let reason = format!("expected {0}×{0} pixels, found {1}", self.side, image.len());
            return Err(Error::setting("image", reason));
        }
        sample.index = self.len();
        if sample.parts.len() * sample.index != self.parts.len() {
            return Err(Error::setting("parts", "must be as many in every row"));
        }
        self.images.push(image)?;
        self.table
            .serialize(Row::from(&sample))
            .map_err(|error| table_error(&self.output, error))?;
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
    /// [`Error::Setting`] if a label is no class of `info`; [`Error::Io`] if the disk does not take it.
    pub fn finish(self, mut info: DatasetInfo) -> Result<DatasetInfo, Error> {
        let folder = self.work.path().join("set");
        self.count(&mut info)?;
        self.images.finish()?;
        let path = folder.join("samples.csv");
        let table = self
            .table
            .into_inner()
            .map_err(|error| Error::io(&path)(error.into_error()))?;
        table.sync_all().map_err(Error::io(&path))?;
        write_i64(&folder.join("labels.npy"), &self.labels)?;
        write_i64(&folder.join("subjects.npy"), &self.subjects)?;
        match info.fold_rule {
            FoldRule::Given => {
                write_parts(&folder.join("folds.npy"), self.labels.len(), &self.parts)?
            }
            _ => write_i64(&folder.join("folds.npy"), &self.folds)?,
        }
        write_info(&folder.join("dataset.json"), &info)?;
        refuse_existing(&self.output)?;
        fs::rename(&folder, &self.output).map_err(Error::io(&self.output))?;
        sync_parent(&self.output);
        Ok(info)
    }

    fn count(&self, info: &mut DatasetInfo) -> Result<(), Error> {
        info.image_size = self.side as u32;
        info.images = self.len();
        info.held_out = self.held_out;
        info.counts = info
            .classes
            .iter()
            .map(|class| (class.clone(), 0))
            .collect();
        let mut subjects = std::collections::BTreeSet::new();
        for (&label, &subject) in self
            .labels
            .iter()
            .zip(&self.subjects)
            .filter(|(label, _)| **label != -1)
        {
            let class = usize::try_from(label)
                .ok()
                .and_then(|label| info.classes.get(label));
            let class = class.ok_or_else(|| {
                Error::setting(
                    "label",
                    format!("{label} is none of the {} classes", info.classes.len()),
                )
            })?;
            *info.counts.entry(class.clone()).or_default() += 1;
            if subject >= 0 {
                subjects.insert(subject);
            }
        }
        info.subjects = subjects.len();
        Ok(())
    }
}

/// How the hidden folders begin that a set is written to.
const PREFIX: &str = ".faus-data-";
/// The file in them that tells whose they are: it holds the output's name and is locked as long as the writer lives.
const LOCK: &str = "lock";

fn lock(work: &Path, output: &Path) -> std::io::Result<File> {
    let mut file = File::create(work.join(LOCK))?;
    // Before the name is in it, so that a file with a name is locked or its writer is gone. Where a file system knows no locks nothing stale is ever removed, which is the safe side.
    let _ = file.lock();
    file.write_all(output_name(output).as_bytes())?;
    Ok(file)
}

fn output_name(output: &Path) -> String {
    let name = output.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Removes what killed writers of the same output left behind. What is not surely that stays.
fn clear_stale(parent: &Path, output: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let folder = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && name.to_string_lossy().starts_with(PREFIX) && is_stale(&folder, output) {
            // A folder that cannot be removed does no harm.
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

fn is_stale(folder: &Path, output: &Path) -> bool {
    let path = folder.join(LOCK);
    fs::read(&path).is_ok_and(|name| name == output_name(output).as_bytes())
        && File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
}

/// An error unless `output` is free: nothing there, or an empty folder.
pub(crate) fn refuse_existing(output: &Path) -> Result<(), Error> {
    let empty_folder = fs::read_dir(output).is_ok_and(|entries| entries.count() == 0);
    // A link or a file counts as well, even one that points nowhere.
    if empty_folder || fs::symlink_metadata(output).is_err() {
        return Ok(());
    }
    Err(Error::OutputExists {
        path: output.to_path_buf(),
    })
}

fn write_info(path: &Path, info: &DatasetInfo) -> Result<(), Error> {
    let mut text =
        serde_json::to_string_pretty(info).map_err(|error| Error::io(path)(error.into()))?;
    text.push('\n');
    let mut file = File::create(path).map_err(Error::io(path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Error::io(path))
}

fn table_error(output: &Path, error: csv::Error) -> Error {
    Error::io(&output.join("samples.csv"))(std::io::Error::other(error))
}

/// Makes the rename last through a power cut. Systems that cannot sync a folder lose nothing but that.
fn sync_parent(output: &Path) {
    let parent = output
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let _ = File::open(parent).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a killed writer leaves: its folder and its lock, which nobody holds any more.
    fn killed(parent: &Path, name: &str, output: &str) -> PathBuf {
        let folder = parent.join(format!("{PREFIX}{name}"));
        fs::create_dir(&folder).unwrap();
        lock(&folder, Path::new(output)).unwrap();
        folder
    }

    #[test]
    fn clears_what_a_killed_writer_of_the_same_output_left() {
        let dir = tempfile::tempdir().unwrap();
        let mine = killed(dir.path(), "mine", "set");
        let other = killed(dir.path(), "other", "another");
        // As it is before its writer has locked it and named its output.
        let fresh = killed(dir.path(), "fresh", "set");
        fs::write(fresh.join(LOCK), "").unwrap();
        let unmarked = dir.path().join(".faus-data-unmarked");
        fs::create_dir(&unmarked).unwrap();
        let living = killed(dir.path(), "living", "set");
        let held = File::open(living.join(LOCK)).unwrap();
        held.lock().unwrap();

        drop(PreparedWriter::create(&dir.path().join("set"), 4).unwrap());
        assert!(!mine.exists());
        for kept in [fresh, other, unmarked, living] {
            assert!(kept.exists(), "{}", kept.display());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }
}
