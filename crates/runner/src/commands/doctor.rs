//! `faus doctor`.

use std::path::Path;

use anyhow::Result;
use faus_model::cuda_status;
use faus_train::Workers;

use crate::app::libtorch;

/// Print versions, threads, CUDA or the reason why it is unavailable, and which data is present.
pub(crate) fn doctor() -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("faus        {}", env!("CARGO_PKG_VERSION"));
    println!("tch         0.24.0, for libtorch 2.11.0");
    println!("libtorch    {}", libtorch::version());
    match libtorch::path() {
        Some(path) => println!("            loaded from {}", path.display()),
        None => println!("            loaded from an unknown path: this system does not list it"),
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
