//! Learning curves as SVG that takes its text colour from the page.

use plotters::prelude::*;

use crate::run::MetricsRow;

/// Blue and orange that reach 3:1 on the light and on the dark page, and that all common kinds of colour
/// vision tell apart (after Okabe & Ito).
const BLUE: RGBColor = RGBColor(43, 143, 208);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(128, 128, 128);
const SIZE: (u32, u32) = (380, 340);
/// More points than this are no longer told apart at the size drawn.
const MAX_POINTS: usize = 500;

/// Axis ends that all folds share, so that they can be compared.
pub(crate) struct Axes {
    last_step: f64,
    top_loss: f64,
}

impl Axes {
    pub fn of<'a>(folds: impl Iterator<Item = &'a [MetricsRow]>) -> Self {
        let mut axes = Self {
            last_step: 1.0,
            top_loss: 0.1,
        };
        for row in folds.flatten() {
            axes.last_step = axes.last_step.max(row.step as f64);
            let loss = row.train_loss.filter(|loss| loss.is_finite());
            axes.top_loss = axes.top_loss.max(loss.unwrap_or(0.0));
        }
        axes
    }
}

/// Two panels over the training steps, training loss above validation accuracy; a dashed line marks the
/// checkpoint that was chosen. `None` if nothing could be drawn.
pub(crate) fn learning_curves(
    fold: u64,
    rows: &[MetricsRow],
    best_step: Option<u64>,
    axes: &Axes,
) -> Option<String> {
    let thin = rows.iter().step_by(rows.len().div_ceil(MAX_POINTS).max(1));
    let points = |of: fn(&MetricsRow) -> Option<f64>| -> Vec<(f64, f64)> {
        let pairs = thin
            .clone()
            .filter_map(|row| Some((row.step as f64, of(row)?)));
        pairs.filter(|point| point.1.is_finite()).collect()
    };
    let loss = Panel {
        name: "loss (nats)",
        top: 1.05 * axes.top_loss,
        colour: BLUE,
        points: points(|row| row.train_loss),
    };
    let accuracy = Panel {
        name: "accuracy",
        top: 1.0,
        colour: ORANGE,
        points: points(|row| row.val_accuracy),
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (upper, lower) = area.split_vertically(SIZE.1 / 2 - 17);
        let marked = best_step.map(|step| step as f64);
        loss.draw(&upper, axes.last_step, marked, "").ok()?;
        accuracy
            .draw(&lower, axes.last_step, marked, "training step")
            .ok()?;
        area.present().ok()?;
    }
    let last = |panel: &Panel| panel.points.last().map_or(f64::NAN, |point| point.1);
    let label = format!(
        "Fold {fold}: training loss falls to {:.2}, validation accuracy ends at {:.3}",
        last(&loss),
        last(&accuracy)
    );
    Some(inline(&svg, &label))
}

struct Panel {
    name: &'static str,
    top: f64,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

impl Panel {
    fn draw(
        &self,
        area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
        last_step: f64,
        marked: Option<f64>,
        below: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(16)
            .x_label_area_size(if below.is_empty() { 12 } else { 46 })
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..last_step, 0.0..self.top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.3))
            .axis_style(GREY)
            .label_style(("sans-serif", 17))
            .axis_desc_style(("sans-serif", 17))
            .x_labels(5)
            .y_labels(5)
            .x_desc(below)
            .y_desc(self.name)
            .x_label_formatter(&|step| match below {
                "" => String::new(),
                _ => format!("{step:.0}"),
            })
            .draw()?;
        if let Some(step) = marked {
            let ends = [(step, 0.0), (step, self.top)];
            chart.draw_series(DashedLineSeries::new(ends, 4, 4, GREY.stroke_width(2)))?;
        }
        let line = self.points.iter().copied();
        chart.draw_series(LineSeries::new(line, self.colour.stroke_width(2)))?;
        Ok(())
    }
}

/// Makes a drawing part of the page: it scales with its column, its text has the page's colour and
/// assistive technology reads `label` (which must need no escaping).
fn inline(svg: &str, label: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let (width, height) = SIZE;
    let body = body.replace("\"#000000\"", "\"currentColor\"");
    format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{body}")
}
