//! Convolution by its literal sum, for any rectangle of outputs.
//!
//! Every output is one chain of additions in the order of the filter's taps, so the outputs of a rectangle are those of
//! the whole map, bit for bit. Neither Winograd's form nor libtorch guarantees this, which computing a receptive field
//! alone depends on.

use multiversion::multiversion;
use pulp::{Arch, Simd, WithSimd};

use super::axpy;
use super::buffer::{Buffer, PANEL, Row};

/// A convolution of stride 1 with its filters in two orders, for the forward and the backward pass.
#[derive(Debug)]
pub(crate) struct Direct {
    arch: Arch,
    /// Side of the filters.
    pub kernel: usize,
    /// Stride from one input pixel to the next: 1 for grey images, else the channels rounded up to whole panels.
    pub input_stride: usize,
    /// Filters.
    pub outputs: usize,
    /// `[output panels, k, k, inputs]`.
    by_output: Vec<Row>,
    /// `[output panels]`; zeros without a bias.
    bias: Vec<Row>,
    /// `[outputs, k, k, input stride]`.
    by_input: Vec<f32>,
}

impl Direct {
    /// `weight` is `[outputs, inputs, kernel, kernel]`, `bias` `[outputs]` or nothing.
    pub fn new(
        weight: &[f32],
        (outputs, inputs, kernel): (usize, usize, usize),
        bias: &[f32],
    ) -> Self {
        let input_stride = match inputs {
            1 => 1,
            more => more.div_ceil(PANEL) * PANEL,
        };
        let taps = kernel * kernel;
        let (panels, filter_len) = (outputs.div_ceil(PANEL), taps * input_stride);
        // `at` counts taps and inputs of a filter.
        let weight_of = |output: usize, at: usize| {
            let (tap, input) = (at / input_stride, at % input_stride);
            let at = (output * inputs + input) * taps + tap;
            let inside = output < outputs && input < inputs;
            if inside { weight[at] } else { 0.0 }
        };
        let lanes = |panel: usize, value: &dyn Fn(usize) -> f32| {
            Row(std::array::from_fn(|lane| value(panel * PANEL + lane)))
        };
        let rows = (0..panels * filter_len).map(|row| {
            let weights = |output| weight_of(output, row % filter_len);
            lanes(row / filter_len, &weights)
        });
        let by_input = (0..outputs * filter_len).map(|i| weight_of(i / filter_len, i % filter_len));
        let bias_of = |output: usize| bias.get(output).copied().unwrap_or(0.0);
        let bias = (0..panels).map(|panel| lanes(panel, &bias_of));
        Self {
            arch: Arch::new(),
            kernel,
            input_stride,
            outputs,
            by_output: rows.collect(),
            bias: bias.collect(),
            by_input: by_input.collect(),
        }
    }

    /// Panels of 32 outputs.
    pub fn panels(&self) -> usize {
        self.bias.len()
    }

    /// Outputs `[height, width, panels]` of `padded`, which is `[height + k − 1, width + k − 1, input stride]`.
    pub fn forward(&self, padded: &Buffer, width: usize, out: &mut [Row]) {
        for panel in 0..self.panels() {
            self.arch.dispatch(Forward {
                direct: self,
                padded,
                width,
                panel,
                panels: self.panels(),
                out,
            });
        }
    }

    /// Output `filter` of the one pixel that `padded`, `[k, k, input stride]`, has.
    pub fn one(&self, padded: &Buffer, filter: usize) -> f32 {
        let mut out = [Row([0.0; PANEL])];
        self.arch.dispatch(Forward {
            direct: self,
            padded,
            width: 1,
            panel: filter / PANEL,
            panels: 1,
            out: &mut out,
        });
        out[0].0[filter % PANEL]
    }

    /// The transposed convolution: adds to `d_input`, `[rows, columns, input stride]`, the gradient that arrives from
    /// `gradient`, `[height, width, channels]`. Taps outside and products with zero are skipped.
    pub fn backward(&self, gradient: &[f32], place: Place, d_input: &mut [f32]) {
        scatter(self, gradient, place, d_input);
    }
}

