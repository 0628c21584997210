use std::collections::BTreeMap;

use faus_model::Network;

use crate::patch::Frame;
use crate::seriation::{AtlasFrame, atlas_order};
use crate::{Error, FilterPatches, ImageSet, Method, Survey, cut_patches, survey};

/// What excites the filters of one layer: their patches, where they respond, and the order in which they are shown.
pub struct Atlas<'a, 'set> {
    /// The layer's name.
    pub layer: String,
    /// How its units are explained.
    pub method: Method,
    /// Patches asked for of each filter.
    pub top: usize,
    /// The images that were looked through.
    pub images: &'a ImageSet<'set>,
    /// What the pass over the images found.
    pub survey: Survey,
    /// Of each filter asked for, in that order.
    pub filters: Vec<FilterPatches>,
    /// The filters by likeness, dead ones last.
    pub order: Vec<usize>,
    /// The first layer's kernels on grey images, `[filters, k, k]`, with k; empty where it is no such layer.
    pub(crate) kernels: (Vec<f32>, usize),
    pub(crate) frame: Frame,
    /// Whether units have a place on the face.
    pub(crate) has_places: bool,
}

/// What is written into the pictures beside the patches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captions {
    /// The line above: what the picture shows, of which images, and whether they are synthetic.
    pub heading: String,
    /// A word for some of the filters, such as the action unit that it corresponds to.
    pub labels: BTreeMap<usize, String>,
}

impl<'a, 'set> Atlas<'a, 'set> {
    /// Looks through the images once and explains the `top` units of each of `filters`. Runs on rayon's current pool.
    ///
    /// # Errors
    /// When there are no images, no such filter, the images do not fit the network, or `top` is 0.
    pub fn gather(
        network: &Network,
        stage: usize,
        method: Method,
        filters: &[usize],
        top: usize,
        images: &'a ImageSet<'set>,
    ) -> Result<Self, Error> {
        let survey = survey(network, stage, filters, top, images)?;
        let patches = cut_patches(network, stage, method, &survey.tops, images)?;
        let frame = Frame::new(network, stage, images.side);
        let order = atlas_order(&patches, &survey, &AtlasFrame::new(&frame));
        Ok(Self {
            layer: network.stages()[stage].name.clone(),
            method,
            top,
            images,
            survey,
            filters: patches,
            order,
            kernels: first_kernels(network)?,
            frame,
            has_places: faus_model::receptive_field(network.stages(), stage).is_some(),
        })
    }

    /// The patches of a filter that was asked for.
    pub fn filter(&self, filter: usize) -> Option<&FilterPatches> {
        self.filters.iter().find(|f| f.filter == filter)
    }

    /// Where a filter responds; see [`Survey::positions`].
    pub fn positions(&self, filter: usize) -> Option<&[f64]> {
        let at = self.filters.iter().position(|f| f.filter == filter)?;
        self.survey.positions.get(at).map(Vec::as_slice)
    }

    /// The alive filters that respond most, at most `count`.
    pub fn strongest(&self, count: usize) -> Vec<usize> {
        let response = |f: &FilterPatches| f.patches.first().map(|p| p.unit.activation);
        let mut alive: Vec<(usize, f32)> = self
            .filters
            .iter()
            .filter_map(|f| Some((f.filter, response(f)?)))
            .collect();
        alive.sort_by(|a, b| b.1.total_cmp(&a.1));
        alive
            .into_iter()
            .take(count)
            .map(|(filter, _)| filter)
            .collect()
    }
}

fn first_kernels(network: &Network) -> Result<(Vec<f32>, usize), Error> {
    let first = network.stages().first().and_then(|s| s.layers.first());
    let Some(faus_model::Layer::Conv { weight, .. }) = first else {
        return Ok((vec![], 0));
    };
    let size = weight.size();
    if size[1] != 1 || size[3] < 2 {
        return Ok((vec![], 0));
    }
    let flat = weight.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut values = vec![0f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok((values, size[3] as usize))
}
