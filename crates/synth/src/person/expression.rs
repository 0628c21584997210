//! Expressions: action units that must, may and may not appear in each.

use faus_data::Expression::{
    self, Anger, Contempt, Disgust, Fear, Happy, Neutral, Sadness, Surprise,
};
use rand_chacha::ChaCha8Rng;

use crate::person::au::{AUS, index_of};
use crate::random::Draw;

/// The seven expressions that are labelled in CK+, in the order of its codes: all but neutral.
pub(crate) fn shown() -> [Expression; 7] {
    [Anger, Contempt, Disgust, Fear, Happy, Sadness, Surprise]
}

/// Labelled sequences in CK+ (Lucey et al. 2010, table 3): 327 together, none of them neutral.
pub(crate) fn sequences_in_ck_plus(expression: Expression) -> usize {
    [0, 45, 18, 59, 25, 69, 28, 83][usize::from(expression.code())]
}

/// Companions beyond the criterion: (AU, probability, lowest level).
fn companions(expression: Expression) -> &'static [(u8, f32, u8)] {
    match expression {
        Neutral => &[],
        Anger => &[
            (4, 0.95, 2),
            (7, 0.70, 2),
            (17, 0.85, 2),
            (5, 0.15, 1),
            (9, 0.06, 1),
        ],
        Contempt => &[(12, 0.10, 1), (24, 0.12, 1), (4, 0.10, 1)],
        Disgust => &[
            (4, 0.60, 2),
            (7, 0.50, 2),
            (17, 0.58, 2),
            (6, 0.22, 2),
            (25, 0.24, 2),
            (16, 0.05, 1),
            (15, 0.10, 1),
            (24, 0.06, 1),
        ],
        Fear => &[
            (5, 0.75, 2),
            (20, 0.93, 4),
            (25, 0.92, 3),
            (26, 0.20, 2),
            (27, 0.12, 2),
            (7, 0.25, 1),
            (16, 0.15, 1),
        ],
        Happy => &[(6, 0.92, 2), (25, 0.88, 3), (7, 0.14, 1), (26, 0.05, 1)],
        Sadness => &[(17, 0.86, 2), (7, 0.10, 1), (11, 0.18, 1), (4, 0.30, 1)],
        Surprise => &[(5, 0.70, 2), (25, 0.97, 3), (27, 0.82, 3), (26, 0.16, 3)],
    }
}

/// Action units that fulfil the criterion, with their lowest levels.
fn core(expression: Expression, rng: &mut ChaCha8Rng) -> &'static [(u8, u8)] {
    match expression {
        Neutral => &[],
        Anger => &[(23, 4), (24, 4)],
        Contempt => &[(14, 4)],
        Disgust if rng.chance(0.9) => &[(9, 4)],
        Disgust => &[(10, 4)],
        Fear if rng.chance(0.92) => &[(1, 4), (2, 3), (4, 3)],
        Fear => &[(1, 3), (2, 2), (5, 5)],
        Happy => &[(12, 3)],
        Sadness if rng.chance(0.84) => &[(1, 4), (4, 3), (15, 4)],
        Sadness if rng.chance(0.5) => &[(11, 4), (15, 3)],
        Sadness => &[(6, 3), (15, 4)],
        Surprise if rng.chance(0.98) => &[(1, 4), (2, 4)],
        Surprise => &[(5, 1)],
    }
}

/// Lucey et al. 2010, table 2: anger 23 and 24; contempt 14, on one side or both; disgust 9 or 10; fear 1+2+4 (4 may miss
/// where 5 is E); happy 12; sadness 1+4+15, or 11, or 6+15; surprise 1+2, or 5 up to B.
fn criterion(expression: Expression, coding: &Coding) -> bool {
    let has = |au| coding.iter().find(|c| c.0 == au).map_or(0, |c| c.1);
    let on = |au| has(au) > 0;
    match expression {
        Neutral => false,
        Anger => on(23) && on(24),
        Contempt => on(14),
        Disgust => on(9) || on(10),
        Fear => on(1) && on(2) && (on(4) || has(5) == 5),
        Happy => on(12),
        Sadness => on(11) || (on(15) && (on(6) || (on(1) && on(4)))),
        Surprise => (on(1) && on(2)) || (1..=2).contains(&has(5)),
    }
}

/// Units that do not contradict this expression.
fn repertoire(expression: Expression) -> &'static [u8] {
    match expression {
        Neutral => &[],
        Anger => &[4, 5, 7, 9, 10, 17, 23, 24],
        Contempt => &[4, 12, 14, 24],
        Disgust => &[4, 6, 7, 9, 10, 15, 16, 17, 24, 25, 26],
        Fear => &[1, 2, 4, 5, 7, 16, 20, 25, 26, 27],
        Happy => &[6, 7, 12, 16, 25, 26],
        Sadness => &[1, 4, 6, 7, 11, 15, 17],
        Surprise => &[1, 2, 5, 25, 26, 27],
    }
}

/// Action units with their levels 1 (A) to 5 (E), ascending by unit.
pub(crate) type Coding = Vec<(u8, u8)>;

