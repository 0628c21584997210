//! Drawings in one style: SVG by plotters, once for the page (text in the page's colour) and once as a separate file,
//! each with the numbers that it shows.

pub(crate) mod curves;
pub(crate) mod forest;
pub(crate) mod heat;
pub(crate) mod lines;
pub(crate) mod marks;
pub(crate) mod numbers;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Series colours after Okabe & Ito: each reaches 3:1 on the light and on the dark page (WCAG 1.4.11), and they are
/// distinguishable under all common kinds of colour vision. Each series also has a different mark, so colour is never
/// the only cue.
pub(crate) const SERIES: [RGBColor; 5] = [
    RGBColor(34, 136, 202),
    RGBColor(213, 94, 0),
    RGBColor(0, 148, 108),
    RGBColor(190, 96, 152),
    RGBColor(128, 128, 128),
];
pub(crate) const BLUE: RGBColor = SERIES[0];
pub(crate) const ORANGE: RGBColor = SERIES[1];
pub(crate) const GREY: RGBColor = SERIES[4];
/// Size of all text, in units of the drawing.
pub(crate) const TEXT: u32 = 17;
/// Width of a letter as a share of its size, for reserving space; generous, since the reader's font is unknown.
const LETTER: f64 = 0.52;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(crate) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The mesh of all charts, to be completed and drawn.
pub(crate) fn mesh<'a, 'b, 'c>(
    chart: &'c mut Chart<'a, 'b>,
) -> MeshStyle<'a, 'c, RangedCoordf64, RangedCoordf64, SVGBackend<'b>> {
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.3))
        .axis_style(GREY)
        .label_style(("sans-serif", TEXT))
        .axis_desc_style(("sans-serif", TEXT));
    mesh
}

/// A file's name and its contents as a `data:` URI.
pub(crate) type Download = (String, String);

/// A drawing with its numbers.
#[derive(Clone, Default)]
pub(crate) struct Plot {
    /// Stem of its files under `report/figures`.
    name: String,
    /// The text for screen readers.
    pub alt: String,
    /// Empty if there are only numbers.
    drawing: Drawing,
    /// The same for a phone, where the wide one would have to shrink or scroll; may be empty.
    on_phones: Drawing,
    /// The numbers as CSV with a header.
    csv: String,
}

/// The elements of a drawing on their background.
#[derive(Clone, Default)]
struct Drawing {
    /// Width and height.
    size: (u32, u32),
    body: String,
}

impl Drawing {
    /// `None` if plotters could not draw it.
    fn of(size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> Option<Self> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            draw(&area).ok()?;
            area.present().ok()?;
        }
        let (_, body) = svg.split_once('>')?;
        let body = body.to_owned();
        Some(Self { size, body })
    }

    /// As part of the page: it scales with its column and uses the page's text colour.
    fn inline(&self, class: &str, alt: &str) -> String {
        let (width, height) = self.size;
        let body = self.body.replace("\"#000000\"", "\"currentColor\"");
        // In em units, so that the text of all drawings has the same size.
        let em = f64::from(width) / 16.0;
        format!(
            "<svg class=\"{class}\" width=\"{em}em\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{alt}\">{body}"
        )
    }
}

impl Plot {
    /// `None` if plotters could not draw it; the numbers are still available.
    pub fn draw(
        [name, alt]: [&str; 2],
        size: (u32, u32),
        csv: &str,
        draw: impl FnOnce(&Area) -> Drawn,
    ) -> Option<Self> {
        Some(Self {
            alt: alt.to_owned(),
            drawing: Drawing::of(size, draw)?,
            ..Self::numbers(name, csv.to_owned())
        })
    }

