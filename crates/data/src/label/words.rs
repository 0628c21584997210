//! Words for expressions that are no exact name: misspelt ones, those among other words, and the codes of posed sets.

use strsim::osa_distance;

use crate::label::expression::Expression::{self, *};

/// The spellings of each expression in data sets.
#[rustfmt::skip]
const NAMES: [(&str, Expression); 23] = [
    ("neutral", Neutral),
    ("anger", Anger), ("angry", Anger),
    ("contempt", Contempt), ("contemptuous", Contempt),
    ("disgust", Disgust), ("disgusted", Disgust), ("disgusting", Disgust),
    ("fear", Fear), ("fearful", Fear), ("afraid", Fear), ("scared", Fear),
    ("happy", Happy), ("happiness", Happy), ("joy", Happy), ("joyful", Happy), ("smile", Happy),
    ("sad", Sadness), ("sadness", Sadness), ("sorrow", Sadness),
    ("surprise", Surprise), ("surprised", Surprise), ("surprising", Surprise),
];

/// The codes in the file names of JAFFE (FE) and KDEF (AF), which agree otherwise.
#[rustfmt::skip]
const CODES: [(&str, Expression); 8] = [
    ("an", Anger), ("di", Disgust), ("af", Fear), ("fe", Fear),
    ("ha", Happy), ("ne", Neutral), ("sa", Sadness), ("su", Surprise),
];

/// Letters from which on a word with one letter wrong is still certain. Shorter ones resemble other words: danger, bear.
const CERTAIN: usize = 6;

/// What a word says about an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Names it.
    Named(Expression),
    /// Names it with one letter wrong: `suprise`.
    Misspelt(Expression),
    /// Resembles it or contains it among other words: `disgust_faces`, `Fear - Copy`. Too uncertain to be used.
    Like(Expression),
    /// Nothing.
    None,
}

/// The expression of a name of any spelling, in lower case.
pub(super) fn named(name: &str) -> Option<Expression> {
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map(|(_, expression)| *expression)
}

/// The expression of a code such as `AN` or `ha`.
pub(crate) fn code(text: &str) -> Option<Expression> {
    let text = text.to_ascii_lowercase();
    let found = CODES.iter().find(|(known, _)| *known == text);
    found.map(|(_, expression)| *expression)
}

/// What a text says about an expression.
pub(crate) fn word(text: &str) -> Word {
    let text = text.trim().to_lowercase();
    if let Some(expression) = named(&text) {
        return Word::Named(expression);
    }
    if let Some(expression) = near(&text, CERTAIN, 1) {
        return Word::Misspelt(expression);
    }
    let mut parts = text.split(|c: char| !c.is_alphabetic());
    let first = parts.find_map(|part| {
        let resembling = || near(part, CERTAIN, 2).or(near(part, 4, 1));
        named(part).or_else(resembling)
    });
    first.map_or(Word::None, Word::Like)
}

/// The expression of the names that `word` is at most `most` letters away from, if all of them mean the same.
fn near(word: &str, least: usize, most: usize) -> Option<Expression> {
    if word.chars().count() < least {
        return None;
    }
    let long = NAMES.iter().filter(|(name, _)| name.len() >= least);
    let mut near = long.filter(|(name, _)| osa_distance(name, word) <= most);
    let (_, first) = near.next()?;
    near.all(|(_, other)| other == first).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_letter_wrong_in_a_long_word_is_certain() {
        for (text, expected) in [
            ("Contemptuous", Word::Named(Contempt)),
            ("suprise", Word::Misspelt(Surprise)),
            ("Surprized", Word::Misspelt(Surprise)),
            ("neutrel", Word::Misspelt(Neutral)),
            ("hapiness", Word::Misspelt(Happy)),
            ("disugst", Word::Misspelt(Disgust)),
            ("hapy", Word::Like(Happy)),
            ("danger", Word::Like(Anger)),
            ("Fear - Copy", Word::Like(Fear)),
            ("disgust_faces", Word::Like(Disgust)),
            ("not happy", Word::Like(Happy)),
            ("unhappy", Word::None),
            ("sa", Word::None),
            ("holidays", Word::None),
            ("", Word::None),
        ] {
            assert_eq!(word(text), expected, "{text}");
        }
    }

    #[test]
    fn codes_are_those_of_posed_sets() {
        assert_eq!(
            ["AN", "af", "FE", "Su"].map(code),
            [Anger, Fear, Fear, Surprise].map(Some)
        );
        assert_eq!(["A", "ANG", "CO", ""].map(code), [None; 4]);
    }

    proptest! {
        #[test]
        fn no_word_is_near_to_two_expressions(text in "[a-z]{0,14}") {
            let near: std::collections::BTreeSet<_> = NAMES.iter()
                .filter(|(name, _)| name.len() >= CERTAIN && osa_distance(name, &text) <= 1).map(|(_, e)| *e).collect();
            if let Word::Misspelt(one) = word(&text) {
                prop_assert_eq!(near, [one].into());
            }
        }
    }
}
