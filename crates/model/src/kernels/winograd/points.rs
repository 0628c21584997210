//! Winograd's short convolutions F(4, 5) in one dimension: 4 outputs of a 5-tap filter from 8 inputs by 8 products.
//!
//! The interpolation points are 0, ±1, ±2, ±1/2 and ∞ (Lavin and Gray, arXiv 1509.09308, section 4.1, for the form y =
//! Aᵀ[(G g) ⊙ (Bᵀ d)]). Each transform is defined next to its transpose, which the gradients need.

use pulp::Simd;

/// Inputs of a short convolution, which is also the number of its products.
pub(super) const INPUTS: usize = 8;
/// Its outputs.
pub(super) const OUTPUTS: usize = 4;
/// Its filter taps.
pub(super) const TAPS: usize = 5;

/// A linear map along one dimension, on registers of channels.
///
/// A trait rather than closures: only code that is always inlined uses its caller's vector instructions.
pub(super) trait Line<const FROM: usize, const TO: usize> {
    /// Whether the results of overlapping blocks are added up.
    const ADD: bool = false;

    fn apply<S: Simd>(simd: S, x: [S::f32s; FROM]) -> [S::f32s; TO];
}

/// Register arithmetic, to keep the formulas below readable.
#[derive(Clone, Copy)]
struct Lanes<S: Simd>(S);

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.add_f32s(a, b)
    }

    #[inline(always)]
    fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.sub_f32s(a, b)
    }

    /// `factor · a + b`.
    #[inline(always)]
    fn scaled(self, factor: f32, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.mul_add_e_f32s(self.0.splat_f32s(factor), a, b)
    }

    #[inline(always)]
    fn times(self, factor: f32, a: S::f32s) -> S::f32s {
        self.0.mul_f32s(self.0.splat_f32s(factor), a)
    }

    /// `a + b` and `a − b`: the even and odd powers at a point and at its negative.
    #[inline(always)]
    fn pair(self, a: S::f32s, b: S::f32s) -> (S::f32s, S::f32s) {
        (self.add(a, b), self.sub(a, b))
    }

    /// `Σ factor · term + rest`.
    #[inline(always)]
    fn sum(self, factors: [f32; 3], terms: [S::f32s; 3], rest: S::f32s) -> S::f32s {
        let rest = self.scaled(factors[0], terms[0], rest);
        let rest = self.scaled(factors[1], terms[1], rest);
        self.scaled(factors[2], terms[2], rest)
    }
}

/// Bᵀ d.
pub(super) struct Input;

impl Line<INPUTS, INPUTS> for Input {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, d: [S::f32s; INPUTS]) -> [S::f32s; INPUTS] {
        let l = Lanes(simd);
        let (one, minus_one) = l.pair(
            l.scaled(-4.25, d[4], l.add(d[2], d[6])),
            l.scaled(-4.25, d[3], l.add(d[1], d[5])),
        );
        let (two, minus_two) = l.pair(
            l.scaled(0.25, d[2], l.scaled(-1.25, d[4], d[6])),
            l.scaled(0.5, d[1], l.scaled(-2.5, d[3], l.times(2.0, d[5]))),
        );
        let (half, minus_half) = l.pair(
            l.scaled(4.0, d[2], l.scaled(-5.0, d[4], d[6])),
            l.scaled(2.0, d[1], l.scaled(-2.5, d[3], l.times(0.5, d[5]))),
        );
        let zero = l.scaled(5.25, l.sub(d[4], d[2]), l.sub(d[0], d[6]));
        let infinity = l.scaled(5.25, l.sub(d[3], d[5]), l.sub(d[7], d[1]));
        [
            zero, one, minus_one, two, minus_two, half, minus_half, infinity,
        ]
    }
}

/// B m, the transpose of [`Input`].
pub(super) struct InputTransposed;

impl Line<INPUTS, INPUTS> for InputTransposed {
    const ADD: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(simd: S, m: [S::f32s; INPUTS]) -> [S::f32s; INPUTS] {
        let l = Lanes(simd);
        let (even1, odd1) = l.pair(m[1], m[2]);
        let (even2, odd2) = l.pair(m[3], m[4]);
        let (even_half, odd_half) = l.pair(m[5], m[6]);
        let (evens, odds) = ([even1, even2, even_half], [odd1, odd2, odd_half]);
        [
            m[0],
            l.sum([1.0, 0.5, 2.0], odds, l.times(-1.0, m[7])),
            l.sum([1.0, 0.25, 4.0], evens, l.times(-5.25, m[0])),
            l.sum([-4.25, -2.5, -2.5], odds, l.times(5.25, m[7])),
            l.sum([-4.25, -1.25, -5.0], evens, l.times(5.25, m[0])),
            l.sum([1.0, 2.0, 0.5], odds, l.times(-5.25, m[7])),
            l.sum([1.0, 1.0, 1.0], evens, l.times(-1.0, m[0])),
            m[7],
        ]
    }
}

/// Aᵀ m.
pub(super) struct Output;

