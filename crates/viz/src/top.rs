use faus_model::Network;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Error, UnitRef};

/// Images looked at together; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 32;

/// The images of a search, wherever they come from.
pub struct ImageSet<'a> {
    /// Rows of the data set to look through.
    pub rows: &'a [usize],
    /// Subject of every row of the data set.
    pub subjects: &'a [i64],
    /// Height and width, in pixels.
    pub side: usize,
    /// Normalised images of some rows, `[rows, 1, side, side]` f32 on the CPU.
    pub normalised: &'a (dyn Fn(&[usize]) -> Result<Tensor, String> + Sync),
    /// Grey pixels of a row, `side`·`side`.
    pub grey: &'a (dyn Fn(usize) -> &'a [u8] + Sync),
    /// Whether to stop; asked every few images.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

impl ImageSet<'_> {
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        if (self.stopped)() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}

/// A filter's largest response in one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopUnit {
    /// Row of the data set.
    pub index: usize,
    /// Whose face it is.
    pub subject: i64,
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
    /// Falling by activation, positive only, at most one a subject.
    pub units: Vec<TopUnit>,
}

/// For each of `filters`, the `top` images that excite it most, at most one a subject (the paper's figures show different
/// people). One pass over the images; memory does not grow with their number.
///
/// Runs on rayon's current pool. Images of equal response rank by row.
///
/// # Errors
/// When there are no images, or no such filter, or the images do not fit the network.
pub fn top_units(
    network: &Network,
    stage: usize,
    filters: &[usize],
    top: usize,
    images: &ImageSet,
) -> Result<Vec<FilterTop>, Error> {
    if images.rows.is_empty() {
        return Err(Error::NoImages);
    }
    let mut found: Vec<FilterTop> = filters
        .iter()
        .map(|&filter| FilterTop {
            filter,
            units: vec![],
        })
        .collect();
    // A few chunks at a time: the threads have work, and memory stays bounded.
    for group in images.rows.chunks(CHUNK * 4 * rayon::current_num_threads()) {
        let jobs = group
            .chunks(CHUNK)
            .map(|rows| Ok((network.replica()?, rows)))
            .collect::<Result<Vec<_>, Error>>()?;
        let maxima: Vec<Result<Maxima, Error>> = jobs
            .into_par_iter()
            .map(|(network, rows)| Maxima::of(&network, stage, rows, images))
            .collect();
        for maxima in maxima {
            let maxima = maxima?;
            for top_of in &mut found {
                maxima.offer(top_of, top, images.subjects)?;
            }
        }
    }
    Ok(found)
}

/// The largest response of every filter in every image of a chunk.
struct Maxima<'a> {
    rows: &'a [usize],
    filters: usize,
    columns: usize,
    layer: String,
    /// `[rows, filters]`.
    values: Vec<f32>,
    /// `[rows, filters]`: row · columns + column in the feature map.
    positions: Vec<i64>,
}

impl<'a> Maxima<'a> {
    fn of(
        network: &Network,
        stage: usize,
        rows: &'a [usize],
        images: &ImageSet,
    ) -> Result<Self, Error> {
        images.go_on()?;
        let input = (images.normalised)(rows)
            .map_err(Error::Images)?
            .f_to_device(network.device())?;
        let maps = match network.feature_maps(&input, stage) {
            Err(faus_model::Error::NoFeatureMap(_)) => network
                .activations(&input, stage)?
                .f_unsqueeze(-1)?
                .f_unsqueeze(-1)?,
            maps => maps?,
        };
        let (n, filters, columns) = (maps.size()[0], maps.size()[1], maps.size()[3] as usize);
        let (values, positions) = maps
            .f_contiguous()?
            .f_reshape([n, filters, -1])?
            .f_max_dim(2, false)?;
        let count = (n * filters) as usize;
        let (mut value_list, mut position_list) = (vec![0f32; count], vec![0i64; count]);
        values
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_copy_data(&mut value_list, count)?;
        positions
            .f_to_device(Device::Cpu)?
            .f_copy_data(&mut position_list, count)?;
        let layer = network.stages()[stage].name.clone();
        Ok(Self {
            rows,
            filters: filters as usize,
            columns,
            layer,
            values: value_list,
            positions: position_list,
        })
    }

    /// Puts this chunk's images where they belong in `best`.
    fn offer(&self, best: &mut FilterTop, top: usize, subjects: &[i64]) -> Result<(), Error> {
        let filter = best.filter;
        if filter >= self.filters {
            return Err(Error::NoFilter {
                layer: self.layer.clone(),
                last: self.filters.saturating_sub(1),
                filter,
            });
        }
        for (at, &index) in self.rows.iter().enumerate() {
            let activation = self.values[at * self.filters + filter];
            let full = best.units.len() == top;
            if activation <= 0.0
                || (full
                    && best
                        .units
                        .last()
                        .is_some_and(|last| activation <= last.activation))
            {
                continue;
            }
            let position = self.positions[at * self.filters + filter] as usize;
            let unit = UnitRef {
                filter,
                row: position / self.columns,
                column: position % self.columns,
            };
            insert(
                &mut best.units,
                top,
                TopUnit {
                    index,
                    subject: subjects.get(index).copied().unwrap_or(-1),
                    unit,
                    activation,
                },
            );
        }
        Ok(())
    }
}

/// Inserts in falling order, keeping the better of two of one subject and at most `top`. Where the source names no
/// subjects (negative), every image counts for itself.
fn insert(units: &mut Vec<TopUnit>, top: usize, new: TopUnit) {
    let same = |u: &TopUnit| u.subject == new.subject && new.subject >= 0;
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
