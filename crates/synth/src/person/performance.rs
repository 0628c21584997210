//! The course of one expression: from a face nearly at rest to the peak.

use faus_data::Expression;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::geometry::step;
use crate::person::au::{AUS, AuState, index_of};
use crate::person::expression::Coding;
use crate::random::Draw;

/// Strength of the levels "absent", A, B, C, D, E.
const STRENGTH: [f32; 6] = [0.0, 0.20, 0.40, 0.62, 0.82, 1.0];

/// Strengths of the coded units at the peak, and their course.
#[derive(Clone, Debug)]
pub(crate) struct Performance {
    peak: AuState,
    /// Faint activity, at most a tenth of E, in every frame, the neutral one included.
    residual: AuState,
    onset: f32,
    apex: f32,
    /// Onset delay of each unit relative to the first, as a share of the sequence.
    delay: [f32; AUS.len()],
}

impl Performance {
    /// `lateral` is the person's, `strength` the difficulty's.
    pub fn draw(
        coding: &Coding,
        emotion: Option<Expression>,
        lateral: &[f32; AUS.len()],
        strength: f32,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut peak = AuState::neutral();
        for &(au, level) in coding {
            let index = index_of(au).unwrap_or(0);
            let mean = strength * (STRENGTH[usize::from(level)] + rng.around(0.0, 0.05));
            let tilt = lateral[index] + rng.around(0.0, 0.08);
            let mut halves = [mean * (1.0 + tilt), mean * (1.0 - tilt)];
            if au == 14 && emotion == Some(Expression::Contempt) && rng.chance(0.65) {
                halves[usize::from(rng.chance(0.5))] *= rng.within(0.0, 0.25);
            }
            peak.set(index, halves);
        }
        // Up to three units, none of them opening or pursing the mouth.
        let mut residual = AuState::neutral();
        for _ in 0..3 {
            let index = rng.random_range(0..AUS.len() - 1);
            let faint = rng.within(0.0, 0.10);
            if !matches!(AUS[index], 16 | 26 | 27 | 18) {
                residual.set(index, [faint; 2]);
            }
        }
        Self {
            peak,
            residual,
            onset: rng.within(0.02, 0.35),
            apex: rng.within(0.78, 1.02),
            delay: std::array::from_fn(|_| rng.within(0.0, 0.2)),
        }
    }

    /// The face at frame `frame` (from 1) of `length`.
    pub fn at_frame(&self, frame: usize, length: usize) -> AuState {
        let time = (frame as f32 - 1.0) / (length as f32 - 1.0);
        let mut state = AuState::neutral();
        for (index, au) in AUS.into_iter().enumerate() {
            let rise = |t: f32| step(self.onset, self.apex, t - self.delay[index]);
            let share = rise(time) / rise(1.0);
            let at = |side| (share * self.peak.at(side, au)).max(self.residual.at(side, au));
            state.set(index, [at(0), at(1)]);
        }
        state
    }
}
