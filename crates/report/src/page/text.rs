//! Numbers and lists for display; a dash means no number.

use std::fmt::Display;

pub(crate) use faus_base::text::counted as count;
use serde_json::Value;

use crate::run::value::{au, au_label};

/// A dash for a missing value.
pub(crate) fn or_dash(value: Option<impl Display>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

/// `0.8734` as `87.3%`.
pub(crate) fn percent(share: impl Into<Option<f64>>) -> String {
    let share = share.into().filter(|share| share.is_finite());
    or_dash(share.map(|share| format!("{:.1}%", 100.0 * share)))
}

/// A number with `digits` decimals.
pub(crate) fn decimal(value: impl Into<Option<f64>>, digits: usize) -> String {
    let value = value.into().filter(|value| value.is_finite());
    or_dash(value.map(|value| format!("{value:.digits$}")))
}

/// A p or q value: `0.043`, `0.0002`, `< 0.0001`.
pub(crate) fn p_value(value: impl Into<Option<f64>>) -> String {
    match value.into() {
        Some(p) if p < 0.0001 => "< 0.0001".to_owned(),
        Some(p) if p < 0.001 => decimal(p, 4),
        p => decimal(p, 3),
    }
}

/// `p = 0.043` or `p < 0.0001`.
pub(crate) fn p_equals(value: Option<f64>) -> String {
    match p_value(value) {
        small if small.starts_with('<') => format!("p {small}"),
        p => format!("p = {p}"),
    }
}

/// The p of a difference between networks: `0.043`, or `< 0.002` where the resamplings do not reach further.
pub(crate) fn gap_p(gap: &Value) -> String {
    let bound = when(gap["p_is_bound"] == true, "< ");
    format!("{bound}{}", p_value(gap["p"].as_f64()))
}

/// `0.31 to 0.52`.
pub(crate) fn interval(ends: Option<(f64, f64)>, digits: usize) -> String {
    or_dash(ends.map(|(low, high)| format!("{low:.digits$} to {high:.digits$}")))
}

/// `88.9% to 94.1%`.
pub(crate) fn percent_interval(ends: Option<(f64, f64)>) -> String {
    or_dash(ends.map(|(low, high)| format!("{} to {}", percent(low), percent(high))))
}

/// How intervals of shares are computed, for captions.
pub(crate) const SHARE_CI: &str = "95% confidence intervals (CI) from a bootstrap over people; where that would end at 0 or 100%, Wilson’s interval, marked so in the table";

/// `, 95% CI 0.31 to 0.52` after `before`; empty without an interval.
pub(crate) fn ci(before: &str, ends: Option<(f64, f64)>, digits: usize) -> String {
    ends.map(|_| format!("{before}95% CI {}", interval(ends, digits)))
        .unwrap_or_default()
}

/// `; 95% CI over people 88.9% to 94.1%` after `before`; empty without an interval.
pub(crate) fn percent_ci(before: &str, ends: Option<(f64, f64)>) -> String {
    ends.map(|_| format!("{before}95% CI over people {}", percent_interval(ends)))
        .unwrap_or_default()
}

/// The text, if `given`.
pub(crate) fn when(given: bool, text: &str) -> &str {
    if given { text } else { "" }
}

/// `12.3 s`, `4 min 5 s` or `3 h 2 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        _ if !seconds.is_finite() => "–".to_owned(),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The action unit of a row with the number of its filters: `AU 12 lip corner puller (3 filters)`.
pub(crate) fn filters_of(row: &Value) -> String {
    let filters = row["filters"].as_u64().unwrap_or(0);
    format!("{} ({})", au_label(au(row)), count(filters, "filter"))
}

/// `0.05` as `5%`.
pub(crate) fn level(share: f64) -> String {
    format!("{}%", (1000.0 * share).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(percent(0.8734), "87.3%");
        assert_eq!((percent(f64::NAN), percent(None)), ("–".into(), "–".into()));
        assert_eq!(duration(59.44), "59.4 s");
        assert_eq!(duration(245.0), "4 min 5 s");
        assert_eq!(duration(10_930.0), "3 h 2 min");
        assert_eq!(p_value(0.00004), "< 0.0001");
        assert_eq!(p_value(0.0004), "0.0004");
        assert_eq!(p_value(f64::NAN), "–");
        assert_eq!(p_equals(Some(0.5)), "p = 0.500");
        assert_eq!(interval(None, 2), "–");
        assert_eq!(percent_interval(Some((0.889, 0.941))), "88.9% to 94.1%");
        assert_eq!(list(&["a", "b", "c"].map(str::to_owned)), "a, b and c");
        assert_eq!(level(0.05), "5%");
        assert_eq!(ci(", ", Some((0.1, 0.2)), 1), ", 95% CI 0.1 to 0.2");
        assert_eq!(
            (percent_ci("", None), when(false, "a")),
            (String::new(), "")
        );
    }
}
