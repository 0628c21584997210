//! What identifies the run, and how to repeat it.

use askama::Template;

use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::config::{Entry, command, split};

#[derive(Template)]
#[template(path = "command.html")]
struct Command {
    command: String,
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let config = match &context.run.config {
        Ok(config) => config,
        Err(gap) => {
            let blocks = [Block::Gap(gap.clone())];
            return Section::new("provenance", "Provenance", &blocks);
        }
    };
    let (identity, rest) = split(config);
    let mut blocks = vec![Block::Table(facts(
        "What identifies the run",
        identity,
        false,
    ))];
    if let Some(command) = command(config) {
        blocks.push(Block::Heading("Command to repeat it".to_owned()));
        blocks.push(Block::Html(Command { command }.render()?));
    }
    if !rest.is_empty() {
        let table = facts("The whole configuration", rest, true);
        blocks.push(Block::details(
            "The whole configuration".to_owned(),
            &[Block::Table(table)],
        )?);
    }
    Section::new("provenance", "Provenance", &blocks)
}

fn facts(label: &str, entries: Vec<Entry>, tall: bool) -> Table {
    let row = |(name, value): Entry| TableRow::new([Cell::from(name), Cell::from(value)]);
    Table {
        label: label.to_owned(),
        columns: vec![Column::text("Key"), Column::text("Value")],
        rows: entries.into_iter().map(row).collect(),
        tall,
        ..Table::default()
    }
}
