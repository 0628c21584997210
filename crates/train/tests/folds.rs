//! Whole folds on a small data set: their files, stopping and resuming, threads, selection, and errors.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    CLASSES, Fold, Small, assert_same_fold, bits, checkpoint, names, prepare, state, table,
};
use faus_data::Protocol;
use faus_model::{Checkpoint, ZeroBiasCnn};
use faus_train::{Error, FoldResult, Recipe, Workers, evaluate, list_checkpoints, select};
use rand::{Rng, RngExt};
use tch::Device;

fn read_result(dir: &std::path::Path) -> FoldResult {
    serde_json::from_str(&std::fs::read_to_string(dir.join("fold.json")).unwrap()).unwrap()
}

#[test]
fn a_fold_leaves_the_files_that_others_read() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let dir = root.path().join("fold");
    let fold = Fold::new(&prepared);
    let result = fold.run(&dir).unwrap();

    let files = [
        "best.safetensors",
        "checkpoints",
        "fold.json",
        "metrics.csv",
        "predictions.csv",
    ];
    assert_eq!(names(&dir), files);
    let checkpoints = [4, 8, 12].map(|s| format!("step-{s:06}.safetensors"));
    assert_eq!(names(&dir.join("checkpoints")), checkpoints);

    let metrics = table(&dir.join("metrics.csv"), "");
    let columns = [
        "step",
        "train_loss",
        "train_accuracy",
        "val_accuracy",
        "images_per_second",
    ];
    assert_eq!(metrics[0], columns);
    let steps: Vec<&str> = metrics[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(steps, ["2", "4", "6", "8", "10", "12"]);
    for row in &metrics[1..] {
        let numbers: Vec<f64> = row.iter().map(|v| v.parse().unwrap()).collect();
        assert!(numbers[1] > 0.0 && numbers[4] > 0.0, "{row:?}");
        assert!((0.0..=1.0).contains(&numbers[2]) && (0.0..=1.0).contains(&numbers[3]));
    }

    let split = prepared.split(0, Protocol::Paper2017).unwrap();
    let predictions = table(&dir.join("predictions.csv"), "");
    let logits = CLASSES.map(|c| format!("logit_{c}"));
    assert_eq!(predictions[0][..3], ["index", "label", "predicted"]);
    assert_eq!(predictions[0][3..], logits);
    let number = |row: &[String], column: usize| row[column].parse::<i64>().unwrap();
    let indices: Vec<usize> = predictions[1..]
        .iter()
        .map(|row| number(row, 0) as usize)
        .collect();
    assert_eq!(indices, split.test);
    let right = predictions[1..]
        .iter()
        .filter(|row| number(row, 1) == number(row, 2))
        .count();
    assert_eq!(result.test_accuracy, right as f64 / split.test.len() as f64);
    for row in &predictions[1..] {
        assert_eq!(number(row, 1), prepared.labels()[number(row, 0) as usize]);
    }

    assert_eq!(read_result(&dir), result);
    assert_eq!(result.images, [96, 12, 12]);
    assert_eq!((result.fold, result.seed, result.steps), (0, 5, 12));
    assert_eq!(result.confusion.iter().flatten().sum::<u64>(), 12);
    assert_eq!(
        result.per_class.keys().collect::<Vec<_>>(),
        ["lying", "sloping", "standing"]
    );
    assert!((result.majority_accuracy - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(
        bits(&dir.join("best.safetensors")),
        bits(&checkpoint(&dir, result.best_step))
    );
    let info = Checkpoint::load(&dir.join("best.safetensors"))
        .unwrap()
        .info;
    assert_eq!((info.step, info.fold), (result.best_step, Some(0)));
    assert!(info.synthetic && info.classes == CLASSES);
}

#[test]
fn the_easy_signal_is_learned() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.recipe = Recipe {
        steps: 60,
        checkpoint_every: 20,
        validate_every: 20,
        augment: false,
        ..fold.recipe
    };
    let result = fold.run(&root.path().join("fold")).unwrap();
    assert!(
        result.test_accuracy > 0.8 && !result.at_chance,
        "{result:?}"
    );
}

#[test]
fn the_first_of_the_best_on_validation_is_chosen_and_select_agrees() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let dir = root.path().join("fold");
    let mut fold = Fold::new(&prepared);
    fold.recipe = Recipe {
        checkpoint_every: 1,
        steps: 25,
        ..fold.recipe
    };
    let result = fold.run(&dir).unwrap();
    let all = &result.checkpoints;
    assert_eq!(all.len(), 25);
    let best = all.iter().map(|c| c.val_accuracy).fold(0.0, f64::max);
    let equals: Vec<u64> = all
        .iter()
        .filter(|c| c.val_accuracy == best)
        .map(|c| c.step)
        .collect();
    assert!(equals.len() > 1, "the test wants equals: {all:?}");
    assert_eq!((result.best_step, result.val_accuracy), (equals[0], best));
    assert_eq!(result.final_test_accuracy, all[24].test_accuracy);
    let optimistic = all.iter().map(|c| c.test_accuracy).fold(0.0, f64::max);
    assert_eq!(result.best_test_accuracy_optimistic, optimistic);

    let split = prepared.split(0, Protocol::Paper2017).unwrap();
    let folder = dir.join("checkpoints");
    let workers = Workers::new(3).unwrap();
    let selection = select(&folder, &Small, &prepared, &split, Device::Cpu, &workers).unwrap();
    assert_eq!(&selection.candidates, all);
    assert_eq!(selection.best.step, result.best_step);
    let path = root.path().join("again.csv");
    let network = Checkpoint::load(&dir.join("best.safetensors")).unwrap();
    let network = network.network(&Small, Device::Cpu).unwrap();
    let normalisation = fold.recipe.normalisation;
    let test = evaluate(&network, &prepared, &split.test, &normalisation, &workers).unwrap();
    test.write_csv(&path, &prepared.info().classes).unwrap();
    assert_eq!(table(&path, ""), table(&dir.join("predictions.csv"), ""));
}

