//! Columns of `associations.csv` other than the scores.

use crate::analysis::inference::PairInference;
use crate::analysis::scores::MEASURES;
use crate::chance::own::OwnInference;
use crate::error::Error;
use crate::score::association::Association;

/// The condition for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Permutations,
    Bootstrap,
    /// Permutations, and labelled rows.
    Labels,
}

/// A column: its condition, its name, its values.
type Column = (Needs, &'static str, fn(&PairInference) -> f64);

pub(crate) const COLUMNS: [Column; 19] = [
    (Needs::Permutations, "p", |p| p.p),
    (Needs::Labels, "p_within_class", |p| p.p_within_class),
    (Needs::Permutations, "q", |p| p.q),
    (Needs::Labels, "q_within_class", |p| p.q_within_class),
    (Needs::Permutations, "p_auroc", |p| p.p_auroc),
    (Needs::Permutations, "q_auroc", |p| p.q_auroc),
    (Needs::Permutations, "kl_null_mean", |p| p.kl_null_mean),
    (Needs::Permutations, "kl_null_95", |p| p.kl_null_95),
    (Needs::Bootstrap, "kl_low", |p| p.kl_range.low),
    (Needs::Bootstrap, "kl_high", |p| p.kl_range.high),
    (Needs::Bootstrap, "auroc_low", |p| p.auroc_range.low),
    (Needs::Bootstrap, "auroc_high", |p| p.auroc_range.high),
    (Needs::Labels, "auroc_within_class", |p| {
        p.auroc_within_class
    }),
    (Needs::Labels, "n_within_class", |p| p.n_within_class as f64),
    (Needs::Nothing, "intensity_rho", |p| p.intensity_rho),
    (Needs::Nothing, "n_graded", |p| p.n_graded as f64),
    (Needs::Nothing, "z", |p| p.z),
    (Needs::Nothing, "sign", |p| p.sign()),
    (Needs::Nothing, "d_prime", |p| p.d_prime),
];

/// A column of an additional measure: its condition, its name around that of the measure, its values.
type OwnColumn = (Needs, [&'static str; 2], fn(&OwnInference) -> f64);

pub(crate) const OWN_COLUMNS: [OwnColumn; 5] = [
    (Needs::Nothing, ["", ""], |own| own.score),
    (Needs::Permutations, ["p_", ""], |own| own.p),
    (Needs::Permutations, ["q_", ""], |own| own.q),
    (Needs::Bootstrap, ["", "_low"], |own| own.range.low),
    (Needs::Bootstrap, ["", "_high"], |own| own.range.high),
];

/// Rejects measures whose column names are taken or are not plain words, as [`analyse_with`](crate::analyse_with) does.
///
/// # Errors
/// [`Error::BadOption`].
pub fn check_measures(own: &[&dyn Association]) -> Result<(), Error> {
    let pair = ["filter", "au", "n_with", "n_without"].into_iter();
    let all = pair.chain(MEASURES).chain(COLUMNS.map(|column| column.1));
    let mut taken: Vec<String> = all.map(str::to_owned).collect();
    for name in own.iter().map(|measure| measure.name()) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let columns = OWN_COLUMNS.map(|(_, [before, after], _)| format!("{before}{name}{after}"));
        let new = !columns.iter().any(|column| taken.contains(column));
        let fits = new && !name.is_empty() && name.chars().all(plain);
        let expected = "give lower-case letters, digits and _, and no name of another column";
        Error::unless(fits, "measure", name, expected)?;
        taken.extend(columns);
    }
    Ok(())
}
