//! A network of the user's own: its ONNX file, the images that it was trained on, and the check that both fit the data.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use faus_base::digest::sha256;
use faus_data::Prepared;
use faus_data::face::CropMode;
use faus_data::normalise::Normalisation;
use faus_fau::Lens;
use faus_model::{
    DeviceChoice, ExportInfo, Graph, GraphInput, GraphLayer, Network, OnnxFile, Precision,
};
use faus_viz::LayerLens;
use serde_json::Value;

use super::console::say;
use super::usage::wrong_usage;
use crate::pipeline::run_folder::read_json;

/// What is said of a network that has not seen a photograph.
pub(crate) const SYNTHETIC: &str =
    "This network was trained on drawn (synthetic) faces: on photographs it is untested.";

/// Images that are classified to check the input (our choice).
const CHECKED: usize = 256;

/// The layer that is analysed where none is named: the last response with maps that holds more than the scores of the classes,
/// else the last such convolution.
pub(crate) fn default_layer(network: &Network) -> &str {
    let Some(graph) = network.graph() else {
        return "conv3";
    };
    let (layers, classes) = (graph.layers(), network.spec().classes);
    let has_maps = |layer: &&GraphLayer| layer.side.is_some_and(|side| side > 1);
    let responds = |layer: &&GraphLayer| !layer.operator.starts_with("Conv");
    let before = || before_scores(layers, classes).iter().rev().filter(has_maps);
    let of_response = before().find(responds).or_else(|| before().next());
    // Where all are fully connected, the last.
    let last = || layers.iter().rev().find(has_maps).or(layers.last());
    let layer = of_response.or_else(last);
    layer.map_or("conv3", |layer| layer.name.as_str())
}

/// The layers before the scores of the classes. A network without a fully connected layer at its end averages a map for each
/// class, which holds the scores too.
fn before_scores(layers: &[GraphLayer], classes: usize) -> &[GraphLayer] {
    let mut before = layers;
    while let [rest @ .., last] = before {
        if last.filters != classes {
            break;
        }
        before = rest;
        if ["Gemm", "MatMul"].contains(&last.operator.as_str()) {
            break;
        }
    }
    before
}

/// How the faces were cut out that a network was trained on.
pub(crate) fn crop_of(input: &GraphInput) -> Result<CropMode> {
    Ok(input.crop.parse::<CropMode>()?)
}

/// Rejects a data set with images of another size than the network's, and notes another crop.
pub(crate) fn check_fits(input: &GraphInput, prepared: &Prepared) -> Result<()> {
    let (own, side) = (prepared.info(), prepared.image_size());
    if input.size != side {
        bail!(
            "{1}: its images have {side}x{side} pixels, those of the network (--input) {0}x{0}; prepare the data again with --size {0}",
            input.size,
            prepared.dir().display()
        );
    }
    let crop = crop_of(input)?;
    if crop != own.crop {
        say(format!(
            "Note: the network's faces were cut out by `{crop}`, those of the data set by `{}`: responses may differ for that alone",
            own.crop
        ));
    }
    Ok(())
}

/// The network of the file at `path` for the images of `prepared`.
///
/// # Errors
/// When there is no description of its input, or file, input and data set do not fit each other.
pub(crate) fn open(
    path: &Path,
    input: Option<&Path>,
    prepared: &Prepared,
    device: DeviceChoice,
) -> Result<Network> {
    let file = OnnxFile::read(path)?;
    let given = input_of(&file, path, input, Some(prepared.image_size()))?;
    check_fits(&given, prepared)?;
    if file.info().is_some_and(ExportInfo::is_synthetic) && !prepared.info().synthetic {
        say(SYNTHETIC);
    }
    let device = device.resolve()?;
    Precision::for_looking(device)?;
    Ok(Network::from_onnx(&file, &given, device)?)
}

/// The images that the network of `file` was trained on: as described in the file at `input`, or else in `file`, if it was exported here.
/// `side` completes the example of a network for any size.
///
/// # Errors
/// When neither describes them.
pub(crate) fn input_of(
    file: &OnnxFile,
    path: &Path,
    input: Option<&Path>,
    side: Option<usize>,
) -> Result<GraphInput> {
    let mut example = file.example_input();
    if example.size == 0 {
        example.size = side.unwrap_or(48);
    }
    match (input, file.info()) {
        (Some(input), _) => {
            let given = GraphInput::read(input, &example)?;
            let shown = input.display();
            crop_of(&given).with_context(|| shown.to_string())?;
            if file.info().is_some_and(|info| info.input != given) {
                say(format!(
                    "Note: {} describes its images itself, and {shown} does so otherwise, which counts: leave --input out, unless you know better",
                    path.display()
                ));
            }
            Ok(given)
        }
        (None, Some(info)) => Ok(info.input.clone()),
        (None, None) => {
            let (path, example) = (path.display(), example.text());
            Err(wrong_usage(anyhow!(
                "{path}: an ONNX file does not record the images that the network was trained on; write size, channels, scale (factor of the grey values 0 to 255), mean and std (of each channel, after scale), crop (as in `faus data prepare --crop`) and, if they are known, classes (names of the outputs, in their order) into a file and give it with --input, for example {example}"
            )))
        }
    }
}

