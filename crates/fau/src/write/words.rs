//! Words of the verdicts.

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

/// `1 fold`, `3 folds`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
