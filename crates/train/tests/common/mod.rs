//! A small prepared set with an easy signal, and a small network, for tests that train.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use faus_data::{
    CropMode, DatasetInfo, FoldRule, Prepared, PreparedWriter, Role, Sample, augment::AugmentRanges,
};
use faus_model::{
    Architecture, Blueprint, Checkpoint, Error as ModelError, InputSpec, Layer, Stage,
};
use faus_train::{CheckedRecipe, Error, FoldJob, FoldResult, Monitor, Recipe, Workers};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

/// Classes of [`prepare`]: lying, standing and sloping stripes.
pub const CLASSES: [&str; 3] = ["lying", "standing", "sloping"];

/// 16 filters of 5×5, 2×2 pooling, dropout, output: `conv1`, `output`.
pub struct Small;

impl Architecture for Small {
    fn name(&self) -> &str {
        "small"
    }

    fn build(&self, spec: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, ModelError> {
        let mut draw = |shape: &[i64], bound: f32| {
            let count = shape.iter().product::<i64>();
            let values: Vec<f32> = (0..count)
                .map(|_| rng.random_range(-bound..bound))
                .collect();
            Tensor::from_slice(&values).reshape(shape)
        };
        let features = 16 * (spec.side as i64 / 2).pow(2);
        let classes = spec.classes as i64;
        let convolution = Stage::conv_pool_relu("conv1", &draw(&[16, 1, 5, 5], 0.3), 2)?;
        let output = vec![
            Layer::Flatten,
            Layer::Dropout { p: spec.dropout },
            Layer::Linear {
                weight: draw(&[classes, features], 0.03),
                bias: Tensor::zeros([classes], tch::kind::FLOAT_CPU),
            },
        ];
        Ok(Blueprint {
            stages: vec![convolution, Stage::new("output", output)],
            drawn: BTreeMap::new(),
        })
    }
}

/// Two subjects a fold, three classes, two noisy pictures each: 12 images a fold, and a held-out row.
pub fn prepare(dir: &Path, folds: usize, side: usize) -> Prepared {
    let mut writer = PreparedWriter::create(dir, side as u32).unwrap();
    for subject in 0..2 * folds {
        for picture in 0..6 {
            let label = picture % 3;
            let sample = sample(subject, picture, folds, Some(label));
            writer
                .push(sample, &stripes(label, subject, picture, side))
                .unwrap();
        }
    }
    writer
        .push(sample(0, 7, folds, None), &stripes(0, 0, 7, side))
        .unwrap();
    writer.finish(info(folds)).unwrap();
    Prepared::open(dir).unwrap()
}

fn sample(subject: usize, frame: usize, folds: usize, label: Option<usize>) -> Sample {
    Sample {
        index: 0,
        subject: subject as i64,
        sequence: format!("S{subject:03}_001"),
        frame: frame as u32,
        role: label.map_or(Role::HeldOut, |_| Role::Labelled),
        label: label.map_or(-1, |l| l as i64),
        label_name: label.map_or_else(String::new, |l| CLASSES[l].to_owned()),
        fold: (subject % folds) as i64,
        face_found: true,
        path: format!("S{subject:03}/{frame}.png"),
        ..Sample::default()
    }
}

fn info(folds: usize) -> DatasetInfo {
    DatasetInfo {
        name: "stripes".to_owned(),
        synthetic: true,
        source_digest: "0".repeat(64),
        classes: CLASSES.map(str::to_owned).to_vec(),
        folds,
        fold_rule: FoldRule::Modulo,
        subject_independent: true,
        crop: CropMode::None,
        version: "test".to_owned(),
        ..DatasetInfo::default()
    }
}

/// Stripes under noise that follows from subject and picture.
fn stripes(label: usize, subject: usize, picture: usize, side: usize) -> Vec<u8> {
    let mut noise = faus_base::random::named(1, "stripes", &[subject as u64, picture as u64]);
    let pixel = |at: usize, noise: i32| {
        let (row, column) = (at / side, at % side);
        let along = [row, column, row + column][label] + subject;
        let grey = if along % 4 < 2 { 90 } else { 160 };
        (grey + noise).clamp(0, 255) as u8
    };
    (0..side * side)
        .map(|at| pixel(at, noise.random_range(-70..70)))
        .collect()
}

/// Twelve steps of three shares each, with everything random switched on; a checkpoint every 4, a row every 2.
pub fn recipe() -> Recipe {
    Recipe {
        augment: true,
        augmentation: AugmentRanges::default(),
        dropout: 0.3,
        batch_size: 40,
        steps: 12,
        validate_every: 2,
        checkpoint_every: 4,
        learning_rate: 0.02,
        ..Recipe::default()
    }
}

/// A fold to train with three threads.
pub struct Fold<'a> {
    pub prepared: &'a Prepared,
    pub architecture: &'a dyn Architecture,
    pub recipe: Recipe,
    pub fold: usize,
    pub seed: u64,
    pub threads: usize,
    pub device: Device,
    pub resume: bool,
    /// Stop after this step.
    pub stop_after: Option<u64>,
}

