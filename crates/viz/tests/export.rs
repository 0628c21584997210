//! An exported network, read back: F(x), places and maps of every method are those of the network.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use faus_data::normalise::{Normalisation, to_unit_range};
use faus_model::{
    Export, ExportInfo, GraphInput, InputSpec, LocalContrast, Network, OnnxFile, Plan, ZeroBiasCnn,
};
use faus_viz::{UnitRef, find};
use tch::{Device, Tensor};

const SIDE: usize = 24;
const IMAGES: usize = 6;

/// Float32 sums in another order, relative to the largest value.
fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-6_f32, |most, v| most.max(v.abs()));
    for (got, expected) in got.iter().zip(expected) {
        let apart = (got - expected).abs();
        assert!(apart <= tolerance * largest, "{what}: {got}, {expected}");
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    Vec::try_from(x.contiguous().view(-1)).unwrap()
}

/// Smooth images, normalised as those of a run.
fn images(normalisation: Normalisation) -> Tensor {
    let mut all = Vec::new();
    for image in 0..IMAGES {
        let pixel = |at: usize| {
            let (row, column) = ((at / SIDE) as f64, (at % SIDE) as f64);
            let waves = (row * (0.2 + 0.07 * image as f64)).sin() + (column * 0.35).cos();
            (127.5 + 60.0 * waves) as u8
        };
        let grey: Vec<u8> = (0..SIDE * SIDE).map(pixel).collect();
        let mut image = vec![0.0; SIDE * SIDE];
        to_unit_range(&grey, &mut image);
        normalisation.apply(&mut image, SIDE, &mut Vec::new());
        all.extend(image);
    }
    let side = SIDE as i64;
    Tensor::from_slice(&all).reshape([-1, 1, side, side])
}

#[test]
fn an_export_read_back_has_the_networks_responses_and_maps() {
    let spec = InputSpec {
        side: SIDE,
        classes: 8,
        dropout: 0.5,
    };
    let network = Network::build(&ZeroBiasCnn { k: Some(1.5) }, spec, 7, Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let normalisation = Normalisation::Divisive { epsilon: 0.02 };
    let export = Export {
        network: &network,
        contrast: Some(LocalContrast {
            epsilon: Some(0.02),
        }),
        info: ExportInfo {
            input: GraphInput {
                scale: 1.0,
                ..GraphInput::example(SIDE, 1)
            },
            normalisation: Some(normalisation.to_string()),
            origin: Default::default(),
        },
    };
    export.onnx(None, &path).unwrap();
    let file = OnnxFile::read(&path).unwrap();
    let graph = Network::from_onnx(&file, &file.info().unwrap().input, Device::Cpu).unwrap();
    let images = images(normalisation);
    close(
        "logits",
        &values(&graph.logits(&images).unwrap()),
        &values(&network.logits(&images).unwrap()),
        1e-5,
    );
    for (stage, layer) in network.layers().into_iter().enumerate() {
        let same = graph.stage_index(layer).unwrap();
        let own = network.maxima(&images, stage, &Plan::default()).unwrap();
        let found = graph.maxima(&images, same, &Plan::default()).unwrap();
        close(layer, &found.values, &own.values, 1e-5);
        assert_eq!((found.columns, found.filters), (own.columns, own.filters));
    }
    let layer = network.stage_index("conv3").unwrap();
    let same = graph.stage_index("conv3").unwrap();
    let maxima = network.maxima(&images, layer, &Plan::default()).unwrap();
    // The strongest filter of each image.
    let unit = |image: usize| {
        let own = &maxima.values[image * maxima.filters..][..maxima.filters];
        let strongest = (0..own.len()).max_by(|a, b| own[*a].total_cmp(&own[*b]));
        let filter = strongest.unwrap();
        let place = maxima.positions[image * maxima.filters + filter] as usize;
        let (row, column) = (place / maxima.columns, place % maxima.columns);
        UnitRef {
            filter,
            row,
            column,
        }
    };
    let units: Vec<UnitRef> = (0..IMAGES).map(unit).collect();
    for name in ["gradient", "guided", "deconvnet"] {
        let method = find(name, &[]).unwrap();
        let of = |network: &Network, stage: usize| {
            values(&method.explain(network, stage, &images, &units).unwrap())
        };
        close(name, &of(&graph, same), &of(&network, layer), 1e-4);
    }
}
