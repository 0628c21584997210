//! The answer: the verdict on all evidence, the accuracy, the filters that respond to action units, and whether expressions or
//! an untrained network explain that response.

use serde_json::Value;

use super::text::{
    ci, count, decimal, duration, gap_p, level, list, p_equals, percent, percent_ci, when,
};
use crate::run::Run;
use crate::run::folder::Gap;
use crate::run::summary::{MeanStd, Summary};
use crate::run::value::{au, au_label, ends};

/// Accuracy, filters and controls; missing parts are stated as unknown. Activations alone have no accuracy. Counts that
/// stand in the verdict are not repeated.
pub(crate) fn answer(run: &Run) -> Vec<String> {
    let accuracy = match (run.folder.correlated, run.folder.analysed) {
        (true, _) => None,
        (_, true) => Some(accuracy_of_a_file(run)),
        _ => Some(accuracy(run)),
    };
    let counted = !verdict(run).0.is_empty() && run.fau.within_expressions().is_object();
    let filters = match counted {
        true => [directions(run), against_untrained(run).unwrap_or_default()],
        false => [filters(run), worth(run)],
    };
    let sentences = accuracy.into_iter().chain(filters);
    sentences.filter(|text| !text.is_empty()).collect()
}

/// Named filters by direction, and the one farthest from chance.
fn directions(run: &Run) -> String {
    let counts = &run.fau.summary["counts"];
    let [named, less] = ["named", "named_less"].map(|key| counts[key].as_u64().unwrap_or(0));
    let strongest = run.fau.names.first().map(strongest).unwrap_or_default();
    let more = named.saturating_sub(less);
    let verb = if more == 1 { "is" } else { "are" };
    let words = format!(
        "Of the {}, {more} {verb} more active with their unit and {less} less{strongest}.",
        count(named, "named filter")
    );
    when(named > 0, &words).to_owned()
}

/// The verdict on all evidence: the question with its answer, and the numbers, by paragraph. Empty before
/// `faus controls`.
pub(crate) fn verdict(run: &Run) -> (String, Vec<String>) {
    let sentence = run.fau.summary["answer"]["sentence"].as_str();
    let (question, numbers) = sentence
        .unwrap_or_default()
        .split_once("? ")
        .unwrap_or_default();
    let end = numbers.find(['.', ':']).unwrap_or(numbers.len());
    let (word, numbers) = numbers.split_at(end);
    let head = format!("{question}? {word}.");
    let numbers = numbers.replace("docs/statistics.md", "see the criteria below");
    let numbers = numbers.replace(" A weaker test", "\nA weaker test");
    let numbers = numbers.replace(" Exploratory:", "\nExploratory:");
    let numbers = capital(numbers.trim_start_matches(['.', ':', ' ']));
    let paragraphs = numbers.lines().map(str::to_owned);
    (
        when(!question.is_empty(), &head).to_owned(),
        paragraphs.collect(),
    )
}

/// A sentence from its first letter; earlier versions continued one after a colon.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Mean accuracy with its deviation, `87.3% ± 2.1%`; one fold alone has no deviation.
pub(crate) fn mean_and_deviation(run: &Run, accuracy: Option<MeanStd>) -> Option<String> {
    let MeanStd { mean, std } = accuracy?;
    let deviation = std.filter(|_| run.tested() != 1);
    let deviation = deviation.map(|deviation| format!(" ± {}", percent(deviation)));
    Some(percent(mean?) + &deviation.unwrap_or_default())
}

