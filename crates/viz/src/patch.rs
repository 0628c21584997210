use faus_model::{FieldNet, FieldTrace, Network, Region, receptive_field};
use tch::{Device, Kind};

use crate::images::{as_images, for_each};
use crate::occlusion::{Windows, occlude};
use crate::{Error, FilterTop, ImageSet, Method, TopUnit, UnitRef, project};

/// Whole images carried back together.
const BATCH: usize = 16;

/// The receptive field of one unit: what the face shows there, and what of it excites the filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The unit and its image.
    pub unit: TopUnit,
    /// Left edge of the crop in the image, in pixels.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width; smaller than the receptive field at the image's border.
    pub w: usize,
    /// Height.
    pub h: usize,
    /// Where the crop begins in the full receptive field (column, row): 0 but at the left and upper border.
    pub inset: (usize, usize),
    /// Grey pixels of the crop / 255, `[h, w]` in [0, 1].
    pub input: Vec<f32>,
    /// The projection's values there, `[h, w]`, any range.
    pub projection: Vec<f32>,
}

/// All patches of one filter, by falling activation.
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
    /// The mean of the patches' projections, each scaled to a largest absolute value of 1, `[field, field]`: what they have
    /// in common. All zero without patches.
    pub fn mean_projection(&self) -> Vec<f64> {
        self.mean(|patch, sums| {
            let largest = patch.projection.iter().fold(0f32, |m, v| m.max(v.abs()));
            if largest > 0.0 {
                let scaled = |v: &f32| f64::from(v / largest);
                patch.each_pixel(self.field, |at, pixel| {
                    sums[at] += scaled(&patch.projection[pixel]);
                });
            }
        })
    }

    fn mean(&self, mut add: impl FnMut(&Patch, &mut [f64])) -> Vec<f64> {
        let mut sums = vec![0.0; self.field * self.field];
        for patch in &self.patches {
            add(patch, &mut sums);
        }
        let count = self.patches.len().max(1) as f64;
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    }
}

impl Patch {
    /// Calls `f` with each pixel's place in the full receptive field `[field, field]` and in the crop `[h, w]`.
    pub(crate) fn each_pixel(&self, field: usize, mut f: impl FnMut(usize, usize)) {
        for row in 0..self.h {
            for column in 0..self.w {
                let at = (row + self.inset.1) * field + column + self.inset.0;
                f(at, row * self.w + column);
            }
        }
    }
}

/// Explains the units of `tops` by pixels and cuts their receptive fields out. Runs on rayon's current pool.
///
/// Units of a convolution are computed in their receptive field alone, each image read once for all units that it holds;
/// fully connected ones on whole images.
///
/// # Errors
/// When the images do not fit the network.
pub fn cut_patches(
    network: &Network,
    stage: usize,
    method: Method,
    tops: &[FilterTop],
    images: &ImageSet,
) -> Result<Vec<FilterPatches>, Error> {
    let units: Vec<TopUnit> = tops.iter().flat_map(|t| t.units.iter().copied()).collect();
    let explainer = Explainer::new(network, stage, method)?;
    let frame = Frame::new(network, stage, images.side);
    let maps = explainer.maps(&units, images)?;
    let patches = units.iter().zip(maps);
    let mut patches = patches.map(|(unit, map)| frame.cut(*unit, map, images));
    Ok(tops
        .iter()
        .map(|top| FilterPatches {
            filter: top.filter,
            field: frame.field,
            patches: patches.by_ref().take(top.units.len()).collect(),
        })
        .collect())
}

/// Where units of a stage lie on the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    receptive: Option<faus_model::Receptive>,
    side: usize,
    /// Side of the full receptive field.
    pub field: usize,
}

impl Frame {
    pub fn new(network: &Network, stage: usize, side: usize) -> Self {
        let receptive = receptive_field(network.stages(), stage);
        let field = receptive.map_or(side, |f| f.size as usize);
        Self {
            receptive,
            side,
            field,
        }
    }

    /// The pixels a unit sees, clipped to the image, and where they begin in the full field (column, row).
    pub fn place(&self, unit: UnitRef) -> (Region, (usize, usize)) {
        let span = |at: usize| match self.receptive {
            Some(field) => {
                let (first, end) = field.span(at as i64, self.side as i64);
                let inset = first - (at as i64 * field.stride + field.first);
                (first as usize, (end - first) as usize, inset as usize)
            }
            None => (0, self.side, 0),
        };
        let (row, height, inset_y) = span(unit.row);
        let (column, width, inset_x) = span(unit.column);
        let region = Region {
            row,
            column,
            height,
            width,
        };
        (region, (inset_x, inset_y))
    }

