use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use faus_fau::{Activations, AnalysisOptions, CheckedOptions, Control, coarse, exchange_codes};
use faus_model::{Checkpoint, DeviceChoice, Network, Precision};
use faus_train::{FoldJob, FoldProgress, Monitor, train_on_shuffled_labels};
use serde_json::{Value, json};

use super::open::{Run, check_draws, stop_here, watched};
use super::table::{listed, say_verdict, write_table};
use crate::console::say;
use crate::progress::Board;
use crate::run_folder::write_json;
use crate::{MakeArchitecture, interrupt};

/// Put the trained network beside what should show nothing: untrained, label-shuffled, AU-shuffled, pixels.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus controls runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ControlsArgs {
    /// A finished run folder.
    run: PathBuf,
    /// Leave out the network trained on shuffled labels, which takes as long as a fold.
    #[arg(long)]
    skip_training: bool,
    /// Permutations behind every p; default as the run has it.
    #[arg(long, value_name = "N")]
    permutations: Option<usize>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

const TRAINED: &str = "trained";
const UNTRAINED: &str = "untrained";
const LABEL_SHUFFLED: &str = "label_shuffled";
const AU_SHUFFLED: &str = "au_shuffled";
const PIXELS: &str = "pixels";

/// What each control is, in words.
fn words(control: &str) -> &'static str {
    match control {
        TRAINED => "the network as trained",
        UNTRAINED => "the same network before training",
        LABEL_SHUFFLED => "the same network trained on expression labels shuffled over sequences",
        AU_SHUFFLED => "the trained network, action-unit codes exchanged between and within people",
        _ => "no network: mean, contrast and edges of the image and its parts",
    }
}

pub(crate) fn controls(args: ControlsArgs, make: MakeArchitecture) -> Result<()> {
    let run = Run::open(&args.run, args.device, make)?;
    if !args.skip_training {
        // A device without the run's precision is refused now, and not after the other controls.
        run.recipe.precision.set_up(run.device)?;
        Precision::for_looking(run.device)?;
    }
    let options = AnalysisOptions {
        permutations: args.permutations.unwrap_or(run.config.fau.permutations),
        ..run.config.fau.clone()
    };
    let options = options.check()?;
    check_draws(&options, "controls")?;
    let fold = run.best_fold();
    say(format!(
        "Fold {fold}, which validated best, and what to hold it against"
    ));
    let network = run.trained(fold)?;
    let stage = run.stage(&network)?;
    let trained = run.activations(&network, stage)?;
    let mut all = vec![analysed(TRAINED, &run, &trained, &run.samples, &options)?];
    let untrained = run.activations(&run.untrained(fold)?, stage)?;
    all.push(analysed(
        UNTRAINED,
        &run,
        &untrained,
        &run.samples,
        &options,
    )?);
    let moved = exchange_codes(&run.samples, options.seed);
    all.push(analysed(AU_SHUFFLED, &run, &trained, &moved, &options)?);
    let pixels = pixels(&run)?;
    all.push(analysed(PIXELS, &run, &pixels, &run.samples, &options)?);
    if !args.skip_training {
        let network = label_shuffled(&run, fold)?;
        let activations = run.activations(&network, stage)?;
        let control = analysed(LABEL_SHUFFLED, &run, &activations, &run.samples, &options)?;
        all.insert(2, control);
    }
    write(&run, &all, &options)
}

fn analysed(
    name: &str,
    run: &Run,
    activations: &Activations,
    samples: &[faus_fau::SampleRow],
    options: &CheckedOptions,
) -> Result<Control> {
    stop_here()?;
    let control = watched(name, |watch| {
        run.workers
            .install(|| Control::of(name, activations, samples, options, watch))
    })?;
    say(format!(
        "{name:14} mean AUROC of the best filters, chosen on other people: {:.3} [{:.3}, {:.3}]",
        control.mean_auroc, control.range.low, control.range.high
    ));
    Ok(control)
}

/// Squares along each side of the image in which edges are measured.
const GRID: usize = 4;

/// Mean, standard deviation and mean edge strength (Sobel) of every coded image, and edge strength in a 4×4 grid.
fn pixels(run: &Run) -> Result<Activations> {
    let rows = run.coded_rows();
    let side = run.prepared.image_size();
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|&row| image_features(run.prepared.image(row), side))
        .collect();
    Ok(run.spread(&rows, &values)?)
}

fn image_features(image: &[u8], side: usize) -> Vec<f32> {
    let grey = |row: usize, column: usize| f32::from(image[row * side + column]);
    let n = image.len() as f32;
    let mean = image.iter().map(|&g| f32::from(g)).sum::<f32>() / n;
    let squares: f32 = image.iter().map(|&g| (f32::from(g) - mean).powi(2)).sum();
    let mut cells = vec![0.0; GRID * GRID];
    for row in 1..side - 1 {
        for column in 1..side - 1 {
            let at = |down: usize, right: usize| grey(row + down - 1, column + right - 1);
            let across =
                at(0, 2) + 2.0 * at(1, 2) + at(2, 2) - at(0, 0) - 2.0 * at(1, 0) - at(2, 0);
            let along = at(2, 0) + 2.0 * at(2, 1) + at(2, 2) - at(0, 0) - 2.0 * at(0, 1) - at(0, 2);
            cells[row * GRID / side * GRID + column * GRID / side] += across.hypot(along) / n;
        }
    }
    let edges = cells.iter().sum();
    [vec![mean, (squares / n).sqrt(), edges], cells].concat()
}

