use std::io::Write as _;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use image::DynamicImage;
use npyz::WriterBuilder;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::evidence::evidence_picture;
use crate::{
    Atlas, Captions, EVIDENCE_METHODS, Error, Evidence, FilterPatches, ImageSet, Patch, Sanity,
    Windows,
};

/// Sizes that pictures come in: pixels to a point, and what the file's name ends in.
const SCALES: [(u32, &str); 2] = [(1, ""), (3, "@3x")];

/// What is written beside the patches.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// What the pictures say.
    pub captions: Captions,
    /// Filters of the figure, in that order.
    pub figure: Vec<usize>,
    /// Whether to store arrays too.
    pub arrays: bool,
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// Further keys of `filters.json`: which images, how chosen.
    pub facts: Map<String, Value>,
}

impl Atlas<'_, '_> {
    /// Writes into `dir` (DESIGN 4):
    /// - `filters.json`: image, subject, place and activation of every patch, and how they were found;
    /// - `figure.png` of `options.figure`, `atlas.png`, `positions.png`, `conv1-weights.png` (the first layer's), each
    ///   also as `NAME@3x.png`; `average-face.png`; `filter-NNN.png`;
    /// - with arrays `projection-NNN.npy` and `input-NNN.npy` (f32 `[patches, field, field]`, zero where the field leaves the
    ///   image) and `positions.npy` (f32 `[filters, rows, columns]`).
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, dir: &Path, options: &WriteOptions) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
        let text = format!("{:#}", self.listing(options));
        let captions = &options.captions;
        write_both(dir, "figure", |scale| {
            self.figure(&options.figure, captions, scale)
        })?;
        if self.filters.len() > 1 {
            write_both(dir, "atlas", |scale| self.overview(captions, scale))?;
        }
        if self.has_places {
            write_both(dir, "positions", |scale| self.place_maps(captions, scale))?;
        }
        self.write_first_weights(dir)?;
        let average = DynamicImage::ImageLuma8(self.average_face());
        write_png(&dir.join("average-face.png"), &average)?;
        self.filters.par_iter().try_for_each(|filter| {
            self.images.go_on()?;
            let sheet = dir.join(format!("filter-{:03}.png", filter.filter));
            write_png(&sheet, &self.sheet(filter.filter, captions, 1))?;
            match options.arrays {
                true => write_arrays(dir, filter),
                false => Ok(()),
            }
        })?;
        if options.arrays && self.has_places {
            let side = self.survey.columns;
            let values = self
                .survey
                .positions
                .iter()
                .flatten()
                .map(|v| *v as f32)
                .collect();
            write_npy(
                &dir.join("positions.npy"),
                &[self.filters.len(), side, side],
                values,
            )?;
        }
        // Last: who finds it finds what it speaks of.
        write_bytes(&dir.join("filters.json"), text.as_bytes())
    }

    fn write_first_weights(&self, dir: &Path) -> Result<(), Error> {
        let captions = Captions {
            heading: "first layer: its kernels, middle grey is 0".to_owned(),
            ..Captions::default()
        };
        for (scale, ending) in SCALES {
            if let Some(picture) = self.first_weights(&captions, scale) {
                write_png(&dir.join(format!("conv1-weights{ending}.png")), &picture)?;
            }
        }
        Ok(())
    }

    fn listing(&self, options: &WriteOptions) -> Value {
        let filters: Vec<Value> = self
            .filters
            .iter()
            .map(|f| json!({ "filter": f.filter, "patches": patch_rows(f) }))
            .collect();
        let mut listing =
            json!({ "layer": self.layer, "method": self.method, "synthetic": options.synthetic });
        if let Value::Object(keys) = &mut listing {
            keys.extend(options.facts.clone());
            keys.insert("images".into(), self.survey.images.into());
            keys.insert("top".into(), self.top.into());
            keys.insert("field".into(), self.frame.field.into());
            keys.insert("figure".into(), options.figure.clone().into());
            keys.insert("order".into(), self.order.clone().into());
            keys.insert("dead".into(), self.survey.dead().into());
            keys.insert("filters".into(), filters.into());
        }
        listing
    }
}

