//! Contact sheets with captions: forty people, every action unit on three people, or the expressions on five.
//!
//! `cargo run -p faus-synth --release --example sheet -- faces.png faces`
//! `cargo run -p faus-synth --release --example sheet -- aus.png aus`
//! `cargo run -p faus-synth --release --example sheet -- expressions.png expressions`

use std::error::Error;

use faus_synth::{AUS, AuState, Identity, Scene, render};
use image::{GrayImage, Luma, imageops};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};

const SEED: u64 = 1;
/// Side of a face and height of its caption in pixels.
const SIDE: u32 = 190;
const CAPTION: u32 = 18;
const COLUMNS: u32 = 8;

/// FACS' names of [`AUS`].
const NAMES: &str = "inner brow raiser, outer brow raiser, brow lowerer, upper lid raiser, cheek raiser, \
    lid tightener, nose wrinkler, upper lip raiser, nasolabial deepener, lip corner puller, dimpler, \
    corner depressor, lower lip depressor, chin raiser, lip pucker, lip stretcher, lip tightener, \
    lip pressor, lips part, jaw drop, mouth stretch, eyes closed";

/// Peaks of the seven expressions, as CK+'s criteria and usual companions have them.
const EXPRESSIONS: [(&str, &[(u8, f32)]); 7] = [
    (
        "anger",
        &[(4, 1.0), (7, 0.8), (17, 0.6), (23, 0.8), (24, 0.8)],
    ),
    ("contempt", &[(14, 0.9)]),
    ("disgust", &[(4, 0.6), (9, 1.0), (17, 0.6), (7, 0.6)]),
    (
        "fear",
        &[(1, 0.9), (2, 0.7), (4, 0.7), (5, 0.9), (20, 0.8), (25, 0.8)],
    ),
    ("happy", &[(6, 0.9), (12, 1.0), (25, 0.9)]),
    ("sadness", &[(1, 0.9), (4, 0.7), (15, 0.9), (17, 0.7)]),
    (
        "surprise",
        &[(1, 1.0), (2, 1.0), (5, 0.8), (25, 1.0), (27, 0.9)],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "sheet.png".into());
    let faces = match args.next().as_deref() {
        Some("aus") => aus()?,
        Some("expressions") => expressions()?,
        _ => (0..40)
            .map(|subject| face(subject, "neutral", &AuState::neutral()))
            .collect(),
    };
    Ok(tile(&faces).save(path)?)
}

fn aus() -> Result<Vec<GrayImage>, faus_synth::Error> {
    let mut faces = Vec::new();
    for subject in [0, 3, 6] {
        faces.push(face(subject, "neutral", &AuState::neutral()));
        for (au, name) in AUS.into_iter().zip(NAMES.split(", ")) {
            let state = AuState::neutral().with(au, 1.0)?;
            // Units that need parted lips are shown with them.
            let (also, state) = match au {
                16 | 26 | 27 => ("+25", state.with(25, 1.0)?),
                _ => ("", state),
            };
            faces.push(face(subject, &format!("{au}{also} {name}"), &state));
        }
        let dimple = AuState::neutral().with_halves(14, [0.0, 1.0])?;
        faces.push(face(subject, "14 on one side", &dimple));
    }
    Ok(faces)
}

fn expressions() -> Result<Vec<GrayImage>, faus_synth::Error> {
    let mut faces = Vec::new();
    for subject in [5, 8, 12, 21, 36] {
        faces.push(face(subject, "neutral", &AuState::neutral()));
        for (name, units) in EXPRESSIONS {
            let add = |state: AuState, &(au, strength): &(u8, f32)| match au {
                14 => state.with_halves(au, [0.0, strength]),
                _ => state.with(au, strength),
            };
            let state = units.iter().try_fold(AuState::neutral(), add)?;
            faces.push(face(subject, name, &state));
        }
    }
    Ok(faces)
}

/// A person's face below its caption; a neutral face's is the person's number.
fn face(subject: u64, caption: &str, aus: &AuState) -> GrayImage {
    let person = Identity::draw(SEED, subject);
    let picture = render(&person, aus, &Scene::default(), 640, 490).image;
    let square = imageops::crop_imm(&picture, 160, 95, 320, 320).to_image();
    let square = imageops::resize(&square, SIDE, SIDE, imageops::FilterType::Triangle);
    let mut tile = GrayImage::from_pixel(SIDE, SIDE + CAPTION, Luma([255]));
    imageops::replace(&mut tile, &square, 0, i64::from(CAPTION));
    let text = match caption {
        "neutral" => format!("person {subject}: neutral"),
        _ => caption.to_owned(),
    };
    imageops::replace(&mut tile, &letters(&text), 2, 0);
    tile
}

fn letters(text: &str) -> GrayImage {
    let rasters: Vec<_> = (text.chars())
        .filter_map(|letter| get_raster(letter, FontWeight::Regular, RasterHeight::Size32))
        .collect();
    let mut line = GrayImage::from_pixel(17 * rasters.len() as u32, 32, Luma([255]));
    for (n, raster) in rasters.iter().enumerate() {
        for (y, row) in raster.rows().enumerate() {
            for (x, ink) in row.iter().enumerate() {
                line.put_pixel((17 * n + x) as u32, y as u32, Luma([255 - ink]));
            }
        }
    }
    // Narrow enough for the longest name.
    let width = line.width() * 10 / 23;
    imageops::resize(&line, width, CAPTION - 1, imageops::FilterType::Triangle)
}

fn tile(faces: &[GrayImage]) -> GrayImage {
    let rows = (faces.len() as u32).div_ceil(COLUMNS);
    let mut sheet = GrayImage::new(SIDE * COLUMNS, (SIDE + CAPTION) * rows);
    for (i, picture) in (0u32..).zip(faces) {
        let (x, y) = (i % COLUMNS * SIDE, i / COLUMNS * (SIDE + CAPTION));
        imageops::replace(&mut sheet, picture, x.into(), y.into());
    }
    sheet
}
