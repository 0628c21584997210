//! `faus synth`.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use faus_synth::{Difficulty, SynthOptions};

use crate::app::usage::wrong_usage;
use crate::pipeline::source::synthesize;

/// Draw synthetic FACS faces in the CK+ layout.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus synth --out data/synthetic-ck --subjects 123 --seed 1 --size 640x490\n  faus synth --out data/hard --difficulty pose=2,light=2,strength=0.7\n\nFactors of the difficulty (docs/synthetic.md): light, pose, camera (0 to 3, default 1), strength (0.2 to 1, default 1)."
)]
pub(crate) struct SynthArgs {
    /// Output folder.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
    /// People to draw.
    #[arg(long, default_value_t = SynthOptions::default().subjects)]
    subjects: usize,
    /// Random seed of the faces.
    #[arg(long, default_value_t = SynthOptions::default().seed)]
    seed: u64,
    /// Width and height of the images, in pixels.
    #[arg(long, value_name = "WxH", default_value = "640x490")]
    size: Size,
    /// Every frame of every sequence instead of the first and the last ones.
    #[arg(long)]
    full_sequences: bool,
    /// Also write the true parameters of every image and person (JSON).
    #[arg(long)]
    truth: bool,
    /// How hard the images are, as NAME=FACTOR pairs: pose=2,light=0.
    #[arg(
        long,
        value_name = "NAME=FACTOR,…",
        default_value = "",
        hide_default_value = true
    )]
    difficulty: Difficulty,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Size(u32, u32);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(['x', 'X', '×']);
        let size = parts.and_then(|(w, h)| Some(Self(w.parse().ok()?, h.parse().ok()?)));
        size.ok_or_else(|| format!("`{text}` is not a size: use WIDTHxHEIGHT, for example 640x490"))
    }
}

pub(crate) fn synth(args: SynthArgs) -> Result<()> {
    let options = SynthOptions {
        subjects: args.subjects,
        seed: args.seed,
        width: args.size.0,
        height: args.size.1,
        full_sequences: args.full_sequences,
        truth: args.truth,
        difficulty: args.difficulty,
    };
    options.check().map_err(|error| wrong_usage(error.into()))?;
    synthesize(&options, &args.out)?;
    println!("{}", args.out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("640x490".parse(), Ok(Size(640, 490)));
        for wrong in ["640", "big", "640x", "x490", "640x-1"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
