//! The analysis as a whole: what it refuses, what it writes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use faus_base::person::Person;
use faus_fau::{
    Activations, Analysis, AnalysisOptions, Association, Error, OutputOptions, SampleRow, Watch,
    analyse, analyse_with, filter_names,
};
use proptest::prelude::*;

/// 40 rows, 4 filters: follows AU 12, follows AU 4, dead, noise; every fifth row is not coded.
fn planted() -> (Activations, Vec<SampleRow>) {
    let (smile, frown) = (
        |i: usize| i.is_multiple_of(2),
        |i: usize| (i / 2).is_multiple_of(2),
    );
    let values = (0..40).flat_map(|i| {
        let bit = |on| f32::from(u8::from(on));
        [
            bit(smile(i)) + 0.01 * i as f32,
            bit(frown(i)),
            0.0,
            (i * 7 % 11) as f32,
        ]
    });
    let samples = (0..40).map(|index| {
        let units = [(4, frown(index)), (12, smile(index)), (43, index == 1)];
        let present = units.iter().filter(|unit| unit.1);
        SampleRow {
            index,
            coded: (index % 5 != 0).then(|| present.map(|unit| (unit.0, 2)).collect()),
            ..SampleRow::default()
        }
    });
    let activations = Activations::new(40, 4, values.collect()).unwrap();
    (activations, samples.collect())
}

fn run(activations: &Activations, samples: &[SampleRow]) -> Result<Analysis, Error> {
    analyse(activations, samples, &AnalysisOptions::default().check()?)
}

fn files(analysis: &Analysis, dir: &Path) -> Vec<(String, String)> {
    analysis.write(dir, &OutputOptions::default()).unwrap();
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read_to_string(entry.path()).unwrap())
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

#[test]
fn planted_filters_are_found() {
    let (activations, samples) = planted();
    let analysis = run(&activations, &samples).unwrap();
    assert_eq!(analysis.rows_used, 32);
    assert_eq!(analysis.dead_filters, [2]);
    let aus: Vec<u8> = analysis.correspondences.iter().map(|c| c.au).collect();
    assert_eq!(&aus[..2], [12, 4]);
    assert_eq!(analysis.aus_left_out[0].au, 43);
}

#[test]
fn files_have_the_columns_of_the_contract() {
    let (activations, samples) = planted();
    let analysis = run(&activations, &samples).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files = files(&analysis, &dir.path().join("new/fau"));
    let text = |name: &str| &files.iter().find(|file| file.0 == name).unwrap().1;
    let associations = text("associations.csv");
    let names = text("names.csv");
    assert!(names.starts_with("filter,au,au_name,sign,auroc,auroc_expected,d_prime,z,p,q,within_class,auroc_within_class,p_within_class,q_within_class,partial_au,partial_r,named_partial_r,intensity_rho,intensity_p,intensity_q,intensity_r2,intensity_monotone\n0,12,Lip corner puller,1,1,"));
    assert!(names.contains(",untestable,NaN,NaN,NaN,12,"), "{names}");
    // All grades are alike.
    assert!(names.contains(",NaN,NaN,NaN,NaN,NaN\n"), "{names}");
    assert!(associations.starts_with("filter,au,n_with,n_without,kl,js,auroc,mutual_information,r,p,p_within_class,q,q_within_class,p_auroc,q_auroc,kl_null_mean"));
    assert_eq!(associations.lines().count(), 1 + 4 * 2);
    let correspondences = text("correspondences.csv");
    assert!(
        correspondences
            .starts_with("filter,au,kl,au_name,auroc,q,q_within_class,p_max,q_max\n0,12,")
    );
    assert!(correspondences.contains(",Lip corner puller,"));
    assert!(!correspondences.contains("\n2,"));
    let summary: serde_json::Value = serde_json::from_str(text("fau.json")).unwrap();
    assert_eq!(summary["dead_filters"]["count"], 1);
    assert_eq!(summary["histograms"]["bins"], 32);
    assert_eq!(
        summary["aus_left_out"][0]["reason"],
        "present in images of fewer than 10 people"
    );
    assert!(summary.get("synthetic").is_none());
    for name in ["heatmap.svg", "filter-000.svg"] {
        assert!(
            text(name).contains("AU 12") && text(name).contains("nats"),
            "{name}"
        );
    }
}