fn accuracy(run: &Run) -> String {
    let summary = &run.summary;
    let Some(accuracy) = mean_and_deviation(run, summary.test_accuracy) else {
        return "The network's accuracy is not known yet: no fold has been summarised.".to_owned();
    };
    let (all, tested) = (run.folds.len(), run.tested());
    let part = format!("{tested} of ");
    let folds = format!("{}{}", when(all > tested, &part), count(all, "test fold"));
    let dependent = " (not subject-independent: the same person may be among the training and the test images, so accuracy on new faces would be lower)";
    let people = match run.subject_independent() {
        Some(true) => " of people not seen in training",
        Some(false) => dependent,
        None => "",
    };
    let ends = percent_ci("; ", run.interval());
    let spread = format!(" (mean ± standard deviation of folds{ends})");
    let optimistic =
        " The checkpoints were chosen on the test folds (protocol paper-2015): this is optimistic.";
    let (spread, baselines) = (when(tested != 1, &spread), baselines(summary));
    let optimistic = when(summary.chosen_on_test(), optimistic);
    format!(
        "Over {folds}, the network correctly classified {accuracy} of the test images{people}{spread}.{baselines}{optimistic}"
    )
}

/// The accuracy of a network that was not trained here.
fn accuracy_of_a_file(run: &Run) -> String {
    let Some(accuracy) = mean_and_deviation(run, run.summary.test_accuracy) else {
        return "Its accuracy on these images is not known: its outputs are not matched with the expressions of the data set.".to_owned();
    };
    let images = count(run.predictions().count(), "labelled image");
    let seen = match run.network["unseen"] == true {
        true => "none of these people was in its training, as the user states",
        false => "whether these people were in its training is not known",
    };
    format!(
        "The network correctly classifies {accuracy} of {images}{}; {seen}.{}",
        percent_ci("; ", run.interval()),
        baselines(&run.summary)
    )
}

fn baselines(summary: &Summary) -> String {
    let (majority, classes) = (summary.majority(), summary.class_count());
    let majority = majority.map(|share| format!("{} (most frequent expression)", percent(share)));
    let guessing = (classes > 0).then(|| format!("{} (guessing)", percent(1.0 / classes as f64)));
    let baselines: Vec<String> = majority.into_iter().chain(guessing).collect();
    let sentence = format!(" Baselines: {}.", list(&baselines));
    when(!baselines.is_empty(), &sentence).to_owned()
}

fn filters(run: &Run) -> String {
    let fau = &run.fau;
    if let Some(Gap { damage, file, .. }) = &fau.correspondences.gap {
        let unread =
            format!("How its filters relate to action units is unknown: {file} cannot be read.");
        let missing = match run.folder.analysed {
            true => {
                "Its filters are not compared with action units: too few of these images have codes (column `aus` of dataset/samples.csv; `--aus TABLE` takes them from a table)."
            }
            false => "Its filters have not been compared with action units yet.",
        };
        return match damage {
            Some(_) => unread,
            None => missing.to_owned(),
        };
    }
    let found = fau.correspondences.len();
    if found == 0 {
        return "No filter corresponds to any action unit: all are constant.".to_owned();
    }
    let layer = fau.summary["layer"].as_str();
    let layer = layer.map(|layer| format!(" of {layer}"));
    let all = count(found + fau.dead(), "filter") + &layer.unwrap_or_default();
    let counts = &fau.summary["counts"];
    let Some(named) = counts["named"].as_u64() else {
        return format!(
            "{found} of {all} respond to the faces, and each has an action unit of largest KL. No null distribution has been computed, so no filter is named after a unit: every filter has a largest KL, even an untrained one."
        );
    };
    let (less, level) = (
        counts["named_less"].as_u64().unwrap_or(0),
        level(fau.level()),
    );
    let strongest = fau.names.first().map(strongest).unwrap_or_default();
    format!(
        "{named} of {all} {} beyond chance, {} more active with it and {less} less (permutation test, false-discovery rate {level}){strongest}.",
        if named == 1 {
            "is named after an action unit that it responds to"
        } else {
            "are named after an action unit that they respond to"
        },
        named.saturating_sub(less)
    )
}

