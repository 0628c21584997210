//! Every column and field that is written stands in docs/statistics.md, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faus_fau::{
    Ablate, Controls, Intervene, Locate, NetworkKind, Networks, OutputOptions, Probe, Replicate,
    Study, analyse, write_verdict,
};
use serde_json::Value;

use super::planted::{Planted, face};
use super::{on_others, switched};

type Names = BTreeSet<String>;

/// Documented names by file: those in the first cells of the table behind a heading `### `file``.
fn documented() -> BTreeMap<String, Names> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/statistics.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let (_, section) = text.split_once("\n## Every column and field\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut files: BTreeMap<String, Names> = BTreeMap::new();
    let mut file = String::new();
    for line in section.lines() {
        let quoted = |text: &str| {
            text.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if let Some(heading) = line.strip_prefix("### ") {
            file = quoted(heading).first().cloned().unwrap_or_default();
        } else if let Some(row) = line.strip_prefix('|') {
            let cell = row.split(" | ").next().unwrap_or_default();
            files.entry(file.clone()).or_default().extend(quoted(cell));
        }
    }
    files
}

/// The keys of all objects in a value, but of those whose keys are file names.
fn keys(value: &Value, found: &mut Names) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                if key != "inputs" {
                    keys(value, found);
                }
            }
        }
        _ => (),
    }
}

fn written(dir: &Path) -> BTreeMap<String, Names> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = || std::fs::read_to_string(&path).unwrap();
        let mut names = Names::new();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => {
                names.extend(text().lines().next().unwrap().split(',').map(str::to_owned))
            }
            Some("json") => keys(&serde_json::from_str(&text()).unwrap(), &mut names),
            _ => continue,
        }
        files.insert(name, names);
    }
    files
}

fn write_all(dir: &Path) {
    let run = Planted {
        held_out: true,
        ..Planted::default()
    };
    let answer = |study: &dyn Study| {
        let answer = run.answer(study);
        answer.write(dir, study.file(), None).unwrap();
    };
    let samples = run.samples();
    let lens = run.lens(NetworkKind::Trained, 2, None).unwrap();
    let coded: Vec<usize> = samples
        .iter()
        .filter(|s| s.coded.is_some())
        .map(|s| s.index)
        .collect();
    let rows = coded.iter().enumerate().map(|(index, &row)| {
        let role = if index % 3 == 2 {
            "held_out"
        } else {
            "labelled"
        };
        faus_fau::SampleRow {
            index,
            role: Some(role.to_owned()),
            label: samples[row].label.filter(|_| role == "labelled"),
            // AU 43 is too rare to be used.
            coded: samples[row].coded.clone().map(|mut units| {
                units.extend((index == 0).then_some((43, 1)));
                units
            }),
            ..samples[row].clone()
        }
    });
    let options = run.options();
    let analysis = analyse(
        &lens.activations(&coded).unwrap(),
        &rows.collect::<Vec<_>>(),
        &options.check().unwrap(),
    );
    let origin = OutputOptions {
        synthetic: Some(true),
        au_threshold: Some(2),
        machine_coded: true,
        inputs: [("samples".to_owned(), "0".repeat(64))].into(),
        command: vec!["faus".to_owned()],
        layer: Some("conv".to_owned()),
        charts: 0,
    };
    analysis.unwrap().write(dir, &origin).unwrap();
    answer(&Controls::default());
    answer(&Replicate);
    answer(&Probe::default());
    answer(&Ablate::default());
    let faces = |aus: &[u8]| switched(aus);
    answer(&Intervene {
        people: 12,
        strength: 0.8,
        drawable: &[12, 25, 43],
        faces: &faces,
    });
    answer(&Locate {
        faces: vec![Some(face()); run.rows()],
        mean: face(),
    });
    let other = on_others(&run, |of| vec![(of, 3); usize::from(of > 0)]);
    other.unwrap().write(dir, "replication_on", None).unwrap();
    write_verdict(dir).unwrap();
}

#[test]
fn every_column_and_field_is_documented() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let mut documented = documented();
    let everywhere = documented.remove("*.json").unwrap();
    let mut wrong = Vec::new();
    let written = written(dir.path());
    for (file, names) in &written {
        let own = documented.remove(file).unwrap_or_default();
        let known = |name: &&String| {
            own.contains(*name) || file.ends_with("json") && everywhere.contains(*name)
        };
        let missing: Vec<&String> = names.iter().filter(|name| !known(name)).collect();
        let superfluous: Vec<&String> = own.difference(names).collect();
        if !missing.is_empty() || !superfluous.is_empty() {
            wrong.push(format!(
                "{file}: not documented {missing:?}, not written {superfluous:?}"
            ));
        }
    }
    wrong.extend(
        documented
            .keys()
            .map(|file| format!("{file}: documented, not written")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
