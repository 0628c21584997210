//! Class folders: one folder of images per class at any depth, as in CK+48; or images whose file names or a list hold
//! the classes.

mod labelling;
mod list;
mod notes;
mod people;
mod presets;
mod walk;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faus_base::person::Person;
use faus_base::text::composed;

use crate::error::Error;
use crate::fold::held_back::{hold_back, wanting};
use crate::fold::part::Part;
use crate::label::{ClassMap, Expression};
use crate::read::file::Skipped;
use crate::read::listed::Listed;
use crate::read::notes::{empty_classes, keep_classes, misspelt};
use crate::read::source::{Folding, RawSample, Scan};
use crate::read::tree::FileTree;

pub use labelling::FolderLabels;
use labelling::{Image, Labelled, Labels};
pub(crate) use people::Pattern;
use walk::Walk;
pub(crate) use walk::class_of;

/// A folder with folders of images for each class, at any depth: CK+48, `train/happy/x.png`, `S010/happy/x.png`.
///
/// The deepest folder above an image that names an expression decides its class
/// ([`Expression::from_name`](crate::Expression::from_name), also with one letter wrong; `3_happy` too, but `3` only with
/// a label map: codes differ between data sets). With a label pattern or a list of labels folders' names do not count.
/// If every name contains a subject, folds are made by subject; if a single one does not, image by image, and
/// the set is not subject-independent. Folders `train` and `test`, and `validation` where there is one (names of
/// [`Part::from_name`]), are the set's one given split, unless known people are in two of them; without a folder
/// `validation` a tenth of `train` validates. The images have no FACS codes.
///
/// [`open`](Self::open) walks through the folders once.
pub struct Folders;

/// At most one file in this many may be left out for lacking a subject's name (our choice).
pub(crate) const STRAYS_AMONG: usize = 20;

impl Folders {
    /// Finds the class folders below `root` and the images in them.
    ///
    /// Images of expressions out of `classes` are left out; `None` (our choice) takes those that occur.
    /// `subject_pattern` is a regular expression (crate `regex`) searched in the path relative to the root, with the
    /// groups `subject` and, if the paths contain them, `sequence` and `frame` (a number):
    /// `(?<subject>[0-9]+)_(?<frame>[0-9]+)`. `None`: CK+'s file names, `S010_004_00000017`, followed by anything.
    ///
    /// # Errors
    /// [`Error::Layout`] if there are fewer than two classes; [`Error::NothingLabelled`] if their folders hold no images;
    /// [`Error::Setting`] for a subject pattern that is wrong or matches no path.
    pub fn open(
        root: &Path,
        classes: Option<ClassMap>,
        subject_pattern: Option<&str>,
    ) -> Result<Listed, Error> {
        Self::with_labels(root, classes, subject_pattern, &FolderLabels::default())
    }

    /// [`open`](Self::open) with labels from file names, a list or numbered folders.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), a list that cannot be read, and numbers whose meaning is not known.
    pub fn with_labels(
        root: &Path,
        classes: Option<ClassMap>,
        subject_pattern: Option<&str>,
        labels: &FolderLabels,
    ) -> Result<Listed, Error> {
        let labels = Labels::new(labels, subject_pattern)?;
        let tree = FileTree::open(root)?;
        let mut walk = Walk::through(&tree)?;
        walk.skipped.extend(tree.refused());
        if walk.images.is_empty() && walk.named.len() >= 2 {
            let reason = "the class folders hold no image that can be read (PNG, JPEG, BMP, TIFF)";
            return Err(Error::nothing_labelled(tree.root(), reason));
        }
        let mut set = labels.of(&tree, walk)?;
        let what = if set.by_folders { "folders" } else { "labels" };
        set.notes.extend(misspelt(what, &set.walk.misspelt));
        let shown = |image: &Image| image.expression;
        let left_out = keep_classes(&mut set.images, classes.as_ref(), shown, "images");
        set.notes.extend(left_out);
        let (unknown, all) = (
            set.images.iter().filter(|i| i.identity.is_none()).count(),
            set.images.len(),
        );
        if subject_pattern.is_some() {
            if let Some(Image { path, .. }) = set.images.first().filter(|_| unknown == all) {
                let reason = format!(
                    "matches none of the {all} paths, such as '{path}' (they are relative to the root, with /)"
                );
                return Err(Error::setting("subject pattern", reason));
            }
            set.skip_unidentified("its path does not match the subject pattern");
        }
        let classes = set.classes(&tree, classes)?;
        // If kept, no image would have a subject.
        if subject_pattern.is_none() && unknown * STRAYS_AMONG <= all {
            set.skip_unidentified("its name contains no subject, unlike nearly all others here");
        }
        let scan = set.scan(&classes);
        Ok(Listed::files("class folders", tree, classes.names(), scan))
    }
}

impl Labelled {
    /// Skips the images whose names contain no subject.
    fn skip_unidentified(&mut self, reason: &str) {
        let unidentified = self.images.extract_if(.., |image| image.identity.is_none());
        let skipped = unidentified.map(|image| Skipped::new(image.path, reason));
        self.walk.skipped.extend(skipped);
    }

    /// The classes given, or those that occur.
    fn classes(&mut self, tree: &FileTree, given: Option<ClassMap>) -> Result<ClassMap, Error> {
        let occurring: Vec<Expression> = self.images.iter().map(|i| i.expression).collect();
        let Ok(found) = ClassMap::of(&occurring) else {
            return Err(self.too_few(tree, given)?);
        };
        if given.is_none() && self.by_folders {
            let empty = notes::empty_folders(&found, &self.walk.named);
            self.notes.extend(empty);
        }
        let classes = given.unwrap_or(found);
        self.notes.extend(empty_classes(&classes, &occurring));
        self.notes.extend(notes::doubles(&self.images));
        self.notes.extend(notes::unread(&self.walk.archives));
        Ok(classes)
    }

