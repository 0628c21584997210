//! 5×5 convolutions by Winograd's F(4×4, 5×5) (Lavin and Gray, arXiv 1509.09308), forward and backward.
//!
//! 64 products make 16 outputs that take 400 directly: 6.25 times fewer. The gradients are the transposes of the same
//! linear maps, so they cost as little. Rounding in float32 is some 3e-6 of the largest output, ten times that of the direct sum.

mod points;
mod product;
mod tiles;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

use pulp::Arch;

use super::pool::{Pooled, unpool};
use points::{Filter, FilterTransposed, Input, InputTransposed, OUTPUTS, Output, OutputTransposed};
use product::{PANEL, Product, Row, TransposedProduct};
use tiles::{
    FromPoints, PAD, POINTS, Tiling, ToPoints, filter_places, filter_steps, points_len, stride,
};

/// Tiles worked on together: enough rows to keep the products' inner loop long, few enough for the cache.
const BLOCK: usize = 36;

/// A 5×5 convolution of stride 1 that keeps its side, with the coefficients of its filters.
#[derive(Debug)]
pub(crate) struct Winograd {
    arch: Arch,
    side: usize,
    /// Panels of 32 channels.
    inputs: usize,
    outputs: usize,
    /// `[64, outputs, inputs · 32]`.
    filters: Vec<Row>,
    /// `[64, inputs, outputs · 32]`; empty if there is to be no backward pass.
    transposed: Vec<Row>,
}

/// Working memory of a thread, kept from call to call: fresh pages cost as much as the products.
#[derive(Default)]
struct Scratch {
    padded: Vec<Row>,
    d_padded: Vec<Row>,
    inputs: Vec<Row>,
    outputs: Vec<Row>,
    maps: Vec<Row>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The first `len` rows, whatever is in them.
fn rows(buffer: &mut Vec<Row>, len: usize) -> &mut [Row] {
    if buffer.len() < len {
        buffer.resize(len, [0.0; PANEL]);
    }
    &mut buffer[..len]
}

impl Winograd {
    /// Whether weights `[outputs, inputs, height, width]` suit.
    pub fn suits(weight: &[i64]) -> bool {
        let panel = PANEL as i64;
        matches!(*weight, [o, i, 5, 5] if o % panel == 0 && i % panel == 0 && o > 0 && i > 0)
    }

    /// Transforms the weights, given as `[inputs, 5, 5, outputs]` (`by_input`) and, where [`Winograd::backward`] is
    /// wanted, as `[outputs, 5, 5, inputs]` as well.
    pub fn new(
        side: usize,
        channels: (usize, usize),
        by_input: &[f32],
        by_output: Option<&[f32]>,
    ) -> Self {
        let arch = Arch::new();
        let (inputs, outputs) = (channels.0 / PANEL, channels.1 / PANEL);
        let transform = |rows: usize, panels: usize, filters: &[f32]| {
            let mut out = vec![[0.0; PANEL]; POINTS * rows * panels];
            arch.dispatch(ToPoints {
                line: PhantomData::<Filter>,
                places: filter_places((rows, panels)),
                steps: filter_steps((rows, panels)),
                pixels: filters.as_chunks().0,
                stride: rows * panels,
                points: &mut out,
            });
            out
        };
        Self {
            arch,
            side,
            inputs,
            outputs,
            filters: transform(channels.0, outputs, by_input),
            transposed: by_output
                .map_or_else(Vec::new, |weight| transform(channels.1, inputs, weight)),
        }
    }

