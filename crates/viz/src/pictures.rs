//! The pictures of an [`Atlas`].

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use crate::canvas::{
    Canvas, FAINT, INK, MIDDLE, centred, fitted, largest, mix, text_width, unit_range,
};
use crate::{Atlas, Captions, FilterPatches, Patch};

/// Side of a patch, in points.
pub(crate) const TILE: u32 = 64;
/// Points between tiles.
pub(crate) const GAP: u32 = 3;
/// Points between filters.
const FILTER_GAP: u32 = 12;
/// Points around everything.
pub(crate) const MARGIN: u32 = 12;
/// Height of the heading and of what is written beside a filter.
pub(crate) const HEADING: u32 = 15;
const LABEL: u32 = 12;
/// Width of what is written beside a filter.
const LABELS: u32 = 124;
/// Side of an atlas' tile, and of a place map.
const SMALL: u32 = 48;
const PLACES: u32 = 56;
/// Height of the numbers above an atlas' tiles.
const NUMBER: u32 = 10;
/// Where a filter responds most.
const HOT: Rgb<u8> = Rgb([255, 70, 0]);

impl Atlas<'_, '_> {
    /// The paper's figure: a row of input crops and a row of projections for each of `filters`, best first.
    ///
    /// Projections are centred at zero: middle grey is 0, and each is scaled by its largest absolute value.
    pub fn figure(&self, filters: &[usize], captions: &Captions, scale: u32) -> DynamicImage {
        let filters: Vec<&FilterPatches> = filters.iter().filter_map(|f| self.filter(*f)).collect();
        let longest = filters.iter().map(|f| f.patches.len()).max();
        let columns = longest.unwrap_or(0).max(1) as u32;
        let block = 2 * (TILE + GAP) + FILTER_GAP;
        let width = 2 * MARGIN + LABELS + columns * (TILE + GAP) - GAP;
        let height = 2 * MARGIN + HEADING + GAP + filters.len().max(1) as u32 * block - FILTER_GAP;
        let mut canvas = headed(width, height, scale, &captions.heading);
        for (row, filter) in filters.iter().enumerate() {
            let top = MARGIN + HEADING + 2 * GAP + row as u32 * block;
            write_label(&mut canvas, (MARGIN, top), filter, captions);
            draw_patches(&mut canvas, (MARGIN + LABELS, top), filter);
        }
        canvas.finish()
    }

    /// One filter: its input crops, their projections, where on its face each lies; at the right where on the average face the
    /// filter responds.
    pub fn sheet(&self, filter: usize, captions: &Captions, scale: u32) -> DynamicImage {
        let Some(patches) = self.filter(filter) else {
            return self.figure(&[], captions, scale);
        };
        let columns = patches.patches.len().max(1) as u32;
        let places = 3 * TILE + 2 * GAP;
        let tiles = columns * (TILE + GAP);
        let width = 2 * MARGIN + LABELS + tiles + if self.has_places { places + GAP } else { 0 };
        let mut canvas = headed(
            width,
            2 * MARGIN + HEADING + 2 * GAP + places,
            scale,
            &captions.heading,
        );
        let (left, top) = (MARGIN + LABELS, MARGIN + HEADING + 2 * GAP);
        write_label(&mut canvas, (MARGIN, top), patches, captions);
        draw_patches(&mut canvas, (left, top), patches);
        for (column, patch) in patches.patches.iter().enumerate() {
            let at = (left + column as u32 * (TILE + GAP), top + 2 * (TILE + GAP));
            self.draw_face(&mut canvas, at, patch);
        }
        if self.has_places {
            let map = self.place_map(filter);
            canvas.colour((left + tiles + GAP, top), places, &map);
        }
        canvas.finish()
    }

