use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use faus_data::{ClassMap, CropMode, FoldRule, LabelMap, Protocol, SplitPart};
use faus_fau::AnalysisOptions;
use faus_train::{CheckedRecipe, OptimizerKind, Recipe, Schedule};
use faus_viz::Distinct;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const PAPER: &str = include_str!("../presets/paper.json");
const QUICK: &str = include_str!("../presets/quick.json");
/// Largest experiment file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How much of the paper's work a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `paper` on CUDA, `quick` on the CPU.
    Auto,
    /// All ten folds within ten minutes on two cores; says what it shortens.
    Quick,
    /// The paper to the letter.
    Paper,
}

impl Preset {
    /// `quick` or `paper`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Quick => "quick",
            Self::Paper => "paper",
        }
    }

    fn settings(self) -> Result<Value> {
        let text = if self == Self::Paper { PAPER } else { QUICK };
        serde_json::from_str(text).with_context(|| format!("preset {}", self.name()))
    }
}

/// Which data set an experiment is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum SourceKind {
    /// CK+ with eight classes.
    #[default]
    CkPlus,
    /// CK+ with six classes: neither neutral nor contempt.
    CkPlusSixClass,
    /// The Toronto Face Database.
    Tfd,
    /// One folder of images per class, such as CK+48.
    Folders,
    /// A table `emotion,pixels,Usage`, such as ckextended.csv or FER2013.
    Csv,
}

impl SourceKind {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CkPlus => "ck_plus",
            Self::CkPlusSixClass => "ck_plus_six_class",
            Self::Tfd => "tfd",
            Self::Folders => "folders",
            Self::Csv => "csv",
        }
    }
}

/// The data an experiment uses and how it is prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// The data set.
    pub source: SourceKind,
    /// Height and width of the images, in pixels (96).
    pub image_size: u32,
    /// How the face is cut out.
    pub crop: CropMode,
    /// Number of folds; `null` takes the splits that the data set brings, else 10.
    pub folds: Option<usize>,
    /// How subjects are dealt to folds; `null` takes the splits that the data set brings, else modulo.
    pub fold_rule: Option<FoldRule>,
    /// Classes: `eight`, `seven` or `six`; `null` takes eight for CK+ and what occurs for the others.
    pub classes: Option<ClassMap>,
    /// How class folders' paths tell the subject: a regular expression; `null` takes names like S010_004_00000017.
    pub subject_pattern: Option<String>,
    /// What a table's emotion codes mean (auto).
    pub label_map: LabelMap,
    /// Whether one bad input stops the run.
    pub strict: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: SourceKind::default(),
            image_size: 96,
            crop: CropMode::Auto,
            folds: None,
            fold_rule: None,
            classes: None,
            subject_pattern: None,
            label_map: LabelMap::default(),
            strict: false,
        }
    }
}

/// The network an experiment trains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Name of the network; `null` takes the program's. Another program's network is an error.
    pub architecture: Option<String>,
    /// The zero-bias CNN's initial scale k; `null` draws it from U[0.2, 1.2) as the authors do.
    pub k: Option<f64>,
}

/// Which patches are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VisualizeConfig {
    /// Name of a layer; `null` takes the last convolution.
    pub layer: Option<String>,
    /// Name of the method that explains units (guided).
    pub method: String,
    /// Patches of each filter, each of another subject (10).
    pub top: usize,
    /// Filters in the figure (10): the best of each action unit first.
    pub figure_filters: usize,
    /// The images that are looked through (test: people whom the network never saw).
    pub split: SplitPart,
    /// What the patches of one filter must differ in (subject).
    pub distinct: Distinct,
    /// Whether the patches are compared with those of random networks (true).
    pub sanity: bool,
    /// Whether the output layer and the evidence for classes are drawn too (true).
    pub evidence: bool,
}

impl Default for VisualizeConfig {
    fn default() -> Self {
        Self {
            layer: None,
            method: "guided".to_owned(),
            top: 10,
            figure_filters: 10,
            split: SplitPart::Test,
            distinct: Distinct::Subject,
            sanity: true,
            evidence: true,
        }
    }
}

