//! The parts of a split.

/// Names of the column of parts in tables.
pub(crate) const PARTS: &str = "usage split part";

/// The part of a split that an image belongs to, by TFD's numbers in `folds.npy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// 0: not used in this split.
    None = 0,
    /// 1: trains.
    Train = 1,
    /// 2: chooses the checkpoint.
    Validation = 2,
    /// 3: measures the result.
    Test = 3,
}

impl Part {
    /// The part with one of TFD's numbers, `None` above 3 and below 0.
    pub fn from_number(number: i64) -> Option<Self> {
        let parts = [Self::None, Self::Train, Self::Validation, Self::Test];
        parts.get(usize::try_from(number).ok()?).copied()
    }

    /// The part of a name in data sets, in any case: FER2013's Training, PublicTest (validation) and PrivateTest;
    /// train, val, valid, validation, dev, test, testing.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "dev" | "publictest" => Some(Self::Validation),
            "test" | "testing" | "privatetest" => Some(Self::Test),
            _ => None,
        }
    }

    /// `train`, `validation` or `test`; `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_sets_are_known() {
        for part in [Part::Train, Part::Validation, Part::Test] {
            assert_eq!(Part::from_name(part.name()), Some(part));
            assert_eq!(Part::from_number(part as i64), Some(part));
        }
        assert_eq!(Part::from_name(" PublicTest "), Some(Part::Validation));
        assert_eq!(Part::from_name("dev"), Some(Part::Validation));
        assert!(Part::from_name("none").is_none() && Part::from_number(4).is_none());
    }
}
