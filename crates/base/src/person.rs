//! Who is in an image: the names and numbers by which data sets and tables name people.

use std::collections::BTreeMap;
use std::fmt;

use crate::text::{composed, is_missing};

/// Most digits of a number; longer ones count as names.
const DIGITS: usize = 15;

/// A person, by a number or a name.
///
/// `S005`, `s5`, `005`, `5` and `5.0` (what pandas writes into a column with gaps) are the number 5: one person in several
/// spellings. Everything else is a name, `F001` and `M001` too, and only equal names are the same person (composed or decomposed Unicode is one name).
///
/// ```
/// use faus_base::person::Person;
/// assert_eq!(Person::of("S005"), Person::of("5.0"));
/// assert_ne!(Person::of("F001"), Person::of("M001"));
/// assert_eq!(Person::of("-1"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// A number; displays without leading zeros.
    Number(i64),
    /// A name.
    Name(String),
}

impl Person {
    /// The person that a text names; `None` for one that is unknown: a negative number, and what programs write for a missing
    /// value. `NA` and `Nan` are names.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let negative = whole.strip_prefix('-').and_then(number);
        let whole = whole.strip_prefix(['S', 's']).unwrap_or(whole);
        let missing = (is_missing(text) && text != "Nan") || text.eq_ignore_ascii_case("none");
        match number(whole).filter(|_| number(fraction) == Some(0)) {
            Some(number) => Some(Self::Number(number)),
            None if missing || negative.is_some() => None,
            None => Some(Self::Name(composed(text).into_owned())),
        }
    }

    /// A sentence on names that may be two spellings of one person.
    pub fn alike<'a>(people: impl IntoIterator<Item = &'a Self>) -> Option<String> {
        let mut seen = BTreeMap::new();
        let mut twice = people.into_iter().filter_map(|person| {
            let before = seen.insert(person.spelled_alike(), person)?;
            Some(format!("{before} and {person}"))
        });
        let first = twice.next()?;
        let more = match twice.count() {
            0 => String::new(),
            more => format!(", and {more} more pairs"),
        };
        Some(format!(
            "Some names of people differ in capitals, punctuation or zeros alone and count as different people all the \
             same: {first}{more}."
        ))
    }

    /// The name in small letters and without zeros before numbers: equal for names that may be two spellings of one.
    fn spelled_alike(&self) -> String {
        let mut alike = String::new();
        let mut in_number = false;
        for c in self.to_string().to_lowercase().chars() {
            let leading = c == '0' && !in_number;
            alike.extend((!leading && c.is_alphanumeric()).then_some(c));
            in_number = c.is_ascii_digit() && (in_number || c != '0');
        }
        alike
    }
}

fn number(digits: &str) -> Option<i64> {
    let plain = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Option<Person> {
        Some(Person::Name(text.to_owned()))
    }

    #[test]
    fn one_person_in_several_spellings() {
        for text in ["S005", "s005", "S5", "005", "5", "5.0", "5.000", " 5 "] {
            assert_eq!(Person::of(text), Some(Person::Number(5)), "{text}");
        }
        for text in [
            "", " ", "-1", "-1.0", "-999", "nan", "NaN", "None", "<NA>", "?", "#N/A", "null",
        ] {
            assert_eq!(Person::of(text), None, "{text}");
        }
    }

    #[test]
    fn names_stay_names() {
        for text in [
            "KA",
            "NA",
            "Nan",
            "anna",
            "F001",
            "5.5",
            "S",
            "S-1",
            "-x",
            "1e3",
            "SN001",
            "0099999999999999999",
        ] {
            assert_eq!(Person::of(text), name(text), "{text}");
        }
        assert_eq!(Person::of(" KA\t"), name("KA"));
        assert_eq!(Person::of("Zoe\u{308}"), name("Zo\u{eb}"));
    }

    #[test]
    fn spellings_that_may_be_one_person_are_alike() {
        let alike = |text: &str| Person::of(text).map(|person| person.spelled_alike());
        for (one, other) in [
            ("F001", "f1"),
            ("Anna", "anna"),
            ("p_03", "P3"),
            ("x10", "X010"),
        ] {
            assert_eq!(alike(one), alike(other), "{one} and {other}");
        }
        for (one, other) in [
            ("F001", "M001"),
            ("p10", "p1"),
            ("p100", "p10"),
            ("x1", "x01y"),
        ] {
            assert_ne!(alike(one), alike(other), "{one} and {other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_the_same_person(text in "\\PC{0,20}|[Ss]?[0-9]{1,17}(\\.0{1,3})?") {
            if let Some(person) = Person::of(&text) {
                prop_assert_eq!(Person::of(&person.to_string()), Some(person));
            }
        }
    }
}
