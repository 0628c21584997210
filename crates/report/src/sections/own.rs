//! Studies that an experiment added, each a `fau/NAME.json` with a key `study` and the table `fau/NAME.csv`: their
//! verdicts and the head of their tables.

use csv::StringRecord;
use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::TableOf;
use crate::plot::numbers::csv_text;
use crate::run::Run;
use crate::run::value::texts;

/// Rows of a table that the page shows.
const SHOWN: usize = 20;
/// Largest table offered as a download, so that the page stays small.
const MOST_BYTES: usize = 1 << 20;

/// The section; none without a study.
pub(super) fn section(run: &Run, page: &mut Sections) {
    let mut blocks = Blocks::default();
    let files = run.folder.names("fau");
    for stem in files.iter().filter_map(|file| file.strip_suffix(".json")) {
        let summary = run.folder.json(&format!("fau/{stem}.json"), "");
        let summary: Value = summary.unwrap_or_default();
        if let Some(name) = summary["study"].as_str() {
            blocks.heading(name);
            blocks.texts(texts(&summary["verdict"]));
            study(run, name, stem, &mut blocks);
        }
    }
    if !blocks.is_empty() {
        page.start("own", "Studies of this experiment")
            .append(blocks);
    }
}

fn study(run: &Run, name: &str, stem: &str, blocks: &mut Blocks) {
    let (header, rows) = match run.folder.records(&format!("fau/{stem}.csv"), "") {
        Ok(records) => records,
        Err(gap) => return blocks.gap(&gap),
    };
    let label = format!("Table of the study {name}");
    let mut table = TableOf::new(&label, rows.iter().take(SHOWN));
    for (at, name) in header.iter().enumerate() {
        let numeric = rows.iter().all(|row| row[at].parse::<f64>().is_ok());
        table = match numeric {
            true => table.numbers(name, |row| &row[at]),
            false => table.words(name, |row| &row[at]),
        };
    }
    let (shown, all) = (SHOWN.min(rows.len()), rows.len());
    let table = table.note(format!("Rows of `fau/{stem}.csv`: first {shown} of {all}."));
    let cells = |row: &StringRecord| -> Vec<String> { row.iter().map(str::to_owned).collect() };
    let csv = csv_text(&header, rows.iter().map(cells));
    match csv.len() <= MOST_BYTES {
        true => blocks.table_with_csv(table, &format!("study-{stem}"), csv),
        false => blocks.table(table),
    }
}
