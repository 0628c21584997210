//! The bars of the first screen: named filters beside untrained networks and exchanged codes.

use serde_json::Value;

use super::text::count;
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::csv;
use crate::run::value::list;

/// The counts, and the number of networks and exchanges behind each bar.
pub(super) fn caption(within: &Value) -> String {
    let [starts, exchanges] = ["starts", "au_shuffled"].map(|key| list(&within[key]).len());
    format!(
        "Filters that the program names after an action unit, and those of them that follow their unit among images of one expression too. Bars with a line: mean and range of {} and of {}.",
        count(starts, "untrained network"),
        count(exchanges, "exchange") + " of the codes"
    )
}

/// Counts of named filters in the trained network, in untrained ones and with exchanged codes.
pub(super) fn bars(within: &Value) -> Forest<'static> {
    let rows = [
        ("named after a unit", "named"),
        ("follow it within one expression", "within_holds"),
    ];
    let networks = ["trained", "starts", "au_shuffled"];
    let bar = |network: &str, key: &str| {
        let of = &within[network];
        let counts: Vec<f64> = match of.as_array() {
            Some(each) => each.iter().filter_map(|one| one[key].as_f64()).collect(),
            None => of[key].as_f64().into_iter().collect(),
        };
        let least = counts.iter().copied().reduce(f64::min)?;
        let most = counts.iter().copied().reduce(f64::max)?;
        Some((faus_base::order::mean(&counts), least, most))
    };
    let lines = rows.iter().flat_map(|(label, key)| {
        let line = |(series, network): (usize, &&str)| {
            let (mean, least, most) = bar(network, key)?;
            let range = (series > 0).then_some((least, most));
            Some(Line::of(series, Some(mean), range))
        };
        labelled(
            (*label).to_owned(),
            networks.iter().enumerate().filter_map(line),
        )
    });
    let numbers = rows.iter().flat_map(|(_, key)| {
        networks.iter().filter_map(move |network| {
            let (mean, least, most) = bar(network, key)?;
            Some((*key, *network, mean, least, most))
        })
    });
    let csv = csv("count,network,mean,least,most", numbers);
    let lines = Vec::from_iter(lines);
    let largest = lines
        .iter()
        .filter_map(|line| Some(line.interval?.1.max(line.value?)));
    let trained = lines.iter().filter_map(|line| line.value);
    Forest {
        name: "named-filters",
        alt: "Named filters of the trained network, of untrained ones, and with exchanged codes",
        axis: "filters",
        ends: (0.0, largest.chain(trained).fold(1.0, f64::max)),
        bars: true,
        series: vec!["trained network", "untrained networks", "exchanged codes"],
        lines,
        csv,
        ..Forest::default()
    }
}