/// Draws one person's display of `emotion`.
///
/// `person` gives the person's habits: a shift of each unit's log-odds as a companion, the same in all expressions, with
/// a deviation of 0.6 (our choice).
pub(crate) fn show(emotion: Expression, person: &mut ChaCha8Rng, rng: &mut ChaCha8Rng) -> Coding {
    let habits = AUS.map(|_| person.around(0.0, 0.6));
    let mut coding = Coding::new();
    for &(au, lowest) in core(emotion, rng) {
        // "5 up to B" is part of the criterion where 5 stands alone.
        let highest = if (emotion, au) == (Surprise, 5) { 2 } else { 5 };
        coding.push((au, level(rng, lowest, highest)));
    }
    for &(au, probability, lowest) in companions(emotion) {
        let shift = index_of(au).map_or(0.0, |index| habits[index]);
        let odds = probability / (1.0 - probability) * shift.exp();
        if rng.chance(odds / (1.0 + odds)) && fits(&coding, au) {
            coding.push((au, level(rng, lowest, 5)));
        }
    }
    coding.sort_unstable();
    coding
}

/// Draws units that do not form an expression, each chosen in proportion to `wanted`, the occurrences still missing.
pub(crate) fn unnamed(wanted: &[f32; AUS.len()], mean: f32, rng: &mut ChaCha8Rng) -> Coding {
    for _ in 0..60 {
        let coding = mixture(wanted, mean, rng);
        let named = shown().iter().any(|&emotion| is_named(emotion, &coding));
        if !coding.is_empty() && !named {
            return coding;
        }
    }
    // All mixtures of the missing units form an expression; a raised chin alone does not.
    vec![(17, level(rng, 2, 5))]
}

fn mixture(wanted: &[f32; AUS.len()], mean: f32, rng: &mut ChaCha8Rng) -> Coding {
    let size = rng.around(mean, 0.4 * mean).round().clamp(1.0, 7.0) as usize;
    let mut coding = Coding::new();
    for _ in 0..3 * size {
        if coding.len() >= size {
            break;
        }
        let au = pick(wanted, rng);
        // Jaw drop, stretched jaw and a lowered lower lip imply parted lips.
        let parts = matches!(au, 16 | 26 | 27) && !coding.iter().any(|c| c.0 == 25);
        if !fits(&coding, au) || (parts && !fits(&coding, 25)) {
            continue;
        }
        if parts {
            coding.push((25, level(rng, 3, 5)));
        }
        coding.push((au, level(rng, if au == 5 { 3 } else { 1 }, 5)));
    }
    coding.sort_unstable();
    coding
}

fn pick(wanted: &[f32; AUS.len()], rng: &mut ChaCha8Rng) -> u8 {
    let total: f32 = wanted.iter().map(|w| w.max(0.02)).sum();
    let mut left = rng.within(0.0, total);
    let reached = wanted.iter().position(|want| {
        left -= want.max(0.02);
        left <= 0.0
    });
    reached.map_or(17, |index| AUS[index])
}

/// Whether `one` cannot be shown with `other`, or hides it.
fn excludes(one: u8, other: u8) -> bool {
    match one {
        5 => matches!(other, 6 | 7 | 43),
        12 => other == 18,
        15 | 17 | 26 => other == 27,
        18 => matches!(other, 20 | 23 | 24 | 27),
        23 => matches!(other, 26 | 27),
        24 => matches!(other, 16 | 25 | 26 | 27),
        43 => matches!(other, 1 | 2),
        _ => false,
    }
}

fn fits(coding: &Coding, au: u8) -> bool {
    let free = |other| other != au && !excludes(au, other) && !excludes(other, au);
    coding.iter().all(|&(other, _)| free(other))
}

/// Whether a coder would assign `emotion` to `coding`: criterion fulfilled, no contradicting unit.
pub(crate) fn is_named(emotion: Expression, coding: &Coding) -> bool {
    let units = repertoire(emotion);
    criterion(emotion, coding) && coding.iter().all(|(au, _)| units.contains(au))
}

/// A level between the bounds; apex frames of posed expressions are mostly C to E.
fn level(rng: &mut ChaCha8Rng, lowest: u8, highest: u8) -> u8 {
    let x = rng.within(0.0, 1.0);
    let passed = [0.03, 0.10, 0.30, 0.66].map(|share| u8::from(x >= share));
    (1 + passed.iter().sum::<u8>()).clamp(lowest, highest)
}

/// Adds one to the count of every unit in `coding`.
pub(crate) fn count(coding: &Coding, counts: &mut [usize; AUS.len()]) {
    for index in coding.iter().filter_map(|&(au, _)| index_of(au)) {
        counts[index] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, keyed};

    #[test]
    fn every_shown_expression_fulfils_its_criterion() {
        for emotion in shown() {
            for draw in 0..300 {
                let [person, rng] =
                    &mut [Purpose::Habits, Purpose::Recipe].map(|of| keyed(1, of, draw, 0));
                let coding = show(emotion, person, rng);
                assert!(criterion(emotion, &coding), "{emotion:?}: {coding:?}");
            }
        }
    }

    #[test]
    fn unnamed_mixtures_name_nothing() {
        for draw in 0..300 {
            let coding = unnamed(
                &[1.0; AUS.len()],
                3.0,
                &mut keyed(1, Purpose::Recipe, draw, 1),
            );
            assert!(!coding.is_empty());
            assert!(shown().iter().all(|&e| !is_named(e, &coding)), "{coding:?}");
        }
    }
}
