//! SeetaFace's frontal face detector (Wu, Kan, He, Shan, Chen 2017, "Funnel-structured cascade for multi-view face
//! detection with alignment-awareness", Neurocomputing 221), with its authors' model.
//!
//! Boosted cascades over a map of grey comparisons search every place of an image pyramid; small networks over sums of
//! gradients then score each candidate and shift it onto the face.
//!
//! rustface does the same in 16 ms for a portrait of CK+. Here each value is computed once per level or window, with
//! vector instructions and without allocations. Tests compare it with rustface bit for bit: no product and sum are
//! fused and sums run in rustface's order, so boxes and scores are also the same on every machine.

mod boxes;
mod cascade;
mod gradients;
mod model;
mod network;
mod window;

use boxes::suppress;
pub(super) use boxes::{Face, Place};
use cascade::Codes;
use gradients::Gradients;
pub(super) use model::Model;
use model::Stage;
use network::{BATCH, Values};
use window::Cutter;
pub(super) use window::Grey;

/// Side of the model's square window, pixels.
pub(super) const WINDOW: usize = 40;
/// Boxes of one stage that share more than this part of their union become one (SeetaFace's code).
const OVERLAP: f32 = 0.8;
/// The same after the last stage.
const LAST_OVERLAP: f32 = 0.3;

/// Limits of a face search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceSearch {
    /// Smallest side over the image's shorter side.
    pub smallest: f64,
    /// Largest side over the image's shorter side.
    pub largest: f64,
    /// Minimum score of a detection; rustface's default is 3.85, its example uses 2.
    pub score: f64,
    /// Ratio of consecutive search sizes, 0 to 1; rustface's default is 0.8.
    pub step: f32,
    /// Pixels of the shrunken image between windows; rustface's default is 4.
    pub stride: u32,
}

impl FaceSearch {
    /// The first try: faces of 0.5 to 0.8 of the shorter image side (the authors' limits), with rustface's default
    /// stride: half of it takes twice the time and brings boxes no closer to the landmarks'.
    pub const FIRST: Self = Self {
        smallest: 0.5,
        largest: 0.8,
        score: 2.0,
        step: 0.8,
        stride: 4,
    };
    /// The second, more lenient try (the authors have one; the numbers are our choice).
    pub const LENIENT: Self = Self {
        smallest: 0.3,
        largest: 1.0,
        score: 0.8,
        step: 0.9,
        stride: 2,
    };
    /// Faces of several people (our choice).
    pub const GROUP: Self = Self {
        smallest: 0.1,
        largest: 1.0,
        ..Self::FIRST
    };
    /// Faces of a crowd (our choice), which takes four times as long.
    pub const CROWD: Self = Self {
        smallest: 0.05,
        ..Self::GROUP
    };
}

/// Working memory of one thread: allocated once, reused for every image.
#[derive(Default)]
pub(super) struct Scratch {
    level: Vec<u8>,
    codes: Codes,
    cutter: Cutter,
    gradients: Gradients,
    description: Vec<f32>,
    values: Values,
    spare: Values,
    merged: Vec<bool>,
}

/// The faces of an image, of any size, best first; none where a side is shorter than [`WINDOW`]. A step outside 0.1 to
/// 0.99 and a stride of 0 are clamped to these limits.
pub(super) fn faces(
    model: &Model,
    image: Grey,
    search: FaceSearch,
    scratch: &mut Scratch,
) -> Vec<Face> {
    let mut faces = propose(model, image, search, scratch);
    for stage in &model.stages {
        judge(stage, image, &mut faces, scratch);
        if let Some(overlap) = stage.overlap {
            suppress(&mut faces, overlap, &mut scratch.merged);
        }
    }
    faces.retain(|face| face.score >= search.score);
    faces
}

