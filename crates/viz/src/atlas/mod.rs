//! The atlas of a layer: the strongest patches of its filters, the places of their responses, and an order by similarity.

pub(crate) mod evidence;
pub(crate) mod order;
pub(crate) mod sanity;
pub(crate) mod similarity;

use faus_model::{Layer, Network};
use image::GrayImage;

use crate::atlas::order::atlas_order;
use crate::error::Result;
use crate::explain::field::{Frame, crop};
use crate::explain::method::Explain;
use crate::explain::patch::{FilterPatches, cut_patches};
use crate::images::{ImageSet, values};
use crate::lens::strongest::{Survey, survey};
use crate::picture::canvas::{centred, largest};

/// The patches of one layer's filters.
pub struct Atlas<'a> {
    /// The layer's name.
    pub layer: String,
    /// The method that explains its units.
    pub method: &'a dyn Explain,
    /// Patches per filter, at most.
    pub top: usize,
    /// The images searched.
    pub images: ImageSet<'a>,
    /// The result of the search.
    pub survey: Survey,
    /// Patches of each requested filter, in that order.
    pub filters: Vec<FilterPatches>,
    /// The filters by similarity, dead ones last.
    pub order: Vec<usize>,
    pub(crate) kernels: Vec<GrayImage>,
    pub(crate) frame: Frame,
}

impl<'a> Atlas<'a> {
    /// Searches the images once and explains the `top` units of each of `filters`. Runs on rayon's current pool.
    ///
    /// # Errors
    /// When there are no images, a filter does not exist, the images do not fit the network, or `top` is 0.
    pub fn gather(
        network: &Network,
        stage: usize,
        method: &'a dyn Explain,
        filters: &[usize],
        top: usize,
        images: &ImageSet<'a>,
    ) -> Result<Self> {
        let survey = survey(network, stage, filters, top, images)?;
        let patches = cut_patches(network, stage, method, &survey.tops, images)?;
        let frame = Frame::new(network, stage, images.source.side());
        Ok(Self {
            layer: network.layer(stage).to_owned(),
            method,
            top,
            images: *images,
            order: atlas_order(&patches, &survey, &frame),
            survey,
            filters: patches,
            kernels: first_kernels(network)?,
            frame,
        })
    }

    /// The patches of a requested filter.
    pub(crate) fn filter(&self, filter: usize) -> Option<&FilterPatches> {
        self.filters.iter().find(|f| f.filter == filter)
    }

    /// Replaces the grey crops by the same pixels of the normalised input, each between its smallest and largest value.
    pub(crate) fn show_normalised(&mut self) {
        let source = self.images.source;
        let patches = self.filters.iter_mut().flat_map(|f| &mut f.patches);
        for patch in patches {
            let input = source.input(patch.unit.index);
            patch.input = crop(&input, source.side(), patch.region);
            let low = patch.input.iter().copied().fold(f32::INFINITY, f32::min);
            let high = patch.input.iter().copied().fold(low, f32::max);
            let range = (high - low).max(f32::MIN_POSITIVE);
            patch.input.iter_mut().for_each(|v| *v = (*v - low) / range);
        }
    }

    /// The alive filters that respond most, at most `count`.
    pub(crate) fn strongest(&self, count: usize) -> Vec<usize> {
        let response = |f: &FilterPatches| Some((f.filter, f.patches.first()?.unit.activation));
        let mut alive: Vec<(usize, f32)> = self.filters.iter().filter_map(response).collect();
        alive.sort_by(|a, b| b.1.total_cmp(&a.1));
        let filters = alive.into_iter().map(|(filter, _)| filter);
        filters.take(count).collect()
    }
}

/// The kernels of the first layer in their order, middle grey for 0, all on one scale; empty if its input is not grey
/// images.
fn first_kernels(network: &Network) -> Result<Vec<GrayImage>> {
    let mut layers = network.stages().iter().flat_map(|s| &s.layers);
    let Some(Layer::Conv { weight, .. }) = layers.next() else {
        return Ok(vec![]);
    };
    let (size, kernels) = (weight.size(), values(weight)?);
    if size[1] != 1 || size[3] < 2 {
        return Ok(vec![]);
    }
    let (side, most) = (size[3] as usize, largest(&kernels));
    let kernels = kernels.chunks_exact(side * side);
    Ok(kernels.map(|kernel| centred(kernel, side, most)).collect())
}