impl Sanity {
    /// Writes `sanity.json` and, in both sizes, `sanity.png` into `dir`; `seed` is that of the random networks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(
        &self,
        dir: &Path,
        atlas: &Atlas,
        options: &WriteOptions,
        seed: u64,
    ) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
        write_both(dir, "sanity", |scale| {
            self.picture(atlas, &options.captions, scale)
        })?;
        let text = json!({
            "layer": atlas.layer, "method": atlas.method, "synthetic": options.synthetic, "filters": self.filters,
            "patches": self.patches, "seed": seed, "sentence": self.sentence, "panels": self.panels,
        });
        write_bytes(&dir.join("sanity.json"), format!("{text:#}").as_bytes())
    }
}

/// Writes `evidence.json`, in both sizes `evidence.png`, and with arrays `evidence-NNNNN.npy` (f32 `[3, side, side]`) into
/// `dir`. `rows` are the keys of each image in the JSON, `words` the lines beside it in the picture.
///
/// # Errors
/// When the disk refuses.
pub fn write_evidence(
    dir: &Path,
    all: &[Evidence],
    (rows, words): (&[Value], &[Vec<String>]),
    images: &ImageSet,
    options: &WriteOptions,
) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
    let captions = &options.captions;
    write_both(dir, "evidence", |scale| {
        evidence_picture(all, words, images, captions, scale)
    })?;
    if options.arrays {
        for one in all {
            let path = dir.join(format!("evidence-{:05}.npy", one.index));
            let shape = [one.maps().len(), images.side, images.side];
            write_npy(&path, &shape, one.maps().concat())?;
        }
    }
    let windows = Windows::of_face(images.side);
    let text = json!({
        "synthetic": options.synthetic, "methods": EVIDENCE_METHODS, "occlusion_window": windows.side,
        "occlusion_stride": windows.stride, "images": rows,
    });
    write_bytes(&dir.join("evidence.json"), format!("{text:#}").as_bytes())
}

/// A picture in both sizes.
///
/// # Errors
/// When the disk refuses.
pub fn write_both(
    dir: &Path,
    name: &str,
    draw: impl Fn(u32) -> DynamicImage + Sync,
) -> Result<(), Error> {
    SCALES.par_iter().try_for_each(|(scale, ending)| {
        write_png(&dir.join(format!("{name}{ending}.png")), &draw(*scale))
    })
}

fn write_arrays(dir: &Path, filter: &FilterPatches) -> Result<(), Error> {
    let path = |kind: &str| dir.join(format!("{kind}-{:03}.npy", filter.filter));
    write_array(&path("projection"), filter, |p| &p.projection)?;
    write_array(&path("input"), filter, |p| &p.input)
}

fn patch_rows(filter: &FilterPatches) -> Vec<Value> {
    let row = |(rank, p): (usize, &Patch)| {
        json!({
            "rank": rank, "index": p.unit.index, "subject": p.unit.subject, "row": p.unit.unit.row, "col": p.unit.unit.column,
            "activation": p.unit.activation, "x": p.x, "y": p.y, "w": p.w, "h": p.h,
        })
    };
    filter.patches.iter().enumerate().map(row).collect()
}

fn write_png(path: &Path, picture: &DynamicImage) -> Result<(), Error> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(Error::write(path))?;
    write_bytes(path, bytes.get_ref())
}

fn write_array(
    path: &Path,
    filter: &FilterPatches,
    of: impl Fn(&Patch) -> &Vec<f32>,
) -> Result<(), Error> {
    let mut all = vec![0f32; filter.patches.len() * filter.field * filter.field];
    for (patch, out) in filter
        .patches
        .iter()
        .zip(all.chunks_exact_mut(filter.field * filter.field))
    {
        for (row, values) in of(patch).chunks_exact(patch.w.max(1)).enumerate() {
            let start = (row + patch.inset.1) * filter.field + patch.inset.0;
            out[start..start + values.len()].copy_from_slice(values);
        }
    }
    write_npy(
        path,
        &[filter.patches.len(), filter.field, filter.field],
        all,
    )
}

/// f32 values of this shape as npy, atomically.
fn write_npy(path: &Path, shape: &[usize], values: Vec<f32>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(&mut bytes)
        .begin_nd()
        .map_err(Error::write(path))?;
    writer.extend(values).map_err(Error::write(path))?;
    writer.finish().map_err(Error::write(path))?;
    write_bytes(path, &bytes)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = AtomicWriteFile::open(path).map_err(Error::write(path))?;
    file.write_all(bytes).map_err(Error::write(path))?;
    file.commit().map_err(Error::write(path))
}
