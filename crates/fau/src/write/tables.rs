//! The tables of an analysis.

use std::fmt::Display;

use faus_base::au;

use crate::analysis::Analysis;
use crate::analysis::columns::{COLUMNS, Needs, own_columns};
use crate::analysis::inference::Inference;
use crate::analysis::scores::{AUROC, MEASURES};
use crate::chance::held_out::HeldOut;
use crate::input::options::Prior;
use crate::score::sensitivity::Variant;

/// Text of a CSV row.
fn line(cells: &[&dyn Display]) -> String {
    let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
    cells.join(",") + "\n"
}

/// `associations.csv`: p only with permutations, intervals only with resampled people, class columns only with labelled
/// rows; measures beside the built-in ones at the end.
pub(crate) fn associations_csv(analysis: &Analysis) -> String {
    let (options, inference) = (&analysis.options, &analysis.inference);
    let (tested, resampled) = (options.permutations > 0, options.bootstrap > 0);
    let there = |needs: Needs| match needs {
        Needs::Nothing => true,
        Needs::Permutations => tested,
        Needs::Bootstrap => resampled,
        Needs::Labels => tested && inference.labelled_rows > 0,
    };
    let columns: Vec<_> = COLUMNS
        .into_iter()
        .filter(|column| there(column.0))
        .collect();
    // Score, p, q and the ends of the interval.
    let own_there = [true, tested, tested, resampled, resampled];
    let mut header: Vec<String> = ["filter", "au", "n_with", "n_without"]
        .map(str::to_owned)
        .to_vec();
    header.extend(MEASURES.map(str::to_owned));
    header.extend(columns.iter().map(|column| column.1.to_owned()));
    for name in analysis.own_measures() {
        let names = own_columns(name).into_iter().zip(own_there);
        header.extend(names.filter(|(_, there)| *there).map(|(name, _)| name));
    }
    let mut text = header.join(",") + "\n";
    for (at, row) in analysis.associations.iter().enumerate() {
        let (scores, own) = row.scores.split_at(MEASURES.len());
        let mut numbers = scores.to_vec();
        let pair = &inference.pairs[at];
        numbers.extend(columns.iter().map(|column| column.2(pair)));
        for (score, own) in own.iter().zip(&inference.own) {
            let own = &own[at];
            let all = [*score, own.p, own.q, own.range.low, own.range.high];
            let all = all.into_iter().zip(own_there);
            numbers.extend(all.filter(|(_, there)| *there).map(|(number, _)| number));
        }
        let count = row.count;
        text += &format!(
            "{},{},{},{}",
            row.filter, count.au, count.n_with, count.n_without
        );
        numbers
            .iter()
            .for_each(|number| text += &format!(",{number}"));
        text += "\n";
    }
    text
}

/// `correspondences.csv`.
pub(crate) fn correspondences_csv(analysis: &Analysis) -> String {
    let (inference, aurocs) = (&analysis.inference, analysis.column(AUROC));
    let tested = analysis.options.permutations > 0;
    let more = if tested {
        ",auroc,q,q_within_class,p_max,q_max"
    } else {
        ""
    };
    let mut text = format!("filter,au,kl,au_name{more}\n");
    for c in &analysis.correspondences {
        let name = au::name(c.au);
        if !tested {
            text += &line(&[&c.filter, &c.au, &c.score, &name]);
            continue;
        }
        let unit = analysis.aus_used.iter().position(|count| count.au == c.au);
        let at = analysis.place(c.filter, unit.unwrap_or(0));
        let (pair, own) = (&inference.pairs[at], &inference.filters[c.filter]);
        text += &line(&[
            &c.filter,
            &c.au,
            &c.score,
            &name,
            &aurocs[at],
            &pair.q,
            &pair.q_within_class,
            &own.p_max,
            &own.q_max,
        ]);
    }
    text
}

/// `class_effects.csv`.
pub(crate) fn class_effects_csv(inference: &Inference) -> String {
    let mut text =
        "au,label,label_name,filter,n_with,n_without,auroc,auroc_low,auroc_high\n".to_owned();
    let mut labels: Vec<i64> = inference.class_effects.iter().map(|e| e.label).collect();
    labels.sort_unstable();
    labels.dedup();
    for e in &inference.class_effects {
        let place = labels.binary_search(&e.label).unwrap_or(0);
        let name = inference.classes.get(place).map_or("", String::as_str);
        text += &line(&[
            &e.au,
            &e.label,
            &cell(name),
            &e.filter,
            &e.n_with,
            &e.n_without,
            &e.auroc,
            &e.range.low,
            &e.range.high,
        ]);
    }
    text
}

/// `held_out.csv`.
pub(crate) fn held_out_csv(held_out: &HeldOut) -> String {
    let mut text = "filter,au,auroc_labelled,n_with,n_without,auroc,p,q\n".to_owned();
    for p in &held_out.pairs {
        text += &line(&[
            &p.filter,
            &p.au,
            &p.auroc_labelled,
            &p.n_with,
            &p.n_without,
            &p.auroc,
            &p.p,
            &p.q,
        ]);
    }
    text
}

/// `sensitivity.csv`.
pub(crate) fn sensitivity_csv(variants: &[Variant]) -> String {
    let mut text = "bins,prior,pseudo_samples,spearman,same_au\n".to_owned();
    for v in variants {
        let prior = match v.smoothing.prior {
            Prior::Pooled => "pooled",
            Prior::Uniform => "uniform",
        };
        text += &line(&[
            &v.bins,
            &prior,
            &v.smoothing.pseudo_samples,
            &v.spearman,
            &v.same_au,
        ]);
    }
    text
}

/// Text as a CSV cell, quoted where it contains what would end the cell.
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
