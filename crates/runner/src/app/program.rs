//! A program: every command of faus, with an experiment's added or replaced parts.

use std::path::Path;

use anyhow::{Context, Result, bail};
use faus_data::{DataConfig, Source};
use faus_fau::{Association, Study};
use faus_model::{Architecture, ZeroBiasCnn};
use faus_viz::Explain;

use crate::config::{ExperimentConfig, NetworkConfig};

type MakeNetwork = dyn Fn(&NetworkConfig) -> Box<dyn Architecture> + Sync;
type Opened = Result<Box<dyn Source>, faus_data::Error>;
type OpenSource = dyn Fn(&Path, &DataConfig) -> Opened + Sync;

/// Every command of `faus`, with an experiment's network and added parts.
///
/// [`new`](Self::new) takes a network, [`default`](Self::default) has that of the paper. Each part may be added several
/// times. `docs/ARCHITECTURE.md` lists the steps.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use faus_model::ZeroBiasCnn;
/// use faus_runner::Program;
///
/// fn main() -> ExitCode {
///     Program::new(|network| Box::new(ZeroBiasCnn { k: network.k })).main()
/// }
/// ```
pub struct Program {
    network: Box<MakeNetwork>,
    sources: Vec<(String, Box<OpenSource>)>,
    methods: Vec<Box<dyn Explain>>,
    measures: Vec<Box<dyn Association>>,
    studies: Vec<Box<dyn Study + Sync>>,
    /// The default experiment, if the command line has no command.
    pub(crate) experiment: Option<&'static str>,
}

/// The network of the paper.
impl Default for Program {
    fn default() -> Self {
        Self::new(|network| Box::new(ZeroBiasCnn { k: network.k }))
    }
}

impl Program {
    /// A program that trains `network`, made from the `network` part of an experiment.
    pub fn new(network: impl Fn(&NetworkConfig) -> Box<dyn Architecture> + Sync + 'static) -> Self {
        Self {
            network: Box::new(network),
            sources: Vec::new(),
            methods: Vec::new(),
            measures: Vec::new(),
            studies: Vec::new(),
            experiment: None,
        }
    }

    /// Adds a data source. Its name is the value of `data.source` in an experiment and of `--source`; `open` receives
    /// the path given by `--data` or `--input`, and the experiment's `data` settings. `folds`, `fold_rule`, `image_size` and
    /// `crop` apply to every source; `classes`, `subject_pattern` and `label_map` only if the source reads them.
    pub fn source(
        mut self,
        name: &str,
        open: impl Fn(&Path, &DataConfig) -> Opened + Sync + 'static,
    ) -> Self {
        self.sources.push((name.to_owned(), Box::new(open)));
        self
    }

    /// Adds an explanation method, found by its name: `visualize.method` of an experiment, and `--method`.
    pub fn explain(mut self, method: impl Explain + 'static) -> Self {
        self.methods.push(Box::new(method));
        self
    }

    /// Adds an association measure: columns of `associations.csv`, with p, q and interval.
    pub fn measure(mut self, measure: impl Association + 'static) -> Self {
        self.measures.push(Box::new(measure));
        self
    }

    /// Adds a study: a command `NAME RUN`, with the option `--device`. The fields of `study` hold its other options.
    pub fn study(mut self, study: impl Study + Sync + 'static) -> Self {
        self.studies.push(Box::new(study));
        self
    }

    /// Sets the default experiment, for a command line without a command: the path of its JSON, relative to the working
    /// directory.
    pub fn experiment(mut self, path: &'static str) -> Self {
        self.experiment = Some(path);
        self
    }

    /// The network for `config`.
    ///
    /// # Errors
    /// When the experiment is for another network.
    pub(crate) fn architecture(&self, config: &NetworkConfig) -> Result<Box<dyn Architecture>> {
        let architecture = (self.network)(config);
        match &config.architecture {
            Some(wanted) if wanted != architecture.name() => bail!(
                "the experiment needs network `{wanted}`, but this program runs `{}`: use that network's program",
                architecture.name()
            ),
            _ => Ok(architecture),
        }
    }

    /// Opens the data at `place` with the source that the settings name.
    ///
    /// # Errors
    /// Errors from the source.
    pub(crate) fn open_source(&self, config: &DataConfig, place: &Path) -> Opened {
        config.check()?;
        match self.sources.iter().find(|(name, _)| *name == config.source) {
            Some((_, open)) => open(place, config),
            None => config.open(place),
        }
    }

    /// The sources with their descriptions, those of the experiment last.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.sources.iter();
        let own = own.map(|(name, _)| (name.as_str(), "A source of this program"));
        DataConfig::SOURCES.into_iter().chain(own)
    }

    /// The explanation methods of the experiment.
    pub(crate) fn methods(&self) -> &[Box<dyn Explain>] {
        &self.methods
    }

    /// The association measures of the experiment.
    pub(crate) fn measures(&self) -> Vec<&dyn Association> {
        self.measures.iter().map(Box::as_ref).collect()
    }

    /// The studies of the experiment.
    pub(crate) fn studies(&self) -> impl Iterator<Item = &dyn Study> {
        self.studies
            .iter()
            .map(|study| study.as_ref() as &dyn Study)
    }

    /// Checks the names in an experiment against those that this program has.
    ///
    /// # Errors
    /// For an unknown name, with those that exist.
    pub(crate) fn check_names(&self, config: &ExperimentConfig) -> Result<()> {
        faus_viz::find(&config.visualize.method, &self.methods).context("visualize.method")?;
        let known: Vec<&str> = self.sources().map(|(name, _)| name).collect();
        match config.data.source.as_str() {
            name if known.contains(&name) => Ok(()),
            name => bail!(
                "there is no data.source `{name}`; choose from {}",
                known.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use faus_data::Folders;

    use super::*;

    #[test]
    fn an_experiment_for_another_network_is_refused() {
        let other = NetworkConfig {
            architecture: Some("tiny_net".to_owned()),
            ..NetworkConfig::default()
        };
        let error = Program::default()
            .architecture(&other)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("tiny_net") && error.contains("zero_bias_cnn"),
            "{error}"
        );
    }

    #[test]
    fn a_source_of_the_program_is_known_by_its_name() {
        let program = Program::default().source("jaffe", |root, _| {
            Ok(Box::new(Folders::open(root, None, None)?))
        });
        let mut config = ExperimentConfig::default();
        config.data.source = "jaffe".to_owned();
        assert!(program.check_names(&config).is_ok());
        let error = Program::default()
            .check_names(&config)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("jaffe") && error.contains("folders"),
            "{error}"
        );
        let nowhere = program.open_source(&config.data, Path::new("/nowhere"));
        assert!(nowhere.is_err_and(|error| error.to_string().contains("/nowhere")));
    }
}
