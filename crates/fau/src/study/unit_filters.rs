//! The filters of a run's network that stand for action units, and from which activation on they speak for them.

use std::path::Path;

use faus_base::order::quantile;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::analysis::names::farthest;
use crate::error::Error;
use crate::input::activations::read_activations;
use crate::input::coded::Coded;
use crate::input::samples::SampleRow;
use crate::study::verdict::read;

/// Share of the images without the unit that a filter's threshold is above.
const SILENT: f64 = 0.95;

/// A filter that stands for an action unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitFilter {
    /// The action unit.
    pub au: u8,
    /// Its name.
    pub au_name: &'static str,
    /// The filter of this network with the largest |z| for it.
    pub filter: usize,
    /// 1 if it is more active with the unit, -1 if it is less active.
    pub sign: i8,
    /// The filter fires beyond this activation, as on one in twenty coded images of the run that do not show the unit.
    pub threshold: f64,
    /// AUROC of such filters, one of each fold, on people unknown to their network.
    pub auroc: f64,
}

/// What is read of `associations.csv`.
#[derive(Deserialize)]
struct Association {
    filter: usize,
    au: u8,
    z: f64,
}

impl UnitFilter {
    /// The filters of a run's analysed network, one for each unit that unseen people show better than untrained networks
    /// do; by unit. `dir` is the run's `fau/`, with the files of `correlate` and `replicate`; empty without those.
    ///
    /// # Errors
    /// [`Error::Disk`] and [`Error::File`] for files that cannot be read.
    pub fn of_run(dir: &Path, samples: &[SampleRow]) -> Result<Vec<Self>, Error> {
        let Some(replication) = read(dir, "replication")? else {
            return Ok(vec![]);
        };
        let passed = replication["by_au"].as_array().into_iter().flatten();
        let passed: Vec<(u8, f64)> = passed.filter_map(above_untrained).collect();
        let pairs = associations(&dir.join("associations.csv"))?;
        let activations = read_activations(&dir.join("activations.npy"))?;
        let coded = Coded::collect(samples);
        let of = |(au, auroc): (u8, f64)| {
            let own: Vec<&Association> = pairs.iter().filter(|pair| pair.au == au).collect();
            let z: Vec<f64> = own.iter().map(|pair| pair.z).collect();
            let best = own[farthest(&z)?];
            let turned = |x: f64| x * best.z.signum();
            let column = activations.column(&coded.rows, best.filter).into_iter();
            let without = column.zip(coded.presence(au)).filter(|(_, shown)| !shown);
            let mut without: Vec<f64> = without.map(|(x, _)| turned(x)).collect();
            without.sort_unstable_by(f64::total_cmp);
            Some(Self {
                au,
                au_name: faus_base::au::name(au),
                filter: best.filter,
                sign: best.z.signum() as i8,
                threshold: turned(quantile(&without, SILENT)),
                auroc,
            })
        };
        Ok(passed.into_iter().filter_map(of).collect())
    }

    /// Whether the filter fires with this activation.
    pub fn fires(&self, activation: f32) -> bool {
        let sign = f64::from(self.sign);
        sign * f64::from(activation) > sign * self.threshold
    }
}

/// A unit of `replication.json` that is detected on unseen people better than by untrained networks, and its AUROC there.
fn above_untrained(unit: &Value) -> Option<(u8, f64)> {
    let above = &unit["above_untrained"];
    let clear = above["difference"].as_f64()? > 0.0 && above["q"].as_f64()? <= 0.05;
    let au = u8::try_from(unit["au"].as_u64()?).ok()?;
    clear.then_some((au, unit["out_of_fold_auroc"].as_f64()?))
}

fn associations(path: &Path) -> Result<Vec<Association>, Error> {
    let damaged = |error: csv::Error| Error::file(path, error.to_string());
    let mut reader = csv::Reader::from_path(path).map_err(damaged)?;
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(damaged)
}
