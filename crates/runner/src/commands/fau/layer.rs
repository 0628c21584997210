//! A layer on libtorch for the studies; goes when `faus-viz` has its lens.

use anyhow::{Context, Result, bail};
use faus_data::Prepared;
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_fau::{Activations, Error, Lens, Places};
use faus_model::{Network, Stage, receptive_field};
use faus_train::{Workers, images_tensor};
use tch::{Device, Kind, Tensor};

use super::open::lens;

/// Images that go through the network together.
const CHUNK: usize = 32;

pub(super) struct Layer<'a> {
    pub network: Network,
    pub stage: usize,
    pub prepared: &'a Prepared,
    pub normalisation: Normalisation,
    pub workers: &'a Workers,
}

impl Layer<'_> {
    fn of_rows(&self, rows: &[usize]) -> Result<Tensor> {
        let images = images_tensor(self.prepared, rows, &self.normalisation)?;
        Ok(images.f_to_device(self.network.device())?)
    }

    fn of_images(&self, images: &[Vec<u8>]) -> Result<Tensor> {
        let side = self.prepared.image_size();
        let mut pixels = vec![0.0; images.len() * side * side];
        let mut scratch = Vec::new();
        for (image, out) in images.iter().zip(pixels.chunks_exact_mut(side * side)) {
            to_unit_range(image, out);
            self.normalisation.apply(out, side, &mut scratch);
        }
        let shape = [images.len() as i64, 1, side as i64, side as i64];
        let images = Tensor::f_from_slice(&pixels)?.f_reshape(shape)?;
        Ok(images.f_to_device(self.network.device())?)
    }

    fn maxima(&self, images: &[Vec<u8>]) -> Result<Activations> {
        let mut values = Vec::new();
        for images in images.chunks(CHUNK) {
            let images = self.of_images(images)?;
            values.extend(numbers(&self.network.activations(&images, self.stage)?)?);
        }
        let filters = values.len() / images.len().max(1);
        Ok(Activations::new(images.len(), filters, values)?)
    }

    fn predicted(&self, rows: &[usize], silenced: &[Vec<usize>]) -> Result<Vec<Vec<i64>>> {
        let stages = self.network.stages();
        let forward = |x: Tensor, of: &Stage| of.forward(&x);
        let mut maps = Vec::new();
        for rows in rows.chunks(CHUNK) {
            let images = self.of_rows(rows)?;
            maps.push(tch::no_grad(|| {
                stages[..=self.stage].iter().try_fold(images, forward)
            })?);
        }
        let maps = Tensor::f_cat(&maps, 0)?;
        let size = maps.size();
        let predict = |silenced: &Vec<usize>| -> Result<Vec<i64>> {
            let mut kept = vec![1f32; size[1] as usize];
            silenced.iter().for_each(|&filter| kept[filter] = 0.0);
            // [1, filters, 1 …], for maps and for units alike.
            let mut shape = vec![1; size.len()];
            shape[1] = size[1];
            let kept = Tensor::f_from_slice(&kept)?.f_reshape(shape.as_slice())?;
            let maps = maps.f_mul(&kept.f_to_device(self.network.device())?)?;
            let rest = stages[self.stage + 1..].iter();
            let logits = tch::no_grad(|| rest.clone().try_fold(maps, forward))?;
            let chosen = numbers(&logits.f_argmax(1, false)?)?;
            Ok(chosen.into_iter().map(|class| class as i64).collect())
        };
        silenced.iter().map(predict).collect()
    }

    fn find_places(&self, rows: &[usize]) -> Result<Places> {
        let field = receptive_field(self.network.stages(), self.stage).context(
            "this layer has no places on the image; set visualize.layer to a convolution",
        )?;
        let image_side = self.prepared.image_size() as i64;
        let (mut maxima, mut sums) = (Vec::new(), None::<Tensor>);
        let (mut side, mut filters) = (0, 0);
        for rows in rows.chunks(CHUNK) {
            let maps = self
                .network
                .feature_maps(&self.of_rows(rows)?, self.stage)?;
            let size = maps.size();
            (filters, side) = (size[1], size[3]);
            if size[2] != size[3] {
                bail!("this layer's maps are not square");
            }
            let flat = maps.f_reshape([size[0], size[1], size[2] * size[3]])?;
            let (values, places) = flat.f_max_dim(2, false)?;
            let pairs = numbers(&values)?.into_iter().zip(numbers(&places)?);
            maxima.extend(pairs.map(|(value, place)| (value > 0.0).then_some(place as u32)));
            let sum = maps.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?;
            sums = Some(match sums {
                Some(before) => before.f_add(&sum)?,
                None => sum,
            });
        }
        // The middle of a unit's field, not clipped at the border.
        let centre = |unit: i64| {
            let first = (unit * field.stride + field.first) as f64;
            (first + field.size as f64 / 2.0) / image_side as f64
        };
        Ok(Places {
            filters: filters as usize,
            centres: (0..side).map(centre).collect(),
            maxima,
            sums: numbers(&sums.context("no image shows this action unit")?)?,
        })
    }
}

impl Lens for Layer<'_> {
    fn layer(&self) -> &str {
        &self.network.stages()[self.stage].name
    }

    fn activations(&self, rows: &[usize]) -> Result<Activations, Error> {
        let (network, stage, workers) = (&self.network, self.stage, self.workers);
        let normalisation = &self.normalisation;
        let values =
            faus_train::activations(network, self.prepared, rows, stage, normalisation, workers);
        let values = values.map_err(|error| Error::Lens(error.into()))?;
        Activations::new(rows.len(), values.len() / rows.len().max(1), values)
    }

    fn activations_of(&self, images: &[Vec<u8>]) -> Result<Activations, Error> {
        self.maxima(images).map_err(lens)
    }

    fn predictions(&self, rows: &[usize], silenced: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error> {
        self.predicted(rows, silenced).map_err(lens)
    }

    fn places(&self, rows: &[usize]) -> Result<Places, Error> {
        self.find_places(rows).map_err(lens)
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    let tensor = tensor
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let mut values = vec![0f32; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}
