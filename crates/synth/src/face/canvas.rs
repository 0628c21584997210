//! The frontal grid on which a face is drawn before the camera sees it.

use std::ops::Range;

use crate::geometry::{Area, Point};

/// A grid over face coordinates; every buffer of a picture has its layout (row by row).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canvas {
    /// Grid points per half interocular distance.
    pub density: f32,
    pub width: usize,
    pub height: usize,
}

const LEFT: f32 = -3.3;
const TOP: f32 = -3.95;
const RIGHT: f32 = 3.3;
const BOTTOM: f32 = 5.0;
/// Every grid point.
pub(crate) const EVERYWHERE: Area = [LEFT..RIGHT, TOP..BOTTOM];

impl Canvas {
    pub fn new(density: f32) -> Self {
        Self {
            density,
            width: ((RIGHT - LEFT) * density).ceil() as usize,
            height: ((BOTTOM - TOP) * density).ceil() as usize,
        }
    }

    /// Softness of an edge drawn on the grid.
    pub fn blur(&self) -> f32 {
        1.2 / self.density
    }

    pub fn buffer(&self, value: f32) -> Vec<f32> {
        vec![value; self.width * self.height]
    }

    pub fn x(&self, column: usize) -> f32 {
        LEFT + column as f32 / self.density
    }

    pub fn y(&self, row: usize) -> f32 {
        TOP + row as f32 / self.density
    }

    /// Column and row (fractional) of a point.
    pub fn locate(&self, q: Point) -> (f32, f32) {
        ((q.x - LEFT) * self.density, (q.y - TOP) * self.density)
    }

    /// Calls `paint(index, x, y)` for every grid point in `area`.
    pub fn visit(&self, area: &Area, mut paint: impl FnMut(usize, f32, f32)) {
        self.visit_rows(area, |_| (), |(), i, x, y| paint(i, x, y));
    }

    /// Like [`Self::visit`] with a value that `prepare(y)` computes once per row: `paint(&value, index, x, y)`.
    pub fn visit_rows<R>(
        &self,
        area: &Area,
        prepare: impl Fn(f32) -> R,
        mut paint: impl FnMut(&R, usize, f32, f32),
    ) {
        let columns = span(&area[0], LEFT, self.density, self.width);
        for row in span(&area[1], TOP, self.density, self.height) {
            let y = self.y(row);
            let ready = prepare(y);
            for column in columns.clone() {
                paint(&ready, row * self.width + column, self.x(column), y);
            }
        }
    }

    /// `find(x)` for every column of the grid.
    pub fn per_column<C>(&self, find: impl Fn(f32) -> C) -> Vec<C> {
        (0..self.width).map(|column| find(self.x(column))).collect()
    }

    /// Bilinear value of `buffer` at a point, clamped to the border.
    pub fn sample(&self, buffer: &[f32], q: Point) -> f32 {
        let (x, y) = self.locate(q);
        let x = x.clamp(0.0, self.width as f32 - 1.001);
        let y = y.clamp(0.0, self.height as f32 - 1.001);
        let (column, row) = (x as usize, y as usize);
        let (u, v) = (x - column as f32, y - row as f32);
        let i = row * self.width + column;
        let top = buffer[i] + (buffer[i + 1] - buffer[i]) * u;
        let j = i + self.width;
        let bottom = buffer[j] + (buffer[j + 1] - buffer[j]) * u;
        top + (bottom - top) * v
    }

    /// Mean of `buffer` over a square of half-side `radius` (face units), borders shortened.
    pub fn box_mean(&self, buffer: &[f32], radius: f32) -> Vec<f32> {
        let r = ((radius * self.density).round() as usize).max(1);
        mean_and_turn(&mean_and_turn(buffer, self.width, r), self.height, r)
    }

    /// Value of `buffer` at the grid point next to `q`.
    pub fn nearest(&self, buffer: &[f32], q: Point) -> f32 {
        let (x, y) = self.locate(q);
        let column = (x.max(0.0) as usize).min(self.width - 1);
        let row = (y.max(0.0) as usize).min(self.height - 1);
        buffer[row * self.width + column]
    }
}

/// Grid lines of `range`, which is counted from the grid's own border at `origin`.
fn span(range: &Range<f32>, origin: f32, density: f32, limit: usize) -> Range<usize> {
    let from = ((range.start - origin) * density).floor().max(0.0) as usize;
    let to = ((range.end - origin) * density).ceil().max(0.0) as usize + 1;
    from.min(limit)..to.min(limit)
}

/// Mean over `r` values on both sides along rows of `width` values, borders shortened; the result is transposed.
fn mean_and_turn(buffer: &[f32], width: usize, r: usize) -> Vec<f32> {
    let height = buffer.len() / width;
    let (mut out, mut sums) = (vec![0.0; buffer.len()], vec![0.0f64; width + 1]);
    for (row, line) in buffer.chunks_exact(width).enumerate() {
        for (k, &value) in line.iter().enumerate() {
            sums[k + 1] = sums[k] + f64::from(value);
        }
        for k in 0..width {
            let (from, to) = (k.saturating_sub(r), (k + r + 1).min(width));
            out[k * height + row] = (sums[to] - sums[from]) as f32 / (to - from) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::p;

    #[test]
    fn sample_at_a_grid_point_is_its_value() {
        let canvas = Canvas::new(7.0);
        let buffer: Vec<f32> = (0..canvas.width * canvas.height)
            .map(|i| i as f32)
            .collect();
        let q = p(canvas.x(5), canvas.y(9));
        let expected = (9 * canvas.width + 5) as f32;
        assert!((canvas.sample(&buffer, q) - expected).abs() < 0.05);
    }

    #[test]
    fn box_mean_keeps_a_constant() {
        let canvas = Canvas::new(6.0);
        let mean = canvas.box_mean(&canvas.buffer(0.75), 0.5);
        assert!(mean.iter().all(|&value| (value - 0.75).abs() < 1e-6));
    }
}
