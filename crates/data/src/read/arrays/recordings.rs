//! The recordings of the authors' CK+: four rows each, the neutral frame and the three last ones of the expression.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::label::{ClassMap, Expression};

/// Frames of the expression in a recording.
const PEAK: usize = 3;

/// Code and person of a row.
type Row = (i64, i64);

/// A row's place and expression.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub expression: Expression,
    pub person: i64,
    /// The recording of the person, from 1.
    pub recording: usize,
    /// 1 for the neutral frame, 2 to 4 for the others.
    pub frame: u32,
}

/// The frames of the rows, and a note on how they were read.
///
/// A recording is code 0 and three times the code of the expression (1 to 7), of one person; the neutral frame may be
/// missing, as where the authors' script took a stray file for it. With `six` also the six classes numbered from 0 are read,
/// as the authors renumber them after loading: three rows a recording, codes 0 to 5. The structure tells which: code
/// 0 three times in a row is anger, once it is neutral.
///
/// # Errors
/// The first row that is out of order; codes of the six classes without `six`; codes that both numberings have.
pub(super) fn frames(rows: &[Row], six: bool) -> Result<(Vec<Frame>, Option<String>), String> {
    let own = recordings(rows, 1..=7, true);
    match (own, recordings(rows, 0..=5, false)) {
        (Ok(own), Err(_)) => Ok((number(&own, &Expression::ALL), neutral_missing(&own))),
        (Err(_), Ok(threes)) if six => {
            let classes = ClassMap::six();
            let names = classes.names().join(", ");
            let note = format!("y.npy has the six classes, numbered from 0 in this order: {names}.");
            Ok((number(&threes, classes.classes()), Some(note)))
        }
        (Err(_), Ok(_)) => Err(
            "it has the codes 0 to 5 three times in a row each and no neutral frames: these are the six classes \
             (anger, disgust, fear, happy, sadness, surprise) renumbered from 0, not CK+'s codes; read them \
             with --classes six"
                .to_owned(),
        ),
        (Ok(_), Ok(_)) => Err(
            "it has none of the codes 0, 6 and 7, so that these may be CK+'s codes as well as the six classes renumbered; save the \
             arrays with their neutral frames (code 0)"
                .to_owned(),
        ),
        (Err(at), Err(_)) => Err(format!(
            "row {at} is out of order: a recording is the code 0 and three times the code of its expression (1 to 7), all of \
             one person in subjs.npy; save the rows in the order of the authors' script"
        )),
    }
}

/// The rows of each recording.
///
/// # Errors
/// The row where a recording should begin, but none does.
fn recordings(
    rows: &[Row],
    peaks: RangeInclusive<i64>,
    has_neutral: bool,
) -> Result<Vec<&[Row]>, usize> {
    let (mut found, mut rest) = (Vec::new(), rows);
    while let Some((code, person)) = rest.first() {
        let length = PEAK + usize::from(has_neutral && *code == 0);
        let recording = rest.split_at_checked(length).filter(|(recording, _)| {
            let last = recording.last();
            let mut shown = recording.iter().rev().take(PEAK);
            shown.all(|row| Some(row) == last)
                && last.is_some_and(|(code, who)| peaks.contains(code) && who == person)
        });
        let (recording, after) = recording.ok_or(rows.len() - rest.len())?;
        found.push(recording);
        rest = after;
    }
    Ok(found)
}

/// Numbers each person's recordings and the frames in them.
fn number(recordings: &[&[Row]], expressions: &[Expression]) -> Vec<Frame> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    let mut frames = Vec::new();
    for rows in recordings {
        // The neutral frame is the first even where it is missing.
        let first = (PEAK + 2 - rows.len()) as u32;
        let recording = rows.first().map(|(_, person)| {
            let count = counts.entry(*person).or_default();
            *count += 1;
            *count
        });
        let known = (first..).zip(*rows).filter_map(|(frame, (code, person))| {
            Some(Frame {
                expression: *expressions.get(usize::try_from(*code).ok()?)?,
                person: *person,
                recording: recording?,
                frame,
            })
        });
        frames.extend(known);
    }
    frames
}