#[test]
fn a_stopped_fold_goes_on_as_if_never_stopped() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let whole = root.path().join("whole");
    let mut fold = Fold::new(&prepared);
    let uninterrupted = fold.run(&whole).unwrap();
    for stops in [&[1][..], &[4], &[7], &[6, 9], &[11]] {
        let dir = root.path().join(format!("{stops:?}"));
        fold.resume = false;
        for &stop in stops {
            fold.stop_after = Some(stop);
            assert!(matches!(fold.run(&dir), Err(Error::Cancelled)), "{stop}");
            assert!(!dir.join("fold.json").exists());
            fold.resume = true;
        }
        fold.stop_after = None;
        let resumed = fold.run(&dir).unwrap();
        assert_same_fold(&whole, &dir);
        let seconds = uninterrupted.seconds;
        assert_eq!(FoldResult { seconds, ..resumed }, uninterrupted);
    }
}

#[test]
fn adamw_under_one_cycle_goes_on_too() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.recipe = Recipe {
        optimizer: faus_train::OptimizerKind::Adamw,
        schedule: faus_train::Schedule::OneCycle,
        learning_rate: 1e-3,
        ..fold.recipe
    };
    let [whole, parts] = ["whole", "parts"].map(|n| root.path().join(n));
    fold.run(&whole).unwrap();
    fold.stop_after = Some(6);
    assert!(fold.run(&parts).is_err());
    (fold.stop_after, fold.resume) = (None, true);
    fold.run(&parts).unwrap();
    assert_same_fold(&whole, &parts);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    let dirs = [1, 2, 3].map(|threads| {
        let dir = root.path().join(threads.to_string());
        fold.threads = threads;
        fold.run(&dir).unwrap();
        dir
    });
    assert_same_fold(&dirs[0], &dirs[1]);
    assert_same_fold(&dirs[0], &dirs[2]);
}

#[test]
fn the_papers_network_is_stopped_resumed_and_threaded_likewise() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.architecture = &ZeroBiasCnn { k: None };
    fold.recipe = Recipe {
        steps: 3,
        checkpoint_every: 2,
        ..fold.recipe
    };
    let [whole, parts] = ["whole", "parts"].map(|n| root.path().join(n));
    let result = fold.run(&whole).unwrap();
    assert!((0.2..1.2).contains(&result.drawn["k"]));
    (fold.threads, fold.stop_after) = (1, Some(2));
    assert!(matches!(fold.run(&parts), Err(Error::Cancelled)));
    (fold.threads, fold.stop_after, fold.resume) = (3, None, true);
    fold.run(&parts).unwrap();
    assert_same_fold(&whole, &parts);
}