    /// Convolution, max pooling over `tile` × `tile` and ReLU of `[n, side, side, inputs]`.
    pub fn forward(&self, input: &[f32], tile: usize) -> Pooled {
        let input: &[Row] = input.as_chunks().0;
        let n = input.len() / self.image_len();
        let mut pooled = Pooled::new(n, self.side / tile, self.outputs * PANEL);
        SCRATCH.with_borrow_mut(|scratch| {
            for group in self.groups(n) {
                let (from, to) = self.tilings(group.len());
                self.pad(&input[self.image_rows(&group)], from, scratch);
                for tiles in blocks(from) {
                    self.input_points(from, &tiles, scratch);
                    self.products(
                        &scratch.inputs,
                        from,
                        &self.filters,
                        &mut scratch.outputs,
                        to,
                        tiles.len(),
                    );
                    self.arch.dispatch(FromPoints::<_, false, _, _> {
                        line: PhantomData::<Output>,
                        places: to.places(to.output_side(), &tiles),
                        steps: to.steps(to.output_side()),
                        pixels: rows(&mut scratch.maps, to.output_len()),
                        stride: stride(tiles.len(), to.panels),
                        points: &scratch.outputs,
                    });
                }
                let maps = rows(&mut scratch.maps, to.output_len());
                pooled.fill(group.start, maps.as_flattened(), to.output_side(), tile);
            }
        });
        pooled
    }

    /// Gradients of [`Winograd::forward`] for its weight `[outputs, 5, 5, inputs]` and its input.
    pub fn backward(
        &self,
        input: &[f32],
        tile: usize,
        pooled: &Pooled,
        d_pooled: &[f32],
        d_weight: &mut [f32],
        d_input: &mut [f32],
    ) {
        let input: &[Row] = input.as_chunks().0;
        let d_input: &mut [Row] = d_input.as_chunks_mut().0;
        let n = input.len() / self.image_len();
        let filters = (self.outputs * PANEL, self.inputs);
        let mut d_filters = vec![[0.0; PANEL]; POINTS * filters.0 * filters.1];
        SCRATCH.with_borrow_mut(|scratch| {
            for group in self.groups(n) {
                let (from, to) = self.tilings(group.len());
                let maps = rows(&mut scratch.maps, to.output_len());
                unpool(
                    pooled,
                    d_pooled,
                    group.start,
                    maps.as_flattened_mut(),
                    to.output_side(),
                    tile,
                );
                self.pad(&input[self.image_rows(&group)], from, scratch);
                rows(&mut scratch.d_padded, from.input_len()).fill([0.0; PANEL]);
                for tiles in blocks(from) {
                    self.input_points(from, &tiles, scratch);
                    self.arch.dispatch(ToPoints {
                        line: PhantomData::<OutputTransposed>,
                        places: to.places(to.output_side(), &tiles),
                        steps: to.steps(to.output_side()),
                        pixels: &scratch.maps,
                        stride: stride(tiles.len(), to.panels),
                        points: rows(&mut scratch.outputs, points_len(tiles.len(), to.panels)),
                    });
                    self.add_filter_gradients(scratch, tiles.len(), &mut d_filters);
                    self.products(
                        &scratch.outputs,
                        to,
                        &self.transposed,
                        &mut scratch.inputs,
                        from,
                        tiles.len(),
                    );
                    self.arch.dispatch(FromPoints::<_, true, _, _> {
                        line: PhantomData::<InputTransposed>,
                        places: from.places(from.input_side(), &tiles),
                        steps: from.steps(from.input_side()),
                        pixels: &mut scratch.d_padded,
                        stride: stride(tiles.len(), from.panels),
                        points: &scratch.inputs,
                    });
                }
                self.unpad(
                    &scratch.d_padded,
                    from,
                    &mut d_input[self.image_rows(&group)],
                );
            }
        });
        self.arch.dispatch(FromPoints::<_, false, _, _> {
            line: PhantomData::<FilterTransposed>,
            places: filter_places(filters),
            steps: filter_steps(filters),
            pixels: d_weight.as_chunks_mut().0,
            stride: filters.0 * filters.1,
            points: &d_filters,
        });
    }

    /// Rows of an image.
    fn image_len(&self) -> usize {
        self.side * self.side * self.inputs
    }

    fn image_rows(&self, images: &Range<usize>) -> Range<usize> {
        images.start * self.image_len()..images.end * self.image_len()
    }

