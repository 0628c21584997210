//! The parts of a split: training, validation, test.

/// The part of a given split that an image belongs to, by TFD's numbers in `folds.npy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// 0: not used in this split.
    None = 0,
    /// 1: to learn from.
    Train = 1,
    /// 2: to choose the checkpoint by.
    Validation = 2,
    /// 3: to report.
    Test = 3,
}

impl Part {
    /// The part with one of TFD's numbers, `None` above 3 and below 0.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Train),
            2 => Some(Self::Validation),
            3 => Some(Self::Test),
            _ => None,
        }
    }

    /// The part of a name that data sets use, in any case: FER2013's Training, PublicTest (validation) and PrivateTest;
    /// train, val, valid, validation, test, testing.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "publictest" => Some(Self::Validation),
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