#[test]
fn synthetic_faces_are_named_in_every_picture() {
    let (activations, samples) = planted();
    let analysis = run(&activations, &samples).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = OutputOptions {
        synthetic: Some(true),
        au_threshold: Some(2),
        machine_coded: false,
        layer: Some("conv3".to_owned()),
        charts: 1,
        inputs: [("samples".to_owned(), "0123".to_owned())].into(),
        command: vec!["faus".to_owned()],
    };
    analysis.write(dir.path(), &options).unwrap();
    for name in [
        "heatmap.svg",
        "fau.json",
        "filter-000.svg",
        "filter-001.svg",
    ] {
        match std::fs::read_to_string(dir.path().join(name)) {
            Ok(text) => assert!(
                text.contains("synthetic") && text.contains("conv3"),
                "{name}"
            ),
            Err(_) => assert!(name.starts_with("filter")),
        }
    }
}

/// Difference of the means with and without the action unit.
struct Difference;

impl Association for Difference {
    fn name(&self) -> &'static str {
        "difference"
    }

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        let mean = |kind: bool| {
            let own = activations.iter().zip(with_au).filter(|(_, w)| **w == kind);
            let mut own: Vec<f64> = own.map(|(x, _)| *x).collect();
            own.sort_by(f64::total_cmp);
            own.iter().sum::<f64>() / own.len() as f64
        };
        mean(true) - mean(false)
    }

    fn strength(&self, score: f64) -> f64 {
        score.abs()
    }
}

#[test]
fn another_measure_has_columns_with_p_q_and_interval_at_the_end() {
    let (activations, samples) = planted();
    let options = AnalysisOptions {
        permutations: 499,
        bootstrap: 99,
        ..AnalysisOptions::default()
    };
    let options = options.check().unwrap();
    let own: [&dyn Association; 1] = [&Difference];
    let watch = Watch::default();
    let analysis = analyse_with(&activations, &samples, &options, &own, &watch).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files = files(&analysis, dir.path());
    let table: Vec<&str> = files[0].1.lines().collect();
    let own = ",z,sign,d_prime,auroc_within_person,p_within_person,q_within_person,live,n_people_with,n_rarer_within_class,difference,p_difference,q_difference,difference_low,difference_high";
    assert!(table[0].ends_with(own), "{}", table[0]);
    let summary = files.iter().find(|file| file.0 == "fau.json").unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary.1).unwrap();
    assert_eq!(summary["own_measures"], serde_json::json!(["difference"]));
    assert_eq!(summary["measures"].as_array().unwrap().len(), 5);
    // Filter 0 follows AU 12 and filter 1 AU 4; the fourth is noise.
    let pair = |filter: usize, unit: usize| &analysis.inference.own[0][filter * 2 + unit];
    assert!(pair(0, 1).p < 0.01 && pair(1, 0).p < 0.01 && pair(0, 1).q < 0.05);
    assert!(pair(3, 0).p > 0.05 && pair(3, 1).p > 0.05);
    let score = analysis.associations[1].scores[5];
    assert!((0.8..1.2).contains(&score), "{score}");
    assert!(pair(0, 1).range.low > 0.5 && pair(0, 1).range.high < 1.5);
}

#[test]
fn a_measure_must_have_columns_with_new_names() {
    struct Named(&'static str);
    impl Association for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn score(&self, _: &[f64], _: &[bool]) -> f64 {
            0.0
        }
    }
    let (activations, samples) = planted();
    let options = AnalysisOptions::default().check().unwrap();
    for name in ["kl", "within_class", "auroc", "Mine", "a b", ""] {
        let named = Named(name);
        let own: [&dyn Association; 1] = [&named];
        let error = analyse_with(&activations, &samples, &options, &own, &Watch::default());
        assert!(matches!(error, Err(Error::BadOption { .. })), "{name}");
    }
}

