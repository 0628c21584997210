//! Inputs made on the spot: schematic faces in the CK+ layout, CK+48-like folders and a pixel table.

use std::f32::consts::{PI, TAU};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use image::{GrayImage, Luma};
use rand::RngExt;

use crate::error::Error;
use crate::picture::crop_box::CropBox;
use crate::picture::resize::resize;
use crate::picture::write::write_png;
use crate::prepared::Prepared;
use faus_base::random;

/// Size of CK+'s images.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 490;
/// Frames that the eight-class protocol takes of a recording.
const FRAMES: usize = 4;
/// Side of CK+48's and FER2013's images.
const SMALL: u32 = 48;

/// At least `images` images of 640×490 with landmarks and emotion labels, four to a recording and to a subject.
pub(super) fn recordings(root: &Path, images: usize, seed: u64) -> Result<(), Error> {
    for subject in 1..=images.div_ceil(FRAMES) {
        let mut rng = random::named(seed, "throughput", &[subject as u64]);
        let centre = [
            rng.random_range(300.0..340.0),
            rng.random_range(225.0..255.0),
        ];
        let face = Face {
            centre,
            radius: rng.random_range(120.0..150.0),
        };
        let place = format!("S{subject:03}/001");
        for frame in 1..=FRAMES {
            let stem = format!("S{subject:03}_001_{frame:08}");
            let noise = random::named(seed, "throughput noise", &[subject as u64, frame as u64]);
            let folder = made(root, &format!("cohn-kanade-images/{place}"))?;
            write_png(&folder.join(format!("{stem}.png")), &face.draw(noise))?;
            let path =
                made(root, &format!("Landmarks/{place}"))?.join(format!("{stem}_landmarks.txt"));
            fs::write(&path, face.landmarks()).map_err(Error::io(&path))?;
        }
        let name = format!("S{subject:03}_001_{FRAMES:08}_emotion.txt");
        let path = made(root, &format!("Emotion/{place}"))?.join(name);
        let code = 1 + subject % 7;
        fs::write(&path, format!("   {code}.0000000e+00\n")).map_err(Error::io(&path))?;
    }
    Ok(())
}

/// A set's labelled images as 48×48 PNGs in class folders.
pub(super) fn class_folders(root: &Path, set: &Prepared) -> Result<(), Error> {
    for sample in set.samples().iter().filter(|sample| sample.label >= 0) {
        let small = GrayImage::from_raw(SMALL, SMALL, shrunk(set, sample.index));
        let (subject, frame) = (sample.subject.max(0), sample.frame);
        let name = format!("S{subject:03}_{:03}_{frame:08}.png", 1 + sample.index % 999);
        let path = made(root, &sample.label_name)?.join(name);
        write_png(&path, &small.unwrap_or_default())?;
    }
    Ok(())
}

/// A table of `rows` 48×48 images in FER2013's form, its seven codes and the pixels of `set` by turns.
pub(super) fn table(path: &Path, set: &Prepared, rows: usize) -> Result<(), Error> {
    let texts: Vec<String> = (0..set.len().min(64))
        .map(|index| {
            let pixels = shrunk(set, index);
            let words: Vec<String> = pixels.iter().map(u8::to_string).collect();
            words.join(" ")
        })
        .collect();
    let mut file = BufWriter::new(fs::File::create(path).map_err(Error::io(path))?);
    let mut write = |line: &str| writeln!(file, "{line}").map_err(Error::io(path));
    write("emotion,pixels,Usage")?;
    for row in 0..rows {
        let pixels = &texts[row % texts.len()];
        write(&format!("{},{pixels},Training", row % 7))?;
    }
    file.flush().map_err(Error::io(path))
}

fn shrunk(set: &Prepared, index: usize) -> Vec<u8> {
    let side = set.image_size() as u32;
    let whole = CropBox {
        x: 0,
        y: 0,
        w: side,
        h: side,
    };
    let image = GrayImage::from_raw(side, side, set.image(index).to_vec());
    resize(&image.unwrap_or_default(), whole, SMALL, SMALL)
}

