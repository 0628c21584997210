//! The keys that identify the run, and the command that repeats it.

use askama::Template;

use crate::page::blocks::Sections;
use crate::page::table::TableOf;
use crate::run::Run;
use crate::run::config::{Entry, command, split};

/// The paper that the program reproduces.
const BIBTEX: &str = "@inproceedings{khorrami2015,
  author    = {Khorrami, Pooya and Paine, Thomas Le and Huang, Thomas S.},
  title     = {Do Deep Neural Networks Learn Facial Action Units When Doing Expression Recognition?},
  booktitle = {IEEE International Conference on Computer Vision Workshops},
  year      = {2015},
  note      = {arXiv:1510.02969}
}";

#[derive(Template)]
#[template(path = "command.html")]
struct Command {
    command: String,
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("provenance", "Provenance");
    if blocks.has(&run.config) {
        let (identity, rest) = split(&run.config);
        blocks.table(facts("Identity of the run", identity));
        if let Some(command) = command(&run.config) {
            blocks.heading("Command to repeat it");
            blocks.html(Command { command });
        }
        let label = "The whole configuration";
        blocks.folded(label, facts(label, rest).tall());
    }
}

fn facts(label: &str, entries: Vec<Entry>) -> TableOf<Entry> {
    let table = TableOf::new(label, entries).words("Key", |(key, _)| key.clone());
    table.words("Value", |(_, value)| value.clone())
}
