use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::Protocol;
use faus_fau::{
    Activations, CheckedOptions, FoldActivations, OutOfFold, Replicated, au_name,
    benjamini_hochberg, out_of_fold, replicate as replicate_pairs,
};
use faus_model::DeviceChoice;
use serde_json::{Value, json};

use super::open::{Run, check_draws, stop_here};
use super::table::{listed, say_verdict, write_table};
use crate::MakeArchitecture;
use crate::console::{Bar, counted};
use crate::run_folder::write_json;

/// Choose filter-AU pairs on each fold's training people and score them on its test people.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus replicate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ReplicateArgs {
    /// A finished run folder.
    run: PathBuf,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn replicate(args: ReplicateArgs, make: MakeArchitecture) -> Result<()> {
    let run = Run::open(&args.run, args.device, make)?;
    let options = run.config.fau.check()?;
    check_draws(&options, "replicate")?;
    let folds = run.folds();
    let mut activations = Vec::new();
    let bar = Bar::new("Looking into every fold");
    for (done, &fold) in folds.iter().enumerate() {
        bar.set(done, folds.len());
        stop_here()?;
        let network = run.trained(fold)?;
        activations.push(run.activations(&network, run.stage(&network)?)?);
    }
    drop(bar);
    write(&run, &folds, &activations, &options)
}

fn write(
    run: &Run,
    folds: &[usize],
    activations: &[Activations],
    options: &CheckedOptions,
) -> Result<()> {
    if !folds
        .iter()
        .any(|&fold| run.prepared.folds().contains(&(fold as i64)))
    {
        bail!(
            "{}: this data set comes with splits of its own, in which a person has no one fold to be tested in; nothing can be replicated over folds",
            run.folder.root().display()
        );
    }
    // The test fold's people, their sequences without a label among them: the network saw none of them.
    let in_test = |fold: usize| -> Vec<bool> {
        let own = run.prepared.folds().iter();
        own.map(|&of| of == fold as i64).collect()
    };
    let tests: Vec<Vec<bool>> = folds.iter().map(|&fold| in_test(fold)).collect();
    let views: Vec<FoldActivations> = folds
        .iter()
        .zip(activations)
        .zip(&tests)
        .map(|((&fold, activations), test)| FoldActivations {
            fold,
            activations,
            test,
        })
        .collect();
    let (pairs, units) = run.workers.install(|| {
        let pairs = replicate_pairs(&views, &run.samples, options)?;
        Ok::<_, faus_fau::Error>((pairs, out_of_fold(&views, &run.samples, options)?))
    })?;
    let header = [
        "fold",
        "filter",
        "au",
        "train_kl",
        "train_auroc",
        "test_n_with",
        "test_n_without",
        "test_auroc",
        "same_direction",
    ];
    let rows = pairs.iter().map(|pair| {
        let same = pair
            .same_direction()
            .map_or("NaN".to_owned(), |s| u8::from(s).to_string());
        vec![
            pair.fold.to_string(),
            pair.filter.to_string(),
            pair.au.to_string(),
            pair.train_kl.to_string(),
            pair.train_auroc.to_string(),
            pair.test_n_with.to_string(),
            pair.test_n_without.to_string(),
            pair.test_auroc.to_string(),
            same,
        ]
    });
    let table = run.fau("replication.csv")?;
    write_table(&table, &header, rows)?;
    let q = benjamini_hochberg(&units.iter().map(|u| u.p).collect::<Vec<_>>());
    let mut sentences = verdict(&pairs, &units, &q, options.fdr, folds.len());
    let optimistic = run.recipe.protocol == Protocol::Paper2015;
    if optimistic {
        sentences.push("This is optimistic: under paper-2015 the labels of these people chose the network's checkpoint.".to_owned());
    }
    let summary = json!({
        "synthetic": run.synthetic(),
        "optimistic": optimistic,
        "exchange": options.exchange,
        "rule": "the action unit with the filter's largest KL on the people who are not tested; by_au: the filter whose AUROC lies farthest from 0.5 on them",
        "folds": folds.iter().map(|&fold| of_fold(fold, &pairs)).collect::<Vec<_>>(),
        "by_au": units.iter().zip(&q).map(|(unit, &q)| of_unit(unit, q)).collect::<Vec<_>>(),
        "verdict": sentences,
    });
    write_json(&run.fau("replication.json")?, &summary)?;
    say_verdict(run.synthetic(), &sentences);
    println!("{}", table.display());
    Ok(())
}

/// AUROC turned so that more than 0.5 means the direction that was chosen.
fn turned(pair: &Replicated) -> f64 {
    0.5 + (pair.test_auroc - 0.5) * (pair.train_auroc - 0.5).signum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|x| !x.is_nan());
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n => (values[(n - 1) / 2] + values[n / 2]) / 2.0,
    }
}

fn of_fold(fold: usize, pairs: &[Replicated]) -> Value {
    let own: Vec<&Replicated> = pairs.iter().filter(|pair| pair.fold == fold).collect();
    let same: Vec<bool> = own
        .iter()
        .filter_map(|pair| pair.same_direction())
        .collect();
    json!({
        "fold": fold,
        "selected": own.len(),
        "scored": same.len(),
        "same_direction": same.iter().filter(|s| **s).count(),
        "median_test_auroc": median(own.iter().map(|pair| turned(pair)).collect()),
    })
}

fn of_unit(unit: &OutOfFold, q: f64) -> Value {
    json!({
        "au": unit.count.au,
        "name": au_name(unit.count.au),
        "folds_scored": unit.folds,
        "filters": unit.filters,
        "out_of_fold_auroc": unit.auroc,
        "low": unit.range.low,
        "high": unit.range.high,
        "p": unit.p,
        "q": q,
    })
}

fn verdict(
    pairs: &[Replicated],
    units: &[OutOfFold],
    q: &[f64],
    fdr: f64,
    folds: usize,
) -> Vec<String> {
    let same: Vec<bool> = pairs
        .iter()
        .filter_map(Replicated::same_direction)
        .collect();
    let held = same.iter().filter(|s| **s).count();
    let kept: Vec<u8> = units
        .iter()
        .zip(q)
        .filter(|(_, q)| **q <= fdr)
        .map(|(u, _)| u.count.au)
        .collect();
    vec![
        format!(
            "Over {}, {held} of {} filter-AU pairs chosen on other people ({:.0}%, chance 50%) keep their direction on people whom the network never saw; median AUROC {:.3}.",
            counted(folds, "fold"),
            same.len(),
            100.0 * held as f64 / same.len() as f64,
            median(pairs.iter().map(turned).collect())
        ),
        format!(
            "The best filter of an action unit, chosen on other people, tells {} of {} units on unseen people (false-discovery rate {:.0}%): {}.",
            kept.len(),
            units.len(),
            100.0 * fdr,
            listed(&kept)
        ),
    ]
}
