//! The answer in three sentences: the accuracy, the filters that respond to action units, and what that is worth.

use super::text::{
    count, decimal, duration, interval, level, list, p_equals, percent, percent_interval,
};
use crate::run::Run;
use crate::run::fau::{au_label, ends};
use crate::run::summary::{MeanStd, Summary};

/// The three sentences; they say what is not known.
pub(crate) fn answer(run: &Run) -> Vec<String> {
    vec![accuracy(run), filters(run), worth(run)]
}

/// Mean accuracy with its deviation, `87.3% ± 2.1%`; one fold alone has no deviation.
pub(crate) fn mean_and_deviation(run: &Run, accuracy: Option<MeanStd>) -> Option<String> {
    let MeanStd { mean, std } = accuracy?;
    let mean = mean.filter(|mean| mean.is_finite())?;
    let deviation = std.filter(|std| std.is_finite() && run.tested() != 1);
    Some(match deviation {
        Some(deviation) => format!("{} ± {}", percent(mean), percent(deviation)),
        None => percent(mean),
    })
}

fn accuracy(run: &Run) -> String {
    let summary = &run.summary;
    let Some(accuracy) = mean_and_deviation(run, summary.test_accuracy) else {
        return "The network's accuracy is not known yet: no fold has been summarised.".to_owned();
    };
    let tested = run.tested();
    let folds = match run.folds.len() {
        all if all > tested => format!("{tested} of {}", count(all, "test fold")),
        _ => count(tested, "test fold"),
    };
    let people = match run.subject_independent() {
        Some(true) => " of people not seen in training",
        Some(false) => {
            " (not subject-independent: the same person may be among the training and the test images, so accuracy on new faces would be lower)"
        }
        None => "",
    };
    let ends = summary.interval();
    let ends = ends.map(|ends| {
        format!(
            "; 95% CI {}, bootstrap over people",
            percent_interval(Some(ends))
        )
    });
    let spread = match tested {
        1 => String::new(),
        _ => format!(
            " (mean ± standard deviation of folds{})",
            ends.unwrap_or_default()
        ),
    };
    let optimistic = match summary.chosen_on_test() {
        true => {
            " The checkpoints were chosen on the test folds (protocol paper-2015): this is optimistic."
        }
        false => "",
    };
    format!(
        "Over {folds}, the network classified {accuracy} of the test images{people} correctly{spread}.{}{optimistic}",
        baselines(summary)
    )
}

fn baselines(summary: &Summary) -> String {
    let most_frequent = summary.majority();
    let most_frequent = most_frequent.map(|share| {
        format!(
            "{} for always predicting the most frequent expression",
            percent(share)
        )
    });
    let classes = Some(summary.class_count()).filter(|classes| *classes > 0);
    let guessing = classes.map(|classes| format!("{} for guessing", percent(1.0 / classes as f64)));
    let baselines: Vec<String> = most_frequent.into_iter().chain(guessing).collect();
    match baselines.is_empty() {
        true => String::new(),
        false => format!(" Baselines: {}.", list(&baselines)),
    }
}

fn filters(run: &Run) -> String {
    let fau = &run.fau;
    if let Some(gap) = &fau.correspondences.gap {
        return match gap.damage {
            Some(_) => format!(
                "How its filters relate to action units is unknown: {} cannot be read.",
                gap.file
            ),
            None => "Its filters have not been compared with action units yet.".to_owned(),
        };
    }
    let Some(best) = fau.ranked().into_iter().next() else {
        return "No filter corresponds to any action unit: all are constant.".to_owned();
    };
    let ends = fau
        .pair(best.filter, best.au)
        .and_then(|pair| pair.kl_interval());
    let ends = ends.map(|ends| format!(", 95% CI {}", interval(Some(ends), 2)));
    let strongest = format!(
        "the strongest is filter {} with {} (KL {} nats{})",
        best.filter,
        au_label(best.au),
        decimal(best.kl, 2),
        ends.unwrap_or_default()
    );
    let found = fau.correspondences.len();
    let layer = fau.summary["layer"]
        .as_str()
        .map(|layer| format!(" of {layer}"));
    let all = count(found + fau.dead(), "filter") + &layer.unwrap_or_default();
    match fau.summary["counts"]["filters_max_q"].as_u64() {
        Some(beyond) => format!(
            "{beyond} of {all} respond to an action unit beyond chance (permutation test of each filter's largest KL, FDR {}); {strongest}.",
            level(fau.level())
        ),
        None => format!(
            "{found} of {all} respond to the faces, and each has an action unit of largest KL; {strongest}. No null distribution has been computed, and every filter has a largest KL, even an untrained one."
        ),
    }
}

