//! CK+, the Extended Cohn-Kanade data set (Lucey et al. 2010), in its official layout.

mod layout;
mod sequence;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use crate::error::Error;
use crate::label::class_map::ClassMap;
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT};
use crate::read::name::join;
use crate::read::pixel_csv::left_out_note;
use crate::read::source::{Fetched, Folding, RawSample, Scan, Source, landmark_file};
use crate::read::tree::FileTree;

pub use layout::frame_name;
use layout::{Layout, Place, number, subject_number};
use sequence::{Found, Sequence};

/// The file by which `faus-synth` marks what it drew.
pub const SYNTHETIC_MARK: &str = "synthetic.json";

/// A copy of CK+ on disk.
///
/// Of every recording with an emotion label the first frame is neutral and the last three carry the label; of every
/// recording with FACS codes alone the last frame is held out (DESIGN 2). Both spellings of the label folders are
/// accepted, hidden files are passed over, an empty label folder means unlabelled.
///
/// A copy that was made by `faus-synth` has a file `synthetic.json` in its root and is marked as synthetic from there on.
#[derive(Debug, Clone)]
pub struct CkPlus {
    layout: Layout,
    classes: ClassMap,
    mark: Option<SyntheticMark>,
}

/// A recording's folder in one part: subject, number, and the names of both folders.
type Recorded = (i64, i64, (String, String));

/// Contents of `synthetic.json`.
#[derive(Debug, Clone, Deserialize)]
struct SyntheticMark {
    generator: String,
    /// `ck-plus` or `isolated-aus`; empty before there were two.
    #[serde(default)]
    kind: String,
    #[serde(default)]
    faces_version: Option<u32>,
}

impl CkPlus {
    /// Finds the parts of the copy in `root`: the folder of `cohn-kanade-images`, unpacked or as the archives that CK+ comes
    /// in; its parent; a `.zip` of either; or the images' folder itself.
    ///
    /// # Errors
    /// [`Error::Layout`] saying what was expected and what lies there; [`Error::Parse`] for a damaged `synthetic.json`.
    pub fn open(root: &Path, classes: ClassMap) -> Result<Self, Error> {
        Self::with(Layout::find(root)?, classes)
    }

    /// [`open`](Self::open) with the files of any tree.
    pub(crate) fn in_tree(tree: FileTree, classes: ClassMap) -> Result<Self, Error> {
        let given = tree.root().to_path_buf();
        Self::with(Layout::in_tree(&given, tree)?, classes)
    }

    fn with(layout: Layout, classes: ClassMap) -> Result<Self, Error> {
        let mark = synthetic_mark(&layout.tree)?;
        Ok(Self {
            layout,
            classes,
            mark,
        })
    }

    /// The files, from the folder on that holds the parts.
    pub(crate) fn tree(&self) -> &FileTree {
        &self.layout.tree
    }

    /// Every recording, in order of subject and number, and the folders that should be some but are not named as such.
    /// Label folders are looked into as well, so that a label without images is noticed.
    fn sequences(&self) -> Result<(Vec<Sequence>, Vec<Skipped>), Error> {
        let (mut all, mut misnamed) = (BTreeMap::new(), Vec::new());
        for place in [Place::Images, Place::Emotion, Place::Facs, Place::Landmarks] {
            let Some(part) = self.layout.part(place) else {
                continue;
            };
            let there = match self.recordings(part, &mut misnamed) {
                // The detector stands in for landmarks; nothing does for labels.
                Err(error) if place == Place::Landmarks => {
                    misnamed.push(Skipped::new(part, error.reason()));
                    continue;
                }
                there => there?,
            };
            for (subject, at, folders) in there {
                let path = format!("{part}/{}/{}", folders.0, folders.1);
                let entry = all.entry((subject, at, folders.1.clone()));
                // Landmarks alone are no recording.
                if place == Place::Landmarks && matches!(entry, Entry::Vacant(_)) {
                    continue;
                }
                let sequence = entry.or_insert_with(|| Sequence {
                    subject,
                    folders,
                    places: Default::default(),
                });
                match &mut sequence.places[place as usize] {
                    Some(taken) => {
                        let reason = format!("the same recording again; {taken} was taken");
                        misnamed.push(Skipped::new(path, reason));
                    }
                    none => *none = Some(path),
                }
            }
        }
        Ok((all.into_values().collect(), misnamed))
    }

