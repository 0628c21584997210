//! Pictures of an analysis as SVG: bars of one filter, and a map of filters against action units.

use faus_base::au;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::colors::colormaps::ViridisRGB;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::analysis::Analysis;
use crate::analysis::inference::PairInference;
use crate::analysis::scores::{FilterAu, KL};
use crate::error::Error;
use crate::write::output::OutputOptions;

/// Blue and vermillion of Okabe & Ito's palette, distinguishable under all common kinds of colour vision.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const VERMILLION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREY: RGBColor = RGBColor(90, 90, 90);
/// Unit of KL.
const UNIT: &str = "KL(Q‖R) in nats";
/// Maximum number of filters side by side; the strongest are shown.
const MAX_COLUMNS: usize = 256;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Drawing = Result<(), Box<dyn std::error::Error>>;

/// KL of one filter and one action unit, and what is known beside it.
type Bar<'a> = (&'a FilterAu, &'a PairInference);

/// Horizontal bars: KL of one filter for every action unit, the largest marked.
pub(crate) fn bar_chart(
    analysis: &Analysis,
    filter: usize,
    options: &OutputOptions,
    name: &str,
) -> Result<String, Error> {
    let bars = analysis.associations.iter().zip(&analysis.inference.pairs);
    let bars: Vec<Bar> = bars.filter(|(row, _)| row.filter == filter).collect();
    let height = 112 + 24 * bars.len() as u32;
    let title = format!("Filter {filter}{}{}", of_layer(options), of_data(options));
    let mut unit = UNIT.to_owned();
    if bars.iter().any(|(_, beside)| !beside.kl_null_95.is_nan()) {
        unit += "; tick: 95% point under exchange of codes";
    }
    picture(name, (560, height), |area| {
        draw_bars(area, &title, &unit, &bars)
    })
}

/// Filter × action unit: KL as colour. Filters are ordered by their action unit, then score.
pub(crate) fn heat_map(
    analysis: &Analysis,
    options: &OutputOptions,
    name: &str,
) -> Result<String, Error> {
    let mut shown = analysis.by_kl();
    shown.truncate(MAX_COLUMNS);
    shown.sort_by(|a, b| a.au.cmp(&b.au).then(b.score.total_cmp(&a.score)));
    let (units, kl) = (analysis.aus_used.len(), analysis.column(KL));
    let scores = shown.iter().map(|c| &kl[c.filter * units..][..units]);
    let scores: Vec<&[f64]> = scores.collect();
    let labels: Vec<String> = analysis.aus_used.iter().map(|c| au_label(c.au)).collect();
    let which = match analysis.correspondences.len() > MAX_COLUMNS {
        true => format!("the {MAX_COLUMNS} strongest filters"),
        false => format!("{} filters", shown.len()),
    };
    let layer = of_layer(options);
    let title = format!("{which}{layer} × action units{}", of_data(options));
    let height = 88 + 24 * units as u32;
    let svg = picture(name, (1100, height), |area| {
        draw_cells(area, &title, UNIT, &labels, &scores)
    })?;
    // Otherwise, cells that do not align with screen pixels show seams.
    Ok(svg.replacen("<svg ", "<svg shape-rendering=\"crispEdges\" ", 1))
}

pub(crate) fn picture(
    name: &str,
    size: (u32, u32),
    draw: impl FnOnce(&Area) -> Drawing,
) -> Result<String, Error> {
    let mut svg = String::new();
    let drawn = draw_into(&mut svg, size, draw);
    drawn.map_err(|error| Error::Chart(name.to_owned(), error.to_string()))?;
    Ok(svg)
}

fn draw_into(svg: &mut String, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawing) -> Drawing {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    draw(&area)?;
    Ok(area.present()?)
}

