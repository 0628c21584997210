//! 5×5 convolutions by Winograd's F(4×4, 5×5) (Lavin and Gray, arXiv 1509.09308), forward and backward.
//!
//! 64 products give 16 outputs, which take 400 directly: 6.25 times fewer. The gradients are the transposes of the same
//! linear maps and cost as little. Rounding in float32 is some 4e-6 of the largest output, ten times that of the direct
//! sum; pooling may choose either of two maxima this close.

mod points;
mod product;
mod tiles;

use std::marker::PhantomData;
use std::ops::Range;

use pulp::Arch;

use super::buffer::{Buffer, PANEL, Row};
use super::pool::Pooled;
use super::{FILTER_SIDE, PAD};
use points::{Filter, FilterTransposed, Input, InputTransposed, OUTPUTS, Output, OutputTransposed};
use product::{Product, TransposedProduct};
use tiles::{
    POINTS, Tiling, Transform, filter_places, filter_steps, point_steps, points_len, stride,
    swapped,
};

/// Tiles in a block: enough rows for a long inner loop of the products, few enough for the cache.
const BLOCK: usize = 36;

/// A 5×5 convolution of stride 1 that keeps the side of its maps, with the coefficients of its filters.
#[derive(Debug)]
pub(crate) struct Winograd {
    arch: Arch,
    side: usize,
    /// Panels of 32 channels.
    inputs: usize,
    outputs: usize,
    /// `[64, outputs, inputs · 32]`, the 64 [`stride`] rows apart.
    filters: Buffer,
    /// `[64, inputs, outputs · 32]`; empty without a backward pass.
    transposed: Buffer,
}

/// Working memory for a group of images and its blocks of tiles.
struct Work {
    padded: Buffer,
    inputs: Buffer,
    outputs: Buffer,
    maps: Buffer,
}

impl Winograd {
    /// Whether weights `[outputs, inputs, height, width]` are supported.
    pub fn suits(weight: &[i64]) -> bool {
        let panel = PANEL as i64;
        matches!(*weight, [o, i, 5, 5] if o % panel == 0 && i % panel == 0 && o > 0 && i > 0)
    }

    /// Transforms the weights, given as `[inputs, 5, 5, outputs]` (`by_input`) and, for [`Winograd::backward`],
    /// as `[outputs, 5, 5, inputs]` as well. `channels` are inputs and outputs.
    pub fn new(
        side: usize,
        channels: (usize, usize),
        by_input: &[f32],
        by_output: Option<&[f32]>,
    ) -> Self {
        let arch = Arch::new();
        let (inputs, outputs) = (channels.0 / PANEL, channels.1 / PANEL);
        let transform = |rows: usize, panels: usize, filters: &[f32]| {
            let mut out = Buffer::of(points_len(rows, panels) * PANEL);
            arch.dispatch(Transform {
                line: PhantomData::<Filter>,
                places: filter_places(rows, panels),
                from: (Buffer::copy_of(filters).rows(), filter_steps(panels)),
                to: (out.rows_mut(), point_steps(rows, panels)),
            });
            out
        };
        Self {
            arch,
            side,
            inputs,
            outputs,
            filters: transform(channels.0, outputs, by_input),
            transposed: by_output.map_or_else(Buffer::default, |weight| {
                transform(channels.1, inputs, weight)
            }),
        }
    }

    /// Convolution, max pooling over `tile` × `tile` and ReLU of `[n, side, side, inputs]`.
    pub fn forward(&self, input: &Buffer, tile: usize) -> Pooled {
        let n = input.rows().len() / self.image_len();
        let mut pooled = Pooled::new(n, self.side / tile, self.outputs * PANEL, tile);
        let mut work = self.work(n);
        for group in chunks(n, self.group()) {
            let (from, to) = self.tilings(group.len());
            self.pad(&input.rows()[self.image_rows(&group)], from, &mut work);
            for tiles in chunks(from.count(), BLOCK) {
                self.input_points(from, &tiles, &mut work);
                let (a, c) = (work.inputs.rows(), work.outputs.rows_mut());
                self.products((a, from), self.filters.rows(), (c, to), tiles.len());
                self.arch.dispatch(Transform {
                    line: PhantomData::<Output>,
                    places: to.places(to.output_side(), &tiles).map(swapped),
                    from: (work.outputs.rows(), point_steps(tiles.len(), to.panels)),
                    to: (work.maps.rows_mut(), to.steps(to.output_side())),
                });
            }
            let maps = &work.maps[..to.output_len() * PANEL];
            pooled.fill(group.start, maps, to.output_side());
        }
        pooled
    }

