use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use faus_data::{
    CkPlus, ClassMap, DatasetInfo, FolderOptions, Folders, LabelMap, PixelCsv, PrepareOptions,
    Prepared, Source, TableOptions, Tfd, prepare,
};
use faus_synth::{FACES_VERSION, SynthOptions};

use crate::config::{DataConfig, SourceKind};
use crate::console::{Bar, say};
use crate::interrupt;

/// Where CK+ is looked for.
const CK_PLUS: &str = "data/CK+";
/// Where the synthetic stand-in is kept.
const SYNTHETIC: &str = "data/synthetic-ck";
/// Where TFD is looked for.
const TFD: &str = "data/TFD";
/// Where class folders are looked for.
const FOLDERS: &str = "data/CK+48";
/// Where tables are looked for, in this order.
const TABLES: [&str; 2] = ["data/ckextended.csv", "data/fer2013.csv"];
/// Skipped inputs that get a line of their own on the screen; an endless list would hide what matters.
const SKIPPED_SHOWN: usize = 1000;

/// The folder with an experiment's data: the user's, else the usual place, else (for CK+) that of the synthetic faces.
///
/// # Errors
/// When there is none and none can be made.
pub(crate) fn place(kind: SourceKind, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_path_buf());
    }
    let usual: &[&str] = match kind {
        SourceKind::CkPlus | SourceKind::CkPlusSixClass => &[CK_PLUS],
        SourceKind::Tfd => &[TFD],
        SourceKind::Folders => &[FOLDERS],
        SourceKind::Csv => &TABLES,
    };
    match (kind, usual.iter().find(|place| Path::new(place).exists())) {
        (_, Some(place)) => Ok(PathBuf::from(place)),
        (SourceKind::CkPlus | SourceKind::CkPlusSixClass, None) => Ok(PathBuf::from(SYNTHETIC)),
        (SourceKind::Tfd, None) => bail!(
            "{TFD}: not there. The Toronto Face Database needs a licence from its owners (data/README.md says whom to ask); put \
             TFD_48x48.mat or TFD_96x96.mat and TFD_info.mat there, or name their folder with --data DIR. \
             `faus run experiments/ck_plus/cnn_ad.json` works without any data of yours"
        ),
        (_, None) => bail!(
            "{}: not there; name the data with --data (data/README.md says what goes where)",
            usual.join(", ")
        ),
    }
}

/// Opens the data at its [`place`]; synthetic faces are drawn there if they are to be and are not.
///
/// # Errors
/// When the user's data is not there or not laid out as it should be, or no faces can be drawn.
pub(crate) fn open(
    config: &DataConfig,
    place: &Path,
    given: Option<&Path>,
) -> Result<Box<dyn Source>> {
    if given.is_none() && place == Path::new(SYNTHETIC) {
        say(format!(
            "Data: no {CK_PLUS} here and no --data given, so synthetic faces in {SYNTHETIC}; every result will say synthetic (data/README.md tells how to get CK+)"
        ));
        match place.exists() {
            true => say_version(place),
            false => synthesize(&SynthOptions::default(), place)?,
        }
    } else if !place.exists() {
        bail!(
            "{}: no such folder or file; --data names what holds the data set",
            place.display()
        );
    } else {
        say(format!("Data: {}", place.display()));
    }
    config.open(place)
}

/// Says where the faces that lie there are of another version than those that would be drawn.
fn say_version(place: &Path) {
    let drawn = std::fs::read_to_string(place.join("synthetic.json")).unwrap_or_default();
    let drawn: serde_json::Value = serde_json::from_str(&drawn).unwrap_or_default();
    if drawn["faces_version"] != FACES_VERSION {
        let version = match drawn["faces_version"].as_u64() {
            Some(version) => format!("version {version}"),
            None => "another version".to_owned(),
        };
        say(format!(
            "Note: {} holds faces of {version}, this faus draws version {FACES_VERSION}; delete the folder to have them drawn anew",
            place.display()
        ));
    }
}

/// Draws a synthetic CK+ into `output`.
///
/// # Errors
/// When the options or the disk refuse, or the user stops it.
pub(crate) fn synthesize(options: &SynthOptions, output: &Path) -> Result<()> {
    let bar = Bar::new("Drawing synthetic faces", 1);
    let summary = faus_synth::generate(options, output, &|done, total| {
        bar.set(done as u64, total as u64, "");
        !interrupt::stopped()
    });
    drop(bar);
    let summary = match summary {
        Err(faus_synth::Error::Cancelled { .. }) => bail!("stopped while drawing faces; nothing was written, the same command starts again"),
        other => other.with_context(|| {
            format!("{}: no synthetic faces can be put here; name another folder with --output, or your own data with --data DIR", output.display())
        })?,
    };
    say(format!(
        "{}: {} synthetic subjects, {} sequences, {} images",
        output.display(),
        summary.subjects,
        summary.sequences,
        summary.images
    ));
    Ok(())
}

/// What has to stand beside every accuracy on a data set; empty for photographs in subject-independent folds.
pub(crate) fn marks(info: &DatasetInfo) -> &'static str {
    match (info.synthetic, info.subject_independent) {
        (false, true) => "",
        (true, true) => " (synthetic)",
        (false, false) => " (not subject-independent)",
        (true, false) => " (synthetic, not subject-independent)",
    }
}

