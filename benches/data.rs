//! Preparing, augmenting and normalising images: `cargo bench -p faus-data`.
//!
//! Inputs are drawn faces in the CK+ layout, the same every time. `just bench-peers data` compares with Python's libraries.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use faus_base::random;
use faus_data::augment::{self, AugmentRanges};
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_data::{CkPlus, ClassMap, CropMode, PrepareOptions, Prepared, prepare};
use faus_synth::{SynthOptions, generate};

const SEED: u64 = 1;
const SIDE: usize = 96;

type Failure = Box<dyn std::error::Error>;

/// Six people in the CK+ layout, 640×490.
fn faces(folder: &Path) -> Result<CkPlus, Failure> {
    let options = SynthOptions {
        seed: SEED,
        subjects: 6,
        ..SynthOptions::default()
    };
    generate(&options, folder, &|_, _| true)?;
    Ok(CkPlus::open(folder, ClassMap::eight())?)
}

fn prepare_once(source: &CkPlus, crop: CropMode) -> Result<Prepared, Failure> {
    let folder = tempfile::tempdir()?;
    let options = PrepareOptions {
        image_size: SIDE as u32,
        crop,
        folds: Some(3),
        ..PrepareOptions::default()
    };
    let output = folder.path().join("prepared");
    prepare(source, &options, &output, &|_, _| true)?;
    // The images stay mapped when the folder goes.
    Ok(Prepared::open(&output)?)
}

/// 640×490 PNG files to 96×96, on all cores.
fn preparing(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = faces(&folder.path().join("faces")).expect("drawn faces");
    let mut group = criterion.benchmark_group("prepare-640x490-to-96x96");
    group.sample_size(10);
    for (name, crop) in [
        ("landmarks", CropMode::Landmarks),
        ("detector", CropMode::Detector),
    ] {
        let images = prepare_once(&source, crop).expect("a prepared set").len();
        group.throughput(Throughput::Elements(images as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| prepare_once(&source, crop).expect("a prepared set"));
        });
    }
    group.finish();
}

/// One 96×96 image on one core.
fn feeding(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = faces(&folder.path().join("faces")).expect("drawn faces");
    let set = prepare_once(&source, CropMode::Landmarks).expect("a prepared set");
    let ranges = AugmentRanges::default();
    let mut out = vec![0.0; SIDE * SIDE];
    let (mut padded, mut scratch) = (Vec::new(), Vec::new());
    let mut group = criterion.benchmark_group("feed-96x96");
    group.throughput(Throughput::Elements(1));
    let mut draw = 0;
    group.bench_function("augment", |bencher| {
        bencher.iter(|| {
            draw += 1;
            let params = ranges.draw(SIDE, &mut random::named(SEED, "augment", &[draw]));
            let image = set.image(draw as usize % set.len());
            augment::apply(&params, image, SIDE, &mut out, &mut padded);
            black_box(&out);
        });
    });
    for (name, normalisation) in [
        ("subtract", Normalisation::Subtractive),
        ("divide", Normalisation::Divisive { epsilon: 0.01 }),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                to_unit_range(set.image(0), &mut out);
                normalisation.apply(&mut out, SIDE, &mut scratch);
                black_box(&out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, preparing, feeding);
criterion_main!(benches);
