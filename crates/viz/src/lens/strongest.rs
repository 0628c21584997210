//! The images that excite each filter most, and the places of the responses.

use faus_model::{Maxima, Network};

use crate::error::{Error, Result};
use crate::explain::method::UnitRef;
use crate::images::ImageSet;
use crate::lens::maxima::stream_maxima;

/// A filter's largest response in one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopUnit {
    /// Row of the data set.
    pub index: usize,
    /// Subject of the image.
    pub subject: i64,
    /// Group of the image; see [`ImageSet::groups`].
    pub group: i64,
    /// Place in the feature map.
    pub unit: UnitRef,
    /// The response, after ReLU.
    pub activation: f32,
}

/// The images that excite one filter most.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterTop {
    /// The filter.
    pub filter: usize,
    /// In descending order of activation, positive only, at most one per group.
    pub units: Vec<TopUnit>,
}

/// The result of one pass over the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The strongest units of each requested filter, in that order.
    pub tops: Vec<FilterTop>,
    /// Places of each requested filter's largest responses, `[rows, columns]` of the feature map, each image weighted by its response.
    /// Sums to 1; all zero for a dead filter. A fully connected unit has one place.
    pub positions: Vec<Vec<f64>>,
    /// Columns of the feature map.
    pub columns: usize,
    /// Mean of the images' grey pixels, `[side, side]` in [0, 255].
    pub average: Vec<f64>,
    /// Number of images.
    pub images: usize,
}

impl Survey {
    /// Filters without a response to any image.
    pub fn dead(&self) -> Vec<usize> {
        let dead = self.tops.iter().filter(|top| top.units.is_empty());
        dead.map(|top| top.filter).collect()
    }

    fn add(&mut self, rows: &[usize], maxima: &Maxima, top: usize, images: &ImageSet) {
        self.columns = maxima.columns;
        for (at, &index) in rows.iter().enumerate() {
            for (best, positions) in self.tops.iter_mut().zip(&mut self.positions) {
                positions.resize(maxima.columns * maxima.columns, 0.0);
                let at = at * maxima.filters + best.filter;
                let (activation, place) = (maxima.values[at], maxima.positions[at] as usize);
                if activation <= 0.0 {
                    continue;
                }
                positions[place] += f64::from(activation);
                let new = TopUnit {
                    index,
                    subject: images.source.subject(index),
                    group: images.groups.get(index).copied().unwrap_or(-1),
                    unit: UnitRef::at(best.filter, place, maxima.columns),
                    activation,
                };
                insert(&mut best.units, top, new);
            }
            let grey = images.source.grey(index);
            for (sum, &grey) in self.average.iter_mut().zip(grey) {
                *sum += f64::from(grey);
            }
        }
    }
}

/// For each of `filters`, the `top` images that excite it most, at most one per group, and the places of its responses. One
/// pass over the images; memory does not grow with their number.
///
/// Runs on rayon's current pool. Images of equal response rank by row. A filter excited by fewer groups has fewer units.
///
/// # Errors
/// When there are no images, a filter does not exist, or the images do not fit the network.
pub fn survey(
    network: &Network,
    stage: usize,
    filters: &[usize],
    top: usize,
    images: &ImageSet,
) -> Result<Survey> {
    if top == 0 {
        return Err(Error::NoTop);
    }
    check_filters(network, stage, filters)?;
    let none = |&filter: &usize| FilterTop {
        filter,
        units: vec![],
    };
    let mut found = Survey {
        tops: filters.iter().map(none).collect(),
        positions: vec![vec![]; filters.len()],
        columns: 1,
        average: vec![0.0; images.source.side().pow(2)],
        images: images.rows.len(),
    };
    stream_maxima(network, stage, images, |rows, maxima| {
        found.add(rows, maxima, top, images);
        Ok(())
    })?;
    // Sums become means and shares.
    let count = found.images as f64;
    found.average.iter_mut().for_each(|sum| *sum /= count);
    found
        .positions
        .iter_mut()
        .for_each(|places| to_shares(places));
    Ok(found)
}

/// Rejects filters that the layer does not have.
pub(crate) fn check_filters(network: &Network, stage: usize, filters: &[usize]) -> Result<()> {
    let count = network.filters(stage)?;
    let Some(filter) = filters.iter().find(|filter| **filter >= count) else {
        return Ok(());
    };
    let what = format!("filter of {}", network.layer(stage));
    let known = format!("0 to {}", count.saturating_sub(1));
    Err(Error::unknown(what, filter, known))
}

/// Scales `values` to a sum of 1, unless they sum to 0.
pub(crate) fn to_shares(values: &mut [f64]) {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|value| *value /= sum);
    }
}

/// Inserts in descending order, keeping the better of two images of one group and at most `top`.
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
