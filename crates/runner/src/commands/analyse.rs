//! `faus analyse`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use faus_model::{DeviceChoice, OnnxFile};

use crate::app::console::say;
use crate::app::own_network::{crop_of, input_of};
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::config::{ExperimentConfig, Preset};
use crate::pipeline::analyse::AnalyseJob;
use crate::pipeline::job::Job;

/// Everything about a network of your own: data to report.
///
/// Prepares the data in the size of its images, compares its predictions with the labels, and tests its filters against
/// action units as `faus run` does after training, with all studies that need no training.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus analyse model.onnx --input input.json --data data/CK+ --out mine\n  faus analyse model.onnx --input input.json --source folders --data CK+48 --aus codes.csv --out mine --unseen"
)]
pub(crate) struct AnalyseArgs {
    /// The network, as torch.onnx.export writes it.
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// The images that it was trained on: size, channels, scale, mean, std, crop, classes (docs/your-network.md).
    #[arg(long, value_name = "INPUT.json")]
    input: Option<PathBuf>,
    /// Folder with the data set.
    #[arg(long, value_name = "DIR", required_unless_present = "prepared")]
    data: Option<PathBuf>,
    /// Kind of data set in --data.
    #[arg(long, default_value = "ck_plus", conflicts_with = "prepared")]
    source: String,
    /// A data set that `faus data prepare` made, instead of --data; the folder gets a copy.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    prepared: Option<PathBuf>,
    /// Table of FACS codes beside the images, such as subject,session,codes, as for `faus data prepare --aus`.
    #[arg(long, value_name = "TABLE", conflicts_with = "prepared")]
    aus: Option<PathBuf>,
    /// The layer to analyse [default: the last with maps, see `faus network`].
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// No person of the data set was in the training of the network.
    #[arg(long)]
    unseen: bool,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Random seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Any setting of an experiment, for example data.label_pattern=jaffe; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Folder for all results; its page is report/index.html.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn analyse(args: AnalyseArgs, program: &Program) -> Result<()> {
    let file = OnnxFile::read(&args.model)?;
    let input = input_of(&file, &args.model, args.input.as_deref(), None)?;
    let fixed = ["data.image_size=", "data.crop="];
    if let Some(set) = args
        .sets
        .iter()
        .find(|set| fixed.iter().any(|key| set.starts_with(key)))
    {
        return Err(wrong_usage(anyhow!(
            "--set {set}: the size and the crop of the faces are those of the network; change them in --input"
        )));
    }
    let mut config = ExperimentConfig::of_sets(args.seed, &args.sets)?;
    program.check_names(&config)?;
    if !args.sets.iter().any(|set| set.starts_with("data.source=")) {
        config.data.source = args.source;
    }
    config.data.image_size = u32::try_from(input.size)?;
    config.data.crop = crop_of(&input)?;
    config.data.aus = args.aus.or(config.data.aus);
    config.visualize.layer = args.layer.or(config.visualize.layer);
    let architecture = program.architecture(&config.network)?;
    let job = AnalyseJob {
        job: Job {
            program,
            architecture: architecture.as_ref(),
            preset: Preset::Auto,
            folds: None,
            devices: vec![args.device.resolve()?],
            parallel: "auto".parse().map_err(anyhow::Error::msg)?,
            data: args.data,
            prepared: args.prepared,
            out: args.out,
            resume: false,
            tensorboard: false,
            command: std::env::args().collect(),
            config,
        },
        model: args.model,
        file,
        input,
        unseen: args.unseen,
    };
    say(format!(
        "{} on {}, into {}",
        job.model.display(),
        faus_model::device_name(job.job.device()),
        job.job.out.display()
    ));
    println!("{}", job.run()?.display());
    Ok(())
}
