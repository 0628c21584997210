//! The pointing game: whether a filter's maximum lies where its action unit shows.
//!
//! A filter's maximal position on an image that shows the unit is a hit if it is in the unit's region (Zhang et al.
//! 2018, IJCV 126). Faces are cropped in the same way and filters favour the middle, so chance is not the region's area
//! but the hits of all filters on the same images.

use faus_base::order::mean;
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::p_value;
use crate::chance::random::{Purpose, keyed};
use crate::error::Error;
use crate::input::coded::positives;
use crate::lens::Places;
use crate::study::regions::{FacePoints, Region};

/// Number of sign flips per p-value.
const FLIPS: usize = 10_000;

/// One filter's result on one region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Pointing {
    /// The filter.
    pub filter: usize,
    /// Its action unit.
    pub au: u8,
    /// Images to which it responds.
    pub images: usize,
    /// Share of them whose maximal position is in the region.
    pub rate: f64,
    /// The same of all responding filters on the same images.
    pub chance: f64,
    /// One-sided p that the rate is above chance: signs of each subject's mean difference flipped.
    pub p: f64,
    /// Its false-discovery rate over the filters of all units; NaN until these are known.
    pub q: f64,
    /// Intersection over union of the region (on the mean face) and the filter's mean map, cut to the region's area.
    pub iou: f64,
    /// The mean of that over all filters.
    pub iou_chance: f64,
}

/// Runs the pointing game for `filters` on one region; `faces` and `subjects` (numbers from 0) are those of the images of `places`.
///
/// # Errors
/// [`Error::Mismatch`] where lengths differ.
pub(crate) fn pointing(
    places: &Places,
    (faces, subjects): (&[FacePoints], &[u32]),
    region: &Region,
    filters: &[usize],
    seed: u64,
) -> Result<Vec<Pointing>, Error> {
    let (images, side) = (subjects.len(), places.centres.len());
    let (maxima, cells_of) = (images * places.filters, places.filters * side * side);
    Error::unless_equal("faces", faces.len(), images)?;
    Error::unless_equal("maximal positions", places.maxima.len(), maxima)?;
    Error::unless_equal("cells of maps", places.sums.len(), cells_of)?;
    let inside = faces.iter().map(|face| cells(places, region, face));
    let inside: Vec<Vec<bool>> = inside.collect();
    // 1 for a hit, 0 for a miss, `None` for a silent filter: `[images, filters]`.
    let hit = |(at, unit): (usize, &Option<u32>)| {
        let inside = &inside[at / places.filters];
        unit.map(|unit| f64::from(u8::from(inside[unit as usize])))
    };
    let hits: Vec<Option<f64>> = places.maxima.iter().enumerate().map(hit).collect();
    let of_image = |hits: &[Option<f64>]| mean(&Vec::from_iter(hits.iter().flatten().copied()));
    let chance: Vec<f64> = hits.chunks(places.filters).map(of_image).collect();
    let target = cells(places, region, &mean_face(faces));
    let maps = places.sums.chunks(side * side);
    let ious: Vec<Option<f64>> = maps.map(|map| overlap(map, &target)).collect();
    let iou_chance = mean(&ious.iter().copied().flatten().collect::<Vec<_>>());
    let score = |&filter: &usize| {
        let own = hits.iter().skip(filter).step_by(places.filters).enumerate();
        let hits: Vec<(usize, f64)> = own.filter_map(|(at, hit)| Some((at, (*hit)?))).collect();
        Pointing {
            filter,
            au: region.au,
            images: hits.len(),
            rate: mean(&Vec::from_iter(hits.iter().map(|(_, hit)| *hit))),
            chance: mean(&Vec::from_iter(hits.iter().map(|(at, _)| chance[*at]))),
            p: above_chance(&hits, &chance, subjects, seed),
            q: f64::NAN,
            iou: ious[filter].unwrap_or(f64::NAN),
            iou_chance,
        }
    };
    Ok(filters.par_iter().map(score).collect())
}

