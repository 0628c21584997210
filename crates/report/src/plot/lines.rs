//! Lines over ordered names, such as layers, with their intervals.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::marks::{LINE, draw_mark, key_text, mark, middle};
use super::{Area, Chart, Drawn, GREY, Plot, SERIES, mesh, text_style};

/// A value and, where it has one, its interval.
pub(crate) type Point = (f64, Option<(f64, f64)>);

/// One line: value and interval at each position, if present.
pub(crate) struct Series<'a> {
    pub name: &'a str,
    pub points: Vec<Option<Point>>,
}

/// A drawing of lines.
pub(crate) struct Lines<'a> {
    pub name: &'a str,
    pub alt: &'a str,
    /// Names along the horizontal axis.
    pub places: &'a [String],
    pub across: &'a str,
    pub up: &'a str,
    pub ends: (f64, f64),
    pub series: &'a [Series<'a>],
    /// A dashed line: value and name.
    pub reference: Option<(f64, &'a str)>,
    pub csv: String,
}

impl Lines<'_> {
    pub fn plot(self) -> Option<Plot> {
        let key = LINE * (self.series.len() as u32 + u32::from(self.reference.is_some()));
        let draw = |area: &Area| self.draw(area, key);
        Plot::draw(
            self.name,
            self.alt.to_owned(),
            (620, 330 + key),
            self.csv.clone(),
            draw,
        )
    }

    fn draw(&self, area: &Area, keys: u32) -> Drawn {
        let (key, area) = area.split_vertically(keys);
        self.draw_key(&key)?;
        let last = self.places.len() as f64;
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(50)
            .y_label_area_size(66)
            .build_cartesian_2d(0.0..last, self.ends.0..self.ends.1)?;
        mesh(&mut chart)
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(6)
            .y_desc(self.up)
            .x_desc(self.across)
            .draw()?;
        for (at, place) in self.places.iter().enumerate() {
            let label = Text::new(place.clone(), (0, 6), text_style(HPos::Center, VPos::Top));
            chart.draw_series([EmptyElement::at((at as f64 + 0.5, self.ends.0)) + label])?;
        }
        if let Some((value, _)) = self.reference {
            let ends = [(0.0, value), (last, value)];
            chart.draw_series(DashedLineSeries::new(ends, 5, 4, GREY.stroke_width(2)))?;
        }
        (0..self.series.len()).try_for_each(|number| self.draw_series(&mut chart, number))
    }

    fn draw_series(&self, chart: &mut Chart, number: usize) -> Drawn {
        let style = SERIES[number % SERIES.len()].stroke_width(2);
        // Offset sideways, so that intervals do not overlap.
        let shift = 0.5 + (number as f64 - (self.series.len() as f64 - 1.0) / 2.0) * 0.07;
        let points = self.series[number].points.iter().enumerate();
        let points = points.filter_map(|(at, p)| p.map(|p| (at as f64 + shift, p)));
        let points: Vec<_> = points.filter(|(_, (v, _))| v.is_finite()).collect();
        let line = points.iter().map(|(x, (y, _))| (*x, *y));
        chart.draw_series(LineSeries::new(line, style))?;
        for (x, (value, interval)) in points {
            if let Some((low, high)) = interval.filter(|(l, h)| l.is_finite() && h.is_finite()) {
                chart.draw_series([PathElement::new(vec![(x, low), (x, high)], style)])?;
            }
            draw_mark(chart, (x, value), number)?;
        }
        Ok(())
    }

    fn draw_key(&self, area: &Area) -> Drawn {
        for (row, series) in self.series.iter().enumerate() {
            let (y, style) = (middle(row), SERIES[row % SERIES.len()].stroke_width(2));
            area.draw(&PathElement::new(vec![(76, y), (104, y)], style))?;
            mark(area, (90, y), row)?;
            key_text(area, series.name, (112, y))?;
        }
        if let Some((_, name)) = self.reference {
            let y = middle(self.series.len());
            for x in [76, 86, 96] {
                let dash = vec![(x, y), (x + 6, y)];
                area.draw(&PathElement::new(dash, GREY.stroke_width(2)))?;
            }
            key_text(area, name, (112, y))?;
        }
        Ok(())
    }
}
