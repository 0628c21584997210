//! Who is shown: the documented generative model of a person.

use crate::au::AUS;
use crate::random::{Draw, Purpose, keyed};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// How the hair is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HairStyle {
    Short,
    Long,
    TiedBack,
    Fringe,
    Receding,
    Cropped,
}

/// A person: head, features, skin, hair, lines of age and personal ways of moving.
///
/// Lengths are in half interocular distances (about 31 mm), x outwards, y down from the line of the pupils.
/// Means and spreads are our choice after common adult facial proportions; age and sex shift them together,
/// so that brow, jaw, lips, hair and lines go with one another as they do in people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identity {
    pub(crate) texture: u64,
    /// 0 young adult, 1 about fifty-five.
    pub(crate) age: f32,
    /// 0 female-typical, 1 male-typical.
    pub(crate) male: f32,
    /// Linear reflectance of the skin.
    pub(crate) skin: f32,
    pub(crate) shine: f32,
    pub(crate) freckles: f32,
    pub(crate) half_width: f32,
    pub(crate) crown: f32,
    pub(crate) chin: f32,
    /// Exponent of the jaw's outline: low is pointed, high is square.
    pub(crate) jaw: f32,
    pub(crate) chin_boss: f32,
    pub(crate) cheekbone: f32,
    pub(crate) cheek_full: f32,
    pub(crate) eye_x: f32,
    pub(crate) eye_half_width: f32,
    pub(crate) eye_upper: f32,
    pub(crate) eye_lower: f32,
    pub(crate) eye_tilt: f32,
    pub(crate) lid_fold: f32,
    pub(crate) socket: f32,
    pub(crate) iris: f32,
    pub(crate) lashes: f32,
    pub(crate) brow_y: f32,
    pub(crate) brow_inner: f32,
    pub(crate) brow_arch: f32,
    pub(crate) brow_tilt: f32,
    pub(crate) brow_thick: f32,
    pub(crate) brow_dense: f32,
    pub(crate) brow_ridge: f32,
    pub(crate) nose_base: f32,
    pub(crate) nose_width: f32,
    pub(crate) nose_height: f32,
    pub(crate) nose_bridge: f32,
    pub(crate) mouth_y: f32,
    pub(crate) mouth_half_width: f32,
    pub(crate) mouth_corner: f32,
    pub(crate) lip_upper: f32,
    pub(crate) lip_lower: f32,
    pub(crate) lip_tone: f32,
    pub(crate) cupid: f32,
    pub(crate) teeth: f32,
    pub(crate) hair_style: HairStyle,
    pub(crate) hair_tone: f32,
    pub(crate) hairline: f32,
    pub(crate) hair_volume: f32,
    pub(crate) parting: f32,
    pub(crate) beard: f32,
    pub(crate) ear: f32,
    pub(crate) neck: f32,
    pub(crate) cloth: f32,
    /// Depth of lines at rest: forehead, glabella, under the eyes, nasolabial.
    pub(crate) lines: [f32; 4],
    /// How deeply this skin folds when it moves.
    pub(crate) folding: f32,
    /// Small displacements of brow, eye, corner of the mouth and cheek, image left then right.
    pub(crate) asymmetry: [[f32; 4]; 2],
    /// How far this person moves each action unit (order of [`AUS`]).
    pub(crate) gains: [f32; AUS.len()],
    /// How much more of each unit the picture's left half shows than the right, as a share of the mean.
    pub(crate) lateral: [f32; AUS.len()],
}

