//! Writes libtorch's folder into the binaries as their run-time search path, so that nobody has to set
//! `LD_LIBRARY_PATH`. Every crate of the workspace that links tch shares this file (`build = "…/model/build.rs"`):
//! `rustc-link-arg` holds only for the package that prints it.

use std::path::PathBuf;
use std::process::ExitCode;

/// torch-sys passes the folder that it links against to its direct dependents in this variable.
const LIBTORCH_LIB: &str = "DEP_TCH_LIBTORCH_LIB";

fn main() -> ExitCode {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_USE_PYTORCH");
    match library_folder() {
        Ok(folder) => {
            // Resolved, so that the binary keeps working when the checkout with its `.libtorch` link is gone.
            println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn library_folder() -> Result<PathBuf, String> {
    let named = std::env::var_os(LIBTORCH_LIB).ok_or_else(|| {
        format!(
            "{LIBTORCH_LIB} is not set: the crate that uses this build script must name `torch-sys` \
             among its own [dependencies]"
        )
    })?;
    let folder = PathBuf::from(named);
    folder.canonicalize().map_err(|error| {
        format!(
            "libtorch's folder {} cannot be opened ({error}): run `just setup`, or point LIBTORCH at a folder \
             that has `lib` and `include` of libtorch 2.11.0",
            folder.display()
        )
    })
}
