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
use crate::read::notes::{empty_classes, keep_classes};
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
        let labels = Labels::new(labels)?;
        let tree = FileTree::open(root)?;
        let mut walk = Walk::through(&tree)?;
        walk.skipped.extend(tree.refused());
        if walk.images.is_empty() && walk.named.len() >= 2 {
            let reason = "the class folders hold no image that can be read (PNG, JPEG, BMP, TIFF)";
            return Err(Error::nothing_labelled(tree.root(), reason));
        }
        let paths = Vec::from_iter(walk.images.iter().map(|found| found.path.clone()));
        let mut labelled = labels.of(&tree, &mut walk)?;
        let mut notes = std::mem::take(&mut labelled.notes);
        notes.extend(notes::misspelt(&walk.misspelt).filter(|_| !labels.beside_folders()));
        let (images, shown) = (&mut labelled.images, |image: &Image| image.expression);
        notes.extend(keep_classes(images, classes.as_ref(), shown, "images"));
        let all_known = identify(images, &labels, subject_pattern)?;
        if subject_pattern.is_some() {
            skip_unidentified(&mut labelled, "its path does not match the subject pattern");
        }
        let found = Given {
            tree: &tree,
            walk: &walk,
            labelled: &labelled,
            paths: &paths,
            labels: &labels,
        };
        let classes = found.classes(classes, &mut notes)?;
        // If kept, no image would have a subject.
        if subject_pattern.is_none() && all_known {
            let reason = "its name contains no subject, unlike nearly all others here";
            skip_unidentified(&mut labelled, reason);
        }
        let scan = scan(labelled, walk.skipped, &classes, notes);
        Ok(Listed::files("class folders", tree, classes.names(), scan))
    }
}

/// The rows of the images, assigned to folds or to a given split.
fn scan(
    mut labelled: Labelled,
    mut skipped: Vec<Skipped>,
    classes: &ClassMap,
    mut notes: Vec<String>,
) -> Scan {
    let images = &mut labelled.images;
    let folding = assign(images, &mut notes);
    let known = notes::no_people(images).is_none();
    let samples = images
        .iter()
        .map(|image| sample(image, classes, &folding, known));
    let mut samples = Vec::from_iter(samples);
    if folding == Folding::Given(1) && wanting(&parts(images)) {
        let how = hold_back(&mut samples);
        notes.push(format!(
            "There is no validation part: a tenth of train validates, drawn from the {how}."
        ));
    }
    skipped.append(&mut labelled.skipped);
    Scan {
        samples,
        skipped,
        read: labelled.read,
        folding,
        notes,
    }
}

/// Reads the subject in every path: by the pattern given, else by that of the labels, else as CK+ names files. Returns
/// whether nearly every name contains one.
fn identify(
    images: &mut [Image],
    labels: &Labels,
    subject_pattern: Option<&str>,
) -> Result<bool, Error> {
    let of_labels = labels
        .pattern
        .as_ref()
        .filter(|pattern| pattern.has("subject"));
    let pattern = match (subject_pattern, of_labels) {
        (None, Some(pattern)) => pattern.clone(),
        (given, _) => Pattern::new(given)?,
    };
    for image in images.iter_mut() {
        image.identity = pattern.read(&image.path);
    }
    let count = images.len();
    let silent = images
        .iter()
        .filter(|image| image.identity.is_none())
        .count();
    match images.first() {
        Some(Image { path, .. }) if silent == count && subject_pattern.is_some() => {
            let reason = format!(
                "matches none of the {count} paths, such as '{path}' (they are relative to the root, with /)"
            );
            Err(Error::setting("subject pattern", reason))
        }
        _ => Ok(silent * STRAYS_AMONG <= count),
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

/// Skips the images whose names contain no subject.
fn skip_unidentified(labelled: &mut Labelled, reason: &str) {
    let images = &mut labelled.images;
    let unidentified = images.extract_if(.., |image| image.identity.is_none());
    let skipped = unidentified.map(|image| Skipped::new(image.path, reason));
    labelled.skipped.extend(skipped);
}

/// The findings that decide the classes.
struct Given<'a> {
    tree: &'a FileTree,
    walk: &'a Walk,
    labelled: &'a Labelled,
    /// Every image.
    paths: &'a [String],
    labels: &'a Labels,
}

impl Given<'_> {
    /// The classes given, or those that occur.
    fn classes(&self, given: Option<ClassMap>, notes: &mut Vec<String>) -> Result<ClassMap, Error> {
        let images = &self.labelled.images;
        let occurring: Vec<Expression> = images.iter().map(|image| image.expression).collect();
        let Ok(found) = ClassMap::of(&occurring) else {
            return Err(self.too_few(given)?);
        };
        if given.is_none() && !self.labels.beside_folders() {
            notes.extend(notes::empty_folders(&found, &self.walk.named));
        }
        let classes = given.unwrap_or(found);
        notes.extend(empty_classes(&classes, &occurring));
        notes.extend(notes::doubles(images));
        notes.extend(notes::unread(&self.walk.archives));
        Ok(classes)
    }

    fn too_few(&self, given: Option<ClassMap>) -> Result<Error, Error> {
        let wanted = match given {
            Some(classes) => format!("out of {}", classes.names().join(", ")),
            None => "named after it (anger, disgust, fear, happy, sadness, surprise …)".to_owned(),
        };
        let expected = match self.labels.beside_folders() {
            true => "images whose labels name at least two expressions".to_owned(),
            false => format!(
                "a folder of images (PNG, JPEG, BMP or TIFF files) for each class, {wanted}, at any depth, at least two of \
                 them (a number alone is not a name: write 3_happy for 3, or say with a label map what numbers mean)"
            ),
        };
        Ok(Error::layout(self.tree.root(), expected, self.found()?))
    }

    /// The contents found where two classes were expected.
    fn found(&self) -> Result<String, Error> {
        let mut found = self.tree.contents()?;
        if let Some(archive) = self.walk.archives.first() {
            let (within, way_out) = match self.tree.place(archive).is_file() {
                true => ("", "name it as the input"),
                false => (", an archive within the archive,", "unpack the outer one"),
            };
            found += &format!("; if {archive}{within} holds the data, {way_out}");
        }
        if let Some(only) = self.labelled.images.first() {
            found += &format!("; images of {} alone", only.expression);
        } else if self.labels.beside_folders() {
            found += &format!("; {} images without a label", self.paths.len());
        }
        found.extend(notes::numbered(&self.labelled.numbered));
        let named = presets::named_like(self.paths.iter().map(String::as_str));
        let numbered = !self.labelled.numbered.is_empty();
        let named = named.filter(|_| !self.labels.beside_folders() && !numbered);
        found.extend(named.map(|named| format!("; {named}")));
        let mut skipped = self.walk.skipped.iter().chain(&self.labelled.skipped);
        if let Some(lost) = skipped.find(|entry| entry.images.is_some()) {
            found += &format!("; {}: {}", lost.path, lost.reason);
        }
        Ok(found)
    }
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
        _ => images
            .sort_by_cached_key(|image| (image.expression, composed(&image.path).into_owned())),
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
