//! The tables of an analysis.

use faus_base::au;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::columns::{COLUMNS, Needs, OWN_COLUMNS};
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

/// p only with permutations, intervals only with resampled people, class columns only with labelled rows; additional
/// measures at the end.
fn associations(analysis: &Analysis) -> Result<String, Error> {
    let (options, inference) = (&analysis.options, &analysis.inference);
    let tested = options.permutations > 0;
    let there = |needs: Needs| match needs {
        Needs::Nothing => true,
        Needs::Permutations => tested,
        Needs::Bootstrap => options.bootstrap > 0,
        Needs::Labels => tested && inference.labelled_rows > 0,
    };
    let mut header = format!("filter,au,n_with,n_without,{}", MEASURES.join(","));
    let columns: Vec<_> = COLUMNS.iter().filter(|column| there(column.0)).collect();
    header.extend(columns.iter().map(|column| format!(",{}", column.1)));
    let own: Vec<_> = OWN_COLUMNS
        .iter()
        .filter(|column| there(column.0))
        .collect();
    for name in analysis.own_measures() {
        let names = own
            .iter()
            .map(|(_, [before, after], _)| format!(",{before}{name}{after}"));
        header.extend(names);
    }
    let table = analysis.associations.iter().enumerate().map(|(at, row)| {
        let mut numbers = row.scores[..MEASURES.len()].to_vec();
        numbers.extend(columns.iter().map(|column| column.2(&inference.pairs[at])));
        for measure in &inference.own {
            numbers.extend(own.iter().map(|column| column.2(&measure[at])));
        }
        (row.filter, row.count, numbers)
    });
    text(&header, table)
}

/// The action unit of each filter, with its p and q where codes were exchanged.
fn correspondences(analysis: &Analysis) -> Result<String, Error> {
    let (inference, aurocs) = (&analysis.inference, analysis.column(AUROC));
    let tested = analysis.options.permutations > 0;
    let table = analysis.correspondences.iter().map(|c| {
        let at = analysis.place(c.filter, c.unit);
        let pair = &inference.pairs[at];
        let numbers = [aurocs[at], pair.q, pair.q_within_class];
        let numbers = tested.then(|| (numbers, inference.filters[c.filter]));
        (c, au::name(c.au), Vec::from_iter(numbers))
    });
    let header = match tested {
        true => "filter,au,kl,au_name,auroc,q,q_within_class,p_max,q_max",
        false => "filter,au,kl,au_name",
    };
    text(header, table)
}

/// The named filters: their unit, how they respond to it, and whether they do inside expression classes.
fn names(analysis: &Analysis) -> Result<String, Error> {
    let table = analysis.names().map(|name| {
        let pair = &analysis.inference.pairs[analysis.place(name.filter, name.unit)];
        let head = (name.filter, name.au, au::name(name.au), name.sign());
        let all = (name.auroc, pair.d_prime, name.z, name.p, name.q);
        let within = &name.within;
        (
            head,
            all,
            (within.standing, within.auroc, within.p, within.q),
        )
    });
    let header = "filter,au,au_name,sign,auroc,d_prime,z,p,q,within_class,auroc_within_class,p_within_class,q_within_class";
    text(header, table)
}
