//! The coded images: their subjects, expressions and action units.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Error;
use crate::input::samples::SampleRow;

/// Frequency of an action unit in the coded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuCount {
    /// The action unit.
    pub au: u8,
    /// Coded rows that show it.
    pub n_with: usize,
    /// Coded rows that do not.
    pub n_without: usize,
}

impl AuCount {
    fn smaller(&self) -> usize {
        self.n_with.min(self.n_without)
    }
}

/// The identity of a person.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Subject(i64),
    /// A sequence of an unknown subject.
    Sequence(String),
    /// A row without subject and sequence.
    Row(u64),
}

/// The coded rows of a samples table in the order of the activations array, all vectors of one length.
#[derive(Debug, Clone)]
pub(crate) struct Coded<'a> {
    /// Rows of the samples table, coded or not.
    pub samples: usize,
    /// Row of the activations array.
    pub rows: Vec<usize>,
    /// Action units present, with intensities.
    pub units: Vec<&'a [(u8, u8)]>,
    /// Number of the subject, from 0; where unknown, the sequence or else the row counts as one.
    pub subjects: Vec<u32>,
    /// Number of the recording, from 0: frames of one sequence share it.
    pub recordings: Vec<u32>,
    /// Expression class; `None` for held-out and unlabelled rows.
    pub classes: Vec<Option<i64>>,
    /// Names of the named classes.
    pub class_names: BTreeMap<i64, String>,
    /// Rows of unknown subjects.
    pub without_subject: usize,
}

impl<'a> Coded<'a> {
    pub fn collect(samples: &'a [SampleRow]) -> Self {
        let mut coded: Vec<(&SampleRow, &[(u8, u8)])> = samples
            .iter()
            .filter_map(|sample| Some((sample, sample.coded.as_deref()?)))
            .collect();
        coded.sort_unstable_by_key(|(sample, _)| sample.index);
        let known = |sample: &SampleRow| sample.subject.filter(|subject| *subject >= 0);
        // Frames of one sequence show one person.
        let subject = |sample: &SampleRow| match (known(sample), &sample.sequence) {
            (Some(subject), _) => Who::Subject(subject),
            (None, Some(sequence)) => Who::Sequence(sequence.clone()),
            (None, None) => Who::Row(sample.index as u64),
        };
        let recording = |sample: &SampleRow| match &sample.sequence {
            Some(sequence) => (subject(sample), Some(sequence.clone())),
            None => (Who::Row(sample.index as u64), None),
        };
        Self {
            samples: samples.len(),
            rows: coded.iter().map(|(sample, _)| sample.index).collect(),
            units: coded.iter().map(|(_, units)| *units).collect(),
            subjects: numbered(coded.iter().map(|(sample, _)| subject(sample))),
            recordings: numbered(coded.iter().map(|(sample, _)| recording(sample))),
            classes: coded
                .iter()
                .map(|(sample, _)| sample.label.filter(|label| *label >= 0))
                .collect(),
            class_names: coded
                .iter()
                .filter_map(|(sample, _)| Some((sample.label?, sample.label_name.clone()?)))
                .collect(),
            without_subject: coded.iter().filter(|(s, _)| known(s).is_none()).count(),
        }
    }

    /// The rows for which `keep` (a position among the coded rows) holds.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&at| keep(at)).collect();
        Self {
            samples: self.samples,
            rows: kept.iter().map(|&at| self.rows[at]).collect(),
            units: kept.iter().map(|&at| self.units[at]).collect(),
            subjects: numbered(kept.iter().map(|&at| self.subjects[at])),
            recordings: numbered(kept.iter().map(|&at| self.recordings[at])),
            classes: kept.iter().map(|&at| self.classes[at]).collect(),
            class_names: self.class_names.clone(),
            without_subject: self.without_subject.min(kept.len()),
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of subjects.
    pub fn subject_count(&self) -> usize {
        self.subjects
            .iter()
            .max()
            .map_or(0, |last| *last as usize + 1)
    }

    /// Rows of each expression class, by label.
    pub fn rows_of_classes(&self) -> BTreeMap<i64, Vec<usize>> {
        let mut members: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (row, label) in self.classes.iter().enumerate() {
            if let Some(label) = label {
                members.entry(*label).or_default().push(row);
            }
        }
        members
    }

    /// Name of a class, or its label.
    pub fn class_name(&self, label: i64) -> String {
        let known = self.class_names.get(&label).cloned();
        known.unwrap_or_else(|| label.to_string())
    }

    /// Presence of `au` in every row.
    pub fn presence(&self, au: u8) -> Vec<bool> {
        let shows = |units: &&[(u8, u8)]| units.iter().any(|&(present, _)| present == au);
        self.units.iter().map(shows).collect()
    }

    /// Intensity of `au` in every row: 0 absent or not graded, 1 to 5 for A to E.
    pub fn intensities(&self, au: u8) -> Vec<u8> {
        let graded = |units: &&[(u8, u8)]| {
            let own = units.iter().filter(|(present, _)| *present == au);
            own.map(|(_, intensity)| *intensity).max().unwrap_or(0)
        };
        self.units.iter().map(graded).collect()
    }

    /// The action units that occur, ascending.
    pub fn counts(&self) -> Vec<AuCount> {
        let mut with: BTreeMap<u8, usize> = BTreeMap::new();
        for units in &self.units {
            // A hand-written row may name a unit twice; it is counted once.
            let mut seen: Vec<u8> = units.iter().map(|&(au, _)| au).collect();
            seen.sort_unstable();
            seen.dedup();
            seen.into_iter()
                .for_each(|au| *with.entry(au).or_default() += 1);
        }
        let count = |(au, n_with)| AuCount {
            au,
            n_with,
            n_without: self.len() - n_with,
        };
        with.into_iter().map(count).collect()
    }

    /// [`counts`](Self::counts) split into frequent and rare ones.
    ///
    /// # Errors
    /// [`Error::NoCodedRows`] and [`Error::NoUsableAu`].
    pub fn usable(&self, min_positives: usize) -> Result<(Vec<AuCount>, Vec<AuCount>), Error> {
        if self.len() == 0 {
            return Err(Error::NoCodedRows { rows: self.samples });
        }
        let counts = self.counts().into_iter();
        let (used, left_out): (Vec<_>, Vec<_>) =
            counts.partition(|count| count.smaller() >= min_positives);
        if !used.is_empty() {
            return Ok((used, left_out));
        }
        let closest = left_out.iter().max_by_key(|count| count.smaller());
        let words = |c: &AuCount| {
            format!(
                "AU {}, present in {}, absent in {}",
                c.au, c.n_with, c.n_without
            )
        };
        Err(Error::NoUsableAu {
            min_positives,
            coded: self.len(),
            closest: closest.map_or("no action unit occurs at all".to_owned(), words),
        })
    }
}

/// Numbers from 0 in order of first appearance, equal for equal keys.
pub(crate) fn numbered<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<u32> {
    let mut known: BTreeMap<K, u32> = BTreeMap::new();
    keys.map(|key| {
        let next = known.len() as u32;
        *known.entry(key).or_insert(next)
    })
    .collect()
}
