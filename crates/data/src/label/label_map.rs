//! The meaning of a table's emotion codes: several numberings are in use, and tables do not name theirs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::expression::Expression::{self, *};
use crate::label::text::{as_text, brief, whole_number};
use crate::label::words::{Word, code, word};

/// The expression of each code of a pixel table.
///
/// In text and in JSON: `auto`, `fer2013`, `ck_plus`, `raf_db`, or the expressions in the order of their codes,
/// `anger,disgust,fear,happy`. Codes start at 0, or at 1 where no 0 occurs and the number of expressions does.
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
    /// RAF-DB's: 1 surprise, 2 fear, 3 disgust, 4 happy, 5 sadness, 6 anger, 7 neutral.
    RafDb,
    /// These expressions, in the order of their codes, starting at 0 or 1.
    Codes(Vec<Expression>),
}

/// A label as a data set writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Code(u8),
    Name(Expression),
}

impl Label {
    /// Reads a code (`3`, or `3.0` as MATLAB and pandas write it), a name of an expression, one with a letter wrong, which is
    /// added to those `misspelt`, or a code of JAFFE or KDEF (`AN`).
    ///
    /// # Errors
    /// What else the text is, after the word label.
    pub fn read(text: &str, misspelt: &mut Misspelt) -> Result<Self, String> {
        let text = text.trim();
        if let Some(code) = whole_number(text) {
            return Ok(Self::Code(code));
        }
        let expression = match (word(text), code(text)) {
            (Word::Named(expression), _) | (_, Some(expression)) => expression,
            (Word::Misspelt(expression), _) => {
                misspelt.insert(brief(text), expression);
                expression
            }
            (Word::Like(like), _) => {
                return Err(format!(
                    "'{}', only like {like} (write {like} to include it)",
                    brief(text)
                ));
            }
            (Word::None, _) => {
                return Err(format!("'{}', which names no expression", brief(text)));
            }
        };
        Ok(Self::Name(expression))
    }
}

/// Misspelt words, with the expression that was read.
pub(crate) type Misspelt = BTreeMap<String, Expression>;

/// The expression of each code, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Codes {
    /// The lowest code, 0 or 1.
    first: usize,
    expressions: Vec<Expression>,
}

impl Codes {
    /// The expression of a code.
    pub fn of(&self, code: u8) -> Option<Expression> {
        let at = usize::from(code).checked_sub(self.first)?;
        self.expressions.get(at).copied()
    }

    /// The expression of a label.
    ///
    /// # Errors
    /// Its code, if that has none.
    pub fn expression(&self, label: Label) -> Result<Expression, u8> {
        match label {
            Label::Name(expression) => Ok(expression),
            Label::Code(code) => self.of(code).ok_or(code),
        }
    }

    /// The first and the last code.
    pub fn range(&self) -> (usize, usize) {
        (self.first, self.first + self.expressions.len().max(1) - 1)
    }

    /// Rows per code, from rows per expression in the order of [`Expression::ALL`].
    fn counts(&self, by_expression: &[usize; 8]) -> [usize; 256] {
        let mut counts = [0; 256];
        for (expression, count) in self.expressions.iter().zip(&mut counts[self.first..]) {
            *count = by_expression[usize::from(expression.code())];
        }
        counts
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = self.expressions.iter().zip(self.first..);
        let codes = codes.map(|(name, code)| format!("{code} {name}"));
        f.write_str(&Vec::from_iter(codes).join(", "))
    }
}

/// The codes of FER2013; without the eighth and starting at 1 also those of TFD.
pub(crate) const FER2013: [Expression; 8] = [
    Anger, Disgust, Fear, Happy, Sadness, Surprise, Neutral, Contempt,
];

/// RAF-DB's seven (Li, Deng and Du 2017), whose codes start at 1.
const RAF_DB: [Expression; 7] = [Surprise, Fear, Disgust, Happy, Sadness, Anger, Neutral];