#[test]
fn seed_and_fold_change_the_outcome() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.recipe.steps = 4;
    let mut weights = Vec::new();
    for (seed, number) in [(5, 0), (6, 0), (5, 1)] {
        (fold.seed, fold.fold) = (seed, number);
        let dir = root.path().join(format!("{seed}-{number}"));
        fold.run(&dir).unwrap();
        weights.push(bits(&checkpoint(&dir, 4)));
    }
    assert!(weights[0] != weights[1] && weights[0] != weights[2]);
}

#[test]
fn paper_2015_chooses_on_the_test_fold() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.recipe.protocol = Protocol::Paper2015;
    let result = fold.run(&root.path().join("fold")).unwrap();
    assert_eq!(result.images, [108, 12, 12]);
    for candidate in &result.checkpoints {
        assert_eq!(candidate.val_accuracy, candidate.test_accuracy);
    }
    assert_eq!(result.test_accuracy, result.best_test_accuracy_optimistic);
    assert_eq!(result.test_accuracy, result.val_accuracy);
}

#[test]
fn a_diverging_fold_says_where_and_keeps_its_good_checkpoints() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let dir = root.path().join("fold");
    let mut fold = Fold::new(&prepared);
    // Each step multiplies every weight by about −lr · decay = −1000: float32 ends after some steps, not at once.
    fold.recipe = Recipe {
        learning_rate: 1e3,
        weight_decay: 1.0,
        checkpoint_every: 1,
        dropout: 0.0,
        ..fold.recipe
    };
    fold.fold = 3;
    let Err(error) = fold.run(&dir) else {
        panic!("it did not diverge")
    };
    let Error::Diverged {
        fold: 3,
        step,
        loss,
    } = error
    else {
        panic!("{error}")
    };
    assert!(step > 2 && !loss.is_finite(), "step {step}, loss {loss}");
    let text = error.to_string();
    assert!(
        text.contains("fold 3") && text.contains(&format!("step {step}")),
        "{text}"
    );
    let kept = list_checkpoints(&dir.join("checkpoints")).unwrap();
    assert_eq!(kept.last().unwrap().0, step - 1);
    for (_, path) in kept {
        for (name, bits) in bits(&path) {
            assert!(
                bits.iter().all(|b| f32::from_bits(*b).is_finite()),
                "{name}"
            );
        }
    }
    assert!(!dir.join("fold.json").exists());
}

/// Going on from a state under other folds would train on the people that are to be tested.
#[test]
fn a_fold_does_not_go_on_under_another_split() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    stopped(root.path(), &prepared);
    let others = [
        prepare(&root.path().join("fewer"), 5, 16),
        prepare(&root.path().join("larger"), 10, 24),
    ];
    for other in &others {
        let mut fold = Fold::new(other);
        fold.resume = true;
        let error = fold.run(&root.path().join("fold")).unwrap_err();
        assert!(matches!(error, Error::Resume { .. }), "{error}");
    }
}

/// A fold stopped after its checkpoint of step 4, with its folder.
fn stopped<'a>(root: &std::path::Path, prepared: &'a faus_data::Prepared) -> Fold<'a> {
    let mut fold = Fold::new(prepared);
    fold.stop_after = Some(5);
    assert!(matches!(
        fold.run(&root.join("fold")),
        Err(Error::Cancelled)
    ));
    (fold.stop_after, fold.resume) = (None, true);
    fold
}

#[test]
fn a_fold_does_not_go_on_under_other_conditions() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let fold = stopped(root.path(), &prepared);
    let refused = |fold: Fold| {
        let error = fold.run(&root.path().join("fold")).unwrap_err();
        assert!(matches!(error, Error::Resume { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("step-000004.state") && text.contains("delete the fold's folder"),
            "{text}"
        );
    };
    refused(Fold {
        recipe: Recipe {
            learning_rate: 0.03,
            ..fold.recipe.clone()
        },
        ..fold
    });
    let fold = Fold::new(&prepared);
    refused(Fold {
        seed: 6,
        resume: true,
        ..fold
    });
    refused(Fold {
        fold: 1,
        resume: true,
        ..Fold::new(&prepared)
    });
    refused(Fold {
        architecture: &ZeroBiasCnn { k: None },
        resume: true,
        ..Fold::new(&prepared)
    });
}

#[test]
fn the_paper_networks_k_must_be_the_same_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let dir = root.path().join("fold");
    let mut fold = Fold::new(&prepared);
    fold.architecture = &ZeroBiasCnn { k: Some(0.5) };
    (fold.recipe.checkpoint_every, fold.stop_after) = (1, Some(1));
    assert!(matches!(fold.run(&dir), Err(Error::Cancelled)));
    fold.architecture = &ZeroBiasCnn { k: Some(0.6) };
    (fold.resume, fold.stop_after) = (true, None);
    let error = fold.run(&dir).unwrap_err().to_string();
    assert!(error.contains("another network"), "{error}");
}