    /// Gradients of [`Winograd::forward`] for its weight, `[outputs, 5, 5, inputs]`, and its input; `d_pooled` has the shape
    /// of `pooled.values`.
    pub fn backward(&self, input: &Buffer, pooled: &Pooled, d_pooled: &[f32]) -> (Buffer, Buffer) {
        let n = input.rows().len() / self.image_len();
        let (filters, panels) = (self.outputs * PANEL, self.inputs);
        let mut d_filters = Buffer::zeros(points_len(filters, panels) * PANEL);
        let mut d_input = Buffer::of(input.len());
        let mut work = self.work(n);
        let mut d_padded = Buffer::of(work.padded.len());
        for group in chunks(n, self.group()) {
            let (from, to) = self.tilings(group.len());
            let d_maps = &mut work.maps[..to.output_len() * PANEL];
            pooled.unpool(group.start, d_pooled, to.output_side(), d_maps);
            self.pad(&input.rows()[self.image_rows(&group)], from, &mut work);
            d_padded.fill(0.0);
            for tiles in chunks(from.count(), BLOCK) {
                self.input_points(from, &tiles, &mut work);
                self.arch.dispatch(Transform {
                    line: PhantomData::<OutputTransposed>,
                    places: to.places(to.output_side(), &tiles),
                    from: (work.maps.rows(), to.steps(to.output_side())),
                    to: (work.outputs.rows_mut(), point_steps(tiles.len(), to.panels)),
                });
                self.add_filter_gradients(&work, tiles.len(), d_filters.rows_mut());
                let (a, c) = (work.outputs.rows(), work.inputs.rows_mut());
                self.products((a, to), self.transposed.rows(), (c, from), tiles.len());
                self.arch.dispatch(Transform {
                    line: PhantomData::<InputTransposed>,
                    places: from.places(from.input_side(), &tiles).map(swapped),
                    from: (work.inputs.rows(), point_steps(tiles.len(), from.panels)),
                    to: (d_padded.rows_mut(), from.steps(from.input_side())),
                });
            }
            let images = &mut d_input.rows_mut()[self.image_rows(&group)];
            for (line, padded) in self.lines(from) {
                images[line].copy_from_slice(&d_padded.rows()[padded]);
            }
        }
        let mut d_weight = Buffer::of(filters * FILTER_SIDE * FILTER_SIDE * panels * PANEL);
        self.arch.dispatch(Transform {
            line: PhantomData::<FilterTransposed>,
            places: filter_places(filters, panels).map(swapped),
            from: (d_filters.rows(), point_steps(filters, panels)),
            to: (d_weight.rows_mut(), filter_steps(panels)),
        });
        (d_weight, d_input)
    }

    fn work(&self, n: usize) -> Work {
        let (from, to) = self.tilings(self.group().min(n));
        let tiles = BLOCK.min(from.count());
        Work {
            padded: Buffer::of(from.input_len() * PANEL),
            inputs: Buffer::of(points_len(tiles, from.panels) * PANEL),
            outputs: Buffer::of(points_len(tiles, to.panels) * PANEL),
            maps: Buffer::of(to.output_len() * PANEL),
        }
    }

    /// Rows of an image.
    fn image_len(&self) -> usize {
        self.side * self.side * self.inputs
    }

    fn image_rows(&self, images: &Range<usize>) -> Range<usize> {
        images.start * self.image_len()..images.end * self.image_len()
    }

