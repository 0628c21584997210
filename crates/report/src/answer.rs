//! The answer in plain sentences.

use crate::files::Gap;
use crate::results::{class_count, majority, mean_and_deviation};
use crate::run::Run;
use crate::text::{count, list, percent};
use crate::units::Units;

/// Up to three sentences: what the network can do, what its filters correspond to, what that is worth.
pub(crate) fn answer(run: &Run, units: &Result<Units, Gap>, layer: Option<&str>) -> Vec<String> {
    let mut sentences = vec![accuracy(run)];
    match units {
        Ok(units) if !units.filters.is_empty() => {
            sentences.push(correspondences(units, layer));
            sentences.push(
                "That alone is no evidence that the network learned action units: some unit has the largest KL for every \
                 filter, even for an untrained one, and no null distribution has been computed for this run."
                    .to_owned(),
            );
        }
        Ok(_) => {
            sentences.push("No filter corresponds to any action unit: all are constant.".to_owned())
        }
        Err(gap) => sentences.push(match gap.damage {
            Some(_) => format!(
                "Its filters' relation to action units is unknown: {} cannot be read.",
                gap.file
            ),
            None => "Its filters have not been compared with action units yet.".to_owned(),
        }),
    }
    sentences
}

fn accuracy(run: &Run) -> String {
    let Some(accuracy) = mean_and_deviation(run) else {
        return "The network's accuracy is not known yet: no fold has been summarised.".to_owned();
    };
    let Ok(summary) = &run.summary else {
        return String::new();
    };
    let tested = run.tested();
    let who = match run.subject_independent() {
        Some(true) => " of subjects it had never seen",
        _ => "",
    };
    let folds = match run.folds.len() {
        all if all > tested => format!("{tested} of {}", count(all, "test fold")),
        _ => count(tested, "test fold"),
    };
    let spread = match tested {
        1 => "",
        _ => " (mean ± standard deviation over folds)",
    };
    let mut sentence = format!(
        "Over {folds}, the network named the expression on {accuracy} of the test images{who}{spread}"
    );
    let guess = majority(summary).map(|share| {
        format!(
            "always naming the commonest class would be right on {}",
            percent(share)
        )
    });
    let chance = match class_count(summary) {
        0 => None,
        classes => Some(format!("guessing on {}", percent(1.0 / classes as f64))),
    };
    let baselines: Vec<String> = guess.into_iter().chain(chance).collect();
    if !baselines.is_empty() {
        sentence += &format!("; {}", list(&baselines));
    }
    sentence += ".";
    if run.subject_independent() == Some(false) {
        sentence += " The folds are not subject-independent: the same person may be among the training and the test images, so this overstates what it would do on new faces.";
    }
    if summary.chosen_on_test() {
        sentence += " The checkpoint was chosen on the test fold itself (protocol paper-2015): this is optimistic.";
    }
    sentence
}

fn correspondences(units: &Units, layer: Option<&str>) -> String {
    let all = units.filters.len() + units.dead as usize;
    let layer = layer.map_or(String::new(), |layer| format!(" of {layer}"));
    let most: Vec<String> = units
        .units
        .iter()
        .take(3)
        .map(|unit| {
            let name = unit.name.to_lowercase();
            format!("AU {} {name} ({})", unit.au, count(unit.filters, "filter"))
        })
        .collect();
    let strongest = &units.filters[0];
    format!(
        "{} of {}{layer} react to the faces and differ most with one action unit each, most often with {}; \
         the strongest is filter {} with AU {} (KL {} nats).",
        units.filters.len(),
        count(all, "filter"),
        list(&most),
        strongest.filter,
        strongest.au,
        strongest.kl
    )
}
