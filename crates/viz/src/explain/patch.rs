//! Patches: the receptive fields of the strongest units, cut out of the images and explained.

use faus_model::{FieldNet, Network, Region};
use tch::Device;

use crate::error::{Error, Result};
use crate::explain::field::{Frame, crop};
use crate::explain::method::{Explain, ExplainField, UnitRef};
use crate::images::{ImageSet, Images, as_images, values};
use crate::lens::maxima::for_each;
use crate::lens::strongest::{FilterTop, TopUnit};

/// Whole images explained together.
const BATCH: usize = 16;

/// The receptive field of one unit: the face there, and its explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The unit and its image.
    pub unit: TopUnit,
    /// The crop in the image, in pixels; smaller than the receptive field at the image's border.
    pub region: Region,
    /// First pixel of the crop in the full receptive field (column, row): 0 except at the left and upper border.
    pub inset: (usize, usize),
    /// The crop's picture, `[h, w]` in [0, 1]: grey pixels / 255, unless the album shows the normalised input.
    pub input: Vec<f32>,
    /// The explanation of the same pixels, `[h, w]`, any range.
    pub projection: Vec<f32>,
}

/// All patches of one filter, by descending activation.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterPatches {
    /// The filter.
    pub filter: usize,
    /// Side of the full receptive field, in pixels; the image's side for fully connected layers.
    pub field: usize,
    /// Its patches.
    pub patches: Vec<Patch>,
}

impl FilterPatches {
    /// The mean of the patches' projections, each scaled to a largest absolute value of 1, `[field, field]`. All zero without
    /// patches.
    pub fn mean_projection(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.field * self.field];
        for patch in &self.patches {
            let largest = patch.projection.iter().fold(0f32, |m, v| m.max(v.abs()));
            if largest > 0.0 {
                let whole = patch.in_field(self.field, &patch.projection);
                let share = |v: f32| f64::from(v / largest);
                mean.iter_mut()
                    .zip(whole)
                    .for_each(|(sum, v)| *sum += share(v));
            }
        }
        let count = self.patches.len().max(1) as f64;
        mean.iter_mut().for_each(|sum| *sum /= count);
        mean
    }
}

impl Patch {
    /// Values of the crop `[h, w]` in the full receptive field `[field, field]`, zero elsewhere.
    pub(crate) fn in_field(&self, field: usize, crop: &[f32]) -> Vec<f32> {
        let mut whole = vec![0.0; field * field];
        for (row, values) in crop.chunks_exact(self.region.width).enumerate() {
            let start = (row + self.inset.1) * field + self.inset.0;
            whole[start..start + values.len()].copy_from_slice(values);
        }
        whole
    }
}

/// Explains the units of `tops` and cuts out their receptive fields. Runs on rayon's current pool.
///
/// Where the method allows it, a convolution's units are computed in their receptive field alone; otherwise on whole images.
///
/// # Errors
/// When the images do not fit the network, or the method fails.
pub fn cut_patches(
    network: &Network,
    stage: usize,
    method: &dyn Explain,
    tops: &[FilterTop],
    images: &ImageSet,
) -> Result<Vec<FilterPatches>> {
    let units: Vec<TopUnit> = tops.iter().flat_map(|t| t.units.iter().copied()).collect();
    let frame = Frame::new(network, stage, images.source.side());
    let maps = Explainer::new(network, stage, method)?.maps(network, &units, images)?;
    let mut patches = units.iter().zip(maps).map(|(unit, projection)| {
        let (region, inset) = frame.place(unit.unit);
        let grey = crop(images.source.grey(unit.index), images.source.side(), region);
        Patch {
            unit: *unit,
            region,
            inset,
            input: grey.into_iter().map(|v| f32::from(v) / 255.0).collect(),
            projection,
        }
    });
    let filters = tops.iter().map(|top| FilterPatches {
        filter: top.filter,
        field: frame.field(),
        patches: patches.by_ref().take(top.units.len()).collect(),
    });
    Ok(filters.collect())
}

/// Maps of units, each `[h, w]`.
pub(crate) type Maps = Vec<Vec<f32>>;

/// Computes the maps of single units, each over the pixels of its receptive field.
pub(crate) struct Explainer<'m> {
    stage: usize,
    method: &'m dyn Explain,
    /// The faster method, for units of a convolution.
    field: Option<(FieldNet, &'m dyn ExplainField)>,
    frame: Frame,
    /// Margin around the images, in pixels: see [`Network::under_shift`].
    margin: usize,
    /// Added to the images, margin included.
    shift: f32,
}

