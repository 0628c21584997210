//! Class folders: one folder of images per class at any depth, as CK+48 comes.

mod people;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::au::AuCoding;
use crate::label::class_map::ClassMap;
use crate::label::expression::Expression;
use crate::label::role::Role;
use crate::read::file::Skipped;
use crate::read::pixel_csv::{empty_classes, left_out_note};
use crate::read::source::{Fetched, Folding, RawImage, RawSample, Scan, Source};
use crate::read::tree::FileTree;
use people::{Pattern, Told, numbers};
pub(crate) use walk::class_of;
use walk::{Image, Walk};

/// How class folders are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FolderOptions {
    /// The classes; images of other expressions are left out. `None` (our choice): the expressions that occur.
    pub classes: Option<ClassMap>,
    /// A regular expression (crate `regex`) that is searched for in the path relative to the root, with the groups
    /// `subject` and, where the paths tell them, `sequence` and `frame` (a number): `(?<subject>[0-9]+)_(?<frame>[0-9]+)`.
    /// `None`: CK+'s file names, `S010_004_00000017` and anything behind.
    pub subject_pattern: Option<String>,
}

impl FolderOptions {
    /// Checks the pattern.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is no regular expression, too large, or names no subject.
    pub fn check(&self) -> Result<(), Error> {
        Pattern::new(self.subject_pattern.as_deref()).map(drop)
    }
}

/// A folder with folders of images for each class, at any depth: CK+48, `train/happy/x.png`, `S010/happy/x.png`.
///
/// Of the folders above an image the deepest that names an expression decides ([`Expression::from_name`]; `3_happy` too,
/// but not `3`: codes differ between data sets). If every name tells a subject, folds are dealt by subject; if a single
/// one does not, image by image, and the set is not subject-independent. Then folders `train`, `validation` and `test`
/// (as [`Part::from_name`] knows them) are the set's one given split, if all three occur. Nothing here knows FACS codes.
///
/// The folders are walked through once, by [`open`](Self::open).
#[derive(Debug, Clone)]
pub struct Folders {
    tree: FileTree,
    classes: ClassMap,
    images: Vec<Known>,
    skipped: Vec<Skipped>,
    folding: Folding,
    notes: Vec<String>,
}

/// An image with what its path tells.
#[derive(Debug, Clone)]
struct Known {
    image: Image,
    told: Option<Told>,
    /// −1 unless folds are dealt by subject.
    subject: i64,
}

/// One file in so many may lack a subject's name and be left out for it (our choice).
const STRAYS_AMONG: usize = 20;

impl Folders {
    /// Finds the class folders below `root` and the images in them.
    ///
    /// # Errors
    /// [`Error::Layout`] if fewer than two classes are there, with what is; [`Error::NothingLabelled`] if their folders hold
    /// no images; [`Error::Setting`] for a subject pattern that is wrong or matches no path.
    pub fn open(root: &Path, options: &FolderOptions) -> Result<Self, Error> {
        options.check()?;
        Self::in_tree(FileTree::open(root)?, options)
    }

    /// [`open`](Self::open) with the files of any tree.
    pub(crate) fn in_tree(tree: FileTree, options: &FolderOptions) -> Result<Self, Error> {
        let pattern = Pattern::new(options.subject_pattern.as_deref())?;
        let Walk {
            mut images,
            mut skipped,
            named,
            archives,
            ..
        } = Walk::through(&tree)?;
        skipped.extend(tree.refused());
        if images.is_empty() && named.len() >= 2 {
            return Err(Error::NothingLabelled {
                path: tree.root().to_path_buf(),
                reason: "the class folders hold no PNG or JPEG".to_owned(),
            });
        }
        let mut notes = Vec::new();
        if let Some(classes) = &options.classes {
            notes.extend(leave_out(&mut images, classes));
        }
        let mut images: Vec<Known> = images
            .into_iter()
            .map(|image| Known {
                told: pattern.read(&image.path),
                image,
                subject: -1,
            })
            .collect();
        if options.subject_pattern.is_some() {
            skipped.extend(keep_matching(&mut images)?);
        }
        let occurring: Vec<_> = images.iter().map(|known| known.image.expression).collect();
        if ClassMap::of(&occurring).is_err() {
            return Err(too_few(&tree, &occurring, &archives, options)?);
        }
        let classes = match &options.classes {
            Some(classes) => classes.clone(),
            None => ClassMap::of(&occurring)?,
        };
        notes.extend(empty_classes(&classes, &occurring));
        notes.extend(empty_folders(&classes, &named, options));
        notes.extend(doubles(&images));
        notes.extend(unread(&archives));
        if options.subject_pattern.is_none() {
            skipped.extend(skip_strays(&mut images));
        }
        let folding = deal(&mut images, &mut notes);
        Ok(Self {
            tree,
            classes,
            images,
            skipped,
            folding,
            notes,
        })
    }

