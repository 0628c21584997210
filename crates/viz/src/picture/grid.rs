//! All filters in a grid, and the kernels of the first layer.

use image::{DynamicImage, GrayImage, Luma};

use crate::atlas::Atlas;
use crate::picture::canvas::{
    Canvas, FAINT, GAP, HEADING, MARGIN, SCALES, TOP, centred, headed, input_tile, largest,
    text_width,
};

/// Side of a tile, and of a place map.
const SMALL: u32 = 48;
const PLACES: u32 = 56;
/// Height of the numbers above the tiles.
const NUMBER: u32 = 10;

impl Atlas<'_> {
    /// Every filter in the atlas' order, line by line, every other line from right to left so that neighbours stay together: the
    /// crop that excites it most above the mean of its projections.
    pub(crate) fn overview(&self, heading: &str) -> Vec<DynamicImage> {
        let height = NUMBER + 2 * SMALL + GAP / 2;
        self.grid((SMALL, height), heading, |canvas, (x, y), filter| {
            let Some(patches) = self.filter(filter) else {
                return;
            };
            let (upper, lower) = ((x, y), (x, y + SMALL + 1));
            match patches.patches.first() {
                Some(best) => {
                    canvas.tile(upper, SMALL, input_tile(patches, best));
                    let mean = patches.mean_projection().into_iter();
                    let mean: Vec<f32> = mean.map(|v| v as f32).collect();
                    let mean = centred(&mean, patches.field, largest(&mean));
                    canvas.tile(lower, SMALL, mean);
                }
                None => {
                    let empty = GrayImage::from_pixel(1, 1, Luma([235]));
                    canvas.blocks(upper, SMALL, empty.clone());
                    canvas.blocks(lower, SMALL, empty);
                    canvas.text((x + 10, y + 18), NUMBER, "dead", FAINT);
                }
            }
        })
    }

    /// Places of each filter's responses over the average face, in the order and grid of [`Atlas::overview`].
    pub(crate) fn place_maps(&self, heading: &str) -> Vec<DynamicImage> {
        let cell = (PLACES, NUMBER + PLACES);
        self.grid(cell, heading, |canvas, at, filter| {
            canvas.tile(at, PLACES, self.place_map(filter));
        })
    }

    /// The first layer's kernels in their order, middle grey for 0, all on one scale; empty if that layer's input is not
    /// grey images.
    pub(crate) fn first_weights(&self) -> Vec<DynamicImage> {
        if self.kernels.is_empty() {
            return vec![];
        }
        let heading = "first layer: its kernels, middle grey is 0";
        let count = self.kernels.len();
        grid(count, (SMALL, SMALL), false, heading, |canvas, at, n| {
            canvas.blocks(at, SMALL, self.kernels[n].clone());
        })
    }

    /// The filters in their order, each below its number.
    fn grid(
        &self,
        cell: (u32, u32),
        heading: &str,
        draw: impl Fn(&mut Canvas, (u32, u32), usize),
    ) -> Vec<DynamicImage> {
        let count = self.order.len();
        grid(count, cell, true, heading, |canvas, (x, y), n| {
            let filter = self.order[n];
            canvas.text((x, y), NUMBER, &filter.to_string(), FAINT);
            draw(canvas, (x, y + NUMBER), filter);
        })
    }
}

/// `count` cells of a width and height in points, about as many columns as rows, line by line; in a `winding` grid every
/// other line from right to left.
fn grid(
    count: usize,
    (width, height): (u32, u32),
    winding: bool,
    heading: &str,
    draw: impl Fn(&mut Canvas, (u32, u32), usize),
) -> Vec<DynamicImage> {
    let columns = (count as f64).sqrt().ceil().max(1.0) as usize;
    let rows = count.div_ceil(columns).max(1) as u32;
    let (across, down) = (width + GAP, height + 2 * GAP);
    let needed = 2 * MARGIN + text_width(heading, HEADING).min(900);
    let width = (2 * MARGIN + columns as u32 * across - GAP).max(needed);
    let height = TOP + rows * down - 2 * GAP + MARGIN;
    let mut canvas = headed(width, height, &SCALES, heading);
    for n in 0..count {
        let (row, along) = (n / columns, n % columns);
        let column = match winding && row % 2 == 1 {
            true => columns - 1 - along,
            false => along,
        };
        let at = (MARGIN + column as u32 * across, TOP + row as u32 * down);
        draw(&mut canvas, at, n);
    }
    canvas.finish()
}
