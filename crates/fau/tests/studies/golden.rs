//! The studies of three small networks against numpy and scikit-learn (`tests/golden/fau_measures.py`).

use std::path::PathBuf;

use faus_fau::{
    Activations, AnalysisOptions, Answer, Error, Lens, Memorised, NetworkKind, Networks, Places,
    Probe, Replicate, RunView, Study, compare_units, read_activations, read_samples,
};
use serde_json::Value;

use crate::planted::cell;

const ROWS: usize = 120;

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(file("measures.json")).unwrap()).unwrap()
}

/// Three networks, one above the other.
struct Folds(Activations);

impl Networks for Folds {
    fn layers(&self) -> Result<Vec<String>, Error> {
        Ok(vec!["conv".to_owned()])
    }

    fn lens(
        &self,
        kind: NetworkKind,
        fold: usize,
        _: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error> {
        let fold = match kind {
            NetworkKind::Start(start) => start as usize % 3,
            _ => fold,
        };
        Ok(Box::new(Fold(&self.0, fold)))
    }

    fn memorised(&self, _: usize) -> Result<Memorised, Error> {
        unreachable!("these studies do not need it")
    }
}

struct Fold<'a>(&'a Activations, usize);

impl Lens for Fold<'_> {
    fn layer(&self) -> &str {
        "conv"
    }

    fn activations(&self, rows: &[usize]) -> Result<Activations, Error> {
        let filters = 0..self.0.filters();
        let of = |row: &usize| {
            let row = self.1 * ROWS + row;
            filters
                .clone()
                .map(move |filter| self.0.get(row, filter) as f32)
        };
        Activations::new(
            rows.len(),
            filters.len(),
            rows.iter().flat_map(of).collect(),
        )
    }

    fn activations_of(&self, _: &[Vec<u8>]) -> Result<Activations, Error> {
        unreachable!("no study here needs it")
    }

    fn predictions(&self, _: &[usize], _: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error> {
        unreachable!("no study here needs it")
    }

    fn logits(&self, _: &[usize]) -> Result<Activations, Error> {
        unreachable!("no study here needs it")
    }

    fn places(&self, _: &[usize]) -> Result<Places, Error> {
        unreachable!("no study here needs it")
    }
}

fn answer(study: &dyn Study) -> Answer {
    let samples = read_samples(&file("samples.csv")).unwrap();
    let networks = Folds(read_activations(&file("networks.npy")).unwrap());
    let test_fold: Vec<i64> = (0..ROWS as i64).map(|row| row / 2 % 3).collect();
    let pixels: Vec<Vec<u8>> = (0..ROWS).map(|row| vec![row as u8; 256]).collect();
    let options = AnalysisOptions {
        permutations: 999,
        bootstrap: 99,
        // So that every filter has a name.
        fdr: 0.999,
        ..AnalysisOptions::default()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2);
    study
        .answer(&RunView {
            samples: &samples,
            classes: &[],
            test_fold: Some(&test_fold),
            test_rows: &[],
            synthetic: true,
            machine_coded: false,
            trained_elsewhere: false,
            optimistic: None,
            options: &options,
            measures: &[],
            folds: &[0, 1, 2],
            best_fold: 0,
            image: &|row| &pixels[row],
            side: 16,
            networks: &networks,
            pool: &pool.build().unwrap(),
            progress: &|_, _, _| true,
            say: &|_| (),
        })
        .unwrap()
}

fn near(got: &Value, expected: &Value, slack: f64) {
    let numbers = got.as_f64().zip(expected.as_f64());
    let near = numbers.is_some_and(|(got, expected)| (got - expected).abs() < slack);
    assert!(near, "{got} instead of {expected}");
}

#[test]
fn best_filters_out_of_fold_and_matched_filters_agree_with_numpy() {
    let (answer, expected) = (answer(&Replicate), &expected()["replication"]);
    let units = answer.facts["by_au"].as_array().unwrap();
    assert_eq!(units.len(), expected["by_au"].as_object().unwrap().len());
    for unit in units {
        let expected = &expected["by_au"][unit["au"].to_string()];
        assert_eq!(unit["filters"], expected["filters"]);
        assert_eq!(
            unit["n_rarer_within_class"],
            expected["n_rarer_within_class"]
        );
        near(&unit["out_of_fold_auroc"], &expected["auroc"], 1e-9);
        near(&unit["within_auroc"], &expected["within_auroc"], 1e-9);
    }
    // The table of scores gives the same AUROC.
    let dir = tempfile::tempdir().unwrap();
    answer.write(dir.path(), "replication", None).unwrap();
    let compared = compare_units(dir.path(), dir.path(), &AnalysisOptions::default());
    for unit in compared.unwrap().unwrap().units {
        let expected = &expected["by_au"][unit.au.to_string()]["auroc"];
        near(&unit.first.into(), expected, 1e-9);
    }
    let (found, expected) = (
        &answer.facts["stability"]["trained"],
        &expected["stability"],
    );
    assert_eq!(found["pairs"], 3);
    assert_eq!(
        (&found["live"], &found["matched"]),
        (&expected["live"], &expected["matched"])
    );
    assert_eq!(found["named"], expected["matched"]);
    near(&found["same_name"], &expected["same_name"], 1e-9);
    near(
        &found["same_name_chance"],
        &expected["same_name_chance"],
        1e-9,
    );
    // Correlations are summed in f32.
    near(
        &found["median_correlation"],
        &expected["median_correlation"],
        1e-5,
    );
}

#[test]
fn probes_on_few_filters_agree_with_scikit_learn() {
    let answer = answer(&Probe {
        folds: 5,
        ..Probe::default()
    });
    let (name, text) = &answer.files[0];
    assert_eq!(name, "sparse_probes.csv");
    let lines = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect());
    let table = Answer {
        table: lines.collect(),
        ..Answer::default()
    };
    for (au, curve) in expected()["sparse_probes"].as_object().unwrap() {
        for point in curve.as_array().unwrap() {
            let row = [
                ("au", au.as_str()),
                ("filters", &point["filters"].to_string()),
            ];
            // The solvers' weights differ by 1e-6, which may turn a pair of nearly equal margins.
            near(&cell(&table, &row, "auroc").into(), &point["auroc"], 1e-3);
        }
        assert_eq!(table.table.iter().filter(|row| row[0] == *au).count(), 6);
    }
}
