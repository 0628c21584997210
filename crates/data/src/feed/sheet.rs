//! Seeing what augmentation does: several draws for one image, with their parameters (`faus data augment`).

use std::io::Write;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::Error;
use crate::feed::augment::{AugmentParams, AugmentRanges, apply};
use crate::picture::write;
use crate::prepared::Prepared;
use crate::prepared::npy::write_atomically;
use faus_base::random;

/// Most values of one sheet, 1 GiB of f32.
const VALUES_LIMIT: usize = 1 << 28;

/// Several augmentations of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentSheet {
    /// The image's row in the data set.
    pub index: usize,
    /// Side of the images.
    pub side: usize,
    /// What was drawn, one per draw.
    pub params: Vec<AugmentParams>,
    /// `[draws, H, W]` f32 in [0, 2], before normalisation.
    pub images: Vec<f32>,
}

/// A row of `params.csv` (DESIGN 4).
#[derive(Serialize)]
struct ParamsRow {
    index: usize,
    draw: usize,
    flip: u8,
    rotation_deg: f32,
    scale: f32,
    tx: f32,
    ty: f32,
    a: f32,
    b: f32,
    c: f32,
}

/// Augments image `index` `count` times; draw k is keyed by (seed, `augment`, index, k), so it is the same whatever
/// `count` is.
///
/// # Errors
/// [`Error::Setting`] for a row that is not there, ranges that make no sense, or more draws than memory should hold.
pub fn augment_sheet(
    set: &Prepared,
    index: usize,
    count: usize,
    seed: u64,
    ranges: &AugmentRanges,
) -> Result<AugmentSheet, Error> {
    ranges.check()?;
    if index >= set.len() {
        return Err(Error::setting(
            "index",
            format!(
                "the data set has rows 0 to {}, not {index}",
                set.len().saturating_sub(1)
            ),
        ));
    }
    let side = set.image_size();
    let most = VALUES_LIMIT / (side * side);
    if count == 0 || count > most {
        return Err(Error::setting(
            "count",
            format!("must be 1 to {most} at this image size, not {count}"),
        ));
    }
    let draw = |at: usize| {
        ranges.draw(
            side,
            &mut random::named(seed, "augment", &[index as u64, at as u64]),
        )
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

impl AugmentSheet {
    /// Writes `params.csv`: `index,draw,flip,rotation_deg,scale,tx,ty,a,b,c`, flip as 0 or 1.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_params(&self, path: &Path) -> Result<(), Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        for (draw, p) in self.params.iter().enumerate() {
            let AugmentParams {
                rotation_deg,
                scale,
                tx,
                ty,
                a,
                b,
                c,
                ..
            } = *p;
            let row = ParamsRow {
                index: self.index,
                draw,
                flip: p.flip.into(),
                rotation_deg,
                scale,
                tx,
                ty,
                a,
                b,
                c,
            };
            table
                .serialize(row)
                .map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
        }
        let text = table
            .into_inner()
            .map_err(|error| Error::io(path)(error.into_error()))?;
        let mut file = AtomicWriteFile::open(path).map_err(Error::io(path))?;
        file.write_all(&text).map_err(Error::io(path))?;
        file.commit().map_err(Error::io(path))
    }

    /// Writes `out.npy`: f32 `[draws, 1, H, W]`, before normalisation.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_images(&self, path: &Path) -> Result<(), Error> {
        let shape = [
            self.params.len() as u64,
            1,
            self.side as u64,
            self.side as u64,
        ];
        write_atomically(path, &shape, self.images.iter().copied())
    }

    /// Writes a picture of all draws, about as wide as high; 2 is white.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_picture(&self, path: &Path) -> Result<(), Error> {
        let bytes: Vec<u8> = self
            .images
            .iter()
            .map(|value| (value * 127.5).round().clamp(0.0, 255.0) as u8)
            .collect();
        let tiles: Vec<&[u8]> = bytes.chunks_exact(self.side * self.side).collect();
        let columns = (tiles.len() as f64).sqrt().ceil() as usize;
        write::write_png(path, &write::grid(&tiles, self.side, columns))
    }
}
