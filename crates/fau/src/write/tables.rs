//! The tables of an analysis.

use faus_base::au;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::columns::{COLUMNS, OWN_COLUMNS};
use crate::analysis::scores::{AUROC, MEASURES};
use crate::error::Error;
use crate::write::table::{csv, rows};

/// The tables by file name; `None` for a table that this analysis does not have.
pub(crate) fn tables(analysis: &Analysis) -> Result<[(&'static str, Option<String>); 6], Error> {
    let inference = &analysis.inference;
    let effects = "au,label,label_name,filter,n_with,n_without,auroc,auroc_low,auroc_high";
    let effects = text(effects, &inference.class_effects)?;
    let held_out = inference.held_out.as_ref().map(|held_out| {
        let header = "filter,au,auroc_labelled,n_with,n_without,auroc,p,q";
        text(header, &held_out.pairs)
    });
    let variants = "bins,prior,pseudo_samples,spearman,same_au";
    let variants = text(variants, &inference.sensitivity)?;
    let labelled = inference.labelled_rows > 0;
    Ok([
        ("associations.csv", Some(associations(analysis)?)),
        ("correspondences.csv", Some(correspondences(analysis)?)),
        ("names.csv", Some(names(analysis)?)),
        ("class_effects.csv", labelled.then_some(effects)),
        ("held_out.csv", held_out.transpose()?),
        ("sensitivity.csv", Some(variants)),
    ])
}

fn text<R: Serialize>(header: &str, table: impl IntoIterator<Item = R>) -> Result<String, Error> {
    Ok(csv(&rows(header, table)?))
}

/// What was not computed is `NaN`; additional measures are at the end.
fn associations(analysis: &Analysis) -> Result<String, Error> {
    let inference = &analysis.inference;
    let mut header = format!("filter,au,n_with,n_without,{}", MEASURES.join(","));
    header.extend(COLUMNS.iter().map(|column| format!(",{}", column.0)));
    for name in analysis.own_measures() {
        let names = OWN_COLUMNS.iter();
        header.extend(names.map(|([before, after], _)| format!(",{before}{name}{after}")));
    }
    let table = analysis.associations.iter().enumerate().map(|(at, row)| {
        let mut numbers = row.scores[..MEASURES.len()].to_vec();
        numbers.extend(COLUMNS.iter().map(|column| column.1(&inference.pairs[at])));
        for measure in &inference.own {
            numbers.extend(OWN_COLUMNS.iter().map(|column| column.1(&measure[at])));
        }
        (row.filter, row.count, numbers)
    });
    text(&header, table)
}

/// The action unit of each filter by the paper's rule, with p and q.
fn correspondences(analysis: &Analysis) -> Result<String, Error> {
    let (inference, aurocs) = (&analysis.inference, analysis.column(AUROC));
    let table = analysis.correspondences.iter().map(|c| {
        let at = analysis.place(c.filter, c.unit);
        let pair = &inference.pairs[at];
        let numbers = [aurocs[at], pair.q, pair.q_within_class];
        (c, au::name(c.au), numbers, inference.filters[c.filter])
    });
    text(
        "filter,au,kl,au_name,auroc,q,q_within_class,p_max,q_max",
        table,
    )
}

/// The named filters: their unit, how they respond to it, whether they do inside expression classes, given the other units, and
/// with its intensity.
fn names(analysis: &Analysis) -> Result<String, Error> {
    let table = analysis.named().map(|(name, partial, dose)| {
        let pair = &analysis.inference.pairs[analysis.place(name.filter, name.unit)];
        let head = (name.filter, name.au, au::name(name.au), name.sign());
        let all = (
            name.auroc,
            name.auroc_expected,
            pair.d_prime,
            name.z,
            name.p,
            name.q,
        );
        let within = &name.within;
        (
            head,
            all,
            (within.standing, within.auroc, within.p, within.q),
            (partial.au, partial.r, partial.named),
            (
                dose.rho,
                dose.p,
                dose.q,
                dose.r2,
                dose.monotone.map(u8::from),
            ),
        )
    });
    let header = "filter,au,au_name,sign,auroc,auroc_expected,d_prime,z,p,q,within_class,auroc_within_class,p_within_class,q_within_class,partial_au,partial_r,named_partial_r,intensity_rho,intensity_p,intensity_q,intensity_r2,intensity_monotone";
    text(header, table)
}
