//! From a source to a prepared data set: decode, find the face, cut it out, resize, write. Memory does not grow with
//! the number of images, and nothing depends on the number of threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use image::GrayImage;
use rayon::prelude::*;

use crate::error::Error;
use crate::face::{CropMode, FaceDetector, Landmarks, centre_square, face_square};
use crate::fold::assign::Deal;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::role::Role;
use crate::picture::crop_box::CropBox;
use crate::picture::resize::resize;
use crate::prepared::info::DatasetInfo;
use crate::prepared::options::PrepareOptions;
use crate::prepared::sample::Sample;
use crate::prepared::write::{PreparedWriter, refuse_existing};
use crate::read::file::{ReadFile, Skipped, digest};
use crate::read::source::{RawSample, Scan, Source};

/// Images that are in memory at a time. Fixed, so that the work is cut the same way on every machine.
const CHUNK: usize = 128;

/// Prepares a data set: reads `source`, writes the folder `output`.
///
/// `progress(done, total)` is called after every image, from several threads; when it returns `false` the work stops
/// with [`Error::Cancelled`]. The folder appears when it is whole; until then nothing is there.
///
/// # Errors
/// Unusable source, existing output, full disk, cancellation, and with `strict` the first bad input.
pub fn prepare(
    source: &dyn Source,
    options: &PrepareOptions,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<DatasetInfo, Error> {
    options.check()?;
    refuse_inside(output, source.root())?;
    // Asked first, because a scan takes a while, and created after it, because a source that fails leaves no trace.
    refuse_existing(output)?;
    let scan = source.scan()?;
    strict(options, &scan.skipped)?;
    let mut writer = PreparedWriter::create(output, options.image_size)?;
    let total = scan.samples.len();
    let deal = Deal::of(&scan, options)?;
    let mut info = info(source, options, &scan, &deal);
    let planned: BTreeSet<i64> = scan.samples.iter().map(|raw| raw.label).collect();
    let Scan {
        samples,
        mut skipped,
        mut read,
        ..
    } = scan;
    let worker = Worker {
        source,
        options,
        detector: FaceDetector::new()?,
    };
    let mut rows = Rows::new(deal, source.class_names());
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Faces that landmarks place in the middle, and at the side.
    let mut placed = [0, 0];
    for chunk in samples.chunks(CHUNK) {
        let results: Vec<Outcome> = chunk
            .par_iter()
            .map(|raw| {
                if stop.load(Ordering::Relaxed) {
                    return Outcome::default();
                }
                let outcome = worker.process(raw);
                if !progress(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                    stop.store(true, Ordering::Relaxed);
                }
                outcome
            })
            .collect();
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        for (raw, outcome) in chunk.iter().zip(results) {
            placed[usize::from(outcome.off_centre == Some(true))] +=
                usize::from(outcome.off_centre.is_some());
            read.extend(outcome.read);
            skipped.extend(outcome.skipped);
            if let Some(face) = outcome.face {
                writer.push(rows.sample(raw, &face), &face.pixels)?;
            }
        }
        strict(options, &skipped)?;
    }
    let kept = rows.images.iter().filter(|images| **images > 0).count();
    if kept == 0 {
        return Err(nothing_left(source.root(), total, &skipped));
    }
    if let Some(only) = rows.only_class() {
        return Err(one_class_left(source.root(), only, &skipped));
    }
    info.notes.extend(rows.emptied(&planned));
    info.notes.extend(rows.untested());
    let [middle, side] = placed;
    info.notes.extend((side > middle).then(|| {
        format!(
            "By their landmarks {side} of {} faces lie at the side of their image: were the images resized and the landmarks not? \
             A look at the crops (--review) tells; the crop 'detector' does without landmarks.",
            middle + side
        )
    }));
    writer.finish(DatasetInfo {
        source_digest: digest(read),
        skipped,
        ..info
    })
}

/// The part of `dataset.json` that the rows do not tell.
fn info(source: &dyn Source, options: &PrepareOptions, scan: &Scan, deal: &Deal) -> DatasetInfo {
    DatasetInfo {
        name: source.name().to_owned(),
        synthetic: source.synthetic(),
        source_digest: String::new(),
        classes: source.class_names(),
        counts: BTreeMap::new(),
        subjects: 0,
        image_size: options.image_size,
        folds: deal.folds,
        fold_rule: deal.rule,
        subject_independent: deal.subject_independent(&scan.samples),
        images: 0,
        held_out: 0,
        crop: options.crop,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        notes: scan.notes.iter().cloned().chain(deal.notes(scan)).collect(),
        skipped: Vec::new(),
    }
}

fn strict(options: &PrepareOptions, skipped: &[Skipped]) -> Result<(), Error> {
    match skipped {
        [first, others @ ..] if options.strict => {
            let Skipped { path, reason } = first.clone();
            Err(Error::Strict {
                path,
                reason,
                others: others.len(),
            })
        }
        _ => Ok(()),
    }
}

fn first_of(skipped: &[Skipped]) -> String {
    skipped.first().map_or(String::new(), |s| {
        format!(", the first being {}: {}", s.path, s.reason)
    })
}

fn one_class_left(root: &Path, class: &str, skipped: &[Skipped]) -> Error {
    let first = first_of(skipped);
    let reason = format!(
        "only images of {class} are usable, and one class is nothing to tell apart; {} inputs were skipped{first}",
        skipped.len()
    );
    Error::NothingLabelled {
        path: root.to_path_buf(),
        reason,
    }
}

fn nothing_left(root: &Path, total: usize, skipped: &[Skipped]) -> Error {
    let first = first_of(skipped);
    let reason = format!(
        "of {total} images none is usable; {} inputs were skipped{first}",
        skipped.len()
    );
    Error::NothingLabelled {
        path: root.to_path_buf(),
        reason,
    }
}

/// Nothing is ever written into the input, a folder or a file: an error where `output` is `root` or lies in it, also by way
/// of a link.
///
/// # Errors
/// [`Error::OutputInsideInput`].
pub fn refuse_inside(output: &Path, root: &Path) -> Result<(), Error> {
    let absolute = std::path::absolute(output).map_err(Error::io(output))?;
    // The output need not exist yet: its first ancestor that does tells where it will be.
    let real = absolute
        .ancestors()
        .find_map(|path| path.canonicalize().ok());
    let (Some(real), Ok(root_real)) = (real, root.canonicalize()) else {
        return Ok(());
    };
    if real.starts_with(&root_real) {
        return Err(Error::OutputInsideInput {
            output: output.to_path_buf(),
            input: root.to_path_buf(),
        });
    }
    Ok(())
}

/// How far from the middle, as a share of the width, a face lies at a portrait's side. Our choice: a face that stands in the
/// middle of its picture comes to a quarter of the width where the picture was doubled and its landmarks were not.
const OFF_CENTRE: f64 = 0.2;

/// Largest side of an image that is taken for a face cut out already, as CK+48, FER2013 and TFD have them.
const FACE_SIDE: u32 = 64;

/// Whether the image is a face already: the source says so, or it is a small square without landmarks.
fn is_face(raw: &RawSample, width: u32, height: u32) -> bool {
    raw.is_face || (raw.landmarks.is_none() && width == height && width <= FACE_SIDE)
}

/// A cropped and resized face.
struct Face {
    pixels: Vec<u8>,
    crop: CropBox,
    found: bool,
}

/// What became of one image.
#[derive(Default)]
struct Outcome {
    face: Option<Face>,
    /// Where landmarks placed the crop: whether it lies at the image's side.
    off_centre: Option<bool>,
    skipped: Vec<Skipped>,
    read: Vec<ReadFile>,
}

struct Worker<'a> {
    source: &'a dyn Source,
    options: &'a PrepareOptions,
    detector: FaceDetector,
}