    /// Images that are padded and pooled together: so many that there are tiles enough for a block.
    fn groups(&self, n: usize) -> impl Iterator<Item = Range<usize>> {
        let tiles = self.side.div_ceil(OUTPUTS);
        let images = (BLOCK / (tiles * tiles)).max(1);
        (0..n)
            .step_by(images)
            .map(move |first| first..(first + images).min(n))
    }

    /// Of the input and of the output.
    fn tilings(&self, images: usize) -> (Tiling, Tiling) {
        let tiles = self.side.div_ceil(OUTPUTS);
        let tiling = |panels| Tiling {
            images,
            tiles,
            panels,
        };
        (tiling(self.inputs), tiling(self.outputs))
    }

    fn pad(&self, images: &[Row], tiling: Tiling, scratch: &mut Scratch) {
        let padded = rows(&mut scratch.padded, tiling.input_len());
        padded.fill([0.0; PANEL]);
        self.lines(tiling, |line, start| {
            padded[start..start + line.len()].copy_from_slice(&images[line]);
        });
    }

    fn unpad(&self, padded: &[Row], tiling: Tiling, images: &mut [Row]) {
        self.lines(tiling, |line, start| {
            let len = line.len();
            images[line].copy_from_slice(&padded[start..start + len]);
        });
    }

    /// Calls `f` with the place of every line of pixels in the images and its start in the padded ones.
    fn lines(&self, tiling: Tiling, mut f: impl FnMut(Range<usize>, usize)) {
        let (len, width) = (self.side * tiling.panels, tiling.input_side());
        for line in 0..tiling.images * self.side {
            let (image, row) = (line / self.side, line % self.side);
            let start = ((image * width + row + PAD) * width + PAD) * tiling.panels;
            f(line * len..(line + 1) * len, start);
        }
    }

    /// Coefficients of these tiles of the padded images.
    fn input_points(&self, tiling: Tiling, tiles: &Range<usize>, scratch: &mut Scratch) {
        self.arch.dispatch(ToPoints {
            line: PhantomData::<Input>,
            places: tiling.places(tiling.input_side(), tiles),
            steps: tiling.steps(tiling.input_side()),
            pixels: &scratch.padded,
            stride: stride(tiles.len(), tiling.panels),
            points: rows(&mut scratch.inputs, points_len(tiles.len(), tiling.panels)),
        });
    }

    /// The 64 products of tiles' coefficients with those of the filters.
    fn products(
        &self,
        a: &[Row],
        from: Tiling,
        filters: &[Row],
        c: &mut Vec<Row>,
        to: Tiling,
        tiles: usize,
    ) {
        let (a_stride, c_stride) = (stride(tiles, from.panels), stride(tiles, to.panels));
        let filter_len = from.panels * PANEL * to.panels;
        let c = rows(c, points_len(tiles, to.panels));
        for point in 0..POINTS {
            self.arch.dispatch(Product {
                a: &a[point * a_stride..][..tiles * from.panels],
                b: &filters[point * filter_len..][..filter_len],
                c: &mut c[point * c_stride..][..tiles * to.panels],
                rows: tiles,
            });
        }
    }

    fn add_filter_gradients(&self, scratch: &Scratch, tiles: usize, d_filters: &mut [Row]) {
        let (input_stride, output_stride) =
            (stride(tiles, self.inputs), stride(tiles, self.outputs));
        let filter_len = self.inputs * PANEL * self.outputs;
        for (point, c) in d_filters.chunks_exact_mut(filter_len).enumerate() {
            self.arch.dispatch(TransposedProduct {
                a: &scratch.outputs[point * output_stride..][..tiles * self.outputs],
                b: &scratch.inputs[point * input_stride..][..tiles * self.inputs],
                c,
                rows: tiles,
            });
        }
    }
}

/// The tiles in blocks.
fn blocks(tiling: Tiling) -> impl Iterator<Item = Range<usize>> {
    let count = tiling.count();
    (0..count)
        .step_by(BLOCK)
        .map(move |first| first..(first + BLOCK).min(count))
}
