//! Working memory that a thread reuses.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// Channels stored together: two registers of AVX-512, four of AVX2.
pub(crate) const PANEL: usize = 32;

/// 32 channels of one pixel, tile or filter, at the start of a cache line.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Row(pub [f32; PANEL]);

/// Maximum number of buffers that a thread keeps.
const KEPT: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Vec<Row>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers for one step. Its memory returns to its thread for the next step: fresh pages would cost a tenth of each step.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// At least as many as needed.
    rows: Vec<Row>,
    len: usize,
}

impl Buffer {
    /// `len` numbers, zero or left over from earlier use: to be written before they are read.
    pub fn of(len: usize) -> Self {
        let wanted = len.div_ceil(PANEL);
        let mut rows = FREE.with_borrow_mut(|free| {
            let fits = (0..free.len()).filter(|&i| free[i].len() >= wanted);
            let smallest = fits.min_by_key(|&i| free[i].len());
            smallest.map(|i| free.swap_remove(i)).unwrap_or_default()
        });
        if rows.len() < wanted {
            rows.resize(wanted, Row::zeroed());
        }
        Self { rows, len }
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::of(len);
        buffer.fill(0.0);
        buffer
    }

    /// A copy of `values`.
    pub fn copy_of(values: &[f32]) -> Self {
        let mut buffer = Self::of(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// The numbers by 32; the last row may reach beyond them.
    pub fn rows(&self) -> &[Row] {
        &self.rows[..self.len.div_ceil(PANEL)]
    }

    /// See [`Buffer::rows`].
    pub fn rows_mut(&mut self) -> &mut [Row] {
        &mut self.rows[..self.len.div_ceil(PANEL)]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        // A thread that ends frees its buffers.
        let _ = FREE.try_with(|free| match free.try_borrow_mut() {
            Ok(mut free) if free.len() < KEPT && !rows.is_empty() => free.push(rows),
            _ => {}
        });
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.rows)[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.rows)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_zeros_are_zeros() {
        let mut first = Buffer::of(1000);
        first.fill(3.0);
        let place = first.as_ptr();
        drop(first);
        let second = Buffer::zeros(900);
        assert_eq!(second.as_ptr(), place);
        assert_eq!(second.len(), 900);
        assert!(second.iter().all(|&x| x == 0.0));
        assert_eq!(second.as_ptr() as usize % 64, 0);
        drop(second);
        // Empty buffers do not take up its slots.
        (0..2 * KEPT).for_each(|_| drop(Buffer::default()));
        assert_eq!(Buffer::of(1000).as_ptr(), place);
    }
}
