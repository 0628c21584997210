//! The action unit that labels a filter in pictures.

use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::{Table, check_rows};
use crate::score::association::{Association, Auroc, Kl};

/// A filter and the action unit that labels it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelledFilter {
    /// The filter.
    pub filter: usize,
    /// Its action unit.
    pub au: u8,
    /// Their KL, in nats.
    pub kl: f64,
    /// Their AUROC, above 0.5.
    pub auroc: f64,
}

/// The filters with their action units, the largest KL first: of the units to which a filter responds more than without
/// (AUROC above 0.5), the one with the largest KL (the paper's rule). A picture shows when a filter fires, so units
/// that silence it do not count. Empty where no action unit is coded often enough.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse) for activations and samples that do not belong together.
pub fn labelled_filters(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Vec<LabelledFilter>, Error> {
    check_rows(activations, samples)?;
    let coded = Coded::collect(samples);
    let Ok((aus, _)) = coded.usable(options.min_positives) else {
        return Ok(vec![]);
    };
    let table = Table::new(&coded, activations, aus.iter().map(|count| count.au));
    let kl = Kl::of(options);
    let labels = table.each(|filter, unit| {
        let (column, with) = (&table.columns[filter], &table.presence[unit]);
        LabelledFilter {
            filter,
            au: aus[unit].au,
            kl: kl.score(column, with),
            auroc: Auroc.score(column, with),
        }
    });
    let best = |units: &[LabelledFilter]| {
        let units = units.iter().filter(|unit| unit.auroc > 0.5).copied();
        units.max_by(|a, b| a.kl.total_cmp(&b.kl).then(b.au.cmp(&a.au)))
    };
    let filters = labels.chunks(aus.len());
    let mut labelled: Vec<LabelledFilter> = filters.filter_map(best).collect();
    labelled.sort_by(|a, b| b.kl.total_cmp(&a.kl).then(a.filter.cmp(&b.filter)));
    Ok(labelled)
}
