//! The runs of a comparison, with the tests of their differences.

use std::path::Path;

use serde_json::Value;

use crate::run::Run;
use crate::run::value;

/// Runs side by side; the others are compared with the first.
pub(super) struct Runs {
    pub all: Vec<Run>,
    /// `faus compare --json`, or the reason why it is missing.
    pub paired: Result<Value, String>,
}

impl Runs {
    /// The paired tests with the run that is tested against the first.
    pub fn tests(&self) -> impl Iterator<Item = (&Value, &Run)> {
        let paired = self.paired.as_ref().unwrap_or(&Value::Null);
        let tests = value::list(&paired["tests"]);
        tests.iter().filter_map(|test| {
            let folder = Path::new(test["run"].as_str()?);
            let mut runs = self.all.iter();
            Some((test, runs.find(|run| run.folder.path("") == folder)?))
        })
    }

    pub fn names(&self, of: impl Fn(&Run) -> bool) -> Vec<String> {
        let runs = self.all.iter().filter(|run| of(run));
        runs.map(|run| run.name.clone()).collect()
    }
}

/// Runs with the same name are numbered.
pub(super) fn distinct(mut runs: Vec<Run>) -> Vec<Run> {
    for at in 1..runs.len() {
        let (before, name) = (&runs[..at], &runs[at].name);
        let same = before.iter().filter(|run| run.name == *name).count();
        if same > 0 {
            runs[at].name += &format!(" ({})", same + 1);
        }
    }
    runs
}
