//! Accuracies that papers published for the tasks that `faus` reproduces, for context only.
//!
//! Person-independent, as quoted by Ding, Zhou & Chellappa, "FaceNet2ExpNet" (FG 2017), tables III and V.

/// The start of the names of a task's experiments, its number of classes, and the task in words.
const TASKS: [(&str, usize, &str); 3] = [
    ("ck_plus", 8, "CK+, eight classes"),
    ("ck_plus", 6, "CK+, six classes"),
    ("tfd", 7, "TFD, seven classes"),
];

/// The task's number of classes, a method and its accuracy in percent.
const NUMBERS: [(usize, &str, f64); 10] = [
    (8, "AUDN", 92.1),
    (8, "trained from scratch", 88.7),
    (8, "FN2EN", 96.8),
    (6, "DTAGN", 97.3),
    (6, "PPDN", 97.3),
    (6, "FN2EN", 98.6),
    (7, "Gabor + PCA", 80.2),
    (7, "disRBM", 85.4),
    (7, "bootstrap-recon", 86.8),
    (7, "FN2EN", 88.9),
];

/// The task of an experiment in words; none for tasks without published numbers.
pub(super) fn task(experiment: &str, classes: usize) -> Option<&'static str> {
    let name = experiment.to_ascii_lowercase();
    let mut tasks = TASKS.into_iter();
    let known = tasks.find(|(start, of, _)| name.starts_with(start) && classes == *of);
    known.map(|(.., words)| words)
}

/// The methods and accuracies published for a task.
pub(super) fn numbers(classes: usize) -> impl Iterator<Item = (&'static str, f64)> {
    let numbers = NUMBERS.into_iter().filter(move |(of, ..)| classes == *of);
    numbers.map(|(_, method, accuracy)| (method, accuracy))
}
