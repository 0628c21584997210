//! The split in the column Usage.

use std::collections::HashSet;

use crate::fold::part::Part;
use crate::read::source::Folding;

/// How the column assigns the rows to parts or folds.
#[derive(Debug)]
pub(super) struct Assignment {
    pub folding: Folding,
    /// The reason.
    why: String,
    /// Whether validation is held back from train.
    held_back: bool,
    /// Whether the column names a part.
    names_parts: bool,
}

impl Assignment {
    /// The split of the column if train and test occur, with validation or without, which is then held back from train;
    /// otherwise folds are made image by image.
    pub fn of<'a>(usages: impl Iterator<Item = &'a str> + Clone, has_column: bool) -> Self {
        let named: HashSet<Part> = usages.clone().filter_map(Part::from_name).collect();
        let mut parts = vec![Part::Train, Part::Validation, Part::Test];
        parts.retain(|part| named.contains(part));
        let mut texts = usages.filter(|text| !text.is_empty());
        let why = match (parts.as_slice(), texts.next()) {
            ([_, _, _], _) => {
                "The column Usage assigns the rows to train, validation and test".to_owned()
            }
            _ if !has_column => "The table has no column Usage".to_owned(),
            ([], None) => "The column Usage is empty".to_owned(),
            ([], Some(text)) => {
                format!("The column Usage names no known part (an example is '{text}')")
            }
            (some, _) => {
                let some = Vec::from_iter(some.iter().map(|part| part.name())).join(" and ");
                format!("The column Usage names only {some}")
            }
        };
        Self {
            folding: match parts.as_slice() {
                [_, _, _] | [Part::Train, Part::Test] => Folding::Given(1),
                _ => Folding::ByImage,
            },
            why,
            held_back: parts == [Part::Train, Part::Test],
            names_parts: !parts.is_empty(),
        }
    }

    /// How folds are made and why, in a sentence.
    pub fn note(&self) -> String {
        let so = match self.folding {
            Folding::Given(_) if self.held_back => {
                ": one given split, in which a tenth of train validates, drawn from the people where all are known, else from the images of each class."
            }
            Folding::Given(_) => ": one given split.",
            Folding::BySubject(_) => ", so folds are made person by person.",
            Folding::ByImage => ", so folds are made image by image within each class.",
        };
        format!("{}{so}", self.why)
    }

    /// Why a row with this usage is not taken: the column names parts, and this is none of them. Without a whole split
    /// rows without a text are taken.
    pub fn refuses(&self, usage: &str) -> Option<String> {
        match usage {
            _ if !self.names_parts || Part::from_name(usage).is_some() => None,
            "" if self.folding == Folding::ByImage => None,
            "" => Some("its Usage is empty, while other rows have one".to_owned()),
            other => Some(format!(
                "its Usage '{other}' is not one of Training, PublicTest, PrivateTest (train, validation, test)"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deal(texts: &[&str]) -> Assignment {
        Assignment::of(texts.iter().copied(), true)
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
            assert!(deal.refuses("x").is_some_and(|why| why.contains("'x'")));
            assert!(deal.refuses("").is_some() && deal.refuses("Test").is_none());
        }
    }

    #[test]
    fn train_and_test_are_kept_and_validation_is_held_back() {
        for texts in [["Training", "Testing"], ["test", "TRAIN"]] {
            let deal = deal(&texts);
            assert_eq!(deal.folding, Folding::Given(1));
            assert!(
                deal.why.contains("only train and test")
                    && deal.note().contains("a tenth of train")
            );
            assert!(deal.refuses("").is_some());
        }
    }

    #[test]
    fn half_a_split_is_not() {
        for (texts, why, takes_x) in [
            (&["Training", "Training"][..], "only train", false),
            (&["Training", "val", ""], "only train and validation", false),
            (&["", ""], "is empty", true),
            (&["x", ""], "'x'", true),
        ] {
            let deal = deal(texts);
            assert_eq!(deal.folding, Folding::ByImage);
            assert!(deal.why.contains(why), "{}", deal.why);
            assert_eq!(deal.refuses("x").is_none(), takes_x);
            assert_eq!(deal.refuses(""), None);
        }
    }
}
