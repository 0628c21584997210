//! How many images a second the work of this crate takes: what `faus bench` measures, and what is set beside other
//! people's libraries in `benches/peers`. Nothing is printed, and nothing here needs more than this crate.
//!
//! Inputs come from a data set in the CK+ layout or are made: schematic faces with a camera's noise, always the same for
//! a seed. Times are wall-clock times of a machine that may be busy with other things, so every measurement is
//! repeated and tells its spread.

mod made;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::error::Error;
use crate::face::CropMode;
use crate::feed::augment::{self, AugmentRanges};
use crate::feed::normalise::{Normalisation, to_unit_range};
use crate::label::class_map::ClassMap;
use crate::prepared::Prepared;
use crate::prepared::options::PrepareOptions;
use crate::prepared::prepare::prepare;
use crate::read::ck_plus::CkPlus;
use crate::read::folders::{FolderOptions, Folders};
use crate::read::pixel_csv::{PixelCsv, TableOptions};
use crate::read::source::Source;
use faus_base::random;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// [`prepare`] from PNG images with landmark files: read, hash, decode, crop, resize, write. All threads.
    PrepareLandmarks,
    /// The same with the face detector in place of the landmarks.
    PrepareDetector,
    /// [`prepare`] from 48×48 PNG images in class folders, which are faces already: no detection.
    PrepareFaces,
    /// [`prepare`] from a table of 48×48 images in FER2013's form.
    PrepareTable,
    /// Augmentation and subtractive normalisation, one thread.
    Augment,
    /// Augmentation and subtractive normalisation, all threads.
    AugmentThreads,
    /// Bytes to [0, 2] and subtractive normalisation, one thread.
    Normalise,
    /// Opening a prepared set and going once over every pixel, one thread.
    Load,
}

impl Work {
    /// Every kind, in the order of a table.
    pub const ALL: [Self; 8] = [
        Self::PrepareLandmarks,
        Self::PrepareDetector,
        Self::PrepareFaces,
        Self::PrepareTable,
        Self::Augment,
        Self::AugmentThreads,
        Self::Normalise,
        Self::Load,
    ];

    /// Its name in tables, in JSON and on the command line: `prepare-landmarks`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrepareLandmarks => "prepare-landmarks",
            Self::PrepareDetector => "prepare-detector",
            Self::PrepareFaces => "prepare-faces",
            Self::PrepareTable => "prepare-table",
            Self::Augment => "augment",
            Self::AugmentThreads => "augment-threads",
            Self::Normalise => "normalise",
            Self::Load => "load",
        }
    }

    /// What is done, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::PrepareLandmarks => "prepare, landmarks",
            Self::PrepareDetector => "prepare, detector",
            Self::PrepareFaces => "prepare, 48×48 PNG",
            Self::PrepareTable => "prepare, 48×48 table",
            Self::Augment => "augment + normalise",
            Self::AugmentThreads => "augment + normalise, all threads",
            Self::Normalise => "normalise",
            Self::Load => "open and read prepared set",
        }
    }

    /// Threads that work on it.
    fn threads(self) -> usize {
        match self {
            Self::Augment | Self::Normalise | Self::Load => 1,
            _ => rayon::current_num_threads(),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Work {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.map(Self::name);
        let found = Self::ALL.into_iter().find(|work| work.name() == text);
        found.ok_or_else(|| {
            let reason = format!("must be one of {}, not '{text}'", known.join(", "));
            Error::setting("work", reason)
        })
    }
}

/// On what and for how long is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThroughputOptions {
    /// A data set in the CK+ layout; `None` makes one.
    pub data: Option<PathBuf>,
    /// Images that are made, at least 16; of no account with `data`. Our choice 128: one to two seconds to make.
    pub images: usize,
    /// Rows of the 48×48 table. Our choice 2000.
    pub rows: usize,
    /// Side of the prepared images. Paper: 96.
    pub image_size: u32,
    /// Most repeats of a measurement, at least 1. Our choice 5: enough for a median and a spread.
    pub repeats: usize,
    /// Once a measurement has taken this many seconds no further repeat is begun. Our choice 10.
    pub seconds: f64,
    /// Fixes what is made and drawn.
    pub seed: u64,
}

