use super::cascade::{Cascade, GROUP, REACH};
use super::gradients::{FEATURE, Feature};
use super::network::Network;
use super::{LAST_OVERLAP, OVERLAP, WINDOW};

/// Kinds of classifiers in the file.
const CASCADE: u32 = 0;
const NETWORK: u32 = 1;
/// Codes that a cascade's feature tells apart.
const CODES: usize = 256;
/// Most features, layers, neurons and so on: what is more is no such file.
const COUNT_LIMIT: usize = 4096;

/// What the model file holds: cascades that look at every place, then stages that judge what they found.
pub(in super::super) struct Model {
    pub(super) cascades: Vec<Cascade>,
    pub(super) stages: Vec<Stage>,
}

/// One network and what it looks at.
pub(super) struct Stage {
    pub features: Vec<Feature>,
    /// Least score of a face, exclusive.
    pub threshold: f32,
    /// Four outputs: score, shift in x and y, growth.
    pub network: Network,
    /// Boxes that overlap by more are merged after this stage; `None` leaves them.
    pub overlap: Option<f32>,
}

impl Model {
    /// Reads a model file of SeetaFace's funnel cascade: little endian, numbers of 32 bits.
    ///
    /// # Errors
    /// What is wrong with it. Only the shape of `seeta_fd_frontal_v1.0.bin` is taken: cascades first, then single chains
    /// of networks.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { bytes };
        let mut model = Self {
            cascades: Vec::new(),
            stages: Vec::new(),
        };
        let levels = reader.count()?;
        for level in 0..levels {
            let chains = reader.count()?;
            if level > 0 && chains != 1 {
                return Err(format!("{chains} chains of networks side by side"));
            }
            for _ in 0..chains {
                model.read_chain(&mut reader, level, level + 1 == levels)?;
            }
        }
        if model.cascades.is_empty() || model.stages.is_empty() {
            return Err("no cascade or no network".to_owned());
        }
        match reader.bytes.len() {
            0 => Ok(model),
            more => Err(format!("{more} bytes more than expected")),
        }
    }

    fn read_chain(&mut self, reader: &mut Reader, level: usize, last: bool) -> Result<(), String> {
        let length = reader.count()?;
        for at in 0..length {
            match (reader.whole()?, level) {
                (CASCADE, 0) if length == 1 => self.cascades.push(read_cascade(reader)?),
                (NETWORK, 1..) => {
                    let overlap = match (at + 1 == length, last) {
                        (false, _) => Some(OVERLAP),
                        (true, true) => Some(LAST_OVERLAP),
                        (true, false) => None,
                    };
                    self.stages.push(read_stage(reader, overlap)?);
                }
                (kind, _) => return Err(format!("a classifier of kind {kind} on level {level}")),
            }
        }
        // Which chains of the level before a chain takes its boxes from, −1 of them where there are none: all of them.
        let sources = match reader.whole()? as i32 {
            none if none <= 0 => Vec::new(),
            some => reader.indices(some as usize)?,
        };
        let expected = match level {
            0 => 0,
            1 => self.cascades.len() as u32,
            _ => 1,
        };
        if !sources.iter().copied().eq(0..expected) {
            return Err(format!("level {level} takes its boxes from {sources:?}"));
        }
        Ok(())
    }
}

fn read_cascade(reader: &mut Reader) -> Result<Cascade, String> {
    let (features, largest) = (reader.count()?, reader.count()?);
    if features == 0 || features % GROUP != 0 || largest + 1 != CODES {
        return Err(format!(
            "a cascade of {features} features with {} codes",
            largest + 1
        ));
    }
    let mut places = Vec::with_capacity(features);
    for _ in 0..features {
        let (x, y) = (reader.whole()?, reader.whole()?);
        if x.max(y) as usize > WINDOW - REACH {
            return Err(format!("a feature at {x}, {y}"));
        }
        places.push((x as u8, y as u8));
    }
    let thresholds = reader.numbers(features)?;
    let weights = reader.numbers(features * CODES)?;
    Ok(Cascade {
        places,
        weights: weights.as_chunks().0.to_vec(),
        // Only a group's last one is looked at.
        thresholds: thresholds
            .into_iter()
            .skip(GROUP - 1)
            .step_by(GROUP)
            .collect(),
    })
}

fn read_stage(reader: &mut Reader, overlap: Option<f32>) -> Result<Stage, String> {
    let known = Feature::all();
    let (layers, features) = (reader.count()?, reader.count()?);
    let mut chosen = Vec::with_capacity(features);
    for _ in 0..features {
        let number = reader.whole()? as usize;
        let feature = number.checked_sub(1).and_then(|at| known.get(at));
        chosen.push(*feature.ok_or_else(|| format!("feature {number} of {}", known.len()))?);
    }
    let threshold = reader.number()?;
    let mut network = Network::new();
    let mut inputs = reader.count()?;
    for _ in 1..layers {
        let outputs = reader.count()?;
        if inputs == 0 || outputs == 0 {
            return Err("a layer without neurons".to_owned());
        }
        let weights = reader.numbers(inputs * outputs)?;
        network.add(&weights, &reader.numbers(outputs)?);
        inputs = outputs;
    }
    if (network.inputs(), network.outputs()) != (features * FEATURE, 4) {
        let (inputs, outputs) = (network.inputs(), network.outputs());
        return Err(format!(
            "a network of {inputs} inputs and {outputs} outputs on {features} features"
        ));
    }
    Ok(Stage {
        features: chosen,
        threshold,
        network,
        overlap,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn four(&mut self) -> Result<[u8; 4], String> {
        let (four, rest) = self.bytes.split_first_chunk().ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(*four)
    }

    fn whole(&mut self) -> Result<u32, String> {
        self.four().map(u32::from_le_bytes)
    }

    fn number(&mut self) -> Result<f32, String> {
        self.four().map(f32::from_le_bytes)
    }

    fn count(&mut self) -> Result<usize, String> {
        match self.whole()? as usize {
            count if count <= COUNT_LIMIT => Ok(count),
            count => Err(format!("a count of {count}")),
        }
    }

    fn indices(&mut self, count: usize) -> Result<Vec<u32>, String> {
        (0..count).map(|_| self.whole()).collect()
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<f32>, String> {
        // Before memory is taken for them.
        if self.bytes.len() / 4 < count {
            return Err("it ends too early".to_owned());
        }
        (0..count).map(|_| self.number()).collect()
    }
}
