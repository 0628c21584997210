//! Does a filter look where its action unit shows?
//!
//! The pointing game (Zhang et al. 2018, IJCV 126): a filter's maximal position on an image that shows the unit is a hit
//! if it lies in the unit's region. Faces are cut out alike and filters look at the middle, so chance is not the region's
//! area but what all filters hit on the same images.

use rand::RngExt;
use rayon::prelude::*;

use crate::Error;
use crate::coded::numbered;
use crate::multiple::benjamini_hochberg;
use crate::permutation::p_value;
use crate::random::{Purpose, keyed};
use crate::ranks::mean;
use crate::regions::{FacePoints, Region};

/// Sign flips behind every p.
const FLIPS: usize = 10_000;

/// Where filters respond most, on images that show some action unit.
pub struct Maps<'a> {
    /// Subject of every image.
    pub subjects: &'a [i64],
    /// Landmarks of every image in its crop.
    pub faces: &'a [FacePoints],
    /// Filters.
    pub filters: usize,
    /// Rows and columns of the feature maps, and the place of their units' centres along either axis, as shares of the
    /// crop's side.
    pub centres: &'a [f64],
    /// Number of the maximal unit, row · side + column, `[images, filters]`; `None` where the filter is silent.
    pub maxima: &'a [Option<u32>],
    /// Mean feature map of every filter over these images, `[filters, side, side]`.
    pub means: &'a [f32],
}

/// How one filter does on one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pointing {
    /// The filter.
    pub filter: usize,
    /// Images on which it responds.
    pub images: usize,
    /// Share of them whose maximal position lies in the region.
    pub rate: f64,
    /// The same of all responding filters on the same images.
    pub chance: f64,
    /// One-sided p that the rate is above chance: signs of each subject's mean difference flipped.
    pub p: f64,
    /// Intersection over union of the region (on the mean face) and the filter's mean map, cut to the region's area.
    pub iou: f64,
    /// The mean of that over all filters.
    pub iou_chance: f64,
}

/// Plays the pointing game for `filters` on one region.
///
/// # Errors
/// [`Error::Mismatch`] where lengths differ.
pub fn pointing(
    maps: &Maps,
    region: &Region,
    filters: &[usize],
    seed: u64,
) -> Result<Vec<Pointing>, Error> {
    let images = maps.subjects.len();
    let side = maps.centres.len();
    for (what, got, expected) in [
        ("faces", maps.faces.len(), images),
        (
            "maximal positions",
            maps.maxima.len(),
            images * maps.filters,
        ),
        ("mean maps", maps.means.len(), maps.filters * side * side),
    ] {
        if got != expected {
            return Err(Error::Mismatch {
                what,
                got,
                expected,
            });
        }
    }
    // Whether each unit of the map lies in the region, image by image.
    let inside: Vec<Vec<bool>> = maps
        .faces
        .iter()
        .map(|face| cells(maps, region, face))
        .collect();
    let hit = |image: usize, filter: usize| {
        let unit = maps.maxima[image * maps.filters + filter]?;
        Some(f64::from(u8::from(inside[image][unit as usize])))
    };
    let chance: Vec<f64> = (0..images)
        .map(|image| {
            let hits: Vec<f64> = (0..maps.filters).filter_map(|f| hit(image, f)).collect();
            mean(&hits)
        })
        .collect();
    let target = cells(maps, region, &mean_face(maps.faces));
    let ious: Vec<f64> = (0..maps.filters)
        .filter_map(|filter| overlap(&maps.means[filter * side * side..][..side * side], &target))
        .collect();
    let iou_chance = mean(&ious);
    let subjects = numbered(maps.subjects.iter().copied());
    let score = |&filter: &usize| {
        let hits: Vec<(usize, f64)> = (0..images)
            .filter_map(|image| Some((image, hit(image, filter)?)))
            .collect();
        let rates: Vec<f64> = hits.iter().map(|(_, hit)| *hit).collect();
        let chances: Vec<f64> = hits.iter().map(|(image, _)| chance[*image]).collect();
        Pointing {
            filter,
            images: hits.len(),
            rate: mean(&rates),
            chance: mean(&chances),
            p: above_chance(&hits, &chance, &subjects, seed),
            iou: overlap(&maps.means[filter * side * side..][..side * side], &target)
                .unwrap_or(f64::NAN),
            iou_chance,
        }
    };
    Ok(filters.par_iter().map(score).collect())
}

