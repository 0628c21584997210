//! The worker threads for libtorch.

use rayon::ThreadPool;
use rayon::prelude::*;
use tch::Device;

use crate::error::Error;

/// Worker threads, with libtorch set to one thread in each.
///
/// With libtorch's own threads, the summation order depends on their number. Here a batch is cut into shares of fixed
/// size, each computed on one thread, and the results are added in order: the outcome does not depend on the number of
/// threads, and there is no barrier inside an operation.
#[derive(Debug)]
pub struct Workers {
    pool: ThreadPool,
}

impl Workers {
    /// `threads` workers; 0 takes one per core (or RAYON_NUM_THREADS).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(threads: usize) -> Result<Self, Error> {
        // The calling thread also computes (updates, small sums), and must do so in a fixed order.
        tch::set_num_threads(1);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("faus-worker-{i}"))
            .start_handler(|_| tch::set_num_threads(1))
            .build()
            .map_err(|e| Error::Threads(format!("no worker threads: {e}")))?;
        Ok(Self { pool })
    }

    /// The threads.
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// `f` over all jobs, which compute on `device`; results in the jobs' order; the first error in that order is returned.
    ///
    /// A GPU is used from the calling thread only: libtorch keeps handles, work space and autotuning results per
    /// thread, so every further thread would create them again.
    ///
    /// # Errors
    /// Whatever `f` returns.
    pub fn map<J: Send, R: Send>(
        &self,
        device: Device,
        jobs: Vec<J>,
        f: impl Fn(J) -> Result<R, Error> + Sync + Send,
    ) -> Result<Vec<R>, Error> {
        if device.is_cuda() {
            return jobs.into_iter().map(f).collect();
        }
        let jobs = jobs.into_par_iter().with_max_len(1).map(f);
        let results: Vec<Result<R, Error>> = self.pool.install(|| jobs.collect());
        results.into_iter().collect()
    }
}
