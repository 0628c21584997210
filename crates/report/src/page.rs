//! What the template shows.

use askama::Template;
use serde_json::Value;

use crate::answer::answer;
use crate::config::{Entry, brief, command, split};
use crate::curves::{Axes, learning_curves};
use crate::files::{Gap, Part};
use crate::published::{Published, published};
use crate::results::{
    ClassRow, Confusion, FoldRow, class_count, class_rows, majority, mean_and_deviation,
    with_deviation,
};
use crate::run::{Chart, DataSet, Layer, Run, Skipped, Summary};
use crate::text::{count, duration, percent};
use crate::units::Units;

/// The whole page; templates only lay it out.
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct Page<'a> {
    run: &'a str,
    experiment: String,
    preset: Option<String>,
    synthetic: Option<bool>,
    subject_independent: Option<bool>,
    on: String,
    sentences: Vec<String>,
    tiles: Vec<Tile>,
    shortened: Option<&'a [String]>,
    summary_gap: Option<Gap>,
    folds: Vec<FoldRow>,
    chosen_on_test: bool,
    mean: Option<String>,
    final_mean: Option<String>,
    optimistic_mean: Option<String>,
    published: Option<&'static Published>,
    confusion: Part<Confusion>,
    classes: Part<Vec<ClassRow>>,
    curves: Vec<(u64, Result<String, Gap>)>,
    layers: Vec<Figure<'a>>,
    units: Part<Units>,
    heat_map: &'a Part<String>,
    charts: &'a [Chart],
    data: Part<Data<'a>>,
    identity: Part<Vec<Entry>>,
    rest: Vec<Entry>,
    command: Option<String>,
}

/// A number worth seeing at once.
pub(crate) struct Tile {
    value: String,
    name: &'static str,
}

/// The patch figure of a layer.
pub(crate) struct Figure<'a> {
    layer: &'a str,
    picture: &'a Part<String>,
    caption: String,
}

/// The data section.
pub(crate) struct Data<'a> {
    facts: Vec<Entry>,
    classes: Vec<(String, String)>,
    notes: &'a [String],
    skipped: &'a [Skipped],
    skipped_files: String,
}

impl<'a> Page<'a> {
    pub fn of(run: &'a Run) -> Self {
        let summary = run.summary.as_ref().ok();
        let config = run.config.as_ref().unwrap_or(&Value::Null);
        let text = |of: Option<&String>, key: &str| {
            let configured = || config.get(key).and_then(Value::as_str).map(str::to_owned);
            of.cloned().or_else(configured)
        };
        let experiment = text(summary.and_then(|s| s.experiment.as_ref()), "experiment");
        let experiment = experiment.unwrap_or_else(|| run.name.clone());
        let units = Units::of(&run.fau);
        let layer = run
            .fau
            .summary
            .as_ref()
            .ok()
            .and_then(|fau| fau["layer"].as_str());
        let classes = summary.map_or(0, class_count);
        let (identity, rest) = match &run.config {
            Ok(config) => {
                let (identity, rest) = split(config);
                (Ok(identity), rest)
            }
            Err(gap) => (Err(gap.clone()), Vec::new()),
        };
        Self {
            run: &run.name,
            preset: text(summary.and_then(|s| s.preset.as_ref()), "preset"),
            synthetic: synthetic(run, config),
            subject_independent: run.subject_independent(),
            on: on(run, summary),
            sentences: answer(run, &units, layer),
            tiles: tiles(run, summary, &units),
            shortened: summary.and_then(|s| s.shortened.as_deref()),
            summary_gap: run.summary.as_ref().err().cloned(),
            folds: run.folds.iter().map(FoldRow::of).collect(),
            chosen_on_test: summary.is_some_and(Summary::chosen_on_test),
            mean: mean_and_deviation(run),
            final_mean: with_deviation(run, summary.and_then(|s| s.final_test_accuracy)),
            optimistic_mean: with_deviation(
                run,
                summary.and_then(|s| s.best_test_accuracy_optimistic),
            ),
            published: published(&experiment, classes),
            confusion: Confusion::of(&run.summary),
            classes: class_rows(&run.summary),
            curves: curves(run),
            layers: run.layers.iter().map(figure).collect(),
            units,
            heat_map: &run.fau.heat_map,
            charts: &run.fau.charts,
            data: run.dataset.as_ref().map(data).map_err(Gap::clone),
            identity,
            rest,
            command: command(config),
            experiment,
        }
    }
}

/// Synthetic if any file of the run says so; `None` if none says anything.
fn synthetic(run: &Run, config: &Value) -> Option<bool> {
    let said = [
        run.summary
            .as_ref()
            .ok()
            .and_then(|summary| summary.synthetic),
        run.dataset.as_ref().ok().and_then(|data| data.synthetic),
        run.fau
            .summary
            .as_ref()
            .ok()
            .and_then(|fau| fau["synthetic"].as_bool()),
        config.get("synthetic").and_then(Value::as_bool),
    ];
    said.into_iter().flatten().reduce(|a, b| a || b)
}

/// The data set in half a sentence.
fn on(run: &Run, summary: Option<&Summary>) -> String {
    let data = run.dataset.as_ref().ok();
    let name = data.and_then(|data| data.name.clone());
    let name = name.or_else(|| summary?.dataset.clone());
    let mut on = name.unwrap_or("a data set that left no name".to_owned());
    let images = data.and_then(|data| {
        class_counts(data)
            .iter()
            .map(|(_, n)| *n)
            .sum::<Option<u64>>()
    });
    if let Some(images) = images.filter(|&images| images > 0) {
        on += &format!(", {images} labelled images");
    }
    let subjects = data.and_then(|data| quantity(&data.subjects));
    if let Some(subjects) = subjects.filter(|&subjects| subjects > 0) {
        on += &format!(", {subjects} subjects");
    }
    match summary.map_or(0, class_count) {
        0 => on,
        classes => format!("{on}, {classes} classes"),
    }
}

