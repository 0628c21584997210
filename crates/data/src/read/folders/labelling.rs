//! The expression of each image: from the folders above it, from its file name, or from a list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use faus_base::person::Person;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::label_map::{Label, Misspelt};
use crate::label::{Expression, LabelMap};
use crate::read::file::{ReadFile, Skipped, read_bounded};
use crate::read::folders::list::{Entry, LIST_LIMIT, List};
use crate::read::folders::people::{Identity, Pattern};
use crate::read::folders::presets::{self, Preset};
use crate::read::folders::walk::{Found, IMAGES_LIMIT, Walk};
use crate::read::name::{folder, split, stem, unaligned};
use crate::read::places;
use crate::read::tree::FileTree;

/// How the labels of a folder of images are found.
#[derive(Debug, Clone, Default)]
pub struct FolderLabels {
    /// A preset (`jaffe`, `kdef`, `rafd`, `raf_db`) or a regular expression over the path with the group `label` and,
    /// optionally, `subject`, `sequence`, `frame` and `part`; `None`: the folders' names.
    pub pattern: Option<String>,
    /// A list `path label`, or a table with such columns, which wins over the pattern and the folders.
    pub list: Option<PathBuf>,
    /// The meaning of labels that are numbers.
    pub label_map: LabelMap,
}

/// An image with its expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub path: String,
    pub expression: Expression,
    pub part: Option<Part>,
    /// The subject in its name.
    pub identity: Option<Identity>,
}

/// A label before codes are resolved, or why there is none.
type Reading = Result<Label, String>;

/// The images that have an expression.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    pub images: Vec<Image>,
    /// The findings on the way to them, and why other images have none.
    pub walk: Walk,
    /// Whether their labels come from the folders' names.
    pub by_folders: bool,
    pub read: Vec<ReadFile>,
    pub notes: Vec<String>,
    /// The numbers of folders that could be classes, if they were not read.
    pub numbered: BTreeSet<u8>,
}

/// The labels to use, checked.
pub(super) struct Labels {
    pattern: Option<Pattern>,
    /// Finds the people: the pattern given, else that of the labels, else CK+'s.
    people: Pattern,
    preset: Option<&'static Preset>,
    /// Whether the people may be those of the list: no subject pattern is given.
    by_list: bool,
    list: Option<PathBuf>,
    label_map: LabelMap,
}

/// A label, and what the list tells of the image besides.
struct Told {
    label: Reading,
    subject: Option<String>,
    part: Option<Part>,
}

impl From<Reading> for Told {
    fn from(label: Reading) -> Self {
        Self {
            label,
            subject: None,
            part: None,
        }
    }
}

impl Labels {
    /// # Errors
    /// [`Error::Setting`] for a pattern that is wrong.
    pub fn new(given: &FolderLabels, subject_pattern: Option<&str>) -> Result<Self, Error> {
        let pattern = given.pattern.as_deref();
        let preset = pattern.and_then(presets::of);
        let pattern = pattern.map(Pattern::of_labels).transpose()?;
        let own = preset.and_then(Preset::list).map(|(_, map)| map);
        if let Some(own) = own.filter(|own| ![&LabelMap::Auto, own].contains(&&given.label_map)) {
            let reason = format!(
                "{} contradicts the label pattern, whose codes are {own}'s",
                given.label_map
            );
            return Err(Error::setting("label map", reason));
        }
        Ok(Self {
            people: match (subject_pattern, &pattern) {
                (None, Some(pattern)) if pattern.has("subject") => pattern.clone(),
                (given, _) => Pattern::new(given)?,
            },
            pattern,
            preset,
            by_list: subject_pattern.is_none(),
            list: given.list.clone(),
            label_map: match (&given.label_map, preset.and_then(Preset::list)) {
                (LabelMap::Auto, Some((_, map))) => map,
                (map, _) => map.clone(),
            },
        })
    }

