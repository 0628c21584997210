use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use faus_data::{Prepared, Protocol, Split, rng};
use faus_model::{Architecture, InputSpec, Network};
use rand::Rng;
use sha2::{Digest, Sha256};
use tch::Device;

use crate::run::Run;
use crate::state::{self, Saved};
use crate::trials::Trials;
use crate::{CheckedRecipe, Error, FoldResult, Monitor, Optimizer, Workers};

/// One fold to train.
#[derive(Clone, Copy)]
pub struct FoldJob<'a> {
    /// The data set.
    pub prepared: &'a Prepared,
    /// The network.
    pub architecture: &'a dyn Architecture,
    /// The recipe.
    pub recipe: &'a CheckedRecipe,
    /// The test fold.
    pub fold: usize,
    /// Fixes everything random.
    pub seed: u64,
    /// Where to train.
    pub device: Device,
    /// The fold's folder: `checkpoints/`, `best.safetensors`, `metrics.csv`, `predictions.csv`, `fold.json`,
    /// and `events.out.tfevents.faus` where asked for.
    pub dir: &'a Path,
    /// Go on from the newest saved state, if there is one.
    pub resume: bool,
    /// Write the metrics as a TensorBoard event file too.
    pub tensorboard: bool,
}

impl FoldJob<'_> {
    /// Trains, selects, tests and writes the fold's files.
    ///
    /// # Errors
    /// When the data does not suit, the loss explodes or is no longer a number, the disk refuses, or the user stopped it.
    /// What was written before stays.
    pub fn run(&self, workers: &Workers, monitor: &Monitor) -> Result<FoldResult, Error> {
        let started = Instant::now();
        // The thread that a fold runs on also computes (updates, small sums), and must do so in one order.
        tch::set_num_threads(1);
        self.recipe.precision.set_up(self.device)?;
        let split = fold_split(self.prepared, self.recipe.protocol, self.fold)?;
        let checkpoints = self.dir.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(Error::io(&checkpoints))?;
        let network = self.build()?;
        let optimizer = Optimizer::new(self.recipe, &network)?;
        let mut run = Run {
            job: *self,
            split: &split,
            workers,
            checkpoints,
            network,
            optimizer,
            trials: Trials::new(self.device),
            saved: Saved {
                split_digest: split_digest(self.prepared, &split)?,
                ..self.fresh_state()
            },
            started,
        };
        if self.resume {
            let newest = state::restore(
                &run.checkpoints,
                &run.saved,
                &run.network,
                &mut run.optimizer,
            )?;
            match newest {
                Some(saved) => run.saved = saved,
                None => self.refuse_finished()?,
            }
        }
        if run.saved.step == 0 {
            state::discard(&run.checkpoints)?;
        }
        let trained = run.train(monitor);
        if let Err(Error::Diverged { .. } | Error::Exploded { .. }) = trained {
            // The same steps would diverge again; the checkpoints stay, to be looked at.
            state::clear(&run.checkpoints, run.saved.step)?;
        }
        trained?;
        run.finish()
    }

    /// A finished fold has no state to go on from, and beginning again would overwrite it.
    fn refuse_finished(&self) -> Result<(), Error> {
        let path = self.dir.join("fold.json");
        match path.exists() {
            true => Err(Error::Resume {
                path,
                reason: "the fold is finished".to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn build(&self) -> Result<Network, Error> {
        let info = self.prepared.info();
        let spec = InputSpec {
            side: self.prepared.image_size(),
            classes: info.classes.len(),
            dropout: self.recipe.dropout,
        };
        let seed = rng::keyed(self.seed, "weights", &[self.fold as u64]).next_u64();
        Ok(Network::build(self.architecture, spec, seed, self.device)?)
    }

    fn fresh_state(&self) -> Saved {
        Saved {
            step: 0,
            seed: self.seed,
            fold: self.fold,
            recipe: (**self.recipe).clone(),
            split_digest: String::new(),
            candidates: vec![],
            seconds: 0.0,
        }
    }
}

/// Which images of a fold train, validate and test, checked: known before hours of training.
///
/// A class may be absent in the test part, or in the whole data set. One that is there but not in the training part
/// would be tested without ever having been seen.
///
/// # Errors
/// When a part is empty, a person is in two parts, or a class has no image to train on.
pub fn fold_split(prepared: &Prepared, protocol: Protocol, fold: usize) -> Result<Split, Error> {
    let empty = |part| Error::EmptySplit {
        fold,
        purpose: match part {
            "train" => "train on",
            "test" => "test on",
            _ => "validate on",
        },
    };
    let split = match prepared.split(fold, protocol) {
        Err(faus_data::Error::EmptyPart { part, .. }) => return Err(empty(part)),
        split => split?,
    };
    let unseen: Vec<String> = unseen(prepared, &split)
        .into_iter()
        .filter_map(|class| prepared.info().classes.get(class).cloned())
        .collect();
    if unseen.is_empty() {
        Ok(split)
    } else {
        Err(Error::UnseenClass {
            fold,
            classes: unseen.join(", "),
        })
    }
}

/// Classes with images to validate or test on, but none to train on.
fn unseen(prepared: &Prepared, split: &Split) -> BTreeSet<usize> {
    let of = |rows: &[usize]| -> BTreeSet<usize> {
        rows.iter()
            .map(|&row| prepared.labels()[row] as usize)
            .collect()
    };
    let judged = &of(&split.validation) | &of(&split.test);
    &judged - &of(&split.train)
}

/// Digest of a prepared data set as `dataset.json` describes it and of the rows of each part.
///
/// # Errors
/// When the description cannot be written as JSON.
pub fn split_digest(prepared: &Prepared, split: &Split) -> Result<String, Error> {
    let parts = (
        prepared.info(),
        &split.train,
        &split.validation,
        &split.test,
    );
    let text = serde_json::to_vec(&parts).map_err(|e| Error::format(prepared.dir(), e))?;
    Ok(Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