impl Line<INPUTS, OUTPUTS> for Output {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, m: [S::f32s; INPUTS]) -> [S::f32s; OUTPUTS] {
        let l = Lanes(simd);
        let (even1, odd1) = l.pair(m[1], m[2]);
        let (even2, odd2) = l.pair(m[3], m[4]);
        let (even_half, odd_half) = l.pair(m[5], m[6]);
        [
            l.add(l.add(m[0], even1), l.add(even2, even_half)),
            l.scaled(0.5, odd_half, l.scaled(2.0, odd2, odd1)),
            l.scaled(0.25, even_half, l.scaled(4.0, even2, even1)),
            l.scaled(0.125, odd_half, l.scaled(8.0, odd2, l.add(odd1, m[7]))),
        ]
    }
}

/// A y, the transpose of [`Output`].
pub(super) struct OutputTransposed;

impl Line<OUTPUTS, INPUTS> for OutputTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, y: [S::f32s; OUTPUTS]) -> [S::f32s; INPUTS] {
        let l = Lanes(simd);
        let (one, minus_one) = l.pair(l.add(y[0], y[2]), l.add(y[1], y[3]));
        let (two, minus_two) = l.pair(
            l.scaled(4.0, y[2], y[0]),
            l.scaled(8.0, y[3], l.times(2.0, y[1])),
        );
        let (half, minus_half) = l.pair(
            l.scaled(0.25, y[2], y[0]),
            l.scaled(0.125, y[3], l.times(0.5, y[1])),
        );
        [y[0], one, minus_one, two, minus_two, half, minus_half, y[3]]
    }
}

/// G, `[8, 5]`: row `scale · [1, p, p², p³, p⁴]` for each point p, and `[0, 0, 0, 0, 1]` for ∞.
const G: [[f32; TAPS]; INPUTS] = [
    row(1.0, 0.0),
    row(-2.0 / 9.0, 1.0),
    row(-2.0 / 9.0, -1.0),
    row(1.0 / 90.0, 2.0),
    row(1.0 / 90.0, -2.0),
    row(32.0 / 45.0, 0.5),
    row(32.0 / 45.0, -0.5),
    [0.0, 0.0, 0.0, 0.0, 1.0],
];

const fn row(scale: f32, p: f32) -> [f32; TAPS] {
    let (square, cube) = (p * p, p * p * p);
    [
        scale,
        scale * p,
        scale * square,
        scale * cube,
        scale * cube * p,
    ]
}

/// G g.
pub(super) struct Filter;

impl Line<TAPS, INPUTS> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, g: [S::f32s; TAPS]) -> [S::f32s; INPUTS] {
        let l = Lanes(simd);
        let mut out = [simd.splat_f32s(0.0); INPUTS];
        for (out, weights) in out.iter_mut().zip(&G) {
            for (g, weight) in g.iter().zip(weights) {
                *out = l.scaled(*weight, *g, *out);
            }
        }
        out
    }
}

/// Gᵀ u, the transpose of [`Filter`].
pub(super) struct FilterTransposed;

impl Line<INPUTS, TAPS> for FilterTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, u: [S::f32s; INPUTS]) -> [S::f32s; TAPS] {
        let l = Lanes(simd);
        let mut out = [simd.splat_f32s(0.0); TAPS];
        for (u, weights) in u.iter().zip(&G) {
            for (out, weight) in out.iter_mut().zip(weights) {
                *out = l.scaled(*weight, *u, *out);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Scalar;

    const D: [f32; INPUTS] = [0.3, -1.2, 0.7, 2.0, -0.4, 1.1, -0.9, 0.5];
    const TAP_WEIGHTS: [f32; TAPS] = [0.25, -0.5, 1.5, 0.75, -1.0];

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// ⟨L x, y⟩ = ⟨x, Lᵀ y⟩.
    fn transposes<const N: usize, const M: usize, L: Line<N, M>, T: Line<M, N>>() {
        let x: [f32; N] = std::array::from_fn(|i| (i as f32 * 1.7).sin());
        let y: [f32; M] = std::array::from_fn(|i| (i as f32 * 0.9 + 1.0).cos());
        let difference = dot(&L::apply(Scalar, x), &y) - dot(&x, &T::apply(Scalar, y));
        assert!(difference.abs() < 1e-4, "{difference}");
    }

    #[test]
    fn the_three_transforms_make_a_correlation() {
        let (d, g) = (Input::apply(Scalar, D), Filter::apply(Scalar, TAP_WEIGHTS));
        let y = Output::apply(Scalar, std::array::from_fn(|i| d[i] * g[i]));
        for (i, got) in y.iter().enumerate() {
            let expected = dot(&D[i..i + TAPS], &TAP_WEIGHTS);
            assert!((got - expected).abs() < 1e-5, "{y:?}");
        }
    }

    #[test]
    fn transposes_have_the_same_inner_products() {
        transposes::<8, 8, Input, InputTransposed>();
        transposes::<8, 4, Output, OutputTransposed>();
        transposes::<5, 8, Filter, FilterTransposed>();
    }
}
