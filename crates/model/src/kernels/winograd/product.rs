//! Matrix products on panels of channels, on one thread.

use pulp::{Simd, WithSimd};

use crate::kernels::buffer::{PANEL, Row};

/// C = A · B. A matrix is stored by panels of 32 columns, each of them by rows.
pub(super) struct Product<'a> {
    pub a: &'a [Row],
    /// As many rows as `a` has columns.
    pub b: &'a [Row],
    pub c: &'a mut [Row],
    /// Rows of A and C.
    pub rows: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let depth = self.a.len() / self.rows * PANEL;
        let panels = self.b.chunks_exact(depth);
        for (b, c) in panels.zip(self.c.chunks_exact_mut(self.rows)) {
            // As many sums as fit into registers: 24 of 32 with AVX-512, 12 of 16 with AVX2.
            match S::F32_LANES {
                16 => panel_product::<S, 12>(simd, self.a, b, c),
                _ => panel_product::<S, 6>(simd, self.a, b, c),
            }
        }
    }
}

#[inline(always)]
fn panel_product<S: Simd, const ROWS: usize>(simd: S, a: &[Row], b: &[Row], c: &mut [Row]) {
    let mut row = 0;
    while row + ROWS <= c.len() {
        rows_product::<S, ROWS>(simd, a, row, b, c);
        row += ROWS;
    }
    while row < c.len() {
        rows_product::<S, 1>(simd, a, row, b, c);
        row += 1;
    }
}

/// `ROWS` rows of one panel of C, two registers of columns at a time.
#[inline(always)]
fn rows_product<S: Simd, const ROWS: usize>(
    simd: S,
    a: &[Row],
    row: usize,
    b: &[Row],
    c: &mut [Row],
) {
    for column in (0..PANEL / S::F32_LANES).step_by(2) {
        let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
        for (a, b) in a.chunks_exact(c.len()).zip(b.chunks_exact(PANEL)) {
            let a = &a[row..row + ROWS];
            for (k, b) in b.iter().enumerate() {
                let b = S::as_simd_f32s(&b.0).0;
                let (b0, b1) = (b[column], b[column + 1]);
                for (sums, a) in sums.iter_mut().zip(a) {
                    let x = simd.splat_f32s(a.0[k % PANEL]);
                    sums[0] = simd.mul_add_e_f32s(x, b0, sums[0]);
                    sums[1] = simd.mul_add_e_f32s(x, b1, sums[1]);
                }
            }
        }
        for (c, sums) in c[row..row + ROWS].iter_mut().zip(sums) {
            let c = S::as_mut_simd_f32s(&mut c.0).0;
            [c[column], c[column + 1]] = sums;
        }
    }
}

/// C += Aᵀ · B, summing over the rows of A and B.
pub(super) struct TransposedProduct<'a> {
    pub a: &'a [Row],
    pub b: &'a [Row],
    /// As many rows as `a` has columns.
    pub c: &'a mut [Row],
    /// Rows of A and B.
    pub rows: usize,
}

impl WithSimd for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let columns = self.a.len() / self.rows * PANEL;
        let panels = self.b.chunks_exact(self.rows);
        for (b, c) in panels.zip(self.c.chunks_exact_mut(columns)) {
            let panels = self.a.chunks_exact(self.rows);
            for (a, c) in panels.zip(c.chunks_exact_mut(PANEL)) {
                match S::F32_LANES {
                    16 => add_outer::<S, 8>(simd, a, b, c),
                    _ => add_outer::<S, 4>(simd, a, b, c),
                }
            }
        }
    }
}

/// 32 × 32 of C.
#[inline(always)]
fn add_outer<S: Simd, const ROWS: usize>(simd: S, a: &[Row], b: &[Row], c: &mut [Row]) {
    for (group, c) in c.chunks_exact_mut(ROWS).enumerate() {
        for column in (0..PANEL / S::F32_LANES).step_by(2) {
            let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
            for (a, b) in a.iter().zip(b) {
                let a = &a.0.as_chunks::<ROWS>().0[group];
                let b = S::as_simd_f32s(&b.0).0;
                let (b0, b1) = (b[column], b[column + 1]);
                for (sums, a) in sums.iter_mut().zip(a) {
                    let x = simd.splat_f32s(*a);
                    sums[0] = simd.mul_add_e_f32s(x, b0, sums[0]);
                    sums[1] = simd.mul_add_e_f32s(x, b1, sums[1]);
                }
            }
            for (c, sums) in c.iter_mut().zip(sums) {
                let c = S::as_mut_simd_f32s(&mut c.0).0;
                c[column] = simd.add_f32s(c[column], sums[0]);
                c[column + 1] = simd.add_f32s(c[column + 1], sums[1]);
            }
        }
    }
}
