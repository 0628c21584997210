//! The filters that pictures show, and their labels.

use faus_base::order;
use faus_fau::{CheckedOptions, Lens, SampleRow, filter_names, read_samples};

use crate::error::{Error, Result};
use crate::lens::LayerLens;

/// A choice of filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Every filter of the layer.
    All,
    /// These filters.
    Numbers(Vec<usize>),
    /// A number of filters that are named after an action unit: the best of each unit, then the next best.
    BestFau(usize),
    /// The filters that separate a named class best from the others.
    BestClass(String),
}

/// Filters with their labels, the best first.
type Ranked = Vec<(usize, String)>;

impl Choice {
    /// Its name in `filters.json`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Numbers(_) => "indices".to_owned(),
            Self::BestFau(_) => "best-fau".to_owned(),
            Self::BestClass(name) => format!("best-class {name}"),
        }
    }

    /// The filters to draw, those of a figure that holds `shown` at most (none without a ranking), and labels for some. `rows`
    /// are the images searched for patches; action units are scored on all coded images, as the analysis does.
    pub(crate) fn of(
        &self,
        lens: &LayerLens,
        options: &CheckedOptions,
        rows: &[usize],
        shown: usize,
    ) -> Result<(Vec<usize>, Vec<usize>, Ranked)> {
        let ranked = match self {
            Self::Numbers(_) => vec![],
            Self::All | Self::BestFau(_) => best_of_units(lens, options)?,
            Self::BestClass(name) => best_of_class(lens, rows, name, shown)?,
        };
        let best: Vec<usize> = ranked.iter().map(|(filter, _)| *filter).collect();
        let filters = match self {
            Self::Numbers(numbers) => numbers.clone(),
            Self::All => (0..lens.network.filters(lens.stage)?).collect(),
            Self::BestFau(_) if best.is_empty() => {
                return Err(Error::NoActionUnits(lens.prepared.dir().to_path_buf()));
            }
            Self::BestFau(count) => best.iter().copied().take(*count).collect(),
            Self::BestClass(_) => best.clone(),
        };
        let mut figure = match self {
            Self::All => best,
            _ => filters.clone(),
        };
        figure.truncate(shown);
        Ok((filters, figure, ranked))
    }
}

/// The named filters with their names: the best of every action unit, then the next best of all. Empty where the data set has
/// too few codes, or no filter responds to a unit beyond chance.
fn best_of_units(lens: &LayerLens, options: &CheckedOptions) -> Result<Ranked> {
    let samples = read_samples(&lens.prepared.dir().join("samples.csv"))?;
    let coded = samples.into_iter().filter(|sample| sample.coded.is_some());
    let pair = |(index, sample): (usize, SampleRow)| (sample.index, SampleRow { index, ..sample });
    let (rows, coded): (Vec<usize>, Vec<SampleRow>) = coded.enumerate().map(pair).unzip();
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let activations = lens.activations(&rows)?;
    let names = lens
        .pool
        .install(|| filter_names(&activations, &coded, options))?;
    Ok(names
        .iter()
        .map(|name| (name.filter, name.label()))
        .collect())
}

/// The filters that separate a class best from the others by AUROC over `rows`, with their labels.
fn best_of_class(lens: &LayerLens, rows: &[usize], name: &str, shown: usize) -> Result<Ranked> {
    let label = position(&lens.prepared.info().classes, name)? as i64;
    let labels = lens.prepared.labels();
    let of_class: Vec<bool> = rows.iter().map(|&row| labels[row] == label).collect();
    if of_class.iter().all(|c| *c) || !of_class.iter().any(|c| *c) {
        return Err(Error::OneClass(name.to_owned()));
    }
    let activations = lens.activations(rows)?;
    let auroc = |filter: usize| {
        let column = (0..rows.len()).map(|row| activations.get(row, filter));
        (filter, order::auroc(&Vec::from_iter(column), &of_class))
    };
    let mut ranked: Vec<(usize, f64)> = (0..activations.filters()).map(auroc).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = ranked.into_iter().take(shown.max(1));
    let labelled = best.map(|(filter, auroc)| (filter, format!("{name}\nAUROC {auroc:.2}")));
    Ok(labelled.collect())
}

/// The output of a class by its name.
///
/// # Errors
/// [`Error::Unknown`] with the list of names.
pub fn class_output(lens: &LayerLens, name: &str) -> Result<usize> {
    position(&lens.outputs().names, name)
}

fn position(classes: &[String], name: &str) -> Result<usize> {
    let at = classes.iter().position(|class| class == name);
    at.ok_or_else(|| Error::unknown("class", name, classes.join(", ")))
}
