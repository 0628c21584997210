//! Contents of `fau.json`.

use std::cmp::Reverse;

use faus_base::au;
use faus_base::order::median;
use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::analysis::counts::{Counts, of_unit};
use crate::analysis::names::NameCounts;
use crate::analysis::scores::{AUROC, Correspondence, KL, MEASURES};
use crate::chance::held_out::HeldOut;
use crate::input::coded::AuCount;
use crate::score::sensitivity::{Variant, lowest};
use crate::write::output::OutputOptions;
use crate::write::verdict::caveats;

/// Filters named per action unit.
const TOP_FILTERS: usize = 5;

/// The whole file; `charts` are the names of the bar charts.
pub(crate) fn summary(analysis: &Analysis, output: &OutputOptions, charts: &[String]) -> Value {
    let (options, inference) = (&analysis.options, &analysis.inference);
    let mut summary = head(analysis, charts);
    summary["intervals"] = json!({
        "resamplings": options.bootstrap,
        "over": "subjects",
        "auroc": "percentile",
    });
    summary["sensitivity"] = sensitivity(&inference.sensitivity);
    let units = 0..analysis.aus_used.len();
    summary["by_au"] = units.map(|unit| by_au(analysis, unit)).collect();
    summary["caveats"] = caveats(analysis).into();
    if options.permutations > 0 {
        summary["null"] = null(analysis);
        summary["counts"] = json!(Counts::of(analysis));
        if let Some(held_out) = &inference.held_out {
            summary["held_out"] = of_held_out(held_out, options.fdr);
        }
        summary["verdict"] = analysis.verdict().into();
    }
    if !analysis.own_measures().is_empty() {
        summary["own_measures"] = json!(analysis.own_measures());
    }
    if let Some(synthetic) = output.synthetic {
        summary["synthetic"] = synthetic.into();
    }
    if let Some(grade) = output.au_threshold {
        summary["au_threshold"] = grade.into();
    }
    if output.machine_coded {
        summary["machine_coded"] = true.into();
    }
    if let Some(layer) = &output.layer {
        summary["layer"] = layer.as_str().into();
    }
    summary["inputs"] = json!(output.inputs);
    if !output.command.is_empty() {
        summary["command"] = json!(output.command);
    }
    summary
}

fn head(analysis: &Analysis, charts: &[String]) -> Value {
    let options = &analysis.options;
    let left_out = analysis.aus_left_out.iter();
    let left_out = left_out.map(|c| left_out_json(c, options.min_positives));
    json!({
        "rows": analysis.rows,
        "rows_used": analysis.rows_used,
        "filters": analysis.filters,
        "filters_with_correspondence": analysis.correspondences.len(),
        "measures": MEASURES,
        "correspondence_by": MEASURES[KL],
        "name_by": "the unit with the filter's largest |z|: the AUROC's distance from its mean under exchange, in standard deviations; q over live filters of the largest |z| against the largest under exchange",
        "histograms": {
            "bins": options.bins,
            "range": "smallest to largest activation of the filter over the rows used, both groups pooled",
            "smoothing": options.smoothing,
            "unit": "nats",
            "source": "KL(Q||R) as in Khorrami, Paine & Huang 2015; bins, range and smoothing are our choice",
        },
        "min_positives": options.min_positives,
        "aus_used": analysis.aus_used.iter().map(count_json).collect::<Vec<_>>(),
        "aus_left_out": left_out.collect::<Vec<_>>(),
        "dead_filters": {
            "count": analysis.dead_filters.len(),
            "meaning": "constant over all rows used; no correspondence",
            "filters": analysis.dead_filters,
        },
        "correspondences_by_au": correspondences_by_au(analysis),
        "charts": charts,
        "heat_map": "heatmap.svg",
    })
}

fn count_json(count: &AuCount) -> Value {
    json!({"au": count.au, "name": au::name(count.au), "n_with": count.n_with, "n_without": count.n_without})
}

fn left_out_json(count: &AuCount, min: usize) -> Value {
    let mut entry = count_json(count);
    let rare = match count.n_with <= count.n_without {
        true => "present",
        false => "absent",
    };
    entry["reason"] = format!("{rare} in images of fewer than {min} people").into();
    entry
}

