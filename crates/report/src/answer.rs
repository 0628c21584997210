//! The answer in three plain sentences: what the network can do, what its filters follow, what that is worth.

use serde_json::Value;

use crate::action_units::au_label;
use crate::run::{Run, Summary, finite};
use crate::sections::accuracy;
use crate::text::{count, interval_or_dash, list, p_or_dash, percent, percent_interval};

/// The three sentences; what is not known is said to be unknown.
pub(crate) fn answer(run: &Run) -> Vec<String> {
    vec![expressions(run), followed(run), worth(run)]
}

fn expressions(run: &Run) -> String {
    let (Ok(summary), Some(accuracy)) = (&run.summary, accuracy::mean_and_deviation(run)) else {
        return "The network's accuracy is not known yet: no fold has been summarised.".to_owned();
    };
    let tested = run.tested();
    let who = match run.subject_independent() {
        Some(true) => " of people it had never seen",
        Some(false) => {
            " (not subject-independent: the same person may be among training and test, so this overstates what new faces would get)"
        }
        None => "",
    };
    let folds = match run.folds.len() {
        all if all > tested => format!("{tested} of {}", count(all, "test fold")),
        _ => count(tested, "test fold"),
    };
    let spread = match tested {
        1 => String::new(),
        _ => {
            " (mean ± standard deviation of folds".to_owned()
                + &accuracy::interval(summary).map_or(String::new(), |ends| {
                    format!("; 95% over people {}", percent_interval(Some(ends)))
                })
                + ")"
        }
    };
    let guess = summary.majority().map(|share| {
        format!(
            "always naming the commonest expression would be right on {}",
            percent(share)
        )
    });
    let chance = match summary.class_count() {
        0 => None,
        classes => Some(format!("guessing on {}", percent(1.0 / classes as f64))),
    };
    let baselines: Vec<String> = guess.into_iter().chain(chance).collect();
    let baselines = match baselines.is_empty() {
        true => String::new(),
        false => format!("; {}", list(&baselines)),
    };
    let optimistic = match summary.chosen_on_test() {
        true => {
            "; the checkpoint was chosen on the test fold itself (protocol paper-2015): this is optimistic"
        }
        false => "",
    };
    format!(
        "Over {folds}, the network named the expression on {accuracy} of the test images{who}{spread}{baselines}{optimistic}."
    )
}

fn followed(run: &Run) -> String {
    let found = match &run.fau.correspondences {
        Ok(found) if found.is_empty() => {
            return "No filter corresponds to any action unit: all are constant.".to_owned();
        }
        Ok(found) => found,
        Err(gap) => {
            return match gap.damage {
                Some(_) => format!(
                    "Its filters' relation to action units is unknown: {} cannot be read.",
                    gap.file
                ),
                None => "Its filters have not been compared with action units yet.".to_owned(),
            };
        }
    };
    let summary = run.fau.summary.as_ref().unwrap_or(&Value::Null);
    let all = found.len() + summary["dead_filters"]["count"].as_u64().unwrap_or(0) as usize;
    let layer = summary["layer"]
        .as_str()
        .map_or(String::new(), |layer| format!(" of {layer}"));
    let Some(best) = found
        .iter()
        .max_by(|a, b| a.kl.unwrap_or(0.0).total_cmp(&b.kl.unwrap_or(0.0)))
    else {
        return String::new();
    };
    let pairs = run.fau.associations.as_deref().unwrap_or_default();
    let pair = pairs
        .iter()
        .find(|row| (row.filter, row.au) == (best.filter, best.au));
    let ends = pair.and_then(|row| Some((finite(row.kl_low)?, finite(row.kl_high)?)));
    let ends = ends.map_or(String::new(), |ends| {
        format!(", 95% over people {}", interval_or_dash(Some(ends), 2))
    });
    let strongest = format!(
        "the closest is filter {} with {} (KL {:.2} nats{ends})",
        best.filter,
        au_label(best.au),
        best.kl.unwrap_or(f64::NAN)
    );
    let level = summary["null"]["fdr"].as_f64().unwrap_or(0.05);
    match summary["counts"]["filters_max_q"].as_u64() {
        Some(beyond) => format!(
            "{beyond} of {}{layer} follow an action unit more closely than chance would have it (the largest KL of each against the largest under permutation, q ≤ {level}); {strongest}.",
            count(all, "filter")
        ),
        None => format!(
            "{} of {}{layer} respond to the faces, and each differs most with one action unit; {strongest}; no null distribution has been computed, and some action unit has the largest KL for every filter, even an untrained one.",
            found.len(),
            count(all, "filter")
        ),
    }
}

