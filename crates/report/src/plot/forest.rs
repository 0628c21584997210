//! Values with their intervals, one per line: dots or bars.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::marks::{LINE, draw_mark, key_text, mark, middle};
use super::{
    Area, Chart, Drawn, GREY, PHONE, Plot, SERIES, label_width, mesh, round_ends, text_style,
};

/// Width of the part that holds the values.
const PLOT_WIDTH: u32 = 430;
/// Labels that leave room beside them on a phone.
const SHORT: u32 = 120;
/// Height of a line of several series, below the first of its label.
const CLOSE: u32 = 19;

/// One line.
#[derive(Default)]
pub(crate) struct Line {
    pub label: String,
    pub value: Option<f64>,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// The chance value, drawn as a tick.
    pub null: Option<f64>,
    /// Number of its colour and mark.
    pub series: usize,
}

impl Line {
    pub fn new(label: String, value: Option<f64>, interval: Option<(f64, f64)>) -> Self {
        Self {
            label,
            value,
            interval,
            ..Self::default()
        }
    }

    /// A line of a series, without a label.
    pub fn of(series: usize, value: Option<f64>, interval: Option<(f64, f64)>) -> Self {
        Self {
            series,
            ..Self::new(String::new(), value, interval)
        }
    }
}

/// Lines of several series under one label, shown on the first only.
pub(crate) fn labelled(label: String, lines: impl IntoIterator<Item = Line>) -> Vec<Line> {
    let mut lines: Vec<Line> = lines.into_iter().collect();
    if let Some(first) = lines.first_mut() {
        first.label = label;
    }
    lines
}

/// A drawing of lines.
#[derive(Default)]
pub(crate) struct Forest<'a> {
    pub name: &'a str,
    pub alt: &'a str,
    /// The quantity, with its unit.
    pub axis: &'a str,
    pub ends: (f64, f64),
    /// Numbers of the axis as percent.
    pub percent: bool,
    /// Bars from zero instead of dots.
    pub bars: bool,
    pub lines: Vec<Line>,
    /// Dashed lines through all: value and name.
    pub references: Vec<(f64, String)>,
    /// Names of the series, where there are several.
    pub series: Vec<&'a str>,
    pub csv: String,
}

/// Where the labels stand.
#[derive(Clone, Copy)]
enum Labels {
    /// Left of the lines, in a column of this width.
    Left(u32),
    /// Above their lines, on a phone.
    Above,
}

/// The drawing; `None` if there are no lines.
impl From<Forest<'_>> for Option<Plot> {
    fn from(chart: Forest) -> Self {
        if chart.lines.is_empty() {
            return None;
        }
        let left = label_width(chart.lines.iter().map(|line| line.label.as_str()));
        let size = |labels, width| {
            let height = chart.legend() + chart.height(labels) + below(width) + 14;
            (width, height)
        };
        let draw = |labels| {
            let chart = &chart;
            move |area: &Area| chart.draw(area, labels)
        };
        let wide = Labels::Left(left);
        let phone = if left < SHORT { wide } else { Labels::Above };
        let plot = Plot::draw(
            [chart.name, chart.alt],
            size(wide, left + PLOT_WIDTH + 30),
            &chart.csv,
            draw(wide),
        )?;
        Some(plot.on_phones(size(phone, PHONE), draw(phone)))
    }
}

/// Space below the lines, for the axis and its name in one line, or two on a phone.
fn below(width: u32) -> u32 {
    if width <= PHONE { 74 } else { 54 }
}

