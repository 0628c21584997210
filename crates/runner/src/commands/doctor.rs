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
    let workers = Workers::new(0)?.count();
    println!("threads     {workers} workers on {cores} cores");
    let [dnn, mkl] = [tch::utils::has_mkldnn(), tch::utils::has_mkl()].map(yes);
    let features = cpu_features();
    println!("CPU         {features}, oneDNN {dnn}, MKL {mkl}");
    let cuda = cuda_status();
    match &cuda.why_not {
        None => println!("CUDA        yes, {} device(s)", cuda.devices),
        Some(reason) => println!("CUDA        no: {reason}"),
    }
    let preset = match cuda.devices {
        0 => "standard for photographs, quick for drawn faces",
        _ => "paper",
    };
    println!("preset      auto means {preset}");
    for (what, folder) in [("CK+", "data/CK+"), ("synthetic", "data/synthetic-ck")] {
        let not = if Path::new(folder).exists() {
            ""
        } else {
            "not "
        };
        println!("{what:12}{folder}: {not}there");
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
