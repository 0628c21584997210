//! The true parameters of drawn pictures and people.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::person::au::{AUS, AuState};
use crate::person::identity::Identity;
use crate::scene::Scene;

/// The parameters of one picture.
#[derive(Serialize)]
pub(crate) struct PictureTruth<'a> {
    pub faces_version: u32,
    pub subject: &'a str,
    pub sequence: &'a str,
    pub frame: usize,
    /// Name of the expression that the sequence is labelled with.
    pub emotion: Option<String>,
    /// Coded intensities, 1 to 5 for A to E.
    pub coded: Value,
    /// Drawn strength of each unit, image left then right: 1 is intensity E of an average person.
    pub strength: Value,
    pub scene: &'a Scene,
}

/// A JSON object under the units' numbers.
pub(crate) fn by_unit<T: Serialize>(units: impl IntoIterator<Item = (u8, T)>) -> Value {
    let named = |(au, value): (u8, T)| (au.to_string(), json!(value));
    units.into_iter().map(named).collect::<Map<_, _>>().into()
}

/// `{"12": [left, right]}` of every unit that is shown at all.
pub(crate) fn strengths(aus: &AuState) -> Value {
    let halves = AUS.map(|au| (au, [aus.at(0, au), aus.at(1, au)]));
    by_unit(
        halves
            .into_iter()
            .filter(|(_, [left, right])| left.max(*right) > 0.0),
    )
}

/// The parameters of one person.
pub(crate) fn person(identity: &Identity) -> Value {
    let mut value = json!(identity);
    value["gains"] = by_unit(AUS.into_iter().zip(identity.gains));
    value["lateral"] = by_unit(AUS.into_iter().zip(identity.lateral));
    value
}
