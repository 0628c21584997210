//! Codes of frames and the images they belong to: what every set of recordings shares.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use faus_base::digest::sha256;
use faus_base::text::composed;
use regex::Captures;

use crate::error::Error;
use crate::label::{Au, AuCoding, AuScore, Role};
use crate::read::coded::files::{Files, pattern};
use crate::read::file::{ReadFile, Skipped};
use crate::read::listed::Listed;
use crate::read::name::folder;
use crate::read::source::{Folding, RawSample, Scan};
use crate::read::tree::FileTree;

/// The code of one unit in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// 0 (absent) to 5.
    Grade(u8),
    /// Present, not graded.
    Present,
    /// Not coded: 9, 999, −1.
    Unknown,
}

impl Code {
    /// A grade of 0 to 5; every other number stands for not coded in these sets (9, 999, −1).
    ///
    /// # Errors
    /// For a text that is no whole number.
    pub fn grade(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if ["", "?", "na", "nan", "null"].contains(&text.to_ascii_lowercase().as_str()) {
            return Ok(Self::Unknown);
        }
        let number = text.parse().ok();
        let whole = number.filter(|number: &f64| number.fract() == 0.0);
        let number = whole.ok_or_else(|| format!("'{text}' is no intensity"))?;
        Ok(match (0.0..=5.0).contains(&number) {
            true => Self::Grade(number as u8),
            false => Self::Unknown,
        })
    }

    /// The score of a unit that is present by the threshold.
    fn score(self, au: u8, threshold: u8) -> Option<AuScore> {
        let intensity = match self {
            Self::Grade(grade) if grade >= threshold => grade,
            Self::Present => 0,
            Self::Grade(_) | Self::Unknown => return None,
        };
        let au = Au(au);
        Some(AuScore { au, intensity })
    }
}

/// The codes of one recording: of every frame, by number or name, those of its units.
pub(super) type Recording = BTreeMap<String, BTreeMap<u8, Code>>;
/// Recordings by name.
pub(super) type Recordings = BTreeMap<String, Recording>;

/// An image with the recording and the frame it shows.
pub(super) struct Shown {
    /// As it is on disk; other names are in canonical composition.
    pub path: String,
    pub subject: String,
    /// The name of its recording among the codes.
    pub recording: String,
    /// That in the prepared set: two cameras may have recorded the same frames, in folders of their own.
    pub sequence: String,
    /// Its key there.
    pub key: String,
    pub frame: u32,
}

/// A set of recordings: its files, their codes, and what was left out.
pub(super) struct Frames {
    files: Files,
    pub recordings: Recordings,
    pub skipped: Vec<Skipped>,
    pub notes: Vec<String>,
    /// Those on the codes.
    pub code_notes: Vec<String>,
    read: Vec<ReadFile>,
    threshold: u8,
}

impl Frames {
    pub fn of(tree: FileTree, threshold: u8) -> Result<Self, Error> {
        Ok(Self {
            files: Files::of(tree)?,
            recordings: BTreeMap::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            code_notes: Vec::new(),
            read: Vec::new(),
            threshold,
        })
    }

    /// Adds the codes of every table whose path a pattern matches: `add` reads its text. Those it refuses are skipped.
    ///
    /// # Errors
    /// Two tables that have equal groups and differ: either could be meant.
    pub fn add_tables(
        &mut self,
        named: &str,
        mut add: impl FnMut(&mut Recordings, &Captures, &str) -> Result<(), String>,
    ) -> Result<(), Error> {
        let named = pattern(named)?;
        let mut first: BTreeMap<String, (&String, String)> = BTreeMap::new();
        for path in &self.files.paths {
            let name = composed(path);
            let Some(groups) = named.captures(&name) else {
                continue;
            };
            let text = self.files.text(path, &mut self.read);
            let added = text.map_err(|error| error.reason()).and_then(|text| {
                let of: Vec<String> = groups
                    .iter()
                    .skip(1)
                    .flatten()
                    .map(|group| group.as_str().to_uppercase())
                    .collect();
                let digest = sha256(text.as_bytes());
                match first.entry(of.join("/")) {
                    Entry::Occupied(known) => {
                        Ok((known.get().1 != digest).then(|| known.get().0.clone()))
                    }
                    Entry::Vacant(free) => {
                        add(&mut self.recordings, &groups, &text)?;
                        free.insert((path, digest));
                        Ok(None)
                    }
                }
            });
            match added {
                Ok(None) => {}
                Ok(Some(other)) => {
                    let reason = format!(
                        "other codes of the same frames than in {other}; keep one of the two"
                    );
                    return Err(Error::unusable(&self.files.tree.place(path), reason));
                }
                Err(reason) => self.skipped.push(Skipped::new(path, reason)),
            }
        }
        Ok(())
    }

