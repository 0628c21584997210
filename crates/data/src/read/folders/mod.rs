//! Class folders: one folder of images per class at any depth, as in CK+48.

mod notes;
mod people;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use faus_base::person::Person;
use faus_base::text::composed;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::ClassMap;
use crate::read::ck_plus::SYNTHETIC_MARK;
use crate::read::file::Skipped;
use crate::read::notes::{empty_classes, keep_classes};
use crate::read::source::{Fetched, Folding, RawSample, Scan, Source};
use crate::read::tree::FileTree;

pub(crate) use people::Pattern;
pub(crate) use walk::class_of;
use walk::{Image, Walk};

/// A folder with folders of images for each class, at any depth: CK+48, `train/happy/x.png`, `S010/happy/x.png`.
///
/// The deepest folder above an image that names an expression decides its class
/// ([`Expression::from_name`](crate::Expression::from_name); `3_happy` too, but not `3`: codes differ between data
/// sets). If every name contains a subject, folds are made by subject; if a single one does not, image by image, and
/// the set is not subject-independent. Then folders `train`, `validation` and `test` (names of [`Part::from_name`]) are
/// the set's one given split, if all three occur. The images have no FACS codes.
///
/// [`open`](Self::open) walks through the folders once.
#[derive(Debug, Clone)]
pub struct Folders {
    tree: FileTree,
    classes: ClassMap,
    scan: Scan,
}

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
    ) -> Result<Self, Error> {
        let pattern = Pattern::new(subject_pattern)?;
        let tree = FileTree::open(root)?;
        let mut walk = Walk::through(&tree)?;
        walk.skipped.extend(tree.refused());
        if walk.images.is_empty() && walk.named.len() >= 2 {
            let reason = "the class folders hold no PNG or JPEG";
            return Err(Error::nothing_labelled(tree.root(), reason));
        }
        let mut notes = Vec::new();
        let shown = |image: &Image| image.expression;
        let (images, given) = (&mut walk.images, classes.as_ref());
        notes.extend(keep_classes(images, given, shown, "images"));
        let (count, mut silent) = (walk.images.len(), 0);
        for image in &mut walk.images {
            image.identity = pattern.read(&image.path);
            silent += usize::from(image.identity.is_none());
        }
        let given = subject_pattern.is_some();
        if given && let Some(Image { path, .. }) = walk.images.first().filter(|_| silent == count) {
            let reason = format!(
                "matches none of the {count} paths, such as '{path}' (they are relative to the root, with /)"
            );
            return Err(Error::setting("subject pattern", reason));
        }
        if given {
            skip_unidentified(&mut walk, "its path does not match the subject pattern");
        }
        let classes = choose_classes(&tree, &walk, classes, &mut notes)?;
        // If kept, no image would have a subject.
        if !given && silent * STRAYS_AMONG <= count {
            let reason = "its name contains no subject, unlike nearly all others here";
            skip_unidentified(&mut walk, reason);
        }
        let folding = assign(&mut walk.images, &mut notes);
        let sample = |image: &Image| sample(image, &classes, &folding);
        let samples = walk.images.iter().map(sample).collect();
        let scan = Scan {
            samples,
            skipped: walk.skipped,
            read: Vec::new(),
            folding,
            notes,
        };
        Ok(Self {
            tree,
            classes,
            scan,
        })
    }
}

fn sample(image: &Image, classes: &ClassMap, folding: &Folding) -> RawSample {
    let identity = image.identity.as_ref();
    let sequence = identity.and_then(|identity| identity.sequence.clone());
    let label = classes.label_of(image.expression).unwrap_or(-1);
    let alone = RawSample::labelled(&image.path, label);
    RawSample {
        // Where only some names contain a person, no one counts as known.
        subject: match (folding, identity) {
            (Folding::BySubject(_), Some(identity)) => identity.subject.clone(),
            _ => String::new(),
        },
        // Without a recording's name the whole path: file names repeat between folders.
        sequence: sequence.unwrap_or(alone.sequence),
        frame: identity.and_then(|identity| identity.frame).unwrap_or(0),
        parts: match folding {
            Folding::Given(_) => vec![image.part.unwrap_or(Part::None)],
            _ => Vec::new(),
        },
        ..alone
    }
}

