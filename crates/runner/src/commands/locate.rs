//! `faus locate`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use faus_data::face::Landmarks;
use faus_data::{CropBox, Sample};
use faus_fau::{FacePoints, Locate};
use faus_synth::mean_landmarks;

use super::study::StudyArgs;
use crate::app::program::Program;
use crate::pipeline::finished_run::FinishedRun;

/// Test whether filters respond where their action unit shows: pointing game and overlap, against chance.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus locate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct LocateArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// The data set with its folder Landmarks [default: the run's]. Without landmarks a mean face is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn locate(args: LocateArgs, program: &Program) -> Result<()> {
    let run = args.of.open(program)?;
    let place = args.data.as_ref().or(run.source.as_ref());
    let study = faces(&run, place.map(PathBuf::as_path))?;
    run.carry_out(&study, None)
}

/// Landmarks of every row: from the files of the data set, or of a mean face where a row has none.
fn faces(run: &FinishedRun, place: Option<&Path>) -> Result<Locate> {
    let mean = mean_landmarks()?;
    let coded = run.samples.iter().filter(|sample| sample.coded.is_some());
    let (mut faces, mut coded_rows, mut own) = (vec![mean; run.prepared.len()], 0, 0);
    for row in coded.map(|sample| sample.index) {
        coded_rows += 1;
        let sample = &run.prepared.samples()[row];
        if let Some(points) = place.and_then(|place| landmarks(place, sample)) {
            faces[row] = points;
            own += 1;
        }
    }
    let from = match own {
        n if n == coded_rows => "per image",
        0 => "mean shape",
        _ => "per image, mean shape where an image has none",
    };
    let from = from.to_owned();
    Ok(Locate { faces, from })
}

/// The landmark file beside an image of the official CK+ layout, in shares of the side of its crop.
fn landmarks(place: &Path, sample: &Sample) -> Option<FacePoints> {
    let CropBox { x, y, w, .. } = sample.crop?;
    let (folder, _) = sample.path.rsplit_once('.')?;
    let (_, within) = folder.split_once('/')?;
    let path = place.join(format!("Landmarks/{within}_landmarks.txt"));
    let points = Landmarks::parse(&std::fs::read_to_string(path).ok()?).ok()?;
    let mut face = [[0.0; 2]; 68];
    for (to, [across, down]) in face.iter_mut().zip(points.points()) {
        *to = [across - f64::from(x), down - f64::from(y)].map(|pixels| pixels / f64::from(w));
    }
    Some(face)
}
