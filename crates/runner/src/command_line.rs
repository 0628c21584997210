//! The command line: its grammar and the dispatch to commands.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use faus_fau::Study;

use crate::app::console::is_complete;
use crate::app::interrupt;
use crate::app::program::Program;
use crate::app::usage::describe;
use crate::commands;
use crate::commands::study::StudyArgs;

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
    Run(commands::run::RunArgs),
    Analyse(commands::analyse::AnalyseArgs),
    /// Prepare, inspect, audit and augment data sets.
    #[command(
        subcommand,
        after_help = "Example: faus data prepare --source ck_plus --input data/CK+ --out prepared/ck-96"
    )]
    Data(DataCommand),
    Synth(commands::synth::SynthArgs),
    Train(commands::train::TrainArgs),
    Evaluate(commands::evaluate::EvaluateArgs),
    Select(commands::select::SelectArgs),
    Activations(commands::activations::ActivationsArgs),
    Visualize(commands::visualize::VisualizeArgs),
    Correlate(commands::correlate::CorrelateArgs),
    Predict(commands::predict::PredictArgs),
    Network(commands::network::OnnxArgs),
    Export(commands::export::ExportArgs),
    Controls(commands::controls::ControlsArgs),
    Replicate(commands::replicate::ReplicateArgs),
    Probe(commands::probe::ProbeArgs),
    Locate(commands::locate::LocateArgs),
    Ablate(commands::ablate::AblateArgs),
    Intervene(commands::intervene::InterveneArgs),
    Compare(commands::compare::CompareArgs),
    Report(commands::report::ReportArgs),
    /// Versions, threads, CUDA or the reason why it is unavailable.
    #[command(after_help = "Example: faus doctor")]
    Doctor,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Prepare(commands::prepare::PrepareArgs),
    Inspect(commands::inspect::InspectArgs),
    Audit(commands::audit::AuditArgs),
    Augment(commands::augment::AugmentArgs),
}

/// Headings of the commands in the help. Studies of the program have their own.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "The whole job",
        &["run", "report", "compare", "predict", "export"],
    ),
    ("Data", &["data", "synth"]),
    ("A network of your own", &["analyse", "network"]),
    (
        "Its steps, one by one",
        &[
            "train",
            "evaluate",
            "select",
            "activations",
            "visualize",
            "correlate",
        ],
    ),
    (
        "Tests of a run's findings",
        &[
            "controls",
            "replicate",
            "probe",
            "locate",
            "ablate",
            "intervene",
        ],
    ),
    ("This computer", &["doctor"]),
];

/// The help with the commands under their headings, which clap has for flags alone.
fn help_template(cli: &clap::Command) -> String {
    let group = |heading: &str, commands: Vec<&clap::Command>| {
        let line = |command: &&clap::Command| {
            let about = command.get_about().unwrap_or_default();
            format!("  {:12} {about}\n", command.get_name())
        };
        let lines: String = commands.iter().map(line).collect();
        format!("{heading}:\n{lines}\n")
    };
    let grouped = GROUPS.map(|(heading, names)| {
        let commands = names.iter().filter_map(|name| cli.find_subcommand(name));
        group(heading, commands.collect())
    });
    let is_own = |command: &&clap::Command| {
        let has = |(_, names): &(_, &[&str])| names.contains(&command.get_name());
        !GROUPS.iter().any(has)
    };
    let own = Vec::from_iter(cli.get_subcommands().filter(is_own));
    let own = (!own.is_empty()).then(|| group("Studies of this program", own));
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}{}Options:\n{{options}}{{after-help}}",
        grouped.concat(),
        own.unwrap_or_default()
    )
}

