//! `faus correlate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use faus_base::digest;
use faus_base::person::Person;
use faus_base::text::counted;
use faus_data::{CodeKey, CodeTable};
use faus_fau::{
    AnalysisOptions, Exchange, OutputOptions, SampleRow, SampleTable, Watch, analyse_with,
    read_activations,
};

use faus_model::DeviceChoice;

use super::activations::store;
use crate::app::arguments::{NetworkArgs, OwnArgs};
use crate::app::console::{print_verdict, say, with_bar};
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::pipeline::run_folder::read_json;

/// Test activations of any network against FACS codes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus correlate --activations activations.npy --samples prepared/ck-48/samples.csv --out fau\n  faus correlate --network model.onnx --input input.json --prepared prepared/ck-48 --out fau"
)]
pub(crate) struct CorrelateArgs {
    /// f32 or f64 [N, filters].
    #[arg(
        long,
        value_name = "NPY",
        required_unless_present = "network",
        requires = "samples",
        conflicts_with = "network"
    )]
    activations: Option<PathBuf>,
    /// Table with at least the columns index and aus (1:3;12:0 or FACS codes such as 1c+12, none, NA; or one column for each
    /// action unit: AU12, AU12_c, AU12_r); with subject, sequence and label the nulls respect people and classes.
    #[arg(long, value_name = "CSV", conflicts_with = "network")]
    samples: Option<PathBuf>,
    #[command(flatten)]
    own: OwnArgs,
    /// A prepared data set, for --network; the activations are stored in --out.
    #[arg(long, value_name = "DIR", requires = "network")]
    prepared: Option<PathBuf>,
    /// The layer's name [default: the last map].
    #[arg(long, requires = "network")]
    layer: Option<String>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", requires = "network")]
    device: DeviceChoice,
    /// Table of FACS codes, instead of those in --samples: rows by path or file name, by subject and session (and frame), or
    /// by index; without frames the codes belong to a session's last frame.
    #[arg(long, value_name = "TABLE")]
    aus: Option<PathBuf>,
    /// Folder for the tables and charts.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
    /// Bins of the histograms.
    #[arg(long, default_value_t = AnalysisOptions::default().bins)]
    bins: usize,
    /// People who must show an action unit, and people who must not, for it to be tested.
    #[arg(long, default_value_t = AnalysisOptions::default().min_positives)]
    min_positives: usize,
    /// Number of permutations per p-value; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().permutations)]
    permutations: usize,
    /// Number of resamplings of the subjects per interval; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().bootstrap)]
    bootstrap: usize,
    /// How codes are exchanged under the null hypothesis: both (between subjects and within), within, whole.
    #[arg(long, default_value = "both")]
    exchange: Exchange,
    /// False-discovery rate at which pairs are counted.
    #[arg(long, default_value_t = AnalysisOptions::default().fdr)]
    fdr: f64,
    /// Random seed of the permutations and resamplings.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().seed)]
    seed: u64,
}

impl CorrelateArgs {
    /// The activations, the samples, and the layer's name where it is known. Those of a network are computed.
    fn measured(&mut self, program: &Program) -> Result<(PathBuf, PathBuf, Option<String>)> {
        let network = self.own.input.is_some() || self.prepared.is_some() || self.layer.is_some();
        if self.activations.is_some() && network {
            return Err(wrong_usage(anyhow!(
                "--input, --prepared and --layer belong to --network, not to --activations"
            )));
        }
        let (given, samples) = (self.activations.take(), self.samples.take());
        if let (Some(activations), Some(samples)) = (given, samples) {
            return Ok((activations, samples, None));
        }
        let out = self.out.display();
        std::fs::create_dir_all(&self.out).with_context(|| format!("{out}: cannot be created"))?;
        let activations = self.out.join("activations.npy");
        let samples = self
            .prepared
            .clone()
            .unwrap_or_default()
            .join("samples.csv");
        let own = OwnArgs {
            network: self.own.network.clone(),
            input: self.own.input.take(),
        };
        let of = NetworkArgs::own(own, self.prepared.take(), self.layer.take(), self.device);
        let layer = store(&of, &activations, program)?;
        Ok((activations, samples, Some(layer)))
    }

