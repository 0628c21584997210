//! The exchange of action-unit codes between rows under the null hypothesis.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::chance::random::{Purpose, keyed};
use crate::input::coded::grouped;

/// How codes are exchanged under the null hypothesis (Winkler et al. 2015, "Multi-level block permutation",
/// NeuroImage 123: whole-block and within-block exchange).
///
/// People contribute several sequences each, and both activations and codes depend on the person: shuffling rows freely
/// would treat 593 sequences of 123 people as 593 independent observations, and reject far too often (numbers in
/// `docs/statistics.md`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exchange {
    /// Whole subjects are swapped with subjects that have as many sequences, and each subject's sequences are shuffled
    /// among themselves. Exact if people are drawn independently and a person's sequences are unordered. Default.
    #[default]
    Both,
    /// Within subjects only: exact even if one cause shapes a person's codes and face (men show AU 12 less and have larger
    /// jaws), but people with one sequence contribute nothing.
    Within,
    /// Whole subjects only.
    Whole,
}

impl std::str::FromStr for Exchange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = serde_json::from_value(text.into());
        parsed.map_err(|_| format!("`{text}` is not one of both, within, whole"))
    }
}

impl Exchange {
    /// The scheme in words, for outputs.
    pub fn words(self) -> &'static str {
        match self {
            Self::Both => {
                "multi-level: subjects exchange all their codes with subjects of as many sequences, and each subject's sequences exchange codes among themselves"
            }
            Self::Within => "within subjects: each subject's sequences exchange their codes",
            Self::Whole => {
                "whole subjects: subjects exchange all their codes with subjects of as many sequences"
            }
        }
    }

    /// Among whom codes are exchanged, for a sentence.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Both => "between and within people",
            Self::Within => "within people",
            Self::Whole => "between people",
        }
    }
}

/// Permutations of rows. Rows of one recording (frames of a sequence) always move together, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Scheme {
    rows: usize,
    /// Sets of subjects that may be swapped; each subject is the list of its recordings, shortest first.
    pub(super) sets: Vec<Vec<Vec<Vec<u32>>>>,
    pub(super) whole: bool,
    pub(super) within: bool,
}

impl Scheme {
    /// The scheme for rows of these subjects and recordings (any numbers, equal where the same).
    pub fn of_subjects(subjects: &[u32], recordings: &[u32], exchange: Exchange) -> Self {
        let sizes = |blocks: Vec<Vec<u32>>| {
            let sizes: Vec<usize> = blocks.iter().map(Vec::len).collect();
            (sizes, blocks)
        };
        let alike = grouped(blocks(subjects, recordings).map(sizes));
        Self {
            rows: subjects.len(),
            sets: alike.into_values().collect(),
            whole: exchange != Exchange::Within,
            within: exchange != Exchange::Whole,
        }
    }

    /// The scheme that shuffles recordings freely inside each stratum.
    pub fn inside(strata: &[u32], recordings: &[u32]) -> Self {
        Self {
            rows: strata.len(),
            // A stratum is one "subject" whose recordings are permuted.
            sets: blocks(strata, recordings)
                .map(|blocks| vec![blocks])
                .collect(),
            whole: false,
            within: true,
        }
    }

    /// Permutation number `index`: row `i` receives the codes of row `source[i]`.
    pub fn draw(&self, seed: u64, purpose: Purpose, index: u64) -> Vec<u32> {
        let rng = &mut keyed(seed, purpose, index);
        let mut source: Vec<u32> = (0..self.rows as u32).collect();
        for subjects in &self.sets {
            let mut givers: Vec<usize> = (0..subjects.len()).collect();
            if self.whole {
                givers.shuffle(rng);
            }
            for (taker, giver) in subjects.iter().zip(givers) {
                let giver = &subjects[giver];
                let mut order: Vec<usize> = (0..giver.len()).collect();
                if self.within {
                    let sizes = order.chunk_by_mut(|&a, &b| giver[a].len() == giver[b].len());
                    sizes.for_each(|alike| alike.shuffle(rng));
                }
                // Recordings in the same place have the same length.
                let given = order.iter().flat_map(|&at| &giver[at]);
                for (&to, &from) in taker.iter().flatten().zip(given) {
                    source[to as usize] = from;
                }
            }
        }
        source
    }

    /// Rows that keep their codes in every permutation.
    pub fn fixed_rows(&self) -> usize {
        let mut fixed = 0;
        for subjects in &self.sets {
            let alone = !(self.whole && subjects.len() > 1);
            for blocks in subjects {
                let sizes = blocks.chunk_by(|a, b| a.len() == b.len());
                let fixed_here = sizes.filter(|alike| alone && !(self.within && alike.len() > 1));
                fixed += fixed_here.flatten().map(Vec::len).sum::<usize>();
            }
        }
        fixed
    }
}

