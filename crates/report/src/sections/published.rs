//! Accuracies that papers published for the tasks that `faus` reproduces, for context only.
//!
//! Person-independent, as quoted by Ding, Zhou & Chellappa, "FaceNet2ExpNet" (FG 2017), tables III and V.

/// What others reported on one task.
pub(crate) struct Published {
    /// The task in words.
    pub task: &'static str,
    /// Method and accuracy in percent.
    pub numbers: &'static [(&'static str, f64)],
}

const CK_PLUS_EIGHT: Published = Published {
    task: "CK+, eight classes",
    numbers: &[
        ("AUDN", 92.1),
        ("trained from scratch", 88.7),
        ("FN2EN", 96.8),
    ],
};
const CK_PLUS_SIX: Published = Published {
    task: "CK+, six classes",
    numbers: &[("DTAGN", 97.3), ("PPDN", 97.3), ("FN2EN", 98.6)],
};
const TFD: Published = Published {
    task: "TFD, seven classes",
    numbers: &[
        ("Gabor + PCA", 80.2),
        ("disRBM", 85.4),
        ("bootstrap-recon", 86.8),
        ("FN2EN", 88.9),
    ],
};

/// The numbers for the task of an experiment, known by its name and number of classes; none for others.
pub(crate) fn published(experiment: &str, classes: usize) -> Option<&'static Published> {
    let name = experiment.to_ascii_lowercase();
    match (name.starts_with("ck_plus"), classes) {
        (true, 8) => Some(&CK_PLUS_EIGHT),
        (true, 6) => Some(&CK_PLUS_SIX),
        (false, 7) if name.starts_with("tfd") => Some(&TFD),
        _ => None,
    }
}