    /// The expression of every image of the walk.
    ///
    /// # Errors
    /// A list that cannot be read, and numbers whose meaning is not known.
    pub fn of(&self, tree: &FileTree, mut walk: Walk) -> Result<Labelled, Error> {
        let found = std::mem::take(&mut walk.images);
        let mut misspelt = Misspelt::new();
        let mut labelled = Labelled {
            by_folders: self.pattern.is_none() && self.list.is_none(),
            walk,
            ..Labelled::default()
        };
        let told: Vec<Told> = match (self.list(tree)?, &self.pattern) {
            (Some((file, list)), _) => {
                let within = match self.list {
                    None => set_of(&file.path, &found),
                    Some(_) => "",
                };
                let labels = from_list(&list, within, &found, &mut labelled.notes, &mut misspelt);
                labelled.read.push(file);
                labels
            }
            (None, Some(pattern)) => {
                let label = |found: &Found| in_name(pattern, &found.path, &mut misspelt).into();
                found.iter().map(label).collect()
            }
            (None, None) => {
                let labels = self.of_folders(&found, &mut labelled).into_iter();
                labels.map(Told::from).collect()
            }
        };
        if !labelled.by_folders {
            labelled.walk.misspelt = misspelt;
        }
        let known = told.iter().flat_map(|told| &told.label).copied();
        let codes = self.label_map.codes(known, false);
        let wrong = |reason| {
            let is_code = |(_, told): &(&Found, &Told)| matches!(told.label, Ok(Label::Code(_)));
            let mut numbers = found.iter().zip(&told).filter(is_code);
            let first = numbers.next().map_or("", |(found, _)| &found.path);
            let (count, all) = (1 + numbers.count(), found.len());
            let which = format!("labels of {count} of {all} images are numbers (first {first})");
            Error::unusable(tree.root(), format!("{which}: {reason}"))
        };
        let (codes, note) = codes.map_err(wrong)?;
        labelled.notes.extend(note);
        let no_class = |number| format!("images of the number {number}, which is no class");
        let mut lost: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
        let mut against = Vec::new();
        for (found, told) in found.into_iter().zip(told) {
            let label = told.label.as_ref().map_err(String::clone);
            match label.and_then(|label| codes.expression(*label).map_err(no_class)) {
                Ok(expression) => {
                    let of_folder = found.above.expression.filter(|own| *own != expression);
                    against.extend(of_folder.map(|_| format!("{}, {expression}", found.path)));
                    labelled.images.push(self.image(found, expression, told));
                }
                Err(reason) => {
                    let group = lost.entry((folder(&found.path).to_owned(), reason));
                    group.or_insert((0, found.path)).0 += 1;
                }
            }
        }
        let lost = lost.into_iter().map(|((folder, reason), (count, first))| {
            let example = match labelled.by_folders {
                true => String::new(),
                false => format!(" (first {first})"),
            };
            Skipped::new(folder, format!("{reason}: {count}{example}")).of_images(count)
        });
        labelled.walk.skipped.extend(lost);
        let against = against.first().map(|first| {
            let count = against.len();
            format!("Labels that contradict the class folder of their image: {count} (first {first}); folders do not count here.")
        });
        labelled.notes.extend(against);
        Ok(labelled)
    }

    fn image(&self, found: Found, expression: Expression, told: Told) -> Image {
        let pattern = self.pattern.as_ref();
        let named = pattern.and_then(|pattern| pattern.group(&found.path, "part"));
        let named = named.as_deref().and_then(Part::from_name);
        let in_name = self.people.read(&found.path);
        let identity = match told.subject.filter(|_| self.by_list) {
            None => in_name,
            Some(subject) => Person::of(&subject).map(|_| {
                let (sequence, frame) =
                    in_name.map_or((None, None), |own| (own.sequence, own.frame));
                Identity {
                    subject,
                    sequence,
                    frame,
                }
            }),
        };
        Image {
            expression,
            part: told.part.or(named).or(found.above.part),
            identity,
            path: found.path,
        }
    }

    /// The list that was given, or the preset's, which is looked for in the tree.
    fn list(&self, tree: &FileTree) -> Result<Option<(ReadFile, List)>, Error> {
        let (name, bytes) = match (&self.list, self.preset.and_then(Preset::list)) {
            (Some(path), _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                (name.into_owned(), read_bounded(path, LIST_LIMIT)?)
            }
            (None, Some((wanted, _))) => {
                let path = find(tree, wanted)?;
                let bytes = tree.read(&path, LIST_LIMIT)?;
                (path, bytes)
            }
            (None, None) => return Ok(None),
        };
        let list = List::read(&bytes);
        let list = list.map_err(|reason| Error::unusable(Path::new(&name), reason))?;
        Ok(Some((ReadFile::new(name, &bytes), list)))
    }

    fn of_folders(&self, found: &[Found], labelled: &mut Labelled) -> Vec<Reading> {
        let auto = self.label_map == LabelMap::Auto;
        let named = found.iter().any(|found| found.above.expression.is_some());
        let number = |found: &Found| found.above.number.filter(|_| !auto || !named);
        let unnamed = |found: &&Found| found.above.expression.is_none();
        let numbers = Vec::from_iter(found.iter().filter(unnamed).filter_map(number));
        let codes = numbers.iter().copied().map(Label::Code);
        // Folders of numbers alone may be people, or classes without names: a data set of its own kind.
        if auto && self.label_map.codes(codes, false).is_err() {
            labelled.numbered = numbers.into_iter().collect();
        }
        let label = |found: &Found| match (found.above.expression, number(found), found.above.like)
        {
            (Some(expression), ..) => Ok(Label::Name(expression)),
            (None, Some(number), _) if labelled.numbered.is_empty() => Ok(Label::Code(number)),
            (None, None, Some(like)) => Err(format!(
                "images in a folder whose name is only like {like} (rename it to {like} to include them)"
            )),
            _ => Err("images in no folder that names an expression".to_owned()),
        };
        found.iter().map(label).collect()
    }
}

