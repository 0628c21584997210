use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use crate::fold::rule::FoldRule;
use crate::label::expression::Expression;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;
use crate::read::folders::class_of;

use super::{Finding, FindingKind, Severity, finding, labelled};

/// What the set says twice and differently about classes.
pub(super) fn conflicts(set: &Prepared, examples: usize) -> Vec<Finding> {
    let conflict = |what: &str, all: Vec<String>| {
        finding(
            FindingKind::ClassMapConflict,
            Severity::Leak,
            what,
            &all,
            examples,
        )
    };
    vec![
        conflict(
            "class numbers and names that do not fit each other",
            numbers_and_names(set),
        ),
        conflict(
            "recordings whose frames carry two expressions besides neutral",
            two_expressions(set),
        ),
        conflict(
            "images whose folder names another class than their label",
            folders(set),
        ),
        conflict("identical images with different labels", same_images(set)),
        finding(
            FindingKind::ArraysContradict,
            Severity::Leak,
            "rows whose subject or fold in samples.csv is another than in subjects.npy or folds.npy",
            &arrays(set),
            examples,
        ),
    ]
}

/// Readers take folds from either: what is true of one must be true of the other.
fn arrays(set: &Prepared) -> Vec<String> {
    let given = set.info().fold_rule == FoldRule::Given;
    let arrays = set.subjects().iter().zip(set.folds());
    let rows = set.samples().iter().zip(arrays);
    rows.filter_map(|(sample, (&subject, &fold))| {
        let (what, ours, theirs) = match sample {
            s if s.subject != subject => ("subject", s.subject, subject),
            s if s.fold != fold && !given => ("fold", s.fold, fold),
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
    let ours = |label: i64| {
        usize::try_from(label)
            .ok()
            .and_then(|label| set.info().classes.get(label))
    };
    let arrays = set.samples().iter().zip(set.labels());
    let differ = arrays
        .filter(|(sample, label)| sample.label != **label)
        .map(|(s, label)| {
            format!(
                "row {}: samples.csv says class {}, labels.npy {label}",
                s.index, s.label
            )
        });
    let unknown = pairs
        .into_iter()
        .filter(|((label, name), _)| ours(*label).map(String::as_str) != Some(*name))
        .map(|((label, name), rows)| match ours(label) {
            Some(class) => {
                format!("{rows} rows call class {label} '{name}', dataset.json calls it '{class}'")
            }
            None => {
                format!("{rows} rows have class {label} '{name}', which dataset.json does not know")
            }
        });
    unknown.chain(differ).collect()
}

fn two_expressions(set: &Prepared) -> Vec<String> {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Without a frame number there are no recordings, only images.
    for sample in
        labelled(set).filter(|s| s.frame > 0 && s.label_name != Expression::Neutral.name())
    {
        seen.entry(&sample.sequence)
            .or_default()
            .insert(&sample.label_name);
    }
    let several = seen.into_iter().filter(|(_, names)| names.len() > 1);
    several
        .map(|(sequence, names)| {
            format!(
                "{sequence}: {}",
                names.into_iter().collect::<Vec<_>>().join(", ")
            )
        })
        .collect()
}

/// The class that an image's folders name, the innermost first.
fn folder_class(path: &str) -> Option<Expression> {
    let (folders, _) = path.rsplit_once('/')?;
    folders.rsplit('/').find_map(class_of)
}

fn folders(set: &Prepared) -> Vec<String> {
    let other =
        |s: &&Sample| folder_class(&s.path).is_some_and(|class| class.name() != s.label_name);
    labelled(set)
        .filter(other)
        .map(|s| format!("row {}: {} is labelled {}", s.index, s.path, s.label_name))
        .collect()
}

fn same_images(set: &Prepared) -> Vec<String> {
    let mut first: HashMap<[u8; 32], &Sample> = HashMap::new();
    let mut found = Vec::new();
    for sample in labelled(set) {
        let known = first
            .entry(Sha256::digest(set.image(sample.index)).into())
            .or_insert(sample);
        if known.label != sample.label {
            found.push(format!(
                "{} ({}) and {} ({})",
                known.path, known.label_name, sample.path, sample.label_name
            ));
        }
    }
    found
}

/// Somebody else's labels, names or numbers, against ours: each of theirs must mean one of ours and the other way round.
pub(super) fn against(set: &Prepared, theirs: &[(usize, String)], examples: usize) -> Finding {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (row, label) in theirs.iter().filter(|(_, label)| !label.is_empty()) {
        *pairs
            .entry((label, &set.samples()[*row].label_name))
            .or_default() += 1;
    }
    // What most of their rows with a label are with us.
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
    let what = "contradictions between the split's labels and ours";
    finding(
        FindingKind::ClassMapConflict,
        Severity::Leak,
        what,
        &found,
        examples,
    )
}
