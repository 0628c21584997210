//! Values with their intervals, one to a line: dots or bars.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Area, Drawn, GREY, Plot, SERIES, TEXT, label_width, text_style};

/// Height of a line.
const LINE: u32 = 27;
/// Width of the part that holds the values.
const PLOT_WIDTH: u32 = 430;

/// One line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub label: String,
    pub value: Option<f64>,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// What chance gives: a tick of its own.
    pub null: Option<f64>,
    /// Number of its colour and mark.
    pub series: usize,
}

/// A drawing of lines.
pub(crate) struct Forest<'a> {
    pub name: &'a str,
    pub alt: String,
    /// What is measured, with its unit.
    pub axis: &'a str,
    pub ends: (f64, f64),
    /// Numbers of the axis as percent.
    pub percent: bool,
    /// Bars from zero instead of dots.
    pub bars: bool,
    pub lines: &'a [Line],
    /// Dashed lines through all: value and name.
    pub references: &'a [(f64, String)],
    /// Names of the series, where there are several.
    pub series: &'a [&'a str],
    pub csv: String,
}

impl Forest<'_> {
    pub fn plot(self) -> Option<Plot> {
        let left = label_width(self.lines.iter().map(|line| line.label.as_str()));
        let legend = self.legend_rows() * LINE;
        let height = LINE * self.lines.len() as u32 + 64 + legend;
        let size = (left + PLOT_WIDTH + 30, height);
        let (name, alt, csv) = (self.name, self.alt.clone(), self.csv.clone());
        Plot::draw(name, alt, size, csv, |area| self.draw(area, left, legend))
    }

    fn legend_rows(&self) -> u32 {
        (self.references.len() + self.series.len()) as u32
    }

    fn draw(&self, area: &Area, left: u32, legend: u32) -> Drawn {
        let (key, area) = area.split_vertically(legend);
        self.draw_key(&key, left)?;
        let count = self.lines.len() as f64;
        // A mark at the end of the axis is drawn whole.
        let last = self.ends.1 + 0.015 * (self.ends.1 - self.ends.0);
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .margin_right(24)
            .margin_left(left)
            .x_label_area_size(50)
            .build_cartesian_2d(self.ends.0..last, 0.0..count)?;
        let number = |value: &f64| match self.percent {
            true => format!("{:.0}", 100.0 * value),
            false => format!("{}", (value * 1000.0).round() / 1000.0),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(6)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.3))
            .axis_style(GREY)
            .label_style(("sans-serif", TEXT))
            .axis_desc_style(("sans-serif", TEXT))
            .x_desc(self.axis)
            .x_label_formatter(&number)
            .draw()?;
        for (number, (value, _)) in self.references.iter().enumerate() {
            let ends = [(*value, 0.0), (*value, count)];
            let style = reference_colour(number).stroke_width(2);
            chart.draw_series(DashedLineSeries::new(ends, 5 + 5 * number as u32, 4, style))?;
        }
        for (at, line) in self.lines.iter().enumerate() {
            let y = count - at as f64 - 0.5;
            let label = Text::new(
                line.label.clone(),
                (-8, 0),
                text_style(HPos::Right, VPos::Center),
            );
            chart.draw_series([EmptyElement::at((self.ends.0, y)) + label])?;
            let colour = SERIES[line.series % SERIES.len()];
            let within = |v: f64| v.clamp(self.ends.0, self.ends.1);
            let value = line.value.filter(|value| value.is_finite()).map(within);
            if let (true, Some(value)) = (self.bars, value) {
                let corners = [(within(0.0), y - 0.32), (value, y + 0.32)];
                chart.draw_series([Rectangle::new(corners, colour.mix(0.55).filled())])?;
            }
            if let Some((low, high)) = line
                .interval
                .filter(|(l, h)| l.is_finite() && h.is_finite())
            {
                let (low, high) = (within(low), within(high));
                let strokes = [
                    vec![(low, y), (high, y)],
                    vec![(low, y - 0.18), (low, y + 0.18)],
                    vec![(high, y - 0.18), (high, y + 0.18)],
                ];
                let paths = strokes.map(|path| PathElement::new(path, colour.stroke_width(2)));
                chart.draw_series(paths)?;
            }
            if let Some(null) = line.null.filter(|null| null.is_finite()).map(within) {
                let tick = vec![(null, y - 0.42), (null, y + 0.42)];
                chart.draw_series([PathElement::new(tick, GREY.stroke_width(3))])?;
            }
            if let (false, Some(value)) = (self.bars, value) {
                draw_mark(&mut chart, (value, y), line.series)?;
            }
        }
        Ok(())
    }

    fn draw_key(&self, area: &Area, left: u32) -> Drawn {
        let left = left as i32 + 8;
        let middle = |row: usize| row as i32 * LINE as i32 + LINE as i32 / 2 + 4;
        let style = || text_style(HPos::Left, VPos::Center);
        for (row, name) in self.series.iter().enumerate() {
            let at = (left + 12, middle(row));
            mark(area, at, row)?;
            area.draw(&Text::new(
                (*name).to_owned(),
                (left + 34, middle(row)),
                style(),
            ))?;
        }
        for (number, (_, name)) in self.references.iter().enumerate() {
            let y = middle(number + self.series.len());
            let dash = 5 + 5 * number as i32;
            let colour = reference_colour(number);
            for x in (0..26).step_by(dash as usize + 4) {
                let ends = vec![(left + x, y), (left + (x + dash).min(26), y)];
                area.draw(&PathElement::new(ends, colour.stroke_width(2)))?;
            }
            area.draw(&Text::new(name.clone(), (left + 34, y), style()))?;
        }
        Ok(())
    }
}

fn reference_colour(number: usize) -> RGBColor {
    [GREY, SERIES[3], SERIES[2], SERIES[1]][number % 4]
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// A mark at a value: circle, square, triangle, diamond or triangle on its head, by the number of the series.
pub(crate) fn draw_mark(chart: &mut Chart, at: (f64, f64), series: usize) -> Drawn {
    let pixel = chart.backend_coord(&at);
    let area = chart.plotting_area().strip_coord_spec();
    let base = area.get_base_pixel();
    mark(&area, (pixel.0 - base.0, pixel.1 - base.1), series)
}

/// The mark of a series around `at`, in pixels.
pub(crate) fn mark(area: &Area, (x, y): (i32, i32), series: usize) -> Drawn {
    let style = SERIES[series % SERIES.len()].filled();
    let corners = match series % SERIES.len() {
        0 => {
            area.draw(&Circle::new((x, y), 6, style))?;
            return Ok(());
        }
        1 => vec![
            (x - 5, y - 5),
            (x + 5, y - 5),
            (x + 5, y + 5),
            (x - 5, y + 5),
        ],
        2 => vec![(x - 6, y + 5), (x + 6, y + 5), (x, y - 6)],
        3 => vec![(x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7)],
        _ => vec![(x - 6, y - 5), (x + 6, y - 5), (x, y + 6)],
    };
    area.draw(&Polygon::new(corners, style))?;
    Ok(())
}