    /// SHA-256 of the input files.
    fn inputs(&self, activations: &PathBuf, samples: &PathBuf) -> Result<BTreeMap<String, String>> {
        let files = [
            ("activations", Some(activations)),
            ("samples", Some(samples)),
            ("aus", self.aus.as_ref()),
            ("network", self.own.network.as_ref()),
        ];
        let given = files
            .into_iter()
            .filter_map(|(name, path)| Some((name, path?)));
        let digest = |(name, path): (&str, &PathBuf)| {
            let bytes = std::fs::read(path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            Ok((name.to_owned(), digest::sha256(&bytes)))
        };
        given.map(digest).collect()
    }

    fn options(&self) -> AnalysisOptions {
        AnalysisOptions {
            bins: self.bins,
            min_positives: self.min_positives,
            permutations: self.permutations,
            bootstrap: self.bootstrap,
            exchange: self.exchange,
            fdr: self.fdr,
            seed: self.seed,
            ..AnalysisOptions::default()
        }
    }
}

pub(crate) fn correlate(mut args: CorrelateArgs, program: &Program) -> Result<()> {
    let options = args.options().check()?;
    let (activations_file, samples_file, layer) = args.measured(program)?;
    let activations = read_activations(&activations_file)?;
    let samples = samples(&samples_file, args.aus.as_deref())?;
    samples
        .notes
        .iter()
        .for_each(|note| eprintln!("  note: {note}"));
    let measures = program.measures();
    let analysis = with_bar("Exchanging codes", |progress| {
        let watch = Watch {
            observer: Some(progress),
        };
        analyse_with(&activations, &samples.rows, &options, &measures, &watch)
    })?;
    let info = read_json(&samples_file.with_file_name("dataset.json"));
    let info = info.ok().flatten().unwrap_or_default();
    let synthetic = info["synthetic"].as_bool();
    let au_threshold = info["au_threshold"].as_u64().filter(|_| args.aus.is_none());
    let au_threshold = au_threshold.and_then(|grade| u8::try_from(grade).ok());
    let output = OutputOptions {
        synthetic,
        au_threshold,
        machine_coded: samples.machine_coded || info["machine_coded"] == true && args.aus.is_none(),
        layer,
        inputs: args.inputs(&activations_file, &samples_file)?,
        command: std::env::args().collect(),
        ..OutputOptions::default()
    };
    analysis.write(&args.out, &output)?;
    say(format!(
        "{} x {} over {}",
        counted(analysis.filters, "filter"),
        counted(analysis.aus_used.len(), "action unit"),
        counted(analysis.rows_used, "coded image")
    ));
    if let Some(grade) = au_threshold {
        say(format!(
            "Action units count as present from intensity {grade} on"
        ));
    }
    print_verdict(
        synthetic == Some(true),
        output.machine_coded,
        &analysis.verdict(),
    );
    println!("{}", args.out.join("names.csv").display());
    Ok(())
}

/// The samples, with the codes of --aus where it is given.
fn samples(path: &Path, aus: Option<&Path>) -> Result<SampleTable> {
    let mut samples = SampleTable::read(path, aus.is_none())?;
    if let Some(aus) = aus {
        let table = CodeTable::open(aus)?;
        let people = samples
            .rows
            .iter()
            .map(|row| row.subject.as_ref().map(Person::to_string));
        let people: Vec<String> = people.map(Option::unwrap_or_default).collect();
        let keys = samples
            .rows
            .iter()
            .zip(&people)
            .map(|(row, subject)| key(row, subject));
        let matched = table.matched(&Vec::from_iter(keys))?;
        samples.machine_coded = table.machine_coded();
        samples.notes.extend(matched.notes);
        for (row, coded) in samples.rows.iter_mut().zip(matched.codes) {
            row.coded = coded.map(|coded| coded.units);
        }
    }
    Ok(samples)
}

fn key<'a>(row: &'a SampleRow, subject: &'a str) -> CodeKey<'a> {
    CodeKey {
        neutral: row.label_name.as_deref() == Some("neutral"),
        index: row.index,
        path: row.path.as_deref().unwrap_or_default(),
        subject,
        sequence: row.sequence.as_deref().unwrap_or_default(),
        frame: row.frame.unwrap_or_default(),
    }
}
