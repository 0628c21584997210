//! Numbers and excerpts of label texts.

/// A whole number in `low..=high` that may be written as a float, as MATLAB does.
pub(crate) fn whole_number(text: &str, low: u8, high: u8) -> Option<u8> {
    let value: f64 = text.parse().ok()?;
    let inside = value.fract() == 0.0 && (f64::from(low)..=f64::from(high)).contains(&value);
    inside.then_some(value as u8)
}

/// At most 40 characters of a text that goes into a message.
pub(crate) fn brief(text: &str) -> String {
    let clean: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(41)
        .collect();
    if clean.chars().count() > 40 {
        clean.chars().take(40).collect::<String>() + "…"
    } else {
        clean
    }
}
