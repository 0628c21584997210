//! Probes on few filters: is a unit in one filter, or spread over several?

use faus_base::au;
use faus_base::order::auroc;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::chance::bootstrap::{Range95, resampled_aurocs};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::pick;
use crate::study::linear_probe::{ProbeScore, Table, known};
use crate::study::out_of_fold::deal_subjects;
use crate::watch::Watch;
use crate::write::words::aus;

/// Numbers of filters.
const SIZES: [usize; 5] = [1, 2, 4, 8, 16];
/// AUROC by which more filters must be better to count. Our choice: about the standard error of an AUROC over a hundred people.
const MARGIN: f64 = 0.02;

/// Probes of one unit on its best filters.
pub(crate) struct Sparse {
    au: u8,
    /// Filters, AUROC on people left out and its interval; the last is the probe on all filters.
    pub curve: Vec<(usize, f64, Range95)>,
    /// Gain of the most of [`SIZES`] over one filter, and its interval over people.
    gain: (f64, Range95),
}

/// Where a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Several gain less than [`MARGIN`], by the interval of the gain.
    One,
    /// Several are better by [`MARGIN`] and more, and the interval of the gain is above 0.
    Several,
    /// Neither.
    Undecided,
    /// Several filters do not detect it: the interval of their AUROC is not above 0.5.
    Unread,
}

impl Sparse {
    fn place(&self) -> Place {
        let (gain, range) = self.gain;
        match self.curve[SIZES.len() - 1].2.low > 0.5 {
            false => Place::Unread,
            _ if range.high < MARGIN => Place::One,
            _ if gain >= MARGIN && range.low > 0.0 => Place::Several,
            _ => Place::Undecided,
        }
    }

    /// The rows of the table.
    pub fn rows(&self) -> impl Iterator<Item = (u8, (usize, f64, Range95))> {
        self.curve.iter().map(|point| (self.au, *point))
    }

    /// The facts in the JSON.
    pub fn facts(&self) -> Value {
        let (gain, range) = self.gain;
        json!({"au": self.au, "name": au::name(self.au), "gain": gain, "low": range.low, "high": range.high, "place": self.place()})
    }
}

/// Probes on the filters with the largest |z| for each unit among the people trained on; `all` are the scores of the probes on all
/// filters.
///
/// # Errors
/// Errors from [`probe`](crate::study::linear_probe::probe).
pub(crate) fn sparse(
    activations: &Activations,
    samples: &[SampleRow],
    all: &[ProbeScore],
    (folds, penalty): (usize, f64),
    options: &CheckedOptions,
    watch: &Watch,
) -> Result<Vec<Sparse>, Error> {
    let coded = Coded::collect(samples);
    let (units, _) = coded.usable(options.min_positives)?;
    let folds = folds.min(coded.subject_count());
    watch.step(0, 1)?;
    let table = Table::new(activations, &coded, folds, penalty, options);
    let folds = deal_subjects(activations, &coded, folds);
    let z = folds.par_iter().map(|fold| fold.z(&units, &coded, options));
    let z: Vec<Vec<f64>> = z.collect();
    let of = |((unit, count), all): ((usize, &AuCount), &ProbeScore)| {
        let own = z.iter().map(|z| strongest(z, units.len(), unit));
        curve(count.au, &own.collect::<Vec<_>>(), &table, all)
    };
    let units = units.par_iter().enumerate().zip(all);
    units.map(of).collect()
}

/// The filters with the largest |z| for a unit, strongest first, as many as the largest of [`SIZES`]; dead ones are none.
fn strongest(z: &[f64], units: usize, unit: usize) -> Vec<usize> {
    let own: Vec<f64> = z.iter().skip(unit).step_by(units).copied().collect();
    let mut filters: Vec<usize> = (0..own.len()).filter(|&at| !own[at].is_nan()).collect();
    filters.sort_by(|&a, &b| own[b].abs().total_cmp(&own[a].abs()));
    filters.truncate(SIZES[SIZES.len() - 1]);
    filters
}

fn curve(
    au: u8,
    strongest: &[Vec<usize>],
    table: &Table,
    all: &ProbeScore,
) -> Result<Sparse, Error> {
    let codes = table.coded.presence(au);
    let live = strongest.iter().map(Vec::len).min().unwrap_or(0);
    let scored = |size: usize| -> Result<_, Error> {
        let size = size.min(live);
        if size == 0 {
            return Ok(((0, f64::NAN, Range95::NONE), vec![]));
        }
        let chosen: Vec<&[usize]> = strongest.iter().map(|filters| &filters[..size]).collect();
        let margins = table.only(&chosen).margins(&codes)?;
        let known = known(&margins);
        let (margins, codes) = (pick(&margins, &known), pick(&codes, &known));
        let subjects = pick(&table.coded.subjects, &known);
        let each = resampled_aurocs(&margins, &codes, &subjects, table.options);
        let point = (size, auroc(&margins, &codes), Range95::percentile(&each));
        Ok((point, each))
    };
    let scored = SIZES.into_iter().map(scored);
    let (mut curve, each): (Vec<_>, Vec<Vec<f64>>) = scored
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter()
        .unzip();
    let most = SIZES.len() - 1;
    let gain = curve[most].1 - curve[0].1;
    let range = Range95::of_difference(&each[most], &each[0]);
    curve.push((all.features, all.auroc, all.range));
    Ok(Sparse {
        au,
        curve,
        gain: (gain, range),
    })
}

/// The places of the units in a sentence.
pub(crate) fn sentence(all: &[Sparse]) -> String {
    let at = |place: Place| {
        let own = all.iter().filter(|unit| unit.place() == place);
        own.map(|unit| unit.au).collect::<Vec<u8>>()
    };
    let [one, several, undecided] = [Place::One, Place::Several, Place::Undecided].map(at);
    format!(
        "Of {} units that 16 filters read on people left out, the best filter alone is within {MARGIN} of their AUROC for {} ({}); for {} several filters are better ({}), and {} cannot be decided.",
        one.len() + several.len() + undecided.len(),
        one.len(),
        aus(&one),
        several.len(),
        aus(&several),
        undecided.len()
    )
}