/// The filter with the largest |z|, as the end of a sentence.
fn strongest(best: &Value) -> String {
    let (filter, unit) = (&best["filter"], au_label(au(best)));
    let less = best["z"].as_f64().is_some_and(|z| z < 0.0);
    let active = if less { "less" } else { "more" };
    let auroc = decimal(best["auroc"].as_f64(), 2);
    let interval = ci(", ", ends(best, "auroc_low", "auroc_high"), 2);
    let [d_prime, z] = ["d_prime", "z"].map(|key| decimal(best[key].as_f64(), 1));
    format!(
        "; the farthest from chance is filter {filter}, {active} active with {unit} (AUROC {auroc}{interval}, d′ {d_prime}, z {z})"
    )
}

/// Whether the filters' response exceeds that explained by the expression, and that of an untrained network.
fn worth(run: &Run) -> String {
    let fau = &run.fau;
    let within = within_classes(&fau.summary["counts"]);
    let untrained = against_untrained(run);
    if within.is_none() && untrained.is_none() && fau.correspondences.gap.is_some() {
        return "Whether it learned action units is therefore unknown.".to_owned();
    }
    let within = within.unwrap_or_default();
    let not_compared = match run.folder.correlated {
        true => {
            "The same network before training has not been compared: run `faus correlate` on its activations too."
        }
        false => "An untrained network has not been compared (`faus controls RUN`).",
    };
    let untrained = untrained.unwrap_or(not_compared.to_owned());
    format!(
        "Expressions consist of action units, so recognising expressions alone could explain this. {within}{untrained}"
    )
}

/// How many named filters follow their own unit among images of one expression.
fn within_classes(counts: &Value) -> Option<String> {
    let keys = ["within_holds", "within_fails", "within_untestable"];
    let [Some(holds), Some(fails), Some(untestable)] = keys.map(|key| counts[key].as_u64()) else {
        return None;
    };
    let named = holds + fails + untestable;
    (named > 0).then(|| format!(
        "Among images of one expression, {holds} of {} still {} unit, {fails} {} not, and {untestable} cannot be tested. ",
        count(named, "named filter"),
        if holds == 1 { "follows its" } else { "follow their" },
        if fails == 1 { "does" } else { "do" }
    ))
}

fn against_untrained(run: &Run) -> Option<String> {
    let auroc = |control: &Value| Some(decimal(control["mean_best_auroc"].as_f64()?, 2));
    let (trained, untrained) = (run.fau.control("trained")?, run.fau.control("untrained")?);
    let (best, without, below) = (
        auroc(trained)?,
        auroc(untrained)?,
        &untrained["below_trained"],
    );
    let difference = decimal(below["difference"].as_f64()?, 2);
    let interval = ci(", ", ends(below, "low", "high"), 2);
    let p = match below["p_is_bound"] == true {
        true => format!("p {}", gap_p(below)),
        false => p_equals(below["p"].as_f64()),
    };
    Some(format!(
        "The best filter of each action unit, chosen on other people, reaches a mean AUROC of {best}, in an untrained network {without} (difference {difference}{interval}, {p}){}.",
        match run.network["unseen"] == true {
            true => String::new(),
            false => format!("; the {} may know these people", run.called()),
        }
    ))
}

/// A key fact: its name, its value and a note.
pub(crate) type Fact = (&'static str, String, String);

/// The most important numbers.
pub(crate) fn glance(run: &Run) -> Vec<Fact> {
    let (summary, fau) = (&run.summary, &run.fau);
    let found = fau.correspondences.len();
    let responding = format!("{found} of {}", found + fau.dead());
    let compared = fau.correspondences.gap.is_none();
    let accuracy = mean_and_deviation(run, summary.test_accuracy);
    let interval = percent_ci("", run.interval());
    let majority = summary.majority().map(percent);
    let facts = [
        (
            match run.folder.analysed {
                true => "Accuracy on these images",
                false => "Test accuracy",
            },
            accuracy,
            &*interval,
        ),
        ("Always the most frequent expression", majority, ""),
        ("Filters that respond", compared.then_some(responding), ""),
        ("Whole job", summary.seconds.map(duration), ""),
    ];
    let known = |(name, value, note): (_, Option<_>, &str)| Some((name, value?, note.to_owned()));
    facts.into_iter().filter_map(known).collect()
}
