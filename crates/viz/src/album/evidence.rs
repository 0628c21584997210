//! Files of the evidence for classes.

use std::path::Path;

use faus_base::npy;
use faus_data::Prepared;
use serde_json::{Value, json};

use crate::album::files::{write_json, write_pictures};
use crate::atlas::evidence::{EVIDENCE_METHODS, Evidence, evidence};
use crate::error::{Error, Result};
use crate::explain::occlusion::Windows;
use crate::lens::LayerLens;
use crate::lens::outputs::Outputs;
use crate::picture::evidence::evidence_picture;

/// Writes the evidence for `class`, or else for the predicted class, in the images `rows` into `dir`: `evidence.json`,
/// `evidence.png` in both sizes, and with arrays `evidence-NNNNN.npy` (f32 `[3, side, side]`).
///
/// # Errors
/// When a row or class does not exist, the network cannot compute, a write fails or the user cancels.
pub fn write_evidence(
    lens: &LayerLens,
    dir: &Path,
    rows: &[usize],
    class: Option<usize>,
    arrays: bool,
) -> Result<()> {
    let (prepared, outputs) = (lens.prepared, lens.outputs());
    if let Some(row) = rows.iter().find(|row| **row >= prepared.len()) {
        let known = format!("0 to {}", prepared.len() - 1);
        return Err(Error::unknown("row", row, known));
    }
    lens.with_images(None, rows, &[], |network, _, images| {
        let (images, all) = (images.source, evidence(network, class, images)?);
        let (keys, words): (Vec<Value>, Vec<Vec<String>>) =
            all.iter().map(|one| described(prepared, &outputs, one)).unzip();
        let mark = synthetic_mark(prepared);
        let heading = format!("{mark}what speaks for the class: red for, blue against");
        let pictures = evidence_picture(&all, &words, images, &heading);
        write_pictures(dir, "evidence", &pictures)?;
        for one in all.iter().filter(|_| arrays) {
            let path = dir.join(format!("evidence-{:05}.npy", one.index));
            let shape = [one.maps.len(), images.side(), images.side()];
            npy::write(&path, &shape, one.maps.concat()).map_err(Error::write(&path))?;
        }
        let windows = Windows::of_face(images.side());
        let text = json!({
            "synthetic": prepared.info().synthetic, "methods": EVIDENCE_METHODS, "occlusion_window": windows.side,
            "occlusion_stride": windows.stride, "images": keys,
        });
        write_json(&dir.join("evidence.json"), &text)
    })
}

/// The beginning of headings over drawn faces.
pub(crate) fn synthetic_mark(prepared: &Prepared) -> &'static str {
    match prepared.info().synthetic {
        true => "SYNTHETIC FACES - ",
        false => "",
    }
}

/// Keys of an image in the JSON, and lines beside it in the picture.
fn described(prepared: &Prepared, outputs: &Outputs, one: &Evidence) -> (Value, Vec<String>) {
    let named = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
    let name = |output: usize| named(&outputs.names, output);
    let label = usize::try_from(prepared.labels()[one.index]).ok();
    let label = label.map(|label| named(&prepared.info().classes, label));
    let (subject, logit) = (prepared.subjects()[one.index], one.logits.get(one.class));
    let keys = json!({
        "index": one.index, "subject": subject, "label": label, "predicted": name(one.predicted()),
        "class": name(one.class), "logit": logit, "probability": one.probability(),
    });
    let words = vec![
        format!("for {}", name(one.class)),
        format!("probability {:.2}", one.probability()),
        format!("is {}", label.unwrap_or_else(|| "unlabelled".to_owned())),
        format!("image {}", one.index),
    ];
    (keys, words)
}