/// An experiment: everything that decides its result but the device and the folds to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExperimentConfig {
    /// Name of the experiment and of its run folder.
    pub name: String,
    /// Fixes everything random.
    pub seed: u64,
    /// The data.
    pub data: DataConfig,
    /// The network.
    pub network: NetworkConfig,
    /// The training.
    pub train: Recipe,
    /// The patches.
    pub visualize: VisualizeConfig,
    /// The action-unit analysis.
    pub fau: AnalysisOptions,
}

impl Default for ExperimentConfig {
    fn default() -> Self {
        Self {
            name: "experiment".to_owned(),
            seed: 1,
            data: DataConfig::default(),
            network: NetworkConfig::default(),
            train: Recipe::default(),
            visualize: VisualizeConfig::default(),
            fau: AnalysisOptions::default(),
        }
    }
}

impl ExperimentConfig {
    /// Reads an experiment and lays preset and command line over it; `sets` are `key.path=value`.
    ///
    /// # Errors
    /// When the file is missing or no JSON, a key is unknown, or a value cannot be.
    pub fn resolve(
        path: &Path,
        preset: Preset,
        seed: Option<u64>,
        sets: &[String],
    ) -> Result<Self> {
        let mut value = read_experiment(path)?;
        merge(&mut value, preset.settings()?);
        for set in sets {
            merge(&mut value, parse_set(set)?);
        }
        if let Some(seed) = seed {
            merge(&mut value, serde_json::json!({ "seed": seed }));
        }
        let config: Self = serde_path_to_error::deserialize(value)
            .map_err(|e| anyhow!("{}: {}{}", e.path(), e.inner(), did_you_mean(&e)))
            .with_context(|| {
                format!(
                    "{} with preset and --set: not a valid experiment",
                    path.display()
                )
            })?;
        config
            .check()
            .with_context(|| format!("{}: not a valid experiment", path.display()))?;
        Ok(config)
    }

    fn check(&self) -> Result<CheckedRecipe> {
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(fine) {
            bail!(
                "name is `{}`: it names a folder, so use letters, digits, - and _",
                self.name
            );
        }
        if let Some(k) = self.network.k.filter(|k| !(k.is_finite() && *k > 0.0)) {
            bail!("network.k is {k}: it must be positive, or null to draw it");
        }
        if self.visualize.top == 0 {
            bail!("visualize.top is 0: it must be at least 1");
        }
        self.train.augmentation.check()?;
        self.fau.check()?;
        Ok(self.train.clone().check()?)
    }

    /// The recipe, checked.
    ///
    /// # Errors
    /// When a value cannot be.
    pub fn recipe(&self) -> Result<CheckedRecipe> {
        self.check()
    }

    /// Where a run of this experiment lies unless said otherwise: `runs/<experiment>-<preset>`, with the protocol behind
    /// it where it is not the default, so that both can be run and compared.
    pub fn run_folder(&self, preset: Preset) -> PathBuf {
        let tag = match self.train.protocol {
            Protocol::Paper2017 => String::new(),
            other => format!("-{}", faus_train::protocol_name(other)),
        };
        PathBuf::from("runs").join(format!("{}-{}{tag}", self.name, preset.name()))
    }

    /// What this experiment shortens or changes against the paper, in plain words.
    pub fn shortened(&self) -> Vec<String> {
        let (paper, train) = (Recipe::default(), &self.train);
        let mut all = Vec::new();
        let mut differs = |is: String, was: String, what: &str| {
            if is != was {
                all.push(format!("{what}: {is} (paper: {was})"));
            }
        };
        let side = |n: u32| format!("{n}×{n} pixels");
        differs(side(self.data.image_size), side(96), "images");
        differs(
            train.steps.to_string(),
            paper.steps.to_string(),
            "training steps per fold",
        );
        differs(
            train.batch_size.to_string(),
            paper.batch_size.to_string(),
            "images per step",
        );
        differs(optimizer_words(train), optimizer_words(&paper), "optimizer");
        differs(
            train.checkpoint_every.to_string(),
            paper.checkpoint_every.to_string(),
            "steps between checkpoints",
        );
        differs(
            train.validate_every.to_string(),
            paper.validate_every.to_string(),
            "steps between validations",
        );
        if train.augment {
            let ranges = |r: &Recipe| {
                let a = &r.augmentation;
                format!(
                    "flip {}, rotation {:?}°, scale {:?}, grey {:?} {:?} {:?}",
                    a.flip_probability, a.rotation_deg, a.scale, a.a, a.b, a.c
                )
            };
            differs(ranges(train), ranges(&paper), "augmentation");
        }
        let k = |k: Option<f64>| {
            k.map_or("drawn from U[0.2, 1.2)".to_owned(), |k| {
                format!("fixed at {k}")
            })
        };
        differs(k(self.network.k), k(None), "initial scale k");
        differs(
            train.normalisation.to_string(),
            paper.normalisation.to_string(),
            "normalisation",
        );
        let precision = |r: &Recipe| format!("{:?}", r.precision).to_lowercase();
        differs(precision(train), precision(&paper), "precision");
        all
    }
}

