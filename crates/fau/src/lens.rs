//! A layer of a network, as plain numbers without tensors.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::input::activations::Activations;

/// A layer of a network over the images of a prepared data set.
///
/// `faus-viz` implements it on libtorch; tests implement it with numbers.
///
/// # Errors
/// Every method fails with [`Error::Lens`] when the network cannot compute, and with [`Error::Cancelled`] when the user
/// cancels.
pub trait Lens {
    /// Name of the layer, such as `conv3`.
    fn layer(&self) -> &str;

    /// F(x), the largest activation of each filter over all positions, of these rows of the data set: `[rows, filters]`,
    /// in the order of `rows` (Khorrami et al. 2015, section 4.2).
    fn activations(&self, rows: &[usize]) -> Result<Activations, Error>;

    /// The mean instead of the largest activation over all positions; `None` for a layer without positions, and where a lens
    /// does not compute it.
    fn means(&self, _rows: &[usize]) -> Result<Option<Activations>, Error> {
        Ok(None)
    }

    /// F(x) of grey images outside the data set, each `side · side` bytes, not yet normalised: `[images, filters]`.
    fn activations_of(&self, images: &[Vec<u8>]) -> Result<Activations, Error>;

    /// The class predicted for each of `rows` with a set of filters held at 0 after this layer, for each of the sets:
    /// `[sets][rows]`. An empty set is the whole network. The layer is computed once for all sets.
    fn predictions(&self, rows: &[usize], silenced: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error>;

    /// The network's outputs before the softmax, `[rows, classes]`.
    fn logits(&self, rows: &[usize]) -> Result<Activations, Error>;

    /// Where each filter responds on these rows.
    ///
    /// # Errors
    /// Also if the layer has no spatial positions (a fully connected one) or `rows` is empty.
    fn places(&self, rows: &[usize]) -> Result<Places, Error>;
}

/// Positions at which the filters of a layer respond on some images.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// Number of filters.
    pub filters: usize,
    /// Centre of each column (or row) of the feature map as a fraction of the image's side; its length is the map's side.
    pub centres: Vec<f64>,
    /// Place of the largest response, `row · side + column` of the feature map, `[rows, filters]`; `None` where a filter
    /// is silent.
    pub maxima: Vec<Option<u32>>,
    /// Response summed over the images, `[filters, side, side]`.
    pub sums: Vec<f32>,
}

/// A kind of network in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// Selected by validation.
    Trained,
    /// The state before training.
    Untrained,
    /// Number n of the untrained starts: weights freshly drawn by the network's own initialisation, from another seed each.
    Start(u64),
    /// Trained by the same recipe on shuffled expression labels.
    LabelShuffled,
}

/// How well a network knows the shuffled labels that it was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Memorised {
    /// Steps of training.
    pub steps: u64,
    /// Training images.
    pub images: usize,
    /// Share of them that are classified as labelled.
    pub train_accuracy: f64,
    /// The same of always predicting their most frequent label.
    pub majority_accuracy: f64,
}

impl Memorised {
    /// Whether the network has learned nothing: its accuracy is not above the most frequent label's by two standard errors.
    pub fn at_chance(&self) -> bool {
        let share = self.majority_accuracy;
        let error = (share * (1.0 - share) / self.images as f64).sqrt();
        self.train_accuracy <= share + 2.0 * error
    }
}

/// The networks of a run.
pub trait Networks {
    /// Names of the layers, starting at the input.
    ///
    /// # Errors
    /// [`Error::Lens`] when the network cannot be built.
    fn layers(&self) -> Result<Vec<String>, Error>;

    /// A layer of fold `fold`'s network; `None` is the layer that the run analyses. A label-shuffled network that does not
    /// exist yet is trained first, which takes one to seven times as long as a fold.
    ///
    /// # Errors
    /// [`Error::Lens`] when the network or layer does not exist or cannot be read; [`Error::Cancelled`].
    fn lens(
        &self,
        network: NetworkKind,
        fold: usize,
        layer: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error>;

    /// How well fold `fold`'s label-shuffled network knows its training labels; it is trained first where it does not exist.
    ///
    /// # Errors
    /// As [`lens`](Self::lens).
    fn memorised(&self, fold: usize) -> Result<Memorised, Error>;
}
