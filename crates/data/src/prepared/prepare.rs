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
use crate::picture::depth::{read_as, usual_depth};
use crate::prepared::info::DatasetInfo;
use crate::prepared::options::PrepareOptions;
use crate::prepared::rows;
use crate::prepared::worker::{Outcome, Worker};
use crate::prepared::write::{PreparedWriter, refuse_existing};
use crate::read::codes::CodeTable;
use crate::read::file::{ReadFile, Skipped, digest};
use crate::read::name::folder;
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
    let of_codes = match &codes {
        Some(codes) => {
            scan.read.push(codes.read.clone());
            codes.apply(&mut scan.samples, &source.class_names())?
        }
        None => std::mem::take(&mut scan.code_notes),
    };
    scan.notes.extend(of_codes);
    strict(options, &scan.skipped)?;
    let worker = Worker {
        source,
        options,
        detector: FaceDetector::new()?,
        boxes: boxes.as_ref(),
        depths: BTreeMap::new(),
    };
    let pass = passes(worker, &scan, output, progress)?;
    let mut info = info(source, options, &scan, &pass.deal);
    if let Some(codes) = &codes {
        info.machine_coded = codes.machine_coded();
        // The source's is that of the codes that the table replaces.
        info.au_threshold = codes.au_threshold;
    }
    let Pass {
        writer,
        deal,
        read,
        skipped,
        notes,
        ..
    } = pass;
    scan.read.extend(read);
    scan.skipped.extend(skipped);
    let images = writer.samples();
    rows::check(images, &info.classes).map_err(|problem| {
        let (total, skipped) = (scan.samples.len(), brief(&scan.skipped));
        let reason = format!("of {total} images {problem}; {skipped}");
        Error::nothing_labelled(source.root(), reason)
    })?;
    if let Some(codes) = &codes {
        codes.check_indices(images.len(), scan.samples.len())?;
    }
    info.notes.extend(rows::emptied(images, &info, &scan));
    info.notes.extend(rows::untested(images, &deal));
    info.notes.extend(rows::untrained(images, &info));
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

/// One pass over the images; a second one where some 16-bit files of a folder use fewer bits than the others, and are read like
/// them, as darker, or more, and are listed.
fn passes(
    mut worker: Worker,
    scan: &Scan,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<Pass, Error> {
    let pass = Pass::of(&worker, scan, output, progress)?;
    let depths = pass.bits.iter().filter_map(|(folder, files)| {
        let usual = usual_depth(files)?;
        let unusual = files
            .keys()
            .any(|bits| read_as(*bits, Some(usual)) != *bits || *bits > usual);
        unusual.then(|| (folder.clone(), usual))
    });
    worker.depths = depths.collect();
    if worker.depths.is_empty() {
        return Ok(pass);
    }
    drop(pass);
    Pass::of(&worker, scan, output, progress)
}

/// The result of one pass over the images.
struct Pass {
    /// A row for every usable image.
    writer: PreparedWriter,
    deal: Deal,
    read: Vec<ReadFile>,
    skipped: Vec<Skipped>,
    notes: Vec<String>,
    /// Of each folder the 16-bit files that use a number of bits.
    bits: BTreeMap<String, BTreeMap<u32, usize>>,
}

impl Pass {
    fn of(
        worker: &Worker,
        scan: &Scan,
        output: &Path,
        progress: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<Self, Error> {
        let deal = Deal::of(scan, worker.options)?;
        let mut pass = Self {
            writer: PreparedWriter::create(output, worker.options.image_size)?,
            deal,
            read: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            bits: BTreeMap::new(),
        };
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
                    let row = rows::row(raw, face, &mut pass.deal, &classes);
                    pass.writer.push(row, &face.pixels)?;
                    rows::add_odd(&mut odd, &outcome.odd, &raw.path);
                }
                if let Some(bits) = outcome.bits {
                    let files = pass.bits.entry(folder(&raw.path).to_owned());
                    *files.or_default().entry(bits).or_default() += 1;
                }
                placed.extend(outcome.off_centre);
                pass.read.extend(outcome.read);
                pass.skipped.extend(outcome.skipped);
            }
            strict(worker.options, &pass.skipped)?;
        }
        let notes = rows::off_centre(&placed).into_iter();
        pass.notes = notes.chain(rows::odd(&odd)).collect();
        Ok(pass)
    }
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