impl Program {
    /// Reads the command line, runs the command and prints the error, if any.
    ///
    /// Exit code 0: done, 1: failed, 2: wrong usage.
    pub fn main(self) -> ExitCode {
        match std::env::args_os().map(OsString::into_string).collect() {
            Ok(arguments) => self.main_from(arguments),
            Err(other) => {
                let other = other.to_string_lossy();
                eprintln!(
                    "error: `{other}` on the command line is not UTF-8: rename the file or folder"
                );
                ExitCode::from(2)
            }
        }
    }

    /// [`main`](Self::main) with explicit arguments; the first is the program's name.
    pub fn main_from(self, mut arguments: Vec<String>) -> ExitCode {
        interrupt::set_signals();
        let first = arguments.get(1).map_or("--", String::as_str);
        let flags_only = first.starts_with("--") && !matches!(first, "--help" | "--version");
        if let Some(experiment) = self.experiment.filter(|_| flags_only) {
            arguments.splice(1..1, ["run".to_owned(), experiment.to_owned()]);
        }
        let Err(error) = run(&self, arguments) else {
            return match is_complete() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            };
        };
        match error.downcast::<clap::Error>() {
            Ok(usage) => {
                let _ = usage.print();
                ExitCode::from(if usage.use_stderr() { 2 } else { 0 })
            }
            Err(error) => {
                eprintln!("error: {}", describe(&error));
                ExitCode::FAILURE
            }
        }
    }
}

/// Parses `arguments`, the first of which is the program's name, and runs the command.
///
/// # Errors
/// A [`clap::Error`] for wrong usage and for `--help`, otherwise the command's error.
fn run(program: &Program, arguments: Vec<String>) -> Result<()> {
    check_names(program)?;
    let matches = grammar(program).try_get_matches_from(spread_sets(arguments))?;
    for study in program.studies() {
        if let Some(args) = matches.subcommand_matches(study.name()) {
            listen();
            return commands::study::own_study(study, StudyArgs::from_arg_matches(args)?, program);
        }
    }
    let command = Cli::from_arg_matches(&matches)?.command;
    // A command that writes nothing ends at once on Ctrl-C: there is nothing to clean up.
    let reads = matches!(
        command,
        Command::Data(DataCommand::Audit(_) | DataCommand::Inspect(_))
            | Command::Network(_)
            | Command::Doctor
    );
    if !reads {
        listen();
    }
    dispatch(command, program)
}

fn listen() {
    if let Err(error) = interrupt::listen() {
        eprintln!("warning: Ctrl-C will stop at once, not cleanly: {error}");
    }
}

/// Refuses names of the program's measures and studies that files or commands have already, before any work is done.
fn check_names(program: &Program) -> Result<()> {
    faus_fau::check_measures(&program.measures()).context("a measure of this program")?;
    let commands = Cli::command();
    let commands = commands.get_subcommands().map(clap::Command::get_name);
    let mut taken: Vec<&str> = commands.chain(["help"]).collect();
    for name in program.studies().map(Study::name) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
            bail!(
                "a study of this program is named `{name}`; give lower-case letters, digits and -"
            );
        }
        if taken.contains(&name) {
            bail!("a study of this program is named `{name}`, as a command is: give another name");
        }
        taken.push(name);
    }
    Ok(())
}

/// The command line with the names that the program adds.
fn grammar(program: &Program) -> clap::Command {
    let source =
        |(name, what): (&str, &str)| PossibleValue::new(name.to_owned()).help(what.to_owned());
    let sources = PossibleValuesParser::new(program.sources().map(source));
    let studies = program.studies().map(|study| {
        let command = clap::Command::new(study.name().to_owned());
        StudyArgs::augment_args(command).about("A study of this program")
    });
    let cli = Cli::command().mut_subcommand("data", |data| {
        data.mut_subcommand("prepare", |prepare| {
            prepare.mut_arg("source", |source| source.value_parser(sources.clone()))
        })
    });
    let cli = cli.mut_subcommand("analyse", |analyse| {
        analyse.mut_arg("source", |source| source.value_parser(sources.clone()))
    });
    let cli = cli.subcommands(studies);
    let template = help_template(&cli);
    cli.help_template(template)
}

