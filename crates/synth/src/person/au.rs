//! Action units and how strongly each is shown on either half of the face.

use crate::error::Error;

/// The action units that the renderer can draw, ascending (Ekman, Friesen and Hager, FACS manual 2002).
pub const AUS: [u8; 22] = [
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 43,
];

/// How strongly every action unit is shown, in [0, 1] per half of the face: 0 absent, 1 maximal (FACS intensity E).
#[derive(Clone, Debug, Default, PartialEq)]
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
        self.with_halves(au, [strength; 2])
    }

    /// This state with action unit `au` at a strength (clamped to [0, 1]) for each half: the picture's left, which is the
    /// subject's right, then the picture's right.
    ///
    /// # Errors
    /// [`Error::UnknownAu`] when `au` is not one of [`AUS`].
    pub fn with_halves(mut self, au: u8, strengths: [f32; 2]) -> Result<Self, Error> {
        self.set(index_of(au).ok_or(Error::UnknownAu(au))?, strengths);
        Ok(self)
    }

    /// Strength of `au` on one half of the face; 0 for an unknown unit.
    pub(crate) fn at(&self, side: usize, au: u8) -> f32 {
        index_of(au).map_or(0.0, |index| self.strength[side][index])
    }

    /// Mean of both halves.
    pub(crate) fn mean(&self, au: u8) -> f32 {
        0.5 * (self.at(0, au) + self.at(1, au))
    }

    /// Sets the unit at `index` in [`AUS`].
    pub(crate) fn set(&mut self, index: usize, strengths: [f32; 2]) {
        for (half, strength) in self.strength.iter_mut().zip(strengths) {
            half[index] = strength.clamp(0.0, 1.0);
        }
    }

    /// Every strength times its unit's gain (order of [`AUS`]); not cut at 1.
    pub(crate) fn scaled(&self, gains: &[f32; AUS.len()]) -> Self {
        let scale = |half: [f32; AUS.len()]| std::array::from_fn(|unit| half[unit] * gains[unit]);
        let strength = self.strength.map(scale);
        Self { strength }
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
        let state = AuState::neutral().with_halves(14, [0.7, 0.0]).unwrap();
        assert_eq!([state.at(0, 14), state.at(1, 14)], [0.7, 0.0]);
    }

    #[test]
    fn an_unknown_unit_is_named() {
        let error = AuState::neutral().with(3, 1.0).unwrap_err();
        assert!(error.to_string().contains("action unit 3"));
    }
}
