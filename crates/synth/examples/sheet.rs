//! Contact sheets: forty people, or every action unit on three people.
//!
//! `cargo run -p faus-synth --release --example sheet -- faces.png faces`
//! `cargo run -p faus-synth --release --example sheet -- aus.png aus`

use faus_synth::{AUS, AuState, Error, Identity, Scene, render};
use image::{GrayImage, imageops};

const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "sheet.png".into());
    let sheet = match args.next().as_deref() {
        Some("aus") => aus()?,
        Some("emotions") => emotions()?,
        Some("person") => person(args.next().and_then(|s| s.parse().ok()).unwrap_or(0))?,
        Some("big") => tile(
            &(0..4)
                .map(|s| crop(&Identity::draw(SEED, s), &AuState::neutral(), 480))
                .collect::<Vec<_>>(),
            2,
        ),
        _ => faces(),
    };
    sheet.save(&path)?;
    println!("{path}: {}x{}", sheet.width(), sheet.height());
    Ok(())
}

fn faces() -> GrayImage {
    let pictures: Vec<GrayImage> = (0..40)
        .map(|subject| crop(&Identity::draw(SEED, subject), &AuState::neutral(), 190))
        .collect();
    tile(&pictures, 8)
}

fn aus() -> Result<GrayImage, Error> {
    let mut pictures = Vec::new();
    for subject in [0, 3, 6] {
        let person = Identity::draw(SEED, subject);
        pictures.push(crop(&person, &AuState::neutral(), 190));
        for au in AUS {
            let state = AuState::neutral().with(au, 1.0)?;
            // Units that need parted lips are shown with them.
            let state = match au {
                16 | 26 | 27 => state.with(25, 1.0)?,
                _ => state,
            };
            pictures.push(crop(&person, &state, 190));
        }
        pictures.push(GrayImage::new(190, 190));
    }
    Ok(tile(&pictures, 8))
}

/// Peaks of the seven expressions, as CK+'s criteria and usual companions have them.
const EMOTIONS: [&[(u8, f32)]; 7] = [
    &[(4, 1.0), (7, 0.8), (17, 0.6), (23, 0.8), (24, 0.8)],
    &[(14, 0.9)],
    &[(4, 0.6), (9, 1.0), (17, 0.6), (7, 0.6)],
    &[(1, 0.9), (2, 0.7), (4, 0.7), (5, 0.9), (20, 0.8), (25, 0.8)],
    &[(6, 0.9), (12, 1.0), (25, 0.9)],
    &[(1, 0.9), (4, 0.7), (15, 0.9), (17, 0.7)],
    &[(1, 1.0), (2, 1.0), (5, 0.8), (25, 1.0), (27, 0.9)],
];

fn emotions() -> Result<GrayImage, Error> {
    let mut pictures = Vec::new();
    for subject in [5, 8, 12, 21, 36] {
        let person = Identity::draw(SEED, subject);
        pictures.push(crop(&person, &AuState::neutral(), 190));
        for units in EMOTIONS {
            let state = units
                .iter()
                .try_fold(AuState::neutral(), |state, &(au, strength)| {
                    if au == 14 {
                        state.with_halves(au, [0.0, strength])
                    } else {
                        state.with(au, strength)
                    }
                })?;
            pictures.push(crop(&person, &state, 190));
        }
    }
    Ok(tile(&pictures, 8))
}

/// Every unit of one person, large.
fn person(subject: u64) -> Result<GrayImage, Error> {
    let person = Identity::draw(SEED, subject);
    let mut pictures = vec![crop(&person, &AuState::neutral(), 250)];
    for au in AUS {
        let state = AuState::neutral().with(au, 1.0)?;
        pictures.push(crop(&person, &state, 250));
    }
    Ok(tile(&pictures, 6))
}

fn crop(person: &Identity, aus: &AuState, side: u32) -> GrayImage {
    let picture = render(person, aus, &Scene::default(), 640, 490);
    let square = imageops::crop_imm(&picture.image, 160, 95, 320, 320).to_image();
    imageops::resize(&square, side, side, imageops::FilterType::Triangle)
}

fn tile(pictures: &[GrayImage], columns: u32) -> GrayImage {
    let (w, h) = pictures[0].dimensions();
    let rows = (pictures.len() as u32).div_ceil(columns);
    let mut sheet = GrayImage::new(w * columns, h * rows);
    for (i, picture) in (0u32..).zip(pictures) {
        let (x, y) = (i64::from(i % columns * w), i64::from(i / columns * h));
        imageops::replace(&mut sheet, picture, x, y);
    }
    sheet
}