fn neutral_missing(recordings: &[&[Row]]) -> Option<String> {
    let missing = recordings.iter().filter(|rows| rows.len() == PEAK).count();
    let all = recordings.len();
    (missing > 0).then(|| format!("{missing} of {all} recordings have no neutral frame."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows of recordings: person, and the codes in turn.
    fn rows(recordings: &[(i64, &[i64])]) -> Vec<Row> {
        let row = |(person, codes): &(i64, &[i64])| {
            let person = *person;
            codes
                .iter()
                .map(move |code| (*code, person))
                .collect::<Vec<_>>()
        };
        recordings.iter().flat_map(row).collect()
    }

    #[test]
    fn four_rows_are_a_recording() {
        let rows = rows(&[(5, &[0, 3, 3, 3]), (5, &[7, 7, 7]), (9, &[0, 1, 1, 1])]);
        let (frames, note) = frames(&rows, true).unwrap();
        let places: Vec<_> = frames
            .iter()
            .map(|f| (f.person, f.recording, f.frame))
            .collect();
        assert_eq!(
            places[..5],
            [(5, 1, 1), (5, 1, 2), (5, 1, 3), (5, 1, 4), (5, 2, 2)]
        );
        assert_eq!(places[7], (9, 1, 1));
        let shown = [0, 1, 4, 8].map(|at| frames[at].expression);
        use Expression::{Anger, Disgust, Neutral, Surprise};
        assert_eq!(shown, [Neutral, Disgust, Surprise, Anger]);
        assert_eq!(note.unwrap(), "1 of 3 recordings have no neutral frame.");
    }

    #[test]
    fn six_classes_from_0_are_read_on_request_alone() {
        let six = rows(&[(1, &[0, 0, 0]), (1, &[5, 5, 5]), (2, &[1, 1, 1])]);
        assert!(frames(&six, false).unwrap_err().contains("--classes six"));
        let (frames, note) = frames(&six, true).unwrap();
        let shown = [0, 3, 6].map(|at| frames[at].expression);
        use Expression::{Anger, Disgust, Surprise};
        assert_eq!(shown, [Anger, Surprise, Disgust]);
        assert!(note.unwrap().contains("anger, disgust, fear"));
    }

    #[test]
    fn codes_of_both_numberings_are_refused() {
        let both = rows(&[(1, &[1, 1, 1]), (2, &[5, 5, 5])]);
        for six in [false, true] {
            assert!(frames(&both, six).unwrap_err().contains("may be"));
        }
        // With code 6 or 7 they are CK+'s, whose neutral frames were left out.
        let own = rows(&[(1, &[1, 1, 1]), (2, &[6, 6, 6])]);
        assert_eq!(
            frames(&own, true).unwrap().0[3].expression,
            Expression::Sadness
        );
    }

    #[test]
    fn rows_out_of_order_are_named() {
        for (wrong, row) in [
            (rows(&[(1, &[0, 3, 3, 3]), (1, &[0, 4, 4])]), 4),
            (rows(&[(1, &[0, 3, 3, 3]), (1, &[0, 4, 5, 4])]), 4),
            (rows(&[(1, &[3, 3, 3, 0])]), 3),
            (rows(&[(1, &[0]), (2, &[3, 3, 3])]), 0),
            (rows(&[(1, &[0, 3, 3]), (2, &[3])]), 0),
            (rows(&[(1, &[0, 3, 3, 3, 3])]), 4),
        ] {
            for six in [false, true] {
                let reason = frames(&wrong, six).unwrap_err();
                assert!(
                    reason.contains(&format!("row {row} is out of order")),
                    "{reason}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_row_gets_its_frame_or_all_are_refused(
            recordings in prop::collection::vec((0i64..3, 1i64..8, any::<bool>()), 0..12), six in any::<bool>(),
            swap in prop::option::of((0usize..40, 0usize..40)),
        ) {
            let mut rows: Vec<Row> = Vec::new();
            for (person, code, neutral) in &recordings {
                rows.extend(neutral.then_some((0, *person)));
                rows.extend([(*code, *person); PEAK]);
            }
            if let Some((a, b)) = swap.filter(|(a, b)| a.max(b) < &rows.len()) {
                rows.swap(a, b);
            }
            if let Ok((frames, _)) = frames(&rows, six) {
                prop_assert_eq!(frames.len(), rows.len());
                let same = frames.iter().zip(&rows).all(|(f, (code, person))| {
                    f.person == *person && i64::from(f.expression.code()) == *code
                });
                prop_assert!(same);
            } else {
                let unclear = rows.iter().all(|(code, _)| (1..6).contains(code));
                prop_assert!(swap.is_some() || unclear);
            }
        }
    }
}