fn read(text: &str, misspelt: &mut Misspelt) -> Reading {
    Label::read(text, misspelt).map_err(|reason| format!("images with the label {reason}"))
}

fn in_name(pattern: &Pattern, path: &str, misspelt: &mut Misspelt) -> Reading {
    let text = pattern.group(path, "label").filter(|text| !text.is_empty());
    let text = text.ok_or("images whose path does not match the label pattern")?;
    read(&text, misspelt)
}

/// The folder of the images of a list in `EmoLabel/`, beside which they are: RAF-DB comes as `basic` and `compound`, with lists of
/// the same name.
fn set_of<'a>(list: &'a str, found: &[Found]) -> &'a str {
    let above = split(split(list).0).0;
    let within = |found: &Found| is_within(&found.path, above);
    if found.iter().any(within) { above } else { "" }
}

fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.is_empty() || rest.starts_with('/'))
}

/// The labels of a list of the images `within` a folder, with a note on what it holds and what it does not.
fn from_list(
    list: &List,
    within: &str,
    found: &[Found],
    notes: &mut Vec<String>,
    misspelt: &mut Misspelt,
) -> Vec<Told> {
    // RAF-DB comes with its photographs beside the faces cut out of them.
    let names = found.iter().map(|found| split(&found.path).1);
    let crops: BTreeSet<&str> = names.filter_map(unaligned).collect();
    let cut_out = |found: &Found| crops.contains(stem(split(&found.path).1));
    let outside = |found: &Found| !is_within(&found.path, within);
    let path = |found: &'_ Found| match cut_out(found) || outside(found) {
        true => String::new(),
        false => found.path.clone(),
    };
    let paths = Vec::from_iter(found.iter().map(path));
    let entries = list.entries_of(paths.iter().map(String::as_str));
    let matched = entries.of_images.iter().flatten().count();
    let all = found.iter().filter(|found| !outside(found)).count();
    let lost = entries.missing.first().map_or(String::new(), |at| {
        let (first, count) = (&list.entries[*at].path, entries.missing.len());
        format!("; lines without an image, or with several: {count} (first {first})")
    });
    notes.push(format!(
        "The list of labels names {matched} of {all} images{lost}."
    ));
    notes.extend(places::elsewhere(entries.elsewhere));
    let columns = Vec::from_iter([&list.subject, &list.part].into_iter().flatten().cloned());
    notes.extend((!columns.is_empty()).then(|| {
        let columns = columns.join("` and `");
        format!("The list also names people or parts (`{columns}`), which win over those in paths unless a subject pattern is given.")
    }));
    let lost_names = list.lost_names(&entries);
    let unnamed = |found: &Found| {
        if outside(found) {
            format!("images outside of {within}, whose list of labels is used")
        } else if cut_out(found) {
            "photographs whose cut-out face (_aligned) is used".to_owned()
        } else if lost_names.contains(split(&found.path).1) {
            "images whose file name is in the list, but is that of several images or lines: write paths with folders".to_owned()
        } else {
            "images that the list of labels does not name".to_owned()
        }
    };
    let label = |(found, entry): (&Found, Option<usize>)| match entry {
        Some(entry) => told(list, &list.entries[entry], misspelt),
        None => Err(unnamed(found)).into(),
    };
    found.iter().zip(entries.of_images).map(label).collect()
}

fn told(list: &List, entry: &Entry, misspelt: &mut Misspelt) -> Told {
    let (label, part) = match list.part(entry) {
        Ok(part) => (read(&entry.label, misspelt), part),
        Err(fault) => (Err(fault), None),
    };
    Told {
        label,
        subject: list.subject.as_ref().map(|_| entry.subject.clone()),
        part,
    }
}

/// The first file with this name, in order of folders.
fn find(tree: &FileTree, wanted: &str) -> Result<String, Error> {
    const DEPTH: usize = 4;
    let paths = tree.walk(DEPTH, IMAGES_LIMIT)?.into_iter();
    let named = |path: &String| split(path).1.eq_ignore_ascii_case(wanted);
    let named = paths.filter(|(path, is_folder)| !is_folder && named(path));
    let first = named.min_by_key(|(path, _)| split(path).0.to_owned());
    first.map(|(path, _)| path).ok_or_else(|| {
        let expected =
            format!("{wanted} in one of the folders (or give the list of labels with --labels)");
        Error::layout(tree.root(), expected, "none")
    })
}
