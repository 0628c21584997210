//! Words of the verdicts.

use std::fmt::Display;

/// `12, 25 and 26`, or `none`.
pub(crate) fn listed(aus: &[u8]) -> String {
    let numbers: Vec<String> = aus.iter().map(u8::to_string).collect();
    match numbers.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `no AU`, `AU 12`, `AUs 1, 2 and 5`.
pub(crate) fn aus(aus: &[u8]) -> String {
    match aus.len() {
        0 => "no AU".to_owned(),
        1 => format!("AU {}", listed(aus)),
        _ => format!("AUs {}", listed(aus)),
    }
}

pub(crate) use faus_base::text::counted;

/// `44 to 86`, the least and the most of some counts; one number where they are equal.
pub(crate) fn range<T: Ord + Display>(counts: &[T]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (least, _) => least.map_or("none".to_owned(), T::to_string),
    }
}
