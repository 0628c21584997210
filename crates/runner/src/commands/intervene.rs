//! `faus intervene`.

use anyhow::Result;
use clap::Args;
use faus_fau::{Error, Intervene};
use faus_synth::{AUS, switched_faces};

use super::study::{StudyArgs, check};
use crate::app::console::with_bar;
use crate::app::program::Program;

/// Switch single action units on in synthetic faces.
///
/// Measures which filters respond.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus intervene runs/ck_plus-cnn_ad-quick --people 40")]
pub(crate) struct InterveneArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Number of synthetic people; none of them is in the synthetic CK+.
    #[arg(long, default_value_t = 40)]
    people: usize,
    /// Strength of the switched unit, above 0 up to 1 (FACS intensity E).
    #[arg(long, default_value_t = 0.8)]
    strength: f32,
}

pub(crate) fn intervene(args: InterveneArgs, program: &Program) -> Result<()> {
    let (people, strength) = (args.people, args.strength);
    let study = |faces| Intervene {
        people,
        strength,
        drawable: &AUS,
        faces,
    };
    check(&study(&|_| Ok(vec![])))?;
    let run = args.of.open(program)?;
    let side = run.prepared.image_size() as u32;
    let draw = |aus: &[u8]| {
        let drawn = with_bar("Switching action units", |progress| {
            switched_faces(people, strength, aus, side, &|done| progress(done, people))
        });
        drawn.map_err(|error| match error {
            faus_synth::Error::Cancelled { .. } => Error::Cancelled,
            other => Error::Lens(Box::new(other)),
        })
    };
    run.carry_out(&study(&draw), None)
}
