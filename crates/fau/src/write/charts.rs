//! Pictures of an analysis as SVG: bars of one filter, and a map of filters against action units.

use faus_base::au;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::colors::colormaps::ViridisRGB;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::analysis::Analysis;
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

/// Horizontal bars: KL of one filter for every action unit, the largest marked.
pub(crate) fn bar_chart(
    analysis: &Analysis,
    filter: usize,
    options: &OutputOptions,
    name: &str,
) -> Result<String, Error> {
    let bars: Vec<Bar> = (0..analysis.aus_used.len())
        .map(|unit| Bar::of(analysis, analysis.place(filter, unit)))
        .collect();
    let height = 112 + 24 * bars.len() as u32;
    let title = format!("Filter {filter}{}{}", of_layer(options), origin(options));
    let mut unit = UNIT.to_owned();
    if bars.iter().any(|bar| bar.chance.is_some()) {
        unit += "; tick: 95% point under exchange of codes";
    }
    if bars.iter().any(|bar| bar.range.is_some()) {
        unit += "; line: 95% over subjects";
    }
    picture(name, (560, height), |area| {
        draw_bars(area, &title, &unit, &bars)
    })
}

/// One bar, its chance level and its interval.
struct Bar {
    label: String,
    score: f64,
    /// 95% point of the null.
    chance: Option<f64>,
    /// 95% interval over subjects.
    range: Option<(f64, f64)>,
}

impl Bar {
    fn of(analysis: &Analysis, at: usize) -> Self {
        let row = &analysis.associations[at];
        let beside = &analysis.inference.pairs[at];
        let known = |x: f64| (!x.is_nan()).then_some(x);
        Self {
            label: au_label(row.count.au),
            score: row.scores[0],
            chance: known(beside.kl_null_95),
            range: known(beside.kl_range.low).zip(known(beside.kl_range.high)),
        }
    }

    fn extent(&self) -> f64 {
        let high = self.range.map_or(self.score, |range| range.1);
        self.score.max(high).max(self.chance.unwrap_or(0.0))
    }
}

/// Filter × action unit: KL as colour. Filters are ordered by their action unit, then score.
pub(crate) fn heat_map(
    analysis: &Analysis,
    options: &OutputOptions,
    name: &str,
) -> Result<String, Error> {
    let mut shown = analysis.ranked();
    shown.truncate(MAX_COLUMNS);
    shown.sort_by(|a, b| a.au.cmp(&b.au).then(b.score.total_cmp(&a.score)));
    let units = analysis.aus_used.len();
    let column = |filter: usize| &analysis.associations[filter * units..(filter + 1) * units];
    let scores: Vec<Vec<f64>> = shown
        .iter()
        .map(|c| column(c.filter).iter().map(|row| row.scores[0]).collect())
        .collect();
    let labels: Vec<String> = analysis.aus_used.iter().map(|c| au_label(c.au)).collect();
    let which = match analysis.correspondences.len() > MAX_COLUMNS {
        true => format!("the {MAX_COLUMNS} strongest filters"),
        false => format!("{} filters", shown.len()),
    };
    let layer = of_layer(options);
    let title = format!("{which}{layer} × action units{}", origin(options));
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
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)
            .map_err(Into::into)
            .and_then(|()| draw(&area))
            .and_then(|()| area.present().map_err(Into::into))
    };
    drawn.map_err(|error| Error::Chart {
        name: name.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(svg)
}

fn draw_bars(area: &Area, title: &str, unit: &str, bars: &[Bar]) -> Drawing {
    let largest = bars.iter().map(|bar| bar.score).fold(0.0, f64::max);
    let smallest = bars.iter().map(|bar| bar.score).fold(0.0, f64::min);
    let first_largest = bars.iter().position(|bar| bar.score == largest);
    let extent = bars.iter().map(Bar::extent).fold(0.0, f64::max);
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
        SegmentValue::CenterOf(row) if *row <= last => bars[last - row].label.clone(),
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
    chart.draw_series(bars.iter().enumerate().map(|(at, own)| {
        let row = last - at;
        let colour = if Some(at) == first_largest {
            VERMILLION
        } else {
            BLUE
        };
        let ends = [
            (0.0, SegmentValue::Exact(row)),
            (own.score, SegmentValue::Exact(row + 1)),
        ];
        let mut bar = Rectangle::new(ends, colour.filled());
        bar.set_margin(3, 3, 0, 0);
        bar
    }))?;
    let place = |at: usize| SegmentValue::CenterOf(last - at);
    for (at, own) in bars.iter().enumerate() {
        if let Some((low, high)) = own.range {
            let ends = vec![(low, place(at)), (high, place(at))];
            chart.draw_series([PathElement::new(ends, BLACK.stroke_width(2))])?;
        }
        if let Some(chance) = own.chance {
            let ends = [
                (chance, SegmentValue::Exact(last - at)),
                (chance, SegmentValue::Exact(last - at + 1)),
            ];
            chart.draw_series([PathElement::new(ends.to_vec(), GREY.stroke_width(2))])?;
        }
    }
    Ok(())
}

fn draw_cells(
    area: &Area,
    title: &str,
    unit: &str,
    labels: &[String],
    scores: &[Vec<f64>],
) -> Drawing {
    let (left, top, width, row_height) = (230, 48, 730, 24);
    let height = row_height * labels.len() as i32;
    let text =
        |size: i32, x, y| TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(x, y));
    area.draw_text(title, &text(21, HPos::Left, VPos::Top), (left, 12))?;
    let largest = scores.iter().flatten().copied().fold(0.0, f64::max);
    let share = |score: f64| if largest > 0.0 { score / largest } else { 0.0 };
    let colour = |share: f64| ViridisRGB::get_color(share.clamp(0.0, 1.0));
    let edge = |at: usize, of: usize, length: i32| {
        (at as i64 * i64::from(length) / of.max(1) as i64) as i32
    };
    for (at, column) in scores.iter().enumerate() {
        let (x0, x1) = (
            edge(at, scores.len(), width),
            edge(at + 1, scores.len(), width),
        );
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
        let (y0, y1) = (edge(step, steps, height), edge(step + 1, steps, height));
        let corners = [(left + width + 30, top + y0), (left + width + 46, top + y1)];
        let place = 1.0 - (step as f64 + 0.5) / steps as f64;
        area.draw(&Rectangle::new(corners, colour(place).filled()))?;
    }
    let small = text(17, HPos::Left, VPos::Center);
    area.draw_text(
        &format!("{largest:.2}"),
        &small,
        (left + width + 52, top + 6),
    )?;
    area.draw_text("0", &small, (left + width + 52, top + height - 6))?;
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

fn origin(options: &OutputOptions) -> &'static str {
    match options.synthetic {
        Some(true) => " (synthetic faces)",
        _ => "",
    }
}
