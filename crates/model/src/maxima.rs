use tch::{Device, Kind, Tensor};

use crate::kernels::{Pooled, values};
use crate::plan::Features;
use crate::{Error, Network, Plan};

/// The largest response of every filter in every image, after ReLU, and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Maxima {
    /// Feature maps, or units of a fully connected stage.
    pub filters: usize,
    /// Columns of the feature map; 1 for a fully connected stage.
    pub columns: usize,
    /// `[images, filters]`.
    pub values: Vec<f32>,
    /// `[images, filters]`: row · columns + column of the maximum in the feature map, the first of equals.
    pub positions: Vec<u32>,
}

impl Network {
    /// F(x) of the paper, section 4.2, with its place, for images `[N, 1, side, side]` on the network's device. `plan` must be
    /// of the weights as they are; its kernels find the maximum without storing the map. By Winograd's form values are off by
    /// some 4e-6 of the largest, so of two positions as close as that either may be named.
    ///
    /// # Errors
    /// When there is no such stage or the images do not fit.
    pub fn maxima(&self, images: &Tensor, stage: usize, plan: &Plan) -> Result<Maxima, Error> {
        if stage >= self.stages().len() {
            return Err(Error::NoFeatureMap(format!("#{stage}")));
        }
        tch::no_grad(|| match plan.stages().get(stage) {
            Some(own) => {
                let grey = images.f_contiguous()?;
                let before = self.planned_features(&grey, stage, plan)?;
                let input = match &before {
                    Some(pooled) => Features::Maps(&pooled.values),
                    None => Features::Grey(values(&grey)?),
                };
                own.maxima(self.conv_weight(stage)?, input)
            }
            None => self.maxima_by_libtorch(images, stage, plan),
        })
    }

    /// What the first `count` stages of the plan make of the images; nothing if that is none.
    fn planned_features(
        &self,
        grey: &Tensor,
        count: usize,
        plan: &Plan,
    ) -> Result<Option<Pooled>, Error> {
        let mut pooled: Option<Pooled> = None;
        for (index, stage) in plan.stages().iter().enumerate().take(count) {
            let input = match &pooled {
                Some(pooled) => Features::Maps(&pooled.values),
                None => Features::Grey(values(grey)?),
            };
            pooled = Some(stage.forward(self.conv_weight(index)?, input)?);
        }
        Ok(pooled)
    }

    fn maxima_by_libtorch(
        &self,
        images: &Tensor,
        stage: usize,
        plan: &Plan,
    ) -> Result<Maxima, Error> {
        let maps = match self.feature_maps(images, stage) {
            Err(Error::NoFeatureMap(_)) => {
                let planned = plan.stages().len();
                let grey = images.f_contiguous()?;
                let features = match self.planned_features(&grey, planned, plan)? {
                    Some(pooled) => pooled.as_nchw(images.size()[0])?,
                    None => grey,
                };
                let rest = &self.stages()[planned..=stage];
                let units = rest.iter().try_fold(features, |x, s| s.forward(&x))?;
                units.f_unsqueeze(-1)?.f_unsqueeze(-1)?
            }
            maps => maps?,
        };
        let (n, filters, columns) = (maps.size()[0], maps.size()[1], maps.size()[3]);
        let flat = maps.f_contiguous()?.f_reshape([n, filters, -1])?;
        let (largest, places) = flat.f_max_dim(2, false)?;
        let count = (n * filters) as usize;
        let (mut values, mut positions) = (vec![0f32; count], vec![0i64; count]);
        largest
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_copy_data(&mut values, count)?;
        places
            .f_to_device(Device::Cpu)?
            .f_copy_data(&mut positions, count)?;
        Ok(Maxima {
            filters: filters as usize,
            columns: columns as usize,
            values,
            positions: positions.into_iter().map(|p| p as u32).collect(),
        })
    }
}

impl Pooled {
    /// The largest of all units of each channel, the first of equals row by row in the map that was pooled.
    pub(crate) fn maxima(&self, map_side: usize) -> Maxima {
        let (units, channels) = (self.side * self.side, self.channels);
        let images = self.values.len() / (units * channels).max(1);
        let mut values = vec![f32::NEG_INFINITY; images * channels];
        let mut positions = vec![0u32; images * channels];
        for image in 0..images {
            let range = image * channels..(image + 1) * channels;
            let (best, places) = (&mut values[range.clone()], &mut positions[range]);
            for unit in 0..units {
                let start = (image * units + unit) * channels;
                let corner = unit / self.side * self.tile * map_side + unit % self.side * self.tile;
                let candidates = self.values[start..start + channels].iter();
                let winners = &self.winners()[start..start + channels];
                for (((best, place), &x), &winner) in best
                    .iter_mut()
                    .zip(places.iter_mut())
                    .zip(candidates)
                    .zip(winners)
                {
                    let winner = winner as usize;
                    let at = (corner + winner / self.tile * map_side + winner % self.tile) as u32;
                    if x > *best || x.is_nan() || (x == *best && at < *place) {
                        (*best, *place) = (x, at);
                    }
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