/// Skips the images whose names contain no subject.
fn skip_unidentified(walk: &mut Walk, reason: &str) {
    let unidentified = walk.images.extract_if(.., |image| image.identity.is_none());
    let skipped = unidentified.map(|image| Skipped::new(image.path, reason));
    walk.skipped.extend(skipped);
}

/// The classes given, or those that occur.
fn choose_classes(
    tree: &FileTree,
    walk: &Walk,
    given: Option<ClassMap>,
    notes: &mut Vec<String>,
) -> Result<ClassMap, Error> {
    let occurring: Vec<_> = walk.images.iter().map(|image| image.expression).collect();
    let Ok(found) = ClassMap::of(&occurring) else {
        let wanted = match given {
            Some(classes) => format!("out of {}", classes.names().join(", ")),
            None => "named after it (anger, disgust, fear, happy, sadness, surprise …)".to_owned(),
        };
        let expected = format!(
            "a folder of images for each class, {wanted}, at any depth, at least two of them (a number alone is not a name: \
             write 3_happy for 3)"
        );
        return Err(Error::layout(tree.root(), expected, too_few(tree, walk)?));
    };
    if given.is_none() {
        notes.extend(notes::empty_folders(&found, &walk.named));
    }
    let classes = given.unwrap_or(found);
    notes.extend(empty_classes(&classes, &occurring));
    notes.extend(notes::doubles(&walk.images));
    notes.extend(notes::unread(&walk.archives));
    Ok(classes)
}

/// The contents found where two classes were expected.
fn too_few(tree: &FileTree, walk: &Walk) -> Result<String, Error> {
    let names = tree.names("")?;
    let mut found = tree.contents()?;
    let images = |name: &String| name.eq_ignore_ascii_case("cohn-kanade-images");
    if names.iter().any(images) {
        found += "; this is CK+ itself: use the source ck_plus";
    }
    if let Some(archive) = walk.archives.first() {
        let (within, way_out) = match tree.place(archive).is_file() {
            true => ("", "name it as the input"),
            false => (", an archive within the archive,", "unpack the outer one"),
        };
        found += &format!("; if {archive}{within} holds the data, {way_out}");
    }
    if let Some(only) = walk.images.first() {
        found += &format!("; images of {} alone", only.expression);
    }
    Ok(found)
}

/// How folds are made, with a note on why; sorts the images accordingly.
fn assign(images: &mut [Image], notes: &mut Vec<String>) -> Folding {
    let parts = images.iter().filter_map(|image| image.part);
    let parts: BTreeSet<&str> = parts.map(Part::name).collect();
    let silent = notes::no_people(images);
    let folding = match silent {
        None => {
            let identities = images.iter().flat_map(|image| &image.identity);
            Folding::BySubject(
                identities
                    .map(|identity| identity.subject.clone())
                    .collect(),
            )
        }
        Some(_) if parts.len() == 3 => Folding::Given(1),
        Some(_) => Folding::ByImage,
    };
    notes.extend(silent);
    notes.extend(notes::parts(images, &parts, &folding));
    match folding {
        // In order of person, like CK+ itself.
        Folding::BySubject(_) => images.sort_by(|a, b| by_person(a).cmp(&by_person(b))),
        _ => images.sort_by(|a, b| {
            (a.expression, composed(&a.path)).cmp(&(b.expression, composed(&b.path)))
        }),
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

impl Source for Folders {
    fn name(&self) -> &str {
        "class folders"
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn synthetic(&self) -> bool {
        self.tree.is_file(SYNTHETIC_MARK)
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(self.scan.clone())
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.tree, &sample.path)
    }
}
