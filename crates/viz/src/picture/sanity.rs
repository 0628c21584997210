//! The picture of the sanity checks.

use image::DynamicImage;

use crate::atlas::Atlas;
use crate::atlas::sanity::{Panel, PanelKind, Sanity, Score};
use crate::atlas::similarity::magnitudes;
use crate::explain::patch::FilterPatches;
use crate::picture::canvas::{
    Canvas, FAINT, GAP, INK, MARGIN, SCALES, TILE, TOP, headed, in_field, input_tile, map_tile,
    unit_range,
};

/// Points from one column to the next, and from line to line of small letters.
const PITCH: u32 = 76;
const LINE: u32 = 12;
const SMALL: u32 = 11;
/// First point of the columns, right of the filters' numbers.
const LEFT: u32 = MARGIN + 26;
/// First point of the first row, under the heads of the columns.
const FIRST: u32 = TOP + 2 * LINE + GAP;

impl Sanity {
    /// A row for the best patch of each filter: the crop, the trained network's map, and each panel's. The panels' scores are
    /// below.
    pub(crate) fn picture(&self, atlas: &Atlas, heading: &str) -> Vec<DynamicImage> {
        let filters = self.filters.iter().filter_map(|f| atlas.filter(*f));
        let alive: Vec<&FilterPatches> = filters.filter(|f| !f.patches.is_empty()).collect();
        let scores = FIRST + alive.len().max(1) as u32 * (TILE + GAP);
        let width = LEFT + (2 + self.panels.len() as u32) * PITCH + MARGIN;
        let mut canvas = headed(width, scores + 4 * LINE + MARGIN, &SCALES, heading);
        let own = [["image", ""], ["trained", atlas.method.name()]];
        let panels = self
            .panels
            .iter()
            .map(|panel| panel.head.each_ref().map(String::as_str));
        for (column, head) in (0..).zip(own.into_iter().chain(panels)) {
            canvas.lines((LEFT + column * PITCH, TOP), (SMALL, LINE), head, INK);
        }
        for (column, panel) in (2..).zip(&self.panels) {
            let at = (LEFT + column * PITCH, scores + GAP);
            canvas.lines(at, (SMALL, LINE), score_lines(panel), FAINT);
        }
        let mut map = 0;
        for (row, filter) in (0..).zip(alive) {
            self.draw_row(&mut canvas, FIRST + row * (TILE + GAP), filter, map);
            map += filter.patches.len();
        }
        canvas.finish()
    }

    /// A filter's best patch beside the panels' maps number `map`.
    fn draw_row(&self, canvas: &mut Canvas, y: u32, filter: &FilterPatches, map: usize) {
        let patch = &filter.patches[0];
        canvas.text((MARGIN, y), SMALL, &filter.filter.to_string(), FAINT);
        let own = map_tile(filter, patch, &patch.projection);
        let panels = self.panels.iter().map(|panel| match panel.kind {
            PanelKind::Edges => {
                let edges = unit_range(&magnitudes(&panel.maps[map]), patch.region.width);
                in_field(filter, patch, &edges)
            }
            _ => map_tile(filter, patch, &panel.maps[map]),
        });
        let tiles = [input_tile(filter, patch), own].into_iter().chain(panels);
        canvas.row((LEFT, y), (TILE, PITCH), tiles);
    }
}

fn score_lines(panel: &Panel) -> [String; 3] {
    let line = |name: &str, score: Option<Score>| match score.and_then(|s| s.mean) {
        Some(mean) => format!("{name} {mean:5.2}"),
        None => format!("{name}     -"),
    };
    [
        line("rank", panel.spearman),
        line("|rank|", Some(panel.spearman_abs)),
        line("SSIM", Some(panel.ssim)),
    ]
}
