//! `faus synth`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_synth::{Difficulty, ISOLATED_SUBJECTS, SynthOptions};

use crate::app::program::wrong_usage;
use crate::pipeline::source::{isolate, synthesize};

/// Draw synthetic FACS faces in the CK+ layout.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus synth --output data/synthetic-ck --subjects 123 --seed 1 --size 640x490\n  faus synth --output data/isolated --isolated-aus --subjects 20\n  faus synth --output data/hard --difficulty pose=2,light=2,strength=0.7\n\nThe difficulty's parameters (docs/synthetic.md says what each does): light, pose, camera, compression, asymmetry, timing, habits, residual (0 to 3, usually 1), strength (0.2 to 1, usually 1)."
)]
pub(crate) struct SynthArgs {
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// People to draw [default: 123, or 72 with --isolated-aus].
    #[arg(long)]
    subjects: Option<usize>,
    /// Fixes every face.
    #[arg(long, default_value_t = SynthOptions::default().seed)]
    seed: u64,
    /// Width and height of the images, in pixels.
    #[arg(long, value_name = "WxH", default_value = "640x490")]
    size: Size,
    /// Every frame of every sequence instead of the first and the last ones.
    #[arg(long, conflicts_with = "isolated_aus")]
    full_sequences: bool,
    /// Instead of expressions: each person's neutral face, every action unit alone at each intensity, and some pairs,
    /// with masks, true parameters and isolated.csv.
    #[arg(long)]
    isolated_aus: bool,
    /// Also write for every image the true parameters and, for each action unit, a mask of the pixels that it changes.
    #[arg(long)]
    truth: bool,
    /// What makes the images hard, as NAME=FACTOR pairs: pose=2,light=0.
    #[arg(
        long,
        value_name = "NAME=FACTOR,…",
        default_value = "",
        hide_default_value = true
    )]
    difficulty: Hardness,
}

/// [`Difficulty`] as it is written on the command line.
#[derive(Debug, Clone, Copy)]
struct Hardness(Difficulty);

impl std::str::FromStr for Hardness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut difficulty = Difficulty::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, factor) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is no NAME=FACTOR, for example pose=2"))?;
            let value = difficulty.get_mut(name.trim()).ok_or_else(|| {
                format!(
                    "no parameter `{name}`; there are {}",
                    Difficulty::NAMES.join(", ")
                )
            })?;
            *value = factor
                .trim()
                .parse()
                .map_err(|_| format!("`{factor}` is no number ({name})"))?;
        }
        difficulty.check().map_err(|error| error.to_string())?;
        Ok(Self(difficulty))
    }
}

#[derive(Debug, Clone, Copy)]
struct Size(u32, u32);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once(['x', 'X', '×'])
            .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        parts
            .map(|(w, h)| Self(w, h))
            .ok_or_else(|| format!("`{text}` is no size: use WIDTHxHEIGHT, for example 640x490"))
    }
}

pub(crate) fn synth(args: SynthArgs) -> Result<()> {
    let options = SynthOptions {
        subjects: args.subjects.unwrap_or(if args.isolated_aus {
            ISOLATED_SUBJECTS
        } else {
            SynthOptions::default().subjects
        }),
        seed: args.seed,
        width: args.size.0,
        height: args.size.1,
        full_sequences: args.full_sequences,
        truth: args.truth,
        difficulty: args.difficulty.0,
    };
    options.check().map_err(|error| wrong_usage(error.into()))?;
    if args.isolated_aus {
        isolate(&options, &args.output)?;
    } else {
        synthesize(&options, &args.output)?;
    }
    println!("{}", args.output.display());
    Ok(())
}
