//! The average face of the set, with the place of the best filter of each action unit.

use askama::Template;

use crate::page::text::decimal;
use crate::run::Run;
use crate::run::value::{au, au_label, au_name, filter};
use crate::run::viz::Patch;

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
    images: &'static str,
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
        places: beside(places, height),
        images: match layer.filters.split.as_deref() {
            Some("test") => ", of people not seen in training",
            _ => "",
        },
    };
    face.render().ok()
}

fn places(run: &Run) -> Vec<Place> {
    let Ok(images) = &run.images else {
        return vec![];
    };
    let scale = FACE / f64::from(images.side);
    let place = |name: &serde_json::Value| {
        let filter = filter(name);
        let areas = Vec::from_iter(run.patches(filter).iter().filter_map(Patch::area));
        let middle = |axis: usize| {
            let centres = areas.iter().map(|area| area[axis] + area[axis + 2] / 2.0);
            median(centres.collect()).map(|at| at * scale)
        };
        let auroc = decimal(name["auroc"].as_f64(), 2);
        Some(Place {
            au: au(name),
            name: au_name(au(name)),
            filter,
            words: format!("{}: filter {filter}, AUROC {auroc}", au_label(au(name))),
            at: [BESIDE + middle(0)?, middle(1)?],
            left: true,
            label: 0.0,
        })
    };
    let best = run.fau.best_of_units().into_iter();
    best.filter_map(place).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
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
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
