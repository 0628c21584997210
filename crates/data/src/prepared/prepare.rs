//! From a source to a prepared data set: decode, find the face, cut it out, resize, write. Pixels are written as they
//! come, so that memory holds the table alone, and the result does not depend on the number of threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::Error;
use crate::face::FaceDetector;
use crate::face::boxes::Boxes;
use crate::fold::assign::Deal;
use crate::prepared::info::DatasetInfo;
use crate::prepared::options::PrepareOptions;
use crate::prepared::rows;
use crate::prepared::worker::{Outcome, Worker};
use crate::prepared::write::{PreparedWriter, refuse_existing};
use crate::read::codes::CodeTable;
use crate::read::file::{Skipped, digest};
use crate::read::source::{RawSample, Scan, Source};

/// Images in memory at a time. Fixed, so that the work is cut the same way on every machine.
const CHUNK: usize = 128;

/// Prepares a data set: reads `source`, writes the folder `output`.
///
/// `progress(done, total)` is called after every image, from several threads; when it returns `false` the work stops
/// with [`Error::Cancelled`]. The folder appears only when complete.
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
    // Checked first, because a scan takes a while; created afterwards, so that a failed scan leaves no trace.
    refuse_existing(output)?;
    let boxes = options.boxes.as_deref().map(Boxes::open).transpose()?;
    let codes = options.aus.as_deref().map(CodeTable::open).transpose()?;
    let mut scan = source.scan()?;
    let boxes = boxes.map(|boxes| boxes.of_images(source.root(), &scan.samples));
    let boxes = boxes.transpose()?;
    if let Some(codes) = &codes {
        let notes = codes.apply(&mut scan.samples)?;
        scan.notes.extend(notes);
        scan.read.push(codes.read.clone());
    }
    strict(options, &scan.skipped)?;
    let mut deal = Deal::of(&scan, options)?;
    let mut info = info(source, options, &scan, &deal);
    if let Some(codes) = &codes {
        info.machine_coded = codes.machine_coded();
        // That of the codes that the table replaces.
        info.au_threshold = None;
    }
    let mut writer = PreparedWriter::create(output, options.image_size)?;
    let worker = Worker {
        source,
        options,
        detector: FaceDetector::new()?,
        boxes: boxes.as_ref(),
    };
    let notes = write_rows(&worker, &mut scan, &mut deal, &mut writer, progress)?;
    let images = writer.samples();
    rows::check(images, &info.classes).map_err(|problem| {
        let (total, skipped) = (scan.samples.len(), brief(&scan.skipped));
        let reason = format!("of {total} images {problem}; {skipped}");
        Error::nothing_labelled(source.root(), reason)
    })?;
    info.notes.extend(rows::emptied(images, &info, &scan));
    info.notes.extend(rows::untested(images, &deal));
    info.notes.extend(notes);
    if let Some(boxes) = boxes {
        info.notes.extend(boxes.notes(images));
        info.boxes = Some(boxes.name());
        scan.read.push(boxes.read);
    }
    writer.finish(DatasetInfo {
        source_digest: digest(scan.read),
        skipped: scan.skipped,
        ..info
    })
}

/// Writes a row for every usable image, and adds files read and inputs skipped to the scan; returns notes on the images.
fn write_rows(
    worker: &Worker,
    scan: &mut Scan,
    deal: &mut Deal,
    writer: &mut PreparedWriter,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<Vec<String>, Error> {
    let classes = worker.source.class_names();
    let (mut placed, mut odd) = (Vec::new(), BTreeMap::new());
    let (done, total) = (AtomicUsize::new(0), scan.samples.len());
    let one = |raw: &RawSample| {
        let outcome = worker.process(raw);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, total).then_some(outcome)
    };
    for chunk in scan.samples.chunks(CHUNK) {
        let outcomes: Option<Vec<Outcome>> = chunk.par_iter().map(one).collect();
        for (raw, outcome) in chunk.iter().zip(outcomes.ok_or(Error::Cancelled)?) {
            if let Some(face) = &outcome.face {
                writer.push(rows::row(raw, face, deal, &classes), &face.pixels)?;
                rows::add_odd(&mut odd, &outcome.odd, &raw.path);
            }
            placed.extend(outcome.off_centre);
            scan.read.extend(outcome.read);
            scan.skipped.extend(outcome.skipped);
        }
        strict(worker.options, &scan.skipped)?;
    }
    let notes = rows::off_centre(&placed).into_iter();
    Ok(notes.chain(rows::odd(&odd)).collect())
}

/// The part of `dataset.json` that does not depend on the rows.
fn info(source: &dyn Source, options: &PrepareOptions, scan: &Scan, deal: &Deal) -> DatasetInfo {
    DatasetInfo {
        name: source.name().to_owned(),
        source: options.source.clone(),
        synthetic: source.synthetic(),
        classes: source.class_names(),
        folds: deal.folds,
        fold_rule: deal.rule,
        subject_independent: deal.subject_independent(&scan.samples),
        au_threshold: source.au_threshold(),
        crop: options.crop,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        notes: scan.notes.iter().cloned().chain(deal.notes(scan)).collect(),
        ..DatasetInfo::default()
    }
}

fn strict(options: &PrepareOptions, skipped: &[Skipped]) -> Result<(), Error> {
    let [first, others @ ..] = skipped else {
        return Ok(());
    };
    let (path, reason, others) = (first.path.clone(), first.reason.clone(), others.len());
    match options.strict {
        true => Err(Error::Strict {
            path,
            reason,
            others,
        }),
        false => Ok(()),
    }
}

fn brief(skipped: &[Skipped]) -> String {
    let count = format!("{} inputs were skipped", skipped.len());
    match skipped.first() {
        Some(s) => format!("{count}, the first being {}: {}", s.path, s.reason),
        None => count,
    }
}

/// An error if `output` is the input `root` or inside it, even through a link: nothing is ever written there.
///
/// # Errors
/// [`Error::OutputInsideInput`].
pub fn refuse_inside(output: &Path, root: &Path) -> Result<(), Error> {
    let absolute = std::path::absolute(output).map_err(Error::io(output))?;
    // The output need not exist yet: its first existing ancestor determines its location.
    let mut ancestors = absolute.ancestors();
    let real = ancestors.find_map(|path| path.canonicalize().ok());
    let inside = real.zip(root.canonicalize().ok());
    if !inside.is_some_and(|(real, root)| real.starts_with(root)) {
        return Ok(());
    }
    let (output, input) = (output.to_path_buf(), root.to_path_buf());
    Err(Error::OutputInsideInput { output, input })
}