/// Known tables, with the rows of each expression in the order of [`Expression::ALL`].
///
/// FER2013's counts come from its release (Goodfellow et al. 2013: 28,709 to train, 3,589 and 3,589 to test),
/// ckextended.csv has CK+'s 327 labelled peaks with 593 neutral frames, and the CK+ ones follow from its peak counts
/// (Lucey et al. 2010, table 3): three frames of each peak, one first frame. RAF-DB: 12,271 to train and 3,068 to test.
#[rustfmt::skip]
const KNOWN: [(&str, [usize; 8]); 11] = [
    ("FER2013", [6198, 4953, 0, 547, 5121, 8989, 6077, 4002]),
    ("FER2013's training part", [4965, 3995, 0, 436, 4097, 7215, 4830, 3171]),
    ("FER2013's public test part", [607, 467, 0, 56, 496, 895, 653, 415]),
    ("FER2013's private test part", [626, 491, 0, 55, 528, 879, 594, 416]),
    ("ckextended.csv", [593, 45, 18, 59, 25, 69, 28, 83]),
    ("CK+'s 327 peaks", [0, 45, 18, 59, 25, 69, 28, 83]),
    ("CK+48", [0, 135, 54, 177, 75, 207, 84, 249]),
    ("CK+ with its first frames", [327, 135, 54, 177, 75, 207, 84, 249]),
    ("RAF-DB", [3204, 867, 0, 877, 355, 5957, 2460, 1619]),
    ("RAF-DB's training part", [2524, 705, 0, 717, 281, 4772, 1982, 1290]),
    ("RAF-DB's test part", [680, 162, 0, 160, 74, 1185, 478, 329]),
];

/// Rows that may be missing or too many, as a share of the known table, for a near match. Our choice: a table that lost
/// a few unreadable or doubled rows stays below it, and two known tables with different codes differ by more than twice
/// as much (checked by a test), so that no table is close to both.
const TOLERANCE: f64 = 0.05;

impl LabelMap {
    /// The expressions in the order of their codes; FER2013's for [`LabelMap::Auto`].
    fn expressions(&self) -> &[Expression] {
        match self {
            Self::Auto | Self::Fer2013 => &FER2013,
            Self::CkPlus => &Expression::ALL,
            Self::RafDb => &RAF_DB,
            Self::Codes(expressions) => expressions,
        }
    }

    /// The meaning of the codes of a table with `counts` rows of each, and a sentence on the choice for a set's notes.
    ///
    /// # Errors
    /// The reason and the way out if the codes may start at 0 or 1: a shift by one would go unnoticed.
    pub(crate) fn resolve(&self, counts: &[usize; 256]) -> Result<(Codes, String), String> {
        let (codes, how) = match self {
            Self::Auto => recognise(counts).map_or_else(|| assumed(counts), Ok)?,
            given => given.starting(counts)?,
        };
        let note = format!("Emotion codes are read as {codes}: {how}.");
        Ok((codes, note))
    }

    /// The meaning of the codes among labels, and a sentence on it if there are any. Only where it is `usual` a numbering is
    /// assumed for unknown tables: in tables of pixels, but not for numbers of folders and lists.
    ///
    /// # Errors
    /// The reason and the way out if codes may have several meanings.
    pub(crate) fn codes(
        &self,
        labels: impl Iterator<Item = Label>,
        usual: bool,
    ) -> Result<(Codes, Option<String>), String> {
        let mut counts = [0; 256];
        for label in labels {
            if let Label::Code(code) = label {
                counts[usize::from(code)] += 1;
            }
        }
        match self {
            Self::Auto if counts == [0; 256] => Ok((Codes::default(), None)),
            _ if counts == [0; 256] => {
                let unused = "The label map given is not used: no label is a number.";
                Ok((Codes::default(), Some(unused.to_owned())))
            }
            Self::Auto if !usual && recognise(&counts).is_none() => Err(NAMES_NEEDED.to_owned()),
            _ => {
                let (codes, note) = self.resolve(&counts)?;
                Ok((codes, Some(note)))
            }
        }
    }