    /// Images padded and pooled together: enough to fill a block with tiles.
    fn group(&self) -> usize {
        let tiles = self.side.div_ceil(OUTPUTS);
        (BLOCK / (tiles * tiles)).max(1)
    }

    /// Tiles of the input and of the output.
    fn tilings(&self, images: usize) -> (Tiling, Tiling) {
        let tiling = |panels| Tiling {
            images,
            tiles: self.side.div_ceil(OUTPUTS),
            panels,
        };
        (tiling(self.inputs), tiling(self.outputs))
    }

    fn pad(&self, images: &[Row], tiling: Tiling, work: &mut Work) {
        work.padded.fill(0.0);
        for (line, padded) in self.lines(tiling) {
            work.padded.rows_mut()[padded].copy_from_slice(&images[line]);
        }
    }

    /// The place of every line of pixels in the images and in the padded ones.
    fn lines(&self, tiling: Tiling) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<> {
        let (side, width) = (self.side, tiling.input_side());
        (0..tiling.images * side).map(move |line| {
            let (image, row, len) = (line / side, line % side, side * tiling.panels);
            let start = ((image * width + row + PAD) * width + PAD) * tiling.panels;
            (line * len..(line + 1) * len, start..start + len)
        })
    }

    /// Coefficients of these tiles of the padded images.
    fn input_points(&self, tiling: Tiling, tiles: &Range<usize>, work: &mut Work) {
        let steps = point_steps(tiles.len(), tiling.panels);
        self.arch.dispatch(Transform {
            line: PhantomData::<Input>,
            places: tiling.places(tiling.input_side(), tiles),
            from: (work.padded.rows(), tiling.steps(tiling.input_side())),
            to: (work.inputs.rows_mut(), steps),
        });
    }

    /// The 64 products of tiles' coefficients with those of the filters.
    fn products(
        &self,
        (a, from): (&[Row], Tiling),
        filters: &[Row],
        (c, to): (&mut [Row], Tiling),
        tiles: usize,
    ) {
        let filter_len = from.panels * PANEL * to.panels;
        let a = a.chunks(stride(tiles, from.panels)).take(POINTS);
        let filters = filters.chunks(stride(from.panels * PANEL, to.panels));
        let c = c.chunks_mut(stride(tiles, to.panels));
        for ((a, b), c) in a.zip(filters).zip(c) {
            self.arch.dispatch(Product {
                a: &a[..tiles * from.panels],
                b: &b[..filter_len],
                c: &mut c[..tiles * to.panels],
                rows: tiles,
            });
        }
    }

    fn add_filter_gradients(&self, work: &Work, tiles: usize, d_filters: &mut [Row]) {
        let filter_len = self.outputs * PANEL * self.inputs;
        let a = work.outputs.rows().chunks(stride(tiles, self.outputs));
        let b = work.inputs.rows().chunks(stride(tiles, self.inputs));
        let filters = d_filters.chunks_exact_mut(stride(self.outputs * PANEL, self.inputs));
        for ((a, b), c) in a.zip(b).zip(filters) {
            self.arch.dispatch(TransposedProduct {
                a: &a[..tiles * self.outputs],
                b: &b[..tiles * self.inputs],
                c: &mut c[..filter_len],
                rows: tiles,
            });
        }
    }
}