impl Worker<'_> {
    fn process(&self, raw: &RawSample) -> Outcome {
        let mut outcome = Outcome::default();
        match self.face(raw, &mut outcome) {
            Ok(face) => outcome.face = Some(face),
            Err(error) => outcome
                .skipped
                .push(Skipped::new(raw.path.clone(), error.reason())),
        }
        outcome
    }

    fn face(&self, raw: &RawSample, outcome: &mut Outcome) -> Result<Face, Error> {
        let fetched = self.source.fetch(raw)?;
        outcome.read.extend(fetched.read);
        let image = fetched.image;
        let (crop, found) = self.crop(raw, &image, outcome)?;
        let side = self.options.image_size;
        Ok(Face {
            pixels: resize(&image, crop, side, side),
            crop,
            found,
        })
    }

    /// Where the face is, and whether anything found it.
    fn crop(
        &self,
        raw: &RawSample,
        image: &GrayImage,
        outcome: &mut Outcome,
    ) -> Result<(CropBox, bool), Error> {
        let (width, height) = image.dimensions();
        let detected = || {
            let none = || {
                Error::parse(
                    "no face was found, at the second, more lenient try neither (for images that are faces already: crop none)",
                )
            };
            self.detector.find(image).ok_or_else(none)
        };
        let crop = match self.options.crop {
            CropMode::None => return Ok((centre_square(width, height), false)),
            CropMode::Detector => detected()?,
            CropMode::Landmarks => self.marked(raw, width, height, outcome)?,
            CropMode::Auto if is_face(raw, width, height) => {
                return Ok((centre_square(width, height), false));
            }
            CropMode::Auto if raw.landmarks.is_none() => detected()?,
            CropMode::Auto => self
                .marked(raw, width, height, outcome)
                .or_else(|unusable| {
                    // The image is saved, but the person should know that the landmark file is bad.
                    let path = raw.landmarks.clone().unwrap_or_else(|| raw.path.clone());
                    let crop = detected()?;
                    outcome.skipped.push(Skipped::new(
                        path,
                        format!("{}; the detector was used", unusable.reason()),
                    ));
                    Ok::<_, Error>(crop)
                })?,
        };
        Ok((crop, true))
    }

    fn marked(
        &self,
        raw: &RawSample,
        width: u32,
        height: u32,
        outcome: &mut Outcome,
    ) -> Result<CropBox, Error> {
        let path = raw
            .landmarks
            .as_deref()
            .ok_or_else(|| Error::parse("it has no landmark file"))?;
        let (text, read) = self.source.landmarks(path)?;
        outcome.read.push(read);
        let crop = face_square(&Landmarks::parse(&text)?, width, height)?;
        let middle = f64::from(crop.x) + f64::from(crop.w) / 2.0;
        outcome.off_centre = Some((middle / f64::from(width) - 0.5).abs() > OFF_CENTRE);
        Ok(crop)
    }
}