    /// Every filter in the atlas' order, line by line, every other line from right to left so that neighbours stay together: the
    /// crop that excites it most above the mean of its projections.
    pub fn overview(&self, captions: &Captions, scale: u32) -> DynamicImage {
        let cell = (SMALL, NUMBER + 2 * SMALL + GAP / 2);
        self.grid(cell, captions, scale, |canvas, (x, y), filter| {
            let Some(patches) = self.filter(filter) else {
                return;
            };
            canvas.text((x, y), NUMBER, &filter.to_string(), FAINT);
            let (upper, lower) = (y + NUMBER, y + NUMBER + SMALL + 1);
            match patches.patches.first() {
                Some(best) => {
                    let crop = in_field(patches, best, &unit_range(&best.input, best.w));
                    canvas.grey((x, upper), SMALL, &crop);
                    let mean: Vec<f32> = patches
                        .mean_projection()
                        .into_iter()
                        .map(|v| v as f32)
                        .collect();
                    canvas.grey(
                        (x, lower),
                        SMALL,
                        &centred(&mean, patches.field, largest(&mean)),
                    );
                }
                None => {
                    let empty = GrayImage::from_pixel(1, 1, Luma([235]));
                    canvas.blocks((x, upper), SMALL, &empty);
                    canvas.blocks((x, lower), SMALL, &empty);
                    canvas.text((x + 10, upper + 18), NUMBER, "dead", FAINT);
                }
            }
        })
    }

    /// Where each filter responds, over the average face, in the order and grid of [`Atlas::overview`].
    pub fn place_maps(&self, captions: &Captions, scale: u32) -> DynamicImage {
        let cell = (PLACES, NUMBER + PLACES);
        self.grid(cell, captions, scale, |canvas, (x, y), filter| {
            canvas.text((x, y), NUMBER, &filter.to_string(), FAINT);
            canvas.colour((x, y + NUMBER), PLACES, &self.place_map(filter));
        })
    }

    /// The first layer's kernels in their order, middle grey for 0, all on one scale; `None` where that layer does not look at
    /// grey images.
    pub fn first_weights(&self, captions: &Captions, scale: u32) -> Option<DynamicImage> {
        let (values, side) = (&self.kernels.0, self.kernels.1);
        let kernels: Vec<&[f32]> = values.chunks_exact((side * side).max(1)).collect();
        if side == 0 || kernels.is_empty() {
            return None;
        }
        let columns = columns_of(kernels.len());
        let cell = (SMALL, SMALL);
        let mut canvas = grid_canvas(kernels.len(), columns, cell, captions, scale);
        for (n, kernel) in kernels.iter().enumerate() {
            let at = grid_place(n / columns, n % columns, cell);
            canvas.blocks(at, SMALL, &centred(kernel, side, largest(values)));
        }
        Some(canvas.finish())
    }

    /// The mean of the images.
    pub fn average_face(&self) -> GrayImage {
        let side = self.images.side as u32;
        GrayImage::from_fn(side, side, |x, y| {
            Luma([self.survey.average[(y * side + x) as usize]
                .round()
                .clamp(0.0, 255.0) as u8])
        })
    }

    fn grid(
        &self,
        cell: (u32, u32),
        captions: &Captions,
        scale: u32,
        draw: impl Fn(&mut Canvas, (u32, u32), usize),
    ) -> DynamicImage {
        let columns = columns_of(self.order.len());
        let mut canvas = grid_canvas(self.order.len(), columns, cell, captions, scale);
        for (n, &filter) in self.order.iter().enumerate() {
            let (row, along) = (n / columns, n % columns);
            let column = if row % 2 == 0 {
                along
            } else {
                columns - 1 - along
            };
            draw(&mut canvas, grid_place(row, column, cell), filter);
        }
        canvas.finish()
    }

    /// The face a patch is from, with its outline.
    fn draw_face(&self, canvas: &mut Canvas, (x, y): (u32, u32), patch: &Patch) {
        let side = self.images.side as u32;
        let pixels = (self.images.grey)(patch.unit.index);
        let face = GrayImage::from_fn(side, side, |x, y| Luma([pixels[(y * side + x) as usize]]));
        canvas.grey((x, y), TILE, &face);
        if patch.w < self.images.side || patch.h < self.images.side {
            let points = |pixel: usize| pixel as f64 * f64::from(TILE) / f64::from(side);
            let at = (
                f64::from(x) + points(patch.x),
                f64::from(y) + points(patch.y),
            );
            canvas.outline(at, (points(patch.w), points(patch.h)), Rgb([255, 255, 255]));
        }
    }

    /// The average face under the filter's places: redder where it responds more. Each place is spread over the pixels between
    /// it and its neighbours.
    fn place_map(&self, filter: usize) -> RgbImage {
        let side = self.images.side;
        let heat = self.heat(self.positions(filter).unwrap_or_default());
        let most = heat.iter().copied().fold(0.0, f64::max);
        RgbImage::from_fn(side as u32, side as u32, |x, y| {
            let at = y as usize * side + x as usize;
            let grey = self.survey.average[at].round().clamp(0.0, 255.0) as u8;
            // The root: places that are visited seldom stay visible.
            let share = if most > 0.0 {
                (heat[at] / most).sqrt() * 0.85
            } else {
                0.0
            };
            mix(Rgb([grey; 3]), HOT, share)
        })
    }

