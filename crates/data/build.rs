//! Copies the face model that rustface carries in its package next to our own build output.
//!
//! rustface loads its model at run time and leaves it to its users to find the file. Cargo knows where the package
//! lies, so a built `faus` carries the model within it and needs no file at run time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FAUS_RUSTFACE_DIR");
    if let Err(reason) = copy_model() {
        println!(
            "cargo::error=the face model of the package rustface was not found: {reason}. Set FAUS_RUSTFACE_DIR to the \
             unpacked package (it holds model/{MODEL})."
        );
    }
}

const MODEL: &str = "seeta_fd_frontal_v1.0.bin";

fn copy_model() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let package = match env::var_os("FAUS_RUSTFACE_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => locate_package()?,
    };
    copy(&package.join("model").join(MODEL), &out.join(MODEL))?;
    // The photograph is wanted by a test alone, and a vendored package may lack it.
    let photograph = package.join("test.png");
    let target = out.join("photograph.png");
    if photograph.is_file() {
        copy(&photograph, &target)
    } else {
        fs::write(&target, []).map_err(|e| e.to_string())
    }
}

/// Writes the bytes anew, because a copy would keep the read-only mode that package stores like to set.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let bytes = fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    fs::write(to, bytes).map_err(|error| format!("{}: {error}", to.display()))
}

fn locate_package() -> Result<PathBuf, String> {
    // Off-line first: it is enough wherever the whole workspace was fetched, and it never waits for a network.
    metadata(&["--offline"]).or_else(|_| metadata(&[]))
}

fn metadata(extra: &[&str]) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").ok_or("CARGO is not set")?;
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let target = env::var("TARGET").map_err(|error| error.to_string())?;
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            &target,
            "--manifest-path",
        ])
        .arg(manifest.join("Cargo.toml"))
        .args(extra)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', " "));
    }
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    answer["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "rustface")
        .and_then(|package| {
            Path::new(package["manifest_path"].as_str()?)
                .parent()
                .map(Path::to_path_buf)
        })
        .ok_or_else(|| "cargo metadata does not list it".to_owned())
}
