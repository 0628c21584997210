use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use faus_fau::{Activations, ProbeOptions, ProbeScore, Range95, au_name, probe as probe_layer};
use faus_model::{DeviceChoice, Network};
use serde_json::{Value, json};

use super::open::{Run, stop_here, watched};
use super::table::{say_verdict, write_table};
use crate::MakeArchitecture;
use crate::app::program::wrong_usage;
use crate::console::say;
use crate::run_folder::write_json;

/// Read action units from every layer with linear probes, beside control tasks and the untrained network.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus probe runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ProbeArgs {
    /// A finished run folder.
    run: PathBuf,
    /// Penalty on the probes' squared weights.
    #[arg(long, default_value_t = ProbeOptions::default().penalty)]
    penalty: f64,
    /// Subject-wise folds.
    #[arg(long, default_value_t = ProbeOptions::default().folds)]
    folds: usize,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

/// The scores of one layer of one network.
struct Layer {
    network: &'static str,
    name: String,
    scores: Vec<ProbeScore>,
}

/// Side of the shrunken images that stand for no network at all.
const PIXELS: usize = 12;

pub(crate) fn probe(args: ProbeArgs, make: MakeArchitecture) -> Result<()> {
    if !(args.penalty.is_finite() && args.penalty > 0.0) || args.folds < 2 {
        return Err(wrong_usage(anyhow!(
            "--penalty {} --folds {}: give a positive penalty and at least two folds",
            args.penalty,
            args.folds
        )));
    }
    let run = Run::open(&args.run, args.device, make)?;
    let options = ProbeOptions {
        penalty: args.penalty,
        folds: args.folds,
        min_positives: run.config.fau.min_positives,
        bootstrap: run.config.fau.bootstrap,
        seed: run.config.fau.seed,
        ..ProbeOptions::default()
    };
    let fold = run.best_fold();
    let mut layers = vec![scored(
        &run,
        "pixels",
        "pixels",
        &shrunken(&run)?,
        &options,
    )?];
    let networks: [(&str, Network); 2] = [
        ("untrained", run.untrained(fold)?),
        ("trained", run.trained(fold)?),
    ];
    for (name, network) in &networks {
        for (stage, of) in network.stages().iter().enumerate() {
            let activations = run.activations(network, stage)?;
            layers.push(scored(&run, name, &of.name, &activations, &options)?);
        }
    }
    write(&run, &layers, &options)
}

fn scored(
    run: &Run,
    network: &'static str,
    layer: &str,
    activations: &Activations,
    options: &ProbeOptions,
) -> Result<Layer> {
    stop_here()?;
    let scores = watched(&format!("{network} {layer}"), |watch| {
        run.workers
            .install(|| probe_layer(activations, &run.samples, options, watch))
    })?;
    let layer = Layer {
        network,
        name: layer.to_owned(),
        scores,
    };
    say(format!(
        "{network:10} {:8} mean AUROC {:.3}, control task {:.3}, beyond the class {:+.3}",
        layer.name,
        layer.mean(|s| s.auroc),
        layer.mean(|s| s.control_auroc),
        layer.mean(ProbeScore::beyond_class)
    ));
    Ok(layer)
}

/// Every coded image as 12×12 mean greys.
fn shrunken(run: &Run) -> Result<Activations> {
    let rows = run.coded_rows();
    let side = run.prepared.image_size();
    let small = |&row: &usize| {
        let mut cells = vec![(0.0, 0.0); PIXELS * PIXELS];
        for (at, &grey) in run.prepared.image(row).iter().enumerate() {
            let cell = (at / side * PIXELS / side) * PIXELS + at % side * PIXELS / side;
            cells[cell].0 += f32::from(grey);
            cells[cell].1 += 1.0;
        }
        cells
            .into_iter()
            .map(|(sum, n): (f32, f32)| sum / n.max(1.0))
    };
    let values: Vec<f32> = rows.iter().flat_map(small).collect();
    Ok(run.spread(&rows, &values)?)
}

