use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_data::augment::AugmentRanges;
use faus_data::inspect::{contact_sheet, crop_sheet};
use faus_data::{
    ClassMap, CropMode, FoldRule, LabelMap, Prepared, Source, audit, augment_sheet,
    refuse_inside, write_png,
};
use faus_synth::{Difficulty, SynthOptions};

use crate::cli::wrong_usage;
use crate::config::{DataConfig, SourceKind};
use crate::console::say;
use crate::data::{prepare_into, synthesize};
use crate::run_folder::write_json;

/// Images on the sheet of crops.
const CROPS_SHOWN: usize = 60;

/// Read a data set, crop its faces and store them as a prepared data set.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus data prepare --source ck_plus --input data/CK+ --output prepared/ck-96 --size 96\n  \
                  faus data prepare --source folders --input CK+48.zip --output prepared/ck48 --size 48\n  \
                  faus data prepare --source csv --input ckextended.csv --output prepared/ckextended --size 48\n  \
                  faus data prepare --source tfd --input data/TFD --output prepared/tfd-48 --size 48"
)]
pub(crate) struct PrepareArgs {
    /// What lies in the input.
    #[arg(long, value_enum)]
    source: SourceKind,
    /// The data set's folder, a .zip of it, or (csv, tfd) its file; nothing is written into it.
    #[arg(long, value_name = "DIR|FILE")]
    input: PathBuf,
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Height and width of the images, in pixels, 8 to 1024.
    #[arg(long, default_value_t = 96)]
    size: u32,
    /// How the face is cut out: landmarks, detector, none (the middle square), or auto: by landmarks, without these by the
    /// detector; images that are faces already (48×48 tables and folders) are taken whole.
    #[arg(long, default_value = "auto")]
    crop: CropMode,
    /// Number of folds, 2 to 1000. Default: the splits that the data set brings, else 10.
    #[arg(long)]
    folds: Option<usize>,
    /// How subjects are dealt to folds: modulo (the paper's), balanced (every fold its share of every class) or given
    /// (the data set's own splits). Default: given where there are some, else modulo.
    #[arg(long, value_name = "RULE")]
    fold_rule: Option<FoldRule>,
    /// Classes: eight, seven (without neutral), six (without neutral and contempt) or a list of names. Default: eight for
    /// ck_plus, six for ck_plus_six_class, what occurs for the others.
    #[arg(long, value_name = "MAP")]
    classes: Option<ClassMap>,
    /// Folders: a regular expression over the path with the groups subject and, if there are any, sequence and frame, such
    /// as '(?<subject>[0-9]+)_(?<frame>[0-9]+)'. Default: names like S010_004_00000017.
    #[arg(long, value_name = "REGEX")]
    subject_pattern: Option<String>,
    /// Tables: what the emotion codes mean: auto (recognised by their counts), fer2013, ck_plus, or the names in order
    /// of code, anger,disgust,…
    #[arg(long, value_name = "MAP", default_value = "auto")]
    label_map: LabelMap,
    /// Stop at the first bad input instead of listing it.
    #[arg(long)]
    strict: bool,
    /// A picture of the original images with what was cut out of them, for review.
    #[arg(long, value_name = "PNG")]
    review: Option<PathBuf>,
}

pub(crate) fn prepare_command(args: PrepareArgs) -> Result<()> {
    let config = DataConfig {
        source: args.source,
        image_size: args.size,
        crop: args.crop,
        folds: args.folds,
        fold_rule: args.fold_rule,
        classes: args.classes,
        subject_pattern: args.subject_pattern,
        label_map: args.label_map,
        strict: args.strict,
    };
    config.check().map_err(wrong_usage)?;
    let source = config.open(&args.input)?;
    // What was found may lie further down than what was named.
    refuse_inside(&args.output, &args.input)?;
    if let Some(path) = &args.review {
        refuse_inside(path, &args.input)?;
        refuse_part_of(path, &args.output)?;
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            bail!(
                "{}: no such folder; make it, or put the sheet elsewhere",
                parent.display()
            );
        }
    }
    prepare_into(source.as_ref(), &config.options(), &args.output)?;
    if let Some(path) = &args.review {
        review(source.as_ref(), &args.output, path)?;
    }
    println!("{}", args.output.display());
    Ok(())
}

/// A prepared set is not written over, whether it is there already or to be made.
fn refuse_part_of(path: &Path, set: &Path) -> Result<()> {
    let cannot = || format!("{}: no usable path", path.display());
    let inside = std::path::absolute(path)
        .with_context(cannot)?
        .starts_with(std::path::absolute(set).with_context(cannot)?);
    match inside || refuse_inside(path, set).is_err() {
        true => bail!(
            "{}: lies in the prepared data set {}; name a place outside",
            path.display(),
            set.display()
        ),
        false => Ok(()),
    }
}

/// Writes the sheet of crops, and says where it lies.
fn review(source: &dyn Source, prepared: &Path, path: &Path) -> Result<()> {
    let prepared = Prepared::open(prepared)?;
    match crop_sheet(source, &prepared, CROPS_SHOWN)? {
        Some(sheet) => write_png(path, &sheet.picture)?,
        None => bail!("{}: no image of the input could be shown", path.display()),
    }
    say(format!("{}: crops for review", path.display()));
    Ok(())
}

/// Statistics, class balance, folds and skipped files of a prepared data set; pictures with --sheets.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data inspect runs/ck_plus-cnn_ad-quick/dataset --sheets sheets"
)]
pub(crate) struct InspectArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Folder for a contact sheet of each class.
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
}

