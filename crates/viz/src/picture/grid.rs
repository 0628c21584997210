//! All filters in a grid, and the kernels of the first layer.

use image::{DynamicImage, GrayImage, Luma};

use crate::atlas::Atlas;
use crate::picture::canvas::{Canvas, FAINT, centred, largest, text_width};
use crate::picture::layout::{Captions, GAP, HEADING, MARGIN, TOP, headed, input_tile};

/// Side of a tile, and of a place map.
const SMALL: u32 = 48;
const PLACES: u32 = 56;
/// Height of the numbers above the tiles.
const NUMBER: u32 = 10;

impl Atlas<'_> {
    /// Every filter in the atlas' order, line by line, every other line from right to left so that neighbours stay together: the
    /// crop that excites it most above the mean of its projections.
    pub fn overview(&self, captions: &Captions, scale: u32) -> DynamicImage {
        let cell = (SMALL, NUMBER + 2 * SMALL + GAP / 2);
        self.grid(cell, captions, scale, |canvas, (x, y), filter| {
            let Some(patches) = self.filter(filter) else {
                return;
            };
            let (upper, lower) = ((x, y + NUMBER), (x, y + NUMBER + SMALL + 1));
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
                    canvas.text((x + 10, upper.1 + 18), NUMBER, "dead", FAINT);
                }
            }
        })
    }

    /// Places of each filter's responses over the average face, in the order and grid of [`Atlas::overview`].
    pub fn place_maps(&self, captions: &Captions, scale: u32) -> DynamicImage {
        let cell = (PLACES, NUMBER + PLACES);
        self.grid(cell, captions, scale, |canvas, (x, y), filter| {
            canvas.tile((x, y + NUMBER), PLACES, self.place_map(filter));
        })
    }

    /// The first layer's kernels in their order, middle grey for 0, all on one scale; `None` if that layer's input is
    /// not grey images.
    pub fn first_weights(&self, captions: &Captions, scale: u32) -> Option<DynamicImage> {
        if self.kernels.is_empty() {
            return None;
        }
        let grid = Grid::new(self.kernels.len(), (SMALL, SMALL));
        let mut canvas = grid.canvas(captions, scale);
        for (n, kernel) in self.kernels.iter().enumerate() {
            let at = grid.place(n / grid.columns, n % grid.columns);
            canvas.blocks(at, SMALL, kernel.clone());
        }
        Some(canvas.finish())
    }

    fn grid(
        &self,
        cell: (u32, u32),
        captions: &Captions,
        scale: u32,
        draw: impl Fn(&mut Canvas, (u32, u32), usize),
    ) -> DynamicImage {
        let grid = Grid::new(self.order.len(), cell);
        let mut canvas = grid.canvas(captions, scale);
        for (n, &filter) in self.order.iter().enumerate() {
            let (row, along) = (n / grid.columns, n % grid.columns);
            let column = match row % 2 {
                0 => along,
                _ => grid.columns - 1 - along,
            };
            let (x, y) = grid.place(row, column);
            canvas.text((x, y), NUMBER, &filter.to_string(), FAINT);
            draw(&mut canvas, (x, y), filter);
        }
        canvas.finish()
    }
}

/// Cells of one size, about as many columns as rows.
struct Grid {
    count: usize,
    columns: usize,
    /// Width and height, in points.
    cell: (u32, u32),
}

impl Grid {
    fn new(count: usize, cell: (u32, u32)) -> Self {
        let columns = (count as f64).sqrt().ceil().max(1.0) as usize;
        Self {
            count,
            columns,
            cell,
        }
    }

    fn canvas(&self, captions: &Captions, scale: u32) -> Canvas {
        let rows = self.count.div_ceil(self.columns).max(1) as u32;
        let width = 2 * MARGIN + self.columns as u32 * (self.cell.0 + GAP) - GAP;
        let width = width.max(2 * MARGIN + text_width(&captions.heading, HEADING).min(900));
        let height = TOP + rows * (self.cell.1 + 2 * GAP) - 2 * GAP + MARGIN;
        headed(width, height, scale, &captions.heading)
    }

    fn place(&self, row: usize, column: usize) -> (u32, u32) {
        let (x, y) = (self.cell.0 + GAP, self.cell.1 + 2 * GAP);
        (MARGIN + column as u32 * x, TOP + row as u32 * y)
    }
}
