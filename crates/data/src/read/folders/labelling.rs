//! The expression of each image: from the folders above it, from its file name, or from a list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::text::{brief, digits};
use crate::label::{Expression, LabelMap};
use crate::read::file::{ReadFile, Skipped, read_bounded};
use crate::read::folders::list::{LIST_LIMIT, List};
use crate::read::folders::people::{Identity, Pattern};
use crate::read::folders::presets::{self, Preset};
use crate::read::folders::walk::{Found, IMAGES_LIMIT, Walk};
use crate::read::name::{folder, split, stem, unaligned};
use crate::read::places;
use crate::read::tree::FileTree;

const NO_FOLDER: &str = "images in no folder that names an expression";

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
    /// The subject in its name; left empty here.
    pub identity: Option<Identity>,
}

/// A label before numbers are resolved.
enum Label {
    Is(Expression),
    Number(u8),
    /// Why there is none.
    None(String),
}

/// The images that have an expression, and why the others do not.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    pub images: Vec<Image>,
    pub skipped: Vec<Skipped>,
    pub read: Vec<ReadFile>,
    pub notes: Vec<String>,
    /// The numbers of folders that could be classes, if they were not read.
    pub numbered: BTreeSet<u8>,
}

/// The labels to use, checked.
pub(super) struct Labels {
    pub pattern: Option<Pattern>,
    preset: Option<&'static Preset>,
    list: Option<PathBuf>,
    label_map: LabelMap,
}

impl Labels {
    /// # Errors
    /// [`Error::Setting`] for a pattern that is wrong.
    pub fn new(given: &FolderLabels) -> Result<Self, Error> {
        let pattern = given.pattern.as_deref();
        let preset = pattern.and_then(presets::of);
        Ok(Self {
            pattern: pattern.map(Pattern::of_labels).transpose()?,
            preset,
            list: given.list.clone(),
            label_map: match (&given.label_map, preset) {
                (LabelMap::Auto, Some(preset)) => preset.label_map.clone(),
                (map, _) => map.clone(),
            },
        })
    }

    /// The expression of every image of the walk.
    ///
    /// # Errors
    /// A list that cannot be read, and numbers whose meaning is not known.
    pub fn of(&self, tree: &FileTree, walk: &mut Walk) -> Result<Labelled, Error> {
        let found = std::mem::take(&mut walk.images);
        let mut labelled = Labelled::default();
        let labels = match (self.list(tree)?, &self.pattern) {
            (Some((file, list)), _) => {
                labelled.read.push(file);
                from_list(&list, &found, &mut labelled.notes)
            }
            (None, Some(pattern)) => found.iter().map(|f| in_name(pattern, &f.path)).collect(),
            (None, None) => self.of_folders(&found, &mut labelled),
        };
        let labels = self.resolved(tree, labels, &mut labelled.notes)?;
        let mut lost: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
        for (found, label) in found.into_iter().zip(labels) {
            match label {
                Ok(expression) => labelled.images.push(self.image(found, expression)),
                Err(reason) => {
                    let folder = folder(&found.path);
                    let group = lost.entry((folder.to_owned(), reason));
                    group.or_insert((0, found.path)).0 += 1;
                }
            }
        }
        let lost = lost.into_iter().map(|((folder, reason), (count, first))| {
            let example = if self.beside_folders() {
                format!(" (first {first})")
            } else {
                String::new()
            };
            Skipped::new(folder, format!("{reason}: {count}{example}")).of_images(count)
        });
        labelled.skipped.extend(lost);
        Ok(labelled)
    }

    /// Whether labels come from anything but folders.
    pub fn beside_folders(&self) -> bool {
        self.pattern.is_some() || self.list.is_some()
    }

    fn image(&self, found: Found, expression: Expression) -> Image {
        let named = self
            .pattern
            .as_ref()
            .and_then(|p| p.group(&found.path, "part"));
        Image {
            expression,
            part: named.and_then(Part::from_name).or(found.above.part),
            identity: None,
            path: found.path,
        }
    }

    /// The list that was given, or the preset's, which is looked for in the tree.
    fn list(&self, tree: &FileTree) -> Result<Option<(ReadFile, List)>, Error> {
        let (name, bytes) = match (&self.list, self.preset.and_then(|preset| preset.list)) {
            (Some(path), _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                (name.into_owned(), read_bounded(path, LIST_LIMIT)?)
            }
            (None, Some(wanted)) => {
                let path = find(tree, wanted).ok_or_else(|| {
                    let expected = format!(
                        "{wanted} in one of the folders (or give the list of labels with --labels)"
                    );
                    Error::layout(tree.root(), expected, "none")
                })?;
                let bytes = tree.read(&path, LIST_LIMIT)?;
                (path, bytes)
            }
            (None, None) => return Ok(None),
        };
        let list =
            List::read(&bytes).map_err(|reason| Error::unusable(Path::new(&name), reason))?;
        Ok(Some((ReadFile::new(name, &bytes), list)))
    }

