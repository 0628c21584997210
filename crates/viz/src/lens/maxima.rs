//! F(x): the largest response of each filter to each image, computed in one pass over the images.

use faus_model::{Maxima, Network};
use rayon::prelude::*;
use tch::Device;

use crate::error::{Error, Result};
use crate::images::ImageSet;

/// Images computed together; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 16;

/// `f` of every job with a replica of the network and the job's number, computed on `device`; results in the jobs' order. Runs
/// on rayon's current pool, for a GPU on the calling thread alone, because libtorch allocates handles and work space for each
/// thread.
pub(crate) fn for_each<J: Send, R: Send>(
    network: &Network,
    device: Device,
    jobs: impl IntoIterator<Item = J>,
    f: impl Fn(&Network, usize, J) -> Result<R> + Sync + Send,
) -> Result<Vec<R>> {
    let jobs = jobs.into_iter().enumerate();
    let jobs = jobs
        .map(|(n, job)| Ok((network.replica()?, n, job)))
        .collect::<Result<Vec<_>>>()?;
    let run = |(network, n, job): (Network, usize, J)| f(&network, n, job);
    if device.is_cuda() {
        return jobs.into_iter().map(run).collect();
    }
    // All results, so that the first error in the jobs' order is returned.
    let all: Vec<Result<R>> = jobs.into_par_iter().with_max_len(1).map(run).collect();
    all.into_iter().collect()
}

/// Passes the largest responses of stage `stage` to `take`, a few images at a time, in the order of the rows. Memory does not
/// grow with the number of images. Runs on rayon's current pool.
///
/// # Errors
/// When there are no images, they do not fit the network, a response is not finite, the user cancels, or `take` fails.
pub(crate) fn stream_maxima(
    network: &Network,
    stage: usize,
    images: &ImageSet,
    mut take: impl FnMut(&[usize], &Maxima) -> Result<()>,
) -> Result<()> {
    if images.rows.is_empty() {
        return Err(Error::NoImages);
    }
    let plan = network.plan()?;
    let mut done = 0;
    // A few chunks at a time, to keep all threads busy and memory bounded.
    for group in images.rows.chunks(CHUNK * 4 * rayon::current_num_threads()) {
        images.report("Computing activations", done, images.rows.len())?;
        done += group.len();
        let chunks = group.chunks(CHUNK);
        let found = for_each(network, network.device(), chunks, |network, _, rows| {
            let maxima = network.maxima(&images.tensor(rows, network)?, stage, &plan)?;
            check_numbers(network.layer(stage), rows, &maxima.values)?;
            Ok((rows, maxima))
        })?;
        for (rows, maxima) in found {
            take(rows, &maxima)?;
        }
    }
    Ok(())
}

/// Rejects infinite and NaN responses of `layer`, the same number for each of the images `rows`.
pub(crate) fn check_numbers(layer: &str, rows: &[usize], values: &[f32]) -> Result<()> {
    let Some(at) = values.iter().position(|v| !v.is_finite()) else {
        return Ok(());
    };
    let layer = layer.to_owned();
    let image = rows[at * rows.len() / values.len()];
    Err(Error::NotANumber { layer, image })
}
