//! The coded images: their subjects, expressions and action units.

use std::collections::{BTreeMap, BTreeSet};

use faus_base::person::Person;
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
    pub(crate) fn of(au: u8, presence: &[bool]) -> Self {
        let n_with = positives(presence);
        let n_without = presence.len() - n_with;
        Self {
            au,
            n_with,
            n_without,
        }
    }

    pub(crate) fn smaller(&self) -> usize {
        self.n_with.min(self.n_without)
    }
}

/// The coded rows of a samples table in the order of the activations array, all vectors of one length.
#[derive(Debug, Clone)]
pub(crate) struct Coded<'a> {
    /// Rows of the samples table, coded or not.
    samples: usize,
    /// The coded ones.
    pub images: Vec<&'a SampleRow>,
    /// Row of the activations array.
    pub rows: Vec<usize>,
    /// Number of the subject, from 0; where unknown, the sequence or else the row counts as one.
    pub subjects: Vec<u32>,
    /// Number of the recording, from 0: frames of one sequence share it.
    pub recordings: Vec<u32>,
    /// Expression class; `None` for held-out and unlabelled rows.
    pub classes: Vec<Option<i64>>,
}

/// The identity of a person: the subject, or where unknown the sequence, since its frames show one person, or else the row.
pub(crate) type Who<'a> = (Option<&'a Person>, Option<&'a str>, Option<usize>);

pub(crate) fn who(sample: &SampleRow) -> Who<'_> {
    match (sample.subject.as_ref(), sample.sequence.as_deref()) {
        (None, None) => (None, None, Some(sample.index)),
        (None, sequence) => (None, sequence, None),
        (subject, _) => (subject, None, None),
    }
}

impl<'a> Coded<'a> {
    pub fn collect(samples: &'a [SampleRow]) -> Self {
        let coded = samples.iter().filter(|sample| sample.coded.is_some());
        let mut images: Vec<&SampleRow> = coded.collect();
        images.sort_unstable_by_key(|sample| sample.index);
        Self::of(images, samples.len())
    }

    fn of(images: Vec<&'a SampleRow>, samples: usize) -> Self {
        let recording = |sample: &&'a SampleRow| match sample.sequence {
            Some(_) => (who(sample), sample.sequence.as_deref()),
            None => ((None, None, Some(sample.index)), None),
        };
        let label = |sample: &&SampleRow| sample.label.filter(|label| *label >= 0);
        Self {
            samples,
            rows: images.iter().map(|sample| sample.index).collect(),
            subjects: numbered(images.iter().map(|sample| who(sample))),
            recordings: numbered(images.iter().map(recording)),
            classes: images.iter().map(label).collect(),
            images,
        }
    }

    /// The rows for which `keep` (a position among the coded rows) holds.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = (0..self.len()).filter(|&at| keep(at));
        Self::of(kept.map(|at| self.images[at]).collect(), self.samples)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of subjects.
    pub fn subject_count(&self) -> usize {
        self.subjects
            .iter()
            .max()
            .map_or(0, |&last| last as usize + 1)
    }

    /// Rows of unknown subjects.
    pub fn without_subject(&self) -> usize {
        self.images.iter().filter(|s| s.subject.is_none()).count()
    }

    /// Rows of each expression class, by label.
    pub fn rows_of_classes(&self) -> BTreeMap<i64, Vec<usize>> {
        let labelled = (0..self.len()).filter_map(|row| Some((self.classes[row]?, row)));
        grouped(labelled)
    }

    /// Name of a class, or its label.
    pub fn class_name(&self, label: i64) -> String {
        let mut own = self.images.iter().filter(|s| s.label == Some(label)).rev();
        let name = own.find_map(|sample| sample.label_name.clone());
        name.unwrap_or_else(|| label.to_string())
    }

    /// Presence of `au` in every row.
    pub fn presence(&self, au: u8) -> Vec<bool> {
        let shows = |image: &&SampleRow| image.intensity(au).is_some();
        self.images.iter().map(shows).collect()
    }

    /// Intensity of `au` in every row: 0 absent or not graded, 1 to 5 for A to E.
    pub fn intensities(&self, au: u8) -> Vec<u8> {
        let graded = |image: &&SampleRow| image.intensity(au).unwrap_or(0);
        self.images.iter().map(graded).collect()
    }

    /// The action units that occur, ascending.
    pub fn counts(&self) -> Vec<AuCount> {
        let units = self.images.iter().flat_map(|image| image.coded.iter());
        let aus: BTreeSet<u8> = units.flatten().map(|unit| unit.0).collect();
        let count = |au| AuCount::of(au, &self.presence(au));
        aus.into_iter().map(count).collect()
    }

    /// People with an image that shows a unit, and with one that does not.
    pub fn people(&self, presence: &[bool]) -> [usize; 2] {
        [true, false].map(|kind| {
            let own = self.subjects.iter().zip(presence);
            let own = own.filter(|(_, with)| **with == kind);
            own.map(|(subject, _)| subject)
                .collect::<BTreeSet<_>>()
                .len()
        })
    }

    /// Rows without a sequence, of people with several rows: frames of one recording could not be told from recordings.
    pub fn without_sequence(&self) -> usize {
        let mut rows = vec![0; self.subject_count()];
        self.subjects
            .iter()
            .for_each(|&subject| rows[subject as usize] += 1);
        let images = self.images.iter().zip(&self.subjects);
        let unknown = images
            .filter(|(image, subject)| image.sequence.is_none() && rows[**subject as usize] > 1);
        unknown.count()
    }

    /// [`counts`](Self::counts) split into those of enough people and the others.
    ///
    /// # Errors
    /// [`Error::NoCodedRows`] and [`Error::NoUsableAu`].
    pub fn usable(&self, min_positives: usize) -> Result<(Vec<AuCount>, Vec<AuCount>), Error> {
        if self.len() == 0 {
            return Err(Error::NoCodedRows { rows: self.samples });
        }
        let counts = self.counts().into_iter();
        let fewer = |count: &AuCount| {
            let [with, without] = self.people(&self.presence(count.au));
            with.min(without)
        };
        let (used, left_out): (Vec<_>, Vec<_>) =
            counts.partition(|count| fewer(count) >= min_positives);
        if !used.is_empty() {
            return Ok((used, left_out));
        }
        let closest = left_out.iter().max_by_key(|count| fewer(count));
        let words = |c: &AuCount| {
            let [with, without] = self.people(&self.presence(c.au));
            format!(
                "AU {}, present in images of {with}, absent in images of {without} people",
                c.au
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

/// Values by key, in order.
pub(crate) fn grouped<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// Number of rows that show an action unit.
pub(crate) fn positives(presence: &[bool]) -> usize {
    presence.iter().filter(|with| **with).count()
}