impl Default for ThroughputOptions {
    fn default() -> Self {
        Self {
            data: None,
            images: 128,
            rows: 2000,
            image_size: 96,
            repeats: 5,
            seconds: 10.0,
            seed: 1,
        }
    }
}

impl ThroughputOptions {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the one that is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |what, value: usize, low: usize, high: usize| match value {
            value if (low..=high).contains(&value) => Ok(()),
            value => Err(Error::setting(
                what,
                format!("must be {low} to {high}, not {value}"),
            )),
        };
        within("images", self.images, 16, 3996)?;
        within("rows", self.rows, 70, 1_000_000)?;
        within("repeats", self.repeats, 1, 1000)?;
        if !(self.seconds.is_finite() && self.seconds >= 0.0) {
            let reason = format!("must be 0 or more, not {}", self.seconds);
            return Err(Error::setting("seconds", reason));
        }
        self.prepare_options(CropMode::Auto).check()
    }

    fn prepare_options(&self, crop: CropMode) -> PrepareOptions {
        PrepareOptions {
            image_size: self.image_size,
            crop,
            ..PrepareOptions::default()
        }
    }
}

/// One measurement: how long the same work took, time after time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// What was done.
    pub work: Work,
    /// Images in one repeat, whether they gave a row or were skipped.
    pub images: usize,
    /// Images in one repeat that gave no row.
    pub skipped: usize,
    /// Threads that worked on it.
    pub threads: usize,
    /// Wall-clock seconds of each repeat, in order.
    pub seconds: Vec<f64>,
    /// Images a second over the repeats.
    pub images_per_second: Spread,
}

/// Median, least and most of a measurement's repeats, in images a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Of an even number the mean of the two in the middle.
    pub median: f64,
    /// Of the slowest repeat.
    pub min: f64,
    /// Of the fastest repeat.
    pub max: f64,
}

impl Spread {
    fn of(images: usize, seconds: &[f64]) -> Self {
        let mut rates: Vec<f64> = seconds
            .iter()
            .map(|&seconds| images as f64 / seconds.max(1e-9))
            .collect();
        rates.sort_unstable_by(f64::total_cmp);
        let middle = |at: usize| rates.get(at).copied().unwrap_or_default();
        let last = rates.len().saturating_sub(1);
        Self {
            median: (middle(last / 2) + middle(last.div_ceil(2))) / 2.0,
            min: middle(0),
            max: middle(last),
        }
    }
}

/// The inputs of all measurements, lying in a temporary folder that goes with this.
pub struct Throughput {
    options: ThroughputOptions,
    recordings: PathBuf,
    set: Prepared,
    folder: TempDir,
}

impl Throughput {
    /// Makes the inputs, or looks into the data set that is given.
    ///
    /// # Errors
    /// Numbers out of range, an unreadable data set, a full disk.
    pub fn new(options: &ThroughputOptions) -> Result<Self, Error> {
        options.check()?;
        let folder = temporary()?;
        let recordings = match &options.data {
            Some(data) => data.clone(),
            None => {
                let made_here = folder.path().join("recordings");
                made::recordings(&made_here, options.images, options.seed)?;
                made_here
            }
        };
        let prepared = folder.path().join("prepared");
        let source = CkPlus::open(&recordings, ClassMap::eight())?;
        let how = options.prepare_options(CropMode::Auto);
        prepare(&source, &how, &prepared, &|_, _| true)?;
        Ok(Self {
            options: options.clone(),
            recordings,
            set: Prepared::open(&prepared)?,
            folder,
        })
    }

