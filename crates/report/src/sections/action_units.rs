//! What the filters have to do with action units: by unit, by filter, and how far that holds elsewhere.

use serde_json::Value;

use super::heat_map::level;
use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::action_units::au_label;
use crate::files::Gap;
use crate::plot::forest::{Forest, Line};
use crate::plot::{cell, csv_text, round_ends};
use crate::run::{Association, ClassEffect, Correspondence, HeldOut, Sensitivity, finite, verdict};
use crate::text::{count, decimal_or_dash, interval_or_dash, p_or_dash, percent_or_dash};

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let fau = &context.run.fau;
    let mut blocks = Vec::new();
    let summary = fau.summary.as_ref().unwrap_or(&Value::Null);
    blocks.extend(verdict(summary).into_iter().map(Block::Text));
    blocks.push(Block::Quiet(method(summary)));
    blocks.extend(cautions(summary).into_iter().map(Block::Caution));
    match &fau.correspondences {
        Err(gap) => blocks.push(Block::Gap(Gap::clone(gap))),
        Ok(found) => {
            let associations = fau.associations.as_deref().unwrap_or_default();
            blocks.extend(best_by_unit(context, summary));
            blocks.push(Block::Heading("By action unit".to_owned()));
            blocks.push(Block::Table(by_unit(summary, found, associations)));
            blocks.extend(left_out(summary));
            blocks.push(Block::Heading("Correspondences".to_owned()));
            blocks.push(Block::Table(correspondences(context, found, associations)));
        }
    }
    blocks.extend(within_classes(&fau.class_effects)?);
    blocks.extend(held_out(summary, &fau.held_out));
    blocks.extend(replication(context));
    blocks.extend(sensitivity(&fau.sensitivity)?);
    Section::new("action-units", "Filters and action units", &blocks)
}

/// How the histograms and the nulls were made, as `fau.json` records it.
fn method(summary: &Value) -> String {
    let mut words = "For each filter and action unit, the filter's largest activation per image is compared between the images with the unit and those without: KL(Q‖R) in nats. The unit with the largest KL is the filter's correspondence.".to_owned();
    if let Some(rows) = summary["rows_used"].as_u64() {
        words += &format!(" {rows} coded images were used.");
    }
    let histograms = &summary["histograms"];
    if let Some(bins) = histograms["bins"].as_u64() {
        let smoothing = &histograms["smoothing"];
        let prior = smoothing["prior"].as_str().unwrap_or("unknown");
        let pseudo = smoothing["pseudo_samples"].as_f64().unwrap_or(f64::NAN);
        let minimum = summary["min_positives"].as_u64().unwrap_or(0);
        words += &format!(
            " Histograms: {bins} equal-width bins over each filter's range, {pseudo} pseudo-samples spread like the {prior} histogram, action units present and absent in at least {minimum} coded images. Bins, range and smoothing are our choice."
        );
    }
    let null = &summary["null"];
    if let Some(permutations) = null["permutations"].as_u64() {
        let subjects = null["subjects"]
            .as_u64()
            .map_or(String::new(), |n| format!(" over {n} people"));
        let bootstrap = null["bootstrap"].as_u64().unwrap_or(0);
        words += &format!(
            " Chance: {permutations} permutations{subjects}, people as clusters; q after Benjamini and Hochberg. Intervals: 95%, {bootstrap} bootstrap resamples of people."
        );
    }
    words
}

