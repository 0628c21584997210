//! A network of the user's own: its ONNX file, the images that it was trained on, and the check that both fit the data.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use faus_data::Prepared;
use faus_data::face::CropMode;
use faus_data::normalise::Normalisation;
use faus_fau::Lens;
use faus_model::{DeviceChoice, Graph, GraphInput, GraphLayer, Network, OnnxFile, Precision};
use faus_viz::LayerLens;

use super::console::say;
use super::usage::wrong_usage;

/// Images that are classified to check the input (our choice).
const CHECKED: usize = 256;

/// The layer that is analysed where none is named.
pub(crate) fn default_layer(network: &Network) -> &str {
    let Some(graph) = network.graph() else {
        return "conv3";
    };
    let has_maps = |layer: &&GraphLayer| layer.side.is_some_and(|side| side > 1);
    let mut layers = graph.layers().iter().rev();
    // Where all are fully connected, the last.
    let layer = layers.clone().find(has_maps).or(layers.next());
    layer.map_or("conv3", |layer| layer.name.as_str())
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
    let shown = input.unwrap_or(path).display();
    let crop = given
        .crop
        .parse::<CropMode>()
        .map_err(|error| anyhow!("{shown}: {error}"))?;
    let (own, side) = (prepared.info(), prepared.image_size());
    if given.size != side {
        bail!(
            "{shown}: the network's images have {0}x{0} pixels, those of {1} have {side}x{side}; prepare the data again with --size {0}",
            given.size,
            prepared.dir().display()
        );
    }
    if crop != own.crop {
        say(format!(
            "Note: the network's faces were cut out by `{crop}`, those of the data set by `{}`: responses may differ for that alone",
            own.crop
        ));
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
        (Some(input), _) => Ok(GraphInput::read(input, &example)?),
        (None, Some(info)) => Ok(info.input.clone()),
        (None, None) => {
            let (path, example) = (path.display(), example.text());
            Err(wrong_usage(anyhow!(
                "{path}: an ONNX file does not record the images that the network was trained on; write size, channels, scale (factor of the grey values 0 to 255), mean and std (of each channel, after scale) and crop (as in `faus data prepare --crop`) into a file and give it with --input, for example {example}"
            )))
        }
    }
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
    let (labels, info) = (lens.prepared.labels(), lens.prepared.info());
    let classes = lens.network.spec().classes;
    if classes != info.classes.len() {
        let known = info.classes.len();
        say(format!(
            "Note: the network has {classes} outputs and the data set {known} classes, so its predictions cannot be checked"
        ));
        return Ok(());
    }
    let labelled: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] >= 0).collect();
    let step = labelled.len().div_ceil(CHECKED).max(1);
    let rows: Vec<usize> = labelled.into_iter().step_by(step).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let predicted = lens.predictions(&rows, &[vec![]])?;
    let predicted = predicted.first().context("no predictions")?;
    let count = rows.len() as f64;
    let hits = rows
        .iter()
        .zip(predicted)
        .filter(|(row, class)| labels[**row] == **class)
        .count();
    let of_class = |class: i64| rows.iter().filter(|row| labels[**row] == class).count();
    let most = (0..classes as i64).map(of_class).max().unwrap_or(0);
    let (accuracy, share) = (hits as f64 / count, most as f64 / count);
    say(format!(
        "The network classifies {:.1}% of {} labelled images correctly; the most frequent label has {:.1}%",
        100.0 * accuracy,
        rows.len(),
        100.0 * share
    ));
    if accuracy <= share + 2.0 * (share * (1.0 - share) / count).sqrt() {
        let classes = info.classes.join(", ");
        say(format!(
            "Note: that is no better than chance. Probably --input does not describe the images that the network was trained on, or its classes are not, in this order, {classes}"
        ));
    }
    Ok(())
}
