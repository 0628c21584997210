//! Reads the model file.

use super::cascade::{Cascade, GROUP, REACH};
use super::gradients::{FEATURE, Feature};
use super::network::Network;
use super::{LAST_OVERLAP, OVERLAP, WINDOW};

/// Kinds of classifiers in the file.
const CASCADE: u32 = 0;
const NETWORK: u32 = 1;
/// Codes of a cascade's feature.
const CODES: usize = 256;
/// Maximum number of features, layers, neurons and so on.
const COUNT_LIMIT: usize = 4096;

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
    /// Reads a model file of SeetaFace's funnel cascade: little endian, numbers of 32 bits. `None` for any file but
    /// `seeta_fd_frontal_v1.0.bin`, which holds cascades, then chains of networks.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes };
        let mut model = Self::default();
        let levels = reader.count()?;
        for level in 0..levels {
            for _ in 0..reader.count()? {
                model.read_chain(&mut reader, level, level + 1 == levels)?;
            }
        }
        let whole = reader.bytes.is_empty();
        (whole && !model.cascades.is_empty() && !model.stages.is_empty()).then_some(model)
    }

    fn read_chain(&mut self, reader: &mut Reader, level: usize, last: bool) -> Option<()> {
        let length = reader.count()?;
        for at in 0..length {
            match (reader.whole()?, level) {
                (CASCADE, 0) => self.cascades.push(read_cascade(reader)?),
                (NETWORK, 1..) => {
                    let overlap = match (at + 1 == length, last) {
                        (false, _) => Some(OVERLAP),
                        (true, true) => Some(LAST_OVERLAP),
                        (true, false) => None,
                    };
                    self.stages.push(read_stage(reader, overlap)?);
                }
                _ => return None,
            }
        }
        // The chains of the level before that a chain takes its boxes from; −1 means none; any other count means all.
        let sources = reader.whole()? as i32;
        for _ in 0..sources.max(0) {
            reader.whole()?;
        }
        Some(())
    }
}

fn read_cascade(reader: &mut Reader) -> Option<Cascade> {
    let (features, largest) = (reader.count()?, reader.count()?);
    if features == 0 || features % GROUP != 0 || largest + 1 != CODES {
        return None;
    }
    let mut places = Vec::with_capacity(features);
    for _ in 0..features {
        let (x, y) = (reader.whole()?, reader.whole()?);
        let inside = x.max(y) as usize <= WINDOW - REACH;
        places.push(inside.then_some((x as u8, y as u8))?);
    }
    let thresholds = reader.numbers(features)?.into_iter();
    let weights = reader.numbers(features * CODES)?;
    Some(Cascade {
        places,
        weights: weights.as_chunks().0.to_vec(),
        // Only the last one of a group is used.
        thresholds: thresholds.skip(GROUP - 1).step_by(GROUP).collect(),
    })
}

fn read_stage(reader: &mut Reader, overlap: Option<f32>) -> Option<Stage> {
    let known = Feature::all();
    let (layers, count) = (reader.count()?, reader.count()?);
    let mut features = Vec::with_capacity(count);
    for _ in 0..count {
        // Numbered from 1.
        let number = reader.whole()? as usize;
        features.push(*known.get(number.checked_sub(1)?)?);
    }
    let threshold = reader.numbers(1)?[0];
    let mut network = Network::default();
    let mut inputs = reader.count()?;
    for _ in 1..layers {
        let outputs = reader.count()?;
        if inputs == 0 || outputs == 0 {
            return None;
        }
        let weights = reader.numbers(inputs * outputs)?;
        network.add(&weights, &reader.numbers(outputs)?);
        inputs = outputs;
    }
    let fits = (network.inputs(), network.outputs()) == (count * FEATURE, 4);
    fits.then_some(Stage {
        features,
        threshold,
        network,
        overlap,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn whole(&mut self) -> Option<u32> {
        let (four, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(u32::from_le_bytes(*four))
    }

    fn count(&mut self) -> Option<usize> {
        let count = self.whole()? as usize;
        (count <= COUNT_LIMIT).then_some(count)
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<f32>> {
        let (bytes, rest) = self.bytes.split_at_checked(4 * count)?;
        self.bytes = rest;
        let numbers = bytes.as_chunks().0.iter();
        Some(numbers.map(|&four| f32::from_le_bytes(four)).collect())
    }
}
