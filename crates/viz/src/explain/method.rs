//! The interface for explanation methods.

use faus_model::{FieldMap, FieldNet, Network};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Error, Result};

/// One unit of a feature map, or of a fully connected layer (row and column 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnitRef {
    /// Feature map, or unit of a fully connected layer.
    pub filter: usize,
    /// Row in the feature map, before pooling.
    pub row: usize,
    /// Column in the feature map, before pooling.
    pub column: usize,
}

impl UnitRef {
    /// The unit at `place`, `row · columns + column`.
    pub(crate) fn at(filter: usize, place: usize, columns: usize) -> Self {
        let (row, column) = (place / columns, place % columns);
        Self {
            filter,
            row,
            column,
        }
    }

    pub(crate) fn missing(self) -> Error {
        Error::unknown("unit", format!("{self:?}"), "those of the layer")
    }
}

/// A method that explains a unit by the pixels of an image.
///
/// An experiment's own method implements [`name`](Self::name) and [`explain`](Self::explain). The engine finds the units, calls
/// the method for whole images and cuts each unit's receptive field out of the result.
pub trait Explain: Sync {
    /// The name in files and on the command line.
    fn name(&self) -> &str;

    /// The name in captions.
    fn title(&self) -> &str {
        self.name()
    }

    /// Explains `units[i]` of image `i`: `[N, 1, side, side]` f32 of any range and on any device. Only relative values
    /// within one map are meaningful.
    ///
    /// `images` is `[N, 1, side, side]`, normalised, on the network's device. The units lie in the feature map of stage
    /// `stage`.
    ///
    /// # Errors
    /// When the stage or unit does not exist, or the images do not fit.
    fn explain(
        &self,
        network: &Network,
        stage: usize,
        images: &Tensor,
        units: &[UnitRef],
    ) -> Result<Tensor>;

    /// A faster method for units of a convolution, if available.
    fn within_field(&self) -> Option<&dyn ExplainField> {
        None
    }
}

/// A method that computes only a unit's receptive field.
pub trait ExplainField: Sync {
    /// Explains `unit` of `image`, `[side, side]`, normalised, over its receptive field. `size` is the side of the receptive field before it is clipped
    /// to the image.
    ///
    /// # Errors
    /// When the unit does not exist or the image does not fit.
    fn field(&self, net: &FieldNet, size: usize, image: &[f32], unit: UnitRef) -> Result<FieldMap>;
}
