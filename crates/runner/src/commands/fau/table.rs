//! Small tables and verdicts, written as the crate `faus-fau` writes its own.

use std::path::Path;

use anyhow::{Context, Result};

use crate::console::say;
use crate::run_folder::write_bytes;

/// Writes `rows` under `header` as CSV, atomically.
pub(super) fn write_table(
    path: &Path,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let failed = || format!("{}: cannot be written", path.display());
    table.write_record(header).with_context(failed)?;
    for row in rows {
        table.write_record(row).with_context(failed)?;
    }
    write_bytes(path, &table.into_inner().with_context(failed)?)
}

/// Says a verdict's sentences, synthetic first where it is.
pub(super) fn say_verdict(synthetic: bool, sentences: &[String]) {
    if synthetic {
        say("Synthetic faces:");
    }
    for sentence in sentences {
        say(format!("  {sentence}"));
    }
}

/// `12, 25 and 26`.
pub(super) fn listed(aus: &[u8]) -> String {
    let numbers: Vec<String> = aus.iter().map(u8::to_string).collect();
    match numbers.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
