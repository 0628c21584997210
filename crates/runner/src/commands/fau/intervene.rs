use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::crop::{Landmarks, face_square};
use faus_data::normalise::to_unit_range;
use faus_data::{CropBox, resize};
use faus_fau::{
    Activations, Agreement, Analysis, AnalysisOptions, Response, Switched, agreement,
    analyse_watched, responses,
};
use faus_model::{DeviceChoice, Network};
use faus_synth::{AUS, AuState, Identity, Rendered, Scene, render};
use rayon::prelude::*;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::open::{Run, stop_here, watched};
use super::table::{say_verdict, write_table};
use crate::MakeArchitecture;
use crate::app::program::wrong_usage;
use crate::console::Bar;
use crate::run_folder::write_json;

/// Switch single action units on in synthetic faces, and see which filters answer.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus intervene runs/ck_plus-cnn_ad-quick --people 40")]
pub(crate) struct InterveneArgs {
    /// A finished run folder.
    run: PathBuf,
    /// Synthetic people, none of whom is in the synthetic CK+.
    #[arg(long, default_value_t = 40)]
    people: usize,
    /// How strongly a unit is switched on, above 0 to 1 (FACS intensity E).
    #[arg(long, default_value_t = 0.8)]
    strength: f32,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

/// Size of the drawn pictures: CK+'s.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 490;
/// Population of the people switched: another than any data set's, whose seeds are small.
const POPULATION: u64 = 0x5717_C4ED;
/// Faces that go through the network together.
const CHUNK: usize = 32;

pub(crate) fn intervene(args: InterveneArgs, make: MakeArchitecture) -> Result<()> {
    if args.people < 6 {
        return Err(wrong_usage(anyhow!(
            "--people {}: give at least 6, or no p can be small",
            args.people
        )));
    }
    if !(args.strength > 0.0 && args.strength <= 1.0) {
        return Err(wrong_usage(anyhow!(
            "--strength {}: give more than 0 and at most 1",
            args.strength
        )));
    }
    let run = Run::open(&args.run, args.device, make)?;
    let network = run.trained(run.best_fold())?;
    let stage = run.stage(&network)?;
    let natural = run.activations(&network, stage)?;
    // The measures that are judged; their nulls are not needed here.
    let options = AnalysisOptions {
        permutations: 0,
        bootstrap: 0,
        ..run.config.fau.clone()
    };
    let options = options.check()?;
    let analysis = watched("Scoring photographs", |watch| {
        analyse_watched(&natural, &run.samples, &options, watch)
    })?;
    let aus: Vec<u8> = analysis
        .aus_used
        .iter()
        .map(|c| c.au)
        .filter(|au| AUS.contains(au))
        .collect();
    if aus.is_empty() {
        bail!("none of the action units coded in this data set can be drawn");
    }
    let faces = draw(&run, &args, &aus)?;
    let activations = faces
        .iter()
        .map(|faces| network_answers(&run, &network, stage, faces))
        .collect::<Result<Vec<_>>>()?;
    let mut activations = activations.into_iter();
    let rest = activations.next().context("no face was drawn")?;
    let switched: Vec<Switched> = aus
        .iter()
        .zip(activations)
        .map(|(&au, activations)| Switched { au, activations })
        .collect();
    let spread = spreads(&run, &natural);
    let seed = run.config.fau.seed;
    let answers = run
        .workers
        .install(|| responses(&rest, &switched, &spread, seed))?;
    write(&run, &args, &aus, &analysis, &answers)
}

/// Faces at rest, then with each unit switched on: grey crops of the run's size, person by person. The crop is that of
/// the face at rest, so that it does not move with the unit.
fn draw(run: &Run, args: &InterveneArgs, aus: &[u8]) -> Result<Vec<Vec<Vec<u8>>>> {
    let side = run.prepared.image_size() as u32;
    let bar = Bar::new("Switching action units");
    let done = std::sync::atomic::AtomicUsize::new(0);
    let person = |person: u64| -> Result<Vec<Vec<u8>>> {
        stop_here()?;
        let identity = Identity::draw(POPULATION, person);
        let scene = scene(person);
        let rest = render(&identity, &AuState::neutral(), &scene, WIDTH, HEIGHT);
        let crop = crop(&rest)?;
        let mut faces = vec![resize(&rest.image, crop, side, side)];
        for &au in aus {
            let state = AuState::neutral().with(au, args.strength)?;
            let face = render(&identity, &state, &scene, WIDTH, HEIGHT);
            faces.push(resize(&face.image, crop, side, side));
        }
        let so_far = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        bar.set(so_far, args.people);
        Ok(faces)
    };
    let people: Vec<Vec<Vec<u8>>> = run.workers.install(|| {
        let people = 0..args.people as u64;
        people.into_par_iter().map(person).collect::<Result<_>>()
    })?;
    let of = |at: usize| people.iter().map(|faces| faces[at].clone()).collect();
    Ok((0..=aus.len()).map(of).collect())
}

/// Each person has another light, the same with and without the unit.
fn scene(person: u64) -> Scene {
    let turn = person as f32 * 2.399_963; // The golden angle spreads lights evenly.
    Scene {
        light: [0.45 * turn.cos(), -0.5 + 0.3 * turn.sin(), 1.0],
        noise_key: [POPULATION, person, 0],
        ..Scene::default()
    }
}

fn crop(face: &Rendered) -> Result<CropBox> {
    let points = face.landmarks.iter().map(|(x, y)| format!("{x} {y}\n"));
    let landmarks = Landmarks::parse(&points.collect::<String>())?;
    Ok(face_square(&landmarks, WIDTH, HEIGHT)?)
}

/// F(x) of some faces.
fn network_answers(
    run: &Run,
    network: &Network,
    stage: usize,
    faces: &[Vec<u8>],
) -> Result<Activations> {
    let side = run.prepared.image_size();
    let mut values = Vec::new();
    for faces in faces.chunks(CHUNK) {
        let mut pixels = vec![0.0; faces.len() * side * side];
        let mut scratch = Vec::new();
        for (face, out) in faces.iter().zip(pixels.chunks_exact_mut(side * side)) {
            to_unit_range(face, out);
            run.recipe.normalisation.apply(out, side, &mut scratch);
        }
        let shape = [faces.len() as i64, 1, side as i64, side as i64];
        let images = Tensor::f_from_slice(&pixels)?.f_reshape(shape)?;
        let answers = network.activations(&images.f_to_device(network.device())?, stage)?;
        let answers = answers
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_contiguous()?;
        let mut own = vec![0f32; answers.numel()];
        answers.f_copy_data(&mut own, answers.numel())?;
        values.extend(own);
    }
    Ok(Activations::new(
        faces.len(),
        values.len() / faces.len().max(1),
        values,
    )?)
}

/// Standard deviation of every filter over the coded images.
fn spreads(run: &Run, natural: &Activations) -> Vec<f64> {
    let rows = run.coded_rows();
    let n = rows.len() as f64;
    let spread = |filter: usize| {
        let values = || rows.iter().map(|&row| f64::from(natural.get(row, filter)));
        let mean = values().sum::<f64>() / n;
        (values().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
    };
    (0..natural.filters()).map(spread).collect()
}

fn write(
    run: &Run,
    args: &InterveneArgs,
    aus: &[u8],
    analysis: &Analysis,
    answers: &[Response],
) -> Result<()> {
    let header = [
        "filter",
        "au",
        "people",
        "mean_change",
        "sd_change",
        "effect",
        "share_up",
        "p",
        "q",
    ];
    let rows = answers.iter().map(|a| {
        let numbers = [a.mean_change, a.sd_change, a.effect, a.share_up, a.p, a.q];
        [a.filter, usize::from(a.au), args.people]
            .map(|n| n.to_string())
            .into_iter()
            .chain(numbers.map(|x| x.to_string()))
            .collect()
    });
    let table = run.fau("interventions.csv")?;
    write_table(&table, &header, rows)?;
    let fdr = analysis.options.fdr;
    let agreements = agreements(analysis, aus, answers)?;
    let clear = answers
        .iter()
        .filter(|a| a.q <= fdr && a.effect.abs() >= faus_fau::CLEAR)
        .count();
    let sentences = verdict(args.people, clear, answers.len(), &agreements);
    let summary = json!({
        "synthetic": true,
        "run_synthetic": run.synthetic(),
        "people": args.people,
        "strength": args.strength,
        "aus": aus,
        "fdr": fdr,
        "clear_effect": faus_fau::CLEAR,
        "responding_pairs_q": answers.iter().filter(|a| a.q <= fdr).count(),
        "responding_pairs_clear": clear,
        "agreement": agreements.iter().map(of_measure).collect::<Vec<_>>(),
        "verdict": sentences,
    });
    write_json(&run.fau("interventions.json")?, &summary)?;
    say_verdict(true, &sentences);
    println!("{}", table.display());
    Ok(())
}

fn of_measure(a: &Agreement) -> Value {
    json!({
        "measure": a.measure,
        "spearman": a.spearman,
        "same_au_share": a.same_au,
        "same_au_chance": a.same_au_chance,
        "average_precision": a.average_precision,
        "average_precision_chance": a.average_precision_chance,
    })
}

/// Every measure against the intervention, over the units that were switched. Signed measures count by their distance
/// from "no association".
fn agreements(analysis: &Analysis, aus: &[u8], answers: &[Response]) -> Result<Vec<Agreement>> {
    let units = analysis.aus_used.len();
    let switched: Vec<usize> = (0..units)
        .filter(|&unit| aus.contains(&analysis.aus_used[unit].au))
        .collect();
    let of = |name: &&str| {
        let scores = analysis.scores(name).unwrap_or_default();
        let strength = |score: f64| match *name {
            "auroc" => (score - 0.5).abs(),
            _ => score.abs(),
        };
        let own: Vec<f64> = scores
            .chunks(units)
            .flat_map(|filter| switched.iter().map(|&unit| strength(filter[unit])))
            .collect();
        agreement(name, &own, answers, switched.len(), analysis.options.fdr).map_err(Into::into)
    };
    analysis.measures.iter().map(of).collect()
}

fn verdict(people: usize, clear: usize, pairs: usize, agreements: &[Agreement]) -> Vec<String> {
    let mut said = vec![format!(
        "On {people} drawn people, switching one action unit alone changes {clear} of {pairs} filter-AU pairs by at least a fifth of the filter's natural spread (false-discovery rate held)."
    )];
    if let Some(kl) = agreements.iter().find(|a| a.measure == "kl") {
        let precision = match kl.average_precision.is_nan() {
            true => String::new(),
            false => format!(
                "; average precision {:.2} (chance {:.2})",
                kl.average_precision, kl.average_precision_chance
            ),
        };
        let agrees = kl.spearman > 0.3 && kl.same_au > 2.0 * kl.same_au_chance;
        said.push(format!(
            "KL {} the intervention: rank correlation {:.2} over pairs; {:.0}% of the filters answer most to the unit that KL names (chance {:.0}%){precision}.",
            if agrees { "agrees with" } else { "agrees only weakly, or not at all, with" },
            kl.spearman,
            100.0 * kl.same_au,
            100.0 * kl.same_au_chance
        ));
    }
    let known = agreements.iter().filter(|a| !a.average_precision.is_nan());
    let best = known.reduce(|best, a| {
        if a.average_precision > best.average_precision {
            a
        } else {
            best
        }
    });
    if let Some(best) = best {
        said.push(format!(
            "Of the measures, {} finds the answering pairs best (average precision {:.2}, rank correlation {:.2}).",
            best.measure, best.average_precision, best.spearman
        ));
    }
    said
}