/// The action units by the number of their filters, most first, with their best filters.
fn correspondences_by_au(analysis: &Analysis) -> Vec<Value> {
    let ranked = analysis.by_kl();
    let of = |count: &AuCount| {
        let own = ranked.iter().filter(|c| c.au == count.au);
        (count.au, own.collect::<Vec<_>>())
    };
    let mut units: Vec<_> = analysis.aus_used.iter().map(of).collect();
    units.sort_by_key(|(au, filters)| (Reverse(filters.len()), *au));
    let top = |c: &&Correspondence| json!({"filter": c.filter, MEASURES[KL]: c.score});
    let entry = |(au, filters): (u8, Vec<&Correspondence>)| {
        let best: Vec<Value> = filters.iter().take(TOP_FILTERS).map(top).collect();
        json!({"au": au, "name": au::name(au), "filters": filters.len(), "top": best})
    };
    units.into_iter().map(entry).collect()
}

fn null(analysis: &Analysis) -> Value {
    let (options, inference) = (&analysis.options, &analysis.inference);
    json!({
        "permutations": options.permutations,
        "seed": options.seed,
        "fdr": options.fdr,
        "exchange": options.exchange.words(),
        "p": "of KL, one-sided, (b + 1) / (m + 1); q: Benjamini & Hochberg over all filter x action-unit pairs",
        "subjects": inference.subjects,
        "rows_without_subject": inference.without_subject,
        "rows_without_sequence": inference.without_sequence,
        "rows_without_exchange": inference.fixed_rows,
        "bootstrap": options.bootstrap,
        "within_class": {
            "rows": inference.labelled_rows,
            "classes": inference.classes,
            "statistic": "van Elteren's stratified rank sum over its subject-clustered standard error, two-sided",
            "aus_without_variation": inference.without_variation,
        },
    })
}

fn of_held_out(held_out: &HeldOut, fdr: f64) -> Value {
    let pairs = held_out.pairs.iter();
    let turned = pairs.map(|p| 0.5 + (p.auroc - 0.5) * (p.auroc_labelled - 0.5).signum());
    let replicated = held_out.replicated(fdr);
    json!({
        "rows": held_out.rows,
        "labelled_rows": held_out.labelled_rows,
        "shared_people": held_out.shared_people,
        "pairs_selected": held_out.pairs.len(),
        "pairs_replicated": replicated,
        "share": replicated as f64 / held_out.pairs.len() as f64,
        "same_direction": held_out.same_direction(),
        "median_auroc": median(&turned.collect::<Vec<_>>()),
    })
}

fn sensitivity(variants: &[Variant]) -> Value {
    json!({
        "variants": variants.len(),
        "lowest_same_au": lowest(variants, |v| v.same_au),
        "lowest_spearman": lowest(variants, |v| v.spearman),
        "table": "sensitivity.csv",
    })
}

fn by_au(analysis: &Analysis, unit: usize) -> Value {
    let (inference, count) = (&analysis.inference, &analysis.aus_used[unit]);
    let mut entry = count_json(count);
    let filters = analysis.correspondences.iter().filter(|c| c.unit == unit);
    entry["filters"] = filters.count().into();
    entry["filters_q"] = of_unit(analysis, unit, |pair| pair.q).into();
    entry["filters_within_class_q"] = of_unit(analysis, unit, |pair| pair.q_within_class).into();
    entry["varies_within_class"] = (!inference.without_variation.contains(&count.au)).into();
    entry["detectable_auroc"] = inference.detectable[unit].into();
    let named = analysis.names().filter(|name| name.unit == unit);
    entry["names"] = json!(NameCounts::of(named));
    entry["best"] = analysis
        .best_filter(unit)
        .map(|filter| best(analysis, filter, unit))
        .into();
    entry
}

/// The best filter of a unit.
fn best(analysis: &Analysis, filter: usize, unit: usize) -> Value {
    let at = analysis.place(filter, unit);
    let (pair, scores) = (
        &analysis.inference.pairs[at],
        &analysis.associations[at].scores,
    );
    json!({
        "filter": filter,
        "kl": scores[KL],
        "auroc": scores[AUROC],
        "auroc_low": pair.auroc_range.low,
        "auroc_high": pair.auroc_range.high,
        "q": pair.q,
        "q_within_class": pair.q_within_class,
        "auroc_within_class": pair.auroc_within_class,
        "z": pair.z,
        "d_prime": pair.d_prime,
        "q_auroc": pair.q_auroc,
    })
}
