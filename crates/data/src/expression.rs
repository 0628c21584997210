use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::au::{brief, whole_number};

/// An expression by its code in CK+'s emotion files, 0 to 7. The one place for the names of classes.
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
        Self::Neutral,
        Self::Anger,
        Self::Contempt,
        Self::Disgust,
        Self::Fear,
        Self::Happy,
        Self::Sadness,
        Self::Surprise,
    ];

    /// CK+'s code, 0 to 7.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The expression with a CK+ code, or `None` above 7.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The lower-case English name, as the class folders of CK+48 spell it.
    pub fn name(self) -> &'static str {
        [
            "neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
        ][usize::from(self.code())]
    }

    /// The expression of a name, in any case, with the spellings that data sets use (`angry`, `sad`, `happiness` …).
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "angry" => Some(Self::Anger),
            "disgusted" => Some(Self::Disgust),
            "afraid" | "fearful" => Some(Self::Fear),
            "happiness" | "joy" => Some(Self::Happy),
            "sad" => Some(Self::Sadness),
            "surprised" => Some(Self::Surprise),
            name => Self::ALL
                .into_iter()
                .find(|expression| expression.name() == name),
        }
    }

    /// Reads a CK+ emotion file: one float, `   3.0000000e+00`.
    ///
    /// # Errors
    /// [`Error::Parse`] for an empty file, a second number, or anything but a whole number from 0 to 7.
    pub fn from_emotion_file(text: &str) -> Result<Self, Error> {
        let mut words = text.split_ascii_whitespace();
        let Some(word) = words.next() else {
            return Err(Error::parse(
                "the emotion file is empty; expected one number from 0 to 7",
            ));
        };
        let code = whole_number(word, 0, 7).filter(|_| words.next().is_none());
        code.and_then(Self::from_code).ok_or_else(|| {
            Error::parse(format!(
                "expected one number from 0 to 7, found '{}'",
                brief(text)
            ))
        })
    }
}

/// Which expressions are classes, and in what order.
///
/// Labels are positions in that order, so dropping an expression relabels those behind it. In text and in JSON a map is
/// `eight`, `seven`, `six` (or `8`, `7`, `6`), or a list of names: `anger,happy,sadness`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassMap {
    classes: Vec<Expression>,
}

impl ClassMap {
    /// All eight: CK+ as DESIGN 2 counts it (1308 images).
    pub fn eight() -> Self {
        Self {
            classes: Expression::ALL.to_vec(),
        }
    }

    /// Seven, without neutral: what the class folders of CK+48 hold.
    pub fn seven() -> Self {
        Self {
            classes: Expression::ALL[1..].to_vec(),
        }
    }

    /// Six, without neutral and contempt, relabelled in order: the six basic emotions.
    pub fn six() -> Self {
        let classes = Expression::ALL[1..]
            .iter()
            .copied()
            .filter(|&e| e != Expression::Contempt)
            .collect();
        Self { classes }
    }

    /// These expressions, in CK+'s order and each once: what a source does that nobody gave a map.
    ///
    /// # Errors
    /// [`Error::Setting`] with fewer than two different ones, which no network can tell apart.
    pub fn of(expressions: &[Expression]) -> Result<Self, Error> {
        let wanted = |expression: &Expression| expressions.contains(expression);
        let classes: Vec<_> = Expression::ALL.into_iter().filter(wanted).collect();
        match classes.as_slice() {
            [_, _, ..] => Ok(Self { classes }),
            [one] => Err(Error::setting(
                "classes",
                format!("must be at least two, not '{one}' alone"),
            )),
            [] => Err(Error::setting("classes", "must be at least two, not none")),
        }
    }

    /// The classes in label order.
    pub fn classes(&self) -> &[Expression] {
        &self.classes
    }

    /// The classes' names in label order.
    pub fn names(&self) -> Vec<String> {
        self.classes
            .iter()
            .map(|class| class.name().to_owned())
            .collect()
    }

    /// The label of an expression, or `None` if it is no class here.
    pub fn label_of(&self, expression: Expression) -> Option<i64> {
        self.classes
            .iter()
            .position(|&class| class == expression)
            .map(|at| at as i64)
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
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting(
                "expression",
                format!("must be one of {names}, not '{}'", brief(name)),
            )
        })
    }
}