    /// The codes of a map that was given ([`first_code`]). CK+'s start at 0, which is neutral and may be missing.
    fn starting(&self, counts: &[usize; 256]) -> Result<(Codes, String), String> {
        let names = self.expressions();
        let highest = counts.get(names.len()).copied().unwrap_or(0);
        let first = first_code(counts[0] > 0, highest > 0);
        let from_one = first == Some(1);
        let shifted = *self == Self::Fer2013 && first.is_none() && counts[7] > 0;
        if shifted && used(counts) == Some(7) {
            return Err(format!(
                "no row has the code 0, but 1 to 7 occur: FER2013's codes counted from 1, or those of another set? Give the \
                 names in the order of the codes: {}",
                Self::Codes(FER2013[..7].to_vec())
            ));
        }
        if *self == Self::RafDb && counts[0] > 0 {
            let lowest = counts[0];
            return Err(format!(
                "{lowest} rows have the code 0, and RAF-DB's codes start at 1: {NAMES_NEEDED}"
            ));
        }
        if matches!(self, Self::Codes(_) | Self::Fer2013) && first.is_none() {
            let last = counts.iter().rposition(|rows| *rows > 0).unwrap_or(0);
            // FER2013's own codes end at 6: the eighth name is that of ckextended.csv.
            let all = names.len() - usize::from(*self == Self::Fer2013);
            return Err(format!(
                "neither 0 nor {all} occurs, so the {all} names of the label map may be counted from 0 or from 1: give the names of the \
                 codes 1 to {last} alone"
            ));
        }
        let (first, how) = match from_one || *self == Self::RafDb {
            true => (1, "by the label map given, counted from 1"),
            false => (0, "by the label map given"),
        };
        let expressions = names.to_vec();
        Ok((Codes { first, expressions }, how.to_owned()))
    }
}

/// The lowest code of a numbering that may start at 0 or at 1, by whether 0 and the number of names occur; `None` where neither
/// does, so that either could be meant.
pub(crate) fn first_code(has_zero: bool, has_number: bool) -> Option<usize> {
    match (has_zero, has_number) {
        (true, _) => Some(0),
        (false, true) => Some(1),
        (false, false) => None,
    }
}

/// How the meaning of codes is given.
const NAMES_NEEDED: &str = "codes differ between data sets; give the names in the order of the codes, counted from 0 or 1 \
                            (label map surprise,fear,disgust,happy,sadness,anger,neutral is RAF-DB's, also: raf_db, fer2013, ck_plus)";

/// N if exactly the codes 1 to N occur, at least two.
fn used(counts: &[usize; 256]) -> Option<usize> {
    let last = counts.iter().rposition(|rows| *rows > 0)?;
    let whole = counts[0] == 0 && counts[1..=last].iter().all(|rows| *rows > 0);
    (whole && last >= 2).then_some(last)
}

/// FER2013's codes, unless they may be counted from 1.
fn assumed(counts: &[usize; 256]) -> Result<(Codes, String), String> {
    if let Some(last) = used(counts) {
        return Err(format!(
            "no row has the code 0, but 1 to {last} occur, and FER2013's codes start at 0: {NAMES_NEEDED}"
        ));
    }
    if counts[0] == 0 && counts[7] > 0 {
        return Err(format!(
            "no row has the code 0, but some have 7, and FER2013's codes are 0 to 6: {NAMES_NEEDED}"
        ));
    }
    let how = "FER2013's codes are assumed, since the counts match no known table; if that is wrong, give a \
               label map (ck_plus, raf_db, or names in the order of the codes: anger,disgust,fear,…)";
    let codes = Codes {
        first: 0,
        expressions: FER2013.to_vec(),
    };
    Ok((codes, how.to_owned()))
}

