use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use tch::{Device, Kind};

use faus_model::{GradientMethod, Network, Region};

use crate::canvas::{FAINT, INK, centred, fitted, largest, mix};
use crate::images::{as_images, for_each};
use crate::occlusion::{Windows, occlude};
use crate::pictures::{GAP, HEADING, MARGIN, headed};
use crate::{Captions, Error, ImageSet, Method, UnitRef, project};

/// What speaks for one class in one image, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Row of the data set.
    pub index: usize,
    /// The class the maps speak of.
    pub class: usize,
    /// `[classes]`.
    pub logits: Vec<f32>,
    /// Gradient of the class's logit times the normalised pixel, `[side, side]`: to first order what each pixel adds.
    pub gradient_x_input: Vec<f32>,
    /// Guided back-propagation of the logit, `[side, side]`.
    pub guided: Vec<f32>,
    /// What the logit loses when a square around the pixel is covered, `[side, side]`.
    pub occlusion: Vec<f32>,
}

/// Names of an [`Evidence`]'s maps, in the order in which they are stored and drawn.
pub const EVIDENCE_METHODS: [&str; 3] = ["gradient_x_input", "guided", "occlusion"];

impl Evidence {
    /// The class with the largest logit.
    pub fn predicted(&self) -> usize {
        largest_of(&self.logits)
    }

    /// Softmax of the logits at the class.
    pub fn probability(&self) -> f64 {
        let most = self
            .logits
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let power = |l: &f32| f64::from(l - most).exp();
        let sum: f64 = self.logits.iter().map(power).sum();
        self.logits.get(self.class).map_or(0.0, power) / sum
    }

    /// The maps in the order of [`EVIDENCE_METHODS`].
    pub fn maps(&self) -> [&[f32]; 3] {
        [&self.gradient_x_input, &self.guided, &self.occlusion]
    }
}

/// The evidence for `class` (else for the predicted one) in each of the set's rows. Runs on rayon's current pool.
///
/// # Errors
/// When there is no such class or the images do not fit the network.
pub fn evidence(
    network: &Network,
    class: Option<usize>,
    images: &ImageSet,
) -> Result<Vec<Evidence>, Error> {
    let classes = network.spec().classes;
    if let Some(filter) = class.filter(|class| *class >= classes) {
        return Err(Error::NoFilter {
            layer: network
                .stages()
                .last()
                .map(|s| s.name.clone())
                .unwrap_or_default(),
            last: classes.saturating_sub(1),
            filter,
        });
    }
    let plan = network.plan(GradientMethod::fastest(network.device()))?;
    let jobs = images
        .rows
        .iter()
        .map(|&row| Ok((network.replica()?, row)))
        .collect::<Result<Vec<_>, Error>>()?;
    let found = for_each(network.device(), jobs, |(network, index)| {
        images.go_on()?;
        let image = images.values(&[index])?;
        let logits = |covered: &[f32]| -> Result<Vec<f32>, Error> {
            let input = as_images(covered, images.side, &network)?;
            copied(&network.planned_logits(&input, &plan)?)
        };
        let own = logits(&image)?;
        let class = match class {
            Some(class) => class,
            None => predicted(&own, index, &network)?,
        };
        let windows = Windows::of_face(images.side);
        let whole = Region::whole(images.side);
        let occlusion = occlude(&image, images.side, whole, windows, |covered| {
            images.go_on()?;
            let all = logits(covered)?;
            Ok(all
                .chunks_exact(classes)
                .map(|logits| logits[class])
                .collect())
        })?;
        let gradient = map_of(&network, class, Method::Gradient, &image, images.side)?;
        Ok(Evidence {
            index,
            class,
            gradient_x_input: gradient.iter().zip(&image).map(|(g, x)| g * x).collect(),
            guided: map_of(&network, class, Method::Guided, &image, images.side)?,
            occlusion,
            logits: own,
        })
    });
    found.into_iter().collect()
}

fn predicted(logits: &[f32], image: usize, network: &Network) -> Result<usize, Error> {
    if logits.iter().any(|l| !l.is_finite()) {
        let layer = network
            .stages()
            .last()
            .map(|s| s.name.clone())
            .unwrap_or_default();
        return Err(Error::NotANumber { layer, image });
    }
    Ok(largest_of(logits))
}