/// Whether the filters' response goes beyond the expression, and beyond an untrained network's.
fn worth(run: &Run) -> String {
    let fau = &run.fau;
    let within = fau.summary["counts"]["filters_within_class_q"].as_u64();
    let untrained = against_untrained(run);
    if within.is_none() && untrained.is_none() && fau.correspondences.gap.is_some() {
        return "Whether it learned action units is therefore unknown.".to_owned();
    }
    let within = within.map(|within| match within {
        0 => "Among images of one expression, no filter responds to an action unit beyond chance, so the expression explains all of it. ".to_owned(),
        1 => "Among images of one expression, 1 filter still responds to an action unit beyond chance. ".to_owned(),
        many => format!("Among images of one expression, {many} filters still respond to an action unit beyond chance. "),
    });
    format!(
        "Expressions consist of action units, so recognising expressions alone could explain this. {}{}",
        within.unwrap_or_default(),
        untrained.unwrap_or(
            "An untrained network has not been compared (`faus controls RUN`).".to_owned()
        )
    )
}

fn against_untrained(run: &Run) -> Option<String> {
    let [trained, untrained] = ["trained", "untrained"].map(|name| run.fau.control(name));
    let (trained, untrained) = (trained?, untrained?);
    let below = &untrained["below_trained"];
    let ends =
        ends(below, "low", "high").map(|ends| format!(", 95% CI {}", interval(Some(ends), 2)));
    Some(format!(
        "The best filter of each action unit reaches a mean AUROC of {} on left-out people, in an untrained network {} (difference {}{}, {}).",
        decimal(trained["mean_best_auroc"].as_f64()?, 2),
        decimal(untrained["mean_best_auroc"].as_f64()?, 2),
        decimal(below["difference"].as_f64()?, 2),
        ends.unwrap_or_default(),
        p_equals(below["p"].as_f64())
    ))
}

/// A fact at a glance.
pub(crate) struct Fact {
    pub name: &'static str,
    pub value: String,
    pub note: String,
}

const ACCURACY: &str = "Test accuracy";

/// The most important numbers.
pub(crate) fn glance(run: &Run) -> Vec<Fact> {
    let (summary, fau) = (&run.summary, &run.fau);
    let found = fau
        .correspondences
        .gap
        .is_none()
        .then(|| fau.correspondences.len());
    let counted = |key: &str| Some(fau.summary["counts"][key].as_u64()?.to_string());
    let ends = summary.interval();
    let ends = ends.map(|ends| format!("95% CI {}", percent_interval(Some(ends))));
    let facts = [
        (ACCURACY, mean_and_deviation(run, summary.test_accuracy)),
        (
            "Always the most frequent expression",
            summary.majority().map(percent),
        ),
        (
            "Filters that respond",
            found.map(|n| format!("{n} of {}", n + fau.dead())),
        ),
        (
            "… to an action unit, beyond chance",
            counted("filters_max_q"),
        ),
        (
            "… within one expression, too",
            counted("filters_within_class_q"),
        ),
        ("Whole job", summary.seconds.map(duration)),
    ];
    let fact = |(name, value): (_, Option<String>)| {
        let note = ends
            .clone()
            .filter(|_| name == ACCURACY)
            .unwrap_or_default();
        value.map(|value| Fact { name, value, note })
    };
    facts.into_iter().filter_map(fact).collect()
}
