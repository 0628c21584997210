//! Landmark files beside a data set of the official CK+ layout.

use std::path::Path;

use anyhow::Result;
use faus_data::crop::Landmarks;
use faus_data::{CropBox, Sample};
use faus_fau::{FacePoints, Locate};

use super::open::Run;

/// Landmarks of every row in its crop, and their origin: the files under `data`, or the mean face where any is missing.
pub(super) fn locate_study(run: &Run, data: Option<&Path>) -> Result<Locate> {
    let place = data.or(run.source.as_deref());
    let mut faces = vec![faus_synth::mean_landmarks()?; run.prepared.len()];
    let (mut coded, mut own) = (0, 0);
    for sample in run.samples.iter().filter(|sample| sample.coded.is_some()) {
        coded += 1;
        let prepared = &run.prepared.samples()[sample.index];
        if let Some(points) = place.and_then(|place| landmarks(place, prepared)) {
            faces[sample.index] = points;
            own += 1;
        }
    }
    let from = match own {
        n if n == coded => "per image",
        0 => "mean shape",
        _ => "per image, mean shape where an image has none",
    };
    Ok(Locate {
        faces,
        from: from.to_owned(),
    })
}

/// The landmark file beside an image, in the image's crop.
fn landmarks(place: &Path, sample: &Sample) -> Option<FacePoints> {
    let crop = sample.crop?;
    let (folder, _) = sample.path.rsplit_once('.')?;
    let (_, within) = folder.split_once('/')?;
    let file = format!("Landmarks/{within}_landmarks.txt");
    let text = std::fs::read_to_string(place.join(file)).ok()?;
    let points = Landmarks::parse(&text).ok()?;
    Some(in_crop(points.points(), crop))
}

fn in_crop(points: &[[f64; 2]], crop: CropBox) -> FacePoints {
    let (left, top, side) = (f64::from(crop.x), f64::from(crop.y), f64::from(crop.w));
    let mut face = [[0.0; 2]; 68];
    for (to, [x, y]) in face.iter_mut().zip(points) {
        *to = [(x - left) / side, (y - top) / side];
    }
    face
}
