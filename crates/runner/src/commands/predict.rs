//! `faus predict`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_base::text::counted;
use faus_data::face::{CropMode, FaceCutter};
use faus_data::normalise::Normalisation;
use faus_data::{Prepared, photo_files, refuse_inside};
use faus_fau::{UnitFilter, read_samples};
use faus_model::{DeviceChoice, ExportInfo, GraphInput, Network, OnnxFile, Precision};
use faus_train::{Workers, normalisation_of};
use faus_viz::{FaceLens, PhotoViewer, Viewed};
use serde_json::json;

use super::compare::is_machine_coded;
use crate::app::arguments::open_network;
use crate::app::console::{Steps, say};
use crate::app::own_network::{self, SYNTHETIC, default_layer};
use crate::app::program::Program;
use crate::pipeline::finished_run::best_checkpoint;
use crate::pipeline::run_folder::read_json;

/// Reasons printed where they are not written.
const REASONS: usize = 10;

/// What a network sees in photographs and videos.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus predict me.jpg --run runs/ck_plus-cnn_ad-quick\n  faus predict holiday/ talk.mp4 --run runs/ck_plus-cnn_ad-quick --out seen --overlay\n  faus predict me.jpg --network model.onnx --input input.json"
)]
pub(crate) struct PredictArgs {
    /// Images, folders of them, and videos (decoded by an installed ffmpeg).
    #[arg(required = true, value_name = "IMAGE|FOLDER|VIDEO")]
    inputs: Vec<PathBuf>,
    /// A run folder: the network of the finished fold that validated best.
    #[arg(
        long,
        value_name = "RUN",
        required_unless_present = "network",
        conflicts_with = "network"
    )]
    run: Option<PathBuf>,
    /// A network of your own, instead of a run.
    #[arg(long, value_name = "MODEL.onnx")]
    network: Option<PathBuf>,
    /// The images that it was trained on: size, channels, scale, mean, std, crop.
    #[arg(
        long,
        value_name = "INPUT.json",
        requires = "network",
        conflicts_with = "run"
    )]
    input: Option<PathBuf>,
    /// Folder of its analysis (`faus analyse`): adds action units.
    #[arg(long, value_name = "DIR", requires = "network", conflicts_with = "run")]
    analysed: Option<PathBuf>,
    /// Folder for faces.csv, faces.jsonl and skipped.csv; without it a line for each face is printed.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write each picture with its faces marked, into overlay/ of --out.
    #[arg(long, requires = "out")]
    overlay: bool,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn predict(args: PredictArgs, program: &Program) -> Result<()> {
    if let Some(out) = &args.out {
        let folders = args.inputs.iter().filter(|input| input.is_dir());
        // The next call would look at this one's pictures.
        folders
            .into_iter()
            .try_for_each(|folder| refuse_inside(out, folder))?;
    }
    let files: Result<Vec<_>, _> = args.inputs.iter().map(|path| photo_files(path)).collect();
    let files = files?.concat();
    let eyes = match &args.network {
        Some(model) => args.eyes_of_own(model)?,
        None => args.eyes_of_run(program)?,
    };
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    explain(&eyes, &args);
    let viewer = PhotoViewer {
        cutter: eyes.cutter,
        units: eyes.units,
        classes: eyes.classes,
        lens: FaceLens {
            stage: eyes.stage,
            network: eyes.network,
            normalisation: eyes.normalisation,
            pool: workers.pool(),
            progress: &|step, done, of| steps.show(step, done, of),
        },
    };
    let viewed = match &args.out {
        Some(out) => viewer.write(&files, out, args.overlay)?,
        None => viewer.view(&files, |face| {
            println!("{}", face.line(&viewer.classes));
            Ok(())
        })?,
    };
    drop(viewer);
    drop(steps);
    conclude(&viewed, &args)
}

/// A network, and what is known of it.
struct Eyes {
    network: Network,
    normalisation: Option<Normalisation>,
    /// The layer of `units`, by number.
    stage: usize,
    units: Vec<UnitFilter>,
    cutter: FaceCutter,
    classes: Vec<String>,
    synthetic: bool,
}

impl PredictArgs {
    fn eyes_of_run(&self, program: &Program) -> Result<Eyes> {
        let run = self.run.clone().unwrap_or_default();
        let path = best_checkpoint(&run)?;
        let prepared = Prepared::open(&run.join("dataset"))?;
        let (checkpoint, network) = open_network(program, &path, &prepared, self.device)?;
        let info = prepared.info();
        Ok(Eyes {
            stage: network
                .last_convolution()
                .context("the network has no convolution")?,
            network,
            normalisation: Some(normalisation_of(&checkpoint, &path)?),
            units: units(&run)?,
            cutter: FaceCutter::new(info.crop, info.image_size)?,
            classes: info.classes.clone(),
            synthetic: info.synthetic,
        })
    }

