use std::path::{Path, PathBuf};

use anyhow::Result;
use faus_model::cuda_status;
use faus_train::Workers;

/// Versions, threads, CUDA yes or no and why not, and what data is there.
pub(crate) fn doctor() -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("faus        {}", env!("CARGO_PKG_VERSION"));
    println!("tch         0.24.0, for libtorch 2.11.0");
    println!("libtorch    {}", libtorch_version());
    match libtorch_path() {
        Some(path) => println!("            loaded from {}", path.display()),
        None => println!("            loaded from a place that this system does not tell"),
    }
    println!(
        "threads     {} workers on {cores} cores",
        Workers::new(0)?.count()
    );
    println!(
        "CPU         {}, oneDNN {}, MKL {}",
        cpu_features(),
        yes(tch::utils::has_mkldnn()),
        yes(tch::utils::has_mkl())
    );
    let cuda = cuda_status();
    match &cuda.why_not {
        None => println!("CUDA        yes, {} device(s)", cuda.devices),
        Some(reason) => println!("CUDA        no: {reason}"),
    }
    println!(
        "preset      auto means {}",
        if cuda.devices > 0 { "paper" } else { "quick" }
    );
    for (what, folder) in [("CK+", "data/CK+"), ("synthetic", "data/synthetic-ck")] {
        let there = if Path::new(folder).exists() {
            "there"
        } else {
            "not there"
        };
        println!("{what:12}{folder}: {there}");
    }
    Ok(())
}

fn yes(there: bool) -> &'static str {
    if there { "yes" } else { "no" }
}

/// Version of the libtorch that is loaded, as far as its folder says.
pub(crate) fn libtorch_version() -> String {
    let folder = libtorch_path().and_then(|lib| Some(lib.parent()?.parent()?.to_path_buf()));
    let text = folder.and_then(|f| {
        std::fs::read_to_string(f.join("build-version"))
            .or_else(|_| std::fs::read_to_string(f.join("version.py")))
            .ok()
    });
    let version = text
        .as_deref()
        .and_then(|t| match t.split_once("__version__ = '") {
            Some((_, rest)) => rest.split('\'').next(),
            None => t.lines().next(),
        });
    version.map_or_else(
        || "2.11.0 (by the build; its folder does not say)".to_owned(),
        |v| v.trim().to_owned(),
    )
}

/// The libtorch_cpu that this process has loaded.
fn libtorch_path() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|l| l.contains("libtorch_cpu"))?;
    Some(PathBuf::from(line.get(line.find('/')?..)?))
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> &'static str {
    if is_x86_feature_detected!("avx512f") {
        "AVX-512"
    } else if is_x86_feature_detected!("avx2") {
        "AVX2"
    } else {
        "no AVX2, so slow"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> &'static str {
    std::env::consts::ARCH
}
