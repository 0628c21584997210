//! Checks before a run begins: network, folders, settings of an earlier start.

use std::path::Path;

use anyhow::{Result, bail};
use faus_model::{InputSpec, Network};
use serde_json::Value;
use tch::Device;

use super::job::Job;
use crate::config::{ExperimentConfig, json_of};

impl Job<'_> {
    /// Checks, before hours of training, that the network fits the images and has the layer to analyse.
    pub(super) fn check_network(&self) -> Result<()> {
        let spec = InputSpec {
            side: self.config.data.image_size as usize,
            classes: 2,
            dropout: self.config.train.dropout,
        };
        let network = Network::build(self.architecture, spec, 0, Device::Cpu)?;
        self.config.stage(&network).map(drop)
    }

    /// Checks that the run folder does not contain the results of another experiment; `before` is its `config.json`.
    pub(super) fn check_same(&self, place: &Path, before: &Value) -> Result<()> {
        let root = self.out.display();
        let was = decisive(as_of_now(&before["config"]));
        let now = decisive(json_of(&self.config)?);
        if was != now {
            bail!(
                "{root}: holds a run with other settings ({}); choose another folder with --out DIR, or delete it",
                first_difference("", &was, &now).unwrap_or_else(|| "unreadable".to_owned())
            );
        }
        match before["data"].as_str() {
            Some(was) if Path::new(was) != place => bail!(
                "{root}: holds a run on {was}, not {}; choose another folder with --out DIR, or delete it",
                place.display()
            ),
            _ => Ok(()),
        }
    }

    /// Checks that the folds to run exist.
    pub(super) fn check_folds(&self, count: usize) -> Result<()> {
        let (mut wanted, last) = (self.folds.iter().flatten(), count.saturating_sub(1));
        match wanted.find(|&&fold| fold >= count) {
            Some(fold) => bail!("--folds: there is no fold {fold}; there are folds 0 to {last}"),
            None => Ok(()),
        }
    }
}

/// Converts the configuration of an earlier version: missing settings get their defaults, which reproduce that
/// version's behaviour.
pub(super) fn as_of_now(config: &Value) -> Value {
    let known = serde_json::from_value::<ExperimentConfig>(config.clone());
    let again = known.ok().and_then(|known| json_of(&known).ok());
    again.unwrap_or_else(|| config.clone())
}

/// The settings that determine the training; those of patches and statistics may change in a run folder.
fn decisive(mut config: Value) -> Value {
    for (part, free) in [("", "visualize"), ("", "fau"), ("/data", "strict")] {
        let part = config.pointer_mut(part).and_then(Value::as_object_mut);
        part.map(|part| part.shift_remove(free));
    }
    config
}

/// The first setting below `path` that differs, as `key: was X, is Y`.
fn first_difference(path: &str, was: &Value, is: &Value) -> Option<String> {
    let (Value::Object(a), Value::Object(b)) = (was, is) else {
        let path = path.trim_start_matches('.');
        return (was != is).then(|| format!("{path} was {was}, is {is}"));
    };
    let mut keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
    keys.find_map(|k| first_difference(&format!("{path}.{k}"), &was[k.as_str()], &is[k.as_str()]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_named_by_its_key() {
        let (was, is) = (
            json!({"a": 1, "b": {"c": 2}}),
            json!({"a": 1, "b": {"c": 3}}),
        );
        let difference = first_difference("", &was, &is);
        assert_eq!(difference.unwrap(), "b.c was 2, is 3");
    }

    #[test]
    fn a_run_of_a_version_that_knew_less_is_the_same_run() {
        let now = json_of(&ExperimentConfig::default()).unwrap();
        let mut before = now.clone();
        before["train"].as_object_mut().unwrap().remove("precision");
        assert!(before != now && as_of_now(&before) == now);
        let strange = json!({"frob": 3});
        assert_eq!(as_of_now(&strange), strange);
    }
}
