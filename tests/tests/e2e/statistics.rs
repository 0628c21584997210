//! The commands that ask whether filters follow action units, on a small finished run.

use std::collections::BTreeSet;
use std::path::Path;

use faus_tests::shared::{copy_of_finished, finished_command};
use faus_tests::{Place, Table, copy_tree, read_json};

fn run() -> Place {
    copy_of_finished(|_| true)
}

/// p lies in (0, 1] and q is never below it.
fn check_rates(table: &Table, p: &str, q: &str) {
    for (p, q) in table.numbers::<f64>(p).iter().zip(table.numbers::<f64>(q)) {
        assert!(
            p.is_nan() && q.is_nan() || *p > 0.0 && *p <= q && q <= 1.0,
            "{p} {q}"
        );
    }
}

#[test]
fn a_run_brings_nulls_intervals_and_a_verdict() {
    let place = run();
    let fau = place.path("out/fau");
    let table = Table::read(&fau.join("associations.csv"));
    let columns = "filter,au,n_with,n_without,kl,js,auroc,mutual_information,r,p,p_within_class,q";
    assert_eq!(table.columns[..12].join(","), columns);
    check_rates(&table, "p", "q");
    check_rates(&table, "p_within_class", "q_within_class");
    let summary = read_json(&fau.join("fau.json"));
    assert_eq!(summary["null"]["permutations"], 99);
    let verdict = summary["verdict"].to_string();
    assert!(verdict.contains("live filters have a name"), "{verdict}");
    // Every named filter is counted, and stands in its table.
    let names = Table::read(&fau.join("names.csv"));
    assert_eq!(summary["counts"]["named"], names.rows.len());
    assert!(summary["schema"].is_u64() && summary["inputs"]["samples"].is_string());
    let answer = &summary["answer"];
    assert!(answer["verdict"].is_string() && answer["evidence"]["people"].is_number());
    let first = summary["verdict"][0].as_str().unwrap();
    assert!(
        first.starts_with("Did the network learn action units? "),
        "{first}"
    );
    assert_eq!(answer["sentence"], first);
    for table in ["class_effects.csv", "sensitivity.csv"] {
        assert!(!Table::read(&fau.join(table)).rows.is_empty(), "{table}");
    }
}

#[test]
fn controls_stand_beside_the_trained_network_and_are_kept() {
    let place = run();
    let ran = place.faus("controls out --device cpu");
    ran.done()
        .says(&["ynthetic", "untrained", "label-shuffled", "pixels"]);
    let table = Table::read(&place.path("out/fau/controls.csv"));
    let controls: BTreeSet<&str> = table.text("control").into_iter().collect();
    assert_eq!(
        controls.into_iter().collect::<Vec<_>>(),
        [
            "au_shuffled",
            "label_shuffled",
            "mean_pooling",
            "pixels",
            "random_pixels",
            "trained",
            "untrained"
        ]
    );
    let first = read_json(&place.path("out/fau/controls.json"));
    assert_eq!(first["synthetic"], true);
    let shuffled = &first["controls"][2];
    let memorised = &shuffled["memorised"];
    let number = |key: &str| memorised[key].as_f64().unwrap();
    assert!(
        number("train_accuracy") >= 0.0 && number("majority_accuracy") < 0.5,
        "{memorised}"
    );
    // Four steps of eight images, eight, sixteen: never enough.
    assert_eq!(memorised["steps"], 16);
    assert!(shuffled["effective_rank"].as_f64().unwrap() >= 1.0);
    // Trained once, and the same again.
    let again = place.faus("controls out --device cpu");
    again.done();
    assert_eq!(read_json(&place.path("out/fau/controls.json")), first);
    assert!(!place.path("out/controls/label_shuffled/dataset").exists());
}

