//! Contradictions about classes, people and folds, within the set and against external labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::fold::rule::FoldRule;
use crate::label::Expression;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;
use crate::read::folders::class_of;

use super::finding::{Finding, FindingKind};
use super::labelled;

/// Contradictions within the set.
pub(super) fn conflicts(set: &Prepared) -> Vec<Finding> {
    use FindingKind::{ArraysContradict, ClassMapConflict};
    let frames = "recordings whose frames carry two expressions besides neutral";
    let folder = "images whose folder names another class than their label";
    let numbers = "class numbers and names that do not fit each other";
    let rows =
        "rows whose subject or fold in samples.csv is another than in subjects.npy or folds.npy";
    vec![
        ClassMapConflict.leak(numbers, numbers_and_names(set)),
        ClassMapConflict.leak(frames, two_expressions(set)),
        ClassMapConflict.leak(folder, folders(set)),
        ClassMapConflict.leak("identical images with different labels", same_images(set)),
        ArraysContradict.leak(rows, arrays(set)),
    ]
}

/// Readers take subjects and folds from the table or from the arrays, so both must agree.
fn arrays(set: &Prepared) -> Vec<String> {
    let given = set.info().fold_rule == FoldRule::Given;
    let arrays = set.subjects().iter().zip(set.folds());
    let rows = set.samples().iter().zip(arrays);
    rows.filter_map(|(sample, (&subject, &fold))| {
        let (what, ours, theirs) = match sample {
            s if s.subject != subject => ("subject", s.who(), subject),
            s if s.fold != fold && !given => ("fold", s.fold.to_string(), fold),
            _ => return None,
        };
        let row = sample.index;
        Some(format!(
            "row {row}: samples.csv says {what} {ours}, {what}s.npy {theirs}"
        ))
    })
    .collect()
}

fn numbers_and_names(set: &Prepared) -> Vec<String> {
    let mut pairs: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for sample in labelled(set) {
        *pairs.entry((sample.label, &sample.label_name)).or_default() += 1;
    }
    let mut found = Vec::new();
    for ((label, name), rows) in pairs {
        match set.info().class(label) {
            Some(class) if class == name => {}
            Some(class) => found.push(format!(
                "{rows} rows call class {label} '{name}', dataset.json calls it '{class}'"
            )),
            None => found.push(format!(
                "{rows} rows have class {label} '{name}', which dataset.json does not list"
            )),
        }
    }
    let rows = set.samples().iter().zip(set.labels());
    let differ = rows.filter(|(sample, label)| sample.label != **label);
    found.extend(differ.map(|(sample, label)| {
        let (row, ours) = (sample.index, sample.label);
        format!("row {row}: samples.csv says class {ours}, labels.npy {label}")
    }));
    found
}

fn two_expressions(set: &Prepared) -> Vec<String> {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Without a frame number there are no recordings, only images.
    let frames = labelled(set).filter(|s| s.frame > 0);
    for sample in frames.filter(|s| s.label_name != Expression::Neutral.name()) {
        let names = seen.entry(&sample.sequence).or_default();
        names.insert(&sample.label_name);
    }
    seen.into_iter()
        .filter(|(_, names)| names.len() > 1)
        .map(|(sequence, names)| format!("{sequence}: {}", Vec::from_iter(names).join(", ")))
        .collect()
}

/// The class that an image's folders name, the innermost first.
fn folder_class(path: &str) -> Option<Expression> {
    let (folders, _) = path.rsplit_once('/')?;
    folders.rsplit('/').find_map(class_of)
}

fn folders(set: &Prepared) -> Vec<String> {
    let named = labelled(set).filter_map(|s| Some((s, folder_class(&s.path)?)));
    let other = named.filter(|(s, class)| class.name() != s.label_name);
    other
        .map(|(s, _)| format!("row {}: {} is labelled {}", s.index, s.path, s.label_name))
        .collect()
}

fn same_images(set: &Prepared) -> Vec<String> {
    let mut first: HashMap<&[u8], &Sample> = HashMap::new();
    let mut found = Vec::new();
    for sample in labelled(set) {
        let known = first.entry(set.image(sample.index)).or_insert(sample);
        if known.label != sample.label {
            found.push(format!(
                "{} ({}) and {} ({})",
                known.path, known.label_name, sample.path, sample.label_name
            ));
        }
    }
    found
}

/// Compares external labels, names or numbers, with ours: the mapping must be one-to-one.
pub(super) fn against(set: &Prepared, theirs: &[(usize, String)]) -> Finding {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (row, label) in theirs.iter().filter(|(_, label)| !label.is_empty()) {
        let ours = &set.samples()[*row].label_name;
        *pairs.entry((label, ours)).or_default() += 1;
    }
    // Our class of most of their rows with a label.
    let mut meaning: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (&(label, ours), &rows) in &pairs {
        let best = meaning.entry(label).or_insert((ours, rows));
        if rows > best.1 {
            *best = (ours, rows);
        }
    }
    let mut found = Vec::new();
    for (&(label, ours), rows) in &pairs {
        let named = Expression::from_name(label).map(Expression::name);
        let meant = named.unwrap_or(meaning[label].0);
        if meant != ours {
            found.push(format!(
                "their {label} is our {ours} in {rows} rows, where {meant} was expected"
            ));
        }
    }
    let mut by_ours: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (label, (ours, _)) in &meaning {
        by_ours.entry(ours).or_default().push(label);
    }
    for (ours, labels) in by_ours.into_iter().filter(|(_, labels)| labels.len() > 1) {
        found.push(format!("our {ours} is {} with them", labels.join(" and ")));
    }
    FindingKind::ClassMapConflict.leak("contradictions between the split's labels and ours", found)
}
