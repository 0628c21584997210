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

/// The value of a name in JSON, for settings given as text.
pub(crate) fn named<T: DeserializeOwned>(text: &str) -> Option<T> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    T::deserialize(text).ok()
}