#[test]
fn filters_are_named_by_what_they_respond_to_with_its_sign() {
    let (mut activations, samples) = planted();
    // The fourth filter is silenced by AU 12.
    let values = activations.values().map(|x| x as f32).collect::<Vec<f32>>();
    let values = values
        .chunks(4)
        .flat_map(|row| [row[0], row[1], row[2], 0.1 * row[3] - 2.0 * row[0]]);
    activations = Activations::new(40, 4, values.collect()).unwrap();
    let options = AnalysisOptions::default().check().unwrap();
    let names = filter_names(&activations, &samples, &options).unwrap();
    let found = names.iter().map(|name| (name.filter, name.au, name.sign()));
    assert_eq!(Vec::from_iter(found), [(1, 4, 1), (0, 12, 1), (3, 12, -1)]);
    assert!(
        names[2]
            .label()
            .starts_with("less with AU12 Lip corner puller\nAUROC 0.")
    );
    // The analysis has the same names, and its best filter of a unit is the one with the largest |z|.
    let analysis = run(&activations, &samples).unwrap();
    let of = |filter: usize| *analysis.names().find(|name| name.filter == filter).unwrap();
    assert!(
        names
            .iter()
            .all(|name| (of(name.filter).z, of(name.filter).q) == (name.z, name.q))
    );
    assert_eq!(
        [0, 1].map(|unit| analysis.best_filter(unit)),
        [Some(1), Some(0)]
    );
    assert_eq!(analysis.names().count(), 3);
    // Without permutations nothing is tested, so nothing has a name.
    let untested = AnalysisOptions {
        permutations: 0,
        ..AnalysisOptions::default()
    };
    let untested = untested.check().unwrap();
    assert_eq!(filter_names(&activations, &samples, &untested).unwrap(), []);
    let none: Vec<SampleRow> = samples
        .iter()
        .map(|s| SampleRow {
            coded: None,
            ..s.clone()
        })
        .collect();
    assert_eq!(filter_names(&activations, &none, &options).unwrap(), []);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (activations, samples) = planted();
    let short = run(&activations, &samples[1..]).unwrap_err();
    assert!(matches!(
        short,
        Error::Mismatch {
            got: 39,
            expected: 40,
            ..
        }
    ));
    let mut twice = samples.clone();
    twice[3].index = 4;
    let error = run(&activations, &twice).unwrap_err();
    assert!(matches!(
        error,
        Error::BadIndex {
            index: 4,
            problem: "used twice",
            ..
        }
    ));
    twice[3].index = 40;
    let error = run(&activations, &twice).unwrap_err();
    assert!(error.to_string().contains("outside the array"), "{error}");
}

#[test]
fn nan_names_filter_and_row() {
    let (activations, samples) = planted();
    let mut values = activations.values().map(|x| x as f32).collect::<Vec<f32>>();
    values[6 * 4 + 3] = f32::NAN;
    let error = run(&Activations::new(40, 4, values).unwrap(), &samples).unwrap_err();
    assert!(
        error.to_string().contains("filter 3 in row 6 is NaN"),
        "{error}"
    );
}

#[test]
fn rows_without_codes_take_no_part_whatever_their_activations() {
    let (activations, samples) = planted();
    let mut values = activations.values().map(|x| x as f32).collect::<Vec<f32>>();
    values[5 * 4] = f32::NAN;
    values[10 * 4 + 1] = f32::INFINITY;
    let damaged = Activations::new(40, 4, values).unwrap();
    let (with, without) = (
        run(&damaged, &samples).unwrap(),
        run(&activations, &samples).unwrap(),
    );
    // As text, in which NaN equals NaN.
    assert_eq!(
        format!("{:?}", with.associations),
        format!("{:?}", without.associations)
    );
}

#[test]
fn dead_filters_are_no_part_of_the_family_of_tests() {
    let (activations, samples) = planted();
    let analysis = run(&activations, &samples).unwrap();
    for (row, pair) in analysis.associations.iter().zip(&analysis.inference.pairs) {
        let tested = [pair.p, pair.q, pair.p_auroc, pair.q_auroc];
        assert_eq!(pair.live, row.filter != 2);
        assert!(
            tested.iter().all(|p| p.is_nan() != pair.live),
            "{row:?} {pair:?}"
        );
    }
    let dead = Activations::new(40, 4, vec![1.0; 160]).unwrap();
    let verdict = run(&dead, &samples).unwrap().verdict();
    assert!(verdict[0].starts_with("All 4 filters are constant over the coded images"));
}

/// The planted samples, of `people` who have as many images each.
fn of_people(people: usize, sequence: bool) -> Vec<SampleRow> {
    let of = |sample: SampleRow| SampleRow {
        subject: Person::of(&format!("P{}", sample.index * people / 40)),
        sequence: sequence.then(|| format!("S{}", sample.index)),
        ..sample
    };
    planted().1.into_iter().map(of).collect()
}

