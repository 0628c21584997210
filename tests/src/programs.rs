use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// A program of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `faus`, of `crates/runner`.
    Faus,
    /// `swap-model`, of `experiments/swap_model`.
    SwapModel,
    /// `swap-source`, of `experiments/swap_source`.
    SwapSource,
    /// `swap-method`, of `experiments/swap_method`.
    SwapMethod,
    /// `swap-measure`, of `experiments/swap_measure`.
    SwapMeasure,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 5] = [
        Self::Faus,
        Self::SwapModel,
        Self::SwapSource,
        Self::SwapMethod,
        Self::SwapMeasure,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Faus => "faus",
            Self::SwapModel => "swap-model",
            Self::SwapSource => "swap-source",
            Self::SwapMethod => "swap-method",
            Self::SwapMeasure => "swap-measure",
        }
    }
}

/// The root of the checkout.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Path of a program, built in the profile of the running tests; nothing is built where it is fresh.
pub fn program(which: Program) -> &'static Path {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    &BUILT.get_or_init(build)[which.name()]
}

/// `target/<profile>` of the running tests.
fn profile_folder() -> PathBuf {
    let tests = std::env::current_exe().unwrap(); // target/<profile>/deps/e2e-…
    tests.ancestors().nth(2).unwrap().to_path_buf()
}

/// The target folder of the running tests.
pub(crate) fn target_folder() -> PathBuf {
    profile_folder().parent().unwrap().to_path_buf()
}

/// `cargo test` builds the programs of other packages only sometimes, so they are asked for.
fn build() -> HashMap<String, PathBuf> {
    let folder = profile_folder();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(repository())
        .args([
            "build",
            "--workspace",
            "--message-format=json-render-diagnostics",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target_folder())
        .args(
            Program::ALL
                .iter()
                .flat_map(|which| ["--bin", which.name()]),
        )
        .stderr(Stdio::inherit());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "the programs do not build");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(executable)
        .collect()
}

/// Name and path of the program that a line of cargo's messages tells of.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), message["executable"].as_str()?.into()))
}
