//! A layer of a network over a prepared data set: the [`Lens`] of the statistics on libtorch.

pub(crate) mod maxima;
pub(crate) mod outputs;
pub(crate) mod responses;
pub(crate) mod strongest;

use std::path::Path;

use faus_base::{file, npy};
use faus_data::Prepared;
use faus_data::normalise::Normalisation;
use faus_fau::{Activations, Error as FauError, Lens, Places};
use faus_model::{Halfway, Network};
use rayon::ThreadPool;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::images::{GreyImages, ImageSet, Progress, values};
use crate::lens::maxima::{for_each, stream_maxima};
use crate::lens::outputs::Outputs;
use crate::lens::strongest::check_filters;

/// Images whose feature maps are computed together.
const CHUNK: usize = 32;

/// A layer of a network and the prepared data set that it is applied to.
pub struct LayerLens<'a> {
    /// The network.
    pub network: Network,
    /// The layer's number, see [`Network::stage_index`].
    pub stage: usize,
    /// The data set.
    pub prepared: &'a Prepared,
    /// How the network's input is normalised; `None` for a network that does it itself.
    pub normalisation: Option<Normalisation>,
    /// Threads, each with libtorch set to one thread; results do not depend on their number.
    pub pool: &'a ThreadPool,
    /// Shows progress, and stops the work.
    pub progress: Progress<'a>,
}

impl LayerLens<'_> {
    /// The network's outputs beside the classes of the data set.
    pub fn outputs(&self) -> Outputs {
        Outputs::of(&self.network, self.prepared.info())
    }

    /// Writes F(x) of all rows to `path` while it is computed, f32 npy `[rows, filters]`: memory does not grow with the data
    /// set.
    ///
    /// # Errors
    /// When the network cannot compute, a write fails or the user cancels.
    pub fn write_activations(&self, path: &Path) -> Result<()> {
        let rows: Vec<usize> = (0..self.prepared.len()).collect();
        let shape = [rows.len(), self.network.filters(self.stage)?];
        let written = self.with_images(None, &rows, &[], |network, stage, images| {
            file::write_with(path, |out| {
                npy::write_streamed(out, &shape, |push| {
                    stream_maxima(network, stage, images, |_, maxima| {
                        Ok(maxima.values.iter().try_for_each(|v| push(*v))?)
                    })
                })
            })
        });
        written.map_err(|error| match error {
            Error::Disk(error) => Error::write(path)(error),
            other => other,
        })
    }

    /// Calls `f` on the pool with the network, the layer's number and these rows of the data set, or of `loose` grey images;
    /// see [`ImageSet::groups`].
    pub(crate) fn with_images<R: Send>(
        &self,
        loose: Option<&[Vec<u8>]>,
        rows: &[usize],
        groups: &[i64],
        f: impl FnOnce(&Network, usize, &ImageSet) -> Result<R> + Send,
    ) -> Result<R> {
        let (network, stage, progress) = (self.network.replica()?, self.stage, self.progress);
        let images = GreyImages {
            prepared: self.prepared,
            loose,
            normalisation: self.normalisation,
        };
        self.pool.install(move || {
            let set = ImageSet {
                source: &images,
                rows,
                groups,
                progress,
            };
            f(&network, stage, &set)
        })
    }
}

impl Lens for LayerLens<'_> {
    fn layer(&self) -> &str {
        self.network.layer(self.stage)
    }

    fn activations(&self, rows: &[usize]) -> Result<Activations, FauError> {
        Ok(self.with_images(None, rows, &[], activations)?)
    }

    fn means(&self, rows: &[usize]) -> Result<Option<Activations>, FauError> {
        Ok(self.with_images(None, rows, &[], means)?)
    }

    fn activations_of(&self, images: &[Vec<u8>]) -> Result<Activations, FauError> {
        let rows: Vec<usize> = (0..images.len()).collect();
        Ok(self.with_images(Some(images), &rows, &[], activations)?)
    }

    fn predictions(&self, rows: &[usize], sets: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, FauError> {
        let outputs = self.outputs();
        let labels = |chosen: Vec<i64>| {
            let label = |output| outputs.label(output as usize);
            chosen.into_iter().map(label).collect()
        };
        let predicted = self.with_images(None, rows, &[], |network, stage, images| {
            let maps = outputs_of(network, stage, images)?;
            let replicas = || maps.iter().map(Halfway::replica).collect::<Vec<_>>();
            let jobs = sets.iter().map(|set| (replicas(), set));
            let device = network.device();
            for_each(network, device, jobs, |network, n, (maps, set)| {
                images.report("Silencing filters", n, sets.len())?;
                predict(network, stage, &maps, set)
            })
        })?;
        Ok(predicted.into_iter().map(labels).collect())
    }

    fn logits(&self, rows: &[usize]) -> Result<Activations, FauError> {
        Ok(self.with_images(None, rows, &[], |network, _, images| {
            let chunks = images.rows.chunks(CHUNK);
            let chunks = chunks.map(|rows| Ok(network.logits(&images.tensor(rows, network)?)?));
            let all = values(&Tensor::f_cat(&chunks.collect::<Result<Vec<_>>>()?, 0)?)?;
            Ok(Activations::new(
                rows.len(),
                all.len() / rows.len().max(1),
                all,
            )?)
        })?)
    }

    fn places(&self, rows: &[usize]) -> Result<Places, FauError> {
        Ok(self.with_images(None, rows, &[], places)?)
    }
}

