use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use faus_data::Prepared;
use faus_model::{Architecture, Checkpoint, DeviceChoice, Network};

use crate::{MakeArchitecture, NetworkConfig, commands, interrupt};

/// Did this face network learn facial action units while it was only taught expressions?
#[derive(Debug, Parser)]
#[command(
    name = "faus",
    version,
    arg_required_else_help = true,
    after_help = "Start here: faus run experiments/ck_plus/cnn_ad.json"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(commands::RunArgs),
    /// Prepare, inspect, audit and augment data sets.
    #[command(
        subcommand,
        after_help = "Example: faus data prepare --source ck_plus --input data/CK+ --output prepared/ck-96"
    )]
    Data(DataCommand),
    Synth(commands::SynthArgs),
    Train(commands::TrainArgs),
    Evaluate(commands::EvaluateArgs),
    Select(commands::SelectArgs),
    Activations(commands::ActivationsArgs),
    Visualize(commands::VisualizeArgs),
    Correlate(commands::CorrelateArgs),
    Controls(commands::ControlsArgs),
    Replicate(commands::ReplicateArgs),
    Probe(commands::ProbeArgs),
    Locate(commands::LocateArgs),
    Ablate(commands::AblateArgs),
    Intervene(commands::InterveneArgs),
    Compare(commands::CompareArgs),
    Report(commands::ReportArgs),
    /// Versions, threads, CUDA yes or no and why not.
    #[command(after_help = "Example: faus doctor")]
    Doctor,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Prepare(commands::PrepareArgs),
    Inspect(commands::InspectArgs),
    Audit(commands::AuditArgs),
    Augment(commands::AugmentArgs),
}

/// The whole program for one network: reads the command line, runs the command, says what went wrong.
///
/// Exit code 0: done, 1: failed, 2: wrong usage.
pub fn main_with(make: MakeArchitecture) -> ExitCode {
    match std::env::args_os().map(OsString::into_string).collect() {
        Ok(arguments) => main_from(make, arguments),
        Err(other) => {
            let other = other.to_string_lossy();
            eprintln!(
                "error: `{other}` on the command line is not UTF-8: rename the file or folder"
            );
            ExitCode::from(2)
        }
    }
}

/// [`main_with`] for a command line of the caller's (the first word is the program).
pub fn main_from(make: MakeArchitecture, arguments: Vec<String>) -> ExitCode {
    interrupt::end_with_a_closed_pipe();
    interrupt::get_errors_for_large_files();
    let cli = match Cli::try_parse_from(spread_sets(arguments)) {
        Ok(cli) => cli,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    // What writes nothing ends at once on Ctrl-C; there is nothing to be kept whole.
    let reads = matches!(
        cli.command,
        Command::Data(DataCommand::Audit(_) | DataCommand::Inspect(_)) | Command::Doctor
    );
    if let Some(error) = (!reads).then(interrupt::listen).and_then(Result::err) {
        eprintln!("warning: Ctrl-C will stop at once, not cleanly: {error}");
    }
    match dispatch(cli.command, make) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(usage) => {
                let _ = usage.print();
                ExitCode::from(2)
            }
            Err(error) => {
                eprintln!("error: {}", describe(&error));
                ExitCode::FAILURE
            }
        },
    }
}

/// An error of the command line that shows only when its flags are seen together: the program ends with 2.
pub(crate) fn wrong_usage(error: anyhow::Error) -> anyhow::Error {
    let said = describe(&error);
    clap::Error::raw(ErrorKind::ValueValidation, format!("{said}\n")).into()
}

/// An error and its causes; a cause that is part of what was said already is not said again.
fn describe(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |said, cause| match said {
            said if said.is_empty() => cause,
            said if said.contains(&cause) => said,
            said => format!("{said}: {cause}"),
        })
}

/// `--set a=1 b=2 FILE` as `--set a=1 --set b=2 FILE`: the flag takes every `key=value` behind it, and nothing else.
fn spread_sets(arguments: Vec<String>) -> Vec<String> {
    let mut spread: Vec<String> = Vec::new();
    let mut in_sets = false;
    for argument in arguments {
        let first = spread.last().is_some_and(|last| last == "--set");
        in_sets = first || (in_sets && argument.contains('=') && !argument.starts_with('-'));
        if in_sets && !first {
            spread.push("--set".to_owned());
        }
        spread.push(argument);
    }
    spread
}

