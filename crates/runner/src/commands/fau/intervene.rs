//! `faus intervene`.

use anyhow::Result;
use clap::Args;
use faus_fau::{Error, Intervene};
use faus_synth::{AUS, switched_faces};

use super::open::{Run, RunArgs};
use crate::MakeArchitecture;
use crate::console::Steps;

/// Switch single action units on in synthetic faces and measure which filters respond.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus intervene runs/ck_plus-cnn_ad-quick --people 40")]
pub(crate) struct InterveneArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Synthetic people, none of whom is in the synthetic CK+.
    #[arg(long, default_value_t = 40)]
    people: usize,
    /// How strongly a unit is switched on, above 0 to 1 (FACS intensity E).
    #[arg(long, default_value_t = 0.8)]
    strength: f32,
}

pub(crate) fn intervene(args: InterveneArgs, make: MakeArchitecture) -> Result<()> {
    let (people, strength) = (args.people, args.strength);
    let run = Run::open(&args.run, make)?;
    let side = run.prepared.image_size() as u32;
    let draw = |aus: &[u8]| {
        let steps = Steps::default();
        let progress = |done| steps.show("Switching action units", done, people);
        let faces = run
            .workers
            .install(|| switched_faces(people, strength, aus, side, &progress));
        faces.map_err(|error| match error {
            faus_synth::Error::Cancelled { .. } => Error::Cancelled,
            error => Error::Lens(error.into()),
        })
    };
    run.study(&Intervene {
        people,
        strength,
        drawable: &AUS,
        faces: &draw,
    })
}
