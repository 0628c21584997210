//! Landmarks of a prepared set's faces, read from the data set that it was prepared from.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, bail};
use faus_base::text::composed;
use faus_data::face::Landmarks;
use faus_data::{CropBox, RawSample, Sample, Source};
use faus_fau::FacePoints;

use super::finished_run::FinishedRun;
use crate::app::program::Program;

/// Landmarks of every coded row that has some in the data set at `place`.
pub(crate) fn faces(
    run: &FinishedRun,
    place: &Path,
    program: &Program,
) -> Result<Vec<Option<FacePoints>>> {
    let source = program.open_source(&run.config.data, place)?;
    let scan = source.scan()?;
    let originals = Originals::of(&scan.samples);
    let mut faces = vec![None; run.prepared.len()];
    let mut alike = Vec::new();
    for row in run.samples.iter().filter(|sample| sample.coded.is_some()) {
        let sample = &run.prepared.samples()[row.index];
        let found = originals.find(sample).and_then(|original| {
            let landmarks = landmarks(source.as_ref(), original)?;
            if alike.len() < TRIED {
                let fetched = source.fetch(original).ok();
                alike.extend(fetched.map(|it| run.prepared.is_of(row.index, it.image)));
            }
            face(&landmarks, sample)
        });
        faces[row.index] = found;
    }
    if !alike.is_empty() && !alike.contains(&true) {
        bail!(
            "{}: its images are not the run's, so it is another data set; give the one that the run was prepared from",
            place.display()
        );
    }
    Ok(faces)
}

/// Images that are compared with the run's (our choice).
const TRIED: usize = 10;

fn landmarks(source: &dyn Source, original: &RawSample) -> Option<Landmarks> {
    let (text, _) = source.landmarks(original.landmarks.as_deref()?).ok()?;
    Landmarks::parse(&text).ok()
}

/// The images of a data set by path and, for another layout of the same one, by recording and frame.
struct Originals<'a> {
    by_path: HashMap<String, &'a RawSample>,
    /// `None` where several images have the same frame.
    by_frame: HashMap<(String, u32), Option<&'a RawSample>>,
}

impl<'a> Originals<'a> {
    fn of(samples: &'a [RawSample]) -> Self {
        let path = |raw: &'a RawSample| (composed(raw.path.trim()).into_owned(), raw);
        let mut by_frame = HashMap::new();
        for raw in samples {
            let frame = (raw.sequence.clone(), raw.frame);
            let known = by_frame.entry(frame);
            known.and_modify(|twice| *twice = None).or_insert(Some(raw));
        }
        Self {
            by_path: samples.iter().map(path).collect(),
            by_frame,
        }
    }

    fn find(&self, sample: &Sample) -> Option<&'a RawSample> {
        let frame = || self.by_frame.get(&(sample.sequence.clone(), sample.frame));
        let by_path = self.by_path.get(&sample.path).copied();
        by_path.or_else(|| frame().copied().flatten())
    }
}

/// The landmarks of an image in shares of its crop, which is stretched to a square.
fn face(landmarks: &Landmarks, sample: &Sample) -> Option<FacePoints> {
    let CropBox { x, y, w, h } = sample.crop?;
    let mut face = [[0.0; 2]; 68];
    for (to, [across, down]) in face.iter_mut().zip(landmarks.points()) {
        *to = [
            (across - f64::from(x)) / f64::from(w),
            (down - f64::from(y)) / f64::from(h),
        ];
    }
    Some(face)
}
