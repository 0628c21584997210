//! The true parameters of drawn pictures and people.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::person::AUS;
use crate::person::au::AuState;
use crate::person::identity::Identity;
use crate::scene::Scene;

/// The parameters of one picture, beside its labels.
#[derive(Serialize)]
pub(crate) struct PictureTruth<'a> {
    /// Strength of each unit, image left then right: 1 is intensity E of an average person.
    strength: Value,
    scene: &'a Scene,
}

impl<'a> PictureTruth<'a> {
    /// `aus` times the person's gains.
    pub fn new(person: &Identity, aus: &AuState, scene: &'a Scene) -> Self {
        let aus = aus.scaled(&person.gains);
        let halves = AUS.map(|au| (au, [aus.at(0, au), aus.at(1, au)]));
        let drawn = halves
            .into_iter()
            .filter(|(_, half)| half[0].max(half[1]) > 0.0);
        let strength = by_unit(drawn);
        Self { strength, scene }
    }
}

/// A JSON object under the units' numbers.
fn by_unit<T: Serialize>(units: impl IntoIterator<Item = (u8, T)>) -> Value {
    let named = |(au, value): (u8, T)| (au.to_string(), json!(value));
    units.into_iter().map(named).collect::<Map<_, _>>().into()
}

/// The parameters of one person.
pub(crate) fn person(identity: &Identity) -> Value {
    let mut value = json!(identity);
    value["gains"] = by_unit(AUS.into_iter().zip(identity.gains));
    value["lateral"] = by_unit(AUS.into_iter().zip(identity.lateral));
    value
}
