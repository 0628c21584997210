//! The reader of the official CK+ layout reads a drawn data set without special cases.

#![allow(clippy::unwrap_used)]

use faus_data::{CkPlus, ClassMap, Role, Source};
use faus_synth::{SynthOptions, generate};
use std::collections::BTreeSet;

#[test]
fn ck_plus_reader_finds_everything_and_skips_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ck");
    let options = SynthOptions {
        subjects: 12,
        width: 128,
        height: 98,
        ..SynthOptions::default()
    };
    let summary = generate(&options, &root, &|_, _| true).unwrap();
    let source = CkPlus::open(&root, ClassMap::eight()).unwrap();
    assert!(source.synthetic());
    let scan = source.scan().unwrap();
    assert!(scan.skipped.is_empty(), "{:?}", scan.skipped);
    let labelled: Vec<_> = scan
        .samples
        .iter()
        .filter(|s| s.role == Role::Labelled)
        .collect();
    assert_eq!(labelled.len(), 4 * summary.labelled);
    assert_eq!(
        labelled.iter().filter(|s| s.label == 0).count(),
        summary.labelled
    );
    let classes: BTreeSet<i64> = labelled.iter().map(|s| s.label).collect();
    assert_eq!(classes.len(), 8);
    assert_eq!(
        scan.samples.len() - labelled.len(),
        summary.sequences - summary.labelled
    );
    assert!(scan.samples.iter().all(|s| s.landmarks.is_some()));
}
