use std::io::Write as _;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use faus_model::{Network, receptive_field};
use npyz::WriterBuilder;
use rayon::prelude::*;
use serde_json::json;
use tch::{Device, Kind};

use crate::{Error, FilterTop, ImageSet, Method, TopUnit, figure, project, sheet};

/// Units carried back together.
const BATCH: usize = 32;

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

/// Projects the units of `tops` and cuts their receptive fields out. Runs on rayon's current pool.
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
    let jobs = units
        .chunks(BATCH)
        .map(|units| Ok((network.replica()?, units)))
        .collect::<Result<Vec<_>, Error>>()?;
    let parts: Vec<Result<Vec<Patch>, Error>> = jobs
        .into_par_iter()
        .map(|(network, units)| cut_batch(&network, stage, method, units, images))
        .collect();
    let mut patches = parts
        .into_iter()
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter()
        .flatten();
    let field = receptive_field(network.stages(), stage).map_or(images.side, |f| f.size as usize);
    let of = |top: &FilterTop, patches: &mut dyn Iterator<Item = Patch>| {
        patches.take(top.units.len()).collect()
    };
    Ok(tops
        .iter()
        .map(|top| FilterPatches {
            filter: top.filter,
            field,
            patches: of(top, &mut patches),
        })
        .collect())
}

fn cut_batch(
    network: &Network,
    stage: usize,
    method: Method,
    units: &[TopUnit],
    images: &ImageSet,
) -> Result<Vec<Patch>, Error> {
    images.go_on()?;
    let rows: Vec<usize> = units.iter().map(|u| u.index).collect();
    let refs: Vec<_> = units.iter().map(|u| u.unit).collect();
    let input = (images.normalised)(&rows)
        .map_err(Error::Images)?
        .f_to_device(network.device())?;
    let projected = project(network, stage, method, &input, &refs)?
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?;
    let pixels = images.side * images.side;
    let mut values = vec![0f32; projected.numel()];
    projected
        .f_contiguous()?
        .f_copy_data(&mut values, projected.numel())?;
    Ok(units
        .iter()
        .zip(values.chunks_exact(pixels))
        .map(|(unit, projection)| cut(network, stage, *unit, projection, images))
        .collect())
}

/// Cuts the receptive field of `unit`, clipped to the image.
fn cut(
    network: &Network,
    stage: usize,
    unit: TopUnit,
    projection: &[f32],
    images: &ImageSet,
) -> Patch {
    let side = images.side as i64;
    let span = |at: usize| match receptive_field(network.stages(), stage) {
        Some(field) => (
            field.span(at as i64, side),
            at as i64 * field.stride + field.first,
        ),
        None => ((0, side), 0),
    };
    let ((left, right), start_x) = span(unit.unit.column);
    let ((top, bottom), start_y) = span(unit.unit.row);
    let (x, y, w, h) = (
        left as usize,
        top as usize,
        (right - left) as usize,
        (bottom - top) as usize,
    );
    let rows = (y..y + h).map(|row| row * images.side + x);
    let grey = (images.grey)(unit.index);
    Patch {
        unit,
        x,
        y,
        w,
        h,
        inset: ((left - start_x) as usize, (top - start_y) as usize),
        input: rows
            .clone()
            .flat_map(|at| grey[at..at + w].iter().map(|&v| f32::from(v) / 255.0))
            .collect(),
        projection: rows
            .flat_map(|at| projection[at..at + w].iter().copied())
            .collect(),
    }
}

/// Writes `filters.json` (which says whether the faces are `synthetic`), `filter-NNN.png`, `figure.png` (the filters of `in_figure`, in that order) and, with `arrays`,
/// `projection-NNN.npy` and `input-NNN.npy` (f32 `[patches, field, field]`, zero where the field leaves the image).
///
/// # Errors
/// When the disk refuses.
pub fn write_patches(
    dir: &Path,
    layer: &str,
    method: Method,
    filters: &[FilterPatches],
    in_figure: &[usize],
    arrays: bool,
    synthetic: bool,
) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
    let listed: Vec<_> = filters
        .iter()
        .map(|f| json!({ "filter": f.filter, "patches": patch_rows(f) }))
        .collect();
    let text = json!({ "layer": layer, "method": method, "synthetic": synthetic, "filters": listed, "figure": in_figure });
    let path = dir.join("filters.json");
    write_bytes(&path, format!("{text:#}").as_bytes())?;
    for filter in filters {
        write_png(
            &dir.join(format!("filter-{:03}.png", filter.filter)),
            &sheet(filter),
        )?;
        if arrays {
            write_array(
                &dir.join(format!("projection-{:03}.npy", filter.filter)),
                filter,
                |p| &p.projection,
            )?;
            write_array(
                &dir.join(format!("input-{:03}.npy", filter.filter)),
                filter,
                |p| &p.input,
            )?;
        }
    }
    let shown: Vec<&FilterPatches> = in_figure
        .iter()
        .filter_map(|n| filters.iter().find(|f| f.filter == *n))
        .collect();
    write_png(&dir.join("figure.png"), &figure(&shown))
}

fn patch_rows(filter: &FilterPatches) -> Vec<serde_json::Value> {
    let row = |(rank, p): (usize, &Patch)| {
        json!({
            "rank": rank, "index": p.unit.index, "subject": p.unit.subject, "row": p.unit.unit.row, "col": p.unit.unit.column,
            "activation": p.unit.activation, "x": p.x, "y": p.y, "w": p.w, "h": p.h,
        })
    };
    filter.patches.iter().enumerate().map(row).collect()
}

fn write_png(path: &Path, picture: &image::GrayImage) -> Result<(), Error> {
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
    let mut bytes = Vec::new();
    let shape = [
        filter.patches.len() as u64,
        filter.field as u64,
        filter.field as u64,
    ];
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(&mut bytes)
        .begin_nd()
        .map_err(Error::write(path))?;
    writer.extend(all).map_err(Error::write(path))?;
    writer.finish().map_err(Error::write(path))?;
    write_bytes(path, &bytes)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = AtomicWriteFile::open(path).map_err(Error::write(path))?;
    file.write_all(bytes).map_err(Error::write(path))?;
    file.commit().map_err(Error::write(path))
}
