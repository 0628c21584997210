//! Reads the model file.

use faus_base::digest::sha256;

use super::cascade::{Cascade, GROUP};
use super::gradients::Feature;
use super::network::Network;
use super::{LAST_OVERLAP, OVERLAP};

/// The digest of `seeta_fd_frontal_v1.0.bin`, the only model that is read.
const MODEL: &str = "c4619d066ed35e84d9a8e842860b0dff567aba0cbb139881075538761db3ff5d";
/// The kind of a boosted cascade in the file; the other kind is a network.
const CASCADE: usize = 0;

/// Cascades that search every position, then stages that score the candidates.
#[derive(Default)]
pub(in super::super) struct Model {
    pub(super) cascades: Vec<Cascade>,
    pub(super) stages: Vec<Stage>,
}

/// One network with its features.
pub(super) struct Stage {
    pub features: Vec<Feature>,
    /// Minimum score of a face, exclusive.
    pub threshold: f32,
    /// Four outputs: score, shift in x and y, growth.
    pub network: Network,
    /// Boxes that overlap by more are merged after this stage; `None` leaves them.
    pub overlap: Option<f32>,
}

impl Model {
    /// Reads the model file of SeetaFace's funnel cascade: little endian, numbers of 32 bits; cascades, then chains of
    /// networks. `None` for any other file.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if sha256(bytes) != MODEL {
            return None;
        }
        let mut reader = Reader(bytes.as_chunks().0.iter());
        let mut model = Self::default();
        let levels = reader.count();
        for level in 1..=levels {
            for _ in 0..reader.count() {
                model.read_chain(&mut reader, level == levels);
            }
        }
        Some(model)
    }

    fn read_chain(&mut self, reader: &mut Reader, last: bool) {
        let length = reader.count();
        for at in 1..=length {
            let overlap = match (at == length, last) {
                (false, _) => Some(OVERLAP),
                (true, true) => Some(LAST_OVERLAP),
                (true, false) => None,
            };
            match reader.count() {
                CASCADE => self.cascades.push(read_cascade(reader)),
                _ => self.stages.push(read_stage(reader, overlap)),
            }
        }
        // The chains of the level before that a chain takes its boxes from; −1 means none; any other count means all.
        let sources = reader.count() as i32;
        reader.numbers(sources.max(0) as usize);
    }
}

fn read_cascade(reader: &mut Reader) -> Cascade {
    let (features, codes) = (reader.count(), reader.count() + 1);
    let place = |_| (reader.count() as u8, reader.count() as u8);
    let places = (0..features).map(place).collect();
    let thresholds = reader.numbers(features).into_iter();
    Cascade {
        places,
        // Only the last one of a group is used.
        thresholds: thresholds.skip(GROUP - 1).step_by(GROUP).collect(),
        weights: reader.numbers(features * codes).as_chunks().0.to_vec(),
    }
}

fn read_stage(reader: &mut Reader, overlap: Option<f32>) -> Stage {
    let known = Feature::all();
    let (layers, count) = (reader.count(), reader.count());
    // Numbered from 1.
    let features = (0..count).map(|_| known[reader.count() - 1]).collect();
    let threshold = f32::from_bits(reader.count() as u32);
    let mut network = Network::default();
    let mut inputs = reader.count();
    for _ in 1..layers {
        let outputs = reader.count();
        let weights = reader.numbers(inputs * outputs);
        network.add(&weights, &reader.numbers(outputs));
        inputs = outputs;
    }
    Stage {
        features,
        threshold,
        network,
        overlap,
    }
}

struct Reader<'a>(std::slice::Iter<'a, [u8; 4]>);

impl Reader<'_> {
    fn count(&mut self) -> usize {
        let next = self.0.next().copied();
        u32::from_le_bytes(next.unwrap_or_default()) as usize
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        let next = self.0.by_ref().take(count);
        next.map(|&four| f32::from_le_bytes(four)).collect()
    }
}