impl fmt::Display for ClassMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            map if *map == Self::eight() => f.write_str("eight"),
            map if *map == Self::seven() => f.write_str("seven"),
            map if *map == Self::six() => f.write_str("six"),
            map => f.write_str(&map.names().join(",")),
        }
    }
}

impl FromStr for ClassMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "eight" | "8" => Ok(Self::eight()),
            "seven" | "7" => Ok(Self::seven()),
            "six" | "6" => Ok(Self::six()),
            list if list.contains(',') => {
                let expressions: Result<Vec<_>, _> = list.split(',').map(str::parse).collect();
                Self::of(&expressions?)
            }
            other => Err(Error::setting(
                "classes",
                format!(
                    "must be eight, seven (without neutral), six (without neutral and contempt) or a list such as \
                     anger,happy,sadness, not '{}'",
                    brief(other)
                ),
            )),
        }
    }
}

impl From<ClassMap> for String {
    fn from(map: ClassMap) -> Self {
        map.to_string()
    }
}

impl TryFrom<String> for ClassMap {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
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
            let expression = Expression::from_code(code as u8).unwrap();
            assert_eq!(
                (expression.name(), usize::from(expression.code())),
                (*name, code)
            );
            assert_eq!(Expression::from_name(name), Some(expression));
        }
        assert_eq!(Expression::from_code(8), None);
    }

    #[test]
    fn selections_relabel_in_order() {
        assert_eq!(ClassMap::eight().label_of(Expression::Surprise), Some(7));
        assert_eq!(ClassMap::seven().label_of(Expression::Surprise), Some(6));
        assert_eq!(ClassMap::seven().label_of(Expression::Neutral), None);
        assert_eq!(
            ClassMap::six().names(),
            ["anger", "disgust", "fear", "happy", "sadness", "surprise"]
        );
        assert_eq!(ClassMap::six().label_of(Expression::Contempt), None);
        assert_eq!(ClassMap::six().label_of(Expression::Disgust), Some(1));
    }

    #[test]
    fn maps_have_names() {
        for (names, map) in [
            (["eight", "8", "Eight"], ClassMap::eight()),
            (["seven", "7", " seven "], ClassMap::seven()),
            (["six", "6", "SIX"], ClassMap::six()),
            (
                ["anger,happy", "happy,anger", "joy, angry,happy"],
                ClassMap::of(&[Expression::Happy, Expression::Anger]).unwrap(),
            ),
        ] {
            for name in names {
                assert_eq!(name.parse::<ClassMap>().unwrap(), map, "{name}");
            }
            assert_eq!(map.to_string(), names[0]);
            let json = serde_json::to_string(&map).unwrap();
            assert_eq!(json, format!("\"{}\"", names[0]));
            assert_eq!(serde_json::from_str::<ClassMap>(&json).unwrap(), map);
        }
        for bad in [
            "",
            "5",
            "nine",
            "anger",
            "anger,",
            "anger,angry",
            "anger,glee",
            ",",
        ] {
            assert!(bad.parse::<ClassMap>().is_err(), "{bad:?}");
            assert!(serde_json::from_str::<ClassMap>(&format!("\"{bad}\"")).is_err());
        }
        let glee = "anger,glee".parse::<ClassMap>().unwrap_err().to_string();
        assert!(
            glee.contains("neutral, anger") && glee.contains("'glee'"),
            "{glee}"
        );
    }

    #[test]
    fn occurring_classes_come_in_canonical_order() {
        let map = ClassMap::of(&[
            Expression::Surprise,
            Expression::Neutral,
            Expression::Surprise,
        ]);
        assert_eq!(map.unwrap().names(), ["neutral", "surprise"]);
        assert!(ClassMap::of(&[]).is_err() && ClassMap::of(&[Expression::Fear; 3]).is_err());
        assert_eq!(ClassMap::of(&Expression::ALL).unwrap(), ClassMap::eight());
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
            let _ = text.parse::<ClassMap>();
        }
    }
}