/// The candidates of the cascades, with each cascade's overlapping boxes merged.
fn propose(model: &Model, image: Grey, search: FaceSearch, scratch: &mut Scratch) -> Vec<Face> {
    let mut found = vec![Vec::new(); model.cascades.len()];
    let least = WINDOW as f32 / image.width.min(image.height) as f32;
    let stride = search.stride.max(1) as usize;
    let mut scale = 1f32;
    while scale >= least {
        let scaled = |side: usize| (side as f32 * scale) as usize;
        let (width, height) = (scaled(image.width), scaled(image.height));
        // Rounding may leave the last level a pixel too small.
        if width.min(height) < WINDOW {
            break;
        }
        let (cutter, level) = (&mut scratch.cutter, &mut scratch.level);
        cutter.level(image, width, height, level);
        let level = Grey {
            pixels: &scratch.level,
            width,
            height,
        };
        scratch.codes.compute(level);
        let back = |at: usize| (at as f32 / scale + 0.5) as i32;
        let side = back(WINDOW);
        for (cascade, found) in model.cascades.iter().zip(&mut found) {
            let passed = cascade.slide(&mut scratch.codes, level, stride);
            found.extend(passed.map(|(x, y, score)| {
                let (x, y, score) = (back(x), back(y), f64::from(score));
                let place = Place { side, x, y };
                Face { place, score }
            }));
        }
        scale *= search.step.clamp(0.1, 0.99);
    }
    for found in &mut found {
        suppress(found, OVERLAP, &mut scratch.merged);
    }
    found.concat()
}

/// Keeps the boxes that a stage classifies as faces, shifted onto the faces.
fn judge(stage: &Stage, image: Grey, faces: &mut Vec<Face>, scratch: &mut Scratch) {
    // Several cascades may find the same box, which is scored once; boxes of the same columns are adjacent.
    let mut places: Vec<_> = faces.iter().map(|face| face.place).collect();
    places.sort_unstable();
    places.dedup();
    let batches = places.chunks(BATCH);
    let outputs = batches.flat_map(|batch| outputs(stage, image, batch, scratch));
    let outputs: Vec<_> = outputs.collect();
    faces.retain_mut(|face| {
        let found = places.binary_search(&face.place);
        let output = found.map_or([0.0; 4], |number| outputs[number]);
        let taken = output[0] > stage.threshold;
        if taken {
            *face = face.moved(output);
        }
        taken
    });
}

