//! Every command of README.md, in its order and as it stands there, on small data.

use std::collections::BTreeSet;
use std::fs;

use faus_tests::shared::TINY;
use faus_tests::{Place, Table, repository};

use crate::codes::{ck_48, coding_table};
use crate::commands::write_npy;

/// The commands of the blocks of shell, and those in the first cells of tables.
fn commands(readme: &str) -> Vec<String> {
    let mut in_shell = false;
    let mut found = Vec::new();
    for line in readme.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_shell = language == "sh";
        } else if in_shell {
            let command = line.split("  #").next().unwrap_or_default();
            found.push(command.trim().to_owned());
        } else if let Some(cell) = line.strip_prefix("| `faus ") {
            found.push(format!(
                "faus {}",
                cell.split('`').next().unwrap_or_default()
            ));
        }
    }
    found
}

/// A recipe as scripts/run.sh runs it: the experiment, then the flags.
fn recipe(words: &str) -> String {
    let (mut name, mut variant, mut flags) = ("", "cnn_ad", String::new());
    for (at, word) in words.split(' ').enumerate() {
        match word.split_once('=') {
            _ if at == 0 => name = word,
            Some(("variant", own)) => variant = own,
            Some(("data", _)) => (),
            Some(("preset", preset)) => flags += &format!(" --preset {preset}"),
            _ => flags += &format!(" {word}"),
        }
    }
    format!("run experiments/{name}/{variant}.json --data ck{flags}")
}

/// What makes a command one of seconds.
fn small(command: &str) -> String {
    let without_preset = TINY.trim_start_matches("--preset quick");
    let is = |start: &str| command.starts_with(start);
    match command {
        _ if is("run") && command.contains("--preset") => format!("{without_preset} data.folds=5"),
        _ if is("run") => TINY.to_owned(),
        _ if is("analyse") => {
            "--set fau.permutations=99 fau.bootstrap=99 visualize.top=2 visualize.sanity=false"
                .to_owned()
        }
        _ if is("controls") => "--permutations 99".to_owned(),
        _ if is("correlate") => "--permutations 99 --bootstrap 99".to_owned(),
        _ if is("intervene") => "--people 12".to_owned(),
        _ => String::new(),
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let justfile = fs::read_to_string(repository().join("justfile")).unwrap();
    let recipes: BTreeSet<&str> = justfile
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split([' ', ':']).next())
        .collect();
    let place = Place::with_faces();
    ck_48(&place.path("CK+48"));
    fs::write(place.path("codes.csv"), coding_table()).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() > 12, "{commands:?}");
    for command in &commands {
        let own = command.strip_prefix("sh scripts/just.sh ");
        let arguments = match (
            own.or(command.strip_prefix("just ")),
            command.strip_prefix("faus "),
        ) {
            // These tests are among what it runs.
            (Some("test"), _) => continue,
            (Some(words), _) => {
                let name = words.split(' ').next().unwrap_or_default();
                assert!(recipes.contains(name), "no recipe: {command}");
                recipe(words)
            }
            (_, Some(arguments)) => arguments.replace("RUN", "runs/ck_plus-cnn_ad-quick"),
            _ => panic!("this test does not know how to run `{command}`"),
        };
        before(&arguments, &place);
        let ran = place.faus(&format!("{arguments} {}", small(&arguments)));
        match arguments.contains("theirs.csv") {
            // The test's waves resemble each other across people, which is a leak.
            true => ran.ended(1).says(&["Training and test are NOT apart"]),
            false => ran.done(),
        };
    }
    let names = Table::read(&place.path("fau/names.csv"));
    assert_eq!(names.text("filter"), ["0"]);
    assert!(
        place
            .path("runs/ck_plus-cnn_ad-quick/report/index.html")
            .is_file()
    );
}

/// What a person has at hand before a command: a network of their own, its activations, a split of theirs.
fn before(arguments: &str, place: &Place) {
    if arguments.contains("me.jpg") {
        fs::create_dir(place.path("holiday")).unwrap();
        // Small squares are faces.
        let face = image::GrayImage::from_fn(48, 48, |x, y| image::Luma([(3 * x + y) as u8]));
        for name in ["me.jpg", "holiday/a.png"] {
            face.save(place.path(name)).unwrap();
        }
    }
    if arguments.contains("model.onnx") {
        // Of any size, with three channels.
        let model = repository().join("crates/viz/tests/golden/onnx/residual.onnx");
        fs::copy(model, place.path("model.onnx")).unwrap();
        let input =
            r#"{"size":48,"channels":3,"scale":0.004,"mean":[0,0,0],"std":[1,1,1],"crop":"auto"}"#;
        fs::write(place.path("input.json"), input).unwrap();
    }
    let samples = || Table::read(&place.path("prepared/ck-48/samples.csv"));
    if arguments.starts_with("correlate") {
        let units = samples();
        let values = units
            .text("aus")
            .into_iter()
            .enumerate()
            .flat_map(|(row, aus)| {
                let smiles = aus.split(';').any(|unit| unit.starts_with("12:"));
                let noise = ((row * 7919) % 101) as f32 / 101.0;
                [f32::from(u8::from(smiles)) + noise, noise]
            });
        let values: Vec<f32> = values.collect();
        let rows = values.len() as u64 / 2;
        write_npy(&place.path("activations.npy"), &[rows, 2], &values);
    }
    if arguments.contains("theirs.csv") {
        let samples = samples();
        let (paths, subjects) = (samples.text("path"), samples.text("subject"));
        let rows = paths.iter().zip(subjects).map(|(path, subject)| {
            let part = if subject < "040" { "test" } else { "train" };
            format!("{path},{part}\n")
        });
        let table = format!("path,split\n{}", rows.collect::<String>());
        fs::write(place.path("theirs.csv"), table).unwrap();
    }
}