    /// The recordings' folders in a part.
    fn recordings(&self, part: &str, misnamed: &mut Vec<Skipped>) -> Result<Vec<Recorded>, Error> {
        let tree = &self.layout.tree;
        let mut all = Vec::new();
        for subject_name in tree.names(part)? {
            let folder = join(part, &subject_name);
            if !tree.is_folder(&folder) || is_hidden(&subject_name) {
                continue;
            }
            let Some(subject) = subject_number(&subject_name) else {
                let reason = "a subject's folder has a name like S005";
                misnamed.push(Skipped::new(folder, reason));
                continue;
            };
            for name in tree.names(&folder)? {
                let path = join(&folder, &name);
                if !tree.is_folder(&path) || is_hidden(&name) {
                    continue;
                }
                match number(&name) {
                    Some(at) => all.push((subject, at, (subject_name.clone(), name))),
                    None => {
                        let reason = "a sequence's folder has a name like 001";
                        misnamed.push(Skipped::new(path, reason));
                    }
                }
            }
        }
        Ok(all)
    }
}

/// What systems leave behind is no data.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

fn synthetic_mark(tree: &FileTree) -> Result<Option<SyntheticMark>, Error> {
    if !tree.is_file(SYNTHETIC_MARK) {
        return Ok(None);
    }
    let bytes = tree.read(SYNTHETIC_MARK, TEXT_LIMIT)?;
    let mark = serde_json::from_slice(&bytes).map_err(|error| {
        Error::parse(format!(
            "{}: not what faus-synth writes: {error}",
            tree.place(SYNTHETIC_MARK).display()
        ))
    })?;
    Ok(Some(mark))
}

impl Source for CkPlus {
    fn name(&self) -> &str {
        match &self.mark {
            Some(mark) if mark.generator == "faus-synth" => "synthetic CK+ (faus-synth)",
            Some(_) => "synthetic CK+",
            None => "CK+",
        }
    }

    fn root(&self) -> &Path {
        self.layout.tree.root()
    }