    /// Adds the drawing for phones.
    pub fn on_phones(mut self, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> Self {
        self.on_phones = Drawing::of(size, draw).unwrap_or_default();
        self
    }

    /// Numbers saved to a file without a drawing.
    pub fn numbers(name: &str, csv: String) -> Self {
        Self {
            name: name.to_owned(),
            csv,
            ..Self::default()
        }
    }

    /// Its files, each with name, media type and text: the drawing, if there is one, and the numbers.
    pub fn files(&self) -> Vec<(String, &'static str, String)> {
        let file = |kind, media, text| (format!("{}.{kind}", self.name), media, text);
        let svg = self.svg().map(|svg| file("svg", "image/svg+xml", svg));
        let csv = file("csv", "text/csv;charset=utf-8", self.csv.clone());
        svg.into_iter().chain([csv]).collect()
    }

    /// Its files embedded in a page, saved by a click without scripts.
    pub fn downloads(&self) -> Vec<Download> {
        let uri = |kind, text| format!("data:{kind};base64,{}", STANDARD.encode::<String>(text));
        let files = self.files().into_iter();
        files
            .map(|(file, kind, text)| (file, uri(kind, text)))
            .collect()
    }

    /// The drawing as a file: black on white; `None` if there is none.
    fn svg(&self) -> Option<String> {
        let Drawing { size, body } = &self.drawing;
        let (width, height) = size;
        let svg = format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\
             <title>{}</title><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>{body}",
            escaped(&self.alt)
        );
        (!body.is_empty()).then_some(svg)
    }

    /// The drawing as part of the page, for wide windows and for phones; the style sheet shows one of them.
    pub fn inline(&self) -> String {
        let alt = escaped(&self.alt);
        let wide = self.drawing.inline("plot", &alt);
        match self.on_phones.body.is_empty() {
            true => wide,
            false => wide + &self.on_phones.inline("phone", &alt),
        }
    }
}

/// Width of a drawing for phones.
pub(crate) const PHONE: u32 = 360;

fn escaped(text: &str) -> String {
    let escaped = askama::filters::escape(text, askama::filters::Html);
    escaped.map(|text| text.to_string()).unwrap_or_default()
}

/// Space for the longest label.
pub(crate) fn label_width<'a>(labels: impl Iterator<Item = &'a str>) -> u32 {
    let letters = labels.map(|label| label.chars().count()).max();
    (letters.unwrap_or(0) as f64 * LETTER * f64::from(TEXT)) as u32 + 14
}

/// Text anchored right of, left of, above or below its point.
pub(crate) fn text_style(horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", f64::from(TEXT)).into_font())
        .color(&BLACK)
        .pos(Pos::new(horizontal, vertical))
}

/// Axis limits: round numbers that enclose all values with a small margin.
pub(crate) fn round_ends(low: f64, high: f64) -> (f64, f64) {
    let span = (high - low).max(1e-9);
    let step = 10f64.powf(span.log10().floor()) / 2.0;
    ((low / step).floor() * step, (high / step).ceil() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: &str = "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>";

    #[test]
    fn a_drawing_is_escaped_and_inlined_without_its_ground() {
        let draw = |area: &Area| -> Drawn {
            area.draw(&Text::new(
                "<b>&",
                (5, 5),
                text_style(HPos::Left, VPos::Top),
            ))?;
            Ok(())
        };
        let plot = Plot::draw(["a", "x \"<"], (100, 50), "", draw);
        let plot = plot.expect("it can be drawn");
        let svg = plot.svg().unwrap();
        assert!(svg.contains("xmlns=") && svg.contains(PAPER));
        let inline = plot.inline();
        assert!(inline.contains("viewBox=\"0 0 100 50\"") && inline.contains("currentColor"));
        assert!(!inline.contains(PAPER) && !inline.contains("<b>") && !inline.contains("\"<"));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for ((low, high), expected) in [((0.0, 0.93), (0.0, 0.95)), ((-0.2, 1.2), (-0.5, 1.5))] {
            let ends = round_ends(low, high);
            assert!((ends.0 - expected.0).abs() < 1e-9 && (ends.1 - expected.1).abs() < 1e-9);
        }
    }
}
