//! The bars of the first screen: named filters beside untrained networks and exchanged codes.

use serde_json::Value;

use super::text::count;
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::csv;
use crate::run::value::list;

/// Key and name of each count.
const COUNTS: [(&str, &str); 2] = [
    ("named", "named after a unit"),
    ("within_holds", "follow it within one expression"),
];
/// Key of each kind of network.
const NETWORKS: [&str; 3] = ["trained", "starts", "au_shuffled"];

/// The counts, and the number of networks and exchanges behind each bar.
pub(super) fn caption(within: &Value) -> String {
    let [starts, exchanges] = ["starts", "au_shuffled"].map(|key| list(&within[key]).len());
    format!(
        "Filters that the program names after an action unit (their response is related to it beyond chance), and those of them that follow their unit among images of one expression too. Bars with a line: mean and range of {} and of {}.",
        count(starts, "untrained network"),
        count(exchanges, "exchange") + " of the codes"
    )
}

/// Mean, least and most of a count over the networks of one kind.
fn spread(networks: &Value, key: &str) -> Option<(f64, f64, f64)> {
    let each = networks
        .as_array()
        .map_or(std::slice::from_ref(networks), Vec::as_slice);
    let counts = each.iter().filter_map(|network| network[key].as_f64());
    let counts: Vec<f64> = counts.collect();
    let least = counts.iter().copied().reduce(f64::min)?;
    let most = counts.iter().copied().reduce(f64::max)?;
    Some((faus_base::order::mean(&counts), least, most))
}

/// Counts of named filters in the trained network, in untrained ones and with exchanged codes.
pub(super) fn bars(within: &Value, called: &'static str) -> Forest<'static> {
    let lines = COUNTS.iter().flat_map(|(key, label)| {
        let line = |(series, network): (usize, &&str)| {
            let (mean, least, most) = spread(&within[*network], key)?;
            let range = (series > 0).then_some((least, most));
            Some(Line::of(series, Some(mean), range))
        };
        let lines = NETWORKS.iter().enumerate().filter_map(line);
        labelled((*label).to_owned(), lines)
    });
    let lines = Vec::from_iter(lines);
    let ends = |line: &Line| [line.value, line.interval.map(|ends| ends.1)];
    Forest {
        name: "named-filters",
        alt: "Named filters of the network, of untrained ones, and with exchanged codes",
        axis: "filters",
        ends: (
            0.0,
            lines.iter().flat_map(ends).flatten().fold(1.0, f64::max),
        ),
        bars: true,
        series: [
            called,
            "untrained networks",
            "codes exchanged between images",
        ]
        .into(),
        csv: numbers(within),
        lines,
        ..Forest::default()
    }
}

fn numbers(within: &Value) -> String {
    let rows = COUNTS.iter().flat_map(|(key, _)| {
        NETWORKS.iter().filter_map(move |network| {
            let spread = spread(&within[*network], key)?;
            Some((*key, *network, spread))
        })
    });
    csv("count,network,mean,least,most", rows)
}
