//! The data of an experiment: which source, and how it is prepared.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::face::CropMode;
use crate::fold::rule::FoldRule;
use crate::label::class_map::ClassMap;
use crate::label::label_map::LabelMap;
use crate::prepared::Prepared;
use crate::prepared::options::PrepareOptions;
use crate::read::arrays::Arrays;
use crate::read::ck_plus::CkPlus;
use crate::read::coded::{CodedSet, check_threshold};
use crate::read::folders::{FolderLabels, Folders, Pattern};
use crate::read::marks;
use crate::read::pixel_csv::PixelCsv;
use crate::read::source::Source;
use crate::read::tfd::Tfd;

/// The data an experiment uses and how it is prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Name of the source: one of [`SOURCES`](Self::SOURCES), or a source that an experiment adds.
    pub source: String,
    /// Height and width of the images, in pixels (96).
    pub image_size: u32,
    /// How the face is cut out.
    pub crop: CropMode,
    /// A table `path,x,y,w,h` of crops by hand, which win over the search.
    pub boxes: Option<PathBuf>,
    /// A table of FACS codes beside the images, by path, subject and session, or index.
    pub aus: Option<PathBuf>,
    /// Number of folds; `null` takes the data set's own splits, else 10.
    pub folds: Option<usize>,
    /// How subjects are assigned to folds; `null` takes the data set's own splits, else modulo.
    pub fold_rule: Option<FoldRule>,
    /// Classes: `eight`, `seven` or `six`; `null` takes eight for CK+ and the classes that occur for the others.
    pub classes: Option<ClassMap>,
    /// Class folders: regular expression that finds the subject in a path; `null` takes names like S010_004_00000017.
    pub subject_pattern: Option<String>,
    /// Folders: a preset (jaffe, kdef, rafd, raf_db) or a regular expression that finds the label in a path; `null` takes
    /// the folders' names.
    pub label_pattern: Option<String>,
    /// Folders: a list or table of paths and labels.
    pub labels: Option<PathBuf>,
    /// Tables, numbered folders and lists: meaning of the emotion codes (auto).
    pub label_map: LabelMap,
    /// DISFA, DISFA+, BP4D: lowest intensity of an action unit that counts as present, 1 to 5; `null` takes the source's own (2 for
    /// DISFA and DISFA+, 1 for BP4D).
    pub au_threshold: Option<u8>,
    /// TFD: whether the unlabelled images are held out instead of skipped.
    pub unlabelled: bool,
    /// Whether one bad input stops the run.
    pub strict: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "ck_plus".to_owned(),
            image_size: 96,
            crop: CropMode::Auto,
            boxes: None,
            aus: None,
            folds: None,
            fold_rule: None,
            classes: None,
            subject_pattern: None,
            label_pattern: None,
            labels: None,
            label_map: LabelMap::default(),
            au_threshold: None,
            unlabelled: false,
            strict: false,
        }
    }
}

impl DataConfig {
    /// The sources of this crate: name and description.
    #[rustfmt::skip]
    pub const SOURCES: [(&str, &str); 10] = [
        ("ck_plus", "CK+ with eight classes"),
        ("ck_plus_six_class", "CK+ with six classes: neither neutral nor contempt"),
        ("tfd", "The Toronto Face Database"),
        ("folders", "One folder of images per class, such as CK+48"),
        ("csv", "A table `emotion,pixels,Usage`, such as ckextended.csv or FER2013"),
        ("arrays", "CK+ or TFD as numpy arrays from the authors' scripts"),
        ("disfa", "DISFA: action units of video frames, no expressions"),
        ("disfa_plus", "DISFA+: action units of posed video frames, no expressions"),
        ("bp4d", "BP4D or BP4D+: action units of video frames, no expressions"),
        ("raf", "RAF-AU, or RAF-CE with compound expressions"),
    ];
    /// Those whose codes are intensities.
    const GRADED: [&str; 3] = ["disfa", "disfa_plus", "bp4d"];

    /// Opens the data at `root` with the source of this crate that the settings name.
    ///
    /// # Errors
    /// When it is not laid out as its source demands, or a setting does not suit the source.
    pub fn open(&self, root: &Path) -> Result<Box<dyn Source>, Error> {
        self.check()?;
        let opened = self.open_as(root);
        opened.map_err(|error| marks::with_likeness(error, root, &self.source))
    }