fn dispatch(command: Command, make: MakeArchitecture) -> Result<()> {
    match command {
        Command::Run(args) => commands::run(args, make),
        Command::Data(DataCommand::Prepare(args)) => commands::prepare_command(args),
        Command::Data(DataCommand::Inspect(args)) => commands::inspect(args),
        Command::Data(DataCommand::Audit(args)) => commands::audit_command(args),
        Command::Data(DataCommand::Augment(args)) => commands::augment(args),
        Command::Synth(args) => commands::synth(args),
        Command::Train(args) => commands::train(args, make),
        Command::Evaluate(args) => commands::evaluate_command(args, make),
        Command::Select(args) => commands::select_command(args, make),
        Command::Activations(args) => commands::activations(args, make),
        Command::Visualize(args) => commands::visualize(args, make),
        Command::Correlate(args) => commands::correlate(args),
        Command::Controls(args) => commands::controls(args, make),
        Command::Replicate(args) => commands::replicate(args, make),
        Command::Probe(args) => commands::probe(args, make),
        Command::Locate(args) => commands::locate(args, make),
        Command::Ablate(args) => commands::ablate(args, make),
        Command::Intervene(args) => commands::intervene(args, make),
        Command::Compare(args) => commands::compare(args),
        Command::Report(args) => commands::report(args),
        Command::Doctor => commands::doctor(),
    }
}

/// Numbers as people write them: `0-9`, `0,3`, `1-2,5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folds(pub Vec<usize>);

/// Most numbers a list may name.
const MOST: usize = 100_000;

impl FromStr for Folds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no list of numbers: use for example 0-9 or 0,3");
        let mut all = std::collections::BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (usize, usize) = (
                first.trim().parse().map_err(|_| wrong())?,
                last.trim().parse().map_err(|_| wrong())?,
            );
            if first > last || last >= MOST {
                return Err(wrong());
            }
            all.extend(first..=last);
        }
        Ok(Self(all.into_iter().collect()))
    }
}

/// The program's network for `config`; an experiment written for another network is an error.
pub(crate) fn architecture_of(
    make: MakeArchitecture,
    config: &NetworkConfig,
) -> Result<Box<dyn Architecture>> {
    let architecture = make(config);
    match &config.architecture {
        Some(wanted) if wanted != architecture.name() => {
            bail!(
                "the experiment wants network `{wanted}`, this program runs `{}`: use the program that brings it",
                architecture.name()
            )
        }
        _ => Ok(architecture),
    }
}

/// A checkpoint and its network, checked against the data set.
pub(crate) fn open_network(
    make: MakeArchitecture,
    path: &Path,
    prepared: &Prepared,
    device: DeviceChoice,
) -> Result<(Checkpoint, Network)> {
    let checkpoint = Checkpoint::load(path)?;
    faus_train::check_fits(&checkpoint, prepared)?;
    let architecture = architecture_of(make, &NetworkConfig::default())?;
    let device = device.resolve()?;
    faus_model::Precision::for_looking(device)?;
    let network = checkpoint.network(architecture.as_ref(), device)?;
    Ok((checkpoint, network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_end_at_the_first_word_that_is_none() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let spread = spread_sets(words("faus run --set a=1 b=2 x.json --seed 3"));
        assert_eq!(
            spread,
            words("faus run --set a=1 --set b=2 x.json --seed 3")
        );
        assert_eq!(
            spread_sets(words("faus run x=y.json")),
            words("faus run x=y.json")
        );
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = anyhow::anyhow!("no such file");
        let error = inner.context("x.json: no such file").context("cannot read");
        assert_eq!(describe(&error), "cannot read: x.json: no such file");
    }

    #[test]
    fn number_lists() {
        assert_eq!("0-2,5,1".parse::<Folds>().unwrap().0, [0, 1, 2, 5]);
        for wrong in ["", "a", "3-1", "-1", "1-", "0-99999999999", "0-100000"] {
            assert!(wrong.parse::<Folds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