impl<'m> Explainer<'m> {
    pub fn new(network: &Network, stage: usize, method: &'m dyn Explain) -> Result<Self> {
        let way = method.within_field().map(|way| {
            let net = FieldNet::new(network, stage)?;
            Ok::<_, Error>(net.map(|net| (net, way)))
        });
        Ok(Self {
            stage,
            method,
            field: way.transpose()?.flatten(),
            frame: Frame::new(network, stage, network.spec().side),
            margin: 0,
            shift: 0.0,
        })
    }

    /// The maps of the network that cancels `shift` in its input; `None` if there is no such network.
    pub fn shifted_maps(
        mut self,
        network: &Network,
        shift: f64,
        units: &[TopUnit],
        images: &ImageSet,
    ) -> Result<Option<Maps>> {
        let Some((network, margin)) = network.under_shift(shift)? else {
            return Ok(None);
        };
        self.field = Self::new(&network, self.stage, self.method)?.field;
        (self.margin, self.shift) = (margin, shift as f32);
        self.maps(&network, units, images).map(Some)
    }

    /// The map of each unit, `[h, w]` of its receptive field, in the order of the units. Runs on rayon's current pool.
    pub fn maps(&self, network: &Network, units: &[TopUnit], images: &ImageSet) -> Result<Maps> {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|&at| units[at].index);
        let same_image = |a: &usize, b: &usize| units[*a].index == units[*b].index;
        let (device, jobs): (Device, Vec<&[usize]>) = match self.field {
            Some(_) => (Device::Cpu, order.chunk_by(same_image).collect()),
            None => (network.device(), order.chunks(BATCH).collect()),
        };
        let count = jobs.len();
        let found = for_each(network, device, jobs, |network, n, job| {
            images.report("Explaining units", n, count)?;
            let framed = |at: &usize| self.framed(images.source, units[*at].index);
            let refs: Vec<UnitRef> = job.iter().map(|&at| units[at].unit).collect();
            let Some((net, method)) = &self.field else {
                let inputs: Vec<f32> = job.iter().flat_map(framed).collect();
                return self.by_image(network, &refs, &inputs);
            };
            let image = framed(&job[0]);
            let map = |unit: UnitRef| {
                let map = method.field(net, self.frame.field(), &image, unit)?;
                Ok(self.cut(unit, map.region, &map.values))
            };
            refs.into_iter().map(map).collect()
        })?;
        let mut maps = vec![vec![]; units.len()];
        for (map, &at) in found.into_iter().flatten().zip(&order) {
            maps[at] = map;
        }
        Ok(maps)
    }

    /// Units of whole images, `inputs` one after the other.
    fn by_image(&self, network: &Network, units: &[UnitRef], inputs: &[f32]) -> Result<Maps> {
        let side = network.spec().side;
        let input = as_images(inputs, side, network)?;
        let maps = values(&self.method.explain(network, self.stage, &input, units)?)?;
        if maps.len() != inputs.len() {
            let what = format!("values of method `{}`", self.method.name());
            return Err(Error::Count(what, maps.len(), inputs.len()));
        }
        let maps = units.iter().zip(maps.chunks_exact(side * side));
        let cut = |(unit, map): (&UnitRef, &[f32])| self.cut(*unit, Region::whole(side), map);
        Ok(maps.map(cut).collect())
    }

    /// The network's input for a row with its margin, shifted.
    fn framed(&self, images: &dyn Images, row: usize) -> Vec<f32> {
        let (side, framed_side) = (images.side(), images.side() + 2 * self.margin);
        let mut framed = vec![self.shift; framed_side * framed_side];
        for (row, values) in images.input(row).chunks_exact(side).enumerate() {
            let start = (row + self.margin) * framed_side + self.margin;
            for (out, value) in framed[start..].iter_mut().zip(values) {
                *out += value;
            }
        }
        framed
    }

    /// Cuts the unit's receptive field on the image out of a map of the pixels `region`, `[h, w]`.
    fn cut(&self, unit: UnitRef, region: Region, map: &[f32]) -> Vec<f32> {
        let mut own = self.frame.place(unit).0;
        own.row = own.row + self.margin - region.row;
        own.column = own.column + self.margin - region.column;
        crop(map, region.width, own)
    }
}
