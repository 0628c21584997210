//! Learning curves: all folds and their mean, training loss beside validation accuracy.

use plotters::prelude::*;

use super::numbers::{cell, csv};
use super::{Area, BLUE, Drawn, GREY, ORANGE, PHONE, Plot, mesh};
use crate::page::text::count;
use crate::run::folds::{Fold, MetricsRow};

const SIZE: (u32, u32) = (860, 340);
const SIZE_ON_PHONES: (u32, u32) = (PHONE, 600);
/// Top of the axis of losses, so that a diverged fold does not flatten the others: several times the loss of guessing among
/// ten classes (2.3 nats).
const TOP_LOSS: f64 = 10.0;
/// Maximum number of points, the limit of what can be distinguished at this size.
const MAX_POINTS: usize = 500;

type Points = Vec<(f64, f64)>;

fn points(rows: &[MetricsRow], of: fn(&MetricsRow) -> Option<f64>) -> Points {
    let thin = rows.iter().step_by(rows.len().div_ceil(MAX_POINTS).max(1));
    let pairs = thin.filter_map(|row| Some((row.step as f64, of(row)?)));
    pairs.filter(|point| point.1.is_finite()).collect()
}

/// Training loss and validation accuracy over the steps: each fold thin, the mean at the steps that all folds share thick.
/// `guessing`: the loss and the accuracy without training, as dashed lines.
pub(crate) fn of_all(folds: &[&Fold], guessing: [Option<f64>; 2]) -> Option<Plot> {
    let panels = panels(folds, guessing)?;
    let [loss, accuracy] = panels.each_ref().map(Panel::end);
    let alt = format!(
        "Learning curves of {}: the mean training loss ends at {loss:.2} nats, the mean validation accuracy at {:.1}%",
        count(folds.len(), "fold"),
        100.0 * accuracy
    );
    let steps = folds.iter().flat_map(|fold| fold.metrics.iter());
    let last = steps.map(|row| row.step as f64).fold(1.0, f64::max);
    let draw = |grid: (usize, usize)| {
        let panels = &panels;
        move |area: &Area| -> Drawn {
            let areas = area.split_evenly(grid);
            let mut beside = areas.iter().zip(panels);
            beside.try_for_each(|(area, panel)| panel.draw(area, last))
        }
    };
    let names = ["learning-curves", &alt];
    let plot = Plot::draw(names, SIZE, &numbers(folds), draw((1, 2)))?;
    Some(plot.on_phones(SIZE_ON_PHONES, draw((2, 1))))
}

/// The loss, up to [`TOP_LOSS`], and the accuracy.
fn panels(folds: &[&Fold], guessing: [Option<f64>; 2]) -> Option<[Panel; 2]> {
    let rows = folds.iter().flat_map(|fold| fold.metrics.iter());
    let losses = rows.filter_map(|row| row.train_loss);
    let top = losses.filter(|loss| loss.is_finite()).fold(0.1, f64::max);
    let top = 1.05 * top.min(TOP_LOSS);
    let curves = |of| folds.iter().map(|fold| points(&fold.metrics, of)).collect();
    let (losses, accuracies) = (curves(|row| row.train_loss), curves(|row| row.val_accuracy));
    Some([
        Panel::new("training loss (nats)", top, losses, guessing[0])?,
        Panel::new("validation accuracy (%)", 1.0, accuracies, guessing[1])?,
    ])
}

fn numbers(folds: &[&Fold]) -> String {
    let rows = folds.iter().flat_map(|fold| {
        let row = |row: &MetricsRow| {
            let values = [row.train_loss, row.val_accuracy].map(cell);
            (fold.number, row.step, values)
        };
        fold.metrics.iter().map(row)
    });
    csv("fold,step,train_loss,val_accuracy", rows)
}

/// The mean at the steps that all curves share.
fn mean(curves: &[Points]) -> Option<Points> {
    let mean = curves.first()?.iter().filter_map(|(step, _)| {
        let at = |curve: &Points| Some(curve.iter().find(|point| point.0 == *step)?.1);
        let values: Vec<f64> = curves.iter().map(at).collect::<Option<_>>()?;
        Some((*step, faus_base::order::mean(&values)))
    });
    Some(mean.collect())
}

/// Curves of one quantity.
struct Panel {
    name: &'static str,
    top: f64,
    folds: Vec<Points>,
    mean: Points,
    guessing: Option<f64>,
}

impl Panel {
    fn new(
        name: &'static str,
        top: f64,
        folds: Vec<Points>,
        guessing: Option<f64>,
    ) -> Option<Self> {
        let mean = mean(&folds)?;
        Some(Self {
            name,
            top,
            folds,
            mean,
            guessing,
        })
    }

    /// The last value of the mean.
    fn end(&self) -> f64 {
        self.mean.last().map_or(f64::NAN, |point| point.1)
    }

    fn draw(&self, area: &Area, last_step: f64) -> Drawn {
        let top = self.top;
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(16)
            .x_label_area_size(46)
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..last_step, 0.0..top)?;
        let percent = self.name.ends_with("(%)");
        mesh(&mut chart)
            .x_labels(5)
            .y_labels(6)
            .x_desc("training step")
            .y_desc(self.name)
            .x_label_formatter(&|step| format!("{step:.0}"))
            .y_label_formatter(&|value| match percent {
                true => format!("{:.0}", 100.0 * value),
                false => format!("{value:.1}"),
            })
            .draw()?;
        if let Some(value) = self.guessing.filter(|value| *value <= top) {
            let ends = [(0.0, value), (last_step, value)];
            chart.draw_series(DashedLineSeries::new(ends, 5, 4, GREY.stroke_width(2)))?;
        }
        let below = |points: &Points| -> Points {
            points
                .iter()
                .map(|(step, value)| (*step, value.min(top)))
                .collect()
        };
        for points in &self.folds {
            chart.draw_series(LineSeries::new(
                below(points),
                BLUE.mix(0.6).stroke_width(1),
            ))?;
        }
        chart.draw_series(LineSeries::new(below(&self.mean), ORANGE.stroke_width(3)))?;
        Ok(())
    }
}
