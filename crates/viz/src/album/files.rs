//! Files of an atlas and of its sanity checks: pictures, arrays, JSON.

use std::path::Path;

use faus_base::{file, npy};
use image::DynamicImage;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::atlas::Atlas;
use crate::atlas::sanity::Sanity;
use crate::error::Error;
use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::layout::Captions;

/// Sizes of a picture: pixels per point, and suffix of the file name.
const SCALES: [(u32, &str); 2] = [(1, ""), (3, "@3x")];

/// Contents of the files beside the patches.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Text in the pictures.
    pub captions: Captions,
    /// Filters of the figure, in that order.
    pub figure: Vec<usize>,
    /// Whether to store arrays too.
    pub arrays: bool,
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// Further keys of `filters.json`: the images, the choice of filters.
    pub facts: Value,
}

impl Atlas<'_> {
    /// Writes into `dir`:
    /// - `filters.json`: image, subject, place and activation of every patch, and how they were found;
    /// - `figure.png` of `options.figure`, `atlas.png`, `positions.png`, `conv1-weights.png` (the first layer's), each
    ///   also as `NAME@3x.png`; `average-face.png`; `filter-NNN.png`;
    /// - with arrays `projection-NNN.npy` and `input-NNN.npy` (f32 `[patches, field, field]`, zero where the field leaves the
    ///   image) and `positions.npy` (f32 `[filters, rows, columns]`).
    ///
    /// # Errors
    /// When a write fails or the user cancels.
    pub fn write(&self, dir: &Path, options: &WriteOptions) -> Result<(), Error> {
        make_folder(dir)?;
        let captions = &options.captions;
        let places = self.frame.has_places();
        write_both(dir, "figure", |scale| {
            Some(self.figure(&options.figure, captions, scale))
        })?;
        write_both(dir, "atlas", |scale| {
            (self.filters.len() > 1).then(|| self.overview(captions, scale))
        })?;
        write_both(dir, "positions", |scale| {
            places.then(|| self.place_maps(captions, scale))
        })?;
        let kernels = Captions {
            heading: "first layer: its kernels, middle grey is 0".to_owned(),
            ..Captions::default()
        };
        write_both(dir, "conv1-weights", |scale| {
            self.first_weights(&kernels, scale)
        })?;
        let average = DynamicImage::ImageLuma8(self.average_face());
        write_png(&dir.join("average-face.png"), &average)?;
        self.write_filters(dir, options)?;
        if options.arrays && places {
            let positions = self.survey.positions.iter().flatten().map(|v| *v as f32);
            let shape = [self.filters.len(), self.survey.columns, self.survey.columns];
            write_array(&dir.join("positions.npy"), &shape, positions)?;
        }
        // Written last, so that everything it lists exists.
        write_json(&dir.join("filters.json"), &self.listing(options))
    }

    fn write_filters(&self, dir: &Path, options: &WriteOptions) -> Result<(), Error> {
        let count = self.filters.len();
        self.filters
            .par_iter()
            .enumerate()
            .try_for_each(|(n, filter)| {
                self.images.report("Drawing filters", n, count)?;
                let number = filter.filter;
                let sheet = self.sheet(number, &options.captions, 1);
                write_png(&dir.join(format!("filter-{number:03}.png")), &sheet)?;
                if options.arrays {
                    let path = |kind: &str| dir.join(format!("{kind}-{number:03}.npy"));
                    write_patches(&path("projection"), filter, |p| &p.projection)?;
                    write_patches(&path("input"), filter, |p| &p.input)?;
                }
                Ok(())
            })
    }

    fn listing(&self, options: &WriteOptions) -> Value {
        let filter = |f: &FilterPatches| json!({ "filter": f.filter, "patches": patch_rows(f) });
        let filters: Vec<Value> = self.filters.iter().map(filter).collect();
        let head = json!({ "layer": self.layer, "method": self.method.name(), "synthetic": options.synthetic });
        let found = json!({
            "images": self.survey.images, "top": self.top, "field": self.frame.field, "figure": options.figure,
            "order": self.order, "dead": self.survey.dead(), "filters": filters,
        });
        let keys = [&head, &options.facts, &found].map(|part| part.as_object().cloned());
        keys.into_iter().flatten().flatten().collect()
    }
}

impl Sanity {
    /// Writes `sanity.json` and, in both sizes, `sanity.png` into `dir`; `seed` is that of the random networks.
    ///
    /// # Errors
    /// When a write fails.
    pub fn write(
        &self,
        dir: &Path,
        atlas: &Atlas,
        options: &WriteOptions,
        seed: u64,
    ) -> Result<(), Error> {
        make_folder(dir)?;
        write_both(dir, "sanity", |scale| {
            Some(self.picture(atlas, &options.captions, scale))
        })?;
        let text = json!({
            "layer": atlas.layer, "method": atlas.method.name(), "synthetic": options.synthetic, "filters": self.filters,
            "patches": self.patches, "seed": seed, "sentence": self.sentence, "panels": self.panels,
        });
        write_json(&dir.join("sanity.json"), &text)
    }
}

fn patch_rows(filter: &FilterPatches) -> Vec<Value> {
    let row = |(rank, p): (usize, &Patch)| {
        json!({
            "rank": rank, "index": p.unit.index, "subject": p.unit.subject, "row": p.unit.unit.row, "col": p.unit.unit.column,
            "activation": p.unit.activation, "x": p.region.column, "y": p.region.row, "w": p.region.width, "h": p.region.height,
        })
    };
    filter.patches.iter().enumerate().map(row).collect()
}

/// Crops of a filter's patches, placed in the full receptive field.
fn write_patches(
    path: &Path,
    filter: &FilterPatches,
    of: impl Fn(&Patch) -> &[f32],
) -> Result<(), Error> {
    let pixels = filter.field * filter.field;
    let mut all = vec![0f32; filter.patches.len() * pixels];
    for (patch, out) in filter.patches.iter().zip(all.chunks_exact_mut(pixels)) {
        let values = of(patch);
        patch.each_pixel(filter.field, |at, pixel| out[at] = values[pixel]);
    }
    write_array(
        path,
        &[filter.patches.len(), filter.field, filter.field],
        all,
    )
}

pub(crate) fn make_folder(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::write(dir))
}

/// A picture in both sizes, if there is one.
pub(crate) fn write_both(
    dir: &Path,
    name: &str,
    draw: impl Fn(u32) -> Option<DynamicImage> + Sync,
) -> Result<(), Error> {
    SCALES
        .par_iter()
        .try_for_each(|(scale, ending)| match draw(*scale) {
            Some(picture) => write_png(&dir.join(format!("{name}{ending}.png")), &picture),
            None => Ok(()),
        })
}

fn write_png(path: &Path, picture: &DynamicImage) -> Result<(), Error> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(Error::write(path))?;
    file::write(path, bytes.get_ref()).map_err(Error::write(path))
}

pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), Error> {
    file::write(path, format!("{value:#}").as_bytes()).map_err(Error::write(path))
}

pub(crate) fn write_array(
    path: &Path,
    shape: &[usize],
    values: impl IntoIterator<Item = f32>,
) -> Result<(), Error> {
    npy::write(path, shape, values).map_err(Error::write(path))
}