    /// Centre of a unit's field in pixels, which may lie outside the image (column, row).
    pub fn centre(&self, row: usize, column: usize) -> (f64, f64) {
        let at = |unit: usize| match self.receptive {
            Some(f) => (unit as i64 * f.stride + f.first) as f64 + (f.size - 1) as f64 / 2.0,
            None => (self.side as f64 - 1.0) / 2.0,
        };
        (at(column), at(row))
    }

    /// Pixels from one unit to the next.
    pub fn stride(&self) -> f64 {
        self.receptive.map_or(self.side as f64, |f| f.stride as f64)
    }

    /// Grey pixels of a region / 255.
    pub fn grey(&self, region: Region, image: &[u8]) -> Vec<f32> {
        let rows = region.row..region.row + region.height;
        rows.flat_map(|row| &image[row * self.side + region.column..][..region.width])
            .map(|&v| f32::from(v) / 255.0)
            .collect()
    }

    fn cut(&self, unit: TopUnit, projection: Vec<f32>, images: &ImageSet) -> Patch {
        let (region, inset) = self.place(unit.unit);
        Patch {
            unit,
            x: region.column,
            y: region.row,
            w: region.width,
            h: region.height,
            inset,
            input: self.grey(region, (images.grey)(unit.index)),
            projection,
        }
    }
}

/// Makes the maps of single units, each over the pixels that its unit sees.
pub(crate) struct Explainer {
    network: Network,
    stage: usize,
    method: Method,
    field: Option<FieldNet>,
    frame: Frame,
    /// Zeros around the images that are no part of them: see [`Network::under_shift`].
    margin: usize,
    /// Added to the images, margin included.
    shift: f32,
}

impl Explainer {
    pub fn new(network: &Network, stage: usize, method: Method) -> Result<Self, Error> {
        Ok(Self {
            network: network.replica()?,
            stage,
            method,
            field: FieldNet::new(network, stage)?,
            frame: Frame::new(network, stage, network.spec().side),
            margin: 0,
            shift: 0.0,
        })
    }

    /// The same for the network that takes `shift` back out of its input; `None` where there is no such network.
    pub fn shifted(
        network: &Network,
        stage: usize,
        method: Method,
        shift: f64,
    ) -> Result<Option<Self>, Error> {
        let Some((network, margin)) = network.under_shift(shift)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            margin,
            shift: shift as f32,
            ..Self::new(&network, stage, method)?
        }))
    }

    /// The map of each unit, `[h, w]` of the pixels it sees, in the order of the units. Runs on rayon's current pool.
    pub fn maps(&self, units: &[TopUnit], images: &ImageSet) -> Result<Vec<Vec<f32>>, Error> {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|&at| units[at].index);
        let jobs: Vec<&[usize]> = match self.field {
            Some(_) => order
                .chunk_by(|&a, &b| units[a].index == units[b].index)
                .collect(),
            None => order.chunks(BATCH).collect(),
        };
        let jobs = jobs
            .into_iter()
            .map(|job| Ok((self.network.replica()?, job)))
            .collect::<Result<Vec<_>, Error>>()?;
        // A FieldNet holds no tensor, so threads may share it, and computes on the CPU; the network is each job's own.
        let (field, rest) = (&self.field, self.parts());
        let device = match field {
            Some(_) => Device::Cpu,
            None => self.network.device(),
        };
        let found = for_each(device, jobs, |(network, job)| {
            images.go_on()?;
            let units: Vec<TopUnit> = job.iter().map(|&at| units[at]).collect();
            match field {
                Some(field) => rest.by_field(field, &units, images),
                None => rest.by_image(&network, &units, images),
            }
        });
        let mut maps = vec![vec![]; units.len()];
        let mut places = order.iter();
        for job in found {
            for (map, &at) in job?.into_iter().zip(places.by_ref()) {
                maps[at] = map;
            }
        }
        Ok(maps)
    }

    fn parts(&self) -> Parts {
        Parts {
            stage: self.stage,
            method: self.method,
            frame: self.frame,
            margin: self.margin,
            shift: self.shift,
        }
    }
}

/// What of an [`Explainer`] all threads share.
#[derive(Clone, Copy)]
struct Parts {
    stage: usize,
    method: Method,
    frame: Frame,
    margin: usize,
    shift: f32,
}

impl Parts {
    /// Units of one image.
    fn by_field(
        self,
        field: &FieldNet,
        units: &[TopUnit],
        images: &ImageSet,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let Some(first) = units.first() else {
            return Ok(vec![]);
        };
        let image = self.framed(&images.values(&[first.index])?, images.side);
        let map = |top: &TopUnit| {
            let unit = top.unit;
            let (region, values) = match self.method {
                Method::Occlusion => self.occlusion_of_unit(field, unit, &image)?,
                method => {
                    let trace = field.trace(&image, Region::unit(unit.row, unit.column))?;
                    back(&trace, unit, method).ok_or_else(|| self.no_unit(unit))?
                }
            };
            Ok(self.without_margin(region, &values, images.side))
        };
        units.iter().map(map).collect()
    }