#[test]
fn beginning_anew_leaves_nothing_of_an_earlier_training() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let dir = root.path().join("fold");
    let mut long = Fold::new(&prepared);
    (long.recipe.steps, long.stop_after) = (30, Some(25));
    assert!(long.run(&dir).is_err());
    assert!(state(&dir, 24).exists());
    let fold = Fold::new(&prepared);
    fold.run(&dir).unwrap();
    fold.run(&root.path().join("clean")).unwrap();
    assert_same_fold(&root.path().join("clean"), &dir);
}

#[test]
fn a_finished_fold_is_not_gone_on_with_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let [dir, other] = ["fold", "other"].map(|n| root.path().join(n));
    let mut fold = Fold::new(&prepared);
    fold.run(&dir).unwrap();
    fold.run(&other).unwrap();
    fold.resume = true;
    let error = fold.run(&dir).unwrap_err().to_string();
    assert!(
        error.contains("fold.json") && error.contains("finished"),
        "{error}"
    );
    assert_same_fold(&dir, &other);
}

#[test]
fn damaged_files_are_errors_that_name_the_file() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let fold = stopped(root.path(), &prepared);
    let dir = root.path().join("fold");
    for file in [state(&dir, 4), checkpoint(&dir, 4)] {
        let whole = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let damages = [
            vec![],
            whole[..7].to_vec(),
            whole[..100].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            b"not a checkpoint at all".to_vec(),
            [&u64::MAX.to_le_bytes(), &whole[8..]].concat(),
            whole.iter().map(|b| b ^ 0x55).collect(),
        ];
        for (n, damage) in damages.iter().enumerate() {
            std::fs::write(&file, damage).unwrap();
            let error = fold.run(&dir).unwrap_err().to_string();
            assert!(error.contains(name), "damage {n}: {error}");
        }
        std::fs::write(&file, &whole).unwrap();
    }
    // A checkpoint in the state's place, and the other way round: readable, but the wrong kind.
    let files = [state(&dir, 4), checkpoint(&dir, 4)];
    let whole = files.clone().map(|f| std::fs::read(f).unwrap());
    for (file, other, own) in [
        (&files[0], &whole[1], &whole[0]),
        (&files[1], &whole[0], &whole[1]),
    ] {
        std::fs::write(file, other).unwrap();
        let error = fold.run(&dir).unwrap_err().to_string();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name), "{error}");
        std::fs::write(file, own).unwrap();
    }
    fold.run(&dir).unwrap();
}

#[test]
fn changed_bytes_of_a_state_never_panic() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let fold = stopped(root.path(), &prepared);
    let dir = root.path().join("fold");
    let whole = std::fs::read(state(&dir, 4)).unwrap();
    let mut random = faus_base::random::named(1, "damage", &[]);
    for _ in 0..40 {
        let mut bytes = whole.clone();
        let header = 1500.min(bytes.len());
        bytes[random.random_range(0..header)] = random.next_u32() as u8;
        std::fs::write(state(&dir, 4), &bytes).unwrap();
        // Most changes are refused; one in a number's last digit goes unnoticed, and the fold finishes. Then it is
        // started again, since its state is gone.
        if fold.run(&dir).is_ok() {
            std::fs::remove_file(dir.join("fold.json")).unwrap();
            stopped(root.path(), &prepared);
        }
    }
}

#[test]
fn a_lost_metrics_file_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let fold = stopped(root.path(), &prepared);
    let dir = root.path().join("fold");
    std::fs::remove_file(dir.join("metrics.csv")).unwrap();
    let error = fold.run(&dir).unwrap_err().to_string();
    assert!(error.contains("metrics.csv"), "{error}");
}

#[test]
fn too_few_folds_leave_an_empty_part() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 2, 16);
    let error = Fold::new(&prepared)
        .run(&root.path().join("fold"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::EmptySplit {
                fold: 0,
                purpose: "train on"
            }
        ),
        "{error}"
    );
}

#[test]
fn an_image_size_that_the_network_cannot_take_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 20);
    let mut fold = Fold::new(&prepared);
    fold.architecture = &ZeroBiasCnn { k: None };
    let error = fold.run(&root.path().join("fold")).unwrap_err().to_string();
    assert!(error.contains("20x20"), "{error}");
}
