//! Experiment files: read, overlaid with preset and `--set`, and checked.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use faus_base::text;
use serde_json::{Value, json};

use super::{ExperimentConfig, Preset};

const PAPER: &str = include_str!("../../presets/paper.json");
const STANDARD: &str = include_str!("../../presets/standard.json");
const QUICK: &str = include_str!("../../presets/quick.json");
/// Size limit of an experiment file, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Names less similar than this (Jaro-Winkler, 0 to 1) are not suggested (our choice).
const SIMILAR: f64 = 0.8;

impl ExperimentConfig {
    /// The defaults under the preset `paper`.
    pub fn of_paper() -> Self {
        // A test reads the preset.
        serde_json::from_str(PAPER).unwrap_or_default()
    }

    /// The defaults, overlaid with the command line.
    ///
    /// # Errors
    /// When a key is unknown, or a value is out of its range.
    pub fn of_sets(seed: Option<u64>, sets: &[String]) -> Result<Self> {
        Self::overlaid(json!({}), seed, sets).context("--set: not a valid setting")
    }

    /// Reads an experiment and overlays preset and command line; `sets` are `key.path=value`.
    ///
    /// # Errors
    /// When the file is missing or not JSON, a key is unknown, or a value is out of its range.
    pub fn read(path: &Path, preset: Preset, seed: Option<u64>, sets: &[String]) -> Result<Self> {
        let mut value = read_experiment(path)?;
        let of_preset = match preset {
            Preset::Paper => PAPER,
            Preset::Standard => STANDARD,
            Preset::Auto | Preset::Quick => QUICK,
        };
        merge(&mut value, serde_json::from_str(of_preset)?);
        let path = path.display();
        let invalid = || format!("{path} with preset and --set: not a valid experiment");
        Self::overlaid(value, seed, sets).with_context(invalid)
    }

    fn overlaid(mut value: Value, seed: Option<u64>, sets: &[String]) -> Result<Self> {
        for set in sets {
            merge(&mut value, parse_set(set)?);
        }
        let other = |set: &&String| set.split_once('=').is_some_and(|(key, _)| key == "seed");
        if let (Some(seed), Some(set)) = (seed, sets.iter().find(other)) {
            bail!("--seed {seed} and --set {set} contradict each other: leave one of them out");
        }
        if let Some(seed) = seed {
            merge(&mut value, json!({ "seed": seed }));
        }
        let config: Self = serde_path_to_error::deserialize(value)
            .map_err(|e| anyhow!("{}: {}{}", e.path(), e.inner(), did_you_mean(e.inner())))?;
        config.recipe()?;
        Ok(config)
    }
}

/// An experiment as JSON; via text, which keeps 0.7 where converting an f32 gives 0.699999988.
pub(crate) fn json_of(config: &ExperimentConfig) -> Result<Value> {
    Ok(serde_json::from_str(&serde_json::to_string(config)?)?)
}

fn read_experiment(path: &Path) -> Result<Value> {
    let shown = path.display();
    let way_out = || {
        format!(
            "{shown}: cannot read the experiment; see experiments/ for those that come with faus"
        )
    };
    let length = std::fs::metadata(path).with_context(way_out)?.len();
    if length > MAX_BYTES {
        bail!("{shown}: {length} bytes are too many for an experiment");
    }
    let bytes = std::fs::read(path).with_context(way_out)?;
    let value: Value =
        text::json(&bytes).map_err(|fault| anyhow!("{shown}: not valid JSON: {fault}"))?;
    match value.is_object() {
        true => Ok(value),
        false => bail!("{shown}: an experiment is a JSON object"),
    }
}

