//! Patches of a whole layer beside captum's, for `benches/peers/viz_pair.py`, which starts it:
//! `peer_patches INPUT.safetensors OUTPUT.safetensors TOP`.
//!
//! INPUT holds `images` `[n, 1, side, side]` (normalised), `subjects` `[n]` (f32) and the weights of the convolutions by name.
//! For every line read from the standard input the top units of all filters of conv3 are searched and carried back by guided
//! back-propagation; the seconds go to the standard output. OUTPUT gets the last pass's `units` `[filters · top, 3]` (image,
//! row, column; −1 where fewer subjects respond) and `maps` `[filters · top, side, side]`.

use std::error::Error;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

use faus_model::{InputSpec, Network, ZeroBiasCnn, read_tensors, write_tensors};
use faus_viz::{BackProjection, FilterPatches, ImageSet, Images, cut_patches, survey};
use tch::{Device, Tensor};

struct Faces {
    side: usize,
    values: Vec<f32>,
    grey: Vec<u8>,
}

impl Images for Faces {
    fn side(&self) -> usize {
        self.side
    }

    fn grey(&self, _: usize) -> &[u8] {
        &self.grey
    }

    fn input(&self, row: usize) -> Vec<f32> {
        let pixels = self.side * self.side;
        self.values[row * pixels..(row + 1) * pixels].to_vec()
    }

    fn subject(&self, _: usize) -> i64 {
        -1
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, input, output, top] = &arguments[..] else {
        return Err("peer_patches INPUT.safetensors OUTPUT.safetensors TOP".into());
    };
    let top: usize = top.parse()?;
    let (tensors, _) = read_tensors(Path::new(input))?;
    let tensor = |name: &str| tensors.get(name).ok_or(format!("no tensor {name}"));
    let images = tensor("images")?;
    let (count, side) = (images.size()[0] as usize, images.size()[2] as usize);
    let spec = InputSpec {
        side,
        classes: 8,
        dropout: 0.0,
    };
    let network = Network::build(&ZeroBiasCnn::default(), spec, 0, Device::Cpu)?;
    for layer in ["conv1", "conv2", "conv3"] {
        let name = format!("{layer}.weight");
        network.set_parameter(&name, tensor(&name)?)?;
    }
    let values = Vec::<f32>::try_from(images.flatten(0, -1))?;
    let subjects: Vec<i64> = Vec::<f32>::try_from(tensor("subjects")?)?
        .into_iter()
        .map(|s| s as i64)
        .collect();
    let rows: Vec<usize> = (0..count).collect();
    let faces = Faces {
        side,
        values,
        grey: vec![0; side * side],
    };
    let set = ImageSet {
        source: &faces,
        rows: &rows,
        groups: &subjects,
        progress: &|_, _, _| true,
    };
    let stage = network.stage_index("conv3")?;
    let filters: Vec<usize> = (0..network.filters(stage)?).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .start_handler(|_| tch::set_num_threads(1))
        .build()?;
    println!("ready");
    let mut found: Vec<FilterPatches> = vec![];
    for line in std::io::stdin().lock().lines() {
        line?;
        let (network, set, filters) = (network.replica()?, &set, &filters);
        let start = Instant::now();
        found = pool.install(move || {
            let tops = survey(&network, stage, filters, top, set)?.tops;
            cut_patches(&network, stage, &BackProjection::Guided, &tops, set)
        })?;
        println!("{}", start.elapsed().as_secs_f64());
    }
    write(&found, top, side, Path::new(output))
}

fn write(
    found: &[FilterPatches],
    top: usize,
    side: usize,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut units = vec![-1f32; found.len() * top * 3];
    let mut maps = vec![0f32; found.len() * top * side * side];
    for (filter, patches) in found.iter().enumerate() {
        for (rank, patch) in patches.patches.iter().enumerate() {
            let at = filter * top + rank;
            let unit = patch.unit.unit;
            let place = [patch.unit.index, unit.row, unit.column].map(|v| v as f32);
            units[3 * at..3 * at + 3].copy_from_slice(&place);
            for (row, values) in patch
                .projection
                .chunks_exact(patch.region.width)
                .enumerate()
            {
                let start = (at * side + patch.region.row + row) * side + patch.region.column;
                maps[start..start + patch.region.width].copy_from_slice(values);
            }
        }
    }
    let count = (found.len() * top) as i64;
    let units = Tensor::from_slice(&units).reshape([count, 3]);
    let maps = Tensor::from_slice(&maps).reshape([count, side as i64, side as i64]);
    let named = vec![("units".to_owned(), &units), ("maps".to_owned(), &maps)];
    Ok(write_tensors(&named, Default::default(), path)?)
}