fn tiles(run: &Run, summary: Option<&Summary>, units: &Part<Units>) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let mut add = |value: Option<String>, name| {
        tiles.extend(value.map(|value| Tile { value, name }));
    };
    add(mean_and_deviation(run), "test accuracy");
    add(
        summary.and_then(majority).map(percent),
        "commonest-class guess",
    );
    let units = units.as_ref().ok();
    let filters = units.map(|u| {
        format!(
            "{} of {}",
            u.filters.len(),
            u.filters.len() + u.dead as usize
        )
    });
    add(filters, "filters that respond");
    add(
        units.map(|units| units.units.len().to_string()),
        "action units matched",
    );
    add(summary.and_then(|s| s.seconds).map(duration), "whole job");
    tiles
}

fn curves(run: &Run) -> Vec<(u64, Result<String, Gap>)> {
    let axes = Axes::of(
        run.folds
            .iter()
            .filter_map(|fold| fold.metrics.as_deref().ok()),
    );
    let curve = |fold: &crate::run::Fold| {
        let best = fold
            .result
            .as_ref()
            .ok()
            .and_then(|result| result.best_step);
        let drawn = fold.metrics.as_ref().map_err(Gap::clone).and_then(|rows| {
            learning_curves(fold.number, rows, best, &axes).ok_or_else(|| Gap {
                file: format!("folds/{}/metrics.csv", fold.number),
                damage: Some("its curve cannot be drawn".to_owned()),
                remedy: "",
            })
        });
        (fold.number, drawn)
    };
    run.folds.iter().map(curve).collect()
}

fn figure(layer: &Layer) -> Figure<'_> {
    let filters = layer.filters.as_ref().ok();
    let method = filters.and_then(|filters| filters.method.as_deref());
    let method = match method {
        Some("guided") => "guided back-propagation",
        Some("deconvnet") => "deconvnet projection",
        Some("gradient") => "plain gradient",
        Some(other) => other,
        None => "back-projection",
    };
    let patch = filters.and_then(|f| f.filters.iter().flat_map(|f| &f.patches).next());
    let size =
        patch.and_then(|patch| Some(format!(", crops of {} × {} pixels", patch.w?, patch.h?)));
    let many = filters.map_or(String::new(), |f| {
        format!(
            " Patches were made for {}{}.",
            count(f.filters.len(), "filter"),
            size.unwrap_or_default()
        )
    });
    Figure {
        layer: &layer.name,
        picture: &layer.figure,
        caption: format!(
            "Filters of {}: for each, the images that excite it most, one per subject. Each patch is shown as the face \
             itself and as the {method} of the filter's maximal unit, everything else set to zero.{many}",
            layer.name
        ),
    }
}

fn data(data: &DataSet) -> Data<'_> {
    let fact = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    let shown = |value: &Value| (!value.is_null()).then(|| brief(value));
    let facts = [
        fact("name", data.name.clone()),
        fact(
            "subjects",
            quantity(&data.subjects).map(|subjects| match subjects {
                0 => "not named by the source".to_owned(),
                _ => subjects.to_string(),
            }),
        ),
        fact("image size", shown(&data.image_size)),
        fact(
            "folds",
            quantity(&data.folds)
                .map(|folds| folds.to_string())
                .or_else(|| shown(&data.folds)),
        ),
        fact(
            "folds made",
            data.fold_rule.as_deref().map(|rule| {
                let words = match rule {
                    "given" => "by the data set itself",
                    "balanced" => "balanced over the classes",
                    "modulo" if data.subject_independent == Some(false) => {
                        "image by image within each class"
                    }
                    "modulo" => "in order of subject, modulo",
                    other => other,
                };
                words.to_owned()
            }),
        ),
        fact(
            "subjects kept apart by the folds",
            data.subject_independent.map(|apart| brief(&apart.into())),
        ),
        fact(
            "held-out images",
            data.held_out
                .map(|images| format!("{images} without a class, for the action-unit analysis")),
        ),
        fact("source digest", data.source_digest.clone()),
    ];
    let number = |count: Option<u64>| count.map_or("–".to_owned(), |count| count.to_string());
    let classes = class_counts(data).into_iter();
    Data {
        facts: facts.into_iter().flatten().collect(),
        classes: classes.map(|(name, count)| (name, number(count))).collect(),
        notes: &data.notes,
        skipped: &data.skipped,
        skipped_files: count(data.skipped.len(), "file"),
    }
}

/// Images per class, from `{name: count}` or from a list in the order of the classes.
fn class_counts(data: &DataSet) -> Vec<(String, Option<u64>)> {
    let of = |name: &String, at: usize| data.counts.get(name).or_else(|| data.counts.get(at));
    match &data.counts {
        Value::Object(counts) if data.classes.is_empty() => counts
            .iter()
            .map(|(name, n)| (name.clone(), n.as_u64()))
            .collect(),
        _ => {
            let classes = data.classes.iter().enumerate();
            classes
                .map(|(at, name)| (name.clone(), of(name, at).and_then(Value::as_u64)))
                .collect()
        }
    }
}

/// A number, or the length of a list.
fn quantity(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_array().map(|list| list.len() as u64))
}
