//! What an exported network carries in its metadata.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::graph::input::GraphInput;
use crate::graph::messages::{Entry, Model};

/// Key of the metadata that holds [`ExportInfo`].
const KEY: &str = "faus";

/// The description of an exported network: JSON under the key `faus` of an ONNX file's metadata, or `extra/faus.json` of a
/// TorchScript archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportInfo {
    /// Its images, and the names of the logits where they are known.
    pub input: GraphInput,
    /// The local contrast normalisation that is its first part, as a configuration names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<String>,
    /// Where it comes from: versions, experiment, fold, seed, digests.
    #[serde(flatten)]
    pub origin: Map<String, Value>,
}

impl ExportInfo {
    /// `None` for a file that was not exported here.
    pub(super) fn of(model: &Model) -> Result<Option<Self>, String> {
        let entry = model.metadata.iter().find(|entry| entry.key == KEY);
        let info = entry.map(|entry| serde_json::from_str(&entry.value));
        info.transpose().map_err(|error| {
            format!("its metadata `{KEY}` is damaged ({error}): export the network again")
        })
    }

    /// As metadata: the keys `classes` and `input_size` are for other programs.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |key: &str, value: Value| Entry {
            key: key.to_owned(),
            value: value.to_string(),
        };
        let mut all = vec![entry("input_size", self.input.size.into())];
        if let Some(classes) = &self.input.classes {
            all.push(entry("classes", classes.clone().into()));
        }
        all.push(Entry {
            key: KEY.to_owned(),
            value: self.text(),
        });
        all
    }

    /// Whether the network was trained on drawn faces.
    pub fn is_synthetic(&self) -> bool {
        self.origin.get("synthetic") == Some(&true.into())
    }

    /// JSON on one line.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
