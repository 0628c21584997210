//! Exported networks, read back: ONNX by the reader of graphs, TorchScript by libtorch.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use faus_model::{
    Architecture, Blueprint, Error, Export, ExportInfo, GraphInput, InputSpec, Layer,
    LocalContrast, Network, OnnxFile, Stage, ZeroBiasCnn,
};
use rand_chacha::ChaCha8Rng;
use tch::{CModule, Device, Kind, Tensor};

const SIDE: usize = 16;
const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Biases, ReLU before and after pooling and none at all, a convolution without pooling.
struct Mixed;

impl Architecture for Mixed {
    fn name(&self) -> &str {
        "mixed"
    }

    fn build(&self, spec: &InputSpec, _: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
        let normal = |shape: &[i64]| Tensor::randn(shape, CPU) * 0.2;
        let conv = |outputs: i64, inputs: i64| Layer::Conv {
            weight: normal(&[outputs, inputs, 3, 3]),
            bias: Some(normal(&[outputs])),
            padding: 1,
        };
        let pool = || Layer::MaxPool { side: 2 };
        let linear = |outputs: i64, inputs: i64| Layer::Linear {
            weight: normal(&[outputs, inputs]),
            bias: normal(&[outputs]),
        };
        let classes = spec.classes as i64;
        let stages = vec![
            Stage::new("first", vec![conv(4, 1), Layer::Relu, pool()]),
            Stage::new("second", vec![conv(6, 4), pool(), Layer::Relu]),
            Stage::new("third", vec![conv(5, 6), Layer::Dropout { p: 0.5 }]),
            Stage::new(
                "dense",
                vec![Layer::Flatten, linear(7, 5 * 16), Layer::Relu],
            ),
            Stage::new("last", vec![linear(classes, 7)]),
        ];
        Ok(Blueprint {
            stages,
            drawn: Default::default(),
        })
    }
}

fn network(architecture: &dyn Architecture) -> Network {
    tch::manual_seed(4);
    let spec = InputSpec {
        side: SIDE,
        classes: 5,
        dropout: 0.5,
    };
    Network::build(architecture, spec, 3, Device::Cpu).unwrap()
}

fn pixels_input() -> GraphInput {
    GraphInput {
        scale: 1.0,
        classes: Some(["a", "b", "c", "d", "é\"\n"].map(str::to_owned).to_vec()),
        ..GraphInput::example(SIDE, 1)
    }
}

fn export(network: &Network, epsilon: Option<f32>) -> Export<'_> {
    let name = if epsilon.is_some() {
        "divisive"
    } else {
        "subtractive"
    };
    let origin = serde_json::json!({"fold": 3, "synthetic": true});
    Export {
        network,
        contrast: Some(LocalContrast { epsilon }),
        info: ExportInfo {
            input: pixels_input(),
            normalisation: Some(name.to_owned()),
            origin: origin.as_object().unwrap().clone(),
        },
    }
}

/// Pixels that differ from image to image; the last image is flat.
fn pixels(images: i64) -> Tensor {
    let side = SIDE as i64;
    let noise = (Tensor::rand([images, 1, side, side], CPU) * 256.0).floor();
    if images > 1 {
        let _ = noise.get(images - 1).fill_(77.0);
    }
    noise
}

/// Local contrast normalisation, pixel by pixel.
fn normalised(pixels: &Tensor, epsilon: Option<f32>) -> Tensor {
    let grey = pixels * 2.0 / 255.0;
    let mean = |x: &Tensor, image: i64, row: i64, column: i64| {
        let mut sum = 0.0;
        for r in (row - 2).max(0)..(row + 3).min(SIDE as i64) {
            for c in (column - 2).max(0)..(column + 3).min(SIDE as i64) {
                sum += x.double_value(&[image, 0, r, c]);
            }
        }
        sum / 25.0
    };
    let every = |x: &Tensor, f: &dyn Fn(i64, i64, i64) -> f64| {
        let side = SIDE as i64;
        let values: Vec<f32> = (0..x.numel() as i64)
            .map(|at| f(at / (side * side), at / side % side, at % side) as f32)
            .collect();
        Tensor::from_slice(&values).reshape(x.size())
    };
    let centred = every(&grey, &|i, r, c| {
        grey.double_value(&[i, 0, r, c]) - mean(&grey, i, r, c)
    });
    let Some(epsilon) = epsilon else {
        return centred;
    };
    let square = &centred * &centred;
    every(&centred, &|i, r, c| {
        let deviation = mean(&square, i, r, c).sqrt().max(f64::from(epsilon));
        centred.double_value(&[i, 0, r, c]) / deviation
    })
}

