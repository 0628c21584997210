use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::throughput::{Measurement, Throughput, ThroughputOptions, Work};

use crate::console::say;
use crate::interrupt;
use crate::run_folder::write_json;

/// Measure how many images a second this machine prepares, augments and normalises.
///
/// Inputs are made on the spot, the same for a seed, unless --data names a data set. docs/BENCHMARKS.md sets the figures
/// beside those of other libraries.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus bench augment normalise --json bench.json")]
pub(crate) struct BenchArgs {
    /// What to measure: prepare-landmarks, prepare-detector, prepare-faces, prepare-table, augment, augment-threads,
    /// normalise, load. Default: all of it, in about a minute.
    work: Vec<Work>,
    /// A data set in the layout of CK+ instead of images made here; it is only read.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Most repeats of each measurement.
    #[arg(long, default_value_t = ThroughputOptions::default().repeats)]
    repeats: usize,
    /// Fixes what is made and drawn.
    #[arg(long, default_value_t = ThroughputOptions::default().seed)]
    seed: u64,
    /// The measurements as JSON.
    #[arg(long, value_name = "JSON")]
    json: Option<PathBuf>,
}

pub(crate) fn bench(args: BenchArgs) -> Result<()> {
    let options = ThroughputOptions {
        data: args.data,
        repeats: args.repeats,
        seed: args.seed,
        ..ThroughputOptions::default()
    };
    let work = match args.work.as_slice() {
        [] => &Work::ALL[..],
        chosen => chosen,
    };
    say("Making the inputs");
    let throughput = Throughput::new(&options)?;
    println!(
        "{:<34} {:>7} {:>8} {:>10} {:>21}",
        "work", "threads", "images", "images/s", "slowest to fastest"
    );
    let mut all: Vec<Measurement> = Vec::new();
    for &work in work {
        if interrupt::stopped() {
            bail!("stopped; what was measured stands above");
        }
        let measured = throughput.measure(work)?;
        let rate = measured.images_per_second;
        println!(
            "{:<34} {:>7} {:>8} {:>10.0} {:>10.0} to {:>7.0}",
            work.title(),
            measured.threads,
            measured.images,
            rate.median,
            rate.min,
            rate.max
        );
        all.push(measured);
    }
    if let Some(path) = &args.json {
        write_json(path, &all)?;
        say(format!("{}", path.display()));
    }
    Ok(())
}