/// The layout of gradient and input; see [`Direct::backward`].
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Outputs in a row of the gradient.
    pub width: usize,
    /// Inputs in a row.
    pub columns: usize,
    /// Where the first output's first tap falls in the inputs.
    pub top: isize,
    pub left: isize,
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn scatter(direct: &Direct, gradient: &[f32], place: Place, d_input: &mut [f32]) {
    let (kernel, stride) = (direct.kernel, direct.input_stride);
    let (filters, channels) = (&direct.by_input, direct.panels() * PANEL);
    let rows = d_input.len() / (place.columns * stride);
    let filter_len = kernel * kernel * stride;
    for (pixel, gradient) in gradient.chunks_exact(channels).enumerate() {
        let top = place.top + (pixel / place.width) as isize;
        let left = place.left + (pixel % place.width) as isize;
        let inside = |start: isize, end: usize| {
            let first = (-start).clamp(0, kernel as isize) as usize;
            let last = (end as isize - start).clamp(first as isize, kernel as isize) as usize;
            first..last
        };
        let (in_rows, in_columns) = (inside(top, rows), inside(left, place.columns));
        let run = in_columns.len() * stride;
        let first_column = (left + in_columns.start as isize) as usize;
        for (output, &g) in gradient[..direct.outputs].iter().enumerate() {
            if g == 0.0 {
                continue;
            }
            for k in in_rows.clone() {
                let row = (top + k as isize) as usize;
                let at_x = (row * place.columns + first_column) * stride;
                let at_w = output * filter_len + (k * kernel + in_columns.start) * stride;
                let filter = &filters[at_w..at_w + run];
                axpy(g, filter, &mut d_input[at_x..at_x + run]);
            }
        }
    }
}

/// One panel of outputs, of all pixels.
struct Forward<'a> {
    direct: &'a Direct,
    padded: &'a Buffer,
    width: usize,
    panel: usize,
    /// Panels in `out`, which is `[height, width, panels]`.
    panels: usize,
    out: &'a mut [Row],
}

