use faus_model::{Maxima, Network};
use serde::{Deserialize, Serialize};

use crate::{Error, ImageSet, UnitRef, stream_maxima};

/// A filter's largest response in one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopUnit {
    /// Row of the data set.
    pub index: usize,
    /// Whose face it is.
    pub subject: i64,
    /// Of one group, only the best is kept; see [`ImageSet::groups`].
    #[serde(skip)]
    pub group: i64,
    /// Where in the feature map.
    pub unit: UnitRef,
    /// The response, after ReLU.
    pub activation: f32,
}

/// The images that excite one filter most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilterTop {
    /// The filter.
    pub filter: usize,
    /// Falling by activation, positive only, at most one a group.
    pub units: Vec<TopUnit>,
}

/// What one pass over the images finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Of each filter asked for, in that order.
    pub tops: Vec<FilterTop>,
    /// Of each filter asked for: where its largest response lies, `[rows, columns]` of the feature map, each image counted by
    /// its response. Sums to 1; all zero for a dead filter. A fully connected unit has one place.
    pub positions: Vec<Vec<f64>>,
    /// Columns of the feature map.
    pub columns: usize,
    /// Mean of the images' grey pixels, `[side, side]` in [0, 255].
    pub average: Vec<f64>,
    /// How many images were looked at.
    pub images: usize,
}

impl Survey {
    /// Filters that no image excites.
    pub fn dead(&self) -> Vec<usize> {
        let dead = self.tops.iter().filter(|top| top.units.is_empty());
        dead.map(|top| top.filter).collect()
    }
}

/// For each of `filters`, the `top` images that excite it most, at most one a group (the paper's figures show different
/// people), and where the responses lie. One pass over the images; memory does not grow with their number.
///
/// Runs on rayon's current pool. Images of equal response rank by row. Filters that fewer groups excite have fewer units,
/// those that nothing excites have none.
///
/// # Errors
/// When there are no images, or no such filter, or the images do not fit the network.
pub fn survey(
    network: &Network,
    stage: usize,
    filters: &[usize],
    top: usize,
    images: &ImageSet,
) -> Result<Survey, Error> {
    if top == 0 {
        return Err(Error::NoTop);
    }
    check_filters(network, stage, filters)?;
    let no_units = |&filter: &usize| FilterTop {
        filter,
        units: vec![],
    };
    let mut found = Survey {
        tops: filters.iter().map(no_units).collect(),
        positions: vec![vec![]; filters.len()],
        columns: 1,
        average: vec![0.0; images.side * images.side],
        images: images.rows.len(),
    };
    stream_maxima(network, stage, images, |rows, maxima| {
        found.columns = maxima.columns;
        for (filter, positions) in found.tops.iter_mut().zip(&mut found.positions) {
            offer(filter, positions, top, rows, maxima, images);
        }
        for &row in rows {
            for (sum, &grey) in found.average.iter_mut().zip((images.grey)(row)) {
                *sum += f64::from(grey);
            }
        }
        Ok(())
    })?;
    let count = found.images as f64;
    found.average.iter_mut().for_each(|sum| *sum /= count);
    for positions in &mut found.positions {
        positions.resize(found.columns * found.columns, 0.0);
        let sum: f64 = positions.iter().sum();
        if sum > 0.0 {
            positions.iter_mut().for_each(|p| *p /= sum);
        }
    }
    Ok(found)
}

fn check_filters(network: &Network, stage: usize, filters: &[usize]) -> Result<(), Error> {
    let count = network.filters(stage)?;
    match filters.iter().find(|filter| **filter >= count) {
        None => Ok(()),
        Some(&filter) => Err(Error::NoFilter {
            layer: network.stages()[stage].name.clone(),
            last: count.saturating_sub(1),
            filter,
        }),
    }
}

/// Puts a chunk's images where they belong in `best` and adds their places to `positions`.
fn offer(
    best: &mut FilterTop,
    positions: &mut Vec<f64>,
    top: usize,
    rows: &[usize],
    maxima: &Maxima,
    images: &ImageSet,
) {
    let filter = best.filter;
    for (at, &index) in rows.iter().enumerate() {
        let activation = maxima.values[at * maxima.filters + filter];
        if activation <= 0.0 {
            continue;
        }
        let position = maxima.positions[at * maxima.filters + filter] as usize;
        if positions.len() <= position {
            positions.resize(position + 1, 0.0);
        }
        positions[position] += f64::from(activation);
        let full = best.units.len() == top;
        let last = best.units.last();
        if full && last.is_some_and(|last| activation <= last.activation) {
            continue;
        }
        let of_row = |of: &[i64]| of.get(index).copied().unwrap_or(-1);
        let unit = UnitRef {
            filter,
            row: position / maxima.columns,
            column: position % maxima.columns,
        };
        let new = TopUnit {
            index,
            subject: of_row(images.subjects),
            group: of_row(images.groups),
            unit,
            activation,
        };
        insert(&mut best.units, top, new);
    }
}

/// Inserts in falling order, keeping the better of two of one group and at most `top`. Where the group is not known
/// (negative), every image counts for itself.
fn insert(units: &mut Vec<TopUnit>, top: usize, new: TopUnit) {
    let same = |u: &TopUnit| u.group == new.group && new.group >= 0;
    if let Some(same) = units.iter().position(same) {
        if units[same].activation >= new.activation {
            return;
        }
        units.remove(same);
    }
    let place = units.partition_point(|u| u.activation >= new.activation);
    units.insert(place, new);
    units.truncate(top);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(subject: i64, activation: f32) -> TopUnit {
        TopUnit {
            index: 0,
            subject,
            group: subject,
            unit: UnitRef {
                filter: 0,
                row: 0,
                column: 0,
            },
            activation,
        }
    }

    #[test]
    fn a_subject_comes_once_with_its_best_image() {
        let mut units = vec![];
        for (subject, activation) in [(1, 0.5), (2, 0.9), (1, 0.7), (3, 0.6), (2, 0.1), (4, 0.2)] {
            insert(&mut units, 3, unit(subject, activation));
        }
        let got: Vec<(i64, f32)> = units.iter().map(|u| (u.subject, u.activation)).collect();
        assert_eq!(got, [(2, 0.9), (1, 0.7), (3, 0.6)]);
    }

    #[test]
    fn images_of_unknown_subjects_are_different_people() {
        let mut units = vec![];
        for activation in [0.5, 0.9, 0.7] {
            insert(&mut units, 3, unit(-1, activation));
        }
        assert_eq!(units.len(), 3);
    }

    #[test]
    fn of_equal_responses_the_first_ranks_first() {
        let mut units = vec![];
        for subject in 0..5 {
            insert(&mut units, 3, unit(subject, 1.0));
        }
        assert_eq!(
            units.iter().map(|u| u.subject).collect::<Vec<_>>(),
            [0, 1, 2]
        );
    }
}