    fn sample(&self, known: &Known) -> RawSample {
        let image = &known.image;
        let stem = image.path.rsplit_once('.').map_or(&*image.path, |(s, _)| s);
        let told = known.told.as_ref();
        let given = self.folding == Folding::Given(1);
        RawSample {
            path: image.path.clone(),
            image: RawImage::File,
            subject: known.subject,
            // A recording that is not told is the image alone, by its whole path: file names repeat between folders.
            sequence: told
                .and_then(|told| told.sequence.clone())
                .unwrap_or_else(|| stem.to_owned()),
            frame: told.and_then(|told| told.frame).unwrap_or(0),
            role: Role::Labelled,
            label: self.classes.label_of(image.expression).unwrap_or(-1),
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: false,
            parts: given
                .then_some(image.part.unwrap_or(Part::None))
                .into_iter()
                .collect(),
        }
    }
}

/// Names the expressions that have a folder and no image, where the classes are those that occur: they are no class then.
fn empty_folders(
    classes: &ClassMap,
    named: &BTreeSet<Expression>,
    options: &FolderOptions,
) -> Option<String> {
    let empty = named
        .iter()
        .filter(|&&expression| classes.label_of(expression).is_none());
    let names: Vec<_> = empty.map(|expression| expression.name()).collect();
    (options.classes.is_none() && !names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("There is a folder, but no image, of {names}: no class of this set.")
    })
}

/// Images of the classes; what is left out is counted in a note.
fn leave_out(images: &mut Vec<Image>, classes: &ClassMap) -> Option<String> {
    let mut left_out = BTreeMap::new();
    images.retain(|image| {
        let wanted = classes.label_of(image.expression).is_some();
        if !wanted {
            *left_out.entry(image.expression).or_insert(0) += 1;
        }
        wanted
    });
    left_out_note("images", &left_out)
}

/// Images whose path matches the pattern given; the others are skipped one by one.
fn keep_matching(images: &mut Vec<Known>) -> Result<Vec<Skipped>, Error> {
    let count = images.len();
    let (matching, others): (Vec<_>, Vec<_>) =
        images.drain(..).partition(|known| known.told.is_some());
    *images = matching;
    match others.first() {
        Some(example) if images.is_empty() => Err(Error::setting(
            "subject pattern",
            format!(
                "matches none of the {count} paths, such as '{}' (they are relative to the root, with /)",
                example.image.path
            ),
        )),
        _ => {
            let reason = "its path does not match the subject pattern";
            let skipped = others.into_iter();
            Ok(skipped
                .map(|known| Skipped::new(known.image.path, reason))
                .collect())
        }
    }
}

/// Where nearly all file names tell a subject, the few others are left out: kept, they would cost the subjects of all.
fn skip_strays(images: &mut Vec<Known>) -> Vec<Skipped> {
    let strays = images.iter().filter(|known| known.told.is_none()).count();
    if strays == 0 || strays * STRAYS_AMONG > images.len() {
        return Vec::new();
    }
    let (telling, strays): (Vec<_>, Vec<_>) =
        images.drain(..).partition(|known| known.told.is_some());
    *images = telling;
    let reason = "its name does not tell a subject, as nearly all others here do";
    let skipped = strays.into_iter();
    skipped
        .map(|known| Skipped::new(known.image.path, reason))
        .collect()
}

/// Names the archives that lie beside the class folders.
fn unread(archives: &[String]) -> Option<String> {
    (!archives.is_empty()).then(|| {
        format!(
            "Archives beside the class folders are not read: {} (if one of them holds the data, name it as the input).",
            listed(archives)
        )
    })
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "an empty folder".to_owned(),
        1..=8 => names.join(", "),
        more => format!("{} and {} more", names[..8].join(", "), more - 8),
    }
}

fn first_refused(tree: &FileTree) -> String {
    tree.refused().first().map_or(String::new(), |first| {
        format!("; not read: {} ({})", first.path, first.reason)
    })
}

fn too_few(
    tree: &FileTree,
    occurring: &[Expression],
    archives: &[String],
    options: &FolderOptions,
) -> Result<Error, Error> {
    let mut listed = listed(&tree.names("")?) + &first_refused(tree);
    if tree
        .names("")?
        .iter()
        .any(|name| name.eq_ignore_ascii_case("cohn-kanade-images"))
    {
        listed += "; this looks like CK+ itself, which is another source: ck_plus";
    }
    if let Some(archive) = archives.first() {
        let on_disk = tree.place(archive).is_file();
        listed += &match on_disk {
            true => format!("; if {archive} holds the data, name it as the input"),
            false => format!(
                "; if {archive}, an archive within the archive, holds the data, unpack the outer one"
            ),
        };
    }
    let wanted = match &options.classes {
        Some(classes) => format!("out of {}", classes.names().join(", ")),
        None => "named after it (anger, disgust, fear, happy, sadness, surprise …)".to_owned(),
    };
    Ok(Error::Layout {
        path: tree.root().to_path_buf(),
        expected: format!(
            "a folder of images for each class, {wanted}, at any depth, at least two of them (a number alone is no name: \
             write 3_happy for 3)"
        ),
        found: match occurring.first() {
            Some(only) => format!("{listed}; images of {only} alone"),
            None => listed,
        },
    })
}

