use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_data::crop::{Landmarks, face_square};
use faus_data::{CropBox, Sample};
use faus_fau::{
    AnalysisOptions, FacePoints, Maps, Pointing, analyse_watched, au_name, pointing,
    pointing_rates, region,
};
use faus_model::{DeviceChoice, Network, receptive_field};
use faus_synth::{AuState, Identity, Scene, render};
use faus_train::images_tensor;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::open::{Run, stop_here, watched};
use super::table::{say_verdict, write_table};
use crate::MakeArchitecture;
use crate::console::Bar;
use crate::run_folder::write_json;

/// Ask whether filters look where their action unit shows: pointing game and overlap against chance.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus locate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct LocateArgs {
    /// A finished run folder.
    run: PathBuf,
    /// The data set with its folder Landmarks; default where the run took it from. Without it a mean face is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

/// Images that go through the network together.
const CHUNK: usize = 32;
/// Drawn people whose landmarks make the mean face.
const MEAN_OF: u64 = 12;

pub(crate) fn locate(args: LocateArgs, make: MakeArchitecture) -> Result<()> {
    let run = Run::open(&args.run, args.device, make)?;
    let network = run.trained(run.best_fold())?;
    let stage = run.stage(&network)?;
    let activations = run.activations(&network, stage)?;
    let options = AnalysisOptions {
        permutations: 0,
        bootstrap: 0,
        ..run.config.fau.clone()
    };
    let options = options.check()?;
    let analysis = watched("Scoring", |watch| {
        analyse_watched(&activations, &run.samples, &options, watch)
    })?;
    let (faces, from) = faces(&run, args.data.as_deref())?;
    let mut found: Vec<(u8, Pointing)> = Vec::new();
    let bar = Bar::new("Looking where filters look");
    for (done, count) in analysis.aus_used.iter().enumerate() {
        bar.set(done, analysis.aus_used.len());
        stop_here()?;
        let own = analysis.correspondences.iter().filter(|c| c.au == count.au);
        let filters: Vec<usize> = own.map(|c| c.filter).collect();
        let (Some(region), false) = (region(count.au), filters.is_empty()) else {
            continue;
        };
        let shows = |sample: &&faus_fau::SampleRow| {
            let coded = sample.coded.as_deref().unwrap_or_default();
            coded.iter().any(|unit| unit.0 == count.au)
        };
        let rows: Vec<usize> = run.samples.iter().filter(shows).map(|s| s.index).collect();
        let responses = Responses::of(&run, &network, stage, &rows)?;
        let own: Vec<FacePoints> = rows.iter().map(|&row| faces[row]).collect();
        let subjects: Vec<i64> = rows
            .iter()
            .map(|&row| run.prepared.subjects()[row])
            .collect();
        let maps = responses.maps(&subjects, &own);
        let seed = run.config.fau.seed;
        let scores = run
            .workers
            .install(|| pointing(&maps, &region, &filters, seed))?;
        found.extend(scores.into_iter().map(|score| (count.au, score)));
    }
    drop(bar);
    if found.is_empty() {
        bail!("no filter corresponds to an action unit with a place on the face");
    }
    found.sort_by_key(|(_, score)| score.filter);
    write(&run, network.stages()[stage].name.as_str(), from, &found)
}

/// Landmarks of every row in its crop, and where they are from: the source's files, or a mean face where any is missing.
fn faces(run: &Run, data: Option<&Path>) -> Result<(Vec<FacePoints>, &'static str)> {
    let place = data.map(Path::to_path_buf).or_else(|| run.source.clone());
    let middle = mean_face()?;
    let coded = run.coded_rows();
    let mut faces = vec![middle; run.prepared.len()];
    let mut own = 0;
    for &row in &coded {
        let sample = &run.prepared.samples()[row];
        let points = place.as_deref().and_then(|place| landmarks(place, sample));
        if let Some(points) = points {
            faces[row] = points;
            own += 1;
        }
    }
    Ok(match own {
        n if n == coded.len() => (faces, "per image"),
        0 => (faces, "mean shape"),
        _ => (faces, "per image, mean shape where an image has none"),
    })
}

/// The landmark file beside an image of the official layout, in the crop.
fn landmarks(place: &Path, sample: &Sample) -> Option<FacePoints> {
    let crop = sample.crop?;
    let (folder, _) = sample.path.rsplit_once('.')?;
    let (_, within) = folder.split_once('/')?;
    let path = place
        .join("Landmarks")
        .join(format!("{within}_landmarks.txt"));
    let text = std::fs::read_to_string(path).ok()?;
    let points = Landmarks::parse(&text).ok()?;
    Some(in_crop(points.points(), crop))
}

fn in_crop(points: &[[f64; 2]], crop: CropBox) -> FacePoints {
    let side = f64::from(crop.w);
    let mut face = [[0.0; 2]; 68];
    for (to, [x, y]) in face.iter_mut().zip(points) {
        *to = [
            (x - f64::from(crop.x)) / side,
            (y - f64::from(crop.y)) / side,
        ];
    }
    face
}

/// The mean landmarks of drawn people at rest, cut out by the rule of `faus data prepare`.
fn mean_face() -> Result<FacePoints> {
    let mut middle = [[0.0; 2]; 68];
    for person in 0..MEAN_OF {
        let face = render(
            &Identity::draw(1, person),
            &AuState::neutral(),
            &Scene::default(),
            320,
            245,
        );
        let points = face.landmarks.iter().map(|(x, y)| format!("{x} {y}\n"));
        let points = Landmarks::parse(&points.collect::<String>())?;
        let own = in_crop(points.points(), face_square(&points, 320, 245)?);
        for (to, from) in middle.iter_mut().zip(own) {
            to[0] += from[0] / MEAN_OF as f64;
            to[1] += from[1] / MEAN_OF as f64;
        }
    }
    Ok(middle)
}

