//! Several augmentations of one image, with their parameters (`faus data augment`).

use std::path::Path;

use faus_base::{file, npy, random};
use image::{GrayImage, Luma};
use rayon::prelude::*;

use crate::error::Error;
use crate::feed::augment::{AugmentParams, AugmentRanges, apply};
use crate::picture::write::{GAP, grid, write_png};
use crate::prepared::Prepared;

/// Maximum number of values on one sheet, 1 GiB of f32.
const VALUES_LIMIT: usize = 1 << 28;

/// Columns of `params.csv`.
const COLUMNS: &str = "index,draw,flip,rotation_deg,scale,tx,ty,a,b,c";

/// Several augmentations of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentSheet {
    /// The image's row in the data set.
    pub index: usize,
    /// Side of the images.
    pub side: usize,
    /// The parameters of each draw.
    pub params: Vec<AugmentParams>,
    /// `[draws, H, W]` f32 in [0, 2], before normalisation.
    pub images: Vec<f32>,
}

/// Augments image `index` `count` times; draw k is keyed by (seed, `augment`, index, k), so it does not depend on
/// `count`.
///
/// # Errors
/// [`Error::Setting`] for a missing row, invalid ranges, or more draws than memory should hold.
pub fn augment_sheet(
    set: &Prepared,
    index: usize,
    count: usize,
    seed: u64,
    ranges: &AugmentRanges,
) -> Result<AugmentSheet, Error> {
    ranges.check()?;
    let side = set.image_size();
    check(set.len(), index, count, VALUES_LIMIT / (side * side))?;
    let draw = |at: usize| {
        let mut rng = random::named(seed, "augment", &[index as u64, at as u64]);
        ranges.draw(side, &mut rng)
    };
    let params: Vec<AugmentParams> = (0..count).map(draw).collect();
    let mut images = vec![0.0; count * side * side];
    let pairs = images.par_chunks_exact_mut(side * side).zip(&params);
    pairs.for_each_init(Vec::new, |scratch, (out, params)| {
        apply(params, set.image(index), side, out, scratch);
    });
    Ok(AugmentSheet {
        index,
        side,
        params,
        images,
    })
}

fn check(rows: usize, index: usize, count: usize, most: usize) -> Result<(), Error> {
    if index >= rows {
        let last = rows.saturating_sub(1);
        let reason = format!("the data set has rows 0 to {last}, not {index}");
        return Err(Error::setting("index", reason));
    }
    if count == 0 || count > most {
        let reason = format!("must be 1 to {most} at this image size, not {count}");
        return Err(Error::setting("count", reason));
    }
    Ok(())
}

impl AugmentSheet {
    /// Writes `params.csv`: `index,draw,flip,rotation_deg,scale,tx,ty,a,b,c`, flip as 0 or 1.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_params(&self, path: &Path) -> Result<(), Error> {
        let written = file::write_with(path, |out| {
            let mut table = csv::Writer::from_writer(out);
            table.write_record(COLUMNS.split(','))?;
            for (draw, p) in self.params.iter().enumerate() {
                let place = (self.index, draw, u8::from(p.flip));
                table.serialize((place, p.rotation_deg, p.scale, p.tx, p.ty, p.a, p.b, p.c))?;
            }
            table.flush()
        });
        written.map_err(Error::io(path))
    }

    /// Writes `out.npy`: f32 `[draws, 1, H, W]`, before normalisation.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_images(&self, path: &Path) -> Result<(), Error> {
        let shape = [self.params.len(), 1, self.side, self.side];
        npy::write(path, &shape, self.images.iter().copied()).map_err(Error::io(path))
    }

    /// Writes a picture of all draws, about square; 2 is white.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_picture(&self, path: &Path) -> Result<(), Error> {
        let side = self.side as u32;
        let grey = |value: &f32| (value * 127.5).round().clamp(0.0, 255.0) as u8;
        let images = self.images.chunks_exact(self.side * self.side);
        let tile =
            |image: &[f32]| GrayImage::from_raw(side, side, image.iter().map(grey).collect());
        let tiles: Vec<GrayImage> = images.filter_map(tile).collect();
        let columns = (tiles.len() as f64).sqrt().ceil() as u32;
        write_png(path, &grid(&tiles, columns, GAP, Luma([255])))
    }
}