/// A known table: its name and its rows of each expression.
type Known = (&'static str, [usize; 8]);

/// The known tables in each of their possible numberings, each numbering once.
fn candidates() -> impl Iterator<Item = (Codes, &'static Known)> {
    KNOWN.iter().flat_map(|known| {
        let mut codes: Vec<Codes> = Vec::new();
        let by_name = alphabetical(known);
        let orders = [&FER2013[..], &Expression::ALL, &RAF_DB, &by_name].into_iter();
        for (order, first) in orders.flat_map(|order| [(order, 0), (order, 1)]) {
            let expressions = order.to_vec();
            let new = Codes { first, expressions };
            let (counts, all): (_, usize) = (new.counts(&known.1), known.1.iter().sum());
            let covers = counts.iter().sum::<usize>() == all;
            let again = codes.iter().any(|old| old.counts(&known.1) == counts);
            codes.extend((covers && !again).then_some(new));
        }
        codes.into_iter().map(move |codes| (codes, known))
    })
}

/// The numbering produced by looping over a known table's class folders in order of name.
fn alphabetical(known: &Known) -> Vec<Expression> {
    let mut codes = Expression::ALL.to_vec();
    codes.retain(|expression| known.1[usize::from(expression.code())] > 0);
    codes.sort_by_key(|expression| expression.name());
    codes
}

/// The numbering under which the counts are those of a known table.
fn recognise(counts: &[usize; 256]) -> Option<(Codes, String)> {
    let nearest = candidates()
        .map(|(codes, known)| (distance(counts, &codes.counts(&known.1)), codes, known.0))
        .min_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let (far, codes, name) = nearest?;
    let rows: usize = counts.iter().sum();
    if far == 0.0 {
        let how = format!("the {rows} rows have exactly the counts of {name}");
        return Some((codes, how));
    }
    let (percent, most) = (100.0 * far, 100.0 * TOLERANCE);
    (far <= TOLERANCE).then(|| {
        let how = format!(
            "the counts of the {rows} rows are within {percent:.1}% of those of {name} (accepted up to {most:.0}%); \
             another reading needs a label map (fer2013, ck_plus, raf_db, or names in the order of the codes)"
        );
        (codes, how)
    })
}

/// Rows by which two counts differ, as a share of those of `known`.
fn distance(counts: &[usize; 256], known: &[usize; 256]) -> f64 {
    let pairs = counts.iter().zip(known);
    let apart: usize = pairs.map(|(a, b)| a.abs_diff(*b)).sum();
    apart as f64 / known.iter().sum::<usize>() as f64
}

/// The maps with a name.
const NAMED: [(&str, LabelMap); 4] = [
    ("auto", LabelMap::Auto),
    ("fer2013", LabelMap::Fer2013),
    ("ck_plus", LabelMap::CkPlus),
    ("raf_db", LabelMap::RafDb),
];

impl fmt::Display for LabelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMED.iter().find(|(_, map)| map == self);
        let codes = || Vec::from_iter(self.expressions().iter().map(|code| code.name())).join(",");
        f.write_str(&named.map_or_else(codes, |(name, _)| (*name).to_owned()))
    }
}

impl FromStr for LabelMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        let name = text.replace("ck+", "ck_plus").replace("raf-db", "raf_db");
        if let Some((_, map)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(map.clone());
        }
        let map = match text.contains(',') {
            true => codes(&text).map(Self::Codes),
            false => Err(format!(
                "must be auto, fer2013, ck_plus, raf_db, or the expressions in the order of their codes such as \
                 anger,disgust,fear,happy, not '{}'",
                brief(&text)
            )),
        };
        map.map_err(|reason| Error::setting("label map", reason))
    }
}

fn codes(list: &str) -> Result<Vec<Expression>, String> {
    let mut codes = Vec::new();
    for (code, name) in list.split(',').enumerate() {
        let expression = name.parse();
        let expression = expression.map_err(|error| format!("code {code}: {error}"))?;
        if codes.contains(&expression) {
            return Err(format!("code {code}: {expression} is named twice"));
        }
        codes.push(expression);
    }
    Ok(codes)
}