/// A network's four outputs for up to [`BATCH`] boxes, all zero for a box outside the image.
fn outputs(stage: &Stage, image: Grey, batch: &[Place], work: &mut Scratch) -> [[f32; 4]; BATCH] {
    let (values, description) = (&mut work.values, &mut work.description);
    description.resize(stage.network.inputs(), 0.0);
    values.clear();
    values.resize(stage.network.inputs(), [0.0; BATCH]);
    let (mut window, mut shown) = ([0; WINDOW * WINDOW], [false; BATCH]);
    for (at, (&place, shown)) in batch.iter().zip(&mut shown).enumerate() {
        *shown = work.cutter.window(image, place, &mut window);
        if *shown {
            work.gradients.compute(&window);
            work.gradients.describe(&stage.features, description);
            for (values, &value) in values.iter_mut().zip(&*description) {
                values[at] = value;
            }
        }
    }
    stage.network.compute(values, &mut work.spare);
    std::array::from_fn(|at| match shown[at] {
        true => std::array::from_fn(|output| values[output][at]),
        false => [0.0; 4],
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{GrayImage, Luma};
    use proptest::prelude::*;

    use super::super::detector::{MODEL, photograph};
    use super::*;
    use crate::picture::{CropBox, resize};
    use faus_base::random;

    const SEARCH: FaceSearch = FaceSearch {
        stride: 2,
        score: 0.5,
        ..FaceSearch::FIRST
    };

    /// The slow, literal way.
    fn by_rustface(image: &GrayImage, search: FaceSearch) -> Vec<Face> {
        let model = rustface::read_model(Cursor::new(MODEL)).unwrap();
        let mut detector = rustface::create_detector_with_model(model);
        detector.set_pyramid_scale_factor(search.step);
        detector.set_slide_window_step(search.stride, search.stride);
        detector.set_score_thresh(search.score);
        let (width, height) = image.dimensions();
        let faces = detector.detect(&rustface::ImageData::new(image, width, height));
        let face = |face: rustface::FaceInfo| Face {
            place: Place {
                side: face.bbox().width() as i32,
                x: face.bbox().x(),
                y: face.bbox().y(),
            },
            score: face.score(),
        };
        faces.into_iter().map(face).collect()
    }

    fn ours(image: &GrayImage, search: FaceSearch) -> Vec<Face> {
        thread_local! {
            static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
        }
        let model = Model::read(MODEL).unwrap();
        let (width, height) = image.dimensions();
        let image = Grey {
            pixels: image,
            width: width as usize,
            height: height as usize,
        };
        SCRATCH.with_borrow_mut(|scratch| faces(&model, image, search, scratch))
    }

    /// A part of the photograph at another size.
    fn part(x: u32, y: u32, w: u32, h: u32, width: u32, height: u32) -> Option<GrayImage> {
        let pixels = resize(&photograph()?, CropBox { x, y, w, h }, width, height);
        GrayImage::from_raw(width, height, pixels)
    }

    #[test]
    fn finds_the_faces_and_scores_of_rustface() {
        let mut found = 0;
        for (at, stride) in [2, 4, 3, 1, 2, 2].into_iter().enumerate() {
            let at = at as u32;
            let Some(image) = part(300 + 130 * at, 150 + 20 * at, 300, 200, 420 + 31 * at, 300)
            else {
                return;
            };
            let step = 0.9 - 0.07 * at as f32;
            let search = FaceSearch {
                stride,
                step,
                ..SEARCH
            };
            let faces = ours(&image, search);
            found += faces.len();
            assert_eq!(faces, by_rustface(&image, search));
        }
        assert!(found >= 15, "{found} faces");
    }

    /// rustface reads out of bounds, or panics, on images under 40 pixels a side.
    #[test]
    fn finds_nothing_in_small_images() {
        for (width, height) in [(39, 39), (40, 39), (1, 500), (500, 8)] {
            assert_eq!(ours(&GrayImage::new(width, height), SEARCH), []);
        }
    }

    #[test]
    fn refuses_models_that_are_damaged() {
        assert!(Model::read(&[]).is_none());
        assert!(Model::read(&[MODEL, &[0]].concat()).is_none());
        for cut in [3, 40, 2000, MODEL.len() / 2, MODEL.len() - 1] {
            assert!(Model::read(&MODEL[..cut]).is_none());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// A face with added noise and varying brightness, size and position.
        #[test]
        fn agrees_with_rustface_on_anything(
            seed: u64, width in 40u32..150, height in 40u32..150, x in 0u32..1180, y in 0u32..600,
            span in 40u32..100, noise in 0i32..120, light in -90i32..90, stride in 1u32..5,
        ) {
            use rand::RngExt;
            let mut rng = random::named(seed, "test", &[]);
            let mut image = part(x, y, span, span, width, height)
                .unwrap_or_else(|| GrayImage::new(width, height));
            for Luma([pixel]) in image.pixels_mut() {
                let change = light + rng.random_range(-noise..=noise);
                *pixel = (i32::from(*pixel) + change).clamp(0, 255) as u8;
            }
            let search = FaceSearch { stride, ..SEARCH };
            prop_assert_eq!(ours(&image, search), by_rustface(&image, search));
        }

        #[test]
        fn never_panics(seed: u64, width in 1u32..200, height in 1u32..200, levels in 1u8..=255) {
            use rand::RngExt;
            let mut rng = random::named(seed, "test", &[]);
            let image = GrayImage::from_fn(width, height, |_, _| {
                Luma([rng.random_range(0..=255u8) / levels * levels])
            });
            for face in ours(&image, FaceSearch { score: 0.0, ..SEARCH }) {
                prop_assert!(face.score.is_finite());
            }
        }
    }
}