impl<'a> Fold<'a> {
    pub fn new(prepared: &'a Prepared) -> Self {
        Self {
            prepared,
            architecture: &Small,
            recipe: recipe(),
            fold: 0,
            seed: 5,
            threads: 2,
            device: Device::Cpu,
            resume: false,
            stop_after: None,
        }
    }

    pub fn checked(&self) -> CheckedRecipe {
        self.recipe.clone().check().unwrap()
    }

    pub fn run(&self, dir: &Path) -> Result<FoldResult, Error> {
        let (recipe, cancelled) = (self.checked(), AtomicBool::new(false));
        let workers = Workers::new(self.threads).unwrap();
        let job = FoldJob {
            prepared: self.prepared,
            architecture: self.architecture,
            recipe: &recipe,
            fold: self.fold,
            seed: self.seed,
            device: self.device,
            dir,
            resume: self.resume,
            tensorboard: false,
        };
        let progress = |p: faus_train::FoldProgress| {
            cancelled.fetch_or(Some(p.step) == self.stop_after, Ordering::Relaxed);
        };
        let monitor = Monitor {
            cancelled: &cancelled,
            progress: &progress,
        };
        job.run(&workers, &monitor)
    }
}

/// Names of a folder's files, sorted.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Path of a checkpoint.
pub fn checkpoint(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("checkpoints/step-{step:06}.safetensors"))
}

/// Path of a training state.
pub fn state(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("checkpoints/step-{step:06}.state"))
}

/// All weights of a checkpoint, bit for bit.
pub fn bits(path: &Path) -> Vec<(String, Vec<u32>)> {
    let tensors = Checkpoint::load(path).unwrap().tensors;
    let bits = |t: &Tensor| {
        let values = Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    tensors.iter().map(|(n, t)| (n.clone(), bits(t))).collect()
}

/// The rows of a CSV file without the columns called `without`, header first.
pub fn table(path: &Path, without: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(path)
        .unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let kept: Vec<usize> = (0..rows[0].len())
        .filter(|&c| &rows[0][c] != without)
        .collect();
    rows.iter()
        .map(|row| kept.iter().map(|&c| row[c].to_owned()).collect())
        .collect()
}

/// Both folders hold the same checkpoints (files equal byte for byte), predictions and metrics but for the speed.
pub fn assert_same_fold(a: &Path, b: &Path) {
    assert_eq!(names(&a.join("checkpoints")), names(&b.join("checkpoints")));
    for name in names(&a.join("checkpoints")) {
        let files = [a, b].map(|dir| dir.join("checkpoints").join(&name));
        assert_eq!(bits(&files[0]), bits(&files[1]), "{name}");
        let bytes = files.map(|f| std::fs::read(f).unwrap());
        assert!(
            bytes[0] == bytes[1],
            "{name}: equal weights in unequal files"
        );
    }
    for name in ["best.safetensors", "predictions.csv"] {
        let files = [a, b].map(|dir| std::fs::read(dir.join(name)).unwrap());
        assert!(files[0] == files[1], "{name}");
    }
    let metrics = [a, b].map(|dir| table(&dir.join("metrics.csv"), "images_per_second"));
    assert_eq!(metrics[0], metrics[1]);
}
