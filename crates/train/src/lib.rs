//! Trains networks by recipe over subject-independent folds, selects checkpoints and evaluates them.