impl Forward<'_> {
    /// `PIXELS` outputs, starting at `first`.
    #[inline(always)]
    fn sums<S: Simd, const PIXELS: usize>(&mut self, simd: S, first: usize) {
        let (kernel, stride) = (self.direct.kernel, self.direct.input_stride);
        // In panels, or in numbers if the image is grey.
        let step = if stride == 1 { 1 } else { stride / PANEL };
        let line = (self.width + kernel - 1) * step;
        let bases: [usize; PIXELS] = std::array::from_fn(|pixel| {
            let pixel = first + pixel;
            pixel / self.width * line + pixel % self.width * step
        });
        let taps = kernel * kernel * stride;
        let filters = &self.direct.by_output[self.panel * taps..][..taps];
        let bias = S::as_simd_f32s(&self.direct.bias[self.panel].0).0;
        let mut out = [Row([0.0; PANEL]); PIXELS];
        for column in (0..PANEL / S::F32_LANES).step_by(2) {
            let mut sums = [[bias[column], bias[column + 1]]; PIXELS];
            for (tap, filters) in filters.chunks_exact(stride).enumerate() {
                let offset = tap / kernel * line + tap % kernel * step;
                if stride == 1 {
                    let x = bases.map(|base| self.padded[base + offset]);
                    add::<S, PIXELS>(simd, &mut sums, x, &filters[0], column);
                    continue;
                }
                for (chunk, filters) in filters.chunks_exact(PANEL).enumerate() {
                    let rows = bases.map(|base| &self.padded.rows()[base + offset + chunk].0);
                    for (channel, filters) in filters.iter().enumerate() {
                        let x = rows.map(|row| row[channel % PANEL]);
                        add::<S, PIXELS>(simd, &mut sums, x, filters, column);
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                let out = S::as_mut_simd_f32s(&mut out.0).0;
                [out[column], out[column + 1]] = sums;
            }
        }
        let pixels = self.out.chunks_exact_mut(self.panels).skip(first);
        for (pixel, sums) in pixels.zip(out) {
            pixel[self.panel % self.panels] = sums;
        }
    }

    /// `PIXELS` outputs at a time; the last block repeats some outputs, with the same bits.
    #[inline(always)]
    fn blocks<S: Simd, const PIXELS: usize>(mut self, simd: S) {
        let pixels = self.out.len() / self.panels;
        if pixels < PIXELS {
            return (0..pixels).for_each(|pixel| self.sums::<S, 1>(simd, pixel));
        }
        for first in (0..pixels).step_by(PIXELS) {
            self.sums::<S, PIXELS>(simd, first.min(pixels - PIXELS));
        }
    }
}

/// `sums += x · filters` for two registers of filters.
#[inline(always)]
fn add<S: Simd, const PIXELS: usize>(
    simd: S,
    sums: &mut [[S::f32s; 2]; PIXELS],
    x: [f32; PIXELS],
    filters: &Row,
    column: usize,
) {
    let filters = S::as_simd_f32s(&filters.0).0;
    let (f0, f1) = (filters[column], filters[column + 1]);
    for (sums, x) in sums.iter_mut().zip(x) {
        let x = simd.splat_f32s(x);
        sums[0] = simd.mul_add_e_f32s(x, f0, sums[0]);
        sums[1] = simd.mul_add_e_f32s(x, f1, sums[1]);
    }
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as fit into registers: 24 of 32 with AVX-512, 12 of 16 with AVX2.
        match S::F32_LANES {
            16 => self.blocks::<S, 12>(simd),
            _ => self.blocks::<S, 6>(simd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(len: usize, factor: f32) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * factor).sin()).collect()
    }

    /// Output at (row, column) by the literal sum, in f64.
    fn literal(
        padded: &[f32],
        weight: &[f32],
        (inputs, stride, kernel, line): (usize, usize, usize, usize),
        (row, column, output): (usize, usize, usize),
    ) -> f64 {
        let mut sum = 0.0;
        for input in 0..inputs {
            for tap in 0..kernel * kernel {
                let x =
                    padded[((row + tap / kernel) * line + column + tap % kernel) * stride + input];
                let w = weight[(output * inputs + input) * kernel * kernel + tap];
                sum += f64::from(x) * f64::from(w);
            }
        }
        sum
    }

    #[test]
    fn sums_are_the_literal_ones_and_a_part_has_the_bits_of_the_whole() {
        for (outputs, inputs, kernel, side) in
            [(64, 1, 5, 9), (40, 33, 3, 7), (32, 64, 5, 3), (5, 3, 1, 4)]
        {
            let weight = draw(outputs * inputs * kernel * kernel, 0.7);
            let bias = draw(outputs, 0.3);
            let direct = Direct::new(&weight, (outputs, inputs, kernel), &bias);
            let (stride, line) = (direct.input_stride, side + kernel - 1);
            let mut padded = Buffer::copy_of(&draw(line * line * stride, 0.13));
            for (i, x) in padded.iter_mut().enumerate() {
                *x = if i % stride < inputs { *x } else { 0.0 };
            }
            let mut out = vec![Row([0.0; PANEL]); side * side * direct.panels()];
            direct.forward(&padded, side, &mut out);
            let all: &[f32] = bytemuck::cast_slice(&out);
            let channels = direct.panels() * PANEL;
            for (row, column, output) in [
                (0, 0, 0),
                (side - 1, 1, outputs - 1),
                (1, side - 1, outputs / 2),
            ] {
                let got = all[(row * side + column) * channels + output];
                let sizes = (inputs, stride, kernel, line);
                let expected = literal(&padded, &weight, sizes, (row, column, output))
                    + f64::from(bias[output]);
                assert!((f64::from(got) - expected).abs() < 1e-4, "{got} {expected}");
                let lines = (row..row + kernel).flat_map(|r| {
                    padded[(r * line + column) * stride..][..kernel * stride].to_vec()
                });
                let alone = Buffer::copy_of(&lines.collect::<Vec<f32>>());
                assert_eq!(direct.one(&alone, output).to_bits(), got.to_bits());
            }
        }
    }

    /// ⟨forward(x), g⟩ = ⟨x, backward(g)⟩, without bias.
    #[test]
    fn backward_is_the_transpose() {
        for (outputs, inputs, kernel, side) in [(64, 1, 5, 9), (40, 33, 3, 7), (5, 3, 1, 4)] {
            let weight = draw(outputs * inputs * kernel * kernel, 0.7);
            let direct = Direct::new(&weight, (outputs, inputs, kernel), &[]);
            let (stride, line, channels) = (
                direct.input_stride,
                side + kernel - 1,
                direct.panels() * PANEL,
            );
            let padded = Buffer::copy_of(&draw(line * line * stride, 0.13));
            let mut out = vec![Row([0.0; PANEL]); side * side * direct.panels()];
            direct.forward(&padded, side, &mut out);
            let g: Vec<f32> = draw(side * side * channels, 0.31);
            let mut d = vec![0.0; padded.len()];
            let place = Place {
                width: side,
                columns: line,
                top: 0,
                left: 0,
            };
            direct.backward(&g, place, &mut d);
            let dot = |a: &[f32], b: &[f32], keep: &dyn Fn(usize) -> bool| -> f64 {
                let products = a.iter().zip(b).enumerate().filter(|(i, _)| keep(*i));
                products
                    .map(|(_, (a, b))| f64::from(*a) * f64::from(*b))
                    .sum()
            };
            let left = dot(bytemuck::cast_slice(&out), &g, &|i| i % channels < outputs);
            let right = dot(&padded, &d, &|_| true);
            assert!((left - right).abs() < 1e-3, "{left} {right}");
            // Cropped on all sides: the same values for the remaining pixels.
            let mut inner = vec![0.0; (line - 2) * (line - 2) * stride];
            let place = Place {
                width: side,
                columns: line - 2,
                top: -1,
                left: -1,
            };
            direct.backward(&g, place, &mut inner);
            for (pixel, values) in inner.chunks_exact(stride).enumerate() {
                let at = (pixel / (line - 2) + 1) * line + pixel % (line - 2) + 1;
                assert_eq!(values, &d[at * stride..][..stride]);
            }
        }
    }
}