    /// Does `work` over and over: until it was repeated or took as long as the options say, and at least once.
    ///
    /// A first, shorter round goes untimed where a repeat is short, so that code and pages are in memory.
    ///
    /// # Errors
    /// Where [`prepare`] fails, for one because the detector finds no face in the data at all.
    pub fn measure(&self, work: Work) -> Result<Measurement, Error> {
        match work {
            Work::PrepareLandmarks => self.prepare_recordings(work, CropMode::Landmarks),
            Work::PrepareDetector => self.prepare_recordings(work, CropMode::Detector),
            Work::PrepareFaces => self.prepare_faces(),
            Work::PrepareTable => self.prepare_table(),
            Work::Augment => self.repeat_set(work, || self.augment_all()),
            Work::AugmentThreads => self.repeat_set(work, || self.augment_threads()),
            Work::Normalise => self.repeat_set(work, || self.normalise_all()),
            Work::Load => {
                let pixels = (self.options.image_size as usize).pow(2);
                self.repeat(work, || {
                    let set = Prepared::open(self.set.dir())?;
                    let sum: u64 = (0..set.len())
                        .map(|index| set.image(index).iter().map(|&p| u64::from(p)).sum::<u64>())
                        .sum();
                    let most = (set.len() * pixels) as u64 * 255;
                    debug_assert!(std::hint::black_box(sum) <= most);
                    Ok((set.len(), 0))
                })
            }
        }
    }

    fn repeat(
        &self,
        work: Work,
        mut round: impl FnMut() -> Result<(usize, usize), Error>,
    ) -> Result<Measurement, Error> {
        let (begun, mut seconds, mut counts) = (Instant::now(), Vec::new(), (0, 0));
        while seconds.is_empty()
            || (seconds.len() < self.options.repeats
                && begun.elapsed().as_secs_f64() < self.options.seconds)
        {
            let start = Instant::now();
            counts = round()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        let (images, skipped) = counts;
        Ok(Measurement {
            work,
            images,
            skipped,
            threads: work.threads(),
            images_per_second: Spread::of(images, &seconds),
            seconds,
        })
    }

    /// A repeat is one pass over the prepared set, after one that is not timed.
    fn repeat_set(&self, work: Work, pass: impl Fn()) -> Result<Measurement, Error> {
        pass();
        self.repeat(work, || {
            pass();
            Ok((self.set.len(), 0))
        })
    }

    fn prepare_recordings(&self, work: Work, crop: CropMode) -> Result<Measurement, Error> {
        let how = self.options.prepare_options(crop);
        self.repeat(work, || {
            let source = CkPlus::open(&self.recordings, ClassMap::eight())?;
            prepare_once(&source, &how)
        })
    }

    fn prepare_faces(&self) -> Result<Measurement, Error> {
        let root = self.folder.path().join("faces");
        if !root.exists() {
            made::class_folders(&root, &self.set)?;
        }
        let how = self.options.prepare_options(CropMode::Auto);
        self.repeat(Work::PrepareFaces, || {
            prepare_once(&Folders::open(&root, &FolderOptions::default())?, &how)
        })
    }

    fn prepare_table(&self) -> Result<Measurement, Error> {
        let table = self.folder.path().join("table.csv");
        if !table.exists() {
            self.write_table(&table, self.options.rows)?;
        }
        let how = PrepareOptions {
            image_size: 48,
            ..PrepareOptions::default()
        };
        self.repeat(Work::PrepareTable, || {
            prepare_once(&PixelCsv::open(&table, &TableOptions::default())?, &how)
        })
    }

    /// Writes a table of `rows` 48×48 images in FER2013's form, for measurements from outside such as of the memory
    /// that `faus data prepare` takes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_table(&self, path: &Path, rows: usize) -> Result<(), Error> {
        made::table(path, &self.set, rows)
    }

    /// Writes what the measurements start from, for other programs: the prepared set, and its 48×48 class folders.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutputExists`].
    pub fn keep(&self, prepared: &Path, faces: &Path) -> Result<(), Error> {
        let source = CkPlus::open(&self.recordings, ClassMap::eight())?;
        let how = self.options.prepare_options(CropMode::Auto);
        prepare(&source, &how, prepared, &|_, _| true)?;
        made::class_folders(faces, &self.set)
    }

    fn augment_all(&self) {
        let mut buffers = Buffers::new(&self.set);
        for index in 0..self.set.len() {
            buffers.augment(&self.set, index, self.options.seed);
        }
    }

    fn augment_threads(&self) {
        let (set, seed) = (&self.set, self.options.seed);
        (0..set.len())
            .into_par_iter()
            .with_min_len(16)
            .for_each_init(
                || Buffers::new(set),
                |buffers, index| buffers.augment(set, index, seed),
            );
    }

