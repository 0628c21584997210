//! Files of an atlas and of its sanity checks: pictures, arrays, JSON.

use std::path::Path;

use faus_base::{file, npy};
use image::{DynamicImage, ImageFormat};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::atlas::Atlas;
use crate::atlas::sanity::Sanity;
use crate::error::{Error, Result};
use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::canvas::Captions;

/// Contents of the files beside the patches.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Text in the pictures.
    pub captions: Captions,
    /// Filters of the figure, in that order.
    pub figure: Vec<usize>,
    /// Filters of the front page, each with its label.
    pub front: Vec<(String, usize)>,
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
    /// - `frontpage.png` of `options.front`, `figure.png` of `options.figure`, `atlas.png`, `positions.png`, `conv1-weights.png` (the first layer's), each
    ///   also as `NAME@3x.png`; `average-face.png`; `filter-NNN.png`;
    /// - with arrays `projection-NNN.npy` and `input-NNN.npy` (f32 `[patches, field, field]`, zero where the field leaves the
    ///   image) and `positions.npy` (f32 `[filters, rows, columns]`).
    ///
    /// # Errors
    /// When a write fails or the user cancels.
    pub fn write(&self, dir: &Path, options: &WriteOptions) -> Result<()> {
        let (captions, places) = (&options.captions, self.frame.has_places);
        write_pictures(dir, "figure", &self.figure(&options.figure, captions))?;
        if !options.front.is_empty() {
            let front = self.frontpage(&options.front, &captions.heading);
            write_pictures(dir, "frontpage", &front)?;
        }
        if self.filters.len() > 1 {
            write_pictures(dir, "atlas", &self.overview(&captions.heading))?;
        }
        if places {
            write_pictures(dir, "positions", &self.place_maps(&captions.heading))?;
        }
        write_pictures(dir, "conv1-weights", &self.first_weights())?;
        write_pictures(dir, "average-face", &[self.average_face().into()])?;
        let (filters, count) = (self.filters.par_iter().enumerate(), self.filters.len());
        filters.try_for_each(|(n, filter)| {
            self.images.report("Drawing filters", n, count)?;
            let name = format!("filter-{:03}", filter.filter);
            write_pictures(dir, &name, &self.sheet(filter, captions))?;
            if options.arrays {
                filter.write(dir, "projection", |p| &p.projection)?;
                filter.write(dir, "input", |p| &p.input)?;
            }
            Ok::<(), Error>(())
        })?;
        if options.arrays && places {
            let path = dir.join("positions.npy");
            let positions = self.survey.positions.iter().flatten().map(|v| *v as f32);
            let shape = [self.filters.len(), self.survey.columns, self.survey.columns];
            npy::write(&path, &shape, positions).map_err(Error::write(&path))?;
        }
        // Written last, so that everything it lists exists.
        write_json(&dir.join("filters.json"), &self.listing(options))
    }

    fn listing(&self, options: &WriteOptions) -> Value {
        let name = |filter: &usize| {
            options
                .captions
                .labels
                .get(filter)
                .map(|label| label.replace('\n', ", "))
        };
        let filter = |f: &FilterPatches| json!({ "filter": f.filter, "name": name(&f.filter), "patches": f.rows() });
        let filters: Vec<Value> = self.filters.iter().map(filter).collect();
        let head = json!({ "layer": self.layer, "method": self.method.name(), "synthetic": options.synthetic });
        let found = json!({
            "images": self.survey.images, "top": self.top, "field": self.frame.field(), "figure": options.figure,
            "order": self.order, "dead": self.survey.dead(), "filters": filters,
        });
        let keys = [&head, &options.facts, &found].map(|part| part.as_object().cloned());
        keys.into_iter().flatten().flatten().collect()
    }
}

impl Sanity {
    /// Writes `sanity.json` and, in both sizes, `sanity.png` into `dir`.
    ///
    /// # Errors
    /// When a write fails.
    pub fn write(&self, dir: &Path, atlas: &Atlas, options: &WriteOptions) -> Result<()> {
        write_pictures(
            dir,
            "sanity",
            &self.picture(atlas, &options.captions.heading),
        )?;
        let text = json!({
            "layer": atlas.layer, "method": atlas.method.name(), "synthetic": options.synthetic, "filters": self.filters,
            "patches": self.patches, "seed": self.seed, "sentence": self.sentence, "panels": self.panels,
        });
        write_json(&dir.join("sanity.json"), &text)
    }
}

impl FilterPatches {
    fn rows(&self) -> Vec<Value> {
        let row = |(rank, p): (usize, &Patch)| {
            json!({
                "rank": rank, "index": p.unit.index, "subject": p.unit.subject, "row": p.unit.unit.row,
                "col": p.unit.unit.column, "activation": p.unit.activation, "x": p.region.column, "y": p.region.row,
                "w": p.region.width, "h": p.region.height,
            })
        };
        self.patches.iter().enumerate().map(row).collect()
    }

    /// Writes crops of the patches, placed in the full receptive field.
    fn write(&self, dir: &Path, kind: &str, of: fn(&Patch) -> &[f32]) -> Result<()> {
        let path = dir.join(format!("{kind}-{:03}.npy", self.filter));
        let shape = [self.patches.len(), self.field, self.field];
        let crops = self.patches.iter();
        let all = crops.flat_map(|patch| patch.in_field(self.field, of(patch)));
        npy::write(&path, &shape, all).map_err(Error::write(&path))
    }
}

/// A picture at the scales of [`SCALES`](crate::picture::canvas::SCALES), or at the first alone, in a folder that is created
/// where it is missing.
pub(crate) fn write_pictures(dir: &Path, name: &str, pictures: &[DynamicImage]) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
    pictures
        .par_iter()
        .zip(["", "@3x"])
        .try_for_each(|(picture, ending)| {
            let path = dir.join(format!("{name}{ending}.png"));
            let mut bytes = std::io::Cursor::new(Vec::new());
            let encoded = picture.write_to(&mut bytes, ImageFormat::Png);
            encoded.map_err(Error::write(&path))?;
            file::write(&path, bytes.get_ref()).map_err(Error::write(&path))
        })
}

pub(crate) fn write_json(path: &Path, value: &Value) -> Result<()> {
    file::write(path, format!("{value:#}").as_bytes()).map_err(Error::write(path))
}
