//! The tables of an analysis.

use faus_base::au;

use crate::analysis::Analysis;
use crate::analysis::columns::{COLUMNS, Needs, own_columns};
use crate::analysis::scores::{AUROC, Correspondence, MEASURES};
use crate::error::Error;
use crate::write::table::{csv, rows};

/// The tables by file name; `None` for a table that this analysis does not have.
pub(crate) fn tables(analysis: &Analysis) -> Result<[(&'static str, Option<String>); 5], Error> {
    let inference = &analysis.inference;
    let effects = "au,label,label_name,filter,n_with,n_without,auroc,auroc_low,auroc_high";
    let effects = rows(effects, &inference.class_effects)?;
    let held_out = inference.held_out.as_ref().map(|held_out| {
        let header = "filter,au,auroc_labelled,n_with,n_without,auroc,p,q";
        rows(header, &held_out.pairs)
    });
    let variants = rows(
        "bins,prior,pseudo_samples,spearman,same_au",
        &inference.sensitivity,
    )?;
    Ok([
        ("associations.csv", Some(associations(analysis)?)),
        ("correspondences.csv", Some(correspondences(analysis)?)),
        (
            "class_effects.csv",
            (inference.labelled_rows > 0).then(|| csv(&effects)),
        ),
        (
            "held_out.csv",
            held_out.transpose()?.map(|table| csv(&table)),
        ),
        ("sensitivity.csv", Some(csv(&variants))),
    ])
}

/// p only with permutations, intervals only with resampled people, class columns only with labelled rows; additional
/// measures at the end.
fn associations(analysis: &Analysis) -> Result<String, Error> {
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
    let mut header = format!("filter,au,n_with,n_without,{}", MEASURES.join(","));
    header.extend(columns.iter().map(|column| format!(",{}", column.1)));
    for name in analysis.own_measures() {
        let names = own_columns(name).into_iter().zip(own_there);
        header.extend(
            names
                .filter(|(_, there)| *there)
                .map(|(name, _)| format!(",{name}")),
        );
    }
    let table = analysis.associations.iter().enumerate().map(|(at, row)| {
        let (scores, own) = row.scores.split_at(MEASURES.len());
        let mut numbers = scores.to_vec();
        numbers.extend(columns.iter().map(|column| column.2(&inference.pairs[at])));
        for (score, own) in own.iter().zip(&inference.own) {
            let own = &own[at];
            let all = [*score, own.p, own.q, own.range.low, own.range.high];
            let all = all.into_iter().zip(own_there);
            numbers.extend(all.filter(|(_, there)| *there).map(|(number, _)| number));
        }
        (row.filter, row.count, numbers)
    });
    Ok(csv(&rows(&header, table)?))
}

/// The action unit of each filter, with its p and q where codes were exchanged.
fn correspondences(analysis: &Analysis) -> Result<String, Error> {
    let (inference, aurocs) = (&analysis.inference, analysis.column(AUROC));
    let named = |c: &Correspondence| (*c, au::name(c.au));
    let plain = "filter,au,kl,au_name";
    if analysis.options.permutations == 0 {
        return Ok(csv(&rows(
            plain,
            analysis.correspondences.iter().map(named),
        )?));
    }
    let table = analysis.correspondences.iter().map(|c| {
        let unit = analysis.aus_used.iter().position(|count| count.au == c.au);
        let at = analysis.place(c.filter, unit.unwrap_or(0));
        let pair = &inference.pairs[at];
        let tested = [aurocs[at], pair.q, pair.q_within_class];
        (named(c), tested, inference.filters[c.filter])
    });
    let header = format!("{plain},auroc,q,q_within_class,p_max,q_max");
    Ok(csv(&rows(&header, table)?))
}