fn close(what: &str, got: &Tensor, expected: &Tensor) {
    assert_eq!(got.size(), expected.size(), "{what}");
    let apart = f64::try_from((got - expected).abs().max()).unwrap();
    let largest = f64::try_from(expected.abs().max()).unwrap().max(1.0);
    assert!(apart <= 1e-5 * largest, "{what}: {apart} of {largest}");
}

fn read(path: &Path) -> (OnnxFile, ExportInfo) {
    let file = OnnxFile::read(path).unwrap();
    let info = file.info().unwrap().clone();
    (file, info)
}

/// The file's network from its pixels on: with another description of its input nothing is left out.
fn whole(file: &OnnxFile, info: &ExportInfo) -> Network {
    let other = GraphInput {
        crop: "none".to_owned(),
        ..info.input.clone()
    };
    Network::from_onnx(file, &other, Device::Cpu).unwrap()
}

#[test]
fn both_formats_give_the_networks_logits_for_any_number_of_images() {
    let folder = tempfile::tempdir().unwrap();
    let [onnx, script] = ["a.onnx", "a.pt"].map(|name| folder.path().join(name));
    for epsilon in [None, Some(0.05)] {
        for network in [network(&ZeroBiasCnn::default()), network(&Mixed)] {
            let export = export(&network, epsilon);
            export.onnx(None, &onnx).unwrap();
            export.torchscript(&script).unwrap();
            let (file, info) = read(&onnx);
            assert_eq!(info, export.info);
            let behind = Network::from_onnx(&file, &info.input, Device::Cpu).unwrap();
            assert_eq!(
                behind.graph().unwrap().normalisation(),
                export.info.normalisation.as_deref()
            );
            let whole = whole(&file, &info);
            assert_eq!(whole.graph().unwrap().normalisation(), None);
            let module = CModule::load(&script).unwrap();
            for images in [1, 2, 7] {
                let pixels = pixels(images);
                let images = normalised(&pixels, epsilon);
                let expected = network.logits(&images).unwrap();
                close("behind", &behind.logits(&images).unwrap(), &expected);
                let grey = &pixels * 2.0 / 255.0;
                close("whole", &whole.logits(&grey).unwrap(), &expected);
                close("script", &module.forward_ts(&[pixels]).unwrap(), &expected);
            }
        }
    }
}

#[test]
fn layers_have_the_names_and_maps_of_the_stages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.onnx");
    for network in [network(&ZeroBiasCnn::default()), network(&Mixed)] {
        export(&network, None).onnx(None, &path).unwrap();
        let (file, info) = read(&path);
        let graph = Network::from_onnx(&file, &info.input, Device::Cpu).unwrap();
        let images = normalised(&pixels(3), None);
        for (stage, name) in network.layers().into_iter().enumerate() {
            let same = graph.stage_index(name).unwrap();
            assert_eq!(graph.receptive(same), network.receptive(stage), "{name}");
            if let Ok(maps) = network.feature_maps(&images, stage) {
                close(name, &graph.feature_maps(&images, same).unwrap(), &maps);
            }
        }
    }
}

#[test]
fn equal_networks_are_equal_files_and_exporting_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bytes = |name: &str| std::fs::read(path(name)).unwrap();
    let network = network(&Mixed);
    let export = export(&network, Some(0.01));
    for name in ["a", "b"] {
        export.onnx(None, &path(&format!("{name}.onnx"))).unwrap();
        export.torchscript(&path(&format!("{name}.pt"))).unwrap();
    }
    assert_eq!(bytes("a.onnx"), bytes("b.onnx"));
    assert_eq!(bytes("a.pt"), bytes("b.pt"));
    let (file, info) = read(&path("a.onnx"));
    let graph = Network::from_onnx(&file, &info.input, Device::Cpu).unwrap();
    let again = Export {
        network: &graph,
        info,
        ..export
    };
    again.onnx(Some(&file), &path("b.onnx")).unwrap();
    assert_eq!(bytes("a.onnx"), bytes("b.onnx"));
    again.torchscript(&path("c.pt")).unwrap();
    let pixels = pixels(4);
    let [a, c] = ["a.pt", "c.pt"].map(|name| CModule::load(path(name)).unwrap());
    let [a, c] = [a, c].map(|module| module.forward_ts(&[&pixels]).unwrap());
    close("script of the graph", &c, &a);
}

#[test]
fn a_description_that_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.onnx");
    export(&network(&Mixed), None).onnx(None, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let text = br#"{"input":{"size":16"#;
    let at = bytes.windows(text.len()).position(|it| it == text).unwrap();
    let mut damaged = bytes;
    damaged[at] = b'[';
    std::fs::write(&path, damaged).unwrap();
    let error = OnnxFile::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("a.onnx") && error.contains("metadata `faus`"),
        "{error}"
    );
}