    fn open_as(&self, root: &Path) -> Result<Box<dyn Source>, Error> {
        let (classes, side) = (self.expected_classes(), self.image_size);
        let listed = match self.source.as_str() {
            "ck_plus" | "ck_plus_six_class" => {
                let classes = classes.unwrap_or_else(ClassMap::eight);
                return Ok(Box::new(CkPlus::open(root, classes)?));
            }
            "csv" => PixelCsv::open(root, classes, &self.label_map),
            "tfd" => Tfd::open(root, side, classes, self.unlabelled),
            "arrays" => Arrays::open(root, side, classes, self.unlabelled),
            "folders" => {
                let subjects = self.subject_pattern.as_deref();
                Folders::with_labels(root, classes, subjects, &self.labels())
            }
            coded @ ("disfa" | "disfa_plus" | "bp4d" | "raf") => {
                CodedSet::open(coded, root, self.au_threshold)
            }
            other => {
                let names = Self::SOURCES.map(|(name, _)| name).join(", ");
                let reason = format!("must be one of {names}, not {other}");
                Err(Error::setting("source", reason))
            }
        };
        Ok(Box::new(listed?))
    }

    fn labels(&self) -> FolderLabels {
        FolderLabels {
            pattern: self.label_pattern.clone(),
            list: self.labels.clone(),
            label_map: self.label_map.clone(),
        }
    }

    /// The classes that the data set must have; `None` where its source decides.
    pub fn expected_classes(&self) -> Option<ClassMap> {
        let usual = match self.source.as_str() {
            "ck_plus" => Some(ClassMap::eight()),
            "ck_plus_six_class" => Some(ClassMap::six()),
            _ => None,
        };
        self.classes.clone().or(usual)
    }

    /// Checks the settings alone, without the data.
    ///
    /// # Errors
    /// [`Error::Setting`] for one out of its range, and for one that the source would ignore or that contradicts it.
    pub fn check(&self) -> Result<(), Error> {
        let source = self.source.as_str();
        if let ("ck_plus_six_class", Some(classes)) = (source, &self.classes)
            && *classes != ClassMap::six()
        {
            let reason = format!(
                "ck_plus_six_class is CK+ with six classes; for classes {classes} use the source ck_plus"
            );
            return Err(Error::setting("source", reason));
        }
        // A source added by an experiment may use any setting.
        let ours = Self::SOURCES.iter().any(|(name, _)| *name == source);
        #[rustfmt::skip]
        let settings = [
            ("unlabelled", self.unlabelled, "tfd or arrays"),
            ("au threshold", self.au_threshold.is_some(), "disfa or disfa_plus or bp4d"),
            ("subject pattern", self.subject_pattern.is_some(), "folders"),
            ("label pattern", self.label_pattern.is_some(), "folders"),
            ("labels", self.labels.is_some(), "folders"),
            ("label map", self.label_map != LabelMap::Auto, "csv or folders"),
        ];
        let mut given = settings.iter().filter(|(_, given, _)| ours && *given);
        let ignored = given.find(|(.., by)| by.split(" or ").all(|name| name != source));
        if let Some((name, _, by)) = ignored {
            let reason = match *name == "unlabelled" {
                true => {
                    format!("only the sources tfd and arrays have unlabelled images, not {source}")
                }
                false => format!("the source {source} does not use it, only {by} does"),
            };
            return Err(Error::setting(name, reason));
        }
        check_threshold(self.au_threshold)?;
        if self.classes.is_some() && (Self::GRADED.contains(&source) || source == "raf") {
            let reason = format!("cannot be chosen: the source {source} has no basic expressions");
            return Err(Error::setting("classes", reason));
        }
        Pattern::new(self.subject_pattern.as_deref())?;
        let labels = self.label_pattern.as_deref();
        labels.map(Pattern::of_labels).transpose()?;
        self.options().check()
    }

