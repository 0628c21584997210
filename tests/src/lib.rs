//! End-to-end tests over the faus binary and across crates.
