//! Light, pose and camera of one picture, drawn apart from the person and the action units, and their difficulty.

use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, within};
use crate::random::{Draw, Purpose, keyed};

/// Light, pose of head and eyes, background, and camera of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scene {
    /// Direction towards the main light: x right, y down, z towards the camera; need not be of length 1.
    pub light: [f32; 3],
    /// Share of light that comes from everywhere, in [0, 1].
    pub ambient: f32,
    /// Factor on the exposure; 1 is the automatic one.
    pub exposure: f32,
    /// Exponent of the camera's tone curve, about 2.
    pub gamma: f32,
    /// Half the interocular distance as a share of the picture's height, about 0.11.
    pub scale: f32,
    /// Place of the point between the eyes, as shares of the picture's width and height.
    pub center: [f32; 2],
    /// In-plane rotation in radians, clockwise in the picture.
    pub roll: f32,
    /// Turn to the picture's right in radians, small.
    pub yaw: f32,
    /// Nod downwards in radians, small.
    pub pitch: f32,
    /// Gaze direction, in half interocular distances on the eyeball.
    pub gaze: [f32; 2],
    /// Closure of the lids, 0 open to 1 shut.
    pub blink: f32,
    /// Grey of the wall at the picture's left, right, and its change downwards, in [0, 1].
    pub wall: [f32; 3],
    /// Standard deviation of the optical blur in pixels of a 490 pixel high picture.
    pub blur: f32,
    /// Standard deviation of the sensor's noise in grey levels of 255.
    pub noise: f32,
    /// Quality of the block compression that the picture went through, as JPEG counts it; 100 means none.
    pub jpeg_quality: u8,
    /// Key of the sensor noise's random numbers.
    pub noise_key: [u64; 3],
}

impl Default for Scene {
    /// A frontal face in plain light: for contact sheets and tests.
    fn default() -> Self {
        Self {
            light: [-0.35, -0.55, 1.0],
            ambient: 0.34,
            exposure: 1.0,
            gamma: 1.9,
            scale: 0.108,
            center: [0.5, 0.46],
            roll: 0.0,
            yaw: 0.0,
            pitch: 0.0,
            gaze: [0.0, 0.0],
            blink: 0.0,
            wall: [0.62, 0.55, -0.1],
            blur: 0.6,
            noise: 0.15,
            jpeg_quality: 100,
            noise_key: [0; 3],
        }
    }
}

impl Scene {
    /// The scene of a whole sequence, with variation scaled by `how`.
    pub(crate) fn draw(seed: u64, subject: u64, sequence: u64, how: &Difficulty) -> Self {
        let rng = &mut keyed(seed, Purpose::Scene, subject, sequence);
        let (light, pose) = (how.light, how.pose);
        let wall = rng.within(0.40, 0.72);
        let loss = how.camera * rng.within(8.0, 35.0);
        Self {
            light: [
                rng.around(0.0, 0.42 * light),
                spread(rng, -0.85, -0.15, light).min(0.5),
                spread(rng, 0.75, 1.15, light).max(0.4),
            ],
            ambient: spread(rng, 0.24, 0.44, light).clamp(0.1, 0.8),
            exposure: rng.around(1.0, 0.13 * light).max(0.4),
            gamma: spread(rng, 1.65, 2.2, light).clamp(1.2, 2.8),
            scale: rng.around(0.108, 0.005 * pose).max(0.08),
            center: [(0.5, 0.022), (0.455, 0.014)].map(|(at, by)| rng.around(at, by * pose)),
            roll: rng.around(0.0, 0.04 * pose),
            yaw: rng.around(0.0, 0.05 * pose),
            pitch: rng.around(0.0, 0.045 * pose),
            gaze: [rng.around(0.0, 0.02), rng.around(0.0, 0.015)],
            blink: 0.0,
            wall: [wall, wall + rng.around(0.0, 0.05), rng.around(-0.05, 0.08)],
            blur: how.camera * rng.within(0.7, 1.3),
            noise: how.camera * rng.within(0.4, 1.6),
            jpeg_quality: (100.0 - loss).clamp(5.0, 100.0) as u8,
            noise_key: [seed, subject, sequence],
        }
    }

    /// The same scene at frame `frame` of `length`: the head drifts, the light flickers, the noise is new.
    ///
    /// The drift is centred on the sequence's middle, so that the first frame is no closer to the mean than the last.
    pub(crate) fn at_frame(&self, frame: usize, length: usize, how: &Difficulty) -> Self {
        let [seed, subject, sequence] = self.noise_key;
        let drift = &mut keyed(seed, Purpose::Frame, subject, sequence << 16);
        let jitter = &mut keyed(seed, Purpose::Frame, subject, sequence << 16 | frame as u64);
        let time = frame as f32 / length.max(2) as f32 - 0.5;
        let mut moved = |amount: f32| -> f32 {
            drift.around(0.0, amount) * time * 2.0 + jitter.around(0.0, 0.12 * amount)
        };
        let mut scene = self.clone();
        scene.center = scene.center.map(|at| at + how.pose * moved(0.007));
        scene.roll += how.pose * moved(0.015);
        scene.yaw += how.pose * moved(0.022);
        scene.pitch += how.pose * moved(0.022);
        scene.scale *= 1.0 + how.pose * moved(0.008);
        scene.exposure *= 1.0 + how.light * moved(0.02);
        scene.gaze[0] += moved(0.02);
        scene.gaze[1] += moved(0.015);
        let blinks = jitter.chance(0.05);
        let (low, high) = if blinks { (0.05, 0.35) } else { (0.0, 0.06) };
        scene.blink = jitter.within(low, high);
        scene.noise_key = [seed, subject, sequence << 16 | frame as u64];
        scene
    }
}

/// Uniform in `[low, high)`, the range scaled about its middle by `factor`.
fn spread(rng: &mut ChaCha8Rng, low: f32, high: f32, factor: f32) -> f32 {
    let middle = 0.5 * (low + high);
    middle + factor * (rng.within(low, high) - middle)
}

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
        let read = serde_json::from_value(factors.into());
        let difficulty: Self = read.map_err(|error| error.to_string())?;
        let checked = difficulty.check().map_err(|error| error.to_string());
        checked.map(|()| difficulty)
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
