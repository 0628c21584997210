//! The picture of the sanity checks.

use image::{DynamicImage, Rgb};

use crate::atlas::Atlas;
use crate::atlas::sanity::{Panel, PanelKind, Sanity, Score};
use crate::atlas::similarity::magnitudes;
use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::canvas::{Canvas, FAINT, INK, unit_range};
use crate::picture::layout::{
    Captions, GAP, MARGIN, TILE, TOP, headed, in_field, input_tile, map_tile,
};

/// Points from one column to the next, for filters' numbers, and from line to line of small letters.
const PITCH: u32 = 76;
const NUMBERS: u32 = 26;
const LINE: u32 = 12;
const SMALL: u32 = 11;
/// First point of the first row, under the heads of the columns.
const FIRST: u32 = TOP + 2 * LINE + GAP;

impl Sanity {
    /// A row for the best patch of each filter: the crop, the trained network's map, and each panel's. The panels' scores are
    /// below.
    pub fn picture(&self, atlas: &Atlas, captions: &Captions, scale: u32) -> DynamicImage {
        let filters = self.filters.iter().filter_map(|f| atlas.filter(*f));
        let filters: Vec<&FilterPatches> = filters.collect();
        let shown = filters.iter().filter(|f| !f.patches.is_empty()).count();
        let scores = FIRST + shown.max(1) as u32 * (TILE + GAP);
        let width = x(2 + self.panels.len() as u32) + MARGIN;
        let mut canvas = headed(width, scores + 4 * LINE + MARGIN, scale, &captions.heading);
        write(&mut canvas, 0, TOP, &["image", ""], INK);
        write(&mut canvas, 1, TOP, &["trained", atlas.method.name()], INK);
        for (column, panel) in (2..).zip(&self.panels) {
            write(&mut canvas, column, TOP, &panel.head, INK);
            write(
                &mut canvas,
                column,
                scores + GAP,
                &score_lines(panel),
                FAINT,
            );
        }
        let (mut map, mut y) = (0, FIRST);
        for filter in filters {
            if let Some(patch) = filter.patches.first() {
                self.draw_row(&mut canvas, y, (filter, patch), map);
                y += TILE + GAP;
            }
            map += filter.patches.len();
        }
        canvas.finish()
    }

    /// A patch beside the panels' maps number `map`.
    fn draw_row(
        &self,
        canvas: &mut Canvas,
        y: u32,
        (filter, patch): (&FilterPatches, &Patch),
        map: usize,
    ) {
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
        for (column, tile) in (0..).zip(tiles) {
            canvas.tile((x(column), y), TILE, tile);
        }
    }
}

fn x(column: u32) -> u32 {
    MARGIN + NUMBERS + column * PITCH
}

fn write(canvas: &mut Canvas, column: u32, y: u32, lines: &[impl AsRef<str>], ink: Rgb<u8>) {
    for (n, line) in (0..).zip(lines) {
        canvas.text((x(column), y + n * LINE), SMALL, line.as_ref(), ink);
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
