use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use faus_fau::{
    Analysis, AnalysisOptions, analyse_watched, au_name, drop_against, equally_active_sets,
    random_sets,
};
use faus_model::{DeviceChoice, Network};
use faus_train::images_tensor;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::open::{Run, stop_here, watched};
use super::table::{listed, say_verdict, write_table};
use crate::MakeArchitecture;
use crate::app::program::wrong_usage;
use crate::console::Bar;
use crate::run_folder::write_json;

/// Silence an action unit's filters, and see which expressions are lost.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus ablate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct AblateArgs {
    /// A finished run folder.
    run: PathBuf,
    /// Most filters silenced for one action unit, those with the largest KL.
    #[arg(long, default_value_t = 16)]
    filters: usize,
    /// Random, and as many equally active, sets of filters to compare with.
    #[arg(long, default_value_t = 99)]
    sets: usize,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn ablate(args: AblateArgs, make: MakeArchitecture) -> Result<()> {
    if args.sets < 19 || args.filters == 0 {
        return Err(wrong_usage(anyhow!(
            "--sets {} --filters {}: give at least 19 sets and one filter",
            args.sets,
            args.filters
        )));
    }
    let run = Run::open(&args.run, args.device, make)?;
    let fold = run.best_fold();
    let network = run.trained(fold)?;
    let stage = run.stage(&network)?;
    let activations = run.activations(&network, stage)?;
    let options = AnalysisOptions {
        bootstrap: 0,
        ..run.config.fau.clone()
    };
    let options = options.check()?;
    let analysis = watched("Exchanging codes", |watch| {
        run.workers
            .install(|| analyse_watched(&activations, &run.samples, &options, watch))
    })?;
    let rows = run.coded_rows();
    let activity = |filter: usize| {
        let values = rows
            .iter()
            .map(|&row| f64::from(activations.get(row, filter)));
        values.sum::<f64>() / rows.len() as f64
    };
    let activity: Vec<f64> = (0..analysis.filters).map(activity).collect();
    let live: Vec<usize> = (0..analysis.filters)
        .filter(|filter| !analysis.dead_filters.contains(filter))
        .collect();
    let head = Head::new(&run, &network, stage, fold)?;
    let before = head.recalls(&[])?;
    let mut effects = Vec::new();
    // Sets to compare with are drawn from the other filters, which must be as many at least.
    let units = own_filters(&analysis, args.filters.min(live.len() / 2));
    let bar = Bar::new("Silencing filters");
    for (done, (au, filters)) in units.iter().enumerate() {
        bar.set(done, units.len());
        stop_here()?;
        let seed = run.config.fau.seed;
        effects.push(Effect {
            au: *au,
            filters: filters.clone(),
            after: head.recalls(filters)?,
            random: head.all(&random_sets(filters, &live, args.sets, seed))?,
            active: head.all(&equally_active_sets(
                filters, &live, &activity, args.sets, seed,
            ))?,
        });
    }
    drop(bar);
    write(&run, &args, &head, &before, &effects)
}

/// The filters that correspond to each action unit beyond chance, those with the largest KL first.
fn own_filters(analysis: &Analysis, most: usize) -> Vec<(u8, Vec<usize>)> {
    let fdr = analysis.options.fdr;
    let beyond = |filter: usize| {
        let inference = analysis.inference.as_ref();
        // Where nothing was permuted every correspondence counts.
        inference
            .is_none_or(|i| analysis.options.permutations == 0 || i.filters[filter].q_max <= fdr)
    };
    let of = |au: u8| {
        let mut own: Vec<_> = analysis
            .correspondences
            .iter()
            .filter(|c| c.au == au && beyond(c.filter))
            .collect();
        own.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut filters: Vec<usize> = own.iter().take(most).map(|c| c.filter).collect();
        filters.sort_unstable();
        (au, filters)
    };
    let all = analysis.aus_used.iter().map(|count| of(count.au));
    all.filter(|(_, filters)| !filters.is_empty()).collect()
}

/// Share of right answers: over all images first, then class by class; NaN where a class has none.
type Recalls = Vec<f64>;

struct Effect {
    au: u8,
    filters: Vec<usize>,
    after: Recalls,
    random: Vec<Recalls>,
    active: Vec<Recalls>,
}

/// The network behind the silenced layer, and what the test images give at that layer.
struct Head<'a> {
    network: &'a Network,
    stage: usize,
    /// `[images, filters, …]`.
    maps: Tensor,
    labels: Vec<i64>,
    classes: usize,
}

impl<'a> Head<'a> {
    fn new(run: &Run, network: &'a Network, stage: usize, fold: usize) -> Result<Self> {
        let rows = run.prepared.split(fold, run.recipe.protocol)?.test;
        let mut maps = Vec::new();
        for rows in rows.chunks(32) {
            let images = images_tensor(&run.prepared, rows, &run.recipe.normalisation)?;
            let images = images.f_to_device(network.device())?;
            let forward = |x: Tensor, of: &faus_model::Stage| of.forward(&x);
            maps.push(tch::no_grad(|| {
                network.stages()[..=stage].iter().try_fold(images, forward)
            })?);
        }
        Ok(Self {
            network,
            stage,
            maps: Tensor::f_cat(&maps, 0)?,
            labels: rows.iter().map(|&row| run.prepared.labels()[row]).collect(),
            classes: run.prepared.info().classes.len(),
        })
    }

    fn all(&self, sets: &[Vec<usize>]) -> Result<Vec<Recalls>> {
        sets.iter().map(|set| self.recalls(set)).collect()
    }

