//! The average face of the set, with the place of the best filter of each action unit.

use askama::Template;
use faus_base::order;

use crate::page::text::{decimal, when};
use crate::run::Run;
use crate::run::value::{au, au_label, au_name, filter, units};
use crate::run::viz::{Layer, Patch};

/// Side of the drawn face, and the width beside it for a unit's line, number and name.
const FACE: f64 = 320.0;
const BESIDE: f64 = 280.0;
/// Height of a label.
const LABEL: f64 = 24.0;

#[derive(Template)]
#[template(path = "face.html")]
struct Face {
    picture: String,
    height: f64,
    places: Vec<Place>,
    caption: String,
}

/// The place of an action unit's best filter, and its label beside the face.
struct Place {
    au: u64,
    name: String,
    filter: u64,
    words: String,
    at: [f64; 2],
    left: bool,
    label: f64,
}

/// The figure; `None` without an average face, names, or places of patches.
pub(super) fn figure(run: &Run) -> Option<String> {
    let layer = run.analysed()?;
    let places = places(run);
    let height = FACE.max(places.len().div_ceil(2) as f64 * LABEL);
    let file = (!places.is_empty()).then(|| layer.file("average-face.png"))?;
    let face = Face {
        picture: run.folder.png(&file)?,
        height,
        caption: caption(run, layer, places.len()),
        places: beside(places, height),
    };
    face.render().ok()
}

fn caption(run: &Run, layer: &Layer, shown: usize) -> String {
    let images = match layer.filters.split.as_deref() {
        Some("test") => ", of people not seen in training",
        _ => "",
    };
    let units = units(&run.fau.associations).len();
    let named = run.fau.best_of_units().len();
    let words = format!(
        " Shown are {shown} of {units} units: no filter is named after and more active with {} of the others, and the patches of {} have no common place.",
        units - named.min(units),
        named.saturating_sub(shown)
    );
    format!(
        "Where on the face the filter named after each action unit looks: the middle of the place that most of its best patches{images} share.{} A place that does not fit its unit means that the filter follows the unit by way of something that occurs with it. A click shows the filter.",
        when(shown < units, &words)
    )
}

fn places(run: &Run) -> Vec<Place> {
    let Ok(images) = &run.images else {
        return vec![];
    };
    let scale = FACE / f64::from(images.side);
    let place = |name: &serde_json::Value| {
        let filter = filter(name);
        let areas = Vec::from_iter(run.patches(filter).iter().filter_map(Patch::area));
        let centres = areas.iter().map(|[x, y, w, h]| [x + w / 2.0, y + h / 2.0]);
        let [x, y] = common_place(&Vec::from_iter(centres), f64::from(images.side) / 8.0)?;
        let auroc = decimal(name["auroc"].as_f64(), 2);
        Some(Place {
            au: au(name),
            name: au_name(au(name)),
            filter,
            words: format!("{}: filter {filter}, AUROC {auroc}", au_label(au(name))),
            at: [BESIDE + x * scale, y * scale],
            left: true,
            label: 0.0,
        })
    };
    let best = run.fau.best_of_units().into_iter();
    best.filter_map(place).collect()
}

/// The mean of the points near the one with most others near it; `None` unless they are more than half of all.
fn common_place(points: &[[f64; 2]], near: f64) -> Option<[f64; 2]> {
    let around = |point: &[f64; 2]| {
        let distance = |other: &[f64; 2]| (other[0] - point[0]).hypot(other[1] - point[1]);
        let near = points.iter().filter(|other| distance(other) <= near);
        near.copied().collect::<Vec<_>>()
    };
    let together = points.iter().map(around).rev().max_by_key(Vec::len)?;
    let mean = |axis: usize| order::mean(&Vec::from_iter(together.iter().map(|at| at[axis])));
    (2 * together.len() > points.len()).then(|| [mean(0), mean(1)])
}

/// Half of the labels on either side, in the order of their places, so that few lines cross.
fn beside(mut places: Vec<Place>, height: f64) -> Vec<Place> {
    places.sort_by(|a, b| a.at[0].total_cmp(&b.at[0]));
    let mut right = places.split_off(places.len() / 2);
    right.iter_mut().for_each(|place| place.left = false);
    for side in [&mut places, &mut right] {
        side.sort_by(|a, b| a.at[1].total_cmp(&b.at[1]));
        let step = height / side.len().max(1) as f64;
        for (row, place) in side.iter_mut().enumerate() {
            place.label = (row as f64 + 0.5) * step;
            place.at[1] += (height - FACE) / 2.0;
        }
    }
    places.append(&mut right);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_where_most_patches_lie() {
        let brow = [[10.0, 8.0], [12.0, 8.0], [11.0, 8.0]];
        let with = |other: &[[f64; 2]]| common_place(&[&brow[..], other].concat(), 6.0);
        assert_eq!(with(&[]), Some([11.0, 8.0]));
        assert_eq!(with(&[[40.0, 40.0], [20.0, 30.0]]), Some([11.0, 8.0]));
        assert_eq!(with(&[[40.0, 40.0], [20.0, 30.0], [9.0, 31.0]]), None);
        assert_eq!(common_place(&[], 6.0), None);
    }

    #[test]
    fn labels_are_spread_over_both_sides_and_never_overlap() {
        let place = |n: u64| Place {
            au: n,
            name: String::new(),
            filter: n,
            words: String::new(),
            at: [BESIDE + (n % 3) as f64, 200.0 + (n % 2) as f64],
            left: true,
            label: 0.0,
        };
        let places = beside((0..29).map(place).collect(), 360.0);
        for left in [true, false] {
            let side = places.iter().filter(|place| place.left == left);
            let labels = Vec::from_iter(side.map(|place| place.label));
            assert!((14..=15).contains(&labels.len()));
            assert!(labels.windows(2).all(|two| two[1] - two[0] >= LABEL));
        }
    }
}