fn made(root: &Path, folder: &str) -> Result<std::path::PathBuf, Error> {
    let folder = root.join(folder);
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    Ok(folder)
}

/// A drawing just good enough for a detector to take it for a face. Only its size and place vary.
struct Face {
    centre: [f32; 2],
    /// Half the width at the jaw, pixels.
    radius: f32,
}

impl Face {
    /// Soft dark and bright blobs on a shaded oval, with a camera's noise, so that the PNG packs like a photograph.
    fn draw(&self, mut noise: impl rand::Rng) -> GrayImage {
        // Centre and half axes in units of the radius, then how much darker.
        const BLOBS: [[f32; 5]; 10] = [
            [-0.42, -0.25, 0.20, 0.08, 95.0],
            [0.42, -0.25, 0.20, 0.08, 95.0],
            [-0.42, -0.47, 0.26, 0.06, 75.0],
            [0.42, -0.47, 0.26, 0.06, 75.0],
            [0.0, 0.28, 0.20, 0.06, 45.0],
            [0.0, 0.68, 0.36, 0.08, 70.0],
            [0.0, 0.05, 0.06, 0.30, -25.0],
            [-0.55, 0.25, 0.25, 0.2, -20.0],
            [0.55, 0.25, 0.25, 0.2, -20.0],
            [0.0, -1.25, 1.1, 0.42, 90.0],
        ];
        GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
            let u = (x as f32 - self.centre[0]) / self.radius;
            let v = (y as f32 - self.centre[1]) / self.radius;
            let oval = u * u + ((v - 0.05) / 1.3).powi(2);
            let skin = 1.0 / (1.0 + ((oval - 1.0) * 12.0).exp());
            let mut grey = 95.0 + skin * (95.0 - 22.0 * u * u);
            for [left, top, wide, high, dark] in BLOBS {
                let far = ((u - left) / wide).powi(2) + ((v - top) / high).powi(2);
                grey -= dark * (-far).exp();
            }
            let grain: f32 = noise.random::<f32>() + noise.random::<f32>() - 1.0;
            Luma([(grey + 5.0 * grain).clamp(0.0, 255.0) as u8])
        })
    }

    /// The 68 points of the drawing, as CK+'s files have them.
    fn landmarks(&self) -> String {
        let mut text = String::new();
        for [u, v] in points() {
            let x = f64::from(self.centre[0] + u * self.radius);
            let y = f64::from(self.centre[1] + v * self.radius);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "   {x:.7e}   {y:.7e}");
        }
        text
    }
}

/// The 68 landmarks in units of the radius: jaw, brows, nose, eyes, mouth.
fn points() -> Vec<[f32; 2]> {
    let line = |count: usize, from: [f32; 2], to: [f32; 2]| {
        (0..count).map(move |at| {
            let t = at as f32 / (count - 1) as f32;
            [
                from[0] + t * (to[0] - from[0]),
                from[1] + t * (to[1] - from[1]),
            ]
        })
    };
    let ring = |count: usize, centre: [f32; 2], half: [f32; 2]| {
        (0..count).map(move |at| {
            let angle = PI + TAU * at as f32 / count as f32;
            [
                centre[0] + half[0] * angle.cos(),
                centre[1] + half[1] * angle.sin(),
            ]
        })
    };
    let jaw = (0..17).map(|at| {
        let angle = PI * at as f32 / 16.0;
        [-angle.cos(), -0.2 + 1.45 * angle.sin()]
    });
    jaw.chain(line(5, [-0.68, -0.45], [-0.16, -0.47]))
        .chain(line(5, [0.16, -0.47], [0.68, -0.45]))
        .chain(line(4, [0.0, -0.25], [0.0, 0.2]))
        .chain(line(5, [-0.2, 0.28], [0.2, 0.28]))
        .chain(ring(6, [-0.42, -0.25], [0.2, 0.08]))
        .chain(ring(6, [0.42, -0.25], [0.2, 0.08]))
        .chain(ring(12, [0.0, 0.68], [0.36, 0.1]))
        .chain(ring(8, [0.0, 0.68], [0.3, 0.05]))
        .collect()
}
