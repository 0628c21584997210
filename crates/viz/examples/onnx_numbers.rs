//! Numbers of an ONNX network, for `tests/golden/model_onnx.py`, which compares them with those of PyTorch, captum and onnxruntime:
//! `onnx_numbers MODEL.onnx INPUT.json REQUEST.safetensors ANSWER.safetensors [LAYER]`.
//!
//! REQUEST has `images` `[n, 1, side, side]` (grey, in [0, 2]) and, for LAYER, `units` `[u, 4]`: image, filter, row, column. ANSWER
//! gets `logits`, `maxima N` of each layer N (F(x), `[n, filters]`) and the `gradient`, `guided` and `deconvnet` of the units,
//! `[u, side, side]`. The layers' names go to the standard output.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use faus_model::{GraphInput, Network, OnnxFile, Plan, read_tensors, write_tensors};
use faus_viz::{BackProjection, Explain, UnitRef};
use tch::{Device, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, input, request, answer, layer @ ..] = &arguments[..] else {
        return Err("onnx_numbers MODEL.onnx INPUT.json REQUEST ANSWER [LAYER]".into());
    };
    let file = OnnxFile::read(Path::new(model))?;
    let input = GraphInput::read(Path::new(input), &file.example_input())?;
    let network = Network::from_onnx(&file, &input, Device::Cpu)?;
    let (tensors, _) = read_tensors(Path::new(request))?;
    let tensor = |name: &str| tensors.get(name).ok_or(format!("no tensor {name}"));
    let images = tensor("images")?;
    let mut found = vec![("logits".to_owned(), network.logits(images)?)];
    for (number, name) in network.layers().iter().enumerate() {
        println!("{name}");
        let maxima = network.maxima(images, number, &Plan::default())?;
        let shape = [-1, maxima.filters as i64];
        let values = Tensor::f_from_slice(&maxima.values)?.f_reshape(shape)?;
        found.push((format!("maxima {number}"), values));
    }
    if let [layer] = layer {
        found.extend(maps(&network, layer, images, tensor("units")?)?);
    }
    let found: Vec<(String, &Tensor)> = found.iter().map(|(name, it)| (name.clone(), it)).collect();
    Ok(write_tensors(&found, HashMap::new(), Path::new(answer))?)
}

fn maps(
    network: &Network,
    layer: &str,
    images: &Tensor,
    units: &Tensor,
) -> Result<Vec<(String, Tensor)>, Box<dyn Error>> {
    let stage = network.stage_index(layer)?;
    let numbers: Vec<f32> = Vec::try_from(units.f_contiguous()?.f_view(-1)?)?;
    let (mut rows, mut refs) = (Vec::new(), Vec::new());
    for unit in numbers.chunks_exact(4) {
        let [filter, row, column] = [1, 2, 3].map(|at| unit[at] as usize);
        rows.push(unit[0] as i64);
        refs.push(UnitRef {
            filter,
            row,
            column,
        });
    }
    let images = images.f_index_select(0, &Tensor::f_from_slice(&rows)?)?;
    let mut maps = Vec::new();
    for method in [
        BackProjection::Gradient,
        BackProjection::Guided,
        BackProjection::Deconvnet,
    ] {
        let map = method.explain(network, stage, &images, &refs)?;
        maps.push((method.name().to_owned(), map.f_squeeze_dim(1)?));
    }
    Ok(maps)
}