    /// # Errors
    /// Without any recording.
    pub fn check_found(&self, expected: &str) -> Result<(), Error> {
        match (self.recordings.is_empty(), self.skipped.first()) {
            (false, _) => Ok(()),
            (true, None) => Err(self.files.without(expected)),
            (true, Some(Skipped { path, reason, .. })) => {
                let found = format!("{path}, which cannot be used: {reason}");
                Err(Error::layout(self.files.tree.root(), expected, found))
            }
        }
    }

    /// The images that `shown` recognises by their paths in canonical composition; counts those whose path does not name `what`.
    pub fn images(&mut self, what: &str, shown: impl Fn(&str) -> Option<Shown>) -> Vec<Shown> {
        let shown = |path: &str| {
            Some(Shown {
                path: path.to_owned(),
                ..shown(&composed(path))?
            })
        };
        let images = Vec::from_iter(self.files.images().filter_map(shown));
        let count = self.files.images().count() - images.len();
        let reason = format!("images whose path does not name {what}: {count}");
        let skipped = Skipped::new(".", reason).of_images(count);
        self.skipped.extend((count > 0).then_some(skipped));
        images
    }

    /// The units that are coded in every recording of which any is. Elsewhere an absent unit could not be told from one that
    /// nobody coded.
    fn units(&mut self) -> BTreeSet<u8> {
        let coded = |recording: &Recording| -> BTreeSet<u8> {
            let codes = recording.values().flatten();
            let known = codes.filter(|(_, code)| **code != Code::Unknown);
            known.map(|(au, _)| *au).collect()
        };
        let all = self.recordings.values().map(coded);
        let all = Vec::from_iter(all.filter(|units| !units.is_empty()));
        let everywhere = |au: &u8| all.iter().all(|own| own.contains(au));
        let units: BTreeSet<u8> = all.iter().flatten().copied().collect();
        let (units, some): (BTreeSet<u8>, BTreeSet<u8>) = units.into_iter().partition(everywhere);
        let note = format!(
            "Action units that are not coded in every recording are not used: {}.",
            listed(&some)
        );
        self.code_notes.extend((!some.is_empty()).then_some(note));
        units
    }

    /// The set: every image whose frame is coded is a held-out row, the others are counted by reason and folder.
    ///
    /// # Errors
    /// When no image has codes.
    pub fn set(mut self, name: &'static str, images: Vec<Shown>) -> Result<Listed, Error> {
        let units = self.units();
        self.note_frames(&units, &images);
        let mut lost: BTreeMap<(String, &str), usize> = BTreeMap::new();
        let mut samples = Vec::new();
        for shown in images {
            match self.coding(&units, &shown) {
                Ok(aus) => samples.push(row(shown, aus)),
                Err(reason) => {
                    let place = (folder(&shown.path).to_owned(), reason);
                    *lost.entry(place).or_default() += 1;
                }
            }
        }
        let lost = lost.into_iter().map(|((folder, reason), count)| {
            Skipped::new(folder, format!("{reason}: {count}")).of_images(count)
        });
        self.skipped.extend(lost);
        let place = |row: &RawSample| (row.subject.clone(), row.sequence.clone(), row.frame);
        samples.sort_by_cached_key(place);
        let scan = Scan {
            samples,
            skipped: self.skipped,
            read: self.read,
            folding: Folding::BySubject(BTreeSet::new()),
            notes: self.notes,
            code_notes: self.code_notes,
        };
        let way_out = "extract them from the videos, numbered as in the codes";
        check_images(&self.files.tree, name, way_out, &scan)?;
        let au_threshold = Some(self.threshold);
        Ok(Listed {
            au_threshold,
            ..Listed::files(name, self.files.tree, Vec::new(), scan)
        })
    }

