//! Accuracies that papers published for the tasks that `faus` reproduces, for context only.

/// The start of the names of a task's experiments, its number of classes, and the task in words.
const TASKS: [(&str, usize, &str); 3] = [
    ("ck_plus", 8, "CK+, eight classes"),
    ("ck_plus", 6, "CK+, six classes"),
    ("tfd", 7, "TFD, seven classes"),
];

const DING: &str = "quoted by Ding, Zhou and Chellappa (FaceNet2ExpNet, FG 2017), tables III and V";
const KHORRAMI: &str = "the paper, by a public summary (emergentmind.com/papers/1510.02969)";
const SIQUEIRA: &str = "Siqueira et al. (AAAI 2020), table 1; the same protocol, not pre-trained";

/// The task's number of classes, a method, its accuracy in percent, and the source of the number.
const NUMBERS: [(usize, &str, &str, &str); 14] = [
    (
        8,
        "Khorrami, Paine and Huang 2015, with A and D",
        "95.1%",
        KHORRAMI,
    ),
    (8, "Siqueira, single network", "85.5% ± 3.5%", SIQUEIRA),
    (8, "Siqueira, ensemble", "89.4% ± 2.2%", SIQUEIRA),
    (8, "AUDN", "92.1%", DING),
    (8, "trained from scratch", "88.7%", DING),
    (8, "FN2EN", "96.8%", DING),
    (6, "DTAGN", "97.3%", DING),
    (6, "PPDN", "97.3%", DING),
    (6, "FN2EN", "98.6%", DING),
    (
        7,
        "Khorrami, Paine and Huang 2015, with A and D",
        "88.6%",
        KHORRAMI,
    ),
    (7, "Gabor + PCA", "80.2%", DING),
    (7, "disRBM", "85.4%", DING),
    (7, "bootstrap-recon", "86.8%", DING),
    (7, "FN2EN", "88.9%", DING),
];

/// The task of an experiment in words; none for tasks without published numbers.
pub(super) fn task(experiment: &str, classes: usize) -> Option<&'static str> {
    let name = experiment.to_ascii_lowercase();
    let mut tasks = TASKS.into_iter();
    let known = tasks.find(|(start, of, _)| name.starts_with(start) && classes == *of);
    known.map(|(.., words)| words)
}

/// The methods, accuracies and sources published for a task.
pub(super) fn numbers(classes: usize) -> impl Iterator<Item = [&'static str; 3]> {
    let numbers = NUMBERS.into_iter().filter(move |(of, ..)| classes == *of);
    numbers.map(|(_, method, accuracy, source)| [method, accuracy, source])
}
