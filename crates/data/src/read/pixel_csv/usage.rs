//! The rows of a table that are samples, and the split in its Usage column.

use std::collections::{BTreeSet, HashMap};

use crate::fold::part::Part;
use crate::label::Expression;
use crate::read::source::Folding;

/// Different texts that are kept; further ones share one entry, so that memory stays small for any column.
const TEXTS_LIMIT: usize = 1000;
/// Entries that always exist, so that the limit never hides a part: each part at its number.
const SEEDED: [&str; 5] = ["", "Training", "PublicTest", "PrivateTest", "other"];
const OTHER: u16 = 4;

/// A row that is a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// First byte in the file.
    pub at: u64,
    /// Bytes without the line's end, at most [`ROW_LIMIT`](super::rows::ROW_LIMIT).
    pub length: u32,
    /// Counted from 0, without the header and empty lines.
    pub number: u32,
    pub expression: Expression,
    /// Index into [`Usages`].
    pub usage: u16,
}

/// The different texts of a column, each kept once.
#[derive(Debug)]
pub(super) struct Usages {
    texts: Vec<String>,
    index: HashMap<String, u16>,
}

impl Default for Usages {
    fn default() -> Self {
        let texts = Vec::from(SEEDED.map(str::to_owned));
        let index = texts.iter().cloned().zip(0..).collect();
        Self { texts, index }
    }
}

impl Usages {
    pub fn index(&mut self, text: &str) -> u16 {
        match self.index.get(text) {
            Some(&at) => at,
            None if self.texts.len() < TEXTS_LIMIT => {
                let at = self.texts.len() as u16;
                self.texts.push(text.to_owned());
                self.index.insert(text.to_owned(), at);
                at
            }
            None => Part::from_name(text).map_or(OTHER, |part| part as u16),
        }
    }

    pub fn text(&self, at: u16) -> &str {
        self.texts.get(usize::from(at)).map_or("", String::as_str)
    }

    pub fn part(&self, at: u16) -> Option<Part> {
        Part::from_name(self.text(at))
    }
}

/// How the column assigns the rows to parts or folds.
#[derive(Debug)]
pub(super) struct Assignment {
    pub folding: Folding,
    /// The reason, in a sentence.
    pub note: String,
    pub taken: Taken,
}

/// Which rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All: the column names no part.
    All,
    /// The rows that name a part.
    Parts,
    /// The rows that name a part or nothing.
    PartsOrNone,
}

impl Taken {
    /// Why a row with this usage is not taken.
    pub fn refuses(self, usage: &str) -> Option<String> {
        match (self, usage) {
            (Self::All, _) | (Self::PartsOrNone, "") => None,
            _ if Part::from_name(usage).is_some() => None,
            (_, "") => Some("its Usage is empty, while other rows have one".to_owned()),
            (_, other) => Some(format!(
                "its Usage '{other}' is not one of Training, PublicTest, PrivateTest (train, validation, test)"
            )),
        }
    }
}

impl Assignment {
    fn given() -> Self {
        let note =
            "The column Usage assigns the rows to train, validation and test: one given split.";
        Self {
            folding: Folding::Given(1),
            note: note.to_owned(),
            taken: Taken::Parts,
        }
    }

    /// The split of the column if train, validation and test all occur; otherwise folds are made image by image.
    pub fn of(rows: &[Row], usages: &Usages, has_column: bool) -> Self {
        let texts: BTreeSet<u16> = rows.iter().map(|row| row.usage).collect();
        let mut parts = vec![Part::Train, Part::Validation, Part::Test];
        parts.retain(|part| texts.iter().any(|&at| usages.part(at) == Some(*part)));
        let example = texts
            .iter()
            .map(|&at| usages.text(at))
            .find(|text| !text.is_empty());
        let (why, taken) = match (parts.as_slice(), example) {
            ([_, _, _], _) => return Self::given(),
            _ if !has_column => ("The table has no column Usage".to_owned(), Taken::All),
            ([], None) => ("The column Usage is empty".to_owned(), Taken::All),
            ([], Some(text)) => (
                format!("The column Usage names no known part (an example is '{text}')"),
                Taken::All,
            ),
            (some, _) => {
                let some = Vec::from_iter(some.iter().map(|part| part.name())).join(" and ");
                (
                    format!("The column Usage names only {some}"),
                    Taken::PartsOrNone,
                )
            }
        };
        Self {
            folding: Folding::ByImage,
            note: format!("{why}, so folds are made image by image within each class."),
            taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deal(texts: &[&str]) -> Assignment {
        let mut usages = Usages::default();
        let row = |text: &&str| Row {
            at: 0,
            length: 0,
            number: 0,
            expression: Expression::Fear,
            usage: usages.index(text),
        };
        let rows: Vec<_> = texts.iter().map(row).collect();
        Assignment::of(&rows, &usages, true)
    }

    #[test]
    fn a_whole_split_is_taken() {
        for texts in [
            ["Training", "PublicTest", "PrivateTest", "x"],
            ["train", "VAL", "test", "Training"],
            ["TRAIN", "valid", "testing", "validation"],
        ] {
            let deal = deal(&texts);
            assert_eq!(deal.folding, Folding::Given(1));
            assert!(
                deal.taken
                    .refuses("x")
                    .is_some_and(|why| why.contains("'x'"))
            );
            assert!(deal.taken.refuses("").is_some() && deal.taken.refuses("Test").is_none());
        }
    }

    #[test]
    fn half_a_split_is_not() {
        for (texts, why, takes_x) in [
            (&["Training", "Training"][..], "only train", false),
            (&["Training", "test", ""], "only train and test", false),
            (&["", ""], "is empty", true),
            (&["x", ""], "'x'", true),
        ] {
            let deal = deal(texts);
            assert_eq!(deal.folding, Folding::ByImage);
            assert!(deal.note.contains(why), "{}", deal.note);
            assert_eq!(deal.taken.refuses("x").is_none(), takes_x);
            assert_eq!(deal.taken.refuses(""), None);
        }
    }

    #[test]
    fn many_texts_hide_no_part() {
        let mut usages = Usages::default();
        (0..5000).for_each(|at| {
            usages.index(&format!("row {at}"));
        });
        assert_eq!(usages.texts.len(), TEXTS_LIMIT);
        for (text, part) in [
            ("TRAIN", Some(Part::Train)),
            ("VaL", Some(Part::Validation)),
            ("tEST", Some(Part::Test)),
            ("new", None),
        ] {
            let at = usages.index(text);
            assert_eq!(usages.part(at), part);
        }
    }
}
