use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Error;

/// How a unit is explained by pixels.
///
/// The first three carry the unit back through the network and differ only in what passes a ReLU; the last asks the network
/// again with parts of the image covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The gradient: passes where the forward value was positive (Simonyan et al. 2014).
    Gradient,
    /// Passes where the backward value is positive (Zeiler and Fergus 2014, section 2.1); pooling switches are used.
    Deconvnet,
    /// Passes where both are positive (Springenberg et al. 2015, section 3.4).
    Guided,
    /// How much the unit loses when a square of the input is set to zero (Zeiler and Fergus 2014, section 4.2).
    Occlusion,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Gradient,
        Self::Deconvnet,
        Self::Guided,
        Self::Occlusion,
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Deconvnet => "deconvnet",
            Self::Guided => "guided",
            Self::Occlusion => "occlusion",
        }
    }

    /// The name as a caption has it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Deconvnet => "deconvnet",
            Self::Guided => "guided back-propagation",
            Self::Occlusion => "occlusion",
        }
    }

    /// What goes on of `backward`, which arrives at a ReLU from above, where the ReLU's output was `forward`. The one place
    /// where the methods differ. (Occlusion carries nothing back; were it asked, it would be the gradient.)
    #[inline]
    pub fn passes(self, backward: f32, forward: f32) -> f32 {
        let goes_on = match self {
            Self::Gradient | Self::Occlusion => forward > 0.0,
            Self::Deconvnet => backward > 0.0,
            Self::Guided => backward > 0.0 && forward > 0.0,
        };
        if goes_on { backward } else { 0.0 }
    }

    /// [`Method::passes`] for tensors.
    pub(crate) fn through_relu(self, backward: &Tensor, forward: &Tensor) -> Result<Tensor, Error> {
        let active = || Ok::<_, Error>(forward.f_gt(0.0)?.f_to_kind(Kind::Float)?);
        Ok(match self {
            Self::Gradient | Self::Occlusion => backward.f_mul(&active()?)?,
            Self::Deconvnet => backward.f_relu()?,
            Self::Guided => backward.f_relu()?.f_mul(&active()?)?,
        })
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut all = Self::ALL.into_iter();
        all.find(|method| method.name() == text)
            .ok_or_else(|| Error::MethodName(text.to_owned()))
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
