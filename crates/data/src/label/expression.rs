//! Expressions by their codes and names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::expression::Expression::*;
use crate::label::text::{brief, whole_number};
use crate::label::words;

/// An expression by its code in CK+'s emotion files, 0 to 7. Class names are defined only here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expression {
    /// Code 0; in CK+ the first frame of every sequence.
    Neutral,
    /// Code 1.
    Anger,
    /// Code 2.
    Contempt,
    /// Code 3.
    Disgust,
    /// Code 4.
    Fear,
    /// Code 5.
    Happy,
    /// Code 6.
    Sadness,
    /// Code 7.
    Surprise,
}

impl Expression {
    /// All eight in the order of their codes.
    pub const ALL: [Self; 8] = [
        Neutral, Anger, Contempt, Disgust, Fear, Happy, Sadness, Surprise,
    ];

    /// CK+'s code, 0 to 7.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The lower-case English name, as the class folders of CK+48 spell it.
    pub fn name(self) -> &'static str {
        [
            "neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
        ][usize::from(self.code())]
    }

    /// The expression with this name, in upper or lower case, including the spellings that data sets use (`angry`,
    /// `sad`, `happiness`, `contemptuous` …).
    pub fn from_name(name: &str) -> Option<Self> {
        words::named(&name.trim().to_ascii_lowercase())
    }

    /// Reads a CK+ emotion file: one float, `   3.0000000e+00`.
    ///
    /// # Errors
    /// [`Error::Parse`] for an empty file, a second number, or anything but a whole number from 0 to 7.
    pub fn from_emotion_file(text: &str) -> Result<Self, Error> {
        let code = whole_number(text.trim_ascii());
        let expression = code.and_then(|code| Self::ALL.get(usize::from(code)));
        expression.copied().ok_or_else(|| {
            Error::parse(match brief(text).as_str() {
                "" => "the emotion file is empty; expected one number from 0 to 7".to_owned(),
                found => format!("expected one number from 0 to 7, found '{found}'"),
            })
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Expression {
    type Err = Error;

    /// [`Expression::from_name`], with an error that lists the names.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::from_name(name).ok_or_else(|| {
            let (names, name) = (Self::ALL.map(Self::name).join(", "), brief(name));
            let reason = format!("must be one of {names}, not '{name}'");
            Error::setting("expression", reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_those_of_ck_plus() {
        let names = [
            "neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
        ];
        for (code, name) in names.iter().enumerate() {
            let expression = Expression::from_emotion_file(&code.to_string()).unwrap();
            assert_eq!(
                (expression.name(), usize::from(expression.code())),
                (*name, code)
            );
            assert_eq!(Expression::from_name(name), Some(expression));
        }
    }

    #[test]
    fn reads_emotion_files() {
        assert_eq!(
            Expression::from_emotion_file("   3.0000000e+00\n").unwrap(),
            Expression::Disgust
        );
        for bad in [
            "",
            " \n",
            "8",
            "-1",
            "3.5",
            "3 4",
            "happy",
            "nan",
            "inf",
            "3.0000000e+00x",
        ] {
            assert!(Expression::from_emotion_file(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Expression::from_emotion_file(&text);
            let _ = text.parse::<Expression>();
        }
    }
}
