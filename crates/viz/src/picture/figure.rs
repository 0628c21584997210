//! The figure of some filters and the sheet of one: image crops above their projections.

use image::{DynamicImage, Rgb};

use crate::atlas::Atlas;
use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::canvas::{Canvas, FAINT, INK, fitted};
use crate::picture::layout::{
    Captions, GAP, HEADING, MARGIN, TILE, TOP, face, headed, input_tile, map_tile,
};

/// Points between filters.
const FILTER_GAP: u32 = 12;
/// Height of a line beside a filter.
const LABEL: u32 = 12;
/// Width of the text beside a filter.
const LABELS: u32 = 124;

impl Atlas<'_> {
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
        for (row, filter) in (0..).zip(filters) {
            let top = TOP + row * block;
            write_label(&mut canvas, (MARGIN, top), filter, captions);
            draw_patches(&mut canvas, (MARGIN + LABELS, top), filter);
        }
        canvas.finish()
    }

    /// One filter: its input crops, their projections, the place of each on its face, and at the right the places of its
    /// responses on the average face.
    pub fn sheet(&self, filter: usize, captions: &Captions, scale: u32) -> DynamicImage {
        let Some(patches) = self.filter(filter) else {
            return self.figure(&[], captions, scale);
        };
        let places = 3 * TILE + 2 * GAP;
        let map = self.frame.has_places().then(|| self.place_map(filter));
        let right = MARGIN + LABELS + patches.patches.len().max(1) as u32 * (TILE + GAP);
        let width = MARGIN + right + map.as_ref().map_or(0, |_| places + GAP);
        let mut canvas = headed(width, TOP + places + MARGIN, scale, &captions.heading);
        write_label(&mut canvas, (MARGIN, TOP), patches, captions);
        draw_patches(&mut canvas, (MARGIN + LABELS, TOP), patches);
        for (column, patch) in (0..).zip(&patches.patches) {
            let x = MARGIN + LABELS + column * (TILE + GAP);
            self.draw_face(&mut canvas, (x, TOP + 2 * (TILE + GAP)), patch);
        }
        if let Some(map) = map {
            canvas.tile((right + GAP, TOP), places, map);
        }
        canvas.finish()
    }

    /// A patch's face, with the patch outlined.
    fn draw_face(&self, canvas: &mut Canvas, (x, y): (u32, u32), patch: &Patch) {
        let images = self.images.source;
        let side = images.side();
        canvas.tile((x, y), TILE, face(images.grey(patch.unit.index), side));
        let region = patch.region;
        if region.width < side || region.height < side {
            let points = |pixel: usize| pixel as f64 * f64::from(TILE) / side as f64;
            let at = (
                f64::from(x) + points(region.column),
                f64::from(y) + points(region.row),
            );
            let size = (points(region.width), points(region.height));
            canvas.outline(at, size, Rgb([255, 255, 255]));
        }
    }
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
    for (column, patch) in (0..).zip(&filter.patches) {
        let x = left + column * (TILE + GAP);
        canvas.tile((x, top), TILE, input_tile(filter, patch));
        let projection = map_tile(filter, patch, &patch.projection);
        canvas.tile((x, top + TILE + GAP), TILE, projection);
    }
}
