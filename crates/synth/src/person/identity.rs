//! The generative model of a person.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::person::au::AUS;
use crate::random::{Draw, Purpose, keyed};

/// Hairstyle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HairStyle {
    #[default]
    Short,
    Long,
    TiedBack,
    Fringe,
    Receding,
    Cropped,
}

/// A person: head, features, skin, hair, lines of age and personal movement.
///
/// Lengths are in half interocular distances (about 31 mm), x outwards, y down from the line of the pupils. Means and
/// spreads are our choice after common adult facial proportions; age and sex shift them together, so that brow, jaw,
/// lips, hair and lines are correlated as in people. [`Identity::draw`] makes one; `default` is all zeros, which is not
/// a valid person.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// Width of the forehead, of the jaw at its angles and of the chin, as shares of `half_width`.
    pub(crate) forehead: f32,
    pub(crate) jaw: f32,
    pub(crate) chin_width: f32,
    pub(crate) chin_boss: f32,
    pub(crate) cheekbone: f32,
    pub(crate) cheek_full: f32,
    pub(crate) eye_x: f32,
    pub(crate) eye_half_width: f32,
    pub(crate) eye_upper: f32,
    pub(crate) eye_lower: f32,
    pub(crate) eye_tilt: f32,
    /// How far inside the middle of the eye the upper lid is highest.
    pub(crate) eye_peak: f32,
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
    /// Radius of the tip, and how far the tip lies above the base.
    pub(crate) nose_ball: f32,
    pub(crate) nose_turn: f32,
    /// Bulge of the bridge's bone.
    pub(crate) nose_hump: f32,
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
    /// Depth of wrinkles when the skin moves.
    pub(crate) folding: f32,
    /// Small displacements of brow, eye, corner of the mouth and cheek, image left then right.
    pub(crate) asymmetry: [[f32; 4]; 2],
    /// This person's gain for each action unit (order of [`AUS`]).
    pub(crate) gains: [f32; AUS.len()],
    /// Left-right asymmetry of each unit (picture's left minus right), as a share of the mean.
    pub(crate) lateral: [f32; AUS.len()],
}

impl Identity {
    /// Draws person number `subject` of population `seed`; the same pair is the same person.
    pub fn draw(seed: u64, subject: u64) -> Self {
        let rng = &mut keyed(seed, Purpose::Identity, subject, 0);
        let mut person = Self::default();
        // Changing the order of the draws changes the version of the pictures.
        person.draw_kind_and_head(rng);
        person.draw_eyes_and_brows(rng);
        person.draw_nose_mouth_and_build(rng);
        person.draw_hair_and_ways(rng);
        person
    }

    fn draw_kind_and_head(&mut self, rng: &mut ChaCha8Rng) {
        let man = rng.chance(0.5);
        let (low, high) = if man { (0.6, 1.0) } else { (0.0, 0.35) };
        self.male = rng.within(low, high);
        self.age = rng.within(0.0, 1.0).powf(1.5);
        // Fair, medium and dark as among CK+'s subjects (81% Euro-American, 13% Afro-American).
        self.skin = match rng.random_range(0..100) {
            0..=69 => rng.within(0.36, 0.58),
            70..=84 => rng.within(0.22, 0.36),
            _ => rng.within(0.07, 0.20),
        };
        self.texture = rng.random();
        self.shine = rng.within(0.35, 1.0);
        if self.skin > 0.3 && rng.chance(0.25) {
            self.freckles = rng.within(0.3, 1.0);
        }
        let male = self.male;
        self.half_width = rng.around(2.10 + 0.08 * male, 0.13);
        self.crown = rng.around(3.30, 0.10);
        self.chin = rng.around(3.36 + 0.2 * male, 0.18);
        self.forehead = rng.around(0.97, 0.04);
        self.jaw = rng.around(0.79 + 0.05 * male, 0.055);
        self.chin_width = rng.around(0.53 + 0.07 * male, 0.065) + 0.5 * (self.jaw - 0.8);
        self.chin_boss = rng.around(0.20 + 0.08 * male, 0.06);
        self.cheekbone = rng.around(0.17, 0.065);
        self.cheek_full = rng.around(-0.04 - 0.06 * self.age, 0.065);
    }

