//! What is known of a drawn picture: the pixels that each action unit changes, and every parameter.

use crate::au::{AUS, AuState};
use crate::generate::FACES_VERSION;
use crate::identity::Identity;
use crate::render::{Exposure, expose};
use crate::scene::Scene;
use image::{GrayImage, Luma};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Change in grey levels (of 255), before noise and compression, from which on a pixel counts as changed: a fifth of
/// what eight bits can show, so that even of faint units next to nothing that shows lies outside (our choice).
const CHANGED: f32 = 0.2;

/// The pixels that action unit `au` changes: 255 where the picture of `aus` differs from that of `aus` without `au`, else 0.
///
/// Both are drawn without sensor noise and compression. All 0 where `aus` does not have the unit.
pub fn au_mask(
    person: &Identity,
    aus: &AuState,
    au: u8,
    scene: &Scene,
    width: u32,
    height: u32,
) -> GrayImage {
    let with = expose(person, aus, scene, width, height);
    mask_of(&with, person, aus, au, scene)
}

/// [`au_mask`] where the picture with the unit is there already.
pub(crate) fn mask_of(
    with: &Exposure,
    person: &Identity,
    aus: &AuState,
    au: u8,
    scene: &Scene,
) -> GrayImage {
    let without = expose(person, &aus.without(au), scene, with.width, with.height);
    changed(with, &without)
}

/// 255 where two pictures of one size differ.
pub(crate) fn changed(a: &Exposure, b: &Exposure) -> GrayImage {
    let mut mask = GrayImage::new(a.width, a.height);
    for (pixel, (x, y)) in mask.pixels_mut().zip(a.grey.iter().zip(&b.grey)) {
        if (x - y).abs() >= CHANGED {
            *pixel = Luma([255]);
        }
    }
    mask
}

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

impl<'a> PictureTruth<'a> {
    pub fn new(
        place: &'a [String; 2],
        frame: usize,
        emotion: Option<String>,
        coding: &[(u8, u8)],
        (person, aus): (&Identity, &AuState),
        scene: &'a Scene,
    ) -> Self {
        Self {
            faces_version: FACES_VERSION,
            subject: &place[0],
            sequence: &place[1],
            frame,
            emotion,
            coded: coding
                .iter()
                .map(|&(au, level)| (au.to_string(), json!(level)))
                .collect::<Map<_, _>>()
                .into(),
            strength: strengths(&aus.scaled(1.0, &person.gains)),
            scene,
        }
    }
}

/// `{"12": [left, right]}` of every unit that is shown at all.
fn strengths(aus: &AuState) -> Value {
    AUS.into_iter()
        .map(|au| (au, [0, 1].map(|side| aus.at(side, au))))
        .filter(|(_, halves)| halves.iter().any(|&half| half > 0.0))
        .map(|(au, halves)| (au.to_string(), json!(halves)))
        .collect::<Map<_, _>>()
        .into()
}

/// The parameters of one person, under the units' numbers where there is one for each unit.
pub(crate) fn person(identity: &Identity) -> Value {
    let per_unit = |values: &[f32; AUS.len()]| -> Value {
        AUS.iter()
            .zip(values)
            .map(|(au, value)| (au.to_string(), json!(value)))
            .collect::<Map<_, _>>()
            .into()
    };
    let mut value = json!(identity);
    value["gains"] = per_unit(&identity.gains);
    value["lateral"] = per_unit(&identity.lateral);
    value
}
