//! What a command computed is on the disk, whatever reads its output, and goes where links, pipes and devices lead.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use faus_tests::shared::copy_of_finished;
use faus_tests::{Place, Program, Table, program, read_json};

/// Runs a line of shell in `place`, in which `faus` is the program.
fn shell(place: &Place, line: &str) -> std::process::Output {
    let faus = program(Program::Faus);
    let function = format!("faus() {{ \"{}\" \"$@\"; }}\n{line}", faus.display());
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &function]).current_dir(place.path(""));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const EVALUATE: &str = "faus evaluate --checkpoint out/folds/0/best.safetensors --prepared out/dataset --fold 0 --split test --device cpu";

#[test]
fn a_reader_that_stops_early_loses_no_file_and_causes_no_panic() {
    let place = copy_of_finished(|_| true);
    for (line, written) in [
        (
            "faus data inspect out/dataset --sheets sheets",
            "sheets/1-anger.png",
        ),
        (
            "faus data audit out/dataset --json audit.json",
            "audit.json",
        ),
        ("faus compare out out --json all.json", "all.json"),
        (
            "faus synth --output drawn --subjects 2 --size 160x120",
            "drawn/synthetic.json",
        ),
        (&format!("{EVALUATE} --predictions p.csv"), "p.csv"),
    ] {
        // Standard error closes too.
        let ran = shell(
            &place,
            &format!("set -o pipefail; ( {line} ) 2>&1 | true; exit ${{PIPESTATUS[0]}}"),
        );
        assert!(place.path(written).exists(), "{line}");
        assert!(
            ran.status.code().is_some_and(|code| code < 2),
            "{line}: {:?}",
            ran.status
        );
    }
    let ran = shell(&place, &format!("{EVALUATE} >&- 2>&-"));
    assert!(ran.status.success(), "closed from the start");
    let full = shell(&place, &format!("{EVALUATE} >/dev/full"));
    let said = String::from_utf8(full.stderr).unwrap();
    assert!(
        full.status.code() == Some(1)
            && said.contains("standard output")
            && !said.contains("panicked"),
        "{said}"
    );
}

#[test]
fn results_go_through_links_pipes_and_devices() {
    let place = copy_of_finished(|_| true);
    fs::create_dir(place.path("far")).unwrap();
    fs::write(place.path("far/p.csv"), "old").unwrap();
    symlink("far/p.csv", place.path("p.csv")).unwrap();
    symlink("far/new.json", place.path("all.json")).unwrap();
    assert!(
        shell(&place, &format!("{EVALUATE} --predictions p.csv"))
            .status
            .success()
    );
    assert!(place.path("p.csv").is_symlink());
    let rows = Table::read(&place.path("far/p.csv")).rows;
    assert!(!rows.is_empty());
    assert!(
        shell(
            &place,
            "faus compare out out --json all.json --csv /dev/null"
        )
        .status
        .success()
    );
    assert!(read_json(&place.path("far/new.json"))["variants"].is_array());
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );

    let piped = shell(
        &place,
        &format!("{EVALUATE} --predictions /dev/stdout | head -1"),
    );
    assert!(
        String::from_utf8(piped.stdout)
            .unwrap()
            .starts_with("index,label,predicted")
    );
    let both = shell(
        &place,
        &format!("{EVALUATE} --predictions /dev/stdout > both.txt"),
    );
    assert!(both.status.success());
    let text = fs::read_to_string(place.path("both.txt")).unwrap();
    assert!(
        text.starts_with("index,label")
            && text.contains("\naccuracy ")
            && text.ends_with("/dev/stdout\n"),
        "{text}"
    );
    let fifo = format!(
        "mkfifo pipe; cat pipe > from.csv & {EVALUATE} --predictions pipe && wait && test -p pipe"
    );
    assert!(shell(&place, &fifo).status.success());
    assert_eq!(Table::read(&place.path("from.csv")).rows, rows);
}

#[test]
fn files_have_the_mode_of_the_umask() {
    let place = copy_of_finished(|_| true);
    let lock = "chmod -R a-w out/dataset";
    let line = format!(
        "umask 027; {lock}; {EVALUATE} --predictions p.csv && faus data audit out/dataset --json a.json; faus synth --output drawn --subjects 2 --size 160x120"
    );
    shell(&place, &line);
    let run = "umask 002; faus run experiments/ck_plus/cnn_ad.json --prepared out/dataset --out again --folds 0 --preset quick --device cpu --set train.steps=2 data.image_size=16 data.folds=4 fau.permutations=19 fau.bootstrap=19";
    shell(&place, run);
    for (path, mode) in [
        ("p.csv", 0o640),
        ("a.json", 0o640),
        ("drawn/synthetic.json", 0o640),
        ("drawn", 0o750),
        ("again/dataset/samples.csv", 0o664),
        ("again/config.json", 0o664),
    ] {
        let found =
            fs::metadata(place.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(found.permissions().mode() & 0o777, mode, "{path}");
    }
}
