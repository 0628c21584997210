//! CK+, the Extended Cohn-Kanade data set (Lucey et al. 2010), in its official layout.

mod layout;
mod sequence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use crate::files::{TEXT_LIMIT, read_bounded, visible_names};
use crate::source::{Folding, Scan, Source};
use crate::{ClassMap, Error};

pub use layout::frame_name;
use layout::{Layout, number, subject_number};
pub(crate) use sequence::is_image;
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

/// Contents of `synthetic.json`.
#[derive(Debug, Clone, Deserialize)]
struct SyntheticMark {
    generator: String,
}

impl CkPlus {
    /// Finds the parts of the copy in `root`: the folder of `cohn-kanade-images`, its parent, or that folder itself.
    ///
    /// # Errors
    /// [`Error::Layout`] saying what was expected and what lies there; [`Error::Parse`] for a damaged `synthetic.json`.
    pub fn open(root: &Path, classes: ClassMap) -> Result<Self, Error> {
        let layout = Layout::find(root)?;
        let mark = synthetic_mark(&layout.root)?;
        Ok(Self {
            layout,
            classes,
            mark,
        })
    }

    /// Every recording, in order of subject and number. Label folders are looked into as well, so that a label without
    /// images is noticed.
    fn sequences(&self) -> Result<Vec<Sequence>, Error> {
        let parts = [
            Some(&self.layout.images),
            Some(&self.layout.emotion),
            self.layout.facs.as_ref(),
        ];
        let mut all = BTreeMap::new();
        for part in parts.into_iter().flatten() {
            for subject_name in visible_names(part)? {
                let Some(subject) = subject_number(&subject_name) else {
                    continue;
                };
                let folder = part.join(&subject_name);
                for sequence_name in if folder.is_dir() {
                    visible_names(&folder)?
                } else {
                    Vec::new()
                } {
                    let Some(at) =
                        number(&sequence_name).filter(|_| folder.join(&sequence_name).is_dir())
                    else {
                        continue;
                    };
                    let folders = (subject_name.clone(), sequence_name.clone());
                    all.insert((subject, at, sequence_name), Sequence { subject, folders });
                }
            }
        }
        Ok(all.into_values().collect())
    }
}

fn synthetic_mark(root: &Path) -> Result<Option<SyntheticMark>, Error> {
    let path = root.join(SYNTHETIC_MARK);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_bounded(&path, TEXT_LIMIT)?;
    let mark = serde_json::from_slice(&bytes).map_err(|error| {
        Error::parse(format!(
            "{}: not what faus-synth writes: {error}",
            path.display()
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
        &self.layout.root
    }

    fn synthetic(&self) -> bool {
        self.mark.is_some()
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let sequences = self.sequences()?;
        let found: Vec<(i64, Found)> = sequences
            .par_iter()
            .map(|s| (s.subject, s.read(&self.layout, &self.classes)))
            .collect();
        let mut scan = Scan {
            samples: Vec::new(),
            skipped: Vec::new(),
            read: Vec::new(),
            folding: Folding::ByImage,
        };
        let mut subjects = BTreeSet::new();
        for (subject, found) in found {
            if found.labelled {
                subjects.insert(subject);
            }
            scan.samples.extend(found.samples);
            scan.skipped.extend(found.skipped);
            scan.read.extend(found.read);
        }
        if subjects.is_empty() {
            return Err(nothing_labelled(
                &self.layout.emotion,
                sequences.len(),
                &scan,
            ));
        }
        scan.folding = Folding::BySubject(subjects);
        Ok(scan)
    }
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
        path: PathBuf::from(emotion),
        reason,
    }
}
