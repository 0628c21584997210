//! Reads facial-expression data sets, crops and folds them, and stores them as prepared data sets.
