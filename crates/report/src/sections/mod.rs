//! The parts of the page, each from the run's files to blocks that templates lay out.

pub(crate) mod accuracy;
mod action_units;
mod blocks;
mod causes;
mod confusion;
mod controls;
mod curves;
mod data;
mod explorer;
mod heat_map;
mod mistakes;
mod patches;
mod probes;
mod provenance;

use std::cell::RefCell;

pub(crate) use blocks::{
    Block, Cell, Column, Download, Figure, Picture, Table, TableRow, pieces, render,
};

use crate::files::RunFolder;
use crate::plot::Plot;
use crate::run::Run;

/// A numbered part of the page.
pub(crate) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub html: String,
}

impl Section {
    pub fn new(
        id: &'static str,
        title: &'static str,
        blocks: &[Block],
    ) -> Result<Self, askama::Error> {
        Ok(Self {
            id,
            title,
            html: blocks::render(blocks)?,
        })
    }
}

/// What all sections draw from, and where they leave the drawings that become files of their own.
pub(crate) struct Context<'a> {
    pub folder: &'a RunFolder,
    pub run: &'a Run,
    pub plots: RefCell<Vec<Plot>>,
}

impl Context<'_> {
    /// A drawing as a numbered figure of the page; it also becomes files under `report/figures`.
    pub fn figure(&self, plot: Option<Plot>, caption: String) -> Option<Block> {
        let plot = plot?;
        let figure = Figure::new(&plot, caption);
        self.plots.borrow_mut().push(plot);
        Some(Block::Figure(figure))
    }

    /// A table whose numbers also become a file under `report/figures`.
    pub fn with_csv(&self, mut table: Table, name: &str, csv: String) -> Table {
        table.csv = Some(Download::csv(name, &csv));
        self.keep_csv(name, csv);
        table
    }

    /// Numbers that become a file without a drawing.
    pub fn keep_csv(&self, name: &str, csv: String) {
        self.plots.borrow_mut().push(Plot {
            name: name.to_owned(),
            alt: String::new(),
            svg: String::new(),
            csv,
        });
    }
}

/// All sections, in the order of the page.
pub(crate) fn sections(context: &Context) -> Result<Vec<Section>, askama::Error> {
    Ok(vec![
        data::section(context)?,
        curves::section(context)?,
        accuracy::section(context)?,
        confusion::section(context)?,
        mistakes::section(context)?,
        patches::section(context)?,
        explorer::section(context)?,
        heat_map::section(context)?,
        action_units::section(context)?,
        controls::section(context)?,
        controls::sanity(context)?,
        probes::section(context)?,
        causes::section(context)?,
        provenance::section(context)?,
    ])
}