/// Prepares `source` into `output` with a progress bar, and says what was left out.
///
/// # Errors
/// When nothing usable is found, the disk refuses, or the user stops it.
pub(crate) fn prepare_into(
    source: &dyn Source,
    options: &PrepareOptions,
    output: &Path,
) -> Result<DatasetInfo> {
    let bar = Bar::new("Preparing faces", 1);
    let info = prepare(source, options, output, &|done, total| {
        bar.set(done as u64, total as u64, "");
        !interrupt::stopped()
    });
    drop(bar);
    let info = match info {
        Err(faus_data::Error::Cancelled) => bail!(
            "stopped while faces were being prepared; nothing half-prepared is left, run the same command again"
        ),
        other => other
            .with_context(|| format!("{}: the data set cannot be prepared", output.display()))?,
    };
    let synthetic = if info.synthetic { " SYNTHETIC" } else { "" };
    say(format!(
        "Prepared {}{synthetic}: {} images of {} subjects in {} folds, {} held out, {} inputs skipped",
        info.name,
        info.images - info.held_out,
        info.subjects,
        info.folds,
        info.held_out,
        info.skipped.len()
    ));
    if !info.subject_independent {
        say(
            "NOT subject-independent: the same person may be in several parts of a split; every output says so",
        );
    }
    for note in &info.notes {
        say(format!("  note: {note}"));
    }
    for skipped in info.skipped.iter().take(SKIPPED_SHOWN) {
        let line = format!("  skipped {}: {}", skipped.path, skipped.reason);
        // File names may hold what a terminal takes for commands.
        say(line.replace(char::is_control, "\u{fffd}"));
    }
    if info.skipped.len() > SKIPPED_SHOWN {
        say(format!(
            "  … {} more; all of them in {}",
            info.skipped.len() - SKIPPED_SHOWN,
            output.join("dataset.json").display()
        ));
    }
    Ok(info)
}

impl DataConfig {
    /// Opens the data at `input`.
    ///
    /// # Errors
    /// When it is not laid out as it should be, or a setting belongs to another kind of source.
    pub(crate) fn open(&self, input: &Path) -> Result<Box<dyn Source>> {
        self.check_settings()?;
        let classes = self.classes.clone();
        Ok(match self.source {
            SourceKind::CkPlus => Box::new(CkPlus::open(
                input,
                classes.unwrap_or_else(ClassMap::eight),
            )?),
            SourceKind::CkPlusSixClass => {
                Box::new(CkPlus::open(input, classes.unwrap_or_else(ClassMap::six))?)
            }
            SourceKind::Folders => Box::new(Folders::open(input, &self.folder_options())?),
            SourceKind::Csv => Box::new(PixelCsv::open(
                input,
                &TableOptions {
                    classes,
                    label_map: self.label_map.clone(),
                },
            )?),
            SourceKind::Tfd => Box::new(Tfd::open(input, self.image_size, classes)?),
        })
    }

    fn folder_options(&self) -> FolderOptions {
        FolderOptions {
            classes: self.classes.clone(),
            subject_pattern: self.subject_pattern.clone(),
        }
    }

    /// Everything that can be told of the settings without looking at the data.
    ///
    /// # Errors
    /// For one that is out of its range, or that the source would silently ignore.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_settings()?;
        self.folder_options().check()?;
        self.options().check()?;
        Ok(())
    }

    /// A setting that the source would silently ignore, or that contradicts it, is an error.
    fn check_settings(&self) -> Result<()> {
        if let (SourceKind::CkPlusSixClass, Some(classes)) = (self.source, &self.classes)
            && *classes != ClassMap::six()
        {
            bail!(
                "the source ck_plus_six_class is CK+ with six classes; for classes {classes} name the source ck_plus"
            );
        }
        if self.subject_pattern.is_some() && self.source != SourceKind::Folders {
            bail!(
                "a subject pattern is for class folders; the source is {}",
                self.source.name()
            );
        }
        if self.label_map != LabelMap::default() && self.source != SourceKind::Csv {
            bail!(
                "a label map is for tables (csv); the source is {}",
                self.source.name()
            );
        }
        Ok(())
    }

    /// The options of [`prepare`].
    pub(crate) fn options(&self) -> PrepareOptions {
        PrepareOptions {
            image_size: self.image_size,
            crop: self.crop,
            strict: self.strict,
            folds: self.folds,
            fold_rule: self.fold_rule,
        }
    }
}

/// The run's prepared data set: the one that lies in `folder`, else a new one made of `source`.
///
/// # Errors
/// When the data cannot be read, or the folder's set is damaged.
pub(crate) fn prepared_for_run(
    config: &DataConfig,
    source: Option<&dyn Source>,
    folder: &Path,
) -> Result<Prepared> {
    match source {
        Some(source) => {
            prepare_into(source, &config.options(), folder)?;
        }
        None => say(format!("Data: {} is prepared already", folder.display())),
    }
    Prepared::open(folder).with_context(|| {
        format!(
            "{}: delete it to have the data prepared anew",
            folder.display()
        )
    })
}