/// The first of equals.
fn largest_of(logits: &[f32]) -> usize {
    let best = (0..logits.len()).rev();
    best.max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
        .unwrap_or_default()
}

fn map_of(
    network: &Network,
    class: usize,
    method: Method,
    image: &[f32],
    side: usize,
) -> Result<Vec<f32>, Error> {
    let unit = UnitRef {
        filter: class,
        row: 0,
        column: 0,
    };
    let stage = network.stages().len().saturating_sub(1);
    copied(&project(
        network,
        stage,
        method,
        &as_images(image, side, network)?,
        &[unit],
    )?)
}

fn copied(x: &tch::Tensor) -> Result<Vec<f32>, Error> {
    let x = x
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let mut values = vec![0f32; x.numel()];
    x.f_copy_data(&mut values, x.numel())?;
    Ok(values)
}

const FACE: u32 = 112;
const WORDS: u32 = 118;
const LINE: u32 = 13;
const SPEAKS_FOR: Rgb<u8> = Rgb([215, 25, 28]);
const SPEAKS_AGAINST: Rgb<u8> = Rgb([33, 82, 190]);

/// One row an image: the face, then its maps. Red speaks for the class, blue against it; guided back-propagation, which has
/// no such meaning, is grey with zero in the middle. `words` are the lines beside each face.
pub fn evidence_picture(
    all: &[Evidence],
    words: &[Vec<String>],
    images: &ImageSet,
    captions: &Captions,
    scale: u32,
) -> DynamicImage {
    let columns = 1 + EVIDENCE_METHODS.len() as u32;
    let width = 2 * MARGIN + WORDS + columns * (FACE + GAP) - GAP;
    let top = MARGIN + HEADING + 2 * GAP;
    let rows = all.len().max(1) as u32;
    let height = top + LINE + GAP + rows * (FACE + GAP) - GAP + MARGIN;
    let mut canvas = headed(width, height, scale, &captions.heading);
    let x = |column: u32| MARGIN + WORDS + column * (FACE + GAP);
    for (n, name) in ["image", "gradient x input", "guided", "occlusion"]
        .iter()
        .enumerate()
    {
        canvas.text((x(n as u32), top), LINE, name, INK);
    }
    for (row, (one, words)) in all.iter().zip(words).enumerate() {
        let y = top + LINE + GAP + row as u32 * (FACE + GAP);
        for (n, line) in words.iter().enumerate() {
            let ink = if n == 0 { INK } else { FAINT };
            canvas.text(
                (MARGIN, y + n as u32 * LINE),
                LINE,
                &fitted(line, LINE, WORDS - GAP),
                ink,
            );
        }
        let side = images.side as u32;
        let grey = (images.grey)(one.index);
        let face = GrayImage::from_fn(side, side, |x, y| Luma([grey[(y * side + x) as usize]]));
        canvas.grey((x(0), y), FACE, &face);
        canvas.colour((x(1), y), FACE, &over_face(&face, &one.gradient_x_input));
        canvas.grey(
            (x(2), y),
            FACE,
            &centred(&one.guided, images.side, largest(&one.guided)),
        );
        canvas.colour((x(3), y), FACE, &over_face(&face, &one.occlusion));
    }
    canvas.finish()
}

/// The face, paled, under the map's colours.
fn over_face(face: &GrayImage, map: &[f32]) -> RgbImage {
    let (most, side) = (largest(map), face.width());
    RgbImage::from_fn(side, side, |x, y| {
        let pale = 160 + face.get_pixel(x, y).0[0] / 3;
        let value = map[(y * side + x) as usize];
        let share = if most > 0.0 {
            f64::from(value.abs() / most)
        } else {
            0.0
        };
        let ink = if value > 0.0 {
            SPEAKS_FOR
        } else {
            SPEAKS_AGAINST
        };
        mix(
            Rgb([pale; 3]),
            ink,
            if share.is_finite() { share.sqrt() } else { 0.0 },
        )
    })
}