as_text!(LabelMap);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tables_agree_with_one_another() {
        let total = |at: usize| KNOWN[at].1.iter().sum::<usize>();
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(total),
            [
                35_887, 28_709, 3_589, 3_589, 920, 327, 981, 1_308, 15_339, 12_271, 3_068
            ]
        );
        for at in 0..8 {
            let parts = KNOWN[1].1[at] + KNOWN[2].1[at] + KNOWN[3].1[at];
            assert_eq!(KNOWN[0].1[at], parts, "{}", Expression::ALL[at]);
            assert_eq!(KNOWN[8].1[at], KNOWN[9].1[at] + KNOWN[10].1[at]);
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
                let counts = (one.counts(&a.1), other.counts(&b.1));
                let apart = distance(&counts.0, &counts.1).min(distance(&counts.1, &counts.0));
                let (one, two) = (one.to_string(), other.to_string());
                assert!(
                    apart > 2.0 * TOLERANCE,
                    "{} {one}; {} {two}: {apart}",
                    a.0,
                    b.0
                );
            }
        }
    }

    #[test]
    fn recognises_by_counts() {
        for (codes, (name, known)) in candidates() {
            let mut counts = codes.counts(known);
            let (exact, how) = LabelMap::Auto.resolve(&counts).unwrap();
            assert!(exact == codes && how.contains("exactly") && how.contains(name));
            let largest = counts.iter_mut().max().expect("256 of them");
            *largest -= 3;
            let (near, how) = LabelMap::Auto.resolve(&counts).unwrap();
            assert!(near == codes && how.contains("within"), "{how}");
        }
        let ck48 = [135, 54, 177, 75, 207, 84, 249];
        let mut counts = [0; 256];
        counts[..7].copy_from_slice(&ck48);
        let (codes, _) = LabelMap::Auto.resolve(&counts).unwrap();
        assert_eq!((codes.of(0), codes.of(6)), (Some(Anger), Some(Surprise)));
        let mut counts = [0; 256];
        counts[..8].fill(100);
        let (codes, how) = LabelMap::Auto.resolve(&counts).unwrap();
        assert!(codes.of(3) == Some(Happy) && how.contains("assumed") && how.contains("ck_plus"));
        let (codes, how) = LabelMap::CkPlus.resolve(&counts).unwrap();
        assert!(codes.of(3) == Some(Disgust) && how.contains("0 neutral, 1 anger"));
        let rows = (0..8).map(Label::Code).flat_map(|code| [code; 100]);
        assert!(LabelMap::Auto.codes(rows, false).is_err());
    }

    /// Ten rows of each of these codes.
    fn ten(codes: std::ops::RangeInclusive<usize>) -> [usize; 256] {
        let mut counts = [0; 256];
        counts[codes].fill(10);
        counts
    }

    #[test]
    fn codes_that_start_at_one_are_never_shifted() {
        for last in [2, 6, 7, 8] {
            let refused = LabelMap::Auto.resolve(&ten(1..=last)).unwrap_err();
            assert!(
                refused.contains("no row has the code 0") && refused.contains("from 0 or 1"),
                "{refused}"
            );
        }
        assert!(LabelMap::Auto.resolve(&ten(3..=4)).is_ok());
        let names: LabelMap = "surprise,fear,disgust,happy,sadness,anger,neutral"
            .parse()
            .unwrap();
        let (from_one, how) = names.resolve(&ten(1..=7)).unwrap();
        assert!(
            how.contains("counted from 1") && how.contains("1 surprise"),
            "{how}"
        );
        assert_eq!(
            (from_one.of(0), from_one.of(1), from_one.of(7)),
            (None, Some(Surprise), Some(Neutral))
        );
        let (from_zero, _) = names.resolve(&ten(0..=6)).unwrap();
        assert_eq!((from_zero.of(0), from_zero.of(7)), (Some(Surprise), None));
        // One row out of range among codes from 0 moves nothing.
        let (strays, _) = names.resolve(&ten(0..=7)).unwrap();
        assert_eq!(strays.range(), (0, 6));
        for either in [ten(1..=6), ten(2..=3)] {
            let refused = names.resolve(&either).unwrap_err();
            assert!(refused.contains("neither 0 nor 7 occurs"), "{refused}");
        }
        for either in [ten(1..=6), ten(2..=3)] {
            let refused = LabelMap::Fer2013.resolve(&either).unwrap_err();
            assert!(refused.contains("neither 0 nor 7 occurs"), "{refused}");
            assert!(LabelMap::CkPlus.resolve(&either).is_ok());
        }
        let words = [Label::Name(Happy)].into_iter();
        let (_, note) = LabelMap::RafDb.codes(words, false).unwrap();
        assert!(note.unwrap().contains("is not used"));
        let refused = LabelMap::RafDb.resolve(&ten(0..=6)).unwrap_err();
        assert!(refused.contains("start at 1"), "{refused}");
        let mut gap = ten(1..=3);
        gap[7] = 10;
        assert!(LabelMap::Auto.resolve(&gap).is_err());
        let (raf, _) = LabelMap::RafDb.resolve(&ten(1..=3)).unwrap();
        assert_eq!(raf.of(3), Some(Disgust));
        assert!(
            LabelMap::Fer2013
                .resolve(&ten(1..=7))
                .unwrap_err()
                .contains("counted from 1")
        );
        assert_eq!(
            LabelMap::CkPlus.resolve(&ten(1..=7)).unwrap().0.of(7),
            Some(Surprise)
        );
    }

    #[test]
    fn is_written_as_it_is_read() {
        for text in [
            "auto",
            "fer2013",
            "ck_plus",
            "raf_db",
            "neutral,happy,contempt",
        ] {
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