/// For each subject (or stratum) the rows of each of its recordings, shortest first.
fn blocks(subjects: &[u32], recordings: &[u32]) -> impl Iterator<Item = Vec<Vec<u32>>> {
    let recordings = grouped(subjects.iter().zip(recordings).zip(0..)).into_iter();
    let of_subjects = grouped(recordings.map(|((subject, _), rows)| (subject, rows)));
    of_subjects.into_values().map(|mut blocks| {
        blocks.sort_by_key(|block: &Vec<u32>| (block.len(), block[0]));
        blocks
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Up to 12 people with 1 to 4 recordings of 1 to 2 frames each: subject and recording of every row.
    fn people() -> impl Strategy<Value = (Vec<u32>, Vec<u32>)> {
        let person = prop::collection::vec(1..3_usize, 1..5);
        prop::collection::vec(person, 1..12).prop_map(|people| {
            let (mut subjects, mut recordings) = (vec![], vec![]);
            for (subject, lengths) in people.iter().enumerate() {
                for &length in lengths {
                    let next = recordings.last().map_or(0, |last| last + 1);
                    subjects.extend(vec![subject as u32; length]);
                    recordings.extend(vec![next; length]);
                }
            }
            (subjects, recordings)
        })
    }

    fn is_permutation(source: &[u32]) -> bool {
        let mut sorted = source.to_vec();
        sorted.sort_unstable();
        sorted
            .iter()
            .enumerate()
            .all(|(at, &row)| at == row as usize)
    }

    proptest! {
        #[test]
        fn codes_are_traded_not_made((subjects, recordings) in people(), index in 0..1000_u64) {
            for exchange in [Exchange::Both, Exchange::Within, Exchange::Whole] {
                let scheme = Scheme::of_subjects(&subjects, &recordings, exchange);
                let source = scheme.draw(3, Purpose::Exchange, index);
                prop_assert!(is_permutation(&source));
                prop_assert_eq!(&source, &scheme.draw(3, Purpose::Exchange, index));
                for (to, &from) in source.iter().enumerate() {
                    // All rows of a subject receive codes from one subject.
                    let first = subjects.iter().position(|s| *s == subjects[to]).unwrap_or(0);
                    prop_assert_eq!(subjects[from as usize], subjects[source[first] as usize]);
                    if exchange == Exchange::Within {
                        prop_assert_eq!(subjects[from as usize], subjects[to]);
                    }
                    // Frames of a recording stay together.
                    if to > 0 && recordings[to] == recordings[to - 1] {
                        prop_assert_eq!(from, source[to - 1] + 1);
                    }
                }
            }
        }

        #[test]
        fn strata_are_not_left((subjects, recordings) in people(), index in 0..100_u64) {
            // Strata cut across subjects, whole recordings each.
            let strata: Vec<u32> = recordings.iter().map(|r| r % 3).collect();
            let source = Scheme::inside(&strata, &recordings).draw(1, Purpose::WithinClass, index);
            prop_assert!(is_permutation(&source));
            for (to, &from) in source.iter().enumerate() {
                prop_assert_eq!(strata[from as usize], strata[to]);
            }
            prop_assert_eq!(subjects.len(), source.len());
        }

        #[test]
        fn rows_said_to_be_fixed_are((subjects, recordings) in people()) {
            for exchange in [Exchange::Both, Exchange::Within, Exchange::Whole] {
                let scheme = Scheme::of_subjects(&subjects, &recordings, exchange);
                let mut moved = vec![false; subjects.len()];
                for index in 0..200 {
                    let source = scheme.draw(0, Purpose::Exchange, index);
                    source.iter().enumerate().for_each(|(to, &from)| moved[to] |= to != from as usize);
                }
                prop_assert_eq!(moved.iter().filter(|m| !**m).count(), scheme.fixed_rows());
            }
        }
    }

    #[test]
    fn every_arrangement_is_as_likely() {
        // Two people of two recordings: swap or not, and each in two orders, so eight arrangements.
        let scheme = Scheme::of_subjects(&[0, 0, 1, 1], &[0, 1, 2, 3], Exchange::Both);
        let mut counts: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for index in 0..8000 {
            *counts
                .entry(scheme.draw(5, Purpose::Exchange, index))
                .or_default() += 1;
        }
        assert_eq!(counts.len(), 8);
        // Binomial(8000, 1/8): standard deviation 30.
        assert!(
            counts.values().all(|&n| n.abs_diff(1000) < 130),
            "{counts:?}"
        );
    }
}
