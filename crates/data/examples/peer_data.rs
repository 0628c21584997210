//! One pass of this crate's work, for `benches/peers/pair.py`: `peer_data WORK INPUT`.
//!
//! INPUT is a data set in the CK+ layout (`prepare-landmarks`, `prepare-detector`), class folders (`prepare-faces`) or a
//! prepared set (`augment`, `normalise`; on one thread, after an untimed pass). Writes one line of JSON.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use faus_base::random;
use faus_data::augment::{self, AugmentRanges};
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_data::{CkPlus, ClassMap, CropMode, Folders};
use faus_data::{PrepareOptions, Prepared, Source, prepare};

/// Images, of these skipped, and seconds.
type Measured = Result<(usize, usize, f64), Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, work, input] = &arguments[..] else {
        return Err("peer_data WORK INPUT".into());
    };
    let input = Path::new(input);
    let (images, skipped, seconds) = match work.as_str() {
        "prepare-landmarks" => prepared(ck_plus, input, CropMode::Landmarks)?,
        "prepare-detector" => prepared(ck_plus, input, CropMode::Detector)?,
        "prepare-faces" => prepared(faces, input, CropMode::Auto)?,
        "augment" => fed(input, augmented)?,
        "normalise" => fed(input, |set, index, out, _| {
            to_unit_range(set.image(index), out)
        })?,
        other => return Err(format!("no work '{other}'").into()),
    };
    println!(r#"{{"images": {images}, "skipped": {skipped}, "seconds": {seconds}}}"#);
    Ok(())
}

fn ck_plus(input: &Path) -> Result<Box<dyn Source>, faus_data::Error> {
    Ok(Box::new(CkPlus::open(input, ClassMap::eight())?))
}

fn faces(input: &Path) -> Result<Box<dyn Source>, faus_data::Error> {
    Ok(Box::new(Folders::open(input, None, None)?))
}

/// One preparation; opening the source counts.
fn prepared(
    open: fn(&Path) -> Result<Box<dyn Source>, faus_data::Error>,
    input: &Path,
    crop: CropMode,
) -> Measured {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("set");
    let options = PrepareOptions {
        crop,
        ..PrepareOptions::default()
    };
    let seen = AtomicUsize::new(0);
    let count = |_: usize, total: usize| {
        seen.store(total, Ordering::Relaxed);
        true
    };
    let start = Instant::now();
    let info = prepare(open(input)?.as_ref(), &options, &output, &count)?;
    let seconds = start.elapsed().as_secs_f64();
    let images = seen.into_inner();
    Ok((images, images - info.images, seconds))
}

/// One pass of `work` and the subtractive normalisation over a set.
fn fed(input: &Path, work: impl Fn(&Prepared, usize, &mut [f32], &mut Vec<u8>)) -> Measured {
    let set = Prepared::open(input)?;
    let side = set.image_size();
    let (mut out, mut padded, mut scratch) = (vec![0.0; side * side], Vec::new(), Vec::new());
    let mut pass = || {
        let start = Instant::now();
        for index in 0..set.len() {
            work(&set, index, &mut out, &mut padded);
            Normalisation::Subtractive.apply(&mut out, side, &mut scratch);
            black_box(&out);
        }
        start.elapsed().as_secs_f64()
    };
    pass();
    Ok((set.len(), 0, pass()))
}

/// As in training: a generator for each draw, the resampling and the jitter.
fn augmented(set: &Prepared, index: usize, out: &mut [f32], padded: &mut Vec<u8>) {
    let side = set.image_size();
    let mut rng = random::named(1, "augment", &[index as u64]);
    let params = AugmentRanges::default().draw(side, &mut rng);
    augment::apply(&params, set.image(index), side, out, padded);
}
