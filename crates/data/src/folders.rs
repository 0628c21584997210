//! Class folders: one folder of images per class, as CK+48 comes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ck_plus::{frame_name, is_image};
use crate::source::{Fetched, Folding, RawImage, RawSample, Scan, Skipped, Source};
use crate::tree::join;
use crate::{AuCoding, ClassMap, Error, Expression, FileTree, Role};

/// A folder with one folder of images per class.
///
/// File names in CK+'s form, `S010_004_00000017.png`, give subject, sequence and frame, and with them folds that share no
/// subject. If a single name tells no subject, folds are dealt by image, and the set is marked as not
/// subject-independent. Nothing here knows FACS codes.
#[derive(Debug, Clone)]
pub struct Folders {
    tree: FileTree,
    classes: Vec<Expression>,
    /// The folders with their expression, in order of class.
    folders: Vec<(String, Expression)>,
}

impl Folders {
    /// Finds the class folders in `root`: `anger`, `happy` and so on, in any case and with the usual other spellings.
    ///
    /// # Errors
    /// [`Error::Layout`] if `root` is no folder or has fewer than two class folders; it lists what is there.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let tree = FileTree::open(root)?;
        let names = tree.names("")?;
        let known = names
            .iter()
            .filter_map(|name| Some((name.clone(), Expression::from_name(name)?)));
        let mut folders: Vec<_> = known.filter(|(path, _)| tree.is_folder(path)).collect();
        folders.sort_by_key(|(_, expression)| *expression);
        let mut classes: Vec<_> = folders.iter().map(|(_, expression)| *expression).collect();
        classes.dedup();
        if classes.len() < 2 {
            let expected = "a folder of images for each class: anger, disgust, fear, happy, sadness, surprise …".to_owned();
            let found = if names.is_empty() {
                "an empty folder".to_owned()
            } else {
                names.join(", ")
            };
            return Err(Error::Layout {
                path: root.to_path_buf(),
                expected,
                found,
            });
        }
        Ok(Self {
            tree,
            classes,
            folders,
        })
    }

    /// Leaves out the classes that `classes` lacks; the others keep their order.
    ///
    /// # Errors
    /// [`Error::Layout`] if fewer than two are left.
    pub fn select(mut self, classes: &ClassMap) -> Result<Self, Error> {
        self.classes
            .retain(|&class| classes.label_of(class).is_some());
        self.folders
            .retain(|(_, class)| classes.label_of(*class).is_some());
        if self.classes.len() < 2 {
            let (path, expected) = (
                self.tree.root().to_path_buf(),
                format!("class folders out of {}", classes.names().join(", ")),
            );
            return Err(Error::Layout {
                path,
                expected,
                found: format!("{} of them", self.classes.len()),
            });
        }
        Ok(self)
    }

    fn sample(&self, folder: &str, name: &str, label: i64) -> RawSample {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let (subject, sequence, frame) = match frame_name(stem) {
            Some((subject, sequence, frame)) => {
                (subject, format!("S{subject:03}_{sequence}"), frame)
            }
            None => (-1, stem.to_owned(), 0),
        };
        RawSample {
            path: join(folder, name),
            image: RawImage::File,
            subject,
            sequence,
            frame,
            role: Role::Labelled,
            label,
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: false,
            parts: Vec::new(),
        }
    }
}

impl Source for Folders {
    fn name(&self) -> &str {
        "class folders"
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn synthetic(&self) -> bool {
        self.tree.is_file(crate::SYNTHETIC_MARK)
    }

    fn class_names(&self) -> Vec<String> {
        self.classes
            .iter()
            .map(|class| class.name().to_owned())
            .collect()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let mut scan = Scan {
            samples: Vec::new(),
            skipped: Vec::new(),
            read: Vec::new(),
            folding: Folding::ByImage,
            notes: Vec::new(),
        };
        for (folder, class) in &self.folders {
            let label = self
                .classes
                .iter()
                .position(|c| c == class)
                .map_or(-1, |at| at as i64);
            match self.tree.names(folder) {
                Ok(names) => {
                    let images = names.iter().filter(|name| is_image(name));
                    scan.samples
                        .extend(images.map(|name| self.sample(folder, name, label)));
                }
                Err(error) => scan
                    .skipped
                    .push(Skipped::new(folder.clone(), error.reason())),
            }
        }
        if scan.samples.is_empty() {
            let reason = "the class folders hold no PNG or JPEG".to_owned();
            return Err(Error::NothingLabelled {
                path: self.tree.root().to_path_buf(),
                reason,
            });
        }
        if scan.samples.iter().all(|sample| sample.subject >= 0) {
            // In order of person, as CK+ itself is listed.
            scan.samples.sort_by(|a, b| {
                (a.subject, &a.sequence, a.frame).cmp(&(b.subject, &b.sequence, b.frame))
            });
            let subjects: BTreeSet<i64> =
                scan.samples.iter().map(|sample| sample.subject).collect();
            scan.folding = Folding::BySubject(subjects);
        } else {
            // Half-known subjects would be half-tested: a set is subject-independent as a whole or not at all.
            scan.samples
                .iter_mut()
                .for_each(|sample| sample.subject = -1);
        }
        Ok(scan)
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.tree, &sample.path)
    }
}
