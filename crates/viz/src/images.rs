use rayon::prelude::*;

use faus_model::{GradientMethod, Maxima, Network};
use tch::{Device, Tensor};

use crate::Error;

/// Images looked at together; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 16;

/// Gives the normalised images of some rows, `[rows, side, side]` f32, or says why it cannot.
pub type Normalised<'a> = dyn Fn(&[usize]) -> Result<Vec<f32>, String> + Sync + 'a;

/// The images of a search, wherever they come from.
pub struct ImageSet<'a> {
    /// Rows of the data set to look through.
    pub rows: &'a [usize],
    /// Subject of every row of the data set; negative where unknown.
    pub subjects: &'a [i64],
    /// What the patches of a filter must differ in, for every row of the data set: of one group, only the best image is
    /// taken. A negative number is a group of its own. The subjects, where patches are to show different people.
    pub groups: &'a [i64],
    /// Height and width, in pixels.
    pub side: usize,
    /// Normalised images of some rows, `[rows, side, side]` f32.
    pub normalised: &'a Normalised<'a>,
    /// Grey pixels of a row, `side`·`side`.
    pub grey: &'a (dyn Fn(usize) -> &'a [u8] + Sync),
    /// Whether to stop; asked every few images.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

impl ImageSet<'_> {
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        if (self.stopped)() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Normalised images of these rows, `[rows, side, side]`.
    pub(crate) fn values(&self, rows: &[usize]) -> Result<Vec<f32>, Error> {
        let values = (self.normalised)(rows).map_err(Error::Images)?;
        let expected = rows.len() * self.side * self.side;
        if values.len() != expected {
            return Err(Error::Images(format!(
                "{} pixels, expected {expected}",
                values.len()
            )));
        }
        Ok(values)
    }

    /// [`ImageSet::values`] as `[rows, 1, side, side]` where the network is.
    pub(crate) fn tensor(&self, rows: &[usize], network: &Network) -> Result<Tensor, Error> {
        as_images(&self.values(rows)?, self.side, network)
    }
}

/// Pixels as `[n, 1, side, side]` where the network is.
pub(crate) fn as_images(values: &[f32], side: usize, network: &Network) -> Result<Tensor, Error> {
    let side = side as i64;
    Ok(Tensor::f_from_slice(values)?
        .f_reshape([-1, 1, side, side])?
        .f_to_device(network.device())?)
}

/// `f` of every job, which computes on `device`; results in the jobs' order. Runs on rayon's current pool, for a GPU on the
/// calling thread alone: libtorch keeps handles and work space by thread, which every thread would pay for anew.
pub(crate) fn for_each<J: Send, R: Send>(
    device: Device,
    jobs: Vec<J>,
    f: impl Fn(J) -> Result<R, Error> + Sync + Send,
) -> Vec<Result<R, Error>> {
    if device.is_cuda() {
        return jobs.into_iter().map(f).collect();
    }
    jobs.into_par_iter().with_max_len(1).map(f).collect()
}

/// Hands the largest responses of stage `stage` to `take`, a few images at a time, in the order of the rows: one pass, in
/// memory that does not grow with the number of images. Runs on rayon's current pool.
///
/// # Errors
/// When there are no images, they do not fit the network, a response is no number, or `take` fails.
pub fn stream_maxima(
    network: &Network,
    stage: usize,
    images: &ImageSet,
    mut take: impl FnMut(&[usize], &Maxima) -> Result<(), Error>,
) -> Result<(), Error> {
    if images.rows.is_empty() {
        return Err(Error::NoImages);
    }
    let plan = network.plan(GradientMethod::fastest(network.device()))?;
    let layer = || network.stages().get(stage).map(|s| s.name.clone());
    // A few chunks at a time: the threads have work, and memory stays bounded.
    for group in images.rows.chunks(CHUNK * 4 * rayon::current_num_threads()) {
        let jobs = group
            .chunks(CHUNK)
            .map(|rows| Ok((network.replica()?, rows)))
            .collect::<Result<Vec<_>, Error>>()?;
        let found = for_each(network.device(), jobs, |(network, rows)| {
            images.go_on()?;
            let input = images.tensor(rows, &network)?;
            Ok((rows, network.maxima(&input, stage, &plan)?))
        });
        for chunk in found {
            let (rows, maxima) = chunk?;
            if let Some(at) = maxima.values.iter().position(|v| !v.is_finite()) {
                return Err(Error::NotANumber {
                    layer: layer().unwrap_or_default(),
                    image: rows[at / maxima.filters.max(1)],
                });
            }
            take(rows, &maxima)?;
        }
    }
    Ok(())
}
