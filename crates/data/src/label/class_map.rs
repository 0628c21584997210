//! Which expressions are classes, and their labels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::expression::Expression;
use crate::label::text::{as_text, brief};

/// Which expressions are classes, and in what order.
///
/// Labels are positions in that order, so dropping an expression relabels those after it. In text and in JSON a map is
/// `eight`, `seven`, `six` (or `8`, `7`, `6`), or a list of names: `anger,happy,sadness`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassMap(Vec<Expression>);

/// A name, the number that also names the map, and the map.
type Named = (&'static str, &'static str, fn() -> ClassMap);

/// The maps with a name.
const NAMED: [Named; 3] = [
    ("eight", "8", ClassMap::eight),
    ("seven", "7", ClassMap::seven),
    ("six", "6", ClassMap::six),
];

impl ClassMap {
    /// All eight: CK+ as the paper's authors count it (1308 images).
    pub fn eight() -> Self {
        Self(Expression::ALL.to_vec())
    }

    /// Seven, without neutral: the class folders of CK+48.
    pub fn seven() -> Self {
        Self(Expression::ALL[1..].to_vec())
    }

    /// Six, without neutral and contempt, relabelled in order: the six basic emotions.
    pub fn six() -> Self {
        let mut map = Self::seven();
        map.0.retain(|class| *class != Expression::Contempt);
        map
    }

    /// These expressions in CK+'s order, each once: the default map of a source.
    ///
    /// # Errors
    /// [`Error::Setting`] with fewer than two different ones.
    pub fn of(expressions: &[Expression]) -> Result<Self, Error> {
        let mut classes = Expression::ALL.to_vec();
        classes.retain(|class| expressions.contains(class));
        let found = match classes.as_slice() {
            [_, _, ..] => return Ok(Self(classes)),
            [one] => format!("'{one}' alone"),
            [] => "none".to_owned(),
        };
        let reason = format!("must be at least two, not {found}");
        Err(Error::setting("classes", reason))
    }

    /// The classes in label order.
    pub fn classes(&self) -> &[Expression] {
        &self.0
    }

    /// The classes' names in label order.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(Expression::to_string).collect()
    }

    /// The label of an expression, or `None` if it is not one of the classes.
    pub fn label_of(&self, expression: Expression) -> Option<i64> {
        let at = self.0.iter().position(|&class| class == expression);
        at.map(|at| at as i64)
    }
}

impl fmt::Display for ClassMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(.., map)| *self == map()) {
            Some((name, ..)) => f.write_str(name),
            None => f.write_str(&self.names().join(",")),
        }
    }
}

impl FromStr for ClassMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        let named = |(name, number, _): &&Named| text == *name || text == *number;
        if let Some((.., map)) = NAMED.iter().find(named) {
            return Ok(map());
        }
        if text.contains(',') {
            let expressions: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
            return Self::of(&expressions?);
        }
        let reason = format!(
            "must be eight, seven (without neutral), six (without neutral and contempt) or a list such as \
             anger,happy,sadness, not '{}'",
            brief(&text)
        );
        Err(Error::setting("classes", reason))
    }
}

as_text!(ClassMap);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<ClassMap>();
        }
    }
}