/// Whether that is more than knowing the expression, and more than no training gives.
fn worth(run: &Run) -> String {
    let summary = run.fau.summary.as_ref().unwrap_or(&Value::Null);
    let controls = run.fau.controls.summary.as_ref().unwrap_or(&Value::Null);
    let control = |name: &str| {
        controls["controls"]
            .as_array()?
            .iter()
            .find(|c| c["control"] == name)
    };
    let within = summary["counts"]["filters_within_class_q"].as_u64();
    let within = within.map(|within| match within {
        0 => "among images of one expression no filter follows an action unit beyond chance, so knowing the expression explains all of it".to_owned(),
        1 => "among images of one expression 1 filter still follows an action unit beyond chance".to_owned(),
        many => format!("among images of one expression {many} filters still follow an action unit beyond chance"),
    });
    let untrained = control("trained").zip(control("untrained")).and_then(|(trained, untrained)| {
        let below = &untrained["below_trained"];
        let ends = below["low"].as_f64().zip(below["high"].as_f64());
        Some(format!(
            "an action unit's best filter tells it with a mean AUROC of {:.2} on left-out people, {:.2} in an untrained network (difference {:.2}{}, p {})",
            trained["mean_best_auroc"].as_f64()?,
            untrained["mean_best_auroc"].as_f64()?,
            below["difference"].as_f64()?,
            ends.map_or(String::new(), |ends| format!(", 95% {}", interval_or_dash(Some(ends), 2))),
            equals(below["p"].as_f64())
        ))
    });
    let lacking =
        "whether an untrained network does as well has not been computed (faus controls RUN)";
    let parts: Vec<String> = match (within, untrained) {
        (None, None) if run.fau.correspondences.is_err() => {
            return "So whether it learned action units cannot be said from this run.".to_owned();
        }
        (within, untrained) => within
            .into_iter()
            .chain([untrained.unwrap_or(lacking.to_owned())])
            .collect(),
    };
    format!(
        "Expressions are made of action units, so that alone could be knowledge of the expression: {}.",
        parts.join("; ")
    )
}

fn equals(p: Option<f64>) -> String {
    match p_or_dash(p) {
        small if small.starts_with('<') => small,
        p => format!("= {p}"),
    }
}

/// The facts worth seeing at once.
pub(crate) fn glance(run: &Run) -> Vec<Fact> {
    let summary = run.summary.as_ref().ok();
    let fau = run.fau.summary.as_ref().unwrap_or(&Value::Null);
    let mut facts = Vec::new();
    let mut add = |name: &'static str, value: Option<String>, note: String| {
        facts.extend(value.map(|value| Fact { name, value, note }));
    };
    let ends = summary.and_then(accuracy::interval);
    let ends = ends.map_or(String::new(), |ends| {
        format!("95% over people {}", percent_interval(Some(ends)))
    });
    add("Test accuracy", accuracy::mean_and_deviation(run), ends);
    let guess = summary.and_then(Summary::majority).map(percent);
    add("Always the commonest expression", guess, String::new());
    let found = run.fau.correspondences.as_ref().ok().map(Vec::len);
    let dead = fau["dead_filters"]["count"].as_u64().unwrap_or(0) as usize;
    add(
        "Filters that respond",
        found.map(|n| format!("{n} of {}", n + dead)),
        String::new(),
    );
    let beyond = fau["counts"]["filters_max_q"]
        .as_u64()
        .map(|n| n.to_string());
    add(
        "… that follow an action unit beyond chance",
        beyond,
        String::new(),
    );
    let within = fau["counts"]["filters_within_class_q"]
        .as_u64()
        .map(|n| n.to_string());
    add(
        "… and still do within one expression",
        within,
        String::new(),
    );
    let seconds = summary
        .and_then(|summary| summary.seconds)
        .map(crate::text::duration);
    add("Whole job", seconds, String::new());
    facts
}

/// A fact at a glance.
pub(crate) struct Fact {
    pub name: &'static str,
    pub value: String,
    pub note: String,
}
