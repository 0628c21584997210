//! `faus data prepare`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_data::inspect::crop_sheet;
use faus_data::{
    ClassMap, CropMode, DataConfig, FoldRule, LabelMap, Prepared, Source, refuse_inside, write_png,
};

use super::inspect::refuse_part_of;
use crate::app::console::say;
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::pipeline::dataset::prepare_into;

/// Images on the sheet of crops.
const CROPS_SHOWN: usize = 60;

/// Read a data set, crop its faces and store them as a prepared data set.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus data prepare --source ck_plus --input data/CK+ --out prepared/ck-96 --size 96\n  \
                  faus data prepare --source folders --input CK+48.zip --out prepared/ck48 --size 48\n  \
                  faus data prepare --source csv --input ckextended.csv --out prepared/ckextended --size 48\n  \
                  faus data prepare --source tfd --input data/TFD --out prepared/tfd-48 --size 48\n  \
                  faus data prepare --source arrays --input npy_files --out prepared/authors --crop authors\n  \
                  faus data prepare --source folders --input jaffe --label-pattern jaffe --out prepared/jaffe\n  \
                  faus data prepare --source disfa --input data/DISFA --out prepared/disfa --au-threshold 2"
)]
pub(crate) struct PrepareArgs {
    /// Kind of data set in the input.
    #[arg(long)]
    source: String,
    /// The data set's folder, a .zip of it, or (csv, tfd) its file; nothing is written into it.
    #[arg(long, value_name = "DIR|FILE")]
    input: PathBuf,
    /// Output folder.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
    /// Height and width of the images, in pixels, 8 to 1024.
    #[arg(long, default_value_t = 96)]
    size: u32,
    /// How the face is cut out: landmarks, detector, none (the middle square), auto (landmarks, else the detector;
    /// images that are already face crops, 48×48 tables and folders, are used uncropped), or authors: like auto, framed
    /// and resampled as in the paper's code.
    #[arg(long, default_value = "auto")]
    crop: CropMode,
    /// Table path,x,y,w,h of crops by hand, which win over the search; paths as in samples.csv.
    #[arg(long, value_name = "CSV")]
    boxes: Option<PathBuf>,
    /// Table of FACS codes beside the images, in place of the data set's own: rows by path or file name, by subject and
    /// session (and frame), or by index; without frames the codes belong to a session's last frame.
    #[arg(long, value_name = "TABLE")]
    aus: Option<PathBuf>,
    /// Number of folds, 2 to 1000. Default: the data set's own splits, else 10.
    #[arg(long, alias = "folds", value_name = "N")]
    fold_count: Option<usize>,
    /// How subjects are assigned to folds: modulo (the paper's), balanced (every fold its share of every class) or given
    /// (the data set's own splits). Default: given if the data set has splits, else modulo.
    #[arg(long, value_name = "RULE")]
    fold_rule: Option<FoldRule>,
    /// Classes: eight, seven (without neutral), six (without neutral and contempt) or a list of names. Default: eight for
    /// ck_plus, six for ck_plus_six_class, the classes that occur for the others.
    #[arg(long, value_name = "MAP")]
    classes: Option<ClassMap>,
    /// Folders: a regular expression over the path with the groups subject and, optionally, sequence and frame, such
    /// as '(?<subject>[0-9]+)_(?<frame>[0-9]+)'. Default: names like S010_004_00000017.
    #[arg(long, value_name = "REGEX")]
    subject_pattern: Option<String>,
    /// Folders: where file names hold the class: jaffe, kdef, rafd, raf_db (with its list of labels), or a regular
    /// expression over the path with the groups label and, optionally, subject, sequence, frame and part.
    #[arg(long, value_name = "PRESET|REGEX")]
    label_pattern: Option<String>,
    /// Folders: list of labels, lines 'path label' or a table with the columns path and label.
    #[arg(long, value_name = "LIST")]
    labels: Option<PathBuf>,
    /// Tables, numbered folders, lists: meaning of the emotion codes: auto (recognised by their counts), fer2013, ck_plus,
    /// raf_db, or the names in order of code (from 0, or from 1 where no 0 occurs), anger,disgust,…
    #[arg(long, value_name = "MAP", default_value = "auto")]
    label_map: LabelMap,
    /// DISFA, DISFA+, BP4D: lowest intensity of an action unit that counts as present, 1 to 5. Default: 2 for DISFA and DISFA+, 1
    /// (grade A) for BP4D; every output names it.
    #[arg(long, value_name = "GRADE")]
    au_threshold: Option<u8>,
    /// TFD: keep the unlabelled images as held out instead of skipping them.
    #[arg(long)]
    unlabelled: bool,
    /// Stop at the first bad input instead of listing it.
    #[arg(long)]
    strict: bool,
    /// Picture of original images with their crops, for review.
    #[arg(long, value_name = "PNG")]
    review: Option<PathBuf>,
}

impl PrepareArgs {
    fn config(&self) -> DataConfig {
        DataConfig {
            source: self.source.clone(),
            image_size: self.size,
            crop: self.crop,
            boxes: self.boxes.clone(),
            aus: self.aus.clone(),
            folds: self.fold_count,
            fold_rule: self.fold_rule,
            classes: self.classes.clone(),
            subject_pattern: self.subject_pattern.clone(),
            label_pattern: self.label_pattern.clone(),
            labels: self.labels.clone(),
            label_map: self.label_map.clone(),
            au_threshold: self.au_threshold,
            unlabelled: self.unlabelled,
            strict: self.strict,
        }
    }
}

pub(crate) fn prepare(args: PrepareArgs, program: &Program) -> Result<()> {
    let config = args.config();
    config.check().map_err(|error| wrong_usage(error.into()))?;
    let source = program.open_source(&config, &args.input)?;
    // The source's root may be a subfolder of the input.
    refuse_inside(&args.out, &args.input)?;
    if let Some(path) = &args.review {
        check_review(path, &args)?;
    }
    prepare_into(source.as_ref(), &config.options(), &args.out)?;
    if let Some(path) = &args.review {
        review(source.as_ref(), &args.out, path)?;
    }
    println!("{}", args.out.display());
    Ok(())
}

/// Checks that the sheet of crops goes into an existing folder outside the input and the output.
fn check_review(path: &Path, args: &PrepareArgs) -> Result<()> {
    refuse_inside(path, &args.input)?;
    refuse_part_of(path, &args.out)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        let parent = parent.display();
        bail!("{parent}: no such folder; create it, or put the sheet elsewhere");
    }
    Ok(())
}

/// Writes the sheet of crops.
fn review(source: &dyn Source, prepared: &Path, path: &Path) -> Result<()> {
    let prepared = Prepared::open(prepared)?;
    let sheet = crop_sheet(source, &prepared, CROPS_SHOWN)?;
    let none = || format!("{}: no image of the input could be shown", path.display());
    write_png(path, &sheet.with_context(none)?.picture)?;
    say(format!("{}: crops for review", path.display()));
    Ok(())
}