    fn normalise_all(&self) {
        let mut buffers = Buffers::new(&self.set);
        for index in 0..self.set.len() {
            to_unit_range(self.set.image(index), &mut buffers.out);
            buffers.normalise(self.set.image_size());
        }
    }
}

/// Working memory of one thread.
struct Buffers {
    out: Vec<f32>,
    padded: Vec<u8>,
    scratch: Vec<f32>,
}

impl Buffers {
    fn new(set: &Prepared) -> Self {
        Self {
            out: vec![0.0; set.image_size() * set.image_size()],
            padded: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// As training does it: a generator for each draw, the resampling and jitter, the normalisation.
    fn augment(&mut self, set: &Prepared, index: usize, seed: u64) {
        let side = set.image_size();
        let mut rng = random::named(seed, "augment", &[index as u64]);
        let params = AugmentRanges::default().draw(side, &mut rng);
        augment::apply(
            &params,
            set.image(index),
            side,
            &mut self.out,
            &mut self.padded,
        );
        self.normalise(side);
    }

    fn normalise(&mut self, side: usize) {
        Normalisation::Subtractive.apply(&mut self.out, side, &mut self.scratch);
        std::hint::black_box(&self.out);
    }
}

/// Prepares into a temporary folder; returns how many images there were and how many gave no row.
fn prepare_once(source: &dyn Source, how: &PrepareOptions) -> Result<(usize, usize), Error> {
    let folder = temporary()?;
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let info = prepare(source, how, &folder.path().join("out"), &|_, total| {
        seen.store(total, std::sync::atomic::Ordering::Relaxed);
        true
    })?;
    let images = seen.into_inner();
    Ok((images, images.saturating_sub(info.images)))
}

fn temporary() -> Result<TempDir, Error> {
    let parent = std::env::temp_dir();
    fs::create_dir_all(&parent)
        .and_then(|()| tempfile::tempdir_in(&parent))
        .map_err(Error::io(&parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> ThroughputOptions {
        ThroughputOptions {
            images: 28,
            rows: 70,
            image_size: 48,
            repeats: 2,
            ..ThroughputOptions::default()
        }
    }

    #[test]
    fn every_kind_runs_and_counts_its_images() {
        let throughput = Throughput::new(&small()).unwrap();
        for work in Work::ALL {
            let measured = throughput.measure(work).unwrap();
            let images = if work == Work::PrepareTable { 70 } else { 28 };
            assert_eq!((measured.images, measured.skipped), (images, 0), "{work}");
            assert!((1..=2).contains(&measured.seconds.len()), "{work}");
            let Spread { median, min, max } = measured.images_per_second;
            assert!(0.0 < min && min <= median && median <= max, "{work}");
        }
    }

    #[test]
    fn a_seed_makes_the_same_images() {
        let digest = |seed| {
            let options = ThroughputOptions { seed, ..small() };
            let throughput = Throughput::new(&options).unwrap();
            throughput.set.info().source_digest.clone()
        };
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
    }

    #[test]
    fn spreads_are_of_rates() {
        let spread = Spread::of(10, &[1.0, 2.0, 4.0, 5.0]);
        let (median, min, max) = ((2.5 + 5.0) / 2.0, 2.0, 10.0);
        assert_eq!(spread, Spread { median, min, max });
        assert_eq!(Spread::of(10, &[4.0]).median, 2.5);
    }

    #[test]
    fn names_round_trip_and_numbers_are_checked() {
        for work in Work::ALL {
            assert_eq!(work.name().parse::<Work>().unwrap(), work);
            let name = format!("\"{work}\"");
            assert_eq!(serde_json::to_string(&work).unwrap(), name);
        }
        assert!("prepare".parse::<Work>().is_err());
        for bad in [
            ThroughputOptions {
                images: 3,
                ..small()
            },
            ThroughputOptions {
                repeats: 0,
                ..small()
            },
            ThroughputOptions {
                seconds: f64::NAN,
                ..small()
            },
            ThroughputOptions {
                image_size: 0,
                ..small()
            },
        ] {
            assert!(matches!(Throughput::new(&bad), Err(Error::Setting { .. })));
        }
    }
}
