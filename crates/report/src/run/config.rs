//! `config.json`: the keys that identify the run, and the rest as a flat list.

use std::path::Path;

use serde_json::Value;

use super::value::brief;

/// Keys shown uncollapsed, in this order, if present in the configuration.
const IDENTITY: [&str; 13] = [
    "experiment",
    "date",
    "preset",
    "variant",
    "protocol",
    "seed",
    "device",
    "threads",
    "data",
    "dataset",
    "synthetic",
    "source_digest",
    "versions",
];

/// A name and its value, both as text.
pub(crate) type Entry = (String, String);

/// The identity of the run, and everything else.
pub(crate) fn split(config: &Value) -> (Vec<Entry>, Vec<Entry>) {
    let open = |key: &str| Some((key.replace('_', " "), brief(config.get(key)?)));
    let identity = IDENTITY.into_iter().filter_map(open).collect();
    let mut rest = flat(config);
    let shown = |key: &str| IDENTITY.contains(&key) || key == "differences";
    rest.retain(|(path, _)| !shown(path.split('.').next().unwrap_or_default()));
    (identity, rest)
}

/// Every key with its value, nested ones as dotted paths.
pub(crate) fn flat(config: &Value) -> Vec<Entry> {
    let entries = config.as_object().into_iter().flatten();
    let nested = |(key, value): (&String, _)| flatten(key.clone(), value);
    entries.flat_map(nested).collect()
}

fn flatten(path: String, value: &Value) -> Vec<Entry> {
    let Some(entries) = value.as_object().filter(|entries| !entries.is_empty()) else {
        return vec![(path, brief(value))];
    };
    let nested = |(key, value)| flatten(format!("{path}.{key}"), value);
    entries.iter().flat_map(nested).collect()
}

/// What `auto` and defaults chose, and another version or machine may not.
const PINNED: [&str; 3] = ["preset", "seed", "device"];

/// The command that repeats the run: as recorded, with preset, seed and device as they were chosen.
pub(crate) fn command(config: &Value) -> Option<String> {
    let words = config["command"].as_array()?.iter();
    let mut words = words.filter_map(Value::as_str);
    // The program by its name: its path is this machine's.
    let program = Path::new(words.next()?).file_name()?;
    let mut kept = vec![quoted(&program.to_string_lossy())];
    while let Some(word) = words.next() {
        let (flag, value) = word.split_once('=').unwrap_or((word, ""));
        let known = flag.strip_prefix("--").filter(|flag| PINNED.contains(flag));
        match known.filter(|flag| !config[flag].is_null()) {
            Some(_) if value.is_empty() => drop(words.next()),
            Some(_) => {}
            None => kept.push(quoted(word)),
        }
    }
    for flag in PINNED.into_iter().filter(|flag| !config[flag].is_null()) {
        kept.push(format!("--{flag} {}", quoted(&brief(&config[flag]))));
    }
    Some(kept.join(" "))
}

/// A word quoted for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn recorded_commands_are_pinned_and_quoted_for_the_shell() {
        let words = [
            "/build/faus",
            "run",
            "it's.json",
            "--preset=auto",
            "--seed",
            "7",
            "--folds",
            "0",
        ];
        let config = json!({"command": words, "preset": "quick", "seed": 7, "device": "cpu"});
        let command = super::command(&config);
        assert_eq!(
            command.as_deref(),
            Some(r"faus run 'it'\''s.json' --folds 0 --preset quick --seed 7 --device cpu")
        );
    }

    #[test]
    fn nested_configuration_becomes_dotted_rows() {
        let config = json!({"seed": 1, "recipe": {"steps": 250, "optimizer": {"kind": "adamw"}}});
        let (identity, rest) = super::split(&config);
        assert_eq!(identity, [("seed".to_owned(), "1".to_owned())]);
        assert_eq!(
            rest[1],
            ("recipe.optimizer.kind".to_owned(), "adamw".to_owned())
        );
    }
}
