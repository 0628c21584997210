//! A convolution over a rectangle of a map, forward and back.

use tch::{Device, Tensor};

use crate::error::Error;
use crate::field::map::{Map, Region};
use crate::kernels::{Buffer, Direct, PANEL, Place, values};

#[derive(Debug)]
pub(super) struct Convolution {
    pub direct: Direct,
    padding: usize,
    /// Side of the map that it works on.
    side: usize,
}

impl Convolution {
    /// The convolution of `weight`, `bias` and `padding` over a map of this side.
    pub fn new(
        (weight, bias, padding): (&Tensor, &Option<Tensor>, i64),
        side: usize,
    ) -> Result<Self, Error> {
        let on_cpu = |t: &Tensor| t.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous();
        let bias = bias.as_ref().map(on_cpu).transpose()?;
        let (weight, size) = (on_cpu(weight)?, weight.size());
        let shape = (size[0] as usize, size[1] as usize, size[3] as usize);
        let bias = bias.as_ref().map(values).transpose()?.unwrap_or_default();
        Ok(Self {
            direct: Direct::new(values(&weight)?, shape, bias),
            padding: padding as usize,
            side,
        })
    }

    /// Side of the feature map.
    pub fn output_side(&self) -> usize {
        (self.side + 2 * self.padding + 1).saturating_sub(self.direct.kernel)
    }

    /// The inputs of these outputs.
    pub fn sees(&self, outputs: Region) -> Region {
        outputs.map(|first, count| {
            let pixel = |padded: usize| padded.saturating_sub(self.padding).min(self.side);
            let start = pixel(first);
            (start, pixel(first + count - 1 + self.direct.kernel) - start)
        })
    }

    /// The offset of `outputs` relative to `inputs`.
    fn place(&self, outputs: Region, inputs: Region) -> Place {
        let first_tap =
            |output: usize, input: usize| output as isize - self.padding as isize - input as isize;
        Place {
            width: outputs.width,
            columns: inputs.width,
            top: first_tap(outputs.row, inputs.row),
            left: first_tap(outputs.column, inputs.column),
        }
    }

    /// The part of `map` that `outputs` see, with zeros outside the map.
    pub fn pad(&self, map: &Map, outputs: Region) -> Buffer {
        let (stride, margin) = (self.direct.input_stride, self.direct.kernel - 1);
        let line = (outputs.width + margin) * stride;
        let mut padded = Buffer::zeros((outputs.height + margin) * line);
        let seen = self.sees(outputs);
        let Place { top, left, .. } = self.place(outputs, seen);
        let run = seen.width * stride;
        for row in 0..seen.height {
            let inside = (seen.row - map.region.row + row) * map.region.width;
            let from = (inside + seen.column - map.region.column) * stride;
            let to = (row as isize - top) as usize * line + (-left) as usize * stride;
            padded[to..to + run].copy_from_slice(&map.values[from..from + run]);
        }
        padded
    }

    pub fn forward(&self, map: &Map, outputs: Region) -> Map {
        let mut out = Map::of(outputs, self.direct.panels() * PANEL);
        let padded = self.pad(map, outputs);
        let rows = out.values.rows_mut();
        self.direct.forward(&padded, outputs.width, rows);
        out
    }

    pub fn backward(&self, gradient: &Map, inputs: Region) -> Map {
        let mut d_input = Map::of(inputs, self.direct.input_stride);
        d_input.values.fill(0.0);
        let (values, place) = (&mut d_input.values, self.place(gradient.region, inputs));
        self.direct.backward(&gradient.values, place, values);
        d_input
    }
}
