//! Marks of series, by colour and shape, and the layout of a legend.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Area, Chart, Drawn, SERIES, text_style};

/// Height of a line of text, in legends and forest plots.
pub(crate) const LINE: u32 = 27;

/// The vertical middle of a legend line.
pub(crate) fn middle(row: usize) -> i32 {
    row as i32 * LINE as i32 + LINE as i32 / 2 + 4
}

/// A name in a legend.
pub(crate) fn key_text(area: &Area, name: &str, at: (i32, i32)) -> Drawn {
    let style = text_style(HPos::Left, VPos::Center);
    Ok(area.draw(&Text::new(name, at, style))?)
}

/// A series' mark at a value.
pub(crate) fn draw_mark(chart: &mut Chart, at: (f64, f64), series: usize) -> Drawn {
    let pixel = chart.backend_coord(&at);
    let area = chart.plotting_area().strip_coord_spec();
    let base = area.get_base_pixel();
    mark(&area, (pixel.0 - base.0, pixel.1 - base.1), series)
}

/// The mark of a series around `at`, in pixels: circle, square, triangle, diamond or triangle on its head.
pub(crate) fn mark(area: &Area, (x, y): (i32, i32), series: usize) -> Drawn {
    let number = series % SERIES.len();
    let style = SERIES[number].filled();
    let corners: &[(i32, i32)] = match number {
        0 => return Ok(area.draw(&Circle::new((x, y), 6, style))?),
        1 => &[(-5, -5), (5, -5), (5, 5), (-5, 5)],
        2 => &[(-6, 5), (6, 5), (0, -6)],
        3 => &[(-7, 0), (0, -7), (7, 0), (0, 7)],
        _ => &[(-6, -5), (6, -5), (0, 6)],
    };
    let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    Ok(area.draw(&Polygon::new(corners, style))?)
}
