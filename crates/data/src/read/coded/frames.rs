//! Codes of frames and the images they belong to: what every set of recordings shares.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::label::{Au, AuCoding, AuScore, Role};
use crate::read::file::Skipped;
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
        let number: f64 = text
            .trim()
            .parse()
            .map_err(|_| format!("'{text}' is no intensity"))?;
        if number.fract() != 0.0 {
            return Err(format!("'{text}' is no intensity"));
        }
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

/// An image with the recording and the frame it shows.
pub(super) struct Shown {
    pub path: String,
    pub subject: String,
    /// The name of its recording among the codes.
    pub recording: String,
    /// Its key there.
    pub key: String,
    pub frame: u32,
}

/// The held-out rows of a set.
pub(super) struct Frames {
    pub recordings: BTreeMap<String, Recording>,
    pub threshold: u8,
    pub skipped: Vec<Skipped>,
    pub notes: Vec<String>,
}

impl Frames {
    pub fn new(threshold: u8) -> Self {
        Self {
            recordings: BTreeMap::new(),
            threshold,
            skipped: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn skip(&mut self, path: &str, reason: String) {
        self.skipped.push(Skipped::new(path, reason));
    }

    /// Counts images whose path does not name `what`.
    pub fn unnamed(&mut self, count: usize, what: &str) {
        let reason = format!("images whose path does not name {what}: {count}");
        let skipped = Skipped::new(".", reason).of_images(count);
        self.skipped.extend((count > 0).then_some(skipped));
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
        if !some.is_empty() {
            let names = Vec::from_iter(some.iter().map(u8::to_string)).join(", ");
            self.notes.push(format!(
                "Action units that are not coded in every recording are not used: {names}."
            ));
        }
        units
    }

    /// Every image whose frame is coded as a held-out row; the others are counted by reason and folder.
    pub fn scan(mut self, images: Vec<Shown>) -> Scan {
        let units = self.units();
        let mut lost: BTreeMap<(String, &str), usize> = BTreeMap::new();
        let mut samples = Vec::new();
        let mut seen = BTreeSet::new();
        for shown in images {
            let recording = self.recordings.get(&shown.recording);
            let codes = recording.map(|recording| recording.get(&shown.key));
            let reason = match codes {
                None => "images of a recording without codes",
                Some(None) => "images of frames that are not coded",
                Some(Some(codes)) => {
                    seen.insert((shown.recording.clone(), shown.key.clone()));
                    match self.coding(&units, codes) {
                        Some(aus) => {
                            samples.push(row(shown, aus));
                            continue;
                        }
                        None => "images of frames in which a unit could not be coded",
                    }
                }
            };
            let folder = super::files::folder(&shown.path).to_owned();
            *lost.entry((folder, reason)).or_default() += 1;
        }
        let lost = lost.into_iter().map(|((folder, reason), count)| {
            Skipped::new(folder, format!("{reason}: {count}")).of_images(count)
        });
        self.skipped.extend(lost);
        let frames: usize = self.recordings.values().map(BTreeMap::len).sum();
        let without = frames - seen.len();
        if without > 0 {
            self.notes.push(format!(
                "Coded frames without an image: {without} of {frames}."
            ));
        }
        let names = Vec::from_iter(units.iter().map(u8::to_string)).join(", ");
        self.notes.insert(
            0,
            format!(
                "Action units {names} are coded; one counts as present from intensity {} on.",
                self.threshold
            ),
        );
        samples.sort_by(|a, b| {
            (&a.subject, &a.sequence, a.frame).cmp(&(&b.subject, &b.sequence, b.frame))
        });
        Scan {
            samples,
            skipped: self.skipped,
            read: Vec::new(),
            folding: Folding::BySubject(BTreeSet::new()),
            notes: self.notes,
        }
    }

    fn coding(&self, units: &BTreeSet<u8>, codes: &BTreeMap<u8, Code>) -> Option<AuCoding> {
        let code = |au: &u8| codes.get(au).copied().unwrap_or(Code::Unknown);
        if units.is_empty() || units.iter().any(|au| code(au) == Code::Unknown) {
            return None;
        }
        let scores = units
            .iter()
            .filter_map(|au| code(au).score(*au, self.threshold));
        Some(AuCoding::coded(scores.collect()))
    }
}

/// Where the images of videos come from.
pub(super) const EXTRACT: &str = "extract them from the videos, numbered as in the codes";

/// The error of a set in which no image has codes.
pub(super) fn no_images(tree: &FileTree, name: &str, way_out: &str, scan: &Scan) -> Error {
    let expected = format!("images of {name} with codes ({way_out})");
    let found = scan.skipped.first().map_or_else(
        || "no image".to_owned(),
        |first| format!("no image with codes; {}: {}", first.path, first.reason),
    );
    Error::layout(tree.root(), expected, found)
}

fn row(shown: Shown, aus: AuCoding) -> RawSample {
    let alone = RawSample::labelled(&shown.path, -1);
    RawSample {
        role: Role::HeldOut,
        subject: shown.subject,
        // Two cameras may have recorded the same frames, in folders of their own.
        sequence: super::files::folder(&shown.path).to_owned(),
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
        for unknown in ["9", "999", "-1", " 9.0 "] {
            assert_eq!(Code::grade(unknown), Ok(Code::Unknown), "{unknown}");
        }
        assert_eq!(
            ["0", "5", "3.0"].map(Code::grade),
            [0, 5, 3].map(|n| Ok(Code::Grade(n)))
        );
        assert!(
            Code::grade("x").is_err() && Code::grade("2.5").is_err() && Code::grade("").is_err()
        );
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