    fn of_folders(&self, found: &[Found], labelled: &mut Labelled) -> Vec<Label> {
        let named = found.iter().any(|found| found.above.expression.is_some());
        let numbers = self.label_map != LabelMap::Auto || !named;
        let label = |found: &Found| {
            let above = &found.above;
            match (
                above.expression,
                above.number.filter(|_| numbers),
                above.like,
            ) {
                (Some(expression), ..) => Label::Is(expression),
                (None, Some(number), _) => Label::Number(number),
                (None, None, Some(like)) => Label::None(format!(
                    "images in a folder whose name is only like {like} (rename it to {like} to include them)"
                )),
                (None, None, None) => Label::None(NO_FOLDER.to_owned()),
            }
        };
        let mut labels: Vec<Label> = found.iter().map(label).collect();
        let number = |label: &Label| match label {
            Label::Number(number) => Some(*number),
            _ => None,
        };
        let counts = counts(&labels);
        // Folders of numbers alone may be people, or classes without names: a data set of its own kind.
        if self.label_map == LabelMap::Auto && self.label_map.resolve_known(&counts).is_err() {
            labelled.numbered = labels.iter().filter_map(number).collect();
            for label in labels.iter_mut().filter(|label| number(label).is_some()) {
                *label = Label::None(NO_FOLDER.to_owned());
            }
        }
        labels
    }

    /// The expressions, or why there is none.
    fn resolved(
        &self,
        tree: &FileTree,
        labels: Vec<Label>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Result<Expression, String>>, Error> {
        let counts = counts(&labels);
        let codes = match counts == [0; 256] {
            true => None,
            false => {
                let resolved = self.label_map.resolve_known(&counts);
                let wrong =
                    |reason| Error::unusable(tree.root(), format!("labels are numbers: {reason}"));
                let (codes, note) = resolved.map_err(wrong)?;
                notes.push(note);
                Some(codes)
            }
        };
        let expression = |label| match label {
            Label::Is(expression) => Ok(expression),
            Label::None(reason) => Err(reason),
            Label::Number(number) => {
                let named = codes.as_ref().and_then(|codes| codes.of(number));
                named.ok_or_else(|| format!("images of the number {number}, which is no class"))
            }
        };
        Ok(labels.into_iter().map(expression).collect())
    }
}

fn counts(labels: &[Label]) -> [usize; 256] {
    let mut counts = [0; 256];
    for label in labels {
        if let Label::Number(number) = label {
            counts[usize::from(*number)] += 1;
        }
    }
    counts
}

fn read(text: &str) -> Label {
    match Expression::from_label(text) {
        Some(expression) => Label::Is(expression),
        None => digits(text, 3).map_or_else(
            || {
                Label::None(format!(
                    "images with the label '{}', which names no expression",
                    brief(text)
                ))
            },
            Label::Number,
        ),
    }
}

fn in_name(pattern: &Pattern, path: &str) -> Label {
    let text = pattern.group(path, "label").filter(|text| !text.is_empty());
    let none = || Label::None("images whose path does not match the label pattern".to_owned());
    text.map_or_else(none, read)
}

/// The labels of a list, with a note on what it holds and what it does not.
fn from_list(list: &List, found: &[Found], notes: &mut Vec<String>) -> Vec<Label> {
    // RAF-DB comes with its photographs beside the faces cut out of them.
    let crops = found
        .iter()
        .filter_map(|found| unaligned(split(&found.path).1));
    let crops: BTreeSet<&str> = crops.collect();
    let cut_out = |found: &Found| crops.contains(stem(split(&found.path).1));
    let paths = found
        .iter()
        .map(|found| if cut_out(found) { "" } else { &found.path });
    let found_by = list.entries_of(paths);
    let matched = found_by.of_images.iter().flatten().count();
    let mut note = format!(
        "The list of labels names {matched} of {} images",
        found.len()
    );
    if let Some((first, _)) = found_by.missing.first().map(|at| &list.entries[*at]) {
        let count = found_by.missing.len();
        note += &format!("; lines without an image, or with several: {count} (first {first})");
    }
    notes.push(note + ".");
    notes.extend(places::elsewhere(found_by.elsewhere));
    let label = |(found, entry): (&Found, Option<usize>)| match entry {
        Some(entry) => read(&list.entries[entry].1),
        None if cut_out(found) => {
            Label::None("photographs whose cut-out face (_aligned) is used".to_owned())
        }
        None => Label::None("images that the list of labels does not name".to_owned()),
    };
    found.iter().zip(found_by.of_images).map(label).collect()
}

/// The first file with this name, in order of folders.
fn find(tree: &FileTree, wanted: &str) -> Option<String> {
    const DEPTH: usize = 4;
    let paths = tree.walk(DEPTH, IMAGES_LIMIT).ok()?.into_iter();
    let paths = paths
        .filter(|(_, is_folder)| !is_folder)
        .map(|(path, _)| path);
    let named = paths.filter(|path| split(path).1.eq_ignore_ascii_case(wanted));
    named.min_by_key(|path| split(path).0.to_owned())
}
