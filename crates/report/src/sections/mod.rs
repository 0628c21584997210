//! The sections of a run's page, one file each, in the order of the page; studies are named as their commands.

mod ablate;
mod accuracy;
mod action_units;
mod confusion;
mod controls;
mod curves;
mod data;
mod explorer;
mod heat_map;
mod intervene;
mod locate;
mod mistakes;
mod own;
mod patches;
mod probe;
mod provenance;
mod published;
mod replicate;
mod sanity;

use crate::page::blocks::Section;
use crate::run::Run;

/// All sections, in the order of the page.
pub(crate) fn sections(run: &Run) -> Vec<Section> {
    let mut sections = vec![
        data::section(run),
        curves::section(run),
        accuracy::section(run),
        confusion::section(run),
        mistakes::section(run),
        patches::section(run),
        explorer::section(run),
        heat_map::section(run),
        action_units::section(run),
        replicate::section(run),
        controls::section(run),
        sanity::section(run),
        probe::section(run),
        ablate::section(run),
        intervene::section(run),
        locate::section(run),
    ];
    sections.extend(own::section(run));
    sections.push(provenance::section(run));
    sections
}
