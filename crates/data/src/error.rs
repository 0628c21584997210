//! The errors of this crate.

use std::path::{Path, PathBuf};

/// The errors of this crate. Messages name the file, the reason and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file or folder is damaged, too large, of a kind that is not read, or contrary to the settings.
    #[error("{path}: {reason}", path = path.display())]
    Unusable {
        /// The file or folder; an entry of an archive is below the archive's own path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A label, landmark or AU text is not in its format.
    #[error("{reason}")]
    Parse {
        /// What was expected and what was found.
        reason: String,
    },
    /// A folder does not have the layout of its kind of data set.
    #[error("{path}: expected {expected}; found {found}", path = path.display())]
    Layout {
        /// The folder given.
        path: PathBuf,
        /// The layout looked for.
        expected: String,
        /// The contents found.
        found: String,
    },
    /// A data set was read, but nothing in it can be trained on.
    #[error("{path}: no labelled image is left: {reason}", path = path.display())]
    NothingLabelled {
        /// The folder given.
        path: PathBuf,
        /// What was skipped, in brief.
        reason: String,
    },
    /// A bad input under `strict`.
    #[error(
        "{path}: {reason} (and {others} similar inputs; omit --strict to skip and list bad inputs)"
    )]
    Strict {
        /// The first bad input, relative to the data set's root.
        path: String,
        /// What is wrong with it.
        reason: String,
        /// How many other bad inputs were found so far.
        others: usize,
    },
    /// The output folder is not empty.
    #[error("{path}: exists and is not empty; remove it or choose another output folder", path = path.display())]
    OutputExists {
        /// The output folder.
        path: PathBuf,
    },
    /// The output is the input, or inside it.
    #[error(
        "{output}: is the input {input} or inside it, where nothing is ever written; choose another output folder or file",
        output = output.display(), input = input.display()
    )]
    OutputInsideInput {
        /// The output folder.
        output: PathBuf,
        /// The data set's root.
        input: PathBuf,
    },
    /// A folder is not a prepared data set, or its files contradict each other.
    #[error("{path}: {reason}; prepare the data set again with `faus data prepare`", path = path.display())]
    NotPrepared {
        /// The file that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A number that a caller or a configuration gave is out of its range.
    #[error("{what}: {reason}")]
    Setting {
        /// The setting's name.
        what: &'static str,
        /// What is allowed and what was given.
        reason: String,
    },
    /// A subject is in two parts of one split; folds must keep subjects apart.
    #[error(
        "subject {subject} is in the {first} part and in the {second} part of fold {fold}: results would leak"
    )]
    Leak {
        /// The subject.
        subject: String,
        /// The test fold.
        fold: usize,
        /// One part.
        first: &'static str,
        /// The other part.
        second: &'static str,
    },
    /// A data set of action-unit codes alone.
    #[error(
        "no image of this data set has an expression, so nothing can be trained or tested on it; it is for the analysis of action \
         units (`faus activations` and `faus correlate`, `faus replicate RUN --on`)"
    )]
    NothingToTrain,
    /// One part of a split has no images.
    #[error(
        "fold {fold} leaves the {part} part without images: the data set has too few subjects for {folds} folds"
    )]
    EmptyPart {
        /// `train`, `validation` or `test`.
        part: &'static str,
        /// The test fold.
        fold: usize,
        /// Folds of the data set.
        folds: usize,
    },
    /// Stopped by the caller; nothing was left behind in the output folder.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// A closure for `map_err` that adds `path` to an I/O error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn parse(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Parse { reason }
    }

    pub(crate) fn setting(what: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Setting { what, reason }
    }

    pub(crate) fn not_found(path: &Path) -> Self {
        Self::io(path)(std::io::ErrorKind::NotFound.into())
    }

    pub(crate) fn unusable(path: &Path, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_path_buf(), reason.into());
        Self::Unusable { path, reason }
    }

    pub(crate) fn too_large(path: &Path, limit: u64) -> Self {
        let reason = format!("larger than the limit of {limit} bytes for this kind of file");
        Self::unusable(path, reason)
    }

    pub(crate) fn layout(path: &Path, wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Layout {
            path: path.to_path_buf(),
            expected: wanted.into(),
            found: found.into(),
        }
    }

    pub(crate) fn nothing_labelled(path: &Path, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_path_buf(), reason.into());
        Self::NothingLabelled { path, reason }
    }

    pub(crate) fn not_prepared(path: &Path, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_path_buf(), reason.into());
        Self::NotPrepared { path, reason }
    }

    /// The message without the path, for the `skipped` list, which names the path itself.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Unusable { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }
}
