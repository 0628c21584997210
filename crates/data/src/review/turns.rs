//! The order of images on sheets, which show people rather than frames.

use std::collections::BTreeMap;

use crate::prepared::sample::Sample;

/// The rows, sorted by `K`; within each, every subject once before any appears again.
pub(super) fn in_turn<'a, K: Ord + Copy>(
    rows: impl IntoIterator<Item = (K, &'a Sample)>,
) -> impl Iterator<Item = (K, usize)> {
    let mut seen: BTreeMap<(K, i64), usize> = BTreeMap::new();
    let turn = |(key, sample): (K, &Sample)| {
        let turn = seen.entry((key, sample.subject)).or_default();
        *turn += 1;
        (key, *turn, sample.index)
    };
    let mut rows: Vec<_> = rows.into_iter().map(turn).collect();
    rows.sort_unstable();
    rows.into_iter().map(|(key, _, row)| (key, row))
}