/// `a.b=3` as `{"a": {"b": 3}}`; a value that is not JSON is text.
fn parse_set(set: &str) -> Result<Value> {
    let Some((key, value)) = set.split_once('=') else {
        bail!("--set {set}: expected key=value, for example --set train.steps=500");
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let keys = key.rsplit('.');
    Ok(keys.fold(value, |value, key| json!({ key: value })))
}

/// `; did you mean …?` for an unknown key that resembles a known one.
fn did_you_mean(error: &serde_json::Error) -> String {
    let error = error.to_string();
    let rest = error.strip_prefix("unknown field `");
    let unknown = rest.and_then(|rest| rest.split('`').next());
    let all = serde_json::to_value(ExperimentConfig::default()).unwrap_or_default();
    match unknown.and_then(|key| most_similar(key, "", &all)) {
        Some((similarity, key)) if similarity >= SIMILAR => format!("; did you mean {key}?"),
        _ => String::new(),
    }
}

/// The key below `path` whose last part is most similar to `key`, the first on ties.
fn most_similar(key: &str, path: &str, value: &Value) -> Option<(f64, String)> {
    let keys = value.as_object()?.iter().flat_map(|(name, value)| {
        let path = format!("{path}{name}");
        let below = most_similar(key, &format!("{path}."), value);
        std::iter::once((strsim::jaro_winkler(key, name), path)).chain(below)
    });
    keys.reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// Overlays `base` with `over`: objects are merged, everything else is replaced.
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
    use faus_data::CropMode;

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
        let config = ExperimentConfig::read(&path, Preset::Paper, Some(9), &sets).unwrap();
        assert_eq!(
            (config.train.steps, config.train.batch_size, config.seed),
            (31_000, 8, 9)
        );
        assert!(config.train.augment && config.data.crop == CropMode::None);
    }

    #[test]
    fn the_paper_preset_shortens_nothing_and_quick_says_what_it_does() {
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        let paper = ExperimentConfig::read(&path, Preset::Paper, None, &[]).unwrap();
        assert_eq!(paper.shortened().unwrap(), Vec::<String>::new());
        assert_eq!(
            (paper.data.crop, paper.train.checkpoint_from),
            (CropMode::Authors, Some(1))
        );
        let name = "x".to_owned();
        let wanted = ExperimentConfig {
            name,
            ..ExperimentConfig::of_paper()
        };
        assert_eq!(paper, wanted);
        let quick = ExperimentConfig::read(&path, Preset::Quick, None, &[])
            .unwrap()
            .shortened()
            .unwrap()
            .join("; ");
        assert!(
            quick.contains("train.steps: 400 (paper: 31000)")
                && quick.contains("data.image_size: 48"),
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
            let error = ExperimentConfig::read(&path, Preset::Quick, None, &sets).unwrap_err();
            let error = format!("{error:#}");
            let said = format!("did you mean {meant}?");
            assert!(error.contains(&said), "{typo}: {error}");
        }
        let sets = ["train.qqq=1".to_owned()];
        let error = ExperimentConfig::read(&path, Preset::Quick, None, &sets).unwrap_err();
        assert!(!format!("{error:#}").contains("did you mean"), "{error:#}");
    }

    #[test]
    fn two_seeds_are_refused() {
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        let read =
            |seed, set: &str| ExperimentConfig::read(&path, Preset::Quick, seed, &[set.to_owned()]);
        let error = format!("{:#}", read(Some(1), "seed=5").unwrap_err());
        assert!(error.contains("--seed 1 and --set seed=5"), "{error}");
        assert_eq!(read(None, "seed=5").unwrap().seed, 5);
        assert_eq!(read(Some(7), "train.steps=3").unwrap().seed, 7);
    }

    #[test]
    fn the_normalisation_is_a_word_or_an_object() {
        use faus_data::normalise::Normalisation;
        let (_dir, path) = experiment(r#"{"name": "x"}"#);
        let resolve = |value: &str| {
            let sets = [format!("train.normalisation={value}")];
            ExperimentConfig::read(&path, Preset::Quick, None, &sets)
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
                ExperimentConfig::read(&path, Preset::Quick, None, &sets).unwrap_err()
            );
            assert!(error.contains(named), "{error}");
        }
    }
}