impl Layer {
    /// Mean over the action units where it is defined.
    fn mean(&self, of: impl Fn(&ProbeScore) -> f64) -> f64 {
        let known: Vec<f64> = self.scores.iter().map(of).filter(|x| !x.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    }

    fn json(&self) -> Value {
        json!({
            "network": self.network,
            "layer": self.name,
            "features": self.scores.first().map(|s| s.features),
            "mean_auroc": self.mean(|s| s.auroc),
            "mean_f1": self.mean(|s| s.f1),
            "mean_control_auroc": self.mean(|s| s.control_auroc),
            "mean_selectivity": self.mean(ProbeScore::selectivity),
            "mean_selectivity_beyond_class": self.mean(ProbeScore::beyond_class),
        })
    }
}

fn write(run: &Run, layers: &[Layer], options: &ProbeOptions) -> Result<()> {
    let header = [
        "network",
        "layer",
        "au",
        "features",
        "n_with",
        "n_without",
        "auroc",
        "f1",
        "auroc_low",
        "auroc_high",
        "control_auroc",
        "control_f1",
        "labelled_auroc",
        "class_control_auroc",
        "selectivity",
        "selectivity_beyond_class",
    ];
    let rows = layers.iter().flat_map(|layer| {
        layer.scores.iter().map(|s| {
            let counts = [s.features, s.count.n_with, s.count.n_without];
            let numbers = [
                s.auroc,
                s.f1,
                s.range.low,
                s.range.high,
                s.control_auroc,
                s.control_f1,
                s.labelled_auroc,
                s.class_control_auroc,
                s.selectivity(),
                s.beyond_class(),
            ];
            [
                layer.network.to_owned(),
                layer.name.clone(),
                s.count.au.to_string(),
            ]
            .into_iter()
            .chain(counts.map(|n| n.to_string()))
            .chain(numbers.map(|x| x.to_string()))
            .collect()
        })
    });
    let table = run.fau("probes.csv")?;
    write_table(&table, &header, rows)?;
    let first = first_layers(layers);
    let sentences = verdict(layers, &first);
    let summary = json!({
        "synthetic": run.synthetic(),
        "fold": run.best_fold(),
        "folds": options.folds,
        "penalty": options.penalty,
        "layers": layers.iter().map(Layer::json).collect::<Vec<_>>(),
        "first_layer": first.iter().map(|(au, layer)| json!({"au": au, "name": au_name(*au), "layer": layer})).collect::<Vec<_>>(),
        "verdict": sentences,
    });
    write_json(&run.fau("probes.json")?, &summary)?;
    say_verdict(run.synthetic(), &sentences);
    println!("{}", table.display());
    Ok(())
}

/// For every action unit the first layer that lies above the same layer of the untrained network: the 95% interval of the
/// difference, the same people resampled for both, is above 0. Not corrected for the number of units and layers.
fn first_layers(layers: &[Layer]) -> Vec<(u8, Option<String>)> {
    let of = |network: &'static str| layers.iter().filter(move |l| l.network == network);
    let pairs: Vec<(&Layer, &Layer)> = of("trained").zip(of("untrained")).collect();
    let Some((any, _)) = pairs.first() else {
        return vec![];
    };
    let first = |(unit, score): (usize, &ProbeScore)| {
        let above = pairs.iter().find(|(trained, untrained)| {
            let (own, theirs) = (&trained.scores[unit], &untrained.scores[unit]);
            Range95::of_difference(&own.resampled, &theirs.resampled).low > 0.0
        });
        (score.count.au, above.map(|(layer, _)| layer.name.clone()))
    };
    any.scores.iter().enumerate().map(first).collect()
}

fn verdict(layers: &[Layer], first: &[(u8, Option<String>)]) -> Vec<String> {
    let best = |network: &str| {
        let own = layers.iter().filter(|l| l.network == network);
        own.reduce(|best, l| {
            if l.mean(|s| s.auroc) > best.mean(|s| s.auroc) {
                l
            } else {
                best
            }
        })
    };
    let mut said = Vec::new();
    if let (Some(trained), Some(untrained), Some(pixels)) =
        (best("trained"), best("untrained"), best("pixels"))
    {
        said.push(format!(
            "Action units are read best from {} of the trained network (mean AUROC {:.3}); from {} of the untrained one {:.3}, from 12×12 pixels {:.3}, and the control task gives {:.3}.",
            trained.name,
            trained.mean(|s| s.auroc),
            untrained.name,
            untrained.mean(|s| s.auroc),
            pixels.mean(|s| s.auroc),
            trained.mean(|s| s.control_auroc)
        ));
        said.push(format!(
            "Beyond the expression, codes shuffled inside each class, {} of the trained network gains {:+.3} and {} of the untrained one {:+.3}.",
            trained.name,
            trained.mean(ProbeScore::beyond_class),
            untrained.name,
            untrained.mean(ProbeScore::beyond_class)
        ));
    }
    let risen = first.iter().filter(|(_, layer)| layer.is_some()).count();
    said.push(format!(
        "Some layer of the trained network lies above the same layer untrained, by more than resampled people explain (95%, not corrected for the number of layers and units), for {risen} of {} action units.",
        first.len()
    ));
    said
}
