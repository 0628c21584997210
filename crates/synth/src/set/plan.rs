//! The plan of a data set before anything is drawn: subjects, labels, codings and lengths of its sequences.

use faus_data::Expression;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::person::au::AUS;
use crate::person::expression::{Coding, count, sequences_in_ck_plus, show, shown, unnamed};
use crate::person::identity::Identity;
use crate::person::performance::Performance;
use crate::random::{Draw, Purpose, keyed};
use crate::set::options::SynthOptions;

/// CK+'s totals (Lucey et al. 2010) that a set of other size is scaled from.
const SUBJECTS: usize = 123;
const FACS_ONLY_SUBJECTS: usize = 5;
const FACS_ONLY_SEQUENCES: usize = 266;

/// Occurrences of [`AUS`] over CK+'s 593 sequences (Lucey et al. 2010, table 1).
const AU_COUNTS: [usize; AUS.len()] = [
    173, 116, 191, 102, 122, 119, 74, 21, 33, 111, 29, 89, 24, 196, 9, 77, 59, 57, 287, 48, 81, 9,
];

/// One sequence before it is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// Position of the subject in the population.
    pub subject: usize,
    pub person: Identity,
    /// Number in CK+'s file names.
    pub subject_number: usize,
    /// Number of the sequence within its subject, from 1.
    pub number: usize,
    pub emotion: Option<Expression>,
    pub coding: Coding,
    /// Frames from neutral to peak.
    pub length: usize,
    pub performance: Performance,
}

/// A sequence's subject and expression.
type Label = (usize, Option<Expression>);

/// The whole data set, ordered by subject and sequence number.
pub(crate) fn plan(options: &SynthOptions) -> Vec<Sequence> {
    let rng = &mut keyed(options.seed, Purpose::Plan, options.subjects as u64, 0);
    let numbers = subject_numbers(options.subjects, rng);
    let labels = assign(options.subjects, rng);
    let codings = codings(options, &labels);
    let mut sequences = Vec::new();
    for (subject, subject_number) in numbers.into_iter().enumerate() {
        let person = Identity::draw(options.seed, subject as u64);
        let theirs = |&k: &usize| labels[k].0 == subject;
        let mut own: Vec<usize> = (0..labels.len()).filter(theirs).collect();
        own.shuffle(rng);
        for (index, number) in own.into_iter().zip(1..) {
            let key = 1000 + number as u64;
            let rng = &mut keyed(options.seed, Purpose::Recipe, subject as u64, key);
            let (emotion, coding) = (labels[index].1, codings[index].clone());
            let (lateral, strength) = (&person.lateral, options.difficulty.strength);
            sequences.push(Sequence {
                subject,
                subject_number,
                number,
                emotion,
                length: rng.random_range(9..=36),
                performance: Performance::draw(&coding, emotion, lateral, strength, rng),
                coding,
                person: person.clone(),
            });
        }
    }
    sequences
}

/// Ascending numbers with gaps, as in CK+.
fn subject_numbers(subjects: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut pool: Vec<usize> = (1..=subjects + subjects / 4 + 4).collect();
    pool.shuffle(rng);
    pool.truncate(subjects);
    pool.sort_unstable();
    pool
}

fn scaled(count: usize, subjects: usize) -> usize {
    (count * subjects + SUBJECTS / 2) / SUBJECTS
}

/// A label for every sequence, those with an expression first: each subject shows an expression at most once, and all but a few subjects show at least one.
fn assign(subjects: usize, rng: &mut ChaCha8Rng) -> Vec<Label> {
    let mut order: Vec<usize> = (0..subjects).collect();
    order.shuffle(rng);
    let (facs_only, labelled) = order.split_at(scaled(FACS_ONLY_SUBJECTS, subjects));
    let mut sequences = assign_expressions(subjects, labelled, rng);
    let rest = scaled(FACS_ONLY_SEQUENCES, subjects).max(facs_only.len());
    // The first round gives each subject its first label.
    sequences.extend(facs_only.iter().map(|&subject| (subject, None)));
    let anyone = |_| (order[rng.random_range(0..subjects)], None);
    sequences.extend((facs_only.len()..rest).map(anyone));
    sequences
}

/// Rarer expressions last; subjects without an expression go first, then order is random.
fn assign_expressions(subjects: usize, labelled: &[usize], rng: &mut ChaCha8Rng) -> Vec<Label> {
    let mut load = vec![0usize; subjects];
    let mut sequences = Vec::new();
    let mut emotions = shown();
    emotions.sort_by_key(|emotion| std::cmp::Reverse(sequences_in_ck_plus(*emotion)));
    for emotion in emotions {
        let wanted = scaled(sequences_in_ck_plus(emotion), subjects).clamp(1, labelled.len());
        let turn = |&subject: &usize| {
            let first = if load[subject] == 0 { -10.0 } else { 0.0 };
            (first + load[subject] as f32 + rng.within(0.0, 2.5), subject)
        };
        let mut turns: Vec<(f32, usize)> = labelled.iter().map(turn).collect();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        for &(_, subject) in &turns[..wanted] {
            load[subject] += 1;
            sequences.push((subject, Some(emotion)));
        }
    }
    sequences
}