#[test]
fn one_or_two_people_are_no_test() {
    let (activations, _) = planted();
    let options = AnalysisOptions {
        min_positives: 1,
        ..AnalysisOptions::default()
    };
    let options = options.check().unwrap();
    for (people, tested) in [(1, false), (2, false), (4, true)] {
        let analysis = analyse(&activations, &of_people(people, true), &options).unwrap();
        let pair = &analysis.inference.pairs[1];
        assert_eq!(pair.p.is_nan() || pair.auroc_range.low.is_nan(), !tested);
        assert_eq!(analysis.verdict()[0].contains("nothing is tested"), !tested);
        assert_eq!(analysis.names().count() == 0, !tested);
    }
}

#[test]
fn what_the_table_leaves_out_stands_in_the_first_sentence() {
    let (activations, samples) = planted();
    let few = AnalysisOptions {
        min_positives: 5,
        ..AnalysisOptions::default()
    };
    let few = few.check().unwrap();
    let first = |samples: &[SampleRow]| {
        let analysis = analyse(&activations, samples, &few).unwrap();
        analysis.verdict()[0].clone()
    };
    assert!(
        first(&samples).contains("Provisional: The subject of 32 of 32 coded images is unknown")
    );
    let unknown = first(&of_people(8, false));
    assert!(
        unknown.contains("Provisional: The sequence of 32 of 32 coded images is unknown"),
        "{unknown}"
    );
    assert!(!first(&of_people(8, true)).contains("Provisional"));
}

#[test]
fn units_are_counted_by_people() {
    let (activations, _) = planted();
    let least = |min_positives: usize| {
        let options = AnalysisOptions {
            min_positives,
            ..AnalysisOptions::default()
        };
        analyse(&activations, &of_people(8, true), &options.check().unwrap())
    };
    // 16 images show AU 12, all of them of eight people.
    assert_eq!(least(8).unwrap().aus_used.len(), 2);
    assert_eq!(least(8).unwrap().inference.pairs[1].n_people_with, 8);
    let error = least(9).unwrap_err().to_string();
    assert!(
        error.contains("present in images of 8, absent in images of 8 people"),
        "{error}"
    );
}

#[test]
fn nothing_to_analyse_is_refused() {
    let (activations, mut samples) = planted();
    let options = AnalysisOptions {
        min_positives: 25,
        ..AnalysisOptions::default()
    };
    let error = analyse(&activations, &samples, &options.check().unwrap()).unwrap_err();
    assert!(error.to_string().contains("closest: AU "), "{error}");
    samples
        .iter_mut()
        .for_each(|sample| sample.coded = Some(vec![]));
    let error = run(&activations, &samples).unwrap_err();
    assert!(
        error.to_string().contains("no action unit occurs"),
        "{error}"
    );
    samples.iter_mut().for_each(|sample| sample.coded = None);
    let error = run(&activations, &samples).unwrap_err();
    assert!(matches!(error, Error::NoCodedRows { rows: 40 }));
    let error = run(&Activations::new(40, 0, vec![]).unwrap(), &samples).unwrap_err();
    assert!(matches!(error, Error::NoFilters { rows: 40 }));
}

#[test]
fn options_out_of_range_are_refused() {
    let bad = |json: &str| {
        let options: AnalysisOptions = serde_json::from_str(json).unwrap();
        options.check().is_err()
    };
    assert!(bad(r#"{"bins": 1}"#) && bad(r#"{"min_positives": 0}"#));
    assert!(bad(r#"{"smoothing": {"pseudo_samples": 0}}"#));
    assert!(serde_json::from_str::<AnalysisOptions>(r#"{"bin": 32}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn order_and_threads_do_not_change_a_byte(order in Just((0..40).collect::<Vec<usize>>()).prop_shuffle(), threads in 1..5_usize) {
        let (activations, samples) = planted();
        let shuffled: Vec<SampleRow> = order.iter().map(|&i| samples[i].clone()).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plain = files(&run(&activations, &samples).unwrap(), a.path());
        let other = pool.install(|| files(&run(&activations, &shuffled).unwrap(), b.path()));
        prop_assert_eq!(plain, other);
    }
}
