//! What makes the labels hard to read off the pictures, as parameters.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// How hard the pictures are: factors on the spread of everything that is not the label.
///
/// Every factor is 1 by default and may lie in [0, 3]; 0 leaves its cause out. The defaults are our choice
/// (docs/synthetic.md says what was measured with them).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Difficulty {
    /// Spread of the main light's direction, of the share of ambient light, and of exposure and contrast.
    pub light: f32,
    /// Spread of roll (deviation 2.3 degrees at 1), yaw (2.9), nod (2.6), place and size of the head, and their drift.
    pub pose: f32,
    /// Optical blur (0.7 to 1.3 pixels of a 490 pixel high picture at 1) and sensor noise (0.4 to 1.6 grey levels).
    pub camera: f32,
    /// Loss by block compression: JPEG's quality is 100 less this times 8 to 35.
    pub compression: f32,
    /// Difference between the halves of the face: of a person (deviation 6% at 1) and of one showing (8%).
    pub asymmetry: f32,
    /// How far the action units of one sequence start apart, in shares of its length (up to 0.2 at 1).
    pub timing: f32,
    /// How much people differ in which action units make their expressions: deviation, in log-odds, of each companion
    /// unit's probability (0.6 at 1).
    pub habits: f32,
    /// Faint activity that is there in every frame, the neutral one as well (up to 0.1 of the maximum at 1).
    pub residual: f32,
    /// How far action units move the face, times what FACS' intensities stand for, in [0.2, 1]: the lower, the harder.
    pub strength: f32,
}

impl Default for Difficulty {
    fn default() -> Self {
        Self {
            light: 1.0,
            pose: 1.0,
            camera: 1.0,
            compression: 1.0,
            asymmetry: 1.0,
            timing: 1.0,
            habits: 1.0,
            residual: 1.0,
            strength: 1.0,
        }
    }
}

impl Difficulty {
    /// Names of the parameters, as serde reads them.
    pub const NAMES: [&'static str; 9] = [
        "light",
        "pose",
        "camera",
        "compression",
        "asymmetry",
        "timing",
        "habits",
        "residual",
        "strength",
    ];

    /// The parameter called `name`; `None` when there is no such one.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut f32> {
        Some(match name {
            "light" => &mut self.light,
            "pose" => &mut self.pose,
            "camera" => &mut self.camera,
            "compression" => &mut self.compression,
            "asymmetry" => &mut self.asymmetry,
            "timing" => &mut self.timing,
            "habits" => &mut self.habits,
            "residual" => &mut self.residual,
            "strength" => &mut self.strength,
            _ => return None,
        })
    }

    /// Checks every parameter's range.
    ///
    /// # Errors
    /// [`Error::Option`] names the first parameter that is out of its range.
    pub fn check(mut self) -> Result<(), Error> {
        for option in Self::NAMES {
            let (low, high, expected) = match option {
                "strength" => (0.2, 1.0, "0.2 to 1"),
                _ => (0.0, 3.0, "0 to 3"),
            };
            let got = self.get_mut(option).map_or(f32::NAN, |value| *value);
            if !(low..=high).contains(&got) {
                return Err(Error::Option {
                    option,
                    got: got.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_field_and_every_field_has_a_name() {
        let value = serde_json::to_value(Difficulty::default()).unwrap();
        let fields: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(fields, Difficulty::NAMES);
        for name in Difficulty::NAMES {
            assert!(Difficulty::default().get_mut(name).is_some());
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        for name in Difficulty::NAMES {
            for bad in [-0.1, 3.5, f32::NAN] {
                let mut difficulty = Difficulty::default();
                *difficulty.get_mut(name).unwrap() = bad;
                let error = difficulty.check().unwrap_err().to_string();
                assert!(error.contains(name), "{error}");
            }
        }
    }
}