/// Where every filter responds most on some images.
struct Responses {
    filters: usize,
    centres: Vec<f64>,
    maxima: Vec<Option<u32>>,
    means: Vec<f32>,
}

impl Responses {
    fn of(run: &Run, network: &Network, stage: usize, rows: &[usize]) -> Result<Self> {
        let field = receptive_field(network.stages(), stage).context(
            "this layer has no places on the image; set visualize.layer to a convolution",
        )?;
        let image_side = run.prepared.image_size() as i64;
        let (mut maxima, mut sums) = (Vec::new(), None::<Tensor>);
        let (mut side, mut filters) = (0, 0);
        for rows in rows.chunks(CHUNK) {
            let images = images_tensor(&run.prepared, rows, &run.recipe.normalisation)?;
            let maps = network.feature_maps(&images.f_to_device(network.device())?, stage)?;
            let size = maps.size();
            (filters, side) = (size[1], size[3]);
            if size[2] != size[3] {
                bail!("this layer's maps are not square");
            }
            let flat = maps.f_reshape([size[0], size[1], size[2] * size[3]])?;
            let (values, places) = flat.f_max_dim(2, false)?;
            let values = numbers(&values)?;
            let places = places.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
            let places = numbers(&places)?;
            let pairs = values.into_iter().zip(places);
            maxima.extend(pairs.map(|(value, place)| (value > 0.0).then_some(place as u32)));
            let sum = maps.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?;
            sums = Some(match sums {
                Some(before) => before.f_add(&sum)?,
                None => sum,
            });
        }
        // The middle of what a unit sees, not clipped at the border.
        let centre = |unit: i64| {
            let first = (unit * field.stride + field.first) as f64;
            (first + field.size as f64 / 2.0) / image_side as f64
        };
        Ok(Self {
            filters: filters as usize,
            centres: (0..side).map(centre).collect(),
            maxima,
            means: numbers(&sums.context("no image shows this action unit")?)?,
        })
    }

    fn maps<'a>(&'a self, subjects: &'a [i64], faces: &'a [FacePoints]) -> Maps<'a> {
        Maps {
            subjects,
            faces,
            filters: self.filters,
            centres: &self.centres,
            maxima: &self.maxima,
            means: &self.means,
        }
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    let tensor = tensor
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let mut values = vec![0f32; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

fn write(run: &Run, layer: &str, from: &str, found: &[(u8, Pointing)]) -> Result<()> {
    let scores: Vec<Pointing> = found.iter().map(|(_, score)| *score).collect();
    let q = pointing_rates(&scores);
    let header = [
        "filter",
        "au",
        "images",
        "pointing_rate",
        "chance",
        "p",
        "q",
        "iou",
        "iou_chance",
    ];
    let rows = found.iter().zip(&q).map(|((au, s), q)| {
        let numbers = [s.rate, s.chance, s.p, *q, s.iou, s.iou_chance];
        [s.filter, usize::from(*au), s.images]
            .map(|n| n.to_string())
            .into_iter()
            .chain(numbers.map(|x| x.to_string()))
            .collect()
    });
    let table = run.fau("spatial.csv")?;
    write_table(&table, &header, rows)?;
    let fdr = run.config.fau.fdr;
    let mean = |of: &dyn Fn(&Pointing) -> f64| {
        let known: Vec<f64> = scores.iter().map(of).filter(|x| !x.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let above = q.iter().filter(|q| **q <= fdr).count();
    let sentences = vec![format!(
        "{above} of {} filters have their maximum in the face region of their action unit more often than other filters do (false-discovery rate {:.0}%): {:.0}% of images against {:.0}%, overlap {:.2} against {:.2}.",
        scores.len(),
        100.0 * fdr,
        100.0 * mean(&|s| s.rate),
        100.0 * mean(&|s| s.chance),
        mean(&|s| s.iou),
        mean(&|s| s.iou_chance)
    )];
    let mut aus: Vec<u8> = found.iter().map(|(au, _)| *au).collect();
    aus.sort_unstable();
    aus.dedup();
    let summary = json!({
        "synthetic": run.synthetic(),
        "layer": layer,
        "landmarks": from,
        "radius": faus_fau::RADIUS,
        "unit": "distance between the inner corners of the eyes",
        "regions": aus.iter().filter_map(|&au| of_region(au)).collect::<Vec<_>>(),
        "by_au": aus.iter().map(|&au| of_unit(au, found)).collect::<Vec<_>>(),
        "verdict": sentences,
    });
    write_json(&run.fau("spatial.json")?, &summary)?;
    say_verdict(run.synthetic(), &sentences);
    println!("{}", table.display());
    Ok(())
}

fn of_region(au: u8) -> Option<Value> {
    let region = region(au)?;
    let spots = region
        .spots
        .iter()
        .map(|s| json!({"points": s.points, "down": s.down}));
    Some(json!({
        "au": au,
        "spots": spots.collect::<Vec<_>>(),
        "words": region.words,
        "source": region.source,
    }))
}

fn of_unit(au: u8, found: &[(u8, Pointing)]) -> Value {
    let own: Vec<&Pointing> = found
        .iter()
        .filter(|(of, _)| *of == au)
        .map(|(_, s)| s)
        .collect();
    let mean = |of: fn(&Pointing) -> f64| {
        let known: Vec<f64> = own.iter().map(|s| of(s)).filter(|x| !x.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    json!({
        "au": au,
        "name": au_name(au),
        "filters": own.len(),
        "pointing_rate": mean(|s| s.rate),
        "chance": mean(|s| s.chance),
        "iou": mean(|s| s.iou),
        "iou_chance": mean(|s| s.iou_chance),
    })
}
