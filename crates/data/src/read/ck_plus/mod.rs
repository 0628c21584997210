//! CK+, the Extended Cohn-Kanade data set (Lucey et al. 2010), in its official layout.

mod layout;
mod notes;
mod sequence;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::path::Path;

use faus_base::text;
use rayon::prelude::*;
use serde::Deserialize;

use crate::error::Error;
use crate::label::ClassMap;
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT, text_of};
use crate::read::name::join;
use crate::read::source::{Fetched, Folding, RawSample, Scan, Source};
use crate::read::tree::FileTree;

pub use layout::frame_name;
use layout::{Layout, Place, number, subject_number};
use sequence::Sequence;

/// The file by which `faus-synth` marks its output.
pub const SYNTHETIC_MARK: &str = "synthetic.json";

/// Why a folder is not that of a subject or of a sequence.
const SUBJECT: &str = "a subject's folder has a name like S005";
const SEQUENCE: &str = "a sequence's folder has a name like 001";

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
    /// [`Error::Layout`] with what was expected and what was found; [`Error::Unusable`] for a damaged `synthetic.json`.
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
        let (mut all, mut misnamed) = (Recordings::new(), Vec::new());
        for place in Place::ALL {
            let Some(part) = self.layout.part(place) else {
                continue;
            };
            match self.add(place, part, &mut all, &mut misnamed) {
                // The detector can replace landmarks; nothing can replace labels.
                Err(error) if place == Place::Landmarks => {
                    misnamed.push(Skipped::new(part, error.reason()))
                }
                added => added?,
            }
        }
        Ok((all.into_values().collect(), misnamed))
    }

    /// Adds the folders of recordings in a part.
    fn add(
        &self,
        place: Place,
        part: &str,
        all: &mut Recordings,
        misnamed: &mut Vec<Skipped>,
    ) -> Result<(), Error> {
        for subject_name in self.folders(part)? {
            let folder = join(part, &subject_name);
            let Some(subject) = subject_number(&subject_name) else {
                misnamed.push(Skipped::new(folder, SUBJECT));
                continue;
            };
            for name in self.folders(&folder)? {
                let path = join(&folder, &name);
                let Some(at) = number(&name) else {
                    misnamed.push(Skipped::new(path, SEQUENCE));
                    continue;
                };
                let key = (subject, at, name.clone());
                // Landmarks alone do not make a recording.
                if place == Place::Landmarks && !all.contains_key(&key) {
                    continue;
                }
                let sequence = all.entry(key).or_insert_with(|| Sequence {
                    subject,
                    folders: (subject_name.clone(), name),
                    ..Sequence::default()
                });
                match &mut sequence.places[place as usize] {
                    Some(taken) => {
                        let reason = format!("the same recording again; {taken} was used");
                        misnamed.push(Skipped::new(path, reason));
                    }
                    free => *free = Some(path),
                }
            }
        }
        Ok(())
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
        let reason = format!("{sequences} sequences, none with an emotion label {example}{first}");
        Error::nothing_labelled(&self.layout.tree.place(emotion), reason)
    }
}

/// Recordings by subject, number and the name of their folder.
type Recordings = BTreeMap<(i64, i64, String), Sequence>;

fn synthetic_mark(tree: &FileTree) -> Result<Option<SyntheticMark>, Error> {
    if !tree.is_file(SYNTHETIC_MARK) {
        return Ok(None);
    }
    let bytes = tree.read(SYNTHETIC_MARK, TEXT_LIMIT)?;
    let wrong = |error| format!("not written by faus-synth: {error}");
    let mark = text::json(&bytes);
    mark.map_err(|error| Error::unusable(&tree.place(SYNTHETIC_MARK), wrong(error)))
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
        let read = |sequence: Sequence| sequence.read(&self.layout, &self.classes);
        let mut sequences: Vec<Sequence> = sequences.into_par_iter().map(read).collect();
        let mut skipped = self.layout.tree.refused();
        skipped.extend(misnamed);
        let bad = sequences.iter_mut().flat_map(|s| take(&mut s.skipped));
        skipped.extend(bad);
        let labelled = sequences.iter().filter(|s| s.readable == Some(true));
        let subjects: BTreeSet<String> = labelled.map(|s| s.folders.0.clone()).collect();
        if subjects.is_empty() {
            return Err(self.nothing_labelled(sequences.len(), &skipped));
        }
        let mut notes = Vec::from_iter(notes::unreadable(&sequences));
        let version = self.mark.as_ref().and_then(|mark| mark.faces_version);
        notes.extend(version.map(|version| format!("Drawn faces, version {version}.")));
        notes.extend(notes::notes(&self.layout, &sequences));
        let code_notes = notes::code_notes(&self.layout, &sequences);
        let read = sequences.iter_mut().flat_map(|s| take(&mut s.read));
        Ok(Scan {
            code_notes,
            read: read.collect(),
            samples: sequences.into_iter().flat_map(|s| s.samples).collect(),
            skipped,
            folding: Folding::BySubject(subjects),
            notes,
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.layout.tree, &sample.path)
    }

    fn landmarks(&self, path: &str) -> Result<(String, ReadFile), Error> {
        let bytes = self.layout.tree.read(path, TEXT_LIMIT)?;
        Ok((text_of(&bytes), ReadFile::new(path, &bytes)))
    }
}
