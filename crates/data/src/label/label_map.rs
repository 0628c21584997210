//! The meaning of a table's emotion codes: several numberings are in use, and tables do not name theirs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::expression::Expression::{self, *};
use crate::label::text::brief;

/// The expression of each code of a pixel table.
///
/// In text and in JSON: `auto`, `fer2013`, `ck_plus`, or the expressions in the order of their codes, starting at 0,
/// `anger,disgust,fear,happy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum LabelMap {
    /// Recognised by the number of rows of each code, including codes that number the classes alphabetically; FER2013's
    /// codes if no known table has these counts.
    #[default]
    Auto,
    /// FER2013's, with the eighth of ckextended.csv: 0 anger, 1 disgust, 2 fear, 3 happy, 4 sadness, 5 surprise,
    /// 6 neutral, 7 contempt.
    Fer2013,
    /// The codes of CK+'s emotion files: 0 neutral, 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness, 7 surprise.
    CkPlus,
    /// These expressions, in the order of their codes, starting at 0.
    Codes(Vec<Expression>),
}

/// The codes of FER2013; without the eighth and starting at 1 also those of TFD.
pub(crate) const FER2013: [Expression; 8] = [
    Anger, Disgust, Fear, Happy, Sadness, Surprise, Neutral, Contempt,
];

/// Known tables, with the rows of each expression in the order of [`Expression::ALL`].
///
/// FER2013's counts come from its release (Goodfellow et al. 2013: 28,709 to train, 3,589 and 3,589 to test),
/// ckextended.csv has CK+'s 327 labelled peaks with 593 neutral frames, and the CK+ ones follow from its peak counts
/// (Lucey et al. 2010, table 3): three frames of each peak, one first frame.
const KNOWN: [(&str, [usize; 8]); 8] = [
    ("FER2013", [6198, 4953, 0, 547, 5121, 8989, 6077, 4002]),
    (
        "FER2013's training part",
        [4965, 3995, 0, 436, 4097, 7215, 4830, 3171],
    ),
    (
        "FER2013's public test part",
        [607, 467, 0, 56, 496, 895, 653, 415],
    ),
    (
        "FER2013's private test part",
        [626, 491, 0, 55, 528, 879, 594, 416],
    ),
    ("ckextended.csv", [593, 45, 18, 59, 25, 69, 28, 83]),
    ("CK+'s 327 peaks", [0, 45, 18, 59, 25, 69, 28, 83]),
    ("CK+48", [0, 135, 54, 177, 75, 207, 84, 249]),
    (
        "CK+ with its first frames",
        [327, 135, 54, 177, 75, 207, 84, 249],
    ),
];

/// Rows that may be missing or too many, as a share of the known table, for a near match. Our choice: a table that lost
/// a few unreadable or doubled rows stays below it, and two known tables with different codes differ by more than twice
/// as much (checked by a test), so that no table is close to both.
const TOLERANCE: f64 = 0.05;

impl LabelMap {
    /// The expressions in the order of their codes; FER2013's for [`LabelMap::Auto`].
    pub fn expressions(&self) -> &[Expression] {
        match self {
            Self::Auto | Self::Fer2013 => &FER2013,
            Self::CkPlus => &Expression::ALL,
            Self::Codes(expressions) => expressions,
        }
    }

    /// The map to use, never [`LabelMap::Auto`], and a sentence on the choice for a set's notes.
    pub(crate) fn resolve(&self, counts: &[usize; 256]) -> (Self, String) {
        let (map, how) = match self {
            Self::Auto => recognise(counts),
            given => (given.clone(), "by the label map given".to_owned()),
        };
        let codes = map.expressions().iter().enumerate();
        let codes = codes.map(|(code, name)| format!("{code} {name}"));
        let codes = Vec::from_iter(codes).join(", ");
        let note = format!("Emotion codes are read as {codes}: {how}.");
        (map, note)
    }
}

