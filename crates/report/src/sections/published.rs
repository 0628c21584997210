//! Accuracies that papers published for the tasks that `faus` reproduces, for context only.
//!
//! Person-independent, as quoted by Ding, Zhou & Chellappa, "FaceNet2ExpNet" (FG 2017), tables III and V.

/// Published accuracies on one task.
pub(crate) struct Published {
    /// Start of the names of its experiments.
    experiment: &'static str,
    classes: usize,
    /// The task in words.
    pub task: &'static str,
    /// Method and accuracy in percent.
    pub numbers: &'static [(&'static str, f64)],
}

const PUBLISHED: [Published; 3] = [
    Published {
        experiment: "ck_plus",
        classes: 8,
        task: "CK+, eight classes",
        numbers: &[
            ("AUDN", 92.1),
            ("trained from scratch", 88.7),
            ("FN2EN", 96.8),
        ],
    },
    Published {
        experiment: "ck_plus",
        classes: 6,
        task: "CK+, six classes",
        numbers: &[("DTAGN", 97.3), ("PPDN", 97.3), ("FN2EN", 98.6)],
    },
    Published {
        experiment: "tfd",
        classes: 7,
        task: "TFD, seven classes",
        numbers: &[
            ("Gabor + PCA", 80.2),
            ("disRBM", 85.4),
            ("bootstrap-recon", 86.8),
            ("FN2EN", 88.9),
        ],
    },
];

/// The numbers for the task of an experiment; none for other tasks.
pub(crate) fn published(experiment: &str, classes: usize) -> Option<&'static Published> {
    let name = experiment.to_ascii_lowercase();
    let of = |task: &&Published| name.starts_with(task.experiment) && classes == task.classes;
    PUBLISHED.iter().find(of)
}
