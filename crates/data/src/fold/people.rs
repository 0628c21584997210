//! The numbers of the people in a data set: the one place where subjects given as text become `subjects.npy`.

use std::collections::{BTreeMap, BTreeSet};

use faus_base::person::Person;

use crate::read::source::{Folding, Scan};

/// The number of every person.
#[derive(Debug, Default)]
pub(crate) struct People(BTreeMap<Person, i64>);

impl People {
    /// The people of a scan.
    pub fn of(scan: &Scan) -> Self {
        let images = scan.samples.iter().map(|sample| &sample.subject);
        let in_folds = match &scan.folding {
            Folding::BySubject(subjects) => Vec::from_iter(subjects),
            _ => Vec::new(),
        };
        Self::numbered(images.chain(in_folds).map(String::as_str))
    }

    /// People with a number keep it; those with names follow the largest of these in alphabetical order, or start at 1.
    pub fn numbered<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let different: BTreeSet<&str> = texts.collect();
        let people: BTreeSet<Person> = different.into_iter().filter_map(Person::of).collect();
        let own = |person: &Person| match person {
            Person::Number(number) => Some(*number),
            Person::Name(_) => None,
        };
        let mut next = people.iter().filter_map(own).max().unwrap_or(0);
        let number = |person: Person| {
            let number = own(&person).unwrap_or_else(|| {
                next += 1;
                next
            });
            (person, number)
        };
        Self(people.into_iter().map(number).collect())
    }

    /// The number of a person; −1 if unknown.
    pub fn number(&self, subject: &str) -> i64 {
        let number = Person::of(subject).and_then(|person| self.0.get(&person));
        number.copied().unwrap_or(-1)
    }

    /// A note if names may be two spellings of one.
    pub fn alike(&self) -> Option<String> {
        Person::alike(self.0.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_numbered_behind_the_numbers() {
        let people = People::numbered(["010", "S007", "zoe", "anna", "7", "10.0"].into_iter());
        let numbers =
            ["010", "7", "S007", "S010", "anna", "zoe", "", "bob"].map(|text| people.number(text));
        assert_eq!(numbers, [10, 7, 7, 10, 11, 12, -1, -1]);
        assert_eq!(people.alike(), None);
        assert_eq!(People::numbered(["KA", "KL"].into_iter()).number("KL"), 2);
    }

    #[test]
    fn names_that_may_be_one_are_told() {
        let note = People::numbered(["Anna", "anna", "F001", "F1", "x"].into_iter())
            .alike()
            .unwrap();
        assert!(note.contains("F001 and F1, and 1 more"), "{note}");
    }

    proptest! {
        #[test]
        fn different_people_have_different_numbers(texts in proptest::collection::btree_set("[a-c]{1,3}|[1-9][0-9]{0,3}", 0..20)) {
            let people = People::numbered(texts.iter().map(String::as_str));
            let distinct: BTreeSet<i64> = texts.iter().map(|text| people.number(text)).collect();
            prop_assert_eq!(distinct.len(), texts.len());
            prop_assert!(!distinct.contains(&-1));
        }
    }
}
