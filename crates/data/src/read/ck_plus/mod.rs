//! CK+, the Extended Cohn-Kanade data set (Lucey et al. 2010), in its official layout.

mod layout;
mod notes;
mod sequence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use crate::error::Error;
use crate::label::ClassMap;
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT};
use crate::read::name::join;
use crate::read::source::{Fetched, Folding, RawSample, Scan, Source, landmark_file};
use crate::read::tree::FileTree;

pub use layout::frame_name;
use layout::{Layout, Place, number, subject_number};
use sequence::{Found, Sequence};

/// The file by which `faus-synth` marks its output.
pub const SYNTHETIC_MARK: &str = "synthetic.json";

/// A copy of CK+ on disk.
///
/// In each recording with an emotion label, the first frame is neutral and the last three carry the label; in each
/// recording with only FACS codes, the last frame is held out (the protocol of the paper's authors). Both spellings of
/// the label folders are accepted, hidden files are skipped, an empty label folder means unlabelled.
///
/// A copy that was made by `faus-synth` has a file `synthetic.json` in its root and is marked as synthetic throughout.
#[derive(Debug, Clone)]
pub struct CkPlus {
    layout: Layout,
    classes: ClassMap,
    mark: Option<SyntheticMark>,
}

/// Contents of `synthetic.json`.
#[derive(Debug, Clone, Deserialize)]
struct SyntheticMark {
    generator: String,
    #[serde(default)]
    faces_version: Option<u32>,
}

impl CkPlus {
    /// Finds the parts of the copy in `root`: the folder of `cohn-kanade-images`, unpacked or as the archives that CK+ comes
    /// in; its parent; a `.zip` of either; or the images' folder itself.
    ///
    /// # Errors
    /// [`Error::Layout`] with what was expected and what was found; [`Error::Parse`] for a damaged `synthetic.json`.
    pub fn open(root: &Path, classes: ClassMap) -> Result<Self, Error> {
        let layout = Layout::find(root)?;
        let mark = synthetic_mark(&layout.tree)?;
        Ok(Self {
            layout,
            classes,
            mark,
        })
    }

    /// Every recording, in order of subject and number, and the folders that should be recordings but are misnamed.
    /// Label folders count too, so that a label without images is noticed.
    fn sequences(&self) -> Result<(Vec<Sequence>, Vec<Skipped>), Error> {
        let (mut all, mut misnamed) = (BTreeMap::new(), Vec::new());
        for place in Place::ALL {
            let Some(part) = self.layout.part(place) else {
                continue;
            };
            match self.recordings(part, &mut misnamed) {
                Ok(recordings) => {
                    let again = recordings
                        .into_iter()
                        .filter_map(|one| add(&mut all, place, part, one));
                    misnamed.extend(again);
                }
                // The detector can replace landmarks; nothing can replace labels.
                Err(error) if place == Place::Landmarks => {
                    misnamed.push(Skipped::new(part, error.reason()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((all.into_values().collect(), misnamed))
    }

    /// The recordings in a part: subject and number, and the names of both folders.
    fn recordings(&self, part: &str, misnamed: &mut Vec<Skipped>) -> Result<Vec<Recorded>, Error> {
        let mut all = Vec::new();
        for subject_name in self.folders(part)? {
            let folder = join(part, &subject_name);
            let Some(subject) = subject_number(&subject_name) else {
                misnamed.push(Skipped::new(
                    folder,
                    "a subject's folder has a name like S005",
                ));
                continue;
            };
            for name in self.folders(&folder)? {
                let Some(at) = number(&name) else {
                    let path = join(&folder, &name);
                    misnamed.push(Skipped::new(
                        path,
                        "a sequence's folder has a name like 001",
                    ));
                    continue;
                };
                all.push(((subject, at), (subject_name.clone(), name)));
            }
        }
        Ok(all)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let tree = &self.layout.tree;
        let mut names = tree.names(folder)?;
        names.retain(|name| tree.is_folder(&join(folder, name)));
        Ok(names)
    }

    fn nothing_labelled(&self, sequences: usize, skipped: &[Skipped]) -> Error {
        let first = skipped.first().map_or(String::new(), |first| {
            let (bad, path, reason) = (skipped.len(), &first.path, &first.reason);
            format!("; first of {bad} bad inputs: {path}: {reason}")
        });
        let emotion = self.layout.part(Place::Emotion).unwrap_or_default();
        let example = "S005/001/S005_001_00000011_emotion.txt";
        Error::NothingLabelled {
            path: self.layout.tree.place(emotion),
            reason: format!("{sequences} sequences, none with an emotion label {example}{first}"),
        }
    }
}

/// Subject, number and folder names of a recording.
type Recorded = ((i64, i64), (String, String));

/// Adds a recording's folder in a part, or returns the existing one.
fn add(
    all: &mut BTreeMap<(i64, i64, String), Sequence>,
    place: Place,
    part: &str,
    ((subject, at), folders): Recorded,
) -> Option<Skipped> {
    let path = format!("{part}/{}/{}", folders.0, folders.1);
    let key = (subject, at, folders.1.clone());
    // Landmarks alone do not make a recording.
    if place == Place::Landmarks && !all.contains_key(&key) {
        return None;
    }
    let sequence = all.entry(key).or_insert_with(|| Sequence {
        subject,
        folders,
        places: Default::default(),
    });
    let slot = &mut sequence.places[place as usize];
    if let Some(taken) = slot {
        let reason = format!("the same recording again; {taken} was used");
        return Some(Skipped::new(path, reason));
    }
    *slot = Some(path);
    None
}

fn synthetic_mark(tree: &FileTree) -> Result<Option<SyntheticMark>, Error> {
    if !tree.is_file(SYNTHETIC_MARK) {
        return Ok(None);
    }
    let bytes = tree.read(SYNTHETIC_MARK, TEXT_LIMIT)?;
    let mark = serde_json::from_slice(&bytes).map_err(|error| {
        let place = tree.place(SYNTHETIC_MARK);
        Error::parse(format!(
            "{}: not written by faus-synth: {error}",
            place.display()
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
        let read = |sequence: &Sequence| sequence.read(&self.layout, &self.classes);
        let mut found: Vec<Found> = sequences.par_iter().map(read).collect();
        let mut skipped = self.layout.tree.refused();
        skipped.extend(misnamed);
        skipped.extend(found.iter_mut().flat_map(|found| found.skipped.drain(..)));
        let labelled = sequences
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.labelled);
        let subjects: BTreeSet<i64> = labelled.map(|(sequence, _)| sequence.subject).collect();
        if subjects.is_empty() {
            return Err(self.nothing_labelled(sequences.len(), &skipped));
        }
        let mut notes = Vec::from_iter(notes::unreadable(&sequences, &found));
        let version = self.mark.as_ref().and_then(|mark| mark.faces_version);
        notes.extend(version.map(|version| format!("Drawn faces, version {version}.")));
        notes.extend(notes::notes(&self.layout, &sequences, &found));
        Ok(Scan {
            read: found
                .iter_mut()
                .flat_map(|found| found.read.drain(..))
                .collect(),
            samples: found.into_iter().flat_map(|found| found.samples).collect(),
            skipped,
            folding: Folding::BySubject(subjects),
            notes,
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.layout.tree, &sample.path)
    }

    fn landmarks(&self, path: &str) -> Result<(String, ReadFile), Error> {
        landmark_file(&self.layout.tree, path)
    }
}
