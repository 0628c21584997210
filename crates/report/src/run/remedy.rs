//! The commands that write a missing file, as sentences.

pub(crate) const RERUN: &str =
    "`faus run EXPERIMENT.json --resume` finishes the run and writes it.";
pub(crate) const PREPARE: &str = "`faus data prepare` or `faus run` writes it.";
pub(crate) const VISUALIZE: &str =
    "`faus visualize --checkpoint C --prepared P --layer conv3 --output RUN/viz/conv3` writes it.";
pub(crate) const CORRELATE: &str = "`faus correlate --activations A.npy --samples samples.csv --output RUN/fau` writes it; it needs samples coded for action units.";
