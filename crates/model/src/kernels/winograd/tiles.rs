//! The two-dimensional transforms: between images and the 64 matrices of their tiles' coefficients.
//!
//! An image of `tiles` × `tiles` tiles is an array `[height, width, panels]` of rows of 32 channels. Coefficients are
//! `[64, panels, tiles of all images]` of these rows, the matrices [`stride`] rows apart.

use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::points::{INPUTS, Line, OUTPUTS, TAPS};
use crate::kernels::PAD;
use crate::kernels::buffer::{PANEL, Row};

/// Products per tile, in two dimensions.
pub(super) const POINTS: usize = INPUTS * INPUTS;

/// Rows from one of the 64 matrices of tiles × channels to the next. One more than it holds: with a power of two, all
/// 64 would compete for the same cache set.
pub(super) fn stride(tiles: usize, panels: usize) -> usize {
    tiles * panels + 1
}

/// Rows of all 64.
pub(super) fn points_len(tiles: usize, panels: usize) -> usize {
    POINTS * stride(tiles, panels)
}

/// Row offsets between the 64 matrices, as if they were the pixels of a block.
pub(super) fn point_steps(tiles: usize, panels: usize) -> Steps {
    let stride = stride(tiles, panels);
    (INPUTS * stride, stride)
}

/// Images cut into tiles of 4 × 4 outputs.
#[derive(Clone, Copy)]
pub(super) struct Tiling {
    pub images: usize,
    /// Tiles along a side of an image.
    pub tiles: usize,
    /// Panels of 32 channels.
    pub panels: usize,
}

impl Tiling {
    /// Side of the outputs, whole tiles.
    pub fn output_side(self) -> usize {
        self.tiles * OUTPUTS
    }

    /// Side of the inputs with their padding.
    pub fn input_side(self) -> usize {
        self.output_side() + 2 * PAD
    }

    /// Rows of the padded inputs.
    pub fn input_len(self) -> usize {
        self.images * self.input_side() * self.input_side() * self.panels
    }

    /// Rows of the outputs.
    pub fn output_len(self) -> usize {
        self.images * self.output_side() * self.output_side() * self.panels
    }

    /// Tiles of all images.
    pub fn count(self) -> usize {
        self.images * self.tiles * self.tiles
    }

    /// For each of these tiles and each panel: the tile's first row in images of `side`, and its row in the matrices.
    pub fn places(self, side: usize, range: &Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let Self { tiles, panels, .. } = self;
        let (first, count) = (range.start, range.len());
        range.clone().flat_map(move |tile| {
            let (image, row, column) = (tile / (tiles * tiles), tile / tiles % tiles, tile % tiles);
            let pixel = (image * side + row * OUTPUTS) * side + column * OUTPUTS;
            (0..panels).map(move |panel| (pixel * panels + panel, panel * count + tile - first))
        })
    }

    /// Row offsets from a pixel of images of `side` to the one below and to the one on the right.
    pub fn steps(self, side: usize) -> Steps {
        (side * self.panels, self.panels)
    }
}

/// Rows from one place to the next, downwards and to the right.
pub(super) type Steps = (usize, usize);

/// Transforms one register of each of the N × N rows starting at `from` by `L` along both dimensions, to M × M
/// registers of the rows starting at `to`.
#[inline(always)]
fn through<S: Simd, const N: usize, const M: usize, L: Line<N, M>>(
    simd: S,
    lane: usize,
    (from, from_steps): (&[Row], Steps),
    (to, to_steps): (&mut [Row], Steps),
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; N]; M];
    for i in 0..N {
        let line = &from[i * from_steps.0..][..(N - 1) * from_steps.1 + 1];
        let mut x = [zero; N];
        for j in 0..N {
            x[j] = S::as_simd_f32s(&line[j * from_steps.1].0).0[lane];
        }
        let y = L::apply(simd, x);
        for j in 0..M {
            half[j][i] = y[j];
        }
    }
    for j in 0..M {
        let y = L::apply(simd, half[j]);
        let to = &mut to[j * to_steps.1..][..(M - 1) * to_steps.0 + 1];
        for i in 0..M {
            let out = &mut S::as_mut_simd_f32s(&mut to[i * to_steps.0].0).0[lane];
            *out = if L::ADD {
                simd.add_f32s(*out, y[i])
            } else {
                y[i]
            };
        }
    }
}

/// Transforms blocks of N × N rows to blocks of M × M, by `L` both ways.
pub(super) struct Transform<'a, const N: usize, const M: usize, L, I> {
    pub line: PhantomData<L>,
    /// First row of each block in `from` and in `to`.
    pub places: I,
    pub from: (&'a [Row], Steps),
    pub to: (&'a mut [Row], Steps),
}

impl<const N: usize, const M: usize, L: Line<N, M>, I: Iterator<Item = (usize, usize)>> WithSimd
    for Transform<'_, N, M, L, I>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ((from, from_steps), (to, to_steps)) = (self.from, self.to);
        for (first, target) in self.places {
            for lane in 0..PANEL / S::F32_LANES {
                let from = (&from[first..], from_steps);
                through::<S, N, M, L>(simd, lane, from, (&mut to[target..], to_steps));
            }
        }
    }
}

/// The places of the inverse transform.
pub(super) fn swapped((from, to): (usize, usize)) -> (usize, usize) {
    (to, from)
}

/// For each filter `[5, 5, panels]` of `[rows, 5, 5, panels]` and each panel: its first row, and its row in the matrices.
pub(super) fn filter_places(rows: usize, panels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| {
        (0..panels).map(move |panel| (row * TAPS * TAPS * panels + panel, panel * rows + row))
    })
}

/// Row offsets from a filter tap to the one below and to the one on the right.
pub(super) fn filter_steps(panels: usize) -> Steps {
    (TAPS * panels, panels)
}