    fn too_few(&self, tree: &FileTree, given: Option<ClassMap>) -> Result<Error, Error> {
        let wanted = match given {
            Some(classes) => format!("out of {}", classes.names().join(", ")),
            None => "named after it (anger, disgust, fear, happy, sadness, surprise …)".to_owned(),
        };
        let expected = match self.by_folders {
            true => format!(
                "a folder of images (PNG, JPEG, BMP or TIFF files) for each class, {wanted}, at any depth, at least two of \
                 them (a number alone is not a name: write 3_happy for 3, or say with a label map what numbers mean)"
            ),
            false => "images whose labels name at least two expressions".to_owned(),
        };
        Ok(Error::layout(tree.root(), expected, self.found(tree)?))
    }

    /// The contents found where two classes were expected.
    fn found(&self, tree: &FileTree) -> Result<String, Error> {
        let mut found = tree.contents()?;
        if let Some(archive) = self.walk.archives.first() {
            let (within, way_out) = match tree.place(archive).is_file() {
                true => ("", "name it as the input"),
                false => (", an archive within the archive,", "unpack the outer one"),
            };
            found += &format!("; if {archive}{within} holds the data, {way_out}");
        }
        let images = Walk::through(tree)?.images;
        let paths = images.into_iter().map(|image| image.path);
        let paths = Vec::from_iter(paths);
        if let Some(only) = self.images.first() {
            found += &format!("; images of {} alone", only.expression);
        } else if !self.by_folders {
            found += &format!("; {} images without a label", paths.len());
        }
        found.extend(notes::numbered(&self.numbered));
        if self.by_folders && self.numbered.is_empty() {
            let named = presets::named_like(&paths);
            found.extend(named.map(|named| format!("; {named}")));
        }
        let mut skipped = self.walk.skipped.iter();
        if let Some(lost) = skipped.find(|entry| entry.images.is_some()) {
            found += &format!("; {}: {}", lost.path, lost.reason);
        }
        Ok(found)
    }

    /// The rows of the images, assigned to folds or to a given split.
    fn scan(mut self, classes: &ClassMap) -> Scan {
        let folding = assign(&mut self.images, &mut self.notes);
        let known = notes::no_people(&self.images).is_none();
        let sample = |image: &Image| sample(image, classes, &folding, known);
        let mut samples = Vec::from_iter(self.images.iter().map(sample));
        if folding == Folding::Given(1) && wanting(&parts(&self.images)) {
            let how = hold_back(&mut samples);
            self.notes.push(format!(
                "There is no validation part: a tenth of train validates, drawn from the {how}."
            ));
        }
        Scan {
            samples,
            skipped: self.walk.skipped,
            read: self.read,
            folding,
            notes: self.notes,
            code_notes: Vec::new(),
        }
    }
}

/// `known`: whether every name contains a person. Where only some do, no one counts as known.
fn sample(image: &Image, classes: &ClassMap, folding: &Folding, known: bool) -> RawSample {
    let label = classes.label_of(image.expression).unwrap_or(-1);
    let part = image.part.unwrap_or(Part::None);
    let given = matches!(folding, Folding::Given(_)).then_some(part);
    let mut sample = RawSample::labelled(&image.path, label);
    sample.parts = Vec::from_iter(given);
    if let Some(identity) = image.identity.clone() {
        if known {
            sample.subject = identity.subject;
        }
        // Without a recording's name the whole path: file names repeat between folders.
        sample.sequence = identity.sequence.unwrap_or(sample.sequence);
        sample.frame = identity.frame.unwrap_or(0);
    }
    sample
}

fn parts(images: &[Image]) -> BTreeSet<&'static str> {
    let parts = images.iter().filter_map(|image| image.part);
    parts.map(Part::name).collect()
}

/// Whether no known person is in two parts.
fn apart(images: &[Image]) -> bool {
    let mut first = BTreeMap::new();
    let mut known = images.iter().filter_map(|image| {
        let subject = Person::of(&image.identity.as_ref()?.subject)?;
        Some((subject, image.part?))
    });
    known.all(|(subject, part)| *first.entry(subject).or_insert(part) == part)
}

/// How folds are made, with a note on why; sorts the images accordingly.
fn assign(images: &mut [Image], notes: &mut Vec<String>) -> Folding {
    let parts = parts(images);
    let split = parts.len() == 3 || wanting(&parts);
    let silent = notes::no_people(images);
    let people = images.iter().flat_map(|image| &image.identity);
    let people = people.map(|identity| identity.subject.clone());
    let folding = match &silent {
        _ if split && apart(images) => Folding::Given(1),
        None => Folding::BySubject(people.collect()),
        Some(_) => Folding::ByImage,
    };
    notes.extend(silent);
    notes.extend(notes::parts(images, &parts, &folding));
    match folding {
        // In order of person, like CK+ itself.
        Folding::BySubject(_) => images.sort_by(|a, b| by_person(a).cmp(&by_person(b))),
        _ => images.sort_by_cached_key(|i| (i.expression, composed(&i.path).into_owned())),
    }
    folding
}

type ByPerson<'a> = (Option<Person>, Option<&'a str>, Option<u32>, Cow<'a, str>);

fn by_person(image: &Image) -> ByPerson<'_> {
    let identity = image.identity.as_ref();
    let sequence = identity.and_then(|identity| identity.sequence.as_deref());
    let frame = identity.and_then(|identity| identity.frame);
    let person = identity.and_then(|identity| Person::of(&identity.subject));
    (person, sequence, frame, composed(&image.path))
}
