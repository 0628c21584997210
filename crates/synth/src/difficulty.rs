//! Parameters that make the labels hard to recognise in the pictures.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, within};

/// Factors on the spread of light, pose and camera, and on the strength of action units.
///
/// The defaults are our choice; docs/synthetic.md reports measurements with them. As text: `pose=2,light=0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Difficulty {
    /// Spread of the main light's direction, of the share of ambient light, and of exposure and contrast, in [0, 3].
    pub light: f32,
    /// Spread of roll (deviation 2.3 degrees at 1), yaw (2.9), nod (2.6), place and size of the head, and their drift, in
    /// [0, 3].
    pub pose: f32,
    /// Optical blur (0.7 to 1.3 pixels of a 490 pixel high picture at 1), sensor noise (0.4 to 1.6 grey levels) and block
    /// compression (JPEG's quality is 100 less this times 8 to 35), in [0, 3].
    pub camera: f32,
    /// Displacement by action units, relative to FACS intensities, in [0.2, 1]; lower is harder.
    pub strength: f32,
}

impl Default for Difficulty {
    fn default() -> Self {
        Self {
            light: 1.0,
            pose: 1.0,
            camera: 1.0,
            strength: 1.0,
        }
    }
}

impl Difficulty {
    /// Checks every parameter's range.
    ///
    /// # Errors
    /// [`Error::Option`] names the first parameter out of its range.
    pub fn check(&self) -> Result<(), Error> {
        within("light", self.light, 0.0..=3.0)?;
        within("pose", self.pose, 0.0..=3.0)?;
        within("camera", self.camera, 0.0..=3.0)?;
        within("strength", self.strength, 0.2..=1.0)
    }
}

impl FromStr for Difficulty {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = |part: &str| {
            let (name, factor) = part.split_once('=')?;
            let factor: f32 = factor.trim().parse().ok()?;
            Some((name.trim().to_owned(), factor.into()))
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        let factors: Option<serde_json::Map<_, _>> = parts.map(pair).collect();
        let factors = factors.ok_or("give NAME=FACTOR pairs, for example pose=2,light=0")?;
        let difficulty: Self =
            serde_json::from_value(factors.into()).map_err(|error| error.to_string())?;
        difficulty.check().map_err(|error| error.to_string())?;
        Ok(difficulty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_parameter_is_named() {
        for name in ["light", "pose", "camera", "strength"] {
            for bad in ["-0.1", "3.5"] {
                let error = format!("{name}={bad}").parse::<Difficulty>().unwrap_err();
                assert!(error.contains(name), "{error}");
            }
        }
        for bad in ["posse=1", "pose", "pose=much", "pose=NaN"] {
            assert!(bad.parse::<Difficulty>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_factors_that_are_not_named_are_one() {
        let expected = Difficulty {
            pose: 2.0,
            strength: 0.7,
            ..Difficulty::default()
        };
        assert_eq!("pose=2, strength=0.7".parse(), Ok(expected));
        assert_eq!("".parse(), Ok(Difficulty::default()));
    }
}
