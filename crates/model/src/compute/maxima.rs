//! F(x): the largest response of every filter, and its place.

use tch::{Device, Kind, Tensor};

use crate::compute::plan::{Convolution, Plan};
use crate::error::Error;
use crate::kernels::{Pooled, values};
use crate::network::{Network, forward};

/// The largest response of every filter in every image, after ReLU, and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Maxima {
    /// Feature maps, or units of a fully connected stage.
    pub filters: usize,
    /// Columns of the feature map; 1 for a fully connected stage.
    pub columns: usize,
    /// `[images, filters]`.
    pub values: Vec<f32>,
    /// `[images, filters]`: row · columns + column of the maximum in the feature map, the first on ties.
    pub positions: Vec<u32>,
}

impl Network {
    /// F(x) of the paper, section 4.2, with its place, for images `[N, 1, side, side]` on the network's device. The
    /// kernels of `plan` find the maximum without storing the map. By Winograd's form, values are off by about 4e-6 of
    /// the largest, so either of two positions this close may be returned.
    ///
    /// # Errors
    /// When the stage does not exist or the images do not fit.
    pub fn maxima(&self, images: &Tensor, stage: usize, plan: &Plan) -> Result<Maxima, Error> {
        if stage >= self.layers().len() {
            return Err(Error::no_feature_map(stage));
        }
        tch::no_grad(|| {
            if stage >= plan.len() {
                return self.torch_maxima(images, stage, plan);
            }
            let before = plan.forward(&images.f_contiguous()?, stage.max(1))?;
            let last = &before[before.len() - 1];
            if stage == 0 {
                return Ok(last.maxima(self.spec().side));
            }
            let Convolution { shape, winograd } = &plan.convolutions[stage - 1];
            // Pooled over the whole map.
            let pooled = winograd.forward(&last.values, shape.side);
            Ok(pooled.maxima(shape.side))
        })
    }

    fn torch_maxima(&self, images: &Tensor, stage: usize, plan: &Plan) -> Result<Maxima, Error> {
        let maps = match self.feature_maps(images, stage) {
            Err(Error::NoFeatureMap(_)) => {
                let units = match self.graph() {
                    Some(graph) => graph.outputs_of(&graph.until(images, stage)?, stage)?,
                    None => forward(&self.stages()[plan.len()..=stage], &plan.features(images)?)?,
                };
                units.f_unsqueeze(-1)?.f_unsqueeze(-1)?
            }
            maps => maps?,
        };
        let (n, filters, columns) = (maps.size()[0], maps.size()[1], maps.size()[3]);
        let flat = maps.f_contiguous()?.f_reshape([n, filters, -1])?;
        let (largest, places) = flat.f_max_dim(2, false)?;
        let largest = largest.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        let places = places.f_to_device(Device::Cpu)?.f_view(-1)?;
        let places: Vec<i64> = Vec::try_from(&places)?;
        Ok(Maxima {
            filters: filters as usize,
            columns: columns as usize,
            values: values(&largest.f_contiguous()?)?.to_vec(),
            positions: places.into_iter().map(|p| p as u32).collect(),
        })
    }
}

impl Pooled {
    /// The largest of all units of each channel, the first on ties, row by row in the map that was pooled.
    fn maxima(&self, map_side: usize) -> Maxima {
        let (units, channels) = (self.side * self.side, self.channels);
        let images = self.values.len() / (units * channels).max(1);
        let mut values = vec![f32::NEG_INFINITY; images * channels];
        let mut positions = vec![0u32; images * channels];
        for pooled in 0..images * units {
            let (image, unit) = (pooled / units, pooled % units);
            let corner = unit / self.side * self.tile * map_side + unit % self.side * self.tile;
            for channel in 0..channels {
                let (at, slot) = (pooled * channels + channel, image * channels + channel);
                let (x, winner) = (self.values[at], self.winners()[at] as usize);
                let place = (corner + winner / self.tile * map_side + winner % self.tile) as u32;
                let (best, first) = (&mut values[slot], &mut positions[slot]);
                if x > *best || x.is_nan() || (x == *best && place < *first) {
                    (*best, *first) = (x, place);
                }
            }
        }
        Maxima {
            filters: channels,
            columns: map_side,
            values,
            positions,
        }
    }
}