/// Whether each unit of the feature map is in the region of this face.
fn cells(places: &Places, region: &Region, face: &FacePoints) -> Vec<bool> {
    let (discs, side) = (region.discs(face), places.centres.len());
    let place = |at: usize| [places.centres[at % side], places.centres[at / side]];
    (0..side * side).map(|at| discs.hold(place(at))).collect()
}

fn mean_face(faces: &[FacePoints]) -> FacePoints {
    let n = faces.len() as f64;
    let middle = |point: usize, axis: usize| faces.iter().map(|f| f[point][axis] / n).sum();
    std::array::from_fn(|point| [0, 1].map(|axis| middle(point, axis)))
}

/// Intersection over union of `target` and as many of the map's largest cells; `None` for a silent filter or an empty
/// region. Equal cells are taken in order.
fn overlap(map: &[f32], target: &[bool]) -> Option<f64> {
    let area = positives(target);
    if area == 0 || map.iter().all(|x| *x <= 0.0) {
        return None;
    }
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|&a, &b| map[b].total_cmp(&map[a]));
    let both = order[..area].iter().filter(|&&at| target[at]).count();
    Some(both as f64 / (2 * area - both) as f64)
}

fn above_chance(hits: &[(usize, f64)], chance: &[f64], subjects: &[u32], seed: u64) -> f64 {
    if hits.is_empty() {
        return f64::NAN;
    }
    let people = subjects.iter().max().map_or(0, |&last| last as usize + 1);
    let mut sums = vec![0.0; people];
    for (image, hit) in hits {
        sums[subjects[*image] as usize] += hit - chance[*image];
    }
    let observed: f64 = sums.iter().sum();
    let reached = (0..FLIPS as u64).filter(|&index| {
        let rng = &mut keyed(seed, Purpose::Signs, index);
        let flipped = sums.iter().map(|s| if rng.random() { *s } else { -s });
        flipped.sum::<f64>() >= observed - 1e-9
    });
    p_value(reached.count(), FLIPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::regions::region;

    #[test]
    fn a_filter_of_the_mouth_hits_and_others_miss() {
        let mut face: FacePoints = [[0.5, 0.2]; 68];
        (face[39], face[42]) = ([0.4, 0.3], [0.6, 0.3]);
        (face[48], face[54]) = ([0.3, 0.8], [0.7, 0.8]);
        let centres: Vec<f64> = (0..10).map(|at| 0.05 + 0.1 * at as f64).collect();
        let (images, filters) = (20, 4);
        let subjects: Vec<u32> = (0..images as u32).collect();
        let faces = vec![face; images];
        // Filter 0 always at (0.25, 0.75), in the region; the others at the top; filter 3 is silent.
        let maxima: Vec<Option<u32>> = (0..images)
            .flat_map(|_| [Some(72), Some(5), Some(15), None])
            .collect();
        let mut sums = vec![0.0; filters * 100];
        sums[72] = 2.0;
        sums[100..110].fill(1.0);
        sums[205] = 1.0;
        let places = Places {
            filters,
            centres,
            maxima,
            sums,
        };
        let (corners, images) = (region(12).unwrap(), (faces.as_slice(), subjects.as_slice()));
        let found = pointing(&places, images, &corners, &[0, 1, 3], 1).unwrap();
        assert!(found[0].rate == 1.0 && found[0].p < 0.001);
        assert!((found[0].chance - 1.0 / 3.0).abs() < 1e-12);
        assert!(found[1].rate == 0.0 && found[1].p > 0.9);
        assert!(found[0].iou > found[1].iou && found[2].images == 0 && found[2].p.is_nan());
        let wrong = Places {
            filters: 5,
            ..places
        };
        assert!(pointing(&wrong, images, &corners, &[0], 1).is_err());
    }
}