fn draw_bars(area: &Area, title: &str, unit: &str, bars: &[Bar]) -> Drawing {
    let scores: Vec<f64> = bars.iter().map(|(row, _)| row.scores[KL]).collect();
    let largest = scores.iter().copied().fold(0.0, f64::max);
    let smallest = scores.iter().copied().fold(0.0, f64::min);
    let first_largest = scores.iter().position(|score| *score == largest);
    // f64::max leaves NaN out: what was not computed.
    let ends = bars.iter().map(|(_, beside)| beside.kl_null_95);
    let extent = ends.fold(largest, f64::max);
    let top = if extent > 0.0 { extent * 1.05 } else { 1.0 };
    // Row 0 is drawn at the bottom; the lowest action unit belongs at the top.
    let last = bars.len() - 1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 21))
        .margin(12)
        .x_label_area_size(52)
        .y_label_area_size(216)
        .build_cartesian_2d(smallest..top, (0..last).into_segmented())?;
    let label = |row: &SegmentValue<usize>| match row {
        SegmentValue::CenterOf(row) if *row <= last => au_label(bars[last - row].0.count.au),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY)
        .y_labels(bars.len())
        .y_label_formatter(&label)
        .label_style(("sans-serif", 17))
        .x_desc(unit)
        .axis_desc_style(("sans-serif", 17))
        .draw()?;
    let edge = |at: usize| SegmentValue::Exact(last - at);
    let upper = |at: usize| SegmentValue::Exact(last - at + 1);
    chart.draw_series(scores.iter().enumerate().map(|(at, score)| {
        let colour = match Some(at) == first_largest {
            true => VERMILLION,
            false => BLUE,
        };
        let ends = [(0.0, edge(at)), (*score, upper(at))];
        let mut bar = Rectangle::new(ends, colour.filled());
        bar.set_margin(3, 3, 0, 0);
        bar
    }))?;
    let mut line = |ends: [(f64, SegmentValue<usize>); 2], colour: RGBColor| -> Drawing {
        // What was not computed is not drawn.
        if !ends[0].0.is_nan() {
            chart.draw_series([PathElement::new(ends.to_vec(), colour.stroke_width(2))])?;
        }
        Ok(())
    };
    for (at, (_, beside)) in bars.iter().enumerate() {
        let chance = beside.kl_null_95;
        line([(chance, edge(at)), (chance, upper(at))], GREY)?;
    }
    Ok(())
}

fn draw_cells(
    area: &Area,
    title: &str,
    unit: &str,
    labels: &[String],
    scores: &[&[f64]],
) -> Drawing {
    let (left, top, width, row_height) = (230, 48, 730, 24);
    let height = row_height * labels.len() as i32;
    let text =
        |size: i32, x, y| TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(x, y));
    area.draw_text(title, &text(21, HPos::Left, VPos::Top), (left, 12))?;
    let largest = scores.concat().into_iter().fold(0.0, f64::max);
    let share = |score: f64| if largest > 0.0 { score / largest } else { 0.0 };
    let colour = |share: f64| ViridisRGB::get_color(share.clamp(0.0, 1.0));
    let edge = |at: usize, of: usize, length: i32| {
        (at as i64 * i64::from(length) / of.max(1) as i64) as i32
    };
    for (at, column) in scores.iter().enumerate() {
        let [x0, x1] = [at, at + 1].map(|at| edge(at, scores.len(), width));
        for (row, &score) in column.iter().enumerate() {
            let y = top + row_height * row as i32;
            let corners = [(left + x0, y), (left + x1, y + row_height)];
            area.draw(&Rectangle::new(corners, colour(share(score)).filled()))?;
        }
    }
    for (row, label) in labels.iter().enumerate() {
        let y = top + row_height * row as i32 + row_height / 2;
        area.draw_text(label, &text(17, HPos::Right, VPos::Center), (left - 8, y))?;
    }
    let below = (left + width / 2, top + height + 12);
    let filters = "filters, ordered by their strongest action unit";
    area.draw_text(filters, &text(17, HPos::Center, VPos::Top), below)?;
    // Colour bar, largest on top.
    let steps = 64;
    for step in 0..steps {
        let [y0, y1] = [step, step + 1].map(|step| edge(step, steps, height));
        let corners = [(left + width + 30, top + y0), (left + width + 46, top + y1)];
        let place = 1.0 - (step as f64 + 0.5) / steps as f64;
        area.draw(&Rectangle::new(corners, colour(place).filled()))?;
    }
    let (small, x) = (text(17, HPos::Left, VPos::Center), left + width + 52);
    area.draw_text(&format!("{largest:.2}"), &small, (x, top + 6))?;
    area.draw_text("0", &small, (x, top + height - 6))?;
    let unit_place = (left + width + 38, top + height + 12);
    area.draw_text(unit, &text(17, HPos::Center, VPos::Top), unit_place)?;
    Ok(())
}

pub(crate) fn au_label(au: u8) -> String {
    format!("{} · AU {au}", au::name(au))
}

fn of_layer(options: &OutputOptions) -> String {
    let layer = options.layer.as_ref();
    layer.map_or(String::new(), |layer| format!(" of {layer}"))
}

fn of_data(options: &OutputOptions) -> &'static str {
    origin(options.synthetic, options.machine_coded)
}

/// Where faces and codes come from, as the end of a title; empty for photographs and coders.
pub(crate) fn origin(synthetic: Option<bool>, machine_coded: bool) -> &'static str {
    match (synthetic, machine_coded) {
        (Some(true), true) => " (synthetic faces, machine-coded)",
        (Some(true), false) => " (synthetic faces)",
        (_, true) => " (machine-coded)",
        _ => "",
    }
}
