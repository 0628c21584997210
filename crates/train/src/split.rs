//! Which images of a fold train, validate and test.

use std::collections::BTreeSet;

use faus_base::digest;
use faus_data::{Prepared, Protocol, Split};

use crate::error::Error;

/// The split of a fold, checked before hours of training.
///
/// A class may be absent from the test part, or from the whole data set. A class that is tested or validated needs images
/// to train on.
///
/// # Errors
/// When a part is empty, a person is in two parts, or a class has no image to train on.
pub fn fold_split(prepared: &Prepared, protocol: Protocol, fold: usize) -> Result<Split, Error> {
    let purpose = |part| match part {
        "train" => "train on",
        "test" => "test on",
        _ => "validate on",
    };
    let split = prepared.split(fold, protocol).map_err(|e| match e {
        faus_data::Error::EmptyPart { part, .. } => {
            let purpose = purpose(part);
            Error::EmptySplit { fold, purpose }
        }
        other => other.into(),
    })?;
    let labels = |rows: &[usize]| -> BTreeSet<i64> {
        rows.iter().map(|&row| prepared.labels()[row]).collect()
    };
    let judged = &labels(&split.validation) | &labels(&split.test);
    let unseen = &judged - &labels(&split.train);
    if unseen.is_empty() {
        return Ok(split);
    }
    let name = |class: i64| prepared.info().classes.get(class as usize).cloned();
    let classes: Vec<String> = unseen.into_iter().filter_map(name).collect();
    let classes = classes.join(", ");
    Err(Error::UnseenClass { fold, classes })
}

/// Digest of `dataset.json` and of the rows of each part: equal digests mean the same people in the same parts.
///
/// # Errors
/// When the description cannot be written as JSON.
pub fn split_digest(prepared: &Prepared, split: &Split) -> Result<String, Error> {
    let (train, validation, test) = (&split.train, &split.validation, &split.test);
    let parts = (prepared.info(), train, validation, test);
    let text = serde_json::to_vec(&parts).map_err(Error::file(prepared.dir()))?;
    Ok(digest::sha256(&text))
}

/// A protocol's name in experiments and files.
pub fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Paper2015 => "paper-2015",
        Protocol::Paper2017 => "paper-2017",
    }
}