fn dispatch(command: Command, program: &Program) -> Result<()> {
    match command {
        Command::Run(args) => commands::run::run(args, program),
        Command::Analyse(args) => commands::analyse::analyse(args, program),
        Command::Data(DataCommand::Prepare(args)) => commands::prepare::prepare(args, program),
        Command::Data(DataCommand::Inspect(args)) => commands::inspect::inspect(args),
        Command::Data(DataCommand::Audit(args)) => commands::audit::audit(args),
        Command::Data(DataCommand::Augment(args)) => commands::augment::augment(args),
        Command::Synth(args) => commands::synth::synth(args),
        Command::Train(args) => commands::train::train(args, program),
        Command::Evaluate(args) => commands::evaluate::evaluate(args, program),
        Command::Select(args) => commands::select::select(args, program),
        Command::Activations(args) => commands::activations::activations(args, program),
        Command::Visualize(args) => commands::visualize::visualize(args, program),
        Command::Correlate(args) => commands::correlate::correlate(args, program),
        Command::Predict(args) => commands::predict::predict(args, program),
        Command::Network(args) => commands::network::network(args),
        Command::Export(args) => commands::export::export(args, program),
        Command::Controls(args) => commands::controls::controls(args, program),
        Command::Replicate(args) => commands::replicate::replicate(args, program),
        Command::Probe(args) => commands::probe::probe(args, program),
        Command::Locate(args) => commands::locate::locate(args, program),
        Command::Ablate(args) => commands::ablate::ablate(args, program),
        Command::Intervene(args) => commands::intervene::intervene(args, program),
        Command::Compare(args) => commands::compare::compare(args),
        Command::Report(args) => commands::report::report(args),
        Command::Doctor => commands::doctor::doctor(),
    }
}

/// `--set a=1 b=2 FILE` as `--set a=1 --set b=2 FILE`: the flag takes every following `key=value`, and nothing else.
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

#[cfg(test)]
mod tests {
    use faus_fau::{Answer, Association, Error, RunView};

    use super::*;

    struct Named(&'static str);

    impl Study for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn answer(&self, _: &RunView) -> Result<Answer, Error> {
            Ok(Answer::default())
        }
    }

    impl Association for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn score(&self, _: &[f64], _: &[bool]) -> f64 {
            0.0
        }
    }

    #[test]
    fn names_that_are_taken_or_not_plain_are_refused() {
        let study = |name| check_names(&Program::default().study(Named(name)));
        let measure = |name| check_names(&Program::default().measure(Named(name)));
        assert!(study("silent-filters").is_ok() && measure("cohens_d").is_ok());
        for name in [
            "run",
            "probe",
            "help",
            "",
            "-x",
            "Silent",
            "two words",
            "a/b",
        ] {
            let error = study(name).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        let twice = Program::default().study(Named("a")).study(Named("a"));
        assert!(check_names(&twice).is_err());
        for name in ["kl", "q", "cohens-d", ""] {
            assert!(measure(name).is_err(), "{name}");
        }
    }

    #[test]
    fn settings_end_at_the_first_word_without_equals() {
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
    fn the_command_line_is_consistent() {
        grammar(&Program::default().study(Named("mine"))).debug_assert();
    }

    #[test]
    fn every_command_stands_once_under_a_heading_in_few_words() {
        let mut cli = grammar(&Program::default().study(Named("mine")));
        let help = cli.render_help().to_string();
        let (program, own) = help.split_once("Studies of this program:\n").unwrap();
        assert!(own.starts_with("  mine "), "{help}");
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().unwrap().to_string();
            assert!(about.len() < 60, "{about}");
            let line = format!("\n  {:12} {about}\n", command.get_name());
            assert_eq!(program.matches(&line).count(), 1, "{line}{help}");
        }
    }
}
