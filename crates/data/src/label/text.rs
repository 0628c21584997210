//! Numbers, names and excerpts of label texts.

use std::str::FromStr;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

/// An integer from 0 to 255, possibly written as a float as MATLAB does.
pub(crate) fn whole_number(text: &str) -> Option<u8> {
    let value: f64 = text.parse().ok()?;
    let whole = value.fract() == 0.0 && (0.0..=255.0).contains(&value);
    whole.then_some(value as u8)
}

/// A number of 1 to `most` digits and nothing else.
pub(crate) fn digits<T: FromStr>(text: &str, most: usize) -> Option<T> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// The first 40 characters of a text that goes into a message.
pub(crate) fn brief(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    let mut characters = text.trim().chars().map(plain);
    let mut brief: String = characters.by_ref().take(40).collect();
    brief.extend(characters.next().map(|_| '…'));
    brief
}

/// `Display` and `FromStr` of an enum by its names in JSON, for a setting of this name with these values.
macro_rules! by_name {
    ($type:ty, $setting:literal, $values:literal) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                serde::Serialize::serialize(self, f)
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::error::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::label::text::named(text).ok_or_else(|| {
                    let reason = format!(concat!("must be ", $values, ", not '{}'"), text);
                    crate::error::Error::setting($setting, reason)
                })
            }
        }
    };
}
pub(crate) use by_name;

/// Text and JSON of a type by its `Display` and `FromStr`, for `#[serde(try_from = "String", into = "String")]`.
macro_rules! as_text {
    ($type:ty) => {
        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = crate::error::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}
pub(crate) use as_text;

/// The value of a name in JSON, for settings given as text.
pub(crate) fn named<T: DeserializeOwned>(text: &str) -> Option<T> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    T::deserialize(text).ok()
}
