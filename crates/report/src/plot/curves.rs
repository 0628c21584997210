//! Learning curves: one drawing per fold, and all folds together.

use plotters::prelude::*;

use super::numbers::{cell, csv};
use super::{Area, BLUE, Drawn, GREY, ORANGE, Plot, mesh};
use crate::run::folds::{Fold, MetricsRow};

const SIZE: (u32, u32) = (380, 340);
/// Top of every axis, so that a diverged fold does not flatten the others: several times the loss of guessing among ten
/// classes (2.3 nats).
const TOP_LOSS: f64 = 10.0;
/// Maximum number of points, the limit of what can be distinguished at this size.
const MAX_POINTS: usize = 500;

/// Axis limits shared by all folds, for comparability.
pub(crate) struct Axes {
    last_step: f64,
    top_loss: f64,
}

impl Axes {
    pub fn of(folds: &[&Fold]) -> Self {
        let rows = || folds.iter().flat_map(|fold| fold.metrics.iter());
        let losses = rows().filter_map(|row| row.train_loss);
        let losses = losses.filter(|loss| loss.is_finite());
        Self {
            last_step: rows().map(|row| row.step as f64).fold(1.0, f64::max),
            top_loss: losses.fold(0.1, f64::max).min(TOP_LOSS),
        }
    }
}

type Points = Vec<(f64, f64)>;

fn points(rows: &[MetricsRow], of: fn(&MetricsRow) -> Option<f64>) -> Points {
    let thin = rows.iter().step_by(rows.len().div_ceil(MAX_POINTS).max(1));
    let pairs = thin.filter_map(|row| Some((row.step as f64, of(row)?)));
    pairs.filter(|point| point.1.is_finite()).collect()
}

/// Two panels over the training steps, training loss above validation accuracy; a dashed line marks the
/// checkpoint that was chosen.
pub(crate) fn of_fold(fold: &Fold, axes: &Axes) -> Option<Plot> {
    let (rows, number, top) = (&fold.metrics, fold.number, 1.05 * axes.top_loss);
    let losses = points(rows, |row| row.train_loss);
    let accuracies = points(rows, |row| row.val_accuracy);
    let (loss, accuracy) = (last(&losses), last(&accuracies));
    let alt = format!(
        "Fold {number}: training loss ends at {loss:.2}, validation accuracy ends at {accuracy:.3}"
    );
    let losses = losses.into_iter().map(|(step, loss)| (step, loss.min(top)));
    let losses = vec![(losses.collect(), BLUE.stroke_width(2))];
    let accuracies = vec![(accuracies, ORANGE.stroke_width(2))];
    let csv = csv("step,train_loss,val_accuracy", rows.iter().map(numbers));
    let name = format!("learning-curve-fold-{number}");
    Plot::draw([&name, &alt], SIZE, &csv, |area| {
        let (upper, lower) = area.split_vertically(SIZE.1 / 2 - 17);
        let marked = fold.result.best_step.map(|step| step as f64);
        let ends = (axes.last_step, marked);
        Panel("loss (nats)", top, losses).draw(&upper, ends, "")?;
        Panel("accuracy", 1.0, accuracies).draw(&lower, ends, "training step")
    })
}

fn last(points: &Points) -> f64 {
    points.last().map_or(f64::NAN, |point| point.1)
}

/// The columns of a row's file.
fn numbers(row: &MetricsRow) -> (u64, [String; 2]) {
    (row.step, [row.train_loss, row.val_accuracy].map(cell))
}

/// Validation accuracy of all folds, thin, and its mean over them where all were measured, thick.
pub(crate) fn of_all(folds: &[&Fold], axes: &Axes) -> Option<Plot> {
    let curve = |fold: &&Fold| points(&fold.metrics, |row| row.val_accuracy);
    let curves: Vec<Points> = folds.iter().map(curve).collect();
    let mean = mean(&curves)?;
    let rows = folds.iter().flat_map(|fold| {
        let rows = fold.metrics.iter();
        rows.map(|row| (fold.number, numbers(row)))
    });
    let csv = csv("fold,step,train_loss,val_accuracy", rows);
    let (many, end) = (folds.len(), last(&mean));
    let alt = format!(
        "Validation accuracy of {many} folds over the training steps; their mean ends at {end:.3}"
    );
    let thin = BLUE.mix(0.6).stroke_width(1);
    let curves = curves.into_iter().map(|curve| (curve, thin));
    let curves = curves.chain([(mean, ORANGE.stroke_width(3))]).collect();
    let panel = Panel("validation accuracy", 1.0, curves);
    Plot::draw(["learning-curves", &alt], (620, 320), &csv, |area| {
        panel.draw(area, (axes.last_step, None), "training step")
    })
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

/// Curves on one pair of axes: the name of the upright one, its top, the curves.
struct Panel(&'static str, f64, Vec<(Points, ShapeStyle)>);

impl Panel {
    /// `ends`: the last step, and the step of a dashed line; `below`: the name of the horizontal axis.
    fn draw(self, area: &Area, ends: (f64, Option<f64>), below: &str) -> Drawn {
        let (Self(name, top, curves), (last_step, marked)) = (self, ends);
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(16)
            .x_label_area_size(if below.is_empty() { 12 } else { 46 })
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..last_step, 0.0..top)?;
        mesh(&mut chart)
            .x_labels(5)
            .y_labels(if curves.len() > 1 { 11 } else { 5 })
            .x_desc(below)
            .y_desc(name)
            .x_label_formatter(&|step| match below {
                "" => String::new(),
                _ => format!("{step:.0}"),
            })
            .draw()?;
        if let Some(step) = marked {
            let ends = [(step, 0.0), (step, top)];
            chart.draw_series(DashedLineSeries::new(ends, 4, 4, GREY.stroke_width(2)))?;
        }
        for (points, style) in curves {
            chart.draw_series(LineSeries::new(points, style))?;
        }
        Ok(())
    }
}
