//! Whether a checkpoint fits a data set, and whether its accuracy there is unbiased.

use faus_data::{Part, Prepared, Protocol};
use faus_model::Checkpoint;

use crate::error::Error;
use crate::split::split_digest;

/// Checks that the classes and the image size of a checkpoint match the data set.
///
/// # Errors
/// [`Error::Mismatch`] if not.
pub fn check_fits(checkpoint: &Checkpoint, prepared: &Prepared) -> Result<(), Error> {
    let (info, data) = (&checkpoint.info, prepared.info());
    if info.classes == data.classes {
        return check_side(info.side, prepared);
    }
    Err(Error::Mismatch {
        what: "the list of classes",
        checkpoint: info.classes.join(" "),
        dataset: data.classes.join(" "),
    })
}

/// Checks that a network for images of `side` pixels fits the data set.
pub(crate) fn check_side(side: usize, prepared: &Prepared) -> Result<(), Error> {
    if side == prepared.image_size() {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: "the image side",
        checkpoint: side.to_string(),
        dataset: prepared.image_size().to_string(),
    })
}

/// Why an accuracy of this checkpoint would be optimistic on part `part` of fold `fold`, or on all labelled images
/// (`None`); `None` if it would not be.
///
/// # Errors
/// When the checkpoint names an unknown protocol.
pub fn why_optimistic(
    checkpoint: &Checkpoint,
    prepared: &Prepared,
    fold: usize,
    part: Option<Part>,
) -> Result<Option<String>, Error> {
    let info = &checkpoint.info;
    let (Some(trained), Some(protocol)) = (info.fold, &info.protocol) else {
        let unknown =
            "this checkpoint does not record its training set: it may have seen these people";
        return Ok(Some(unknown.to_owned()));
    };
    let protocol = serde_json::from_value(protocol.as_str().into());
    let protocol: Protocol = protocol.map_err(Error::file(&checkpoint.path))?;
    let split = prepared.split(trained, protocol).ok();
    let digest = split.map(|split| split_digest(prepared, &split));
    let digest = digest.transpose()?;
    let same = digest.is_some() && digest == info.split_digest;
    let reason = match part {
        _ if !same => {
            "this checkpoint was trained on another data set, preparation or folds: it may have seen these people"
        }
        None | Some(Part::None | Part::Train) => "it was trained on these images, or some of them",
        _ if fold != trained => {
            return Ok(Some(format!(
                "it was trained with test fold {trained}, so it has seen people of fold {fold}'s parts"
            )));
        }
        Some(Part::Validation) => "checkpoints are chosen by these images",
        Some(Part::Test) if protocol == Protocol::Paper2015 => {
            "under paper-2015 the test fold chooses the checkpoint"
        }
        Some(Part::Test) => return Ok(None),
    };
    Ok(Some(reason.to_owned()))
}