/// The numbers below `count`, `size` at a time.
fn chunks(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let firsts = (0..count).step_by(size);
    firsts.map(move |first| first..(first + size).min(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{ConvShape, sparse_backward};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const INPUTS: usize = 32;
    const FILTERS: usize = 64;

    struct Case {
        side: usize,
        tile: usize,
        input: Buffer,
        /// `[outputs, 5, 5, inputs]`.
        weight: Vec<f32>,
        winograd: Winograd,
    }

    impl Case {
        fn new(side: usize, tile: usize, n: usize) -> Self {
            let mut rng = ChaCha8Rng::seed_from_u64(side as u64);
            let mut draw = |len: usize| -> Vec<f32> {
                (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
            };
            let (input, weight) = (draw(n * side * side * INPUTS), draw(FILTERS * 25 * INPUTS));
            let by_input: Vec<f32> = (0..weight.len())
                .map(|i| {
                    let (input, tap, output) = (i / (25 * FILTERS), i / FILTERS % 25, i % FILTERS);
                    weight[(output * 25 + tap) * INPUTS + input]
                })
                .collect();
            let winograd = Winograd::new(side, (INPUTS, FILTERS), &by_input, Some(&weight));
            Self {
                side,
                tile,
                input: Buffer::copy_of(&input),
                weight,
                winograd,
            }
        }

        /// The convolution at one position by the literal sum, in f64.
        fn literal(&self, image: usize, row: usize, column: usize, output: usize) -> f64 {
            let mut sum = 0.0;
            for tap in 0..25 {
                let (y, x) = (row + tap / 5, column + tap % 5);
                if y < PAD || x < PAD || y >= self.side + PAD || x >= self.side + PAD {
                    continue;
                }
                let pixel = (image * self.side + y - PAD) * self.side + x - PAD;
                for channel in 0..INPUTS {
                    let weight = self.weight[(output * 25 + tap) * INPUTS + channel];
                    sum += f64::from(self.input[pixel * INPUTS + channel]) * f64::from(weight);
                }
            }
            sum
        }
    }

    /// Largest difference relative to the largest value.
    fn difference(a: &[f32], b: &[f32]) -> f32 {
        let largest = b.iter().fold(0.0f32, |m, b| m.max(b.abs()));
        let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        apart.fold(0.0, f32::max) / largest
    }

    #[test]
    fn convolves_pools_and_rectifies() {
        // Sides divisible by 4 or not, several images per block and several blocks per image.
        for (side, tile, n) in [(12, 2, 5), (10, 5, 7), (28, 1, 1), (5, 1, 3), (1, 1, 2)] {
            let case = Case::new(side, tile, n);
            let pooled = case.winograd.forward(&case.input, tile);
            let out = side / tile;
            assert_eq!(pooled.values.len(), n * out * out * FILTERS);
            for at in (0..pooled.values.len()).step_by(37) {
                let (unit, output) = (at / FILTERS, at % FILTERS);
                let (image, row, column) = (unit / out / out, unit / out % out, unit % out);
                let winner = pooled.winners()[at] as usize;
                let (row, column) = (row * tile + winner / tile, column * tile + winner % tile);
                let expected = case.literal(image, row, column, output).max(0.0);
                assert!(
                    (f64::from(pooled.values[at]) - expected).abs() < 2e-4,
                    "{side} {at}"
                );
                let unrivalled = (0..tile * tile).all(|place| {
                    let (row, column) = (row - winner / tile, column - winner % tile);
                    let (row, column) = (row + place / tile, column + place % tile);
                    case.literal(image, row, column, output).max(0.0) < expected + 2e-4
                });
                assert!(unrivalled, "{side} {at}");
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_sparse_kernel() {
        for (side, tile, n) in [(12, 2, 5), (10, 5, 7), (28, 2, 1), (6, 2, 1)] {
            let case = Case::new(side, tile, n);
            let pooled = case.winograd.forward(&case.input, tile);
            let d_pooled: Vec<f32> = (0..pooled.values.len())
                .map(|i| (i as f32 * 0.37).sin())
                .collect();
            let (d_weight, d_input) = case.winograd.backward(&case.input, &pooled, &d_pooled);
            let shape = ConvShape {
                side,
                inputs: INPUTS,
                tile: case.tile,
            };
            let (expected_weight, expected_input) =
                sparse_backward(shape, &case.input, &case.weight, &pooled, &d_pooled);
            assert!(difference(&d_weight, &expected_weight) < 3e-5, "{side}");
            assert!(difference(&d_input, &expected_input) < 3e-5, "{side}");
        }
    }
}
