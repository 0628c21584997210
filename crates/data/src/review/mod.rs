//! Examines prepared data sets: summaries, sheets of crops, and an audit for leaks and mislabelled images.

pub mod audit;
pub mod inspect;
