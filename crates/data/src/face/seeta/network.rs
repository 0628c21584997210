//! Fully connected networks on several windows at once.

use multiversion::multiversion;

/// Windows evaluated together: each weight is loaded once for all of them.
pub(super) const BATCH: usize = 4;
/// Outputs that are computed together.
const LANES: usize = 16;

/// A fully connected network; ReLU between its layers, a sigmoid after the last.
#[derive(Default)]
pub(super) struct Network {
    layers: Vec<Layer>,
}

struct Layer {
    inputs: usize,
    outputs: usize,
    /// For each [`LANES`] outputs and in them for each input the weights, zero for padding outputs.
    weights: Vec<[f32; LANES]>,
    /// The same for the biases.
    biases: Vec<[f32; LANES]>,
}

/// Inputs and outputs of a layer for [`BATCH`] windows, `[value, window]`.
pub(super) type Values = Vec<[f32; BATCH]>;

impl Network {
    /// Adds a layer with weights `[outputs, inputs]`.
    pub fn add(&mut self, weights: &[f32], biases: &[f32]) {
        let outputs = biases.len();
        let inputs = weights.len() / outputs;
        let blocks = outputs.div_ceil(LANES);
        let mut layer = Layer {
            inputs,
            outputs,
            weights: vec![[0.0; LANES]; blocks * inputs],
            biases: vec![[0.0; LANES]; blocks],
        };
        for (output, (row, &bias)) in weights.chunks_exact(inputs).zip(biases).enumerate() {
            let (block, lane) = (output / LANES, output % LANES);
            layer.biases[block][lane] = bias;
            for (input, &weight) in row.iter().enumerate() {
                layer.weights[block * inputs + input][lane] = weight;
            }
        }
        self.layers.push(layer);
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// Replaces `values` by the outputs; `spare` is working memory.
    pub fn compute(&self, values: &mut Values, spare: &mut Values) {
        for (at, layer) in self.layers.iter().enumerate() {
            spare.clear();
            spare.resize(layer.biases.len() * LANES, [0.0; BATCH]);
            let last = at + 1 == self.layers.len();
            multiply(layer, values, spare);
            for value in spare.iter_mut().flatten() {
                *value = match last {
                    true => 1.0 / (1.0 + (-*value).exp()),
                    false => value.max(0.0),
                };
            }
            spare.truncate(layer.outputs);
            std::mem::swap(values, spare);
        }
    }
}

/// Every output as one sum over the inputs in their order. Also compiled for wider vectors, with bit-identical results.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn multiply(layer: &Layer, values: &[[f32; BATCH]], out: &mut [[f32; BATCH]]) {
    let blocks = layer.weights.chunks_exact(layer.inputs).zip(&layer.biases);
    for ((weights, biases), out) in blocks.zip(out.as_chunks_mut::<LANES>().0) {
        // One array per window, since the compiler keeps these in registers.
        let [mut a, mut b, mut c, mut d] = [[0f32; LANES]; BATCH];
        for (weights, values) in weights.iter().zip(values) {
            for lane in 0..LANES {
                a[lane] += weights[lane] * values[0];
            }
            for lane in 0..LANES {
                b[lane] += weights[lane] * values[1];
            }
            for lane in 0..LANES {
                c[lane] += weights[lane] * values[2];
            }
            for lane in 0..LANES {
                d[lane] += weights[lane] * values[3];
            }
        }
        for lane in 0..LANES {
            out[lane] = [a[lane], b[lane], c[lane], d[lane]];
            for out in &mut out[lane] {
                *out += biases[lane];
            }
        }
    }
}