    /// Places of the feature map as a density over pixels, `[side, side]`.
    fn heat(&self, positions: &[f64]) -> Vec<f64> {
        let (side, columns) = (self.images.side, self.survey.columns.max(1));
        let mut heat = vec![0.0; side * side];
        // A bump as wide as the units lie apart, but never so narrow that it falls between pixels.
        let reach = self.frame.stride().max(1.5);
        let tent =
            |pixel: usize, centre: f64| (1.0 - (pixel as f64 - centre).abs() / reach).max(0.0);
        let near = |centre: f64| {
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = (centre + reach).floor().min(side as f64 - 1.0).max(-1.0);
            first..(last + 1.0) as usize
        };
        for (at, &weight) in positions.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let (x, y) = self.frame.centre(at / columns, at % columns);
            let inside = |v: f64| v.clamp(0.0, side as f64 - 1.0);
            let (x, y) = (inside(x), inside(y));
            for row in near(y) {
                for column in near(x) {
                    heat[row * side + column] += weight * tent(row, y) * tent(column, x);
                }
            }
        }
        heat
    }
}

/// A canvas with its heading.
pub(crate) fn headed(width: u32, height: u32, scale: u32, heading: &str) -> Canvas {
    let mut canvas = Canvas::new(width, height, scale);
    let heading = fitted(heading, HEADING, width - 2 * MARGIN);
    canvas.text((MARGIN, MARGIN), HEADING, &heading, INK);
    canvas
}

fn write_label(
    canvas: &mut Canvas,
    (x, y): (u32, u32),
    filter: &FilterPatches,
    captions: &Captions,
) {
    canvas.text((x, y), HEADING, &format!("filter {}", filter.filter), INK);
    let mut y = y + HEADING + GAP;
    let label = captions.labels.get(&filter.filter);
    for line in label.iter().flat_map(|label| label.split('\n')) {
        canvas.text((x, y), LABEL, &fitted(line, LABEL, LABELS - GAP), INK);
        y += LABEL + 1;
    }
    if filter.patches.is_empty() {
        canvas.text((x, y), LABEL, "dead: no response", FAINT);
    }
}

/// Input crops above their projections.
fn draw_patches(canvas: &mut Canvas, (left, top): (u32, u32), filter: &FilterPatches) {
    for (column, patch) in filter.patches.iter().enumerate() {
        let x = left + column as u32 * (TILE + GAP);
        let crop = in_field(filter, patch, &unit_range(&patch.input, patch.w));
        canvas.grey((x, top), TILE, &crop);
        let projection = centred(&patch.projection, patch.w, largest(&patch.projection));
        canvas.grey(
            (x, top + TILE + GAP),
            TILE,
            &in_field(filter, patch, &projection),
        );
    }
}

/// A crop in its place of the full receptive field.
pub(crate) fn in_field(filter: &FilterPatches, patch: &Patch, crop: &GrayImage) -> GrayImage {
    let field = filter.field.max(1) as u32;
    let mut tile = GrayImage::from_pixel(field, field, Luma([MIDDLE]));
    let (x, y) = patch.inset;
    image::imageops::replace(&mut tile, crop, x as i64, y as i64);
    tile
}

fn columns_of(count: usize) -> usize {
    (count as f64).sqrt().ceil().max(1.0) as usize
}

fn grid_canvas(
    count: usize,
    columns: usize,
    cell: (u32, u32),
    captions: &Captions,
    scale: u32,
) -> Canvas {
    let rows = count.div_ceil(columns).max(1) as u32;
    let width = 2 * MARGIN + columns as u32 * (cell.0 + GAP) - GAP;
    let width = width.max(2 * MARGIN + text_width(&captions.heading, HEADING).min(900));
    let height = 2 * MARGIN + HEADING + 2 * GAP + rows * (cell.1 + 2 * GAP) - 2 * GAP;
    headed(width, height, scale, &captions.heading)
}

fn grid_place(row: usize, column: usize, cell: (u32, u32)) -> (u32, u32) {
    let (row, column) = (row as u32, column as u32);
    (
        MARGIN + column * (cell.0 + GAP),
        MARGIN + HEADING + 2 * GAP + row * (cell.1 + 2 * GAP),
    )
}
