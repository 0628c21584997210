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

pub(super) use boxes::Face;
use boxes::{Place, suppress};
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

/// Search parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Search {
    /// Ratio of a level of the pyramid to the one before it, above 0 and below 1.
    pub step: f32,
    /// Pixels between windows, 1 or more.
    pub stride: usize,
    /// Minimum score of a face.
    pub score: f64,
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

/// The faces of an image, best first; none where a side is shorter than [`WINDOW`].
pub(super) fn faces(
    model: &Model,
    image: Grey,
    search: Search,
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
fn propose(model: &Model, image: Grey, search: Search, scratch: &mut Scratch) -> Vec<Face> {
    let mut found = vec![Vec::new(); model.cascades.len()];
    let least = WINDOW as f32 / image.width.min(image.height) as f32;
    let mut scale = 1f32;
    while scale >= least {
        let scaled = |side: usize| (side as f32 * scale) as usize;
        let (width, height) = (scaled(image.width), scaled(image.height));
        // Rounding may leave the last level a pixel too small.
        if width.min(height) < WINDOW {
            break;
        }
        let level = &mut scratch.level;
        scratch.cutter.level(image, width, height, level);
        let level = Grey::new(&scratch.level, width, height);
        scratch.codes.compute(level);
        let back = |at: usize| (at as f32 / scale + 0.5) as i32;
        let side = back(WINDOW);
        for (cascade, found) in model.cascades.iter().zip(&mut found) {
            let passed = cascade.slide(&mut scratch.codes, level, search.stride);
            found.extend(passed.map(|(x, y, score)| Face {
                x: back(x),
                y: back(y),
                side,
                score: f64::from(score),
            }));
        }
        scale *= search.step;
    }
    for found in &mut found {
        suppress(found, OVERLAP, &mut scratch.merged);
    }
    found.concat()
}

/// Keeps the boxes that a stage classifies as faces, shifted onto the faces.
fn judge(stage: &Stage, image: Grey, faces: &mut Vec<Face>, scratch: &mut Scratch) {
    // Several cascades may find the same box, which is scored once; boxes of the same columns are adjacent.
    let mut places: Vec<_> = faces.iter().map(|face| face.place()).collect();
    places.sort_unstable();
    places.dedup();
    let batches = places.chunks(BATCH);
    let outputs: Vec<_> = batches
        .flat_map(|batch| outputs(stage, image, batch, scratch))
        .collect();
    faces.retain_mut(|face| {
        let found = places.binary_search(&face.place());
        let output = found.map_or([0.0; 4], |number| outputs[number]);
        let taken = output[0] > stage.threshold;
        if taken {
            *face = face.moved(output);
        }
        taken
    });
}

/// A network's four outputs for up to [`BATCH`] boxes, all zero for a box outside the image.
fn outputs(
    stage: &Stage,
    image: Grey,
    batch: &[Place],
    scratch: &mut Scratch,
) -> [[f32; 4]; BATCH] {
    let Scratch {
        cutter,
        gradients,
        description,
        values,
        spare,
        ..
    } = scratch;
    description.resize(stage.network.inputs(), 0.0);
    values.clear();
    values.resize(stage.network.inputs(), [0.0; BATCH]);
    let (mut window, mut shown) = ([0; WINDOW * WINDOW], [false; BATCH]);
    for (at, (&place, shown)) in batch.iter().zip(&mut shown).enumerate() {
        *shown = cutter.window(image, place, &mut window);
        if *shown {
            gradients.compute(&window);
            gradients.describe(&stage.features, description);
            for (values, &value) in values.iter_mut().zip(&*description) {
                values[at] = value;
            }
        }
    }
    stage.network.compute(values, spare);
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

    const SEARCH: Search = Search {
        step: 0.8,
        stride: 2,
        score: 0.5,
    };

    /// The slow, literal way.
    fn by_rustface(image: &GrayImage, search: Search) -> Vec<Face> {
        let model = rustface::read_model(Cursor::new(MODEL)).unwrap();
        let mut detector = rustface::create_detector_with_model(model);
        detector.set_pyramid_scale_factor(search.step);
        detector.set_slide_window_step(search.stride as u32, search.stride as u32);
        detector.set_score_thresh(search.score);
        let (width, height) = image.dimensions();
        let faces = detector.detect(&rustface::ImageData::new(image, width, height));
        let face = |face: rustface::FaceInfo| Face {
            x: face.bbox().x(),
            y: face.bbox().y(),
            side: face.bbox().width() as i32,
            score: face.score(),
        };
        faces.into_iter().map(face).collect()
    }

    fn ours(image: &GrayImage, search: Search) -> Vec<Face> {
        thread_local! {
            static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
        }
        let model = Model::read(MODEL).unwrap();
        let (width, height) = image.dimensions();
        let image = Grey::new(image, width as usize, height as usize);
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
            let search = Search {
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
            span in 40u32..100, noise in 0i32..120, light in -90i32..90, stride in 1usize..5,
        ) {
            use rand::RngExt;
            let mut rng = random::named(seed, "test", &[]);
            let mut image = part(x, y, span, span, width, height)
                .unwrap_or_else(|| GrayImage::new(width, height));
            for Luma([pixel]) in image.pixels_mut() {
                let change = light + rng.random_range(-noise..=noise);
                *pixel = (i32::from(*pixel) + change).clamp(0, 255) as u8;
            }
            let search = Search { stride, ..SEARCH };
            prop_assert_eq!(ours(&image, search), by_rustface(&image, search));
        }

        #[test]
        fn never_panics(seed: u64, width in 1u32..200, height in 1u32..200, levels in 1u8..=255) {
            use rand::RngExt;
            let mut rng = random::named(seed, "test", &[]);
            let image = GrayImage::from_fn(width, height, |_, _| {
                Luma([rng.random_range(0..=255u8) / levels * levels])
            });
            for face in ours(&image, Search { score: 0.0, ..SEARCH }) {
                prop_assert!(face.score.is_finite());
            }
        }
    }
}