    fn draw_eyes_and_brows(&mut self, rng: &mut ChaCha8Rng) {
        let male = self.male;
        self.eye_x = rng.around(1.0, 0.04);
        self.eye_half_width = rng.around(0.47, 0.032);
        self.eye_upper = rng.around(0.186 - 0.015 * male - 0.018 * self.age, 0.022);
        self.eye_lower = rng.around(0.135, 0.016);
        self.eye_tilt = rng.around(0.035, 0.04);
        self.eye_peak = rng.around(0.12, 0.14);
        self.lid_fold = rng.around(0.09, 0.05).max(0.0);
        self.socket = rng.around(0.22 + 0.07 * male, 0.05);
        self.iris = rng.within(0.02, if self.skin > 0.3 { 0.16 } else { 0.06 });
        self.lashes = rng.around(0.85 - 0.4 * male, 0.12);
        self.brow_y = rng.around(0.70 - 0.09 * male, 0.06);
        self.brow_inner = rng.around(0.43, 0.05);
        self.brow_arch = rng.around(0.18 - 0.07 * male, 0.055);
        self.brow_tilt = rng.around(0.03, 0.045);
        self.brow_thick = rng.around(0.12 + 0.06 * male, 0.028);
        self.brow_dense = rng.around(0.84 + 0.06 * male, 0.07);
        self.brow_ridge = rng.around(0.05 + 0.07 * male, 0.02);
    }

    fn draw_nose_mouth_and_build(&mut self, rng: &mut ChaCha8Rng) {
        let (male, age) = (self.male, self.age);
        let dark = (0.3 - self.skin).max(0.0);
        self.nose_base = rng.around(1.36 + 0.06 * male, 0.10);
        self.nose_width = rng.around(0.37 + 0.03 * male + 0.27 * dark, 0.04);
        self.nose_height = rng.around(0.52 + 0.08 * male, 0.08);
        self.nose_bridge = rng.around(0.20 + 0.02 * male + 0.15 * dark, 0.025);
        self.nose_ball = rng.around(0.20 + 0.02 * male, 0.035);
        self.nose_turn = rng.around(0.22, 0.045);
        self.nose_hump = rng.around(0.0, 0.05).max(0.0);
        self.mouth_y = rng.around(0.69, 0.05);
        self.mouth_half_width = rng.around(0.77 + 0.04 * male, 0.07);
        self.mouth_corner = rng.around(-0.012, 0.028);
        self.lip_upper = rng.around(0.19 - 0.04 * male - 0.03 * age + 0.2 * dark, 0.045);
        self.lip_lower = rng.around(0.26 - 0.04 * male - 0.03 * age + 0.2 * dark, 0.05);
        self.lip_tone = rng.around(0.62 + 0.10 * male, 0.07) + 0.15 * dark / 0.3;
        self.cupid = rng.within(0.05, 0.28);
        self.teeth = rng.around(0.80, 0.07);
        self.hairline = rng.around(1.92, 0.15);
        self.hair_volume = rng.within(0.08, 0.32);
        self.parting = rng.within(-0.8, 0.8);
        self.ear = rng.around(1.0, 0.12);
        self.neck = rng.around(1.22 + 0.28 * male, 0.07);
        self.cloth = rng.within(0.02, 0.75);
        self.folding = rng.around(0.9 + 0.3 * age, 0.16);
    }

    fn draw_hair_and_ways(&mut self, rng: &mut ChaCha8Rng) {
        use HairStyle::{Cropped, Fringe, Long, Receding, Short, TiedBack};
        let styles = match self.male > 0.5 {
            true => [Short, Short, Short, Receding, Cropped, Fringe],
            false => [Long, Long, TiedBack, Fringe, Short, TiedBack],
        };
        self.hair_style = styles[rng.random_range(0..styles.len())];
        if self.hair_style == Receding {
            self.hairline += rng.within(0.15, 0.45);
        }
        let (dark, fair) = (rng.within(0.014, 0.06), rng.within(0.05, 0.35));
        let is_fair = self.skin > 0.32 && rng.chance(0.5);
        let grey = 0.3 * (self.age - 0.6).max(0.0) * rng.within(0.0, 1.0);
        // Exposure brightens dark skin, and hair with it.
        let dark = dark * (self.skin / 0.36).clamp(0.3, 1.0);
        self.hair_tone = if is_fair { fair } else { dark } + grey;
        if self.male > 0.5 && rng.chance(0.45) {
            self.beard = rng.within(0.15, 0.8);
        }
        let lines = 0.15 + 0.7 * self.age;
        self.lines = [0.0; 4].map(|_| rng.around(lines, 0.18).clamp(0.0, 1.2));
        self.asymmetry = [[0.0; 4]; 2].map(|half| half.map(|_| rng.around(0.0, 0.022)));
        self.gains = std::array::from_fn(|_| rng.within(0.82, 1.15));
        self.lateral = std::array::from_fn(|_| rng.around(0.0, 0.06));
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
