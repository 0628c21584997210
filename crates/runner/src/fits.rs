//! Whether a checkpoint suits a data set, and whether its accuracies there are optimistic.

use anyhow::Result;
use faus_data::{Prepared, Protocol};
use faus_model::Checkpoint;
use faus_train::split_digest;

use crate::config::SplitPart;

/// The checkpoint's classes and image size must be the data set's.
pub(crate) fn check_fits(checkpoint: &Checkpoint, prepared: &Prepared) -> Result<()> {
    let (info, data) = (&checkpoint.info, prepared.info());
    let mismatch = |what, checkpoint: String, dataset: String| {
        Err(faus_train::Error::Mismatch {
            what,
            checkpoint,
            dataset,
        }
        .into())
    };
    if info.classes != data.classes {
        return mismatch(
            "the list of classes",
            info.classes.join(" "),
            data.classes.join(" "),
        );
    }
    if info.side != prepared.image_size() {
        return mismatch(
            "the image side",
            info.side.to_string(),
            prepared.image_size().to_string(),
        );
    }
    Ok(())
}

/// Why an accuracy of this checkpoint on this part would be optimistic; `None` where it is not.
pub(crate) fn optimistic(
    checkpoint: &Checkpoint,
    prepared: &Prepared,
    fold: usize,
    part: SplitPart,
) -> Result<Option<String>> {
    let info = &checkpoint.info;
    let (Some(trained), Some(protocol)) = (info.fold, &info.protocol) else {
        return Ok(Some(
            "this checkpoint does not say what it was trained on: it may have seen these people"
                .to_owned(),
        ));
    };
    let protocol: Protocol = serde_json::from_value(protocol.as_str().into())?;
    let same = prepared
        .split(trained, protocol)
        .ok()
        .map(|split| split_digest(prepared, &split))
        .transpose()?;
    if same.is_none() || same != info.split_digest {
        return Ok(Some("this checkpoint was trained on another data set, preparation or folds: it may have seen these people".to_owned()));
    }
    Ok(match part {
        SplitPart::Train | SplitPart::All => {
            Some("it was trained on these images, or some of them".to_owned())
        }
        _ if fold != trained => Some(format!(
            "it was trained with test fold {trained}, so it has seen people of fold {fold}'s parts"
        )),
        SplitPart::Val => Some("checkpoints are chosen by these images".to_owned()),
        SplitPart::Test if protocol == Protocol::Paper2015 => {
            Some("under paper-2015 the test fold chooses the checkpoint".to_owned())
        }
        SplitPart::Test => None,
    })
}

