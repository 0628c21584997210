//! Lines of AUROCs over the layers of a network, with their intervals and a dashed line at chance.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::marks::{LINE, draw_mark, key_text, mark, middle};
use super::{Area, Chart, Drawn, GREY, PHONE, Plot, SERIES, mesh, round_ends, text_style};

/// A value and, where it has one, its interval.
pub(crate) type Point = (f64, Option<(f64, f64)>);

/// One line: value and interval at each position, if present.
pub(crate) struct Series<'a> {
    pub name: &'a str,
    pub points: Vec<Option<Point>>,
}

/// A drawing of AUROCs in one layer of the network after the other.
pub(crate) struct Lines<'a> {
    pub name: &'a str,
    pub alt: &'a str,
    /// The layers, along the horizontal axis.
    pub places: &'a [String],
    pub series: &'a [Series<'a>],
    pub csv: String,
}

impl Lines<'_> {
    pub fn plot(self) -> Option<Plot> {
        let key = LINE * (self.series.len() as u32 + 1);
        let draw = |area: &Area| self.draw(area, key);
        let plot = Plot::draw([self.name, self.alt], (620, 350 + key), &self.csv, draw)?;
        Some(plot.on_phones((PHONE, 350 + key), draw))
    }

    /// The lower end of the axis: below the lowest value and interval; the upper one is 1.
    fn lowest(&self) -> f64 {
        let series = self.series.iter();
        let points = series.flat_map(|series| series.points.iter().flatten());
        let lows = points.map(|(value, ends)| ends.map_or(*value, |ends| ends.0));
        round_ends(lows.fold(0.5, f64::min), 1.0).0.max(0.0)
    }

    fn draw(&self, area: &Area, keys: u32) -> Drawn {
        let (key, area) = area.split_vertically(keys);
        self.draw_key(&key)?;
        let (last, lowest) = (self.places.len() as f64, self.lowest());
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(70)
            .y_label_area_size(66)
            .build_cartesian_2d(0.0..last, lowest..1.0)?;
        mesh(&mut chart)
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(6)
            .y_desc("AUROC on the probe's test people")
            .x_desc("layer")
            .draw()?;
        for (at, place) in self.places.iter().enumerate() {
            // In two rows, for a phone.
            let below = (0, 6 + 19 * (at as i32 % 2));
            let label = Text::new(place.clone(), below, text_style(HPos::Center, VPos::Top));
            chart.draw_series([EmptyElement::at((at as f64 + 0.5, lowest)) + label])?;
        }
        let ends = [0.0, last].map(|x| (x, 0.5));
        chart.draw_series(DashedLineSeries::new(ends, 5, 4, GREY.stroke_width(2)))?;
        (0..self.series.len()).try_for_each(|number| self.draw_series(&mut chart, number))
    }

    fn draw_series(&self, chart: &mut Chart, number: usize) -> Drawn {
        let style = SERIES[number % SERIES.len()].stroke_width(2);
        // Offset sideways, so that intervals do not overlap.
        let shift = 0.5 + (number as f64 - (self.series.len() as f64 - 1.0) / 2.0) * 0.07;
        let points = self.series[number].points.iter().enumerate();
        let points = points.filter_map(|(at, p)| p.map(|p| (at as f64 + shift, p)));
        let points: Vec<(f64, Point)> = points.collect();
        let line = points.iter().map(|(x, (y, _))| (*x, *y));
        chart.draw_series(LineSeries::new(line, style))?;
        for (x, (value, interval)) in points {
            if let Some((low, high)) = interval {
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
        let y = middle(self.series.len());
        for x in [76, 86, 96] {
            let dash = vec![(x, y), (x + 6, y)];
            area.draw(&PathElement::new(dash, GREY.stroke_width(2)))?;
        }
        key_text(area, "no relation", (112, y))
    }
}