    fn eyes_of_own(&self, model: &Path) -> Result<Eyes> {
        let file = OnnxFile::read(model)?;
        let given = own_network::input_of(&file, model, self.input.as_deref(), None)?;
        let device = self.device.resolve()?;
        Precision::for_looking(device)?;
        let network = Network::from_onnx(&file, &given, device)?;
        let layer = match &self.analysed {
            Some(dir) => analysed_layer(dir, model, &given)?,
            None => None,
        };
        let layer = layer.as_deref().unwrap_or(default_layer(&network));
        let stage = network.stage_index(layer)?;
        let units = self.analysed.as_ref().map(|dir| units(dir));
        let units = units.transpose()?.unwrap_or_default();
        let filters = network.filters(stage)?;
        if let (Some(dir), true) = (&self.analysed, units.iter().any(|it| it.filter >= filters)) {
            let dir = dir.display();
            bail!(
                "{dir}: the analysis of another network; {layer} of this one has {filters} filters"
            );
        }
        let crop: CropMode = given.crop.parse()?;
        let info = file.info();
        Ok(Eyes {
            stage,
            normalisation: own_network::normalisation(&network)?,
            units,
            cutter: FaceCutter::new(crop, u32::try_from(given.size)?)?,
            classes: classes(&given, network.spec().classes),
            synthetic: info.is_some_and(ExportInfo::is_synthetic),
            network,
        })
    }
}

/// The filters that stand for action units by the analysis in `folder`.
fn units(folder: &Path) -> Result<Vec<UnitFilter>> {
    let samples = read_samples(&folder.join("dataset/samples.csv"))?;
    Ok(UnitFilter::of_run(&folder.join("fau"), &samples)?)
}

/// The layer that was analysed in `folder`, which must hold the analysis of this network.
fn analysed_layer(folder: &Path, model: &Path, input: &GraphInput) -> Result<Option<String>> {
    let shown = folder.display();
    if folder.join("config.json").exists() {
        bail!("{shown}: a run folder, whose network is its own; give it with --run");
    }
    let record = own_network::check_analysed(folder, model)?;
    if record.is_some_and(|record| record["input"] != json!(input)) {
        bail!("{shown}: the analysis of this network with another --input; give that one");
    }
    let replication = read_json(&folder.join("fau/replication.json"))?.unwrap_or_default();
    Ok(replication["layer"].as_str().map(str::to_owned))
}

/// Names of the outputs; numbers, where the file names none.
fn classes(input: &GraphInput, outputs: usize) -> Vec<String> {
    input.classes.clone().unwrap_or_else(|| {
        say("Note: the names of the classes are not known (`classes` of --input); they are numbered as the outputs are, from 0");
        (0..outputs).map(|class| class.to_string()).collect()
    })
}

/// What the lines and tables rest on.
fn explain(eyes: &Eyes, args: &PredictArgs) {
    if eyes.synthetic {
        say(SYNTHETIC);
    }
    let (units, folder) = (
        eyes.units.len(),
        args.run.as_ref().or(args.analysed.as_ref()),
    );
    let coded = folder.is_some_and(|folder| is_machine_coded(folder));
    let Some(folder) = folder.map(|folder| folder.display()) else {
        say("No action units: give the folder of the network's analysis with --analysed.");
        return;
    };
    say(match (units, &args.run) {
        (0, Some(_)) => format!(
            "No action units: this run has none that unseen people show better than to untrained networks (`faus replicate {folder}` tests it)."
        ),
        (0, None) => format!(
            "No action units: {folder} has none that unseen people show better than to untrained networks (`faus replicate --network` tests it)."
        ),
        _ => format!(
            "AU: its best filter is more active than on 95% of the {} images without it ({units} units that replicate{}). Evidence, not detection; beside it the AUROC of such filters on unseen people.",
            if args.run.is_some() {
                "run's"
            } else {
                "analysed"
            },
            if coded { ", machine-coded" } else { "" }
        ),
    });
}

fn conclude(viewed: &Viewed, args: &PredictArgs) -> Result<()> {
    let (faces, photos) = (
        counted(viewed.faces, "face"),
        counted(viewed.photos, "picture"),
    );
    let without = &viewed.without;
    say(match without.len() {
        0 => format!("{faces} in {photos}"),
        none => format!("{faces} in {photos}; nothing in {none}"),
    });
    if let Some(first) = viewed.first_pages.first() {
        let (files, first) = (counted(viewed.first_pages.len(), "TIFF"), first.display());
        say(format!(
            "Note: of {files} with several pages ({first} …) the first page alone was looked at"
        ));
    }
    match &args.out {
        Some(out) => println!("{}", out.join("faces.csv").display()),
        None => {
            for none in without.iter().take(REASONS) {
                let frame = none.frame.map(|frame| format!(", frame {frame}"));
                say(format!(
                    "  {}{}: {}",
                    none.path.display(),
                    frame.unwrap_or_default(),
                    none.reason
                ));
            }
            if without.len() > REASONS {
                say(format!(
                    "  and {} more, which --out lists",
                    without.len() - REASONS
                ));
            }
        }
    }
    match viewed {
        Viewed { stopped: true, .. } => {
            bail!("stopped on request; what was seen until then is kept")
        }
        Viewed { faces: 0, .. } => bail!("no face was found"),
        _ => Ok(()),
    }
}