fn activations(network: &Network, stage: usize, images: &ImageSet) -> Result<Activations> {
    let mut all = Vec::new();
    stream_maxima(network, stage, images, |_, maxima| {
        all.extend_from_slice(&maxima.values);
        Ok(())
    })?;
    let rows = images.rows.len();
    Ok(Activations::new(rows, all.len() / rows.max(1), all)?)
}

/// Mean of each filter's map; `None` for a layer without maps.
fn means(network: &Network, stage: usize, images: &ImageSet) -> Result<Option<Activations>> {
    let chunks = images.rows.chunks(CHUNK);
    let found = for_each(network, network.device(), chunks, |network, n, rows| {
        images.report("Mean activations", n * CHUNK, images.rows.len())?;
        let maps = match network.feature_maps(&images.tensor(rows, network)?, stage) {
            Err(faus_model::Error::NoFeatureMap(_)) => return Ok(None),
            maps => maps?,
        };
        let means = maps.f_mean_dim([2_i64, 3].as_slice(), false, Kind::Float)?;
        Ok(Some(values(&means)?))
    })?;
    let found: Option<Vec<Vec<f32>>> = found.into_iter().collect();
    let rows = images.rows.len();
    let of = |all: Vec<f32>| Activations::new(rows, all.len() / rows.max(1), all);
    Ok(found.map(|all| of(all.concat())).transpose()?)
}

/// Outputs of the layer, after ReLU and pooling.
fn outputs_of(network: &Network, stage: usize, images: &ImageSet) -> Result<Vec<Halfway>> {
    let chunks = images.rows.chunks(CHUNK);
    let chunks = chunks.map(|rows| Ok(network.until(&images.tensor(rows, network)?, stage)?));
    Ok(Halfway::joined(chunks.collect::<Result<Vec<_>>>()?)?)
}

/// The largest outputs with these filters at 0, the output of a rectified unit without a response.
fn predict(
    network: &Network,
    stage: usize,
    maps: &[Halfway],
    silenced: &[usize],
) -> Result<Vec<i64>> {
    check_filters(network, stage, silenced)?;
    let silenced: Vec<i64> = silenced.iter().map(|&filter| filter as i64).collect();
    let silenced = Tensor::f_from_slice(&silenced)?.f_to_device(network.device())?;
    let mut classes = Vec::new();
    for maps in maps {
        let logits = network.logits_without(maps, &silenced)?;
        let chosen = logits.f_argmax(1, false)?.f_to_device(Device::Cpu)?;
        classes.extend(Vec::<i64>::try_from(chosen)?);
    }
    Ok(classes)
}

fn places(network: &Network, stage: usize, images: &ImageSet) -> Result<Places> {
    let no_places = || Error::NoPlaces(network.layer(stage).to_owned());
    let field = network.receptive(stage).ok_or_else(no_places)?;
    let (mut maxima, mut sums) = (vec![], None::<Tensor>);
    for rows in images.rows.chunks(CHUNK) {
        let maps = network.feature_maps(&images.tensor(rows, network)?, stage)?;
        if maps.size()[2] != maps.size()[3] {
            return Err(no_places());
        }
        let (largest, at) = maps.f_flatten(2, 3)?.f_max_dim(2, false)?;
        let found = values(&largest)?.into_iter().zip(values(&at)?);
        maxima.extend(found.map(|(value, at)| (value > 0.0).then_some(at as u32)));
        let sum = maps.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?;
        sums = Some(match sums {
            Some(before) => before.f_add(&sum)?,
            None => sum,
        });
    }
    // [filters, side, side]
    let sums = sums.ok_or(Error::NoImages)?;
    // The middle of a unit's field, not clipped at the border.
    let centre = |unit: i64| {
        let first = (unit * field.stride + field.first) as f64;
        (first + field.size as f64 / 2.0) / images.source.side() as f64
    };
    Ok(Places {
        filters: sums.size()[0] as usize,
        centres: (0..sums.size()[1]).map(centre).collect(),
        maxima,
        sums: values(&sums)?,
    })
}
