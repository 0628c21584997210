//! A matrix as shades of one colour, or of two for values on both sides of zero.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::marks::key_text;
use super::{Area, Drawn, Plot, TEXT, label_width, text_style};

/// A matrix with its names.
pub(crate) struct Heat<'a> {
    pub name: &'a str,
    pub alt: &'a str,
    /// Title of the columns.
    pub columns_are: &'a str,
    pub columns: &'a [String],
    pub rows: &'a [String],
    /// `[rows][columns]`, -1 to 1; missing values, which are not finite, stay white.
    pub values: &'a [Vec<f64>],
    /// The end of the scale opposite to 1: 0 or -1.
    pub from: f64,
    /// The scale in words.
    pub scale: &'a str,
    /// Size of the cells; column names are omitted below 14.
    pub cell: (u32, u32),
    /// Numbers in the cells.
    pub numbers: bool,
    pub csv: String,
}

impl From<Heat<'_>> for Option<Plot> {
    fn from(chart: Heat) -> Self {
        let left = label_width(chart.rows.iter().map(String::as_str));
        let above = match chart.cell.0 < 14 {
            true => 34,
            false => label_width(chart.columns.iter().map(String::as_str)).min(190) / 2 + 44,
        };
        let width = chart.columns.len() as u32 * chart.cell.0;
        let height = chart.rows.len() as u32 * chart.cell.1;
        let size = (left + width.max(320) + 24, above + height + 56);
        let draw = |area: &Area| chart.draw(area, left as i32, above as i32);
        Plot::draw([chart.name, chart.alt], size, &chart.csv, draw)
    }
}

impl Heat<'_> {
    fn draw(&self, area: &Area, left: i32, above: i32) -> Drawn {
        let (w, h) = (self.cell.0 as i32, self.cell.1 as i32);
        key_text(area, self.columns_are, (left, 16))?;
        for (at, name) in self.columns.iter().enumerate().filter(|_| w >= 14) {
            let x = left + at as i32 * w + w / 2;
            let style = text_style(HPos::Center, VPos::Bottom);
            area.draw(&Text::new(name.clone(), (x, above - 6), style))?;
        }
        for (row, (name, values)) in self.rows.iter().zip(self.values).enumerate() {
            let y = above + row as i32 * h;
            let style = text_style(HPos::Right, VPos::Center);
            area.draw(&Text::new(name.clone(), (left - 8, y + h / 2), style))?;
            for (column, value) in values.iter().enumerate() {
                self.draw_cell(area, (left + column as i32 * w, y), *value)?;
            }
        }
        self.draw_scale(area, left, above + self.rows.len() as i32 * h + 22)
    }

    fn draw_cell(&self, area: &Area, (x, y): (i32, i32), value: f64) -> Drawn {
        let (w, h) = (self.cell.0 as i32, self.cell.1 as i32);
        let fill = shade(value).filled();
        area.draw(&Rectangle::new([(x, y), (x + w, y + h)], fill))?;
        if self.numbers && value.is_finite() {
            // Either has a contrast of at least 4.5 : 1 with its shade.
            let ink = [BLACK, WHITE][usize::from(value > 0.7)];
            let style = text_style(HPos::Center, VPos::Center).color(&ink);
            let text = format!("{:.0}", 100.0 * value);
            area.draw(&Text::new(text, (x + w / 2, y + h / 2), style))?;
        }
        Ok(())
    }

    fn draw_scale(&self, area: &Area, left: i32, y: i32) -> Drawn {
        for step in 0..32 {
            let x = left + step * 4;
            let colour = shade(self.from + (1.0 - self.from) * f64::from(step) / 31.0);
            area.draw(&Rectangle::new([(x, y), (x + 4, y + 12)], colour.filled()))?;
        }
        key_text(area, self.scale, (left + 140, y + 6))
    }
}

/// White to deep blue, below zero to deep orange, lightness falling evenly; a missing value stays white.
fn shade(share: f64) -> RGBColor {
    let share = Some(share).filter(|share| share.is_finite()).unwrap_or(0.0);
    let from_white = |to: f64| (255.0 + share.abs().min(1.0) * (to - 255.0)).round() as u8;
    let [red, green, blue] = if share < 0.0 {
        [172.0, 70.0, 0.0]
    } else {
        [8.0, 64.0, 129.0]
    };
    RGBColor(from_white(red), from_white(green), from_white(blue))
}

/// Height of a row that holds text.
pub(crate) const TEXT_ROW: u32 = TEXT + 7;
