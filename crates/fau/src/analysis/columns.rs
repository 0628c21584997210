//! Columns of `associations.csv` other than the scores.

use crate::analysis::inference::PairInference;
use crate::analysis::scores::MEASURES;
use crate::chance::own::OwnInference;
use crate::error::Error;
use crate::score::association::Association;

/// A column: its name, its values.
type Column = (&'static str, fn(&PairInference) -> f64);

pub(crate) const COLUMNS: [Column; 23] = [
    ("p", |p| p.p),
    ("p_within_class", |p| p.p_within_class),
    ("q", |p| p.q),
    ("q_within_class", |p| p.q_within_class),
    ("p_auroc", |p| p.p_auroc),
    ("q_auroc", |p| p.q_auroc),
    ("kl_null_mean", |p| p.kl_null_mean),
    ("kl_null_95", |p| p.kl_null_95),
    ("auroc_low", |p| p.auroc_range.low),
    ("auroc_high", |p| p.auroc_range.high),
    ("auroc_within_class", |p| p.auroc_within_class),
    ("n_within_class", |p| p.n_within_class as f64),
    ("intensity_rho", |p| p.intensity_rho),
    ("n_graded", |p| p.n_graded as f64),
    ("z", |p| p.z),
    ("sign", |p| p.sign()),
    ("d_prime", |p| p.d_prime),
    ("auroc_within_person", |p| p.auroc_within_person),
    ("p_within_person", |p| p.p_within_person),
    ("q_within_person", |p| p.q_within_person),
    ("live", |p| f64::from(u8::from(p.live))),
    ("n_people_with", |p| p.n_people_with as f64),
    ("n_rarer_within_class", |p| p.n_rarer_within_class as f64),
];

/// A column of an additional measure: its name around that of the measure, its values.
type OwnColumn = ([&'static str; 2], fn(&OwnInference) -> f64);

pub(crate) const OWN_COLUMNS: [OwnColumn; 5] = [
    (["", ""], |own| own.score),
    (["p_", ""], |own| own.p),
    (["q_", ""], |own| own.q),
    (["", "_low"], |own| own.range.low),
    (["", "_high"], |own| own.range.high),
];

/// Rejects measures whose column names are taken or are not plain words, as [`analyse_with`](crate::analyse_with) does.
///
/// # Errors
/// [`Error::BadOption`].
pub fn check_measures(own: &[&dyn Association]) -> Result<(), Error> {
    let pair = ["filter", "au", "n_with", "n_without"].into_iter();
    let all = pair.chain(MEASURES).chain(COLUMNS.map(|column| column.0));
    let mut taken: Vec<String> = all.map(str::to_owned).collect();
    for name in own.iter().map(|measure| measure.name()) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let columns = OWN_COLUMNS.map(|([before, after], _)| format!("{before}{name}{after}"));
        let new = !columns.iter().any(|column| taken.contains(column));
        let fits = new && !name.is_empty() && name.chars().all(plain);
        let expected = "give lower-case letters, digits and _, and no name of another column";
        Error::unless(fits, "measure", name, expected)?;
        taken.extend(columns);
    }
    Ok(())
}
