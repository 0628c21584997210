//! The figure of some filters and the sheet of one: image crops above their projections.

use image::DynamicImage;

use crate::atlas::Atlas;
use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::canvas::{
    Canvas, Captions, FAINT, GAP, HEADING, INK, MARGIN, PAPER, SCALES, TILE, TOP, greys, headed,
    input_tile, map_tile, text_width, wrapped,
};

/// Points between filters.
const FILTER_GAP: u32 = 12;
/// Height of a line beside a filter.
const LABEL: u32 = 12;
/// Patches of a filter on the front page.
const FRONT: usize = 3;
/// First point of the tiles, right of the text beside a filter.
const LEFT: u32 = MARGIN + 124;
/// Points from one tile to the next.
const PITCH: u32 = TILE + GAP;

impl Atlas<'_> {
    /// The paper's figure: a row of input crops and a row of projections for each of `filters`, best first.
    ///
    /// Projections are centred at zero: middle grey is 0, and each is scaled by its largest absolute value.
    pub(crate) fn figure(&self, filters: &[usize], captions: &Captions) -> Vec<DynamicImage> {
        let filters: Vec<&FilterPatches> = filters.iter().filter_map(|f| self.filter(*f)).collect();
        draw_filters(&filters, captions)
    }

    /// The seed of the paper's figures: a row for each pattern of `front`, the crops of its filter's best three patches, each
    /// above its projection.
    pub(crate) fn frontpage(&self, front: &[(String, usize)], heading: &str) -> Vec<DynamicImage> {
        let best = |(label, filter): &(String, usize)| {
            let found = self.filter(*filter)?;
            let patches = found.patches.iter().take(FRONT).cloned().collect();
            Some((label.clone(), FilterPatches { patches, ..*found }))
        };
        let rows: Vec<_> = front.iter().filter_map(best).collect();
        let labels = rows.iter().map(|(label, f)| (f.filter, label.clone()));
        let captions = Captions {
            heading: heading.to_owned(),
            labels: labels.collect(),
        };
        let filters: Vec<_> = rows.iter().map(|(_, filter)| filter).collect();
        draw_filters(&filters, &captions)
    }

    /// One filter: its input crops, their projections, the place of each on its face, and at the right the places of its
    /// responses on the average face.
    pub(crate) fn sheet(&self, filter: &FilterPatches, captions: &Captions) -> Vec<DynamicImage> {
        let places = 3 * TILE + 2 * GAP;
        let map = self.frame.has_places.then(|| self.place_map(filter.filter));
        let right = LEFT + filter.patches.len().max(1) as u32 * PITCH;
        let width = MARGIN + right + map.as_ref().map_or(0, |_| places + GAP);
        let height = TOP + places + MARGIN;
        let mut canvas = headed(width, height, &SCALES[..1], &captions.heading);
        draw_filter(&mut canvas, TOP, filter, captions);
        for (column, patch) in (0..).zip(&filter.patches) {
            self.draw_face(&mut canvas, (LEFT + column * PITCH, TOP + 2 * PITCH), patch);
        }
        if let Some(map) = map {
            canvas.tile((right + GAP, TOP), places, map);
        }
        canvas.finish()
    }

    /// A patch's face, with the patch outlined.
    fn draw_face(&self, canvas: &mut Canvas, (x, y): (u32, u32), patch: &Patch) {
        let (side, region) = (self.images.source.side(), patch.region);
        let grey = self.images.source.grey(patch.unit.index);
        canvas.tile((x, y), TILE, greys(grey, side, |v| v));
        if region.width < side || region.height < side {
            let points = |pixel: usize| pixel as f64 * f64::from(TILE) / side as f64;
            let (left, top) = (points(region.column), points(region.row));
            let size = (points(region.width), points(region.height));
            canvas.outline((f64::from(x) + left, f64::from(y) + top), size, PAPER);
        }
    }
}

/// The filters one below the other, at least as wide as the heading.
fn draw_filters(filters: &[&FilterPatches], captions: &Captions) -> Vec<DynamicImage> {
    let columns = filters.iter().map(|f| f.patches.len()).fold(1, usize::max) as u32;
    let least = text_width(&captions.heading, HEADING);
    let block = 2 * PITCH + FILTER_GAP;
    let width = (LEFT + columns * PITCH - GAP).max(MARGIN + least) + MARGIN;
    let height = 2 * MARGIN + HEADING + GAP + filters.len().max(1) as u32 * block - FILTER_GAP;
    let mut canvas = headed(width, height, &SCALES, &captions.heading);
    for (row, filter) in (0..).zip(filters) {
        draw_filter(&mut canvas, TOP + row * block, filter, captions);
    }
    canvas.finish()
}

/// A filter's label, and its input crops above their projections.
fn draw_filter(canvas: &mut Canvas, top: u32, filter: &FilterPatches, captions: &Captions) {
    let number = format!("filter {}", filter.filter);
    canvas.text((MARGIN, top), HEADING, &number, INK);
    let label = captions.labels.get(&filter.filter);
    let lines = label.iter().flat_map(|label| label.split('\n'));
    let wrapped = |line| wrapped(line, LABEL, LEFT - MARGIN - GAP);
    let lines: Vec<String> = lines.flat_map(wrapped).collect();
    let below = top + HEADING + GAP;
    canvas.lines((MARGIN, below), (LABEL, LABEL + 1), &lines, INK);
    if filter.patches.is_empty() {
        let y = below + lines.len() as u32 * (LABEL + 1);
        canvas.text((MARGIN, y), LABEL, "dead: no response", FAINT);
    }
    let patches = || filter.patches.iter();
    let inputs = patches().map(|patch| input_tile(filter, patch));
    canvas.row((LEFT, top), (TILE, PITCH), inputs);
    let maps = patches().map(|patch| map_tile(filter, patch, &patch.projection));
    canvas.row((LEFT, top + PITCH), (TILE, PITCH), maps);
}
