//! Augmentation follows its definition: pixels against scikit-image (`tests/golden/data_augment.py`), parameters against their
//! ranges, bytes against the number of threads.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use common::{SHORT, Tree, go_on};
use faus_base::random::named as keyed;
use faus_data::augment::{AugmentParams, AugmentRanges, apply};
use faus_data::{CkPlus, ClassMap, CropMode, PrepareOptions, Prepared, augment_sheet, prepare};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    side: usize,
    image: Vec<u8>,
    cases: Vec<Case>,
    kolmogorov_smirnov: KolmogorovSmirnov,
}

#[derive(Deserialize)]
struct Case {
    params: AugmentParams,
    /// In steps of 2/65535.
    out: Vec<u16>,
}

#[derive(Deserialize)]
struct KolmogorovSmirnov {
    sample: Vec<f64>,
    statistic: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/augment.json")).unwrap()
}

#[test]
fn every_pixel_agrees_with_scikit_image() {
    let golden = golden();
    assert_eq!(golden.cases.len(), 24);
    for case in &golden.cases {
        let mut out = vec![0.0; golden.side * golden.side];
        apply(
            &case.params,
            &golden.image,
            golden.side,
            &mut out,
            &mut Vec::new(),
        );
        for (ours, theirs) in out.iter().zip(&case.out) {
            let theirs = f32::from(*theirs) * 2.0 / 65535.0;
            assert!(
                (ours - theirs).abs() <= 2.0 / 255.0,
                "{ours} {theirs} {:?}",
                case.params
            );
        }
    }
}

/// The largest distance between the distribution of `sample` and the uniform one on [0, 1].
fn distance_from_uniform(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    let count = sample.len() as f64;
    let distances = sample.iter().enumerate().map(|(at, &value)| {
        let (below, above) = (at as f64 / count, (at as f64 + 1.0) / count);
        (above - value).max(value - below)
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn the_test_statistic_is_scipys() {
    let KolmogorovSmirnov { sample, statistic } = golden().kolmogorov_smirnov;
    assert!((distance_from_uniform(sample) - statistic).abs() < 1e-12);
}

#[test]
fn drawn_parameters_are_uniform_in_their_ranges() {
    const DRAWS: usize = 20_000;
    const SIDE: f64 = 96.0;
    let ranges = AugmentRanges::default();
    let draws: Vec<AugmentParams> = (0..DRAWS as u64)
        .map(|draw| ranges.draw(96, &mut keyed(3, "augment", &[17, draw])))
        .collect();
    // Kolmogorov's asymptotic critical value at p = 0.001.
    let critical = 1.95 / (DRAWS as f64).sqrt();
    type Of = fn(&AugmentParams) -> f64;
    let share =
        |t: f32, p: &AugmentParams| f64::from(t) / ((SIDE - f64::from(p.scale) * SIDE) / 2.0);
    let uniform: [(&str, f64, f64, Of); 5] = [
        ("rotation_deg", -5.0, 5.0, |p| p.rotation_deg.into()),
        ("scale", 0.7, 1.4, |p| p.scale.into()),
        ("a", 0.25, 4.0, |p| p.a.into()),
        ("b", 0.7, 1.4, |p| p.b.into()),
        ("c", -0.1, 0.1, |p| p.c.into()),
    ];
    let mut columns: Vec<(&str, Vec<f64>)> = uniform
        .iter()
        .map(|(name, low, high, of)| {
            let unit = draws.iter().map(|p| (of(p) - low) / (high - low));
            (*name, unit.collect())
        })
        .collect();
    // Where the scale is near 1 the span is no longer than its rounding.
    let moved: Vec<_> = draws
        .iter()
        .filter(|p| (p.scale - 1.0).abs() > 1e-3)
        .collect();
    columns.push((
        "tx",
        moved.iter().map(|p| (share(p.tx, p) + 1.0) / 2.0).collect(),
    ));
    columns.push((
        "ty",
        moved.iter().map(|p| (share(p.ty, p) + 1.0) / 2.0).collect(),
    ));
    for (name, column) in &columns {
        let distance = distance_from_uniform(column.clone());
        assert!(distance < critical, "{name}: {distance} ≥ {critical}");
    }
    let flips = draws.iter().filter(|p| p.flip).count() as f64;
    assert!(
        (flips - DRAWS as f64 / 2.0).abs() < 3.3 * (DRAWS as f64).sqrt() / 2.0,
        "{flips} flips"
    );
    for (at, (name, a)) in columns.iter().enumerate() {
        for (other, b) in columns[..at].iter().filter(|(_, b)| b.len() == a.len()) {
            let r = correlation(a, b);
            assert!(
                r.abs() < 3.9 / (a.len() as f64).sqrt(),
                "{name} and {other}: {r}"
            );
        }
        let r = correlation(&a[1..], &a[..a.len() - 1]);
        assert!(
            r.abs() < 3.9 / (a.len() as f64).sqrt(),
            "{name} from draw to draw: {r}"
        );
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f(a - mean_a, b - mean_b))
            .sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
fn the_written_bytes_do_not_depend_on_threads() {
    let tree = Tree::new(SHORT);
    tree.sequence(5, 1, 4, 3).sequence(10, 1, 4, 5);
    let options = PrepareOptions {
        image_size: 24,
        crop: CropMode::None,
        ..PrepareOptions::default()
    };
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    prepare(&source, &options, &tree.output(), &go_on).unwrap();
    let set = Prepared::open(&tree.output()).unwrap();
    let written = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let sheet = augment_sheet(&set, 3, 33, 7, &AugmentRanges::default()).unwrap();
            let (out, params) = (
                tree.dir.path().join("out.npy"),
                tree.dir.path().join("params.csv"),
            );
            sheet.write_images(&out).unwrap();
            sheet.write_params(&params).unwrap();
            (std::fs::read(out).unwrap(), std::fs::read(params).unwrap())
        })
    };
    let one = written(1);
    for threads in [2, 3, 8] {
        assert!(written(threads) == one, "{threads} threads");
    }
}