    /// Fully connected units, of whole images.
    fn by_image(
        self,
        network: &Network,
        units: &[TopUnit],
        images: &ImageSet,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let side = images.side + 2 * self.margin;
        let rows: Vec<usize> = units.iter().map(|u| u.index).collect();
        let flat = images.values(&rows)?;
        let framed: Vec<f32> = flat
            .chunks_exact(images.side * images.side)
            .flat_map(|image| self.framed(image, images.side))
            .collect();
        let refs: Vec<UnitRef> = units.iter().map(|u| u.unit).collect();
        let values = if self.method == Method::Occlusion {
            let windows = Windows::of_field(side);
            let each = framed.chunks_exact(side * side).zip(&refs);
            let maps = each.map(|(image, unit)| {
                occlude(image, side, Region::whole(side), windows, |covered| {
                    let maxima = network.maxima(
                        &as_images(covered, side, network)?,
                        self.stage,
                        &network.plan(faus_model::GradientMethod::fastest(network.device()))?,
                    )?;
                    let of_unit = maxima.values.chunks_exact(maxima.filters);
                    Ok(of_unit.map(|values| values[unit.filter]).collect())
                })
            });
            maps.collect::<Result<Vec<_>, Error>>()?.concat()
        } else {
            let input = as_images(&framed, side, network)?;
            let projected = project(network, self.stage, self.method, &input, &refs)?
                .f_to_device(Device::Cpu)?
                .f_to_kind(Kind::Float)?
                .f_contiguous()?;
            let mut values = vec![0f32; projected.numel()];
            projected.f_copy_data(&mut values, projected.numel())?;
            values
        };
        let maps = values.chunks_exact(side * side);
        Ok(maps
            .map(|map| self.without_margin(Region::whole(side), map, images.side))
            .collect())
    }

    /// The image with its margin, shifted.
    fn framed(self, image: &[f32], side: usize) -> Vec<f32> {
        let framed_side = side + 2 * self.margin;
        let mut framed = vec![self.shift; framed_side * framed_side];
        for (row, values) in image.chunks_exact(side).enumerate() {
            let start = (row + self.margin) * framed_side + self.margin;
            for (out, value) in framed[start..start + side].iter_mut().zip(values) {
                *out = value + self.shift;
            }
        }
        framed
    }

    /// The part of a map that lies on the image, `[h, w]`.
    fn without_margin(self, region: Region, values: &[f32], side: usize) -> Vec<f32> {
        let on_image = |at: usize| at >= self.margin && at < self.margin + side;
        let rows = values.chunks_exact(region.width.max(1)).enumerate();
        rows.filter(|(row, _)| on_image(region.row + row))
            .flat_map(|(_, values)| {
                let columns = values.iter().enumerate();
                columns.filter(|(column, _)| on_image(region.column + column))
            })
            .map(|(_, value)| *value)
            .collect()
    }

    fn occlusion_of_unit(
        self,
        field: &FieldNet,
        unit: UnitRef,
        image: &[f32],
    ) -> Result<(Region, Vec<f32>), Error> {
        let units = Region::unit(unit.row, unit.column);
        let region = field.receptive(units);
        let side = field.image_side();
        let windows = Windows::of_field(self.frame.field);
        let values = occlude(image, side, region, windows, |covered| {
            let response = |image| {
                let trace = field.trace(image, units)?;
                trace
                    .response(unit.filter, unit.row, unit.column)
                    .ok_or_else(|| self.no_unit(unit))
            };
            covered.chunks_exact(side * side).map(response).collect()
        })?;
        Ok((region, values))
    }

    fn no_unit(self, unit: UnitRef) -> Error {
        let UnitRef {
            filter,
            row,
            column,
        } = unit;
        Error::NoUnit {
            layer: format!("#{}", self.stage),
            filter,
            row,
            column,
        }
    }
}

/// Carries a traced unit back: the pixels and their values.
pub(crate) fn back(
    trace: &FieldTrace,
    unit: UnitRef,
    method: Method,
) -> Option<(Region, Vec<f32>)> {
    let at = (unit.filter, unit.row, unit.column);
    // A closure for each method, so that the choice is not made at every value.
    let map = match method {
        Method::Deconvnet => trace.project(at, |b, f| Method::Deconvnet.passes(b, f)),
        Method::Guided => trace.project(at, |b, f| Method::Guided.passes(b, f)),
        Method::Gradient | Method::Occlusion => {
            trace.project(at, |b, f| Method::Gradient.passes(b, f))
        }
    }?;
    Some((map.region, map.values))
}