/// Turns raw samples into rows, dealing out folds.
struct Rows {
    classes: Vec<String>,
    deal: Deal,
    /// Images of each class so far, for sources without subjects.
    dealt: HashMap<i64, usize>,
    /// Labelled images of each class.
    images: Vec<usize>,
    /// Labelled images that each fold, or each split that the data set brings, tests.
    tested: Vec<usize>,
}

impl Rows {
    fn new(deal: Deal, classes: Vec<String>) -> Self {
        Self {
            images: vec![0; classes.len()],
            tested: vec![0; deal.folds],
            classes,
            deal,
            dealt: HashMap::new(),
        }
    }

    fn sample(&mut self, raw: &RawSample, face: &Face) -> Sample {
        let label_name = usize::try_from(raw.label)
            .ok()
            .and_then(|label| self.classes.get(label))
            .cloned();
        let class = usize::try_from(raw.label).ok();
        if let Some(images) = class.and_then(|class| self.images.get_mut(class)) {
            *images += usize::from(raw.role == Role::Labelled);
        }
        let given = self.deal.rule == FoldRule::Given;
        let fold = self.fold(raw);
        for (at, tested) in self.tested.iter_mut().enumerate() {
            let tests = match given {
                true => raw.parts.get(at) == Some(&Part::Test),
                false => fold == at as i64,
            };
            *tested += usize::from(tests && raw.role == Role::Labelled);
        }
        Sample {
            index: 0,
            subject: raw.subject,
            sequence: raw.sequence.clone(),
            frame: raw.frame,
            role: raw.role,
            label: raw.label,
            label_name: label_name.unwrap_or_default(),
            fold,
            parts: if given { raw.parts.clone() } else { Vec::new() },
            face_found: face.found,
            crop: Some(face.crop),
            path: raw.path.clone(),
            aus: raw.aus.clone(),
        }
    }

    /// The one class that has images, where no other has.
    fn only_class(&self) -> Option<&str> {
        let mut kept = self.classes.iter().zip(&self.images);
        let mut kept = kept.by_ref().filter(|(_, images)| **images > 0);
        let (first, _) = kept.next()?;
        kept.next().is_none().then_some(first.as_str())
    }

    /// Names the classes of `planned` none of whose images could be used.
    fn emptied(&self, planned: &BTreeSet<i64>) -> Option<String> {
        let classes = self.classes.iter().zip(&self.images).zip(0..);
        let lost = classes.filter(|((_, images), label)| **images == 0 && planned.contains(label));
        let lost: Vec<&str> = lost.map(|((name, _), _)| name.as_str()).collect();
        (!lost.is_empty()).then(|| {
            format!(
                "No image of {} could be used: all were skipped.",
                lost.join(", ")
            )
        })
    }

    /// Names the folds without an image, where few people are not the reason told already.
    fn untested(&self) -> Option<String> {
        let told = |folds: &BTreeMap<i64, i64>| folds.len() < self.deal.folds;
        if self.deal.by_subject.as_ref().is_some_and(told) {
            return None;
        }
        let empty = self
            .tested
            .iter()
            .enumerate()
            .filter(|(_, images)| **images == 0);
        let empty: Vec<_> = empty.map(|(fold, _)| fold.to_string()).collect();
        (!empty.is_empty()).then(|| format!("Folds that test nothing: {}.", empty.join(", ")))
    }

    fn fold(&mut self, raw: &RawSample) -> i64 {
        match &self.deal.by_subject {
            _ if self.deal.rule == FoldRule::Given => -1,
            Some(folds) => folds.get(&raw.subject).copied().unwrap_or(-1),
            None if raw.role == Role::HeldOut => -1,
            None => {
                let dealt = self.dealt.entry(raw.label).or_default();
                *dealt += 1;
                ((*dealt - 1) % self.deal.folds) as i64
            }
        }
    }
}