    fn synthetic(&self) -> bool {
        self.mark.is_some()
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let (sequences, misnamed) = self.sequences()?;
        let found: Vec<(i64, Found)> = sequences
            .par_iter()
            .map(|s| (s.subject, s.read(&self.layout, &self.classes)))
            .collect();
        let mut scan = Scan {
            samples: Vec::new(),
            skipped: self
                .layout
                .tree
                .refused()
                .into_iter()
                .chain(misnamed)
                .collect(),
            read: Vec::new(),
            folding: Folding::ByImage,
            notes: Vec::new(),
        };
        let (mut with_file, mut labelled) = (BTreeSet::new(), BTreeSet::new());
        let (mut bare, mut left_out) = (Vec::new(), BTreeMap::new());
        let (mut late, mut gaps) = (Vec::new(), Vec::new());
        for ((subject, found), sequence) in found.into_iter().zip(&sequences) {
            if found.bare {
                bare.push(sequence.name());
            }
            late.extend(
                found
                    .late
                    .map(|first| format!("{} with {first}", sequence.name())),
            );
            gaps.extend(
                found
                    .gap
                    .map(|last| format!("{} with {last:?}", sequence.name())),
            );
            for expression in found.left_out {
                *left_out.entry(expression).or_insert(0) += 1;
            }
            if found.has_file {
                with_file.insert(subject);
            }
            if found.labelled {
                labelled.insert(subject);
            }
            scan.samples.extend(found.samples);
            scan.skipped.extend(found.skipped);
            scan.read.extend(found.read);
        }
        if labelled.is_empty() {
            let emotion = self.layout.tree.place(&self.layout.emotion);
            return Err(match self.mark.as_ref().map(|mark| mark.kind.as_str()) {
                Some("isolated-aus") => Error::NothingLabelled {
                    path: emotion,
                    reason: "these are single action units without expressions (faus synth --isolated-aus): there is no label to train on. isolated.csv lists the pictures".to_owned(),
                },
                _ => nothing_labelled(&emotion, sequences.len(), &scan),
            });
        }
        scan.notes.extend(unreadable(&with_file, &labelled));
        scan.folding = Folding::BySubject(labelled);
        let version = self.mark.as_ref().and_then(|mark| mark.faces_version);
        scan.notes
            .extend(version.map(|v| format!("Drawn faces, version {v}.")));
        scan.notes.extend(left_out_note("images", &left_out));
        scan.notes.extend(late.first().map(|first| {
            format!(
                "Recordings that do not begin with frame 1, so that what was taken for neutral may not be: {} (first {first}).",
                late.len()
            )
        }));
        scan.notes.extend(gaps.first().map(|first| {
            format!(
                "Recordings whose last three frames do not follow one another, so that frames may be missing and others were \
                 taken for them: {} (first {first}).",
                gaps.len()
            )
        }));
        scan.notes.extend(empty_codings(&scan));
        if self.layout.facs.is_some() {
            scan.notes.extend(neither(&bare));
        }
        scan.notes.extend(self.layout.tree.inner_archive().map(|inner| {
            format!(
                "{} lies within an archive, so nothing of it is read; if it is wanted, unpack the outer one and name its folder.",
                inner.display()
            )
        }));
        if self.layout.facs.is_none() {
            scan.notes.push("There is no folder FACS or FACS_labels: no image has action-unit codes, and none is held out.".to_owned());
        }
        if self.layout.landmarks.is_none() {
            scan.notes.push(
                "There is no folder Landmarks: faces are looked for by the detector.".to_owned(),
            );
        }
        Ok(scan)
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.layout.tree, &sample.path)
    }

    fn landmarks(&self, path: &str) -> Result<(String, ReadFile), Error> {
        landmark_file(&self.layout.tree, path)
    }
}

/// Names the people who have emotion files, but none that can be read: whole copies deal their folds with them.
fn unreadable(with_file: &BTreeSet<i64>, labelled: &BTreeSet<i64>) -> Option<String> {
    let names: Vec<_> = with_file
        .difference(labelled)
        .map(|subject| format!("S{subject:03}"))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "No emotion file of {} can be read: the folds are dealt without, so other people's may differ from those of \
             a whole copy.",
            names.join(", ")
        )
    })
}

/// Names the recordings of which nothing is taken, since nobody said what they show.
fn neither(bare: &[String]) -> Option<String> {
    let first = bare.first()?;
    Some(format!(
        "Recordings with neither an emotion label nor FACS codes, of which nothing is taken: {} (first {first}).",
        bare.len()
    ))
}

/// Names the recordings whose FACS file holds no line: that means that nothing was seen, or that the file was cut off.
fn empty_codings(scan: &Scan) -> Option<String> {
    let empty = scan
        .samples
        .iter()
        .filter(|s| s.aus.scores().is_some_and(|scores| scores.is_empty()));
    let names: Vec<_> = empty.map(|s| s.sequence.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} FACS files are empty and count as coded without any action unit: {}.",
            names.len(),
            names.join(", ")
        )
    })
}

fn nothing_labelled(emotion: &Path, sequences: usize, scan: &Scan) -> Error {
    let first = scan.skipped.first().map(|s| {
        format!(
            "; first of {} bad inputs: {}: {}",
            scan.skipped.len(),
            s.path,
            s.reason
        )
    });
    let reason = format!(
        "{sequences} sequences, none with an emotion label S005/001/S005_001_00000011_emotion.txt{}",
        first.unwrap_or_default()
    );
    Error::NothingLabelled {
        path: emotion.to_path_buf(),
        reason,
    }
}