fn optimizer_words(recipe: &Recipe) -> String {
    let schedule = match recipe.schedule {
        Schedule::Constant => "constant",
        Schedule::OneCycle => "one-cycle",
    };
    match recipe.optimizer {
        OptimizerKind::Sgd => format!(
            "SGD, momentum {}, rate {} {schedule}, decay {}",
            recipe.momentum, recipe.learning_rate, recipe.weight_decay
        ),
        OptimizerKind::Adamw => format!(
            "AdamW, rate {} {schedule}, decay {}",
            recipe.learning_rate, recipe.weight_decay
        ),
    }
}

fn read_experiment(path: &Path) -> Result<Value> {
    let way_out = || {
        format!(
            "{}: cannot read the experiment; see experiments/ for those that come with faus",
            path.display()
        )
    };
    let length = std::fs::metadata(path).with_context(way_out)?.len();
    if length > MAX_BYTES {
        bail!(
            "{}: {length} bytes are too many for an experiment",
            path.display()
        );
    }
    let text = std::fs::read_to_string(path).with_context(way_out)?;
    let value: Value = serde_json::from_str(&text)
        .with_context(|| format!("{}: not valid JSON", path.display()))?;
    if !value.is_object() {
        bail!("{}: an experiment is a JSON object", path.display());
    }
    Ok(value)
}

/// `a.b=3` as `{"a": {"b": 3}}`; what is no JSON is text.
fn parse_set(set: &str) -> Result<Value> {
    let Some((key, value)) = set.split_once('=') else {
        bail!("--set {set}: expected key=value, for example --set train.steps=500");
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok(key.rsplit('.').fold(value, |value, key| {
        Value::Object(Map::from_iter([(key.to_owned(), value)]))
    }))
}

/// Below this likeness (Jaro-Winkler, 0 to 1) two names have nothing to do with each other (our choice).
const ALIKE: f64 = 0.8;

/// The key that was probably meant by one that is unknown, as `; did you mean …?`, or nothing.
fn did_you_mean(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let unknown = error.inner().to_string();
    let Some(key) = unknown
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
    else {
        return String::new();
    };
    let path = error.path().to_string();
    let section = path.strip_suffix(key).unwrap_or_default();
    let likeness = |known: &String| {
        let name = known.rsplit('.').next().unwrap_or(known);
        // Of equals the one in the section that was written is meant, then the experiment's own.
        let nearness = match known.strip_suffix(name) {
            Some(of) if of == section => 0.01,
            Some("") => 0.005,
            _ => 0.0,
        };
        strsim::jaro_winkler(key, name) + nearness
    };
    let known = known_keys();
    let best = known
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best.filter(|best| likeness(best) >= ALIKE) {
        Some(best) => format!("; did you mean {best}?"),
        None => String::new(),
    }
}

/// Every key of an experiment, as `--set` takes it.
fn known_keys() -> Vec<String> {
    fn gather(path: &str, value: &Value, keys: &mut Vec<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = format!("{path}{key}");
            gather(&format!("{path}."), value, keys);
            keys.push(path);
        }
    }
    let mut keys = Vec::new();
    let all = serde_json::to_value(ExperimentConfig::default()).unwrap_or_default();
    gather("", &all, &mut keys);
    keys
}

