//! The studies against numpy, scipy and statsmodels (`tests/golden/fau_studies.py`, and for effective ranks `fau_measures.py`).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::analysis::analyse;
use crate::analysis::names::{Name, NameCounts};
use crate::chance::exchange::{Exchange, Scheme};
use crate::chance::random::Purpose;
use crate::input::activations::{Activations, read_activations};
use crate::input::coded::Coded;
use crate::input::options::{AnalysisOptions, CheckedOptions};
use crate::input::samples::{SampleRow, read_samples};
use crate::study::effective_rank::effective_rank;
use crate::study::gap::{Gap, Resampled};
use crate::study::within::Strength;
use crate::watch::Watch;

const DRAWS: usize = 59;

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}

fn inputs() -> (Activations, Vec<SampleRow>) {
    let activations = read_activations(&path("activations_f32.npy")).unwrap();
    (activations, read_samples(&path("samples.csv")).unwrap())
}

fn options() -> CheckedOptions {
    let options = AnalysisOptions {
        permutations: DRAWS,
        bootstrap: 0,
        ..AnalysisOptions::default()
    };
    options.check().unwrap()
}

fn near(got: f64, expected: &Value) {
    match expected.as_f64() {
        // Both sides compute in f64, in another order.
        Some(expected) => assert!((got - expected).abs() < 1e-9, "{got} instead of {expected}"),
        None => assert!(got.is_nan(), "{got} instead of NaN"),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The script reads the exchanges from a file. After a change of the generator run this test with FAUS_WRITE_DRAWS=1, then the script.
#[test]
fn the_scripts_exchanges_are_the_programs() {
    let (_, samples) = inputs();
    let coded = Coded::collect(&samples);
    let seed = options().seed;
    let classes = coded.classes.iter().map(|class| class.unwrap() as u32);
    let classes: Vec<u32> = classes.collect();
    let inside = Scheme::inside(&classes, &coded.recordings);
    let both = Scheme::of_subjects(&coded.subjects, &coded.recordings, Exchange::Both);
    let draws = |scheme: &Scheme, purpose: Purpose| -> Vec<Vec<u32>> {
        let indices = 0..DRAWS as u64;
        indices.map(|at| scheme.draw(seed, purpose, at)).collect()
    };
    let draws = serde_json::json!({
        "exchange": draws(&both, Purpose::Exchange),
        "within_class": draws(&inside, Purpose::WithinClass),
    });
    if std::env::var_os("FAUS_WRITE_DRAWS").is_some() {
        std::fs::write(path("draws.json"), format!("{draws}\n")).unwrap();
    }
    assert_eq!(json("draws.json"), draws);
}

#[test]
fn names_and_their_standing_agree_with_numpy() {
    let (activations, samples) = inputs();
    let analysis = analyse(&activations, &samples, &options()).unwrap();
    let golden = json("studies.json");
    let expected = golden["names"].as_array().unwrap();
    assert_eq!(analysis.inference.names.len(), expected.len());
    for (name, expected) in analysis.inference.names.iter().zip(expected) {
        assert_eq!(
            (name.filter as u64, u64::from(name.au)),
            (
                expected["filter"].as_u64().unwrap(),
                expected["au"].as_u64().unwrap()
            )
        );
        near(name.z, &expected["z"]);
        near(name.p, &expected["p"]);
        near(name.q, &expected["q"]);
        if name.holds(analysis.options.fdr) {
            near(name.within.p, &expected["p_within_class"]);
            near(name.within.auroc, &expected["auroc_within_class"]);
        }
    }
    let counts = NameCounts::of(analysis.names());
    assert_eq!(serde_json::to_value(counts).unwrap(), golden["counts"]);
    let names: Vec<Name> = analysis.names().copied().collect();
    let strength = Strength {
        names: &names,
        activations: &activations,
        logits: &read_activations(&path("logits.npy")).unwrap(),
    };
    let given = strength.count(&samples, &options(), &Watch::default());
    assert_eq!(
        serde_json::to_value(given.unwrap()).unwrap(),
        golden["given_strength"]
    );
}

#[test]
fn gaps_agree_with_numpy() {
    let golden = json("studies.json");
    let resampled = |value: &Value| Resampled {
        auroc: 0.5,
        each: numbers(value),
    };
    for case in golden["gaps"].as_array().unwrap() {
        let gap = Gap::of(&resampled(&case["own"]), &resampled(&case["theirs"]));
        near(gap.range.low, &case["low"]);
        near(gap.range.high, &case["high"]);
        near(gap.p, &case["p"]);
        assert_eq!(gap.p_is_bound, case["p_is_bound"]);
    }
}

/// Each resampling is its mean over the starts and the spread times a draw of t, which is the same for all starts.
#[test]
fn further_starts_agree_with_numpy() {
    let starts = &json("studies.json")["starts"];
    let aurocs = numbers(&starts["aurocs"]);
    let each = starts["each"].as_array().unwrap().iter().map(numbers);
    let all = aurocs.iter().zip(each);
    let all: Vec<Resampled> = all
        .map(|(&auroc, each)| Resampled { auroc, each })
        .collect();
    let further = Resampled::further_start(&all.iter().collect::<Vec<_>>(), 7);
    near(further.auroc, &starts["mean"]);
    // Starts of mean 0 and standard deviation 1 in every resampling give the draws themselves.
    let (n, spread) = (all.len(), (1.0 + 1.0 / all.len() as f64).sqrt());
    let unit = (19.0_f64 / 20.0).sqrt();
    let plain = (0..n).map(|at| Resampled {
        auroc: if at % 2 == 0 { unit } else { -unit },
        each: vec![0.0; 50],
    });
    let plain: Vec<Resampled> = plain.collect();
    let plain = Resampled::further_start(&plain.iter().collect::<Vec<_>>(), 7);
    let means = numbers(&starts["means"]);
    for ((got, mean), t) in further.each.iter().zip(means).zip(&plain.each) {
        let drawn = serde_json::json!(starts["spread"].as_f64().unwrap() * t / spread);
        near(got - mean, &drawn);
    }
}

#[test]
fn effective_ranks_agree_with_numpy() {
    let (activations, samples) = inputs();
    let coded: Vec<usize> = samples
        .iter()
        .filter(|s| s.coded.is_some())
        .map(|s| s.index)
        .collect();
    for case in json("measures.json")["effective_ranks"].as_array().unwrap() {
        let rows = &coded[..case["rows"].as_u64().unwrap() as usize];
        let values = rows.iter().flat_map(|&row| {
            let activations = &activations;
            (0..activations.filters()).map(move |filter| activations.get(row, filter) as f32)
        });
        let some = Activations::new(rows.len(), activations.filters(), values.collect());
        let rank = effective_rank(&some.unwrap());
        assert!(
            (rank - case["rank"].as_f64().unwrap()).abs() < 1e-6,
            "{rank} {case}"
        );
    }
}
