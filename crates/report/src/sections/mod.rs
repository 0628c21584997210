//! The sections of a run's page, one file each, in the order of the page; studies are named as their commands.

mod ablate;
mod accuracy;
mod action_units;
mod confusion;
mod controls;
mod curves;
mod data;
mod explorer;
mod face;
mod further_tests;
mod grid;
mod heat_map;
mod intervene;
mod locate;
mod mistakes;
mod network;
mod own;
mod patches;
mod probe;
mod provenance;
mod published;
mod replicate;
mod replicate_on;
mod sanity;

use crate::page::blocks::Sections;
use crate::run::Run;

/// All sections, in the order of the page.
pub(crate) fn sections(run: &Run) -> Sections {
    let mut page = Sections::default();
    heat_map::section(run, &mut page);
    if run.folder.correlated {
        explorer::section(run, &mut page);
        action_units::section(run, &mut page);
        provenance::section(run, &mut page);
        return page;
    }
    patches::section(run, &mut page);
    explorer::section(run, &mut page);
    // The explorer fills the room that the other pictures leave, but stands before them.
    page.0.swap(1, 2);
    if !run.folder.analysed || run.fau.summary.gap.is_none() {
        action_units::section(run, &mut page);
    }
    if run.folder.analysed {
        network::section(run, &mut page);
    }
    data::section(run, &mut page);
    if !run.folder.analysed {
        curves::section(run, &mut page);
        accuracy::section(run, &mut page);
    }
    // A network with other classes has neither.
    if !run.folder.analysed || run.summary.gap.is_none() {
        confusion::section(run, &mut page);
        mistakes::section(run, &mut page);
    }
    replicate::section(run, &mut page);
    replicate_on::section(run, &mut page);
    controls::section(run, &mut page);
    sanity::section(run, &mut page);
    probe::section(run, &mut page);
    ablate::section(run, &mut page);
    intervene::section(run, &mut page);
    locate::section(run, &mut page);
    own::section(run, &mut page);
    match run.folder.analysed {
        true => network::left_out(run, &mut page),
        false => page.gather_missing(),
    }
    provenance::section(run, &mut page);
    page
}
