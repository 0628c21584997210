use std::process::Command;

use faus_tests::{Place, Program, program};

/// `readelf` belongs to the C++ compiler's tools, without which nothing here was built.
#[test]
#[cfg(target_os = "linux")]
fn the_binaries_name_libtorch_and_where_it_lies() {
    for which in Program::ALL {
        let output = Command::new("readelf")
            .arg("-d")
            .arg(program(which))
            .output()
            .unwrap();
        let dynamic = String::from_utf8(output.stdout).unwrap();
        let line = |words: &[&str]| {
            dynamic
                .lines()
                .find(|line| words.iter().any(|word| line.contains(word)))
        };
        assert!(
            line(&["libtorch_cpu.so"]).is_some_and(|l| l.contains("NEEDED")),
            "{dynamic}"
        );
        let search =
            line(&["(RUNPATH)", "(RPATH)"]).unwrap_or_else(|| panic!("no search path: {dynamic}"));
        let folders = search.split(['[', ']']).nth(1).unwrap();
        let holds = |folder: &str| {
            std::path::Path::new(folder)
                .join("libtorch_cpu.so")
                .exists()
        };
        assert!(folders.split(':').any(holds), "{folders}");
    }
}

/// Modules and conda put the libtorch of another PyTorch there.
#[test]
#[cfg(target_os = "linux")]
fn another_libtorch_in_the_environment_is_passed_over() {
    let place = Place::new();
    for (name, content) in [
        ("libc10.so", "of another version"),
        ("libtorch_cpu.so", "\u{7f}ELF"),
    ] {
        std::fs::write(place.path(name), content).unwrap();
        for which in [Program::Faus, Program::SwapModel] {
            let mut command = Command::new(program(which));
            let output = command
                .arg("doctor")
                .env_clear()
                .env("LD_LIBRARY_PATH", place.path(""));
            let output = output.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {said}");
        }
        std::fs::remove_file(place.path(name)).unwrap();
    }
}

/// [`Place`] runs everything with an empty environment.
#[test]
fn doctor_tells_versions_threads_and_cuda_or_why_not() {
    let doctor = Place::new().faus("doctor");
    doctor.done().says(&[
        "faus",
        env!("CARGO_PKG_VERSION"),
        "libtorch",
        "2.11.0",
        "threads",
        "CUDA",
    ]);
    let cuda = doctor
        .stdout
        .lines()
        .find(|line| line.starts_with("CUDA"))
        .unwrap();
    let (answer, reason) = cuda.trim_start_matches("CUDA").trim().split_at(2);
    match answer {
        "no" => assert!(reason.len() > 10, "says why not: {cuda}"),
        _ => assert!(cuda.contains("yes") && cuda.contains("device"), "{cuda}"),
    }
}

#[test]
fn version_and_help() {
    let place = Place::new();
    place
        .faus("--version")
        .done()
        .says(&[env!("CARGO_PKG_VERSION")]);
    place
        .faus("--help")
        .done()
        .says(&["faus run experiments/ck_plus/cnn_ad.json"]);
    place.faus("").ended(2).says(&["Usage"]);
}

/// Every command has an example, which names the command itself.
#[test]
fn every_command_shows_an_example() {
    let place = Place::new();
    let commands = [
        "run",
        "data prepare",
        "data inspect",
        "data augment",
        "synth",
        "train",
        "evaluate",
        "select",
        "activations",
        "visualize",
        "correlate",
        "controls",
        "replicate",
        "probe",
        "locate",
        "ablate",
        "intervene",
        "report",
        "doctor",
    ];
    for command in commands {
        place
            .faus(&format!("{command} --help"))
            .done()
            .says(&["Example", &format!("faus {command}")]);
    }
}
