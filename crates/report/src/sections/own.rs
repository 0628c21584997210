//! Studies that an experiment added: their verdicts and the head of their tables.

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Table, TableOf};
use crate::plot::numbers::csv_text;
use crate::run::Run;
use crate::run::fau::{OwnStudy, verdict};

/// Rows of a table that the page shows.
const SHOWN: usize = 20;
/// Largest table offered as a download, so that the page stays small.
const MOST_BYTES: usize = 1 << 20;

/// The section; `None` without a study.
pub(super) fn section(run: &Run) -> Option<Section> {
    let mut blocks = Blocks::default();
    for study in &run.fau.own_studies {
        blocks.heading(study.name.as_str());
        blocks.texts(verdict(&study.summary));
        if let Some(gap) = &study.gap {
            blocks.gap(gap);
            continue;
        }
        let csv = csv_text(&study.header, &study.rows);
        match csv.len() <= MOST_BYTES {
            true => blocks.table_with_csv(table(study), &format!("study-{}", study.stem), csv),
            false => blocks.table(table(study)),
        }
    }
    (!run.fau.own_studies.is_empty()).then(|| blocks.section("own", "Own studies"))
}

fn table(study: &OwnStudy) -> Table {
    let label = format!("Table of the study {}", study.name);
    let mut table = TableOf::new(&label, study.rows.iter().take(SHOWN));
    for (at, name) in study.header.iter().enumerate() {
        let numeric = study.rows.iter().all(|row| row[at].parse::<f64>().is_ok());
        table = match numeric {
            true => table.numbers(name.as_str(), |row| row[at].as_str()),
            false => table.words(name.as_str(), |row| row[at].as_str()),
        };
    }
    let (shown, all) = (SHOWN.min(study.rows.len()), study.rows.len());
    let note = format!("Rows of `fau/{}.csv`: first {shown} of {all}.", study.stem);
    table.note(note).into()
}
