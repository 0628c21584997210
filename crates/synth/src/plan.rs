//! Who shows what in which sequence: subjects, labels, codings and lengths of the whole data set.

use crate::au::{AUS, AuState};
use crate::difficulty::Difficulty;
use crate::expression::{Coding, Habits, count, sequences_in_ck_plus, show, shown, unnamed};
use crate::generate::SynthOptions;
use crate::geometry::step;
use crate::identity::Identity;
use crate::random::{Draw, Purpose, keyed};
use faus_data::Expression;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

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

/// How the coded units are shown: their strengths at the peak and their course.
#[derive(Clone, Debug)]
pub(crate) struct Performance {
    peak: AuState,
    /// Faint activity that is there in every frame, the neutral one as well.
    residual: AuState,
    onset: f32,
    apex: f32,
    /// How much later than the first each unit sets in, in shares of the sequence.
    delay: [f32; AUS.len()],
}

impl Performance {
    fn draw(
        coding: &Coding,
        emotion: Option<Expression>,
        lateral: &[f32; AUS.len()],
        how: &Difficulty,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut peak = AuState::neutral();
        for &(au, level) in coding {
            let index = AUS.iter().position(|&known| known == au).unwrap_or(0);
            let strength = how.strength * (STRENGTH[usize::from(level)] + rng.around(0.0, 0.05));
            let tilt = how.asymmetry * (lateral[index] + rng.around(0.0, 0.08));
            let mut halves = [strength * (1.0 + tilt), strength * (1.0 - tilt)];
            if au == 14 && emotion == Some(Expression::Contempt) && rng.chance(0.65) {
                halves[usize::from(rng.chance(0.5))] *= rng.within(0.0, 0.25);
            }
            for (side, &half) in halves.iter().enumerate() {
                peak.set(side, index, half);
            }
        }
        let mut residual = AuState::neutral();
        for _ in 0..3 {
            let (index, faint) = (
                rng.random_range(0..AUS.len() - 1),
                how.residual * rng.within(0.0, 0.10),
            );
            if !matches!(AUS[index], 16 | 26 | 27 | 18) {
                residual.set(0, index, faint);
                residual.set(1, index, faint);
            }
        }
        Self {
            peak,
            residual,
            onset: rng.within(0.02, 0.35),
            apex: rng.within(0.78, 1.02),
            delay: std::array::from_fn(|_| how.timing * rng.within(0.0, 0.2)),
        }
    }

    /// The face at frame `frame` (from 1) of `length`.
    pub fn at_frame(&self, frame: usize, length: usize) -> AuState {
        let time = (frame as f32 - 1.0) / (length as f32 - 1.0);
        let mut state = AuState::neutral();
        for side in 0..2 {
            for (index, &au) in AUS.iter().enumerate() {
                let rise = |t: f32| step(self.onset, self.apex, t - self.delay[index]);
                let share = rise(time) / rise(1.0);
                let shown = share * self.peak.at(side, au);
                state.set(side, index, shown.max(self.residual.at(side, au)));
            }
        }
        state
    }
}

/// Strength of the levels "absent", A, B, C, D, E.
pub(crate) const STRENGTH: [f32; 6] = [0.0, 0.20, 0.40, 0.62, 0.82, 1.0];

/// The whole data set, ordered by subject and sequence number.
pub(crate) fn plan(options: &SynthOptions) -> Vec<Sequence> {
    let rng = &mut keyed(options.seed, Purpose::Plan, options.subjects as u64, 0);
    let numbers = subject_numbers(options.subjects, rng);
    let labels = assign(options.subjects, rng);
    let codings = codings(options, &labels);
    let mut sequences = Vec::new();
    for (subject, subject_number) in numbers.into_iter().enumerate() {
        let lateral = Identity::draw(options.seed, subject as u64).lateral;
        let mut own: Vec<usize> = (0..labels.len())
            .filter(|&k| labels[k].0 == subject)
            .collect();
        own.shuffle(rng);
        for (k, index) in own.into_iter().enumerate() {
            let number = k + 1;
            let emotion = labels[index].1;
            let coding = codings[index].clone();
            let own_rng = &mut keyed(
                options.seed,
                Purpose::Recipe,
                subject as u64,
                1000 + number as u64,
            );
            sequences.push(Sequence {
                subject,
                subject_number,
                number,
                emotion,
                length: own_rng.random_range(9..=36),
                performance: Performance::draw(
                    &coding,
                    emotion,
                    &lateral,
                    &options.difficulty,
                    own_rng,
                ),
                coding,
            });
        }
    }
    sequences
}

