//! `faus predict`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_base::text::counted;
use faus_data::face::FaceCutter;
use faus_data::{Prepared, photo_files, refuse_inside};
use faus_fau::{UnitFilter, read_samples};
use faus_model::DeviceChoice;
use faus_train::{Workers, normalisation_of};
use faus_viz::{LayerLens, PhotoViewer, Viewed};

use crate::app::arguments::open_network;
use crate::app::console::{Steps, say};
use crate::app::program::Program;
use crate::pipeline::finished_run::best_checkpoint;

/// Reasons printed where they are not written.
const REASONS: usize = 10;

/// What a run's network sees in photographs and videos.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus predict me.jpg --run runs/ck_plus-cnn_ad-quick\n  faus predict holiday/ talk.mp4 --run runs/ck_plus-cnn_ad-quick --out seen --overlay"
)]
pub(crate) struct PredictArgs {
    /// Images, folders of them, and videos (decoded by an installed ffmpeg).
    #[arg(required = true, value_name = "IMAGE|FOLDER|VIDEO")]
    inputs: Vec<PathBuf>,
    /// A run folder: the network of the finished fold that validated best.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
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
    let path = best_checkpoint(&args.run)?;
    let prepared = Prepared::open(&args.run.join("dataset"))?;
    let (checkpoint, network) = open_network(program, &path, &prepared, args.device)?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let samples = read_samples(&prepared.dir().join("samples.csv"))?;
    let viewer = PhotoViewer {
        cutter: FaceCutter::like(prepared.info())?,
        units: UnitFilter::of_run(&args.run.join("fau"), &samples)?,
        lens: LayerLens {
            stage: network
                .last_convolution()
                .context("the network has no convolution")?,
            network,
            prepared: &prepared,
            normalisation: Some(normalisation_of(&checkpoint, &path)?),
            pool: workers.pool(),
            progress: &|step, done, of| steps.show(step, done, of),
        },
    };
    explain(&viewer, &args);
    let viewed = match &args.out {
        Some(out) => viewer.write(&files, out, args.overlay)?,
        None => viewer.view(&files, |face| {
            println!("{}", face.line(&prepared.info().classes));
            Ok(())
        })?,
    };
    drop(viewer);
    drop(steps);
    conclude(&viewed, &args)
}

/// What the lines and tables rest on.
fn explain(viewer: &PhotoViewer, args: &PredictArgs) {
    let run = args.run.display();
    if viewer.lens.prepared.info().synthetic {
        say("This network was trained on drawn (synthetic) faces: on photographs it is untested.");
    }
    say(match viewer.units.len() {
        0 => format!(
            "No action units: this run has none that unseen people show better than to untrained networks (`faus replicate {run}` tests it)."
        ),
        units => format!(
            "AU: its best filter is more active than on 95% of the run's images without it ({units} units that replicate). Evidence, not detection; beside it the AUROC of such filters on unseen people."
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