pub(crate) fn inspect(args: InspectArgs) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    println!("{}", faus_data::inspect::inspect(&prepared));
    let Some(dir) = args.sheets else {
        return Ok(());
    };
    refuse_part_of(&dir, &args.prepared)?;
    std::fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let classes = prepared.info().classes.iter().zip(0..);
    for (name, label) in classes {
        if let Some(sheet) = contact_sheet(&prepared, label, 100) {
            let path = dir.join(format!("{label}-{}.png", file_name(name)));
            write_png(&path, &sheet)?;
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// Look for leaks between training and test: people, recordings and near-identical images in two parts, images that are
/// never or twice tested, labels that contradict each other. Exit code 1 if there is one, or if too little can be looked at.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data audit prepared/ck-96\nSomeone else's split: faus data audit prepared/ck-96 --split-csv theirs.csv (columns path,split[,fold][,label])"
)]
pub(crate) struct AuditArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Audits this split instead of the set's own folds: a table with the columns path (as in samples.csv), split (train, val
    /// or test), where there are several fold, and, to have them compared, label.
    #[arg(long, value_name = "CSV")]
    split_csv: Option<PathBuf>,
    /// The findings as JSON.
    #[arg(long, value_name = "JSON")]
    json: Option<PathBuf>,
}

pub(crate) fn audit_command(args: AuditArgs) -> Result<()> {
    if let Some(path) = &args.json {
        refuse_part_of(path, &args.prepared)?;
        if let Some(split) = &args.split_csv {
            refuse_inside(path, split)?;
        }
    }
    let found = audit(&args.prepared, args.split_csv.as_deref())?;
    println!("{found}");
    if let Some(path) = &args.json {
        write_json(path, &serde_json::to_value(&found)?)?;
    }
    match found.is_clear() {
        true => Ok(()),
        false => bail!("{}: {}", args.prepared.display(), found.verdict()),
    }
}

/// A class name as part of a file name.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect()
}

/// See what augmentation does to one image; the drawn parameters are written out.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus data augment prepared/ck-96 --index 0 --count 20 --seed 1 --output out.npy --params params.csv --sheet sheet.png"
)]
pub(crate) struct AugmentArgs {
    /// A prepared data set.
    prepared: PathBuf,
    /// Row of the image.
    #[arg(long)]
    index: usize,
    /// How many draws.
    #[arg(long)]
    count: usize,
    /// Fixes the draws.
    #[arg(long)]
    seed: u64,
    /// Images before normalisation, f32 [count, 1, H, W] in [0, 2].
    #[arg(long, value_name = "NPY")]
    output: PathBuf,
    /// The drawn parameters.
    #[arg(long, value_name = "CSV")]
    params: PathBuf,
    /// A picture of all draws.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
}

pub(crate) fn augment(args: AugmentArgs) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let outputs: Vec<&PathBuf> = [&args.output, &args.params]
        .into_iter()
        .chain(&args.sheet)
        .collect();
    for (at, path) in outputs.iter().enumerate() {
        refuse_part_of(path, &args.prepared)?;
        let absolute = |path: &PathBuf| std::path::absolute(path).ok();
        if outputs[..at]
            .iter()
            .any(|other| absolute(other) == absolute(path))
        {
            bail!("{}: named for two outputs", path.display());
        }
    }
    let sheet = augment_sheet(
        &prepared,
        args.index,
        args.count,
        args.seed,
        &AugmentRanges::default(),
    )?;
    sheet.write_images(&args.output)?;
    sheet.write_params(&args.params)?;
    if let Some(path) = &args.sheet {
        sheet.write_picture(path)?;
    }
    say(format!(
        "{} draws of row {} in {} and {}",
        args.count,
        args.index,
        args.output.display(),
        args.params.display()
    ));
    Ok(())
}

/// Draw synthetic FACS faces in the CK+ layout.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus synth --output data/synthetic-ck --subjects 123 --seed 1 --size 640x490\n  faus synth --output data/hard --difficulty pose=2,light=2,strength=0.7\n\nFactors of the difficulty (docs/synthetic.md): light, pose, camera (0 to 3, default 1), strength (0.2 to 1, default 1)."
)]
pub(crate) struct SynthArgs {
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// People to draw.
    #[arg(long, default_value_t = SynthOptions::default().subjects)]
    subjects: usize,
    /// Fixes every face.
    #[arg(long, default_value_t = SynthOptions::default().seed)]
    seed: u64,
    /// Width and height of the images, in pixels.
    #[arg(long, value_name = "WxH", default_value = "640x490")]
    size: Size,
    /// Every frame of every sequence instead of the first and the last ones.
    #[arg(long)]
    full_sequences: bool,
    /// Also write the true parameters of every image and person (JSON).
    #[arg(long)]
    truth: bool,
    /// What makes the images hard, as NAME=FACTOR pairs: pose=2,light=0.
    #[arg(
        long,
        value_name = "NAME=FACTOR,…",
        default_value = "",
        hide_default_value = true
    )]
    difficulty: Difficulty,
}

#[derive(Debug, Clone, Copy)]
struct Size(u32, u32);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once(['x', 'X', '×'])
            .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        parts
            .map(|(w, h)| Self(w, h))
            .ok_or_else(|| format!("`{text}` is no size: use WIDTHxHEIGHT, for example 640x490"))
    }
}

pub(crate) fn synth(args: SynthArgs) -> Result<()> {
    let options = SynthOptions {
        subjects: args.subjects,
        seed: args.seed,
        width: args.size.0,
        height: args.size.1,
        full_sequences: args.full_sequences,
        truth: args.truth,
        difficulty: args.difficulty,
    };
    options.check().map_err(|error| wrong_usage(error.into()))?;
    synthesize(&options, &args.output)?;
    println!("{}", args.output.display());
    Ok(())
}