/// Ascending numbers with gaps, as CK+'s are.
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

/// Sequences as (subject, label): each subject shows an expression at most once, and all but a few show one.
fn assign(subjects: usize, rng: &mut ChaCha8Rng) -> Vec<(usize, Option<Expression>)> {
    let mut order: Vec<usize> = (0..subjects).collect();
    order.shuffle(rng);
    let (facs_only, labelled) = order.split_at(scaled(FACS_ONLY_SUBJECTS, subjects));
    let mut load = vec![0usize; subjects];
    let mut sequences = Vec::new();
    let mut emotions = shown();
    emotions.sort_by_key(|emotion| std::cmp::Reverse(sequences_in_ck_plus(*emotion)));
    for emotion in emotions {
        let wanted = scaled(sequences_in_ck_plus(emotion), subjects).clamp(1, labelled.len());
        let mut keys: Vec<(f32, usize)> = labelled
            .iter()
            .map(|&subject| {
                // Who has shown nothing yet goes first; beyond that, chance decides.
                let first = if load[subject] == 0 { -10.0 } else { 0.0 };
                (first + load[subject] as f32 + rng.within(0.0, 2.5), subject)
            })
            .collect();
        keys.sort_by(|a, b| a.0.total_cmp(&b.0));
        for &(_, subject) in &keys[..wanted] {
            load[subject] += 1;
            sequences.push((subject, Some(emotion)));
        }
    }
    let rest = scaled(FACS_ONLY_SEQUENCES, subjects).max(facs_only.len());
    let everyone: Vec<usize> = facs_only.iter().chain(labelled).copied().collect();
    for k in 0..rest {
        // The first round gives the subjects without a label theirs.
        let subject = if k < facs_only.len() {
            facs_only[k]
        } else {
            everyone[rng.random_range(0..subjects)]
        };
        sequences.push((subject, None));
    }
    sequences
}

fn codings(options: &SynthOptions, labels: &[(usize, Option<Expression>)]) -> Vec<Coding> {
    let mut counts = [0; AUS.len()];
    let draw = |index: usize| keyed(options.seed, Purpose::Recipe, index as u64, 0);
    let habits: Vec<Habits> = (0..options.subjects)
        .map(|subject| {
            let rng = &mut keyed(options.seed, Purpose::Habits, subject as u64, 0);
            Habits::draw(options.difficulty.habits, rng)
        })
        .collect();
    let mut codings: Vec<Coding> = labels
        .iter()
        .enumerate()
        .map(|(index, &(subject, emotion))| {
            let coding =
                emotion.map_or_else(Coding::new, |e| show(e, &habits[subject], &mut draw(index)));
            count(&coding, &mut counts);
            coding
        })
        .collect();
    let unlabelled: Vec<usize> = (0..labels.len())
        .filter(|&k| labels[k].1.is_none())
        .collect();
    for (done, &index) in unlabelled.iter().enumerate() {
        let wanted: [f32; AUS.len()] = std::array::from_fn(|k| {
            let target = (AU_COUNTS[k] * options.subjects) as f32 / SUBJECTS as f32;
            (target - counts[k] as f32).max(0.0)
        });
        let mean = wanted.iter().sum::<f32>() / (unlabelled.len() - done) as f32;
        codings[index] = unnamed(&wanted, mean.clamp(1.0, 5.0), &mut draw(index));
        count(&codings[index], &mut counts);
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
