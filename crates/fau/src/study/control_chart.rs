//! Picture of the controls: the best filter of each action unit, network by network.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::Error;
use crate::study::control::{Control, ControlUnit};
use crate::write::charts::{Area, BLUE, Drawing, GREY, VERMILLION, au_label, picture};

/// Okabe & Ito's palette, one colour for each network.
const PALETTE: [RGBColor; 7] = [
    VERMILLION,
    BLUE,
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(240, 228, 66),
];

/// AUROC of every action unit's best filter, chosen on other people, for the trained network and its controls: a dot and
/// its interval over subjects each.
///
/// # Errors
/// [`Error::Chart`] if the plotting library fails.
pub(crate) fn control_chart(controls: &[Control], origin: &str) -> Result<String, Error> {
    let units = controls.iter().take(1).flat_map(|trained| &trained.units);
    let units: Vec<u8> = units.map(|unit| unit.best.count.au).collect();
    let title = format!("Best filter of each action unit, chosen on other people{origin}");
    let height = 190 + 16 * (controls.len() * units.len()) as u32;
    picture("controls.svg", (860, height), |area| {
        draw_controls(area, &title, &units, controls)
    })
}

fn draw_controls(area: &Area, title: &str, units: &[u8], controls: &[Control]) -> Drawing {
    let slots = controls.len() + 1;
    let rows = (units.len() * slots) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 21))
        .margin(12)
        .x_label_area_size(52)
        .y_label_area_size(216)
        .build_cartesian_2d(0.3..1.0, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY)
        .y_labels(0)
        .label_style(("sans-serif", 17))
        .x_desc("AUROC on people left out, 95% over subjects (0.5: no association)")
        .axis_desc_style(("sans-serif", 17))
        .draw()?;
    for (at, control) in controls.iter().enumerate() {
        let colour = PALETTE[at % PALETTE.len()];
        let mut dots = Vec::new();
        for (row, ControlUnit { best, .. }) in control.units.iter().enumerate() {
            let y = (row * slots + at) as f64 + 0.75;
            if !best.score.auroc.is_nan() {
                dots.push((best.score.auroc.max(0.3), y));
            }
            if !best.range.low.is_nan() {
                let ends = [best.range.low, best.range.high].map(|x| (x.max(0.3), y));
                chart.draw_series([PathElement::new(ends.to_vec(), colour.stroke_width(2))])?;
            }
        }
        let dot = |place| Circle::new(place, 4, colour.filled());
        chart
            .draw_series(dots.into_iter().map(dot))?
            .label(control.name.replace('_', "-"))
            .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
    }
    let style =
        TextStyle::from(("sans-serif", 17).into_font()).pos(Pos::new(HPos::Right, VPos::Center));
    for (row, &au) in units.iter().enumerate() {
        let middle = (0.3, (row * slots) as f64 + slots as f64 / 2.0);
        let (x, y) = chart.backend_coord(&middle);
        area.draw_text(&au_label(au), &style, (x - 8, y))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.filled())
        .border_style(GREY)
        .label_font(("sans-serif", 16))
        .draw()?;
    Ok(())
}