/// Fills a network's tensors with Gaussian numbers of the spread that each has. A safetensors file: the length of the header, the
/// header in JSON, the numbers.
fn draw_weights(path: &Path, seed: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    for (name, tensor) in header.as_object().unwrap() {
        if name == "__metadata__" {
            continue;
        }
        assert_eq!(tensor["dtype"], "F32");
        let ends = [0, 1].map(|end| start + tensor["data_offsets"][end].as_u64().unwrap() as usize);
        let data = &mut bytes[ends[0]..ends[1]];
        let numbers = data
            .chunks_exact(4)
            .map(|x| f64::from(f32::from_le_bytes(x.try_into().unwrap())));
        let (n, sum, squares) = numbers.fold((0.0, 0.0, 0.0), |(n, sum, squares), x| {
            (n + 1.0, sum + x, squares + x * x)
        });
        let spread = (squares / n - (sum / n) * (sum / n)).max(0.0).sqrt();
        for number in data.chunks_exact_mut(4) {
            // Box and Muller.
            let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            number.copy_from_slice(&((spread * normal) as f32).to_le_bytes());
        }
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn gaussian_weights_in_all_folds_give_no() {
    // Fewer people would leave open whether there is nothing to find.
    let place = Place::new();
    place
        .faus("synth --out ck --subjects 40 --size 160x120")
        .done();
    place.faus(&finished_command()).done();
    for fold in 0..4 {
        let path = place.path(&format!("out/folds/{fold}/best.safetensors"));
        draw_weights(&path, 1 + fold);
    }
    place
        .faus("controls out --skip-training --device cpu")
        .done();
    place
        .faus("replicate out --device cpu")
        .done()
        .says(&["Did the network learn action units? No."]);
    let answer = read_json(&place.path("out/fau/fau.json"))["answer"].clone();
    assert_eq!(answer["verdict"], "no", "{answer}");
    assert!(
        answer["evidence"]["units"].as_u64().unwrap() > 0,
        "{answer}"
    );
    assert_eq!(answer["evidence"]["exploratory"], true);
}

#[test]
fn pairs_are_scored_on_unseen_people() {
    let place = run();
    place
        .faus("replicate out --device cpu")
        .done()
        .says(&["unknown to the network"]);
    let table = Table::read(&place.path("out/fau/replication.csv"));
    assert!(table.numbers::<f64>("train_kl").iter().all(|kl| *kl > 0.0));
    let folds = read_json(&place.path("out/fau/replication.json"))["folds"].clone();
    assert!(folds.as_array().unwrap().len() > 1);
}

#[test]
fn units_planted_in_other_drawn_people_are_detected() {
    let place = Place::new();
    let synth = "synth --subjects 30 --size 160x120";
    place.faus(&format!("{synth} --seed 1 --output own")).done();
    place
        .faus(&format!("{synth} --seed 2 --output other"))
        .done();
    place
        .faus("data prepare --source ck_plus --input other --size 48 --output prepared")
        .done();
    place
        .faus(
            "run experiments/ck_plus/cnn_ad.json --data own --out out --preset quick --device cpu --folds 0,1 \
             --set train.steps=60 train.checkpoint_every=30 train.validate_every=30 fau.permutations=999 visualize.top=2",
        )
        .done();
    place
        .faus("replicate out --on prepared --device cpu")
        .done();
    let facts = read_json(&place.path("out/fau/replication_on.json"));
    let units = facts["by_au"].as_array().unwrap();
    let number = |unit: &serde_json::Value, key: &str| unit[key].as_f64().unwrap();
    let found = units.iter().filter(|unit| number(unit, "q") <= 0.05);
    assert!(2 * found.count() > units.len(), "{facts}");
    // The open mouth, drawn largest.
    for au in [25, 27] {
        let unit = units.iter().find(|unit| unit["au"] == au).unwrap();
        assert!(number(unit, "q") <= 0.05, "{unit}");
        assert!(number(unit, "out_of_fold_auroc") > 0.75, "{unit}");
    }
}

/// The image of a prepared set's first row.
fn prepared_first(samples: &Path) -> String {
    Table::read(samples).text("path")[0].to_owned()
}

#[test]
fn pairs_are_scored_on_the_people_of_another_set() {
    let place = run();
    place
        .faus("synth --output other --subjects 12 --size 160x120 --seed 7")
        .done();
    let prepare = "data prepare --source ck_plus --classes seven --input other";
    place
        .faus(&format!("{prepare} --size 16 --output prepared"))
        .done();
    let ran = place.faus("replicate out --on prepared --device cpu");
    ran.done()
        .says(&["drawn faces", "chosen on the run's people", "Not tested"]);
    // Counted in the other set's codes, which the drawing planted.
    let codes = Table::read(&place.path("prepared/samples.csv"));
    let coded = codes.text("aus").into_iter().zip(codes.text("subject"));
    let coded: Vec<(&str, &str)> = coded.filter(|(cell, _)| *cell != "NA").collect();
    let facts = read_json(&place.path("out/fau/replication_on.json"));
    assert_eq!(facts["coded_images"], coded.len());
    assert_eq!(
        (&facts["on"]["synthetic"], &facts["people"]),
        (&true.into(), &12.into())
    );
    let tested = facts["by_au"].as_array().unwrap();
    let untested = facts["untested"].as_array().unwrap();
    assert!(!tested.is_empty() && !untested.is_empty());
    for (unit, enough) in tested
        .iter()
        .map(|unit| (unit, true))
        .chain(untested.iter().map(|unit| (unit, false)))
    {
        let mark = format!("{}:", unit["au"]);
        let shows = |cell: &str| cell.split(';').any(|unit| unit.starts_with(&mark));
        let kinds = [true, false].map(|kind| {
            let own = coded.iter().filter(|(cell, _)| shows(cell) == kind);
            let people: BTreeSet<&str> = own.clone().map(|(_, subject)| *subject).collect();
            (own.count(), people.len())
        });
        let told = |key: &str| unit[key].as_u64().unwrap() as usize;
        let counts = [
            (told("n_with"), told("n_people_with")),
            (told("n_without"), told("n_people_without")),
        ];
        assert_eq!(counts, kinds, "{unit}");
        assert_eq!(
            kinds.iter().all(|(_, people)| *people >= 10),
            enough,
            "{unit}"
        );
        assert!(
            !enough || unit["above_untrained"]["q"].is_number(),
            "{unit}"
        );
    }
    let table = Table::read(&place.path("out/fau/replication_on.csv"));
    let untested: Vec<u64> = untested
        .iter()
        .map(|unit| unit["au"].as_u64().unwrap())
        .collect();
    for (au, auroc) in table
        .numbers::<u64>("au")
        .into_iter()
        .zip(table.numbers::<f64>("test_auroc"))
    {
        assert_eq!(auroc.is_nan(), untested.contains(&au), "AU {au}: {auroc}");
    }
    place.faus("report out").done();
    let page = std::fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("Replication on another data set"));
    // Not other people, and not images for these networks.
    place
        .faus("replicate out --on out/dataset --device cpu")
        .failed(&["out/dataset", "same files", "--on"]);
    place
        .faus(&format!("{prepare} --size 20 --output large"))
        .done();
    place
        .faus("replicate out --on large --device cpu")
        .failed(&["large", "20 pixels", "--size 16"]);
    let path = &prepared_first(&place.path("out/dataset/samples.csv"));
    copy_tree(&place.path("ck"), &place.path("part"), |file| {
        !file.ends_with(path)
    });
    place
        .faus("data prepare --source ck_plus --input part --size 16 --output again")
        .done();
    place
        .faus("replicate out --on again --device cpu")
        .failed(&["again", "images of the run too", "other people"]);
}

#[test]
fn every_layer_is_probed() {
    let place = run();
    place
        .faus("probe out --device cpu")
        .done()
        .says(&["control task"]);
    let table = Table::read(&place.path("out/fau/probes.csv"));
    for layer in ["pixels", "conv1", "conv2", "conv3", "fc4", "output"] {
        assert!(table.text("layer").contains(&layer), "{layer}");
    }
    let scores = table.numbers::<f64>("auroc");
    assert!(scores.iter().all(|s| (0.0..=1.0).contains(s)));
    let few = Table::read(&place.path("out/fau/sparse_probes.csv"));
    assert!(
        ["1", "2", "4", "8", "16"]
            .iter()
            .all(|k| few.text("filters").contains(k))
    );
}

#[test]
fn switching_silencing_and_locating_leave_their_tables() {
    let place = run();
    place
        .faus("intervene out --people 6 --device cpu")
        .done()
        .says(&["Synthetic", "switching one action unit"]);
    let table = Table::read(&place.path("out/fau/interventions.csv"));
    check_rates(&table, "p", "q");
    let found = read_json(&place.path("out/fau/interventions.json"));
    assert_eq!(found["synthetic"], true);
    assert_eq!(found["agreement"][0]["measure"], "kl");
    place.faus("ablate out --sets 19 --device cpu").done();
    assert!(read_json(&place.path("out/fau/causal.json"))["verdict"].is_array());
    place.faus("locate out --data ck --device cpu").done();
    let spatial = read_json(&place.path("out/fau/spatial.json"));
    assert_eq!(spatial["landmarks"], "per image");
    check_rates(&Table::read(&place.path("out/fau/spatial.csv")), "p", "q");
}

#[test]
fn wrong_use_is_answered() {
    let place = Place::new();
    for command in [
        "controls",
        "replicate",
        "probe",
        "intervene",
        "ablate",
        "locate",
    ] {
        place.faus(command).ended(2);
        place.faus(&format!("{command} nowhere")).failed(&[
            "nowhere",
            "not a run folder",
            "faus run",
        ]);
        assert!(!place.path("nowhere").exists(), "{command} makes no folder");
    }
}