    /// Rejects a prepared set that contradicts these settings, which would otherwise be ignored.
    ///
    /// # Errors
    /// [`Error::Unusable`] with the first setting that differs.
    pub fn check_agrees(&self, prepared: &Prepared) -> Result<(), Error> {
        let info = prepared.info();
        let crop = Some(self.crop).filter(|crop| *crop != CropMode::Auto);
        let classes = self.expected_classes().map(|classes| classes.names());
        let classes = classes.map(|names| names.join(","));
        let dir = prepared.dir();
        if self.boxes.is_some() {
            let reason = "data.boxes has no effect on a prepared data set; use --set data.boxes=null, or give the boxes to `faus data prepare --boxes`";
            return Err(Error::unusable(dir, reason));
        }
        let labels = [
            ("subject_pattern", self.subject_pattern.is_some()),
            ("label_pattern", self.label_pattern.is_some()),
            ("labels", self.labels.is_some()),
            ("label_map", self.label_map != LabelMap::default()),
        ];
        if let Some((key, _)) = labels.into_iter().find(|(_, given)| *given) {
            let reason = format!(
                "data.{key} has no effect on a prepared data set: give it to `faus data prepare`, and leave it out here"
            );
            return Err(Error::unusable(dir, reason));
        }
        let source = (!info.source.is_empty()).then(|| kind(&self.source));
        agree(dir, "source", source, &kind(&info.source))?;
        if let Some(aus) = &self.aus {
            let reason = format!(
                "its codes cannot be replaced by {}: give the table to `faus data prepare --aus`",
                aus.display()
            );
            return Err(Error::unusable(dir, reason));
        }
        agree(dir, "image_size", Some(self.image_size), &info.image_size)?;
        agree(dir, "classes", classes, &info.classes.join(","))?;
        agree(dir, "folds", self.folds, &info.folds)?;
        let of_set = info.au_threshold.unwrap_or_default();
        agree(dir, "au_threshold", self.au_threshold, &of_set)?;
        agree(dir, "fold_rule", self.fold_rule, &info.fold_rule)?;
        agree(dir, "crop", crop, &info.crop)
    }

    /// The options of [`prepare`](crate::prepare).
    pub fn options(&self) -> PrepareOptions {
        PrepareOptions {
            image_size: self.image_size,
            crop: self.crop,
            boxes: self.boxes.clone(),
            aus: self.aus.clone(),
            strict: self.strict,
            folds: self.folds,
            fold_rule: self.fold_rule,
            source: self.source.clone(),
        }
    }
}

/// The source without its classes, which are compared separately.
fn kind(source: &str) -> &str {
    match source {
        "ck_plus_six_class" => "ck_plus",
        other => other,
    }
}

/// Whether the prepared set in `dir` has the value that a setting wants, if it wants one.
fn agree<T: PartialEq + Display>(
    dir: &Path,
    setting: &str,
    wanted: Option<T>,
    is: &T,
) -> Result<(), Error> {
    let Some(wanted) = wanted.filter(|wanted| wanted != is) else {
        return Ok(());
    };
    let reason = format!(
        "data.{setting} is {is} in this prepared data set and {wanted} in the experiment; use --set \
         data.{setting}={is}, or another data set"
    );
    Err(Error::unusable(dir, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(source: &str, change: impl Fn(&mut DataConfig)) -> Result<(), String> {
        let mut config = DataConfig {
            source: source.to_owned(),
            ..DataConfig::default()
        };
        change(&mut config);
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_a_source_would_ignore_are_refused() {
        let pattern = |c: &mut DataConfig| c.subject_pattern = Some("(?<subject>[0-9]+)".into());
        let codes = |c: &mut DataConfig| c.label_map = "fer2013".parse().unwrap();
        let eight = |c: &mut DataConfig| c.classes = Some(ClassMap::eight());
        assert!(with("folders", pattern).is_ok() && with("csv", codes).is_ok());
        for (refused, part) in [
            (
                with("ck_plus", pattern),
                "subject pattern: the source ck_plus does not use it, only folders does",
            ),
            (with("tfd", codes), "label map: the source tfd does not"),
            (
                with("csv", |c| c.unlabelled = true),
                "only the sources tfd and arrays have unlabelled images, not csv",
            ),
            (with("ck_plus_six_class", eight), "source ck_plus"),
            (with("ck_plus", |c| c.image_size = 3), "3"),
        ] {
            assert!(
                refused.as_ref().is_err_and(|e| e.contains(part)),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn an_unknown_source_lists_those_that_exist() {
        let config = DataConfig {
            source: "jaffe".to_owned(),
            ..DataConfig::default()
        };
        let error = config.open(Path::new(".")).err().unwrap().to_string();
        assert!(
            error.contains("jaffe") && error.contains("folders"),
            "{error}"
        );
    }
}