impl Identity {
    /// Draws person number `subject` of the population that `seed` stands for; the same pair is the same person.
    pub fn draw(seed: u64, subject: u64) -> Self {
        let rng = &mut keyed(seed, Purpose::Identity, subject, 0);
        let male = if rng.chance(0.5) {
            rng.within(0.6, 1.0)
        } else {
            rng.within(0.0, 0.35)
        };
        let age = rng.within(0.0, 1.0).powf(1.5);
        let skin = draw_skin(rng);
        let mut person = Self {
            texture: rng.random(),
            age,
            male,
            skin,
            shine: rng.within(0.35, 1.0),
            freckles: if skin > 0.3 && rng.chance(0.25) {
                rng.within(0.3, 1.0)
            } else {
                0.0
            },
            half_width: rng.around(2.12 + 0.08 * male, 0.10),
            crown: rng.around(3.28, 0.10),
            chin: rng.around(3.42 + 0.2 * male, 0.14),
            jaw: rng.around(2.0 + 0.55 * male, 0.22),
            chin_boss: rng.around(0.22 + 0.1 * male, 0.05),
            cheekbone: rng.around(0.20, 0.05),
            cheek_full: rng.around(-0.06 - 0.06 * age, 0.07),
            eye_x: rng.around(1.0, 0.04),
            eye_half_width: rng.around(0.46, 0.028),
            eye_upper: rng.around(0.182 - 0.015 * male - 0.018 * age, 0.018),
            eye_lower: rng.around(0.148, 0.014),
            eye_tilt: rng.around(0.03, 0.03),
            lid_fold: rng.around(0.10, 0.035).max(0.02),
            socket: rng.around(0.22 + 0.07 * male, 0.05),
            iris: if skin > 0.3 {
                rng.within(0.02, 0.16)
            } else {
                rng.within(0.02, 0.06)
            },
            lashes: rng.around(0.85 - 0.4 * male, 0.12),
            brow_y: rng.around(0.70 - 0.09 * male, 0.06),
            brow_inner: rng.around(0.43, 0.05),
            brow_arch: rng.around(0.18 - 0.07 * male, 0.045),
            brow_tilt: rng.around(0.03, 0.035),
            brow_thick: rng.around(0.115 + 0.05 * male, 0.022),
            brow_dense: rng.around(0.84 + 0.06 * male, 0.07),
            brow_ridge: rng.around(0.05 + 0.07 * male, 0.02),
            nose_base: rng.around(1.40 + 0.05 * male, 0.07),
            nose_width: rng.around(
                0.36 + 0.03 * male + 0.09 * (0.3 - skin).max(0.0) * 3.0,
                0.03,
            ),
            nose_height: rng.around(0.64 + 0.1 * male, 0.07),
            nose_bridge: rng.around(0.18 + 0.02 * male, 0.018),
            mouth_y: rng.around(0.69, 0.05),
            mouth_half_width: rng.around(0.77 + 0.04 * male, 0.055),
            mouth_corner: rng.around(-0.03, 0.028),
            lip_upper: rng.around(0.19 - 0.04 * male - 0.03 * age, 0.04),
            lip_lower: rng.around(0.27 - 0.04 * male - 0.03 * age, 0.045),
            lip_tone: rng.around(0.62, 0.08) + 0.15 * (0.3 - skin).max(0.0) / 0.3,
            cupid: rng.within(0.05, 0.28),
            teeth: rng.around(0.80, 0.07),
            hair_style: HairStyle::Short,
            hair_tone: 0.05,
            hairline: rng.around(2.0, 0.13),
            hair_volume: rng.within(0.06, 0.19),
            parting: rng.within(-0.8, 0.8),
            beard: 0.0,
            ear: rng.around(1.0, 0.12),
            neck: rng.around(1.22 + 0.28 * male, 0.07),
            cloth: rng.within(0.02, 0.75),
            lines: [0.0; 4],
            folding: rng.around(0.9 + 0.3 * age, 0.16),
            asymmetry: [[0.0; 4]; 2],
            gains: [1.0; AUS.len()],
            lateral: [0.0; AUS.len()],
        };
        person.draw_hair(rng);
        person.draw_age_and_ways(rng);
        person
    }

    fn draw_hair(&mut self, rng: &mut ChaCha8Rng) {
        use HairStyle::{Cropped, Fringe, Long, Receding, Short, TiedBack};
        let styles = if self.male > 0.5 {
            [Short, Short, Short, Receding, Cropped, Fringe]
        } else {
            [Long, Long, TiedBack, Fringe, Short, TiedBack]
        };
        self.hair_style = styles[rng.random_range(0..styles.len())];
        if self.hair_style == Receding {
            self.hairline += rng.within(0.15, 0.45);
        }
        let dark = rng.within(0.014, 0.06);
        let fair = rng.within(0.05, 0.35);
        self.hair_tone = if self.skin > 0.32 && rng.chance(0.5) {
            fair
        } else {
            dark
        };
        self.hair_tone += 0.3 * (self.age - 0.6).max(0.0) * rng.within(0.0, 1.0);
        if self.male > 0.5 && rng.chance(0.45) {
            self.beard = rng.within(0.15, 0.8);
        }
    }

    fn draw_age_and_ways(&mut self, rng: &mut ChaCha8Rng) {
        for line in &mut self.lines {
            *line = (rng.around(0.15 + 0.7 * self.age, 0.18)).clamp(0.0, 1.2);
        }
        for half in &mut self.asymmetry {
            for shift in half {
                *shift = rng.around(0.0, 0.018);
            }
        }
        for gain in &mut self.gains {
            *gain = rng.within(0.82, 1.15);
        }
        for tilt in &mut self.lateral {
            *tilt = rng.around(0.0, 0.06);
        }
    }
}

/// Linear reflectance: a mixture of fair, medium and dark skin as among CK+'s subjects (81% Euro-American, 13% Afro-American).
fn draw_skin(rng: &mut ChaCha8Rng) -> f32 {
    match rng.random_range(0..100) {
        0..=69 => rng.within(0.36, 0.58),
        70..=84 => rng.within(0.22, 0.36),
        _ => rng.within(0.07, 0.20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pair_is_the_same_person_and_others_differ() {
        let people: Vec<Identity> = (0..50).map(|subject| Identity::draw(3, subject)).collect();
        assert_eq!(people[7], Identity::draw(3, 7));
        assert_ne!(people[7], Identity::draw(4, 7));
        for (i, a) in people.iter().enumerate() {
            for b in &people[..i] {
                assert_ne!(a, b);
            }
        }
    }
}