/// Notes on images that have subject, sequence and frame in common: copies, or contradicting labels.
fn doubles(images: &[Known]) -> Vec<String> {
    let mut first: BTreeMap<(&str, &str, u32), &Image> = BTreeMap::new();
    let (mut copies, mut conflicts) = (Vec::new(), Vec::new());
    for Known { image, told, .. } in images {
        let Some(Told {
            subject,
            sequence: Some(sequence),
            frame: Some(frame),
        }) = told
        else {
            continue;
        };
        let seen = *first.entry((subject, sequence, *frame)).or_insert(image);
        match seen.expression == image.expression {
            _ if seen.path == image.path => {}
            true => copies.push((seen, image)),
            false => conflicts.push((seen, image)),
        }
    }
    let note = |pairs: &[(&Image, &Image)], what: &str| {
        let (a, b) = pairs.first()?;
        let (count, a, b) = (pairs.len(), &a.path, &b.path);
        Some(format!(
            "Images with the subject, sequence and frame of an earlier one {what}: {count} (first {b}, as {a}); all are kept."
        ))
    };
    let notes = [
        note(&copies, "of the same class"),
        note(
            &conflicts,
            "of another class, so that labels contradict each other (`faus data audit` tells more)",
        ),
    ];
    notes.into_iter().flatten().collect()
}

/// How folds are made, with subjects and order set accordingly, and notes that say why.
fn deal(images: &mut [Known], notes: &mut Vec<String>) -> Folding {
    let parts: BTreeSet<&str> = images
        .iter()
        .filter_map(|known| known.image.part.map(Part::name))
        .collect();
    let silent = images.iter().filter(|known| known.told.is_none());
    let (silent, example) = (silent.clone().count(), silent.map(|k| &k.image.path).next());
    let folding = match example {
        None => Folding::BySubject(by_subject(images, notes)),
        Some(example) => {
            let names = match silent == images.len() {
                true => format!("No file name tells a subject (such as {example})"),
                false => format!(
                    "Only {} of {} file names tell a subject ({example} does not)",
                    images.len() - silent,
                    images.len()
                ),
            };
            notes.push(format!(
                "{names}, so no fold keeps people apart; a subject pattern can tell where the person is in the paths."
            ));
            match parts.len() {
                3 => Folding::Given(1),
                _ => Folding::ByImage,
            }
        }
    };
    notes.extend(parts_note(images, &parts, &folding));
    match folding {
        // In order of person, as CK+ itself is listed.
        Folding::BySubject(_) => images.sort_by(|a, b| person(a).cmp(&person(b))),
        _ => images.sort_by(|a, b| {
            let key = |known: &Known| known.image.expression;
            (key(a), &a.image.path).cmp(&(key(b), &b.image.path))
        }),
    }
    folding
}

fn person(known: &Known) -> (i64, Option<&str>, Option<u32>, &str) {
    let told = known.told.as_ref();
    (
        known.subject,
        told.and_then(|told| told.sequence.as_deref()),
        told.and_then(|told| told.frame),
        &known.image.path,
    )
}

fn by_subject(images: &mut [Known], notes: &mut Vec<String>) -> BTreeSet<i64> {
    let texts: Vec<String> = images
        .iter()
        .map(|known| known.told.as_ref().map_or("", |t| &t.subject).to_owned())
        .collect();
    let (numbers, note) = numbers(texts.iter().map(String::as_str));
    notes.extend(note);
    for (known, text) in images.iter_mut().zip(&texts) {
        known.subject = numbers[text.as_str()];
    }
    numbers.into_values().collect()
}

/// What becomes of folders `train`, `test` and so on.
fn parts_note(images: &[Known], parts: &BTreeSet<&str>, folding: &Folding) -> Option<String> {
    let names: Vec<_> = parts.iter().copied().collect();
    let names = names.join(", ");
    let unused = images.iter().filter(|known| known.image.part.is_none());
    let why = match folding {
        _ if parts.is_empty() => return None,
        Folding::Given(_) => {
            let used = "The folders train, validation and test are one given split";
            return Some(match unused.count() {
                0 => format!("{used}."),
                outside => format!("{used}; images outside of them, in no part: {outside}."),
            });
        }
        Folding::BySubject(_) => "since folds keep people apart here",
        Folding::ByImage => "which would take train, validation and test",
    };
    Some(format!(
        "Folders name parts of a split ({names}); they are not used, {why} (`faus data audit` can check the split)."
    ))
}

impl Source for Folders {
    fn name(&self) -> &str {
        "class folders"
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn synthetic(&self) -> bool {
        self.tree.is_file(crate::read::ck_plus::SYNTHETIC_MARK)
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(Scan {
            samples: self.images.iter().map(|known| self.sample(known)).collect(),
            skipped: self.skipped.clone(),
            read: Vec::new(),
            folding: self.folding.clone(),
            notes: self.notes.clone(),
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.tree, &sample.path)
    }
}