fn cautions(summary: &Value) -> Vec<String> {
    let listed = summary["caveats"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let listed: Vec<String> = listed
        .chain(summary["caveat"].as_str())
        .map(str::to_owned)
        .collect();
    match summary["null"].is_null() && listed.is_empty() {
        true => vec!["Every filter has a largest KL, in an untrained network too, and expressions are made of action units. Without a null distribution, which this run has not computed, a correspondence is a description, not a proof.".to_owned()],
        false => listed,
    }
}

/// The best filter of each action unit by AUROC, with its interval.
fn best_by_unit(context: &Context, summary: &Value) -> Option<Block> {
    let units = summary["by_au"].as_array()?;
    let of = |unit: &Value| {
        let best = &unit["best"];
        let ends = best["auroc_low"].as_f64().zip(best["auroc_high"].as_f64());
        Some((
            unit["au"].as_u64()?,
            best["filter"].as_u64()?,
            best["auroc"].as_f64()?,
            ends,
            best["auroc_within_class"].as_f64(),
        ))
    };
    let rows: Vec<_> = units.iter().filter_map(of).collect();
    if rows.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    for (au, filter, auroc, interval, within) in &rows {
        lines.push(Line {
            label: format!("{} (#{filter})", au_label(*au)),
            value: Some(*auroc),
            interval: *interval,
            ..Line::default()
        });
        if within.is_some() {
            lines.push(Line {
                label: String::new(),
                value: *within,
                series: 1,
                ..Line::default()
            });
        }
    }
    let series: &[&str] = match lines.iter().any(|line| line.series == 1) {
        true => &[
            "all coded images",
            "pairs of images of the same expression only",
        ],
        false => &["all coded images"],
    };
    let csv = csv_text(
        &["au", "filter", "auroc", "low", "high", "auroc_within_class"],
        rows.iter().map(|(au, filter, auroc, ends, within)| {
            let numbers = [Some(*auroc), ends.map(|e| e.0), ends.map(|e| e.1), *within].map(cell);
            [au.to_string(), filter.to_string()]
                .into_iter()
                .chain(numbers)
                .collect()
        }),
    );
    let lowest = lines
        .iter()
        .flat_map(|l| [l.value, l.interval.map(|i| i.0)])
        .flatten();
    let lowest = lowest.fold(0.5, f64::min);
    let plot = Forest {
        name: "best-filter-by-action-unit",
        alt: "AUROC of the best filter of each action unit with intervals; the same numbers are in the tables".to_owned(),
        axis: "AUROC (0.5: no relation)",
        ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
        percent: false,
        bars: false,
        lines: &lines,
        references: &[(0.5, "no relation".to_owned())],
        series,
        csv,
    }
    .plot();
    context.figure(plot, "For each action unit its best filter (number in brackets): how well the filter's activation alone tells images with the unit from those without. Lines: 95% bootstrap over people. The best of many filters is chosen on the same images, which flatters it; controls and replication below do not.".to_owned())
}

fn by_unit(summary: &Value, found: &[Correspondence], associations: &[Association]) -> Table {
    let mut units: Vec<u64> = associations
        .iter()
        .map(|row| row.au)
        .chain(found.iter().map(|row| row.au))
        .collect();
    units.sort_unstable();
    units.dedup();
    let with = |au: u64| found.iter().filter(|row| row.au == au).count();
    units.sort_by_key(|au| std::cmp::Reverse(with(*au)));
    let recorded = summary["by_au"].as_array();
    let recorded = |au: u64| {
        recorded.and_then(|units| units.iter().find(|unit| unit["au"].as_u64() == Some(au)))
    };
    let beyond = summary["by_au"][0]["filters_q"].is_u64();
    let rows = units.into_iter().map(|au| {
        let mut own: Vec<&Correspondence> = found.iter().filter(|row| row.au == au).collect();
        own.sort_by(|a, b| b.kl.unwrap_or(0.0).total_cmp(&a.kl.unwrap_or(0.0)));
        let counts = associations.iter().find(|row| row.au == au);
        let present = counts.and_then(|row| Some((row.n_with?, row.n_with? + row.n_without?)));
        let strongest: Vec<String> = own
            .iter()
            .take(5)
            .map(|row| format!("#{} ({})", row.filter, decimal_or_dash(row.kl, 2)))
            .collect();
        let number = |value: Option<u64>| {
            Cell::number(
                value.map_or("–".to_owned(), |n| n.to_string()),
                value.map(|n| n as f64),
            )
        };
        let mut cells = vec![
            Cell {
                text: au_label(au),
                order: Some(au as f64),
                ..Cell::default()
            },
            Cell::number(
                present.map_or("–".to_owned(), |(with, all)| format!("{with} of {all}")),
                present.map(|p| p.0 as f64),
            ),
            number(Some(own.len() as u64)),
        ];
        if beyond {
            let of = |key: &str| recorded(au).and_then(|unit| unit[key].as_u64());
            cells.push(number(of("filters_q")));
            cells.push(number(of("filters_within_class_q")));
        }
        cells.push(strongest.join(", ").into());
        TableRow::new(cells)
    });
    let mut columns = vec![
        Column::text("Action unit"),
        Column::number("Present in"),
        Column::number("Filters whose largest KL it has"),
    ];
    if beyond {
        columns.push(Column::number("Filters beyond chance"));
        columns.push(Column::number("… within expressions"));
    }
    columns.push(Column::text("Strongest filters (KL, nats)"));
    Table {
        label: "Action units and their filters".to_owned(),
        columns,
        rows: rows.collect(),
        sortable: true,
        ..Table::default()
    }
}

fn left_out(summary: &Value) -> Vec<Block> {
    let entry = |entry: &Value| {
        let (au, with) = (entry["au"].as_u64()?, entry["n_with"].as_u64()?);
        Some(format!("AU {au} (present in {with})"))
    };
    let units: Vec<String> = summary["aus_left_out"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(entry)
        .collect();
    let mut blocks = Vec::new();
    if !units.is_empty() {
        blocks.push(Block::Quiet(format!(
            "Left out as too rare or too frequent: {}.",
            units.join(", ")
        )));
    }
    let dead = summary["dead_filters"]["count"].as_u64().unwrap_or(0);
    if dead > 0 {
        blocks.push(Block::Quiet(format!(
            "Constant over all coded images, so without correspondence: {}.",
            count(dead as usize, "filter")
        )));
    }
    blocks
}

fn correspondences(
    context: &Context,
    found: &[Correspondence],
    associations: &[Association],
) -> Table {
    let mut ranked: Vec<&Correspondence> = found.iter().collect();
    ranked.sort_by(|a, b| {
        b.kl.unwrap_or(0.0)
            .total_cmp(&a.kl.unwrap_or(0.0))
            .then(a.filter.cmp(&b.filter))
    });
    let pair = |row: &Correspondence| {
        associations
            .iter()
            .find(|pair| (pair.filter, pair.au) == (row.filter, row.au))
    };
    let tested = found.iter().any(|row| finite(row.q_max).is_some());
    let rows = ranked.iter().map(|row| {
        let pair = pair(row);
        let ends = pair.and_then(|pair| Some((finite(pair.kl_low)?, finite(pair.kl_high)?)));
        let auroc = finite(row.auroc).or_else(|| finite(pair?.auroc));
        let r = pair.and_then(|pair| finite(pair.r));
        let mut cells = vec![
            Cell::filter(row.filter),
            Cell {
                text: au_label(row.au),
                order: Some(row.au as f64),
                ..Cell::default()
            },
            Cell::number(decimal_or_dash(row.kl, 2), row.kl),
            interval_or_dash(ends, 2).into(),
            Cell::number(decimal_or_dash(auroc, 2), auroc),
            Cell::number(decimal_or_dash(r, 2), r),
        ];
        if tested {
            cells.push(Cell::number(p_or_dash(row.q_max), finite(row.q_max)));
            cells.push(Cell::number(
                p_or_dash(row.q_within_class),
                finite(row.q_within_class),
            ));
        }
        TableRow::new(cells)
    });
    let mut columns = vec![
        Column::text("Filter"),
        Column::text("Action unit"),
        Column::number("KL (nats)"),
        Column::number("95% over people"),
        Column::number("AUROC"),
        Column::number("r"),
    ];
    if tested {
        columns.extend(["q of the largest KL", "q within expressions"].map(Column::number));
    }
    let header = [
        "filter",
        "au",
        "au_name",
        "kl",
        "kl_low",
        "kl_high",
        "auroc",
        "r",
        "p_max",
        "q_max",
        "q",
        "q_within_class",
    ];
    let csv = csv_text(
        &header,
        ranked.iter().map(|row| {
            let pair = pair(row);
            let of = |f: fn(&Association) -> Option<f64>| pair.and_then(f);
            let numbers = [
                row.kl,
                of(|p| p.kl_low),
                of(|p| p.kl_high),
                row.auroc.or(of(|p| p.auroc)),
                of(|p| p.r),
                row.p_max,
                row.q_max,
                row.q,
                row.q_within_class,
            ]
            .map(cell);
            let name = row.au_name.clone().unwrap_or_default();
            [row.filter.to_string(), row.au.to_string(), name]
                .into_iter()
                .chain(numbers)
                .collect()
        }),
    );
    let chance = match tested {
        true => format!(
            " q of the largest KL: against the largest KL over all action units under permutation, over filters; q within expressions: permuted among images of the same expression only. Beyond chance is q ≤ {}.",
            level(context)
        ),
        false => String::new(),
    };
    let table = Table {
        label: "Correspondences of filters and action units".to_owned(),
        note: format!(
            "Each filter that responds, with the action unit of its largest KL, strongest first. AUROC below 0.5: the filter responds less with the unit.{chance}"
        ),
        columns,
        rows: rows.collect(),
        sortable: true,
        tall: found.len() > 25,
        ..Table::default()
    };
    context.with_csv(table, "correspondences", csv)
}

fn within_classes(effects: &Result<Vec<ClassEffect>, Gap>) -> Result<Vec<Block>, askama::Error> {
    let Ok(effects) = effects else {
        return Ok(vec![]);
    };
    let scored = effects.iter().filter(|row| finite(row.auroc).is_some());
    let rows: Vec<TableRow> = scored
        .map(|row| {
            let ends = finite(row.auroc_low).zip(finite(row.auroc_high));
            let n = |n: Option<u64>| n.map_or("–".to_owned(), |n| n.to_string());
            TableRow::new([
                Cell {
                    text: au_label(row.au),
                    order: Some(row.au as f64),
                    ..Cell::default()
                },
                row.label_name.as_str().into(),
                Cell::filter(row.filter),
                Cell::number(n(row.n_with), row.n_with.map(|n| n as f64)),
                Cell::number(n(row.n_without), row.n_without.map(|n| n as f64)),
                Cell::number(decimal_or_dash(row.auroc, 2), row.auroc),
                interval_or_dash(ends, 2).into(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let tall = rows.len() > 25;
    let table = Table {
        label: "Action units inside each expression".to_owned(),
        note: "The best filter of each action unit, among images of one expression alone: what it knows of the unit beyond the expression.".to_owned(),
        columns: vec![Column::text("Action unit"), Column::text("Expression"), Column::number("Filter"), Column::number("With"), Column::number("Without"), Column::number("AUROC"), Column::number("95% over people")],
        rows,
        sortable: true,
        tall,
        ..Table::default()
    };
    let details = Block::details(
        format!("{} within expressions", count(table.rows.len(), "pair")),
        &[Block::Table(table)],
    )?;
    Ok(vec![
        Block::Heading("Inside each expression".to_owned()),
        details,
    ])
}

fn held_out(summary: &Value, rows: &Result<Vec<HeldOut>, Gap>) -> Vec<Block> {
    let heading = Block::Heading("On recordings without an expression label".to_owned());
    let told = &summary["held_out"];
    let (Some(selected), Some(replicated)) = (
        told["pairs_selected"].as_u64(),
        told["pairs_replicated"].as_u64(),
    ) else {
        return match rows {
            Ok(_) => vec![],
            Err(gap) if gap.damage.is_some() => vec![heading, Block::Gap(gap.clone())],
            Err(_) => vec![],
        };
    };
    let by_chance = told["share_by_chance"].as_f64();
    let text = format!(
        "Pairs of filter and action unit that were found on the labelled recordings were tried on {} images without a label, which trained nothing: {replicated} of {selected} hold there in the same direction ({}; chance {}); their median AUROC is {}.",
        told["rows"].as_u64().unwrap_or(0),
        percent_or_dash(told["share"].as_f64()),
        percent_or_dash(by_chance),
        decimal_or_dash(told["median_auroc"].as_f64(), 2)
    );
    vec![heading, Block::Text(text)]
}

fn replication(context: &Context) -> Vec<Block> {
    let replication = &context.run.fau.replication;
    let heading = Block::Heading("On people the network never saw".to_owned());
    let summary = match &replication.summary {
        Ok(summary) => summary,
        Err(gap) => return vec![heading, Block::Gap(gap.clone())],
    };
    let mut blocks = vec![heading];
    blocks.extend(replication.verdict().into_iter().map(Block::Text));
    let rows: Vec<_> = summary["by_au"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|unit| {
            Some((
                unit["au"].as_u64()?,
                finite(unit["out_of_fold_auroc"].as_f64()),
                unit["low"].as_f64().zip(unit["high"].as_f64()),
                unit["q"].as_f64(),
            ))
        })
        .collect();
    let lines: Vec<Line> = rows
        .iter()
        .map(|(au, value, interval, _)| Line {
            label: au_label(*au),
            value: *value,
            interval: *interval,
            ..Line::default()
        })
        .collect();
    if lines.is_empty() {
        return blocks;
    }
    let csv = csv_text(
        &["au", "auroc", "low", "high", "q"],
        rows.iter().map(|(au, value, ends, q)| {
            [au.to_string()]
                .into_iter()
                .chain([*value, ends.map(|e| e.0), ends.map(|e| e.1), *q].map(cell))
                .collect()
        }),
    );
    let lowest = rows
        .iter()
        .filter_map(|row| row.2.map(|ends| ends.0).or(row.1))
        .fold(0.5, f64::min);
    let plot = Forest {
        name: "replication-by-action-unit",
        alt: "AUROC of each action unit on left-out people, with intervals".to_owned(),
        axis: "AUROC on left-out people (0.5: no relation)",
        ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
        percent: false,
        bars: false,
        lines: &lines,
        references: &[(0.5, "no relation".to_owned())],
        series: &[],
        csv,
    }
    .plot();
    blocks.extend(context.figure(plot, "The filter of each action unit is chosen on the people a fold's network was trained on, and scored on its test people; all folds together, with 95% intervals over people.".to_owned()));
    blocks
}

fn sensitivity(rows: &Result<Vec<Sensitivity>, Gap>) -> Result<Vec<Block>, askama::Error> {
    let Ok(rows) = rows else {
        return Ok(vec![]);
    };
    let lines = rows.iter().map(|row| {
        TableRow::new([
            Cell::from(row.bins.map_or("–".to_owned(), |bins| bins.to_string())),
            row.prior.clone().unwrap_or("–".to_owned()).into(),
            decimal_or_dash(row.pseudo_samples, 1).into(),
            decimal_or_dash(row.spearman, 3).into(),
            percent_or_dash(row.same_au).into(),
        ])
    });
    let table = Table {
        label: "Other histograms".to_owned(),
        note: "How much the choice of bins and smoothing matters: Spearman correlation of all KL values with those of the settings used, and the share of filters that keep their action unit.".to_owned(),
        columns: vec![Column::number("Bins"), Column::text("Smoothed towards"), Column::number("Pseudo-samples"), Column::number("Spearman"), Column::number("Same action unit")],
        rows: lines.collect(),
        ..Table::default()
    };
    Ok(vec![Block::details(
        "Other bins and smoothing".to_owned(),
        &[Block::Table(table)],
    )?])
}