/// A known table: its name and its rows of each expression.
type Known = (&'static str, [usize; 8]);

/// The known tables in each of their possible numberings.
fn candidates() -> impl Iterator<Item = (LabelMap, &'static Known)> {
    KNOWN.iter().flat_map(|known| {
        let maps = [LabelMap::Fer2013, LabelMap::CkPlus, alphabetical(known)];
        maps.map(|map| (map, known))
    })
}

/// The numbering produced by looping over a known table's class folders in order of name.
fn alphabetical(known: &Known) -> LabelMap {
    let mut codes = Expression::ALL.to_vec();
    codes.retain(|expression| known.1[usize::from(expression.code())] > 0);
    codes.sort_by_key(|expression| expression.name());
    LabelMap::Codes(codes)
}

/// The numbering under which the counts are those of a known table.
fn recognise(counts: &[usize; 256]) -> (LabelMap, String) {
    let nearest = candidates()
        .map(|(map, known)| (distance(counts, &by_code(&map, &known.1)), map, known.0))
        .min_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let rows: usize = counts.iter().sum();
    match nearest {
        Some((0.0, map, name)) => (
            map,
            format!("the {rows} rows have exactly the counts of {name}"),
        ),
        Some((far, map, name)) if far <= TOLERANCE => {
            let (far, most) = (100.0 * far, 100.0 * TOLERANCE);
            let how = format!(
                "the counts of the {rows} rows are within {far:.1}% of those of {name} (accepted up to {most:.0}%); \
                 another reading needs a label map (fer2013, ck_plus, or names in the order of the codes)"
            );
            (map, how)
        }
        _ => {
            let how = "FER2013's codes are assumed, since the counts match no known table; if that is wrong, give a \
                       label map (ck_plus, or names in the order of the codes: anger,disgust,fear,…)";
            (LabelMap::Fer2013, how.to_owned())
        }
    }
}

/// Rows per code, from rows per expression in the order of [`Expression::ALL`].
fn by_code(map: &LabelMap, by_expression: &[usize; 8]) -> [usize; 256] {
    let mut counts = [0; 256];
    for (code, expression) in map.expressions().iter().enumerate() {
        counts[code] = by_expression[usize::from(expression.code())];
    }
    counts
}

/// Rows by which two counts differ, as a share of those of `known`.
fn distance(counts: &[usize; 256], known: &[usize; 256]) -> f64 {
    let pairs = counts.iter().zip(known);
    let apart: usize = pairs.map(|(a, b)| a.abs_diff(*b)).sum();
    apart as f64 / known.iter().sum::<usize>() as f64
}

impl fmt::Display for LabelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fer2013 => f.write_str("fer2013"),
            Self::CkPlus => f.write_str("ck_plus"),
            Self::Codes(codes) => {
                let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

impl FromStr for LabelMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::setting("label map", reason);
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "fer2013" => Ok(Self::Fer2013),
            "ck_plus" | "ck+" => Ok(Self::CkPlus),
            list if list.contains(',') => codes(list).map(Self::Codes).map_err(wrong),
            other => Err(wrong(format!(
                "must be auto, fer2013, ck_plus, or the expressions in the order of their codes such as \
                 anger,disgust,fear,happy, not '{}'",
                brief(other)
            ))),
        }
    }
}

fn codes(list: &str) -> Result<Vec<Expression>, String> {
    let mut codes = Vec::new();
    for (code, name) in list.split(',').enumerate() {
        let expression = name
            .parse()
            .map_err(|error| format!("code {code}: {error}"))?;
        if codes.contains(&expression) {
            return Err(format!("code {code}: {expression} is named twice"));
        }
        codes.push(expression);
    }
    Ok(codes)
}

impl From<LabelMap> for String {
    fn from(map: LabelMap) -> Self {
        map.to_string()
    }
}

impl TryFrom<String> for LabelMap {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tables_agree_with_one_another() {
        let total = |at: usize| KNOWN[at].1.iter().sum::<usize>();
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7].map(total),
            [35_887, 28_709, 3_589, 3_589, 920, 327, 981, 1_308]
        );
        for at in 0..8 {
            let parts = KNOWN[1].1[at] + KNOWN[2].1[at] + KNOWN[3].1[at];
            assert_eq!(KNOWN[0].1[at], parts, "{}", Expression::ALL[at]);
            if at > 0 {
                assert_eq!(3 * KNOWN[5].1[at], KNOWN[6].1[at]);
                assert_eq!(KNOWN[4].1[at], KNOWN[5].1[at]);
            }
        }
    }

    #[test]
    fn no_table_can_be_near_to_two_numberings() {
        for (one, a) in candidates() {
            for (other, b) in candidates().filter(|(other, _)| *other != one) {
                let counts = (by_code(&one, &a.1), by_code(&other, &b.1));
                let apart = distance(&counts.0, &counts.1).min(distance(&counts.1, &counts.0));
                assert!(
                    apart > 2.0 * TOLERANCE,
                    "{one} {} {other} {}: {apart}",
                    a.0,
                    b.0
                );
            }
        }
    }

    #[test]
    fn recognises_by_counts() {
        for (map, (name, known)) in candidates() {
            let mut counts = by_code(&map, known);
            let (exact, how) = LabelMap::Auto.resolve(&counts);
            assert!(exact == map && how.contains("exactly") && how.contains(name));
            let largest = counts.iter_mut().max().expect("256 of them");
            *largest -= 3;
            let (near, how) = LabelMap::Auto.resolve(&counts);
            assert!(near == map && how.contains("within"), "{how}");
        }
        let ck48 = [135, 54, 177, 75, 207, 84, 249];
        let mut counts = [0; 256];
        counts[..7].copy_from_slice(&ck48);
        let (map, _) = LabelMap::Auto.resolve(&counts);
        assert_eq!(
            map.to_string(),
            "anger,contempt,disgust,fear,happy,sadness,surprise"
        );
        let mut counts = [0; 256];
        counts[..8].fill(100);
        let (map, how) = LabelMap::Auto.resolve(&counts);
        assert!(map == LabelMap::Fer2013 && how.contains("assumed") && how.contains("ck_plus"));
        let (map, how) = LabelMap::CkPlus.resolve(&counts);
        assert!(map == LabelMap::CkPlus && how.contains("0 neutral, 1 anger"));
    }

    #[test]
    fn is_written_as_it_is_read() {
        for text in ["auto", "fer2013", "ck_plus", "neutral,happy,contempt"] {
            let map: LabelMap = text.parse().unwrap();
            assert_eq!(map.to_string(), text);
            let json = serde_json::to_string(&map).unwrap();
            assert_eq!(serde_json::from_str::<LabelMap>(&json).unwrap(), map);
        }
        for (bad, why) in [
            ("", "auto, fer2013"),
            ("happy", "auto, fer2013"),
            ("anger,glee", "code 1"),
            ("anger,sad,angry", "code 2: anger is named twice"),
        ] {
            let error = bad.parse::<LabelMap>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