/// Codings, in label order: by the subject's habits; without an expression, to bring the counts of units up to CK+'s.
fn codings(options: &SynthOptions, labels: &[Label]) -> Vec<Coding> {
    let (mut codings, mut counts) = (Vec::new(), [0; AUS.len()]);
    for (index, &(subject, emotion)) in labels.iter().enumerate() {
        let rng = &mut keyed(options.seed, Purpose::Recipe, index as u64, 0);
        let coding = if let Some(emotion) = emotion {
            let person = &mut keyed(options.seed, Purpose::Habits, subject as u64, 0);
            show(emotion, person, rng)
        } else {
            let wanted: [f32; AUS.len()] = std::array::from_fn(|k| {
                let target = (AU_COUNTS[k] * options.subjects) as f32 / SUBJECTS as f32;
                (target - counts[k] as f32).max(0.0)
            });
            // Labels without an expression are the last ones.
            let mean = wanted.iter().sum::<f32>() / (labels.len() - index) as f32;
            unnamed(&wanted, mean.clamp(1.0, 5.0), rng)
        };
        count(&coding, &mut counts);
        codings.push(coding);
    }
    codings
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn whole() -> Vec<Sequence> {
        plan(&SynthOptions::default())
    }

    #[test]
    fn counts_are_those_of_ck_plus() {
        let sequences = whole();
        assert_eq!(sequences.len(), 593);
        let subjects: BTreeSet<usize> = sequences.iter().map(|s| s.subject_number).collect();
        assert_eq!(subjects.len(), 123);
        for emotion in shown() {
            let shown: Vec<usize> = sequences
                .iter()
                .filter(|s| s.emotion == Some(emotion))
                .map(|s| s.subject)
                .collect();
            assert_eq!(shown.len(), sequences_in_ck_plus(emotion));
            let distinct: BTreeSet<&usize> = shown.iter().collect();
            assert_eq!(
                distinct.len(),
                shown.len(),
                "{emotion:?} twice in one subject"
            );
        }
        let labelled: BTreeSet<usize> = sequences
            .iter()
            .filter(|s| s.emotion.is_some())
            .map(|s| s.subject)
            .collect();
        assert_eq!(labelled.len(), 118);
    }

    #[test]
    fn unit_counts_are_near_ck_plus() {
        let mut counts = [0; AUS.len()];
        for sequence in whole() {
            count(&sequence.coding, &mut counts);
        }
        for ((au, &got), &wanted) in AUS.iter().zip(&counts).zip(&AU_COUNTS) {
            let slack = (wanted / 10).max(6);
            assert!(
                got.abs_diff(wanted) <= slack,
                "AU {au}: {got}, CK+ has {wanted}"
            );
        }
    }

    #[test]
    fn length_tells_nothing_about_the_label() {
        let sequences = whole();
        let mean = |keep: &dyn Fn(&&Sequence) -> bool| {
            let lengths: Vec<f32> = sequences
                .iter()
                .filter(keep)
                .map(|s| s.length as f32)
                .collect();
            lengths.iter().sum::<f32>() / lengths.len() as f32
        };
        let all = mean(&|_| true);
        for emotion in shown() {
            let own = mean(&|s| s.emotion == Some(emotion));
            // Four standard errors of the rarest class (18 lengths uniform over 9 to 36).
            assert!((own - all).abs() < 8.0, "{emotion:?}: {own} against {all}");
        }
    }

    #[test]
    fn few_subjects_still_show_everything() {
        for subjects in [1, 3, 10, 12, 40, 200] {
            let options = SynthOptions {
                subjects,
                ..SynthOptions::default()
            };
            let sequences = plan(&options);
            for emotion in shown() {
                assert!(sequences.iter().any(|s| s.emotion == Some(emotion)));
            }
            let labelled: BTreeSet<usize> = sequences
                .iter()
                .filter(|s| s.emotion.is_some())
                .map(|s| s.subject)
                .collect();
            assert!(
                labelled.len() >= subjects.min(10),
                "{subjects}: {}",
                labelled.len()
            );
        }
    }

    #[test]
    fn the_first_frame_is_nearly_at_rest_and_the_last_is_the_peak() {
        for sequence in whole() {
            let first = sequence.performance.at_frame(1, sequence.length);
            let last = sequence
                .performance
                .at_frame(sequence.length, sequence.length);
            for side in 0..2 {
                for &(au, level) in &sequence.coding {
                    assert!(first.at(side, au) <= 0.15);
                    let one_sided = au == 14 && sequence.emotion == Some(Expression::Contempt);
                    if level >= 3 && !one_sided {
                        assert!(last.at(side, au) > 0.3);
                    }
                }
            }
        }
    }
}