    /// Notes the units, and the frames without an image.
    fn note_frames(&mut self, units: &BTreeSet<u8>, images: &[Shown]) {
        let frame = |shown: &Shown| {
            let (name, recording) = self.recordings.get_key_value(&shown.recording)?;
            let (key, _) = recording.get_key_value(&shown.key)?;
            Some((name.as_str(), key.as_str()))
        };
        let seen = BTreeSet::from_iter(images.iter().filter_map(frame)).len();
        let frames: usize = self.recordings.values().map(BTreeMap::len).sum();
        let without = frames - seen;
        let note = format!("Coded frames without an image: {without} of {frames}.");
        self.notes.extend((without > 0).then_some(note));
        let note = format!(
            "Action units {} are coded; one counts as present from intensity {} on.",
            listed(units),
            self.threshold
        );
        self.code_notes.insert(0, note);
    }

    /// The codes of an image, or why it has none.
    fn coding(&self, units: &BTreeSet<u8>, shown: &Shown) -> Result<AuCoding, &'static str> {
        let recording = self.recordings.get(&shown.recording);
        let codes = recording
            .ok_or("images of a recording without codes")?
            .get(&shown.key);
        let codes = codes.ok_or("images of frames that are not coded")?;
        let code = |au: &u8| codes.get(au).copied().unwrap_or(Code::Unknown);
        if units.is_empty() || units.iter().any(|au| code(au) == Code::Unknown) {
            return Err("images of frames in which a unit could not be coded");
        }
        let score = |au: &u8| code(au).score(*au, self.threshold);
        Ok(AuCoding::coded(units.iter().filter_map(score).collect()))
    }
}

/// Units in a sentence.
pub(super) fn listed(units: &BTreeSet<u8>) -> String {
    Vec::from_iter(units.iter().map(u8::to_string)).join(", ")
}

/// # Errors
/// For a set in which no image has codes.
pub(super) fn check_images(
    tree: &FileTree,
    name: &str,
    way_out: &str,
    scan: &Scan,
) -> Result<(), Error> {
    if !scan.samples.is_empty() {
        return Ok(());
    }
    let expected = format!("images of {name} with codes ({way_out})");
    let found = scan.skipped.first().map_or_else(
        || "no image".to_owned(),
        |first| format!("no image with codes; {}: {}", first.path, first.reason),
    );
    Err(Error::layout(tree.root(), expected, found))
}

fn row(shown: Shown, aus: AuCoding) -> RawSample {
    let alone = RawSample::labelled(&shown.path, -1);
    RawSample {
        role: Role::HeldOut,
        subject: shown.subject,
        sequence: shown.sequence,
        frame: shown.frame,
        aus,
        ..alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_the_grades_are_not_coded() {
        for unknown in ["9", "999", "-1", " 9.0 ", "?", "null", ""] {
            assert_eq!(Code::grade(unknown), Ok(Code::Unknown), "{unknown}");
        }
        assert_eq!(
            ["0", "5", "3.0"].map(Code::grade),
            [0, 5, 3].map(|n| Ok(Code::Grade(n)))
        );
        assert!(Code::grade("x").is_err() && Code::grade("2.5").is_err());
    }

    #[test]
    fn presence_begins_at_the_threshold() {
        assert_eq!(Code::Grade(1).score(12, 2), None);
        assert_eq!(
            Code::Grade(2).score(12, 2).map(|score| score.intensity),
            Some(2)
        );
        assert_eq!(
            Code::Present.score(12, 5).map(|score| score.intensity),
            Some(0)
        );
    }
}