    /// Right answers with these filters at 0: a rectified unit's way of saying nothing.
    fn recalls(&self, silenced: &[usize]) -> Result<Recalls> {
        let size = self.maps.size();
        let mut kept = vec![1f32; size[1] as usize];
        silenced.iter().for_each(|&filter| kept[filter] = 0.0);
        // [1, filters, 1 …], for maps and for units alike.
        let shape: Vec<i64> = (0..size.len())
            .map(|axis| if axis == 1 { size[1] } else { 1 })
            .collect();
        let kept = Tensor::f_from_slice(&kept)?.f_reshape(shape.as_slice())?;
        let maps = self.maps.f_mul(&kept.f_to_device(self.network.device())?)?;
        let rest = &self.network.stages()[self.stage + 1..];
        let logits = tch::no_grad(|| rest.iter().try_fold(maps, |x, stage| stage.forward(&x)))?;
        let chosen = logits
            .f_argmax(1, false)?
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Int64)?;
        let mut predicted = vec![0_i64; chosen.numel()];
        chosen.f_copy_data(&mut predicted, chosen.numel())?;
        let share = |class: Option<usize>| {
            let own = predicted.iter().zip(&self.labels);
            let own = own.filter(|(_, label)| class.is_none_or(|class| **label == class as i64));
            let (right, all) = own.fold((0, 0), |(right, all), (p, l)| {
                (right + usize::from(p == l), all + 1)
            });
            right as f64 / all as f64
        };
        Ok(std::iter::once(None)
            .chain((0..self.classes).map(Some))
            .map(share)
            .collect())
    }

    fn images(&self, class: Option<usize>) -> usize {
        let of = |label: &&i64| class.is_none_or(|class| **label == class as i64);
        self.labels.iter().filter(of).count()
    }
}

fn write(
    run: &Run,
    args: &AblateArgs,
    head: &Head,
    before: &Recalls,
    effects: &[Effect],
) -> Result<()> {
    let classes = &run.prepared.info().classes;
    let header = [
        "au",
        "label",
        "label_name",
        "images",
        "filters",
        "recall_before",
        "recall_after",
        "drop",
        "drop_random",
        "drop_active",
        "p_random",
        "p_active",
    ];
    let mut rows = Vec::new();
    let mut harmed: Vec<(u8, String)> = Vec::new();
    for effect in effects {
        for at in 0..=classes.len() {
            let class = at.checked_sub(1);
            let name = class.map_or("all", |class| classes[class].as_str());
            let drop = before[at] - effect.after[at];
            let of = |sets: &[Recalls]| -> Vec<f64> {
                sets.iter().map(|set| before[at] - set[at]).collect()
            };
            let (p_random, drop_random) = drop_against(drop, &of(&effect.random));
            let (p_active, drop_active) = drop_against(drop, &of(&effect.active));
            if class.is_some() && drop > 0.0 && p_random.max(p_active) <= 0.05 {
                harmed.push((effect.au, name.to_owned()));
            }
            let numbers = [
                before[at],
                effect.after[at],
                drop,
                drop_random,
                drop_active,
                p_random,
                p_active,
            ];
            let row = [
                effect.au.to_string(),
                class.map_or(String::new(), |class| class.to_string()),
                name.to_owned(),
                head.images(class).to_string(),
                effect.filters.len().to_string(),
            ];
            rows.push(
                row.into_iter()
                    .chain(numbers.map(|x| x.to_string()))
                    .collect(),
            );
        }
    }
    let table = run.fau("causal.csv")?;
    write_table(&table, &header, rows)?;
    let shown = (0..classes.len()).filter(|&class| head.images(Some(class)) > 0);
    let sentences = verdict(head, before, effects, &harmed, shown.count());
    let summary = json!({
        "synthetic": run.synthetic(),
        "fold": run.best_fold(),
        "layer": head.network.stages()[head.stage].name,
        "images": head.labels.len(),
        "sets": args.sets,
        "silenced": "set to 0 behind the layer's ReLU and pooling",
        "p": "share of sets that cost at least as much, (b + 1) / (m + 1), not corrected for the number of units and classes",
        "aus": effects.iter().map(|e| json!({"au": e.au, "name": au_name(e.au), "filters": e.filters})).collect::<Vec<_>>(),
        "verdict": sentences,
    });
    write_json(&run.fau("causal.json")?, &summary)?;
    say_verdict(run.synthetic(), &sentences);
    println!("{}", table.display());
    Ok(())
}

fn verdict(
    head: &Head,
    before: &Recalls,
    effects: &[Effect],
    harmed: &[(u8, String)],
    classes: usize,
) -> Vec<String> {
    if effects.is_empty() {
        return vec![
            "No filter corresponds to an action unit beyond chance, so none was silenced."
                .to_owned(),
        ];
    }
    let aus: Vec<u8> = effects.iter().map(|e| e.au).collect();
    let mut said = vec![format!(
        "{:.1}% of {} test images are classified with all filters; the filters of {} action units ({}) were silenced one unit at a time.",
        100.0 * before[0],
        head.labels.len(),
        aus.len(),
        listed(&aus)
    )];
    let tests = effects.len() * classes;
    let pairs: Vec<String> = harmed
        .iter()
        .map(|(au, class)| format!("{class} without AU {au}"))
        .collect();
    said.push(match harmed.is_empty() {
        true => "No expression loses more than with as many random and equally active filters silenced (p ≤ 0.05 for both).".to_owned(),
        false => format!(
            "More than with as many random and equally active filters silenced is lost for {} of {tests} pairs of unit and expression: {} (p ≤ 0.05 for both, not corrected for the number of pairs; about {:.0} would pass by chance at most).",
            harmed.len(),
            pairs.join(", "),
            0.05 * tests as f64
        ),
    });
    said
}
