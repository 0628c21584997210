//! A layer of a network as statistics see it: plain numbers, no tensors.

use crate::{Activations, Error};

/// A layer of a network over the images of a prepared data set.
///
/// `faus-viz` implements it on libtorch; tests implement it with numbers.
///
/// # Errors
/// Every method fails with [`Error::Lens`] when the network cannot compute, and [`Error::Cancelled`] when the user stops it.
pub trait Lens {
    /// Name of the layer, such as `conv3`.
    fn layer(&self) -> &str;

    /// F(x), the largest activation of each filter over all positions, of these rows of the data set and in their order:
    /// `[rows, filters]` (Khorrami et al. 2015, section 4.2).
    fn activations(&self, rows: &[usize]) -> Result<Activations, Error>;

    /// F(x) of grey images that are in no data set, each `side · side` bytes: `[images, filters]`.
    fn activations_of(&self, images: &[Vec<u8>]) -> Result<Activations, Error>;

    /// The class predicted for each of `rows` with a set of filters held at 0, for each of the sets: `[sets][rows]`. An
    /// empty set is the network as it is.
    fn predictions(&self, rows: &[usize], silenced: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error>;

    /// Where each filter responds on these rows.
    ///
    /// # Errors
    /// Also when the layer has no places on the image, as a fully connected one.
    fn places(&self, rows: &[usize]) -> Result<Places, Error>;
}

/// Where the filters of a layer respond on some images.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// Number of filters.
    pub filters: usize,
    /// Centre of each column (or row) of the feature map as a fraction of the image's side.
    pub centres: Vec<f64>,
    /// Place of the largest response, `row · side + column` of the feature map, `[rows, filters]`; `None` where a filter
    /// is silent.
    pub maxima: Vec<Option<u32>>,
    /// Response summed over the images, `[filters, side, side]`.
    pub sums: Vec<f32>,
}

/// Which network of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// As selected by validation.
    Trained,
    /// As the training began.
    Untrained,
    /// Trained by the same recipe on shuffled expression labels.
    LabelShuffled,
}

/// The networks of a run.
pub trait Networks {
    /// Names of the layers, from the input on.
    fn layers(&self) -> Vec<String>;

    /// A layer of the network that fold `fold` trained (or began with); `None` is the layer that the run analyses.
    ///
    /// # Errors
    /// [`Error::Lens`] when there is no such network or layer, or it cannot be read.
    fn lens(
        &self,
        network: NetworkKind,
        fold: usize,
        layer: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error>;
}
