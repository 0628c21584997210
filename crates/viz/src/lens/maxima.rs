//! F(x): the largest response of each filter to each image, computed in one pass over the images.

use std::sync::atomic::{AtomicUsize, Ordering};

use faus_model::{GradientMethod, Maxima, Network};
use rayon::prelude::*;
use tch::Device;

use crate::error::Error;
use crate::images::ImageSet;

/// Images computed together; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 16;

/// `f` of every job, which computes on `device`; results in the jobs' order. Runs on rayon's current pool, for a GPU on the
/// calling thread alone: libtorch keeps handles and work space by thread, which every thread would allocate anew.
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

/// Passes the largest responses of stage `stage` to `take`, a few images at a time, in the order of the rows. Memory does not
/// grow with the number of images. Runs on rayon's current pool.
///
/// # Errors
/// When there are no images, they do not fit the network, a response is no number, the user stops it, or `take` fails.
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
    let done = AtomicUsize::new(0);
    // A few chunks at a time: the threads have work, and memory stays bounded.
    for group in images.rows.chunks(CHUNK * 4 * rayon::current_num_threads()) {
        let jobs = group
            .chunks(CHUNK)
            .map(|rows| Ok((network.replica()?, rows)))
            .collect::<Result<Vec<_>, Error>>()?;
        let found = for_each(network.device(), jobs, |(network, rows)| {
            let so_far = done.fetch_add(rows.len(), Ordering::Relaxed);
            images.report("Computing activations", so_far, images.rows.len())?;
            let maxima = network.maxima(&images.tensor(rows, &network)?, stage, &plan)?;
            check_numbers(&network, stage, rows, &maxima)?;
            Ok((rows, maxima))
        });
        for chunk in found {
            let (rows, maxima) = chunk?;
            take(rows, &maxima)?;
        }
    }
    Ok(())
}

fn check_numbers(
    network: &Network,
    stage: usize,
    rows: &[usize],
    maxima: &Maxima,
) -> Result<(), Error> {
    match maxima.values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotANumber {
            layer: network.stages()[stage].name.clone(),
            image: rows[at / maxima.filters.max(1)],
        }),
    }
}