/// The network of `fold` trained on shuffled labels, kept in `controls/`.
fn label_shuffled(run: &Run, fold: usize) -> Result<Network> {
    let root = run.folder.join("controls/label_shuffled");
    let dir = root.join(format!("fold-{fold}"));
    if !dir.join("fold.json").exists() {
        train(run, fold, &root)?;
    }
    let best = Checkpoint::load(&dir.join("best.safetensors"))?;
    Ok(best.network(run.architecture.as_ref(), run.device)?)
}

fn train(run: &Run, fold: usize, dir: &Path) -> Result<()> {
    say(format!(
        "Training fold {fold} on shuffled labels, {} steps",
        run.recipe.steps
    ));
    let board = Board::new(1, run.recipe.steps);
    board.begin(fold);
    let progress = |p: FoldProgress| board.step(&p);
    let monitor = Monitor {
        cancelled: interrupt::stop(),
        progress: &progress,
    };
    let job = FoldJob {
        prepared: &run.prepared,
        architecture: run.architecture.as_ref(),
        recipe: &run.recipe,
        fold,
        seed: run.config.seed,
        device: run.device,
        dir,
        resume: false,
        tensorboard: false,
    };
    let result = train_on_shuffled_labels(&job, &run.workers, &monitor)?;
    Precision::for_looking(run.device)?;
    board.end(fold);
    drop(board);
    say(format!(
        "It classifies {:.1}% of its (shuffled) test images, most frequent class {:.1}%",
        100.0 * result.test_accuracy,
        100.0 * result.majority_accuracy
    ));
    Ok(())
}

fn write(run: &Run, all: &[Control], options: &CheckedOptions) -> Result<()> {
    let header = [
        "control",
        "au",
        "filters",
        "best_auroc",
        "best_auroc_low",
        "best_auroc_high",
        "pairs_q",
        "pairs_within_class_q",
    ];
    let rows = all.iter().flat_map(|control| {
        control.units.iter().map(|unit| {
            let numbers = [unit.auroc, unit.range.low, unit.range.high];
            [
                control.name.clone(),
                unit.count.au.to_string(),
                control.filters.to_string(),
            ]
            .into_iter()
            .chain(numbers.map(|x| x.to_string()))
            .chain([unit.filters_q, unit.filters_within_class_q].map(|n| n.to_string()))
            .collect()
        })
    });
    let table = run.fau("controls.csv")?;
    write_table(&table, &header, rows)?;
    let sentences = verdict(all, options, run.best_fold());
    let entries: Vec<Value> = all.iter().map(|control| entry(&all[0], control)).collect();
    let summary = json!({
        "synthetic": run.synthetic(),
        "fold": run.best_fold(),
        "fdr": options.fdr,
        "permutations": options.permutations,
        "best_auroc": "AUROC of the action unit's best filter, chosen on other people (ten folds of subjects), pooled over the people left out",
        "controls": entries,
        "verdict": sentences,
    });
    write_json(&run.fau("controls.json")?, &summary)?;
    let chart = faus_fau::control_chart(all, run.synthetic())?;
    crate::run_folder::write_bytes(&run.fau("controls.svg")?, chart.as_bytes())?;
    say_verdict(run.synthetic(), &sentences);
    println!("{}", table.display());
    Ok(())
}

fn entry(trained: &Control, control: &Control) -> Value {
    let gap = (control.name != trained.name).then(|| trained.above(control));
    json!({
        "control": control.name,
        "words": words(&control.name),
        "filters": control.filters,
        "pairs": control.pairs,
        "pairs_q": control.pairs_q,
        "filters_max_q": control.filters_max_q,
        "pairs_within_class_q": control.pairs_within_class_q,
        "filters_within_class_q": control.filters_within_class_q,
        "mean_best_auroc": control.mean_auroc,
        "low": control.range.low,
        "high": control.range.high,
        "below_trained": gap.map(|gap| json!({
            "difference": gap.difference,
            "low": gap.range.low,
            "high": gap.range.high,
            "p": gap.p,
        })),
    })
}

/// The plain answer: how many filters, for which action units, above what, how certain.
fn verdict(all: &[Control], options: &CheckedOptions, fold: usize) -> Vec<String> {
    let (trained, others) = (&all[0], &all[1..]);
    let mut said = vec![format!(
        "{} of the trained network's {} filters exceed the null at a false-discovery rate of {:.0}%; {} do inside expression classes.",
        trained.filters_max_q,
        trained.filters,
        100.0 * options.fdr,
        trained.filters_within_class_q
    )];
    said.extend(coarse(options, trained.pairs));
    said.push(format!(
        "The network of fold {fold} was trained on most of these people; \"chosen on other people\" is about the choice of the filter. `faus replicate` scores people whom the network never saw."
    ));
    for other in others {
        if other.name == AU_SHUFFLED {
            said.push(format!(
                "With exchanged codes {} of {} pairs pass, which should be none but for chance.",
                other.pairs_q, other.pairs
            ));
            continue;
        }
        let gap = trained.above(other);
        let clear: Vec<u8> = trained
            .units
            .iter()
            .filter(|unit| {
                trained
                    .above_for(other, unit.count.au)
                    .is_some_and(|g| g.range.low > 0.0)
            })
            .map(|unit| unit.count.au)
            .collect();
        let relation = match (gap.range.low > 0.0, gap.range.high < 0.0) {
            (true, _) => "above",
            (_, true) => "BELOW",
            _ => "not told from",
        };
        said.push(format!(
            "The trained network is {relation} {} ({}): mean AUROC {:.3} against {:.3}, difference {:+.3} [{:+.3}, {:+.3}]; {} of {} filters of that pass too. Clearly above for action units: {}.",
            other.name.replace('_', "-"),
            words(&other.name),
            trained.mean_auroc,
            other.mean_auroc,
            gap.difference,
            gap.range.low,
            gap.range.high,
            other.filters_max_q,
            other.filters,
            listed(&clear)
        ));
    }
    said
}