/// Lays `over` over `base`: objects are merged, everything else is replaced.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn command_line_wins_over_preset_over_experiment() {
        let (_dir, path) = experiment(r#"{"name": "x", "train": {"steps": 7, "augment": true}}"#);
        let sets = ["train.batch_size=8".to_owned(), "data.crop=none".to_owned()];
        let config = ExperimentConfig::resolve(&path, Preset::Paper, Some(9), &sets).unwrap();
        assert_eq!(
            (config.train.steps, config.train.batch_size, config.seed),
            (31_000, 8, 9)
        );
        assert!(config.train.augment && config.data.crop == CropMode::None);
    }

    #[test]
    fn the_paper_preset_shortens_nothing_and_quick_says_what_it_does() {
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        let paper = ExperimentConfig::resolve(&path, Preset::Paper, None, &[]).unwrap();
        assert_eq!(paper.shortened(), Vec::<String>::new());
        assert_eq!(
            paper,
            ExperimentConfig {
                name: "x".to_owned(),
                ..ExperimentConfig::default()
            }
        );
        let quick = ExperimentConfig::resolve(&path, Preset::Quick, None, &[])
            .unwrap()
            .shortened()
            .join("; ");
        assert!(
            quick.contains("training steps") && quick.contains("48×48"),
            "{quick}"
        );
    }

    #[test]
    fn a_slip_of_the_pen_is_answered_by_the_key_that_was_meant() {
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        for (typo, meant) in [
            ("train.stepps=3", "train.steps"),
            ("steps=3", "train.steps"),
            ("train.learningrate=0.1", "train.learning_rate"),
            ("train.lerning_rate=0.1", "train.learning_rate"),
            ("trian.steps=3", "train"),
            ("data.image-size=48", "data.image_size"),
            ("train.image_size=48", "data.image_size"),
            ("network.seed=3", "seed"),
            (
                "train.augmentation.rotation=5",
                "train.augmentation.rotation_deg",
            ),
        ] {
            let sets = [typo.to_owned()];
            let error = ExperimentConfig::resolve(&path, Preset::Quick, None, &sets).unwrap_err();
            let error = format!("{error:#}");
            let said = format!("did you mean {meant}?");
            assert!(error.contains(&said), "{typo}: {error}");
        }
        let sets = ["train.qqq=1".to_owned()];
        let error = ExperimentConfig::resolve(&path, Preset::Quick, None, &sets).unwrap_err();
        assert!(!format!("{error:#}").contains("did you mean"), "{error:#}");
    }

    #[test]
    fn the_normalisation_is_a_word_or_an_object() {
        use faus_data::normalise::Normalisation;
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        let resolve = |value: &str| {
            let sets = [format!("train.normalisation={value}")];
            ExperimentConfig::resolve(&path, Preset::Quick, None, &sets)
                .map(|config| config.train.normalisation)
        };
        assert_eq!(resolve("subtractive").unwrap(), Normalisation::Subtractive);
        let divisive = |epsilon| Normalisation::Divisive { epsilon };
        assert_eq!(resolve("divisive").unwrap(), divisive(0.01));
        assert_eq!(resolve("divisive:0.05").unwrap(), divisive(0.05));
        let object = r#"{"divisive":{"epsilon":0.2}}"#;
        assert_eq!(resolve(object).unwrap(), divisive(0.2));
        for (wrong, named) in [
            ("none", "'subtractive'"),
            ("divisive:0", "divisive:EPSILON"),
            (r#"{"divisive":{"epsilon":-1}}"#, "epsilon"),
            (r#"{"divisive":{"epsilonn":1}}"#, "epsilonn"),
        ] {
            let error = format!("{:#}", resolve(wrong).unwrap_err());
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named() {
        for (text, sets, named) in [
            (r#"{"name": "x", "trane": {}}"#, vec![], "trane"),
            (
                r#"{"name": "x"}"#,
                vec!["train.stepz=3".to_owned()],
                "stepz",
            ),
            (r#"{"name": "../x"}"#, vec![], "../x"),
            (
                r#"{"name": "x"}"#,
                vec!["train.dropout=1.5".to_owned()],
                "dropout",
            ),
            (r#"{"name": "x"}"#, vec!["steps".to_owned()], "key=value"),
            (r#"[1]"#, vec![], "object"),
            ("{", vec![], "JSON"),
        ] {
            let (_dir, path) = experiment(text);
            let error = format!(
                "{:#}",
                ExperimentConfig::resolve(&path, Preset::Quick, None, &sets).unwrap_err()
            );
            assert!(error.contains(named), "{error}");
        }
    }
}