/// False-discovery rates over many pairs.
pub fn pointing_rates(pointings: &[Pointing]) -> Vec<f64> {
    benjamini_hochberg(&pointings.iter().map(|p| p.p).collect::<Vec<_>>())
}

fn cells(maps: &Maps, region: &Region, face: &FacePoints) -> Vec<bool> {
    let (centres, radius) = region.discs(face);
    let side = maps.centres.len();
    let holds = |at: usize| {
        let (x, y) = (maps.centres[at % side], maps.centres[at / side]);
        centres.iter().any(|c| (c[0] - x).hypot(c[1] - y) <= radius)
    };
    (0..side * side).map(holds).collect()
}

fn mean_face(faces: &[FacePoints]) -> FacePoints {
    let mut middle = [[0.0; 2]; 68];
    for face in faces {
        for (to, from) in middle.iter_mut().zip(face) {
            to[0] += from[0] / faces.len() as f64;
            to[1] += from[1] / faces.len() as f64;
        }
    }
    middle
}

/// Intersection over union of `target` and as many of the map's largest cells; `None` for a silent filter or an empty
/// region. Equal cells are taken in order.
fn overlap(map: &[f32], target: &[bool]) -> Option<f64> {
    let area = target.iter().filter(|t| **t).count();
    if area == 0 || map.iter().all(|x| *x <= 0.0) {
        return None;
    }
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|&a, &b| map[b].total_cmp(&map[a]));
    let both = order[..area].iter().filter(|&&at| target[at]).count();
    Some(both as f64 / (2 * area - both) as f64)
}

fn above_chance(hits: &[(usize, f64)], chance: &[f64], subjects: &[u32], seed: u64) -> f64 {
    let people = subjects.iter().max().map_or(0, |last| *last as usize + 1);
    let mut sums = vec![0.0; people];
    for (image, hit) in hits {
        sums[subjects[*image] as usize] += hit - chance[*image];
    }
    if hits.is_empty() {
        return f64::NAN;
    }
    let observed: f64 = sums.iter().sum();
    let reached = (0..FLIPS as u64).filter(|&index| {
        let rng = &mut keyed(seed, Purpose::Signs, index);
        let flipped = sums.iter().map(|s| if rng.random() { *s } else { -s });
        flipped.sum::<f64>() >= observed - 1e-9
    });
    p_value(reached.count() as u64, FLIPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regions::region;

    #[test]
    fn a_filter_that_looks_at_the_mouth_is_told_from_those_that_do_not() {
        let mut face: FacePoints = [[0.5, 0.2]; 68];
        (face[39], face[42]) = ([0.4, 0.3], [0.6, 0.3]);
        (face[48], face[54]) = ([0.3, 0.8], [0.7, 0.8]);
        let centres: Vec<f64> = (0..10).map(|at| 0.05 + 0.1 * at as f64).collect();
        let (images, filters) = (20, 4);
        let subjects: Vec<i64> = (0..images as i64).collect();
        let faces = vec![face; images];
        // Filter 0 always at (0.25, 0.75), in the region; the others at the top; filter 3 is silent.
        let maxima: Vec<Option<u32>> = (0..images)
            .flat_map(|_| [Some(72), Some(5), Some(15), None])
            .collect();
        let mut means = vec![0.0; filters * 100];
        means[72] = 2.0;
        means[100..110].fill(1.0);
        means[205] = 1.0;
        let maps = Maps {
            subjects: &subjects,
            faces: &faces,
            filters,
            centres: &centres,
            maxima: &maxima,
            means: &means,
        };
        let found = pointing(&maps, &region(12).unwrap(), &[0, 1, 3], 1).unwrap();
        assert!(found[0].rate == 1.0 && found[0].p < 0.001);
        assert!((found[0].chance - 1.0 / 3.0).abs() < 1e-12);
        assert!(found[1].rate == 0.0 && found[1].p > 0.9);
        assert!(found[0].iou > found[1].iou && found[2].images == 0 && found[2].p.is_nan());
        assert!(pointing(&Maps { filters: 5, ..maps }, &region(12).unwrap(), &[0], 1).is_err());
    }
}
