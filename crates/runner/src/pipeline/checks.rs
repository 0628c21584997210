//! Checks before a run begins: network, folders, settings of an earlier start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use faus_data::{DataConfig, contents};
use faus_model::{InputSpec, Network};
use serde_json::{Value, json};
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
        let now = json_of(&self.config)?;
        let (was, now) = (decisive(settings_before(before, &now)), decisive(now));
        if was != now {
            bail!(
                "{root}: holds a run with other settings ({}); choose another folder with --out DIR, or delete it",
                first_difference("", &was, &now).unwrap_or_else(|| "unreadable".to_owned())
            );
        }
        match before["data"].as_str() {
            Some(was) if Path::new(was) != place && !same_data(before, place) => bail!(
                "{root}: holds a run on {was}, not {}; choose another folder with --out DIR, or delete it",
                place.display()
            ),
            _ => Ok(()),
        }
    }

    /// What the data are prepared from, as [`contents`] describes it: the tables, by setting, and the data set at `place`.
    pub(super) fn inputs(&self, place: &Path) -> Value {
        json!({ "tables": tables(&self.config.data), "data": contents(place) })
    }

    /// Refuses a table that differs from the one that the data were prepared from, which `before` describes, and notes where
    /// the data set itself differs. What is not there any more, or was not recorded by an earlier version, is not compared.
    /// Without the prepared data (`kept`) only the tables are compared: what is prepared anew has a digest.
    pub(super) fn check_inputs(&self, place: &Path, before: &Value, kept: bool) -> Result<()> {
        let (was, out) = (&before["inputs"], self.out.display());
        if was.is_null() && kept && place.exists() {
            eprintln!(
                "Note: {out} is of an earlier version: whether its data have changed since cannot be told"
            );
        }
        for (name, (table, now)) in tables(&self.config.data) {
            let known = was["tables"][name][1].as_str();
            if now.is_some_and(|now| known.is_some_and(|known| known != now)) {
                bail!(
                    "{}: has other contents than when the data of {out} were prepared from it; delete that folder, or give another --out",
                    table.display()
                );
            }
        }
        let known = serde_json::from_value(was["data"].clone()).ok();
        let known = known.filter(|_| kept && place.exists());
        let changed = known.map_or(String::new(), |known| changes(&known, &contents(place)));
        if !changed.is_empty() {
            eprintln!(
                "Note: {} has changed since the data of {out} were prepared from it ({changed}); {out} is of the data as they were. To \
                 prepare them anew, delete that folder, or give another --out",
                place.display()
            );
        }
        Ok(())
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

/// The tables beside a data set by setting, with their contents where they are there.
fn tables(data: &DataConfig) -> BTreeMap<&'static str, (&Path, Option<String>)> {
    let tables = [
        ("aus", &data.aus),
        ("labels", &data.labels),
        ("boxes", &data.boxes),
    ];
    let given = tables.into_iter().filter_map(|(name, table)| {
        let table = table.as_deref()?;
        Some((name, (table, of_table(table))))
    });
    given.collect()
}

/// A digest of a table, whatever ends its lines; `None` where it cannot be read.
fn of_table(table: &Path) -> Option<String> {
    let mut bytes = std::fs::read(table).ok()?;
    bytes.retain(|byte| *byte != b'\r');
    Some(faus_base::digest::sha256(&bytes))
}

/// Whether the data at `place` are those that were recorded, under whatever name.
fn same_data(before: &Value, place: &Path) -> bool {
    let recorded = serde_json::from_value(before["inputs"]["data"].clone());
    recorded.is_ok_and(|recorded: BTreeMap<String, String>| recorded == contents(place))
}

/// The folders of a data set whose [`contents`] differ, the first five in words.
fn changes(was: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> String {
    const SHOWN: usize = 5;
    let count = |files: Option<&String>| match files.and_then(|files| files.split_once(',')) {
        Some((count, _)) => count.to_owned(),
        None => "no files".to_owned(),
    };
    let in_words = |folder: &String| {
        let counts = [was, now].map(|contents| count(contents.get(folder)));
        let folder = if folder == "." {
            "in no folder"
        } else {
            folder
        };
        match counts {
            [was, now] if was == now => format!("{folder}: {now}, not all as they were"),
            [was, now] => format!("{folder}: {was}, now {now}"),
        }
    };
    let folders = BTreeSet::from_iter(was.keys().chain(now.keys())).into_iter();
    let changed = folders.filter(|folder| was.get(*folder) != now.get(*folder));
    let mut changed = Vec::from_iter(changed.map(in_words));
    let more = changed.len().saturating_sub(SHOWN);
    changed.truncate(SHOWN);
    changed.extend((more > 0).then(|| format!("{more} more folders")));
    changed.join("; ")
}

/// Converts the configuration of an earlier version: missing settings get their defaults, which reproduce that
/// version's behaviour.
fn as_of_now(config: &Value) -> Value {
    let known = serde_json::from_value::<ExperimentConfig>(config.clone());
    let again = known.ok().and_then(|known| json_of(&known).ok());
    again.unwrap_or_else(|| config.clone())
}

/// The settings of an earlier start, with the paths of tables as they are `now`: their contents are compared instead.
pub(super) fn settings_before(before: &Value, now: &Value) -> Value {
    let mut was = as_of_now(&before["config"]);
    let recorded = before["inputs"]["tables"].as_object().into_iter().flatten();
    for (name, _) in recorded.filter(|(_, table)| table[1].is_string()) {
        if now["data"][name].is_string() {
            was["data"][name] = now["data"][name].clone();
        }
    }
    was
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
    fn changed_folders_are_named_with_their_numbers_of_files() {
        let contents = |folders: &[(&str, &str)]| -> BTreeMap<String, String> {
            let folders = folders.iter();
            folders
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect()
        };
        let was = contents(&[
            ("fear", "2 files, a"),
            ("happy", "3 files, b"),
            ("sad", "1 file, c"),
        ]);
        let now = contents(&[
            ("fear", "2 files, d"),
            ("happy", "3 files, b"),
            ("new", "4 files, e"),
        ]);
        assert_eq!(changes(&was, &was), "");
        assert_eq!(
            changes(&was, &now),
            "fear: 2 files, not all as they were; new: no files, now 4 files; sad: 1 file, now no files"
        );
        let many = (0..9).map(|at| (at.to_string(), "1 file, x".to_owned()));
        let all = changes(&many.collect(), &BTreeMap::new());
        assert!(
            all.ends_with("4: 1 file, now no files; 4 more folders"),
            "{all}"
        );
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
