//! Options of the files.

use std::collections::BTreeMap;

/// Origin of the activations, as written to the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputOptions {
    /// Whether the images are synthetic; `None` where unknown. Written to `fau.json` and into every chart.
    pub synthetic: Option<bool>,
    /// The lowest intensity of an action unit that counts as present in the codes, where their source has intensities to choose
    /// from. Written to `fau.json`.
    pub au_threshold: Option<u8>,
    /// Whether a program estimated the action units. Written to `fau.json` and into every chart.
    pub machine_coded: bool,
    /// SHA-256 of every input file, by name. Written to `fau.json`.
    pub inputs: BTreeMap<String, String>,
    /// The command that computes this. Written to `fau.json`; empty for a run, whose `config.json` has it.
    pub command: Vec<String>,
    /// Layer of the network, if known.
    pub layer: Option<String>,
    /// Bar charts to draw, for the filters with the largest scores. Default 12, our choice.
    pub charts: usize,
}

impl Default for OutputOptions {
    fn default() -> Self {
        Self {
            synthetic: None,
            au_threshold: None,
            machine_coded: false,
            inputs: BTreeMap::new(),
            command: vec![],
            layer: None,
            charts: 12,
        }
    }
}
