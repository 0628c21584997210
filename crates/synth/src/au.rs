//! Action units and how strongly each is shown on either half of the face.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// The action units that the renderer can draw, ascending (Ekman, Friesen and Hager, FACS manual 2002).
pub const AUS: [u8; 22] = [
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 43,
];

/// Half of the face as the picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The picture's left half, which is the subject's right.
    ImageLeft = 0,
    /// The picture's right half, which is the subject's left.
    ImageRight = 1,
}

/// How strongly every action unit is shown, in [0, 1] per half of the face: 0 absent, 1 maximal (FACS intensity E).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuState {
    strength: [[f32; AUS.len()]; 2],
}

impl AuState {
    /// A face at rest.
    pub fn neutral() -> Self {
        Self::default()
    }

    /// This state with action unit `au` at `strength` (clamped to [0, 1]) on both halves.
    ///
    /// # Errors
    /// [`Error::UnknownAu`] when `au` is not one of [`AUS`].
    pub fn with(self, au: u8, strength: f32) -> Result<Self, Error> {
        self.with_side(Side::ImageLeft, au, strength)?
            .with_side(Side::ImageRight, au, strength)
    }

    /// This state with action unit `au` at `strength` (clamped to [0, 1]) on one half only.
    ///
    /// # Errors
    /// [`Error::UnknownAu`] when `au` is not one of [`AUS`].
    pub fn with_side(mut self, side: Side, au: u8, strength: f32) -> Result<Self, Error> {
        let index = index_of(au).ok_or(Error::UnknownAu {
            got: au,
            known: &AUS,
        })?;
        self.strength[side as usize][index] = strength.clamp(0.0, 1.0);
        Ok(self)
    }

    /// This state with `au` at rest on both halves; an unknown unit changes nothing.
    #[must_use]
    pub fn without(&self, au: u8) -> Self {
        let mut state = self.clone();
        if let Some(index) = index_of(au) {
            for half in &mut state.strength {
                half[index] = 0.0;
            }
        }
        state
    }

    /// Strength of `au` on one half of the face; 0 for an unknown unit.
    pub fn strength(&self, side: Side, au: u8) -> f32 {
        self.at(side as usize, au)
    }

    pub(crate) fn at(&self, side: usize, au: u8) -> f32 {
        index_of(au).map_or(0.0, |index| self.strength[side][index])
    }

    pub(crate) fn set(&mut self, side: usize, index: usize, strength: f32) {
        self.strength[side][index] = strength.clamp(0.0, 1.0);
    }

    /// Every strength multiplied: by `factor`, and per unit by `gains` (order of [`AUS`]); not cut at 1.
    pub(crate) fn scaled(&self, factor: f32, gains: &[f32; AUS.len()]) -> Self {
        let mut state = self.clone();
        for half in &mut state.strength {
            for (strength, gain) in half.iter_mut().zip(gains) {
                *strength *= factor * gain;
            }
        }
        state
    }
}

/// Position of `au` in [`AUS`].
pub(crate) fn index_of(au: u8) -> Option<usize> {
    AUS.binary_search(&au).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_side_leaves_the_other_at_rest() {
        let state = AuState::neutral()
            .with_side(Side::ImageLeft, 14, 0.7)
            .unwrap();
        assert_eq!(state.strength(Side::ImageLeft, 14), 0.7);
        assert_eq!(state.strength(Side::ImageRight, 14), 0.0);
    }

    #[test]
    fn an_unknown_unit_is_named() {
        let error = AuState::neutral().with(3, 1.0).unwrap_err();
        assert!(error.to_string().contains("action unit 3"));
    }
}
