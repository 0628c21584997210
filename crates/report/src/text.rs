//! Numbers as people read them.

/// `0.8734` as `87.3%`.
pub(crate) fn percent(share: f64) -> String {
    match share.is_finite() {
        true => format!("{:.1}%", 100.0 * share),
        false => "not a number".to_owned(),
    }
}

/// A share as percent, or a dash.
pub(crate) fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), percent)
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

/// A number with `digits` decimals, or a dash.
pub(crate) fn decimal_or_dash(value: Option<f64>, digits: usize) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("{value:.digits$}"),
        None => "–".to_owned(),
    }
}

/// `0.31 to 0.52`, or a dash.
pub(crate) fn interval_or_dash(ends: Option<(f64, f64)>, digits: usize) -> String {
    match ends.filter(|(low, high)| low.is_finite() && high.is_finite()) {
        Some((low, high)) => format!("{low:.digits$} to {high:.digits$}"),
        None => "–".to_owned(),
    }
}

/// `88.9% to 94.1%`, or a dash.
pub(crate) fn percent_interval(ends: Option<(f64, f64)>) -> String {
    ends.map_or("–".to_owned(), |(low, high)| {
        format!("{} to {}", percent(low), percent(high))
    })
}

/// A p or q value: `0.043`, `0.0002`, `< 0.0001`, or a dash.
pub(crate) fn p_or_dash(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        None => "–".to_owned(),
        Some(p) if p < 0.0001 => "< 0.0001".to_owned(),
        Some(p) if p < 0.001 => format!("{p:.4}"),
        Some(p) => format!("{p:.3}"),
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

/// `1 filter`, `2 filters`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_readable() {
        assert_eq!(super::percent(0.8734), "87.3%");
        assert_eq!(super::percent(f64::NAN), "not a number");
        assert_eq!(super::duration(59.44), "59.4 s");
        assert_eq!(super::duration(245.0), "4 min 5 s");
        assert_eq!(super::duration(10_930.0), "3 h 2 min");
        assert_eq!(super::p_or_dash(Some(0.00004)), "< 0.0001");
        assert_eq!(super::p_or_dash(Some(0.0004)), "0.0004");
        assert_eq!(super::interval_or_dash(Some((0.1, f64::NAN)), 2), "–");
        assert_eq!(
            super::percent_interval(Some((0.889, 0.941))),
            "88.9% to 94.1%"
        );
        assert_eq!(
            super::list(&["a", "b", "c"].map(str::to_owned)),
            "a, b and c"
        );
    }
}
