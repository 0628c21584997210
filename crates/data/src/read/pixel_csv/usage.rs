//! The Usage column: a split that the table brings, if it is whole.

use std::collections::{BTreeSet, HashMap};

use super::rows::Row;
use crate::fold::part::Part;
use crate::read::source::Folding;

/// Different texts that are kept; further ones share one entry, so that memory stays small whatever the column holds.
const TEXTS_LIMIT: usize = 1000;
/// Entries that are always there, so that the limit never hides a part.
const SEEDED: [&str; 5] = ["", "Training", "PublicTest", "PrivateTest", "other"];
const OTHER: u16 = 4;

/// The different texts of a column, each kept once.
#[derive(Debug)]
pub(super) struct Usages {
    texts: Vec<String>,
    index: HashMap<String, u16>,
}

impl Default for Usages {
    fn default() -> Self {
        let texts = SEEDED.map(str::to_owned).to_vec();
        let index = (0..).zip(&texts).map(|(at, text)| (text.clone(), at));
        Self {
            index: index.collect(),
            texts,
        }
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
            None => match Part::from_name(text) {
                Some(Part::Train) => 1,
                Some(Part::Validation) => 2,
                Some(Part::Test) => 3,
                _ => OTHER,
            },
        }
    }

    pub fn text(&self, at: u16) -> &str {
        self.texts.get(usize::from(at)).map_or("", String::as_str)
    }

    pub fn part(&self, at: u16) -> Option<Part> {
        Part::from_name(self.text(at))
    }
}

/// How the column deals the rows.
#[derive(Debug)]
pub(super) struct Deal {
    pub folding: Folding,
    /// Why so, in a sentence.
    pub note: String,
    pub taken: Taken,
}

/// Which rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All: the column says nothing that is understood.
    All,
    /// Those that name a part.
    Parts,
    /// Those that name a part or nothing.
    PartsOrNone,
}

impl Taken {
    /// Why a row with this usage is not taken.
    pub fn refuses(self, usage: &str) -> Option<String> {
        let known = Part::from_name(usage).is_some();
        match (self, usage) {
            (Self::All, _) | (Self::PartsOrNone, "") => None,
            _ if known => None,
            (_, "") => Some("its Usage is empty, and other rows' Usage deals the parts".to_owned()),
            (_, other) => Some(format!(
                "its Usage '{other}' is none of Training, PublicTest, PrivateTest (train, validation, test)"
            )),
        }
    }
}

impl Deal {
    /// The split of the column if train, validation and test all occur; otherwise folds are dealt image by image.
    pub fn of(rows: &[Row], usages: &Usages, has_column: bool) -> Self {
        let texts: BTreeSet<u16> = rows.iter().map(|row| row.usage).collect();
        let parts: Vec<_> = [Part::Train, Part::Validation, Part::Test]
            .into_iter()
            .filter(|part| texts.iter().any(|&at| usages.part(at) == Some(*part)))
            .map(Part::name)
            .collect();
        let by_image = |why: String, taken| Self {
            folding: Folding::ByImage,
            note: format!("{why}, so folds are dealt image by image within each class."),
            taken,
        };
        let example = texts
            .iter()
            .map(|&at| usages.text(at))
            .find(|t| !t.is_empty());
        match (parts.as_slice(), example) {
            ([_, _, _], _) => Self {
                folding: Folding::Given(1),
                note: "The column Usage deals the rows to train, validation and test: one given split.".to_owned(),
                taken: Taken::Parts,
            },
            _ if !has_column => by_image("The table has no column Usage".to_owned(), Taken::All),
            ([], None) => by_image("The column Usage is empty".to_owned(), Taken::All),
            ([], Some(text)) => by_image(
                format!("The column Usage names no part that is known (it says '{text}')"),
                Taken::All,
            ),
            (some, _) => by_image(
                format!("The column Usage names only {}", some.join(" and ")),
                Taken::PartsOrNone,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::expression::Expression;

    fn deal(texts: &[&str]) -> Deal {
        let mut usages = Usages::default();
        let row = |text: &&str| Row {
            at: 0,
            length: 0,
            number: 0,
            expression: Expression::Fear,
            usage: usages.index(text),
        };
        let rows: Vec<_> = texts.iter().map(row).collect();
        Deal::of(&rows, &usages, true)
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