impl Forest<'_> {
    /// Shares, on an axis from 0 to 100%.
    pub fn shares(lines: Vec<Line>) -> Self {
        Self {
            ends: (0.0, 1.0),
            percent: true,
            lines,
            ..Self::default()
        }
    }

    /// AUROCs, on an axis from below the lowest to 1, with chance marked.
    pub fn aurocs(lines: Vec<Line>) -> Self {
        let lows = |line: &Line| [line.value, line.interval.map(|ends| ends.0)];
        let lowest = lines.iter().flat_map(lows).flatten().fold(0.5, f64::min);
        Self {
            ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
            references: vec![(0.5, "no relation".to_owned())],
            lines,
            ..Self::default()
        }
    }

    /// Height of the legend.
    fn legend(&self) -> u32 {
        LINE * (self.references.len() + self.series.len()) as u32
    }

    /// Height of each line and of the space above it, which holds its label on a phone.
    fn rows(&self, labels: Labels) -> impl Iterator<Item = (u32, u32)> {
        let line = if self.series.len() > 1 { CLOSE } else { LINE };
        self.lines.iter().map(move |of| match labels {
            _ if of.label.is_empty() => (line, 0),
            Labels::Above => (line, LINE - 3),
            Labels::Left(_) => (line, LINE - line),
        })
    }

    fn height(&self, labels: Labels) -> u32 {
        self.rows(labels).map(|(line, above)| line + above).sum()
    }

    fn draw(&self, area: &Area, labels: Labels) -> Drawn {
        let (key, area) = area.split_vertically(self.legend());
        let (left, key_left) = match labels {
            Labels::Left(width) if area.dim_in_pixel().0 <= PHONE => (width, 4),
            Labels::Left(width) => (width, width as i32 + 8),
            Labels::Above => (14, 4),
        };
        self.draw_key(&key, key_left)?;
        let height = f64::from(self.height(labels));
        // Marks at the end of the axis are not clipped.
        let last = self.ends.1 + 0.015 * (self.ends.1 - self.ends.0);
        let mut chart = ChartBuilder::on(&area)
            .margin(6)
            .margin_right(24)
            .margin_left(left)
            .x_label_area_size(below(area.dim_in_pixel().0))
            .build_cartesian_2d(self.ends.0..last, 0.0..height)?;
        mesh(&mut chart)
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(6)
            .x_label_formatter(&|value| match self.percent {
                true => format!("{:.0}", 100.0 * value),
                false => format!("{}", (value * 1000.0).round() / 1000.0),
            })
            .draw()?;
        self.draw_axis_name(&area, labels)?;
        for (number, (value, _)) in self.references.iter().enumerate() {
            let ends = [(*value, 0.0), (*value, height)];
            let style = reference_colour(number).stroke_width(2);
            chart.draw_series(DashedLineSeries::new(ends, 5 + 5 * number as u32, 4, style))?;
        }
        let mut y = height;
        for (line, (below, above)) in self.lines.iter().zip(self.rows(labels)) {
            y -= f64::from(above) + f64::from(below) / 2.0;
            self.draw_line(&mut chart, line, y, f64::from(below))?;
            self.draw_label(&mut chart, line, (y, below), labels)?;
            y -= f64::from(below) / 2.0;
        }
        Ok(())
    }

    /// The quantity below the axis; on a phone its remark in brackets has a line of its own.
    fn draw_axis_name(&self, area: &Area, labels: Labels) -> Drawn {
        let (width, height) = area.dim_in_pixel();
        let lines = match self.axis.split_once(" (") {
            Some((name, remark)) if width <= PHONE => vec![name.to_owned(), format!("({remark}")],
            _ => vec![self.axis.to_owned()],
        };
        let left = match labels {
            Labels::Left(left) => left,
            Labels::Above => 0,
        };
        let (middle, top) = (
            (left + width) as i32 / 2,
            height as i32 - below(width) as i32 + 22,
        );
        for (row, text) in lines.into_iter().enumerate() {
            let style = text_style(HPos::Center, VPos::Top);
            area.draw(&Text::new(text, (middle, top + 19 * row as i32), style))?;
        }
        Ok(())
    }

    /// The label of a line at `y` of this height.
    fn draw_label(&self, chart: &mut Chart, line: &Line, at: (f64, u32), labels: Labels) -> Drawn {
        let (y, height) = at;
        let (side, offset) = match labels {
            Labels::Left(_) => (HPos::Right, (-8, 0)),
            Labels::Above => (HPos::Left, (0, -(height as i32) / 2 - 11)),
        };
        let label = Text::new(line.label.clone(), offset, text_style(side, VPos::Center));
        chart.draw_series([EmptyElement::at((self.ends.0, y)) + label])?;
        Ok(())
    }

    fn draw_line(&self, chart: &mut Chart, line: &Line, y: f64, height: f64) -> Drawn {
        let colour = SERIES[line.series % SERIES.len()];
        let within = |v: f64| v.clamp(self.ends.0, self.ends.1);
        let value = line.value.map(within);
        if let (true, Some(value)) = (self.bars, value) {
            let corners = [(within(0.0), y - 0.32 * height), (value, y + 0.32 * height)];
            chart.draw_series([Rectangle::new(corners, bar_colour(line.series))])?;
        }
        if let Some((low, high)) = line.interval {
            let (low, high) = (within(low), within(high));
            let end = |x: f64| vec![(x, y - 0.18 * height), (x, y + 0.18 * height)];
            let strokes = [vec![(low, y), (high, y)], end(low), end(high)];
            let style = colour.stroke_width(2);
            chart.draw_series(strokes.map(|path| PathElement::new(path, style)))?;
        }
        if let Some(null) = line.null.map(within) {
            let tick = vec![(null, y - 0.42 * height), (null, y + 0.42 * height)];
            chart.draw_series([PathElement::new(tick, GREY.stroke_width(3))])?;
        }
        match value {
            Some(value) if !self.bars => draw_mark(chart, (value, y), line.series),
            _ => Ok(()),
        }
    }

    fn draw_key(&self, area: &Area, left: i32) -> Drawn {
        for (row, name) in self.series.iter().enumerate() {
            match self.bars {
                true => {
                    let (x, y) = (left, middle(row));
                    let bar = Rectangle::new([(x, y - 6), (x + 26, y + 6)], bar_colour(row));
                    area.draw(&bar)?;
                }
                false => mark(area, (left + 12, middle(row)), row)?,
            }
            key_text(area, name, (left + 34, middle(row)))?;
        }
        for (number, (_, name)) in self.references.iter().enumerate() {
            let y = middle(number + self.series.len());
            let dash = 5 + 5 * number as i32;
            let style = reference_colour(number).stroke_width(2);
            for x in (0..26).step_by(dash as usize + 4) {
                let ends = vec![(left + x, y), (left + (x + dash).min(26), y)];
                area.draw(&PathElement::new(ends, style))?;
            }
            key_text(area, name, (left + 34, y))?;
        }
        Ok(())
    }
}

/// The fill of a bar.
fn bar_colour(series: usize) -> ShapeStyle {
    SERIES[series % SERIES.len()].mix(0.55).filled()
}

fn reference_colour(number: usize) -> RGBColor {
    [GREY, SERIES[3], SERIES[2], SERIES[1]][number % 4]
}