/// Rejects a folder with the analysis of another network than that of the file `model`; returns what `faus analyse` recorded there.
///
/// # Errors
/// When it is another one, or a file cannot be read.
pub(crate) fn check_analysed(folder: &Path, model: &Path) -> Result<Option<Value>> {
    let record = read_json(&folder.join("network.json"))?;
    let known = |record: &Value| record["files"][0]["sha256"].as_str().map(str::to_owned);
    if let Some(digest) = record.as_ref().and_then(known) {
        let bytes = std::fs::read(model).with_context(|| model.display().to_string())?;
        if digest != sha256(&bytes) {
            let (folder, model) = (folder.display(), model.display());
            bail!("{folder}: the analysis of another network than {model}");
        }
    }
    Ok(record)
}

/// The normalisation that a network of a file needs before it: that of a run's network which was exported.
///
/// # Errors
/// When the file names one that does not exist.
pub(crate) fn normalisation(network: &Network) -> Result<Option<Normalisation>> {
    let name = network.graph().and_then(Graph::normalisation);
    Ok(name.map(str::parse).transpose()?)
}

/// Classifies some labelled images of the data set, and points out where the network does no better than the most frequent
/// label: then its input probably differs from what it was trained on.
///
/// # Errors
/// When the network cannot compute.
pub(crate) fn check_input(lens: &LayerLens) -> Result<()> {
    let (labels, rows) = (lens.prepared.labels(), known_rows(lens));
    let step = rows.len().div_ceil(CHECKED).max(1);
    let rows: Vec<usize> = rows.into_iter().step_by(step).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let predicted = lens.predictions(&rows, &[vec![]])?;
    let predicted = predicted.first().context("no predictions")?;
    let pairs = rows.iter().zip(predicted);
    let hits = pairs
        .filter(|(row, label)| labels[**row] == **label)
        .count();
    let of_class = |class: i64| rows.iter().filter(|row| labels[**row] == class).count();
    let most = rows.iter().map(|row| of_class(labels[*row])).max();
    say_accuracy(lens, rows.len(), hits, most.unwrap_or(0));
    Ok(())
}

/// The labelled images of the classes that the network has; notes the classes that one side alone has.
pub(crate) fn known_rows(lens: &LayerLens) -> Vec<usize> {
    let (outputs, labels) = (lens.outputs(), lens.prepared.labels());
    let known = |row: &usize| outputs.output(labels[*row]).is_some();
    let classes = lens.prepared.info().classes.len();
    let [theirs, ours] = outputs.unmatched().map(|names| names.join(", "));
    match (
        outputs.any(),
        lens.network
            .graph()
            .and_then(|it| it.input().classes.as_ref()),
    ) {
        (_, None) if classes == 0 => {}
        (false, None) => say(format!(
            "Note: the network has {} outputs and the data set {classes} classes, so its predictions cannot be checked; name its outputs with `classes` in --input",
            outputs.names.len()
        )),
        (false, Some(_)) => say(format!(
            "Note: none of the network's classes ({theirs}) is one of the data set's ({ours}), so its predictions cannot be checked"
        )),
        _ => {
            let note = |names: &str, what: &str| {
                (!names.is_empty()).then(|| say(format!("Note: only {what}: {names}")));
            };
            note(&theirs, "the network has these classes");
            note(
                &ours,
                "the data set has these classes, whose images are not classified",
            );
        }
    }
    (0..labels.len()).filter(known).collect()
}

/// Prints how many of `images` labelled images are classified correctly, beside the number with the most frequent label, and points
/// out where that is no better than chance.
pub(crate) fn say_accuracy(lens: &LayerLens, images: usize, hits: usize, most: usize) {
    let count = images as f64;
    let (accuracy, share) = (hits as f64 / count, most as f64 / count);
    say(format!(
        "The network classifies {:.1}% of {images} labelled images correctly; the most frequent label has {:.1}%",
        100.0 * accuracy,
        100.0 * share
    ));
    // Of one label, every answer is right.
    if most < images && accuracy <= share + 2.0 * (share * (1.0 - share) / count).sqrt() {
        say(format!(
            "Note: that is no better than chance. Probably --input does not describe the images that the network was trained on, or its classes are not, in this order, {}",
            lens.outputs().names.join(", ")
        ));
    }
}
