//! The input that a network of someone else was trained on.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The input that a network was trained on, which an ONNX file does not record. Every key but `classes` is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphInput {
    /// Height and width of the images, in pixels.
    pub size: usize,
    /// 1 for grey images, 3 for colour; grey images are repeated.
    pub channels: usize,
    /// Factor of the grey values 0 to 255: 1/255 after torchvision's `ToTensor`.
    pub scale: f64,
    /// Subtracted after `scale`, for each channel.
    pub mean: Vec<f64>,
    /// Divides after `mean`, for each channel.
    pub std: Vec<f64>,
    /// How faces were cut out, as `faus data prepare --crop` names it: auto, landmarks, detector, authors or none.
    pub crop: String,
    /// Names of the outputs, in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

/// Largest side of an image (our choice).
const MAX_SIDE: usize = 2048;

impl GraphInput {
    /// An example with these sizes, with the values that torchvision's `ToTensor` gives.
    pub fn example(size: usize, channels: usize) -> Self {
        Self {
            size,
            channels,
            scale: 1.0 / 255.0,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
            crop: "auto".to_owned(),
            classes: None,
        }
    }

    /// The file's text, on one line.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON at `path`; `example` completes the message about what is missing.
    ///
    /// # Errors
    /// When the file cannot be read, lacks a key, has an unknown one, or a value is out of range.
    pub fn read(path: &Path, example: &Self) -> Result<Self, Error> {
        let wrong = |reason: String| {
            Error::checkpoint(path)(format!("{reason}; a complete example: {}", example.text()))
        };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let input: Self =
            faus_base::text::json(&bytes).map_err(|fault| wrong(fault.to_string()))?;
        input.check().map_err(wrong)?;
        Ok(input)
    }

    /// Whether the network takes pixels from 0 to 255 as they are.
    pub(super) fn is_pixels(&self) -> bool {
        let all = |values: &[f64], value: f64| values.iter().all(|it| *it == value);
        self.scale == 1.0 && all(&self.mean, 0.0) && all(&self.std, 1.0)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let each = |name: &str, values: &[f64]| match values.len() == self.channels
            && values.iter().all(|v| v.is_finite())
        {
            true => Ok(()),
            false => Err(format!(
                "`{name}` must have one number for each of the {} channels",
                self.channels
            )),
        };
        each("mean", &self.mean)?;
        each("std", &self.std)?;
        self.check_classes()?;
        let problem = match self {
            Self { size: 0, .. } => "`size` must be at least 1",
            Self { size, .. } if *size > MAX_SIDE => "`size` must be at most 2048",
            Self { channels, .. } if ![1, 3].contains(channels) => "`channels` must be 1 or 3",
            Self { scale, .. } if !(scale.is_finite() && *scale != 0.0) => "`scale` must not be 0",
            Self { std, .. } if std.iter().any(|it| *it <= 0.0) => "`std` must be above 0",
            _ => return Ok(()),
        };
        Err(problem.to_owned())
    }

    fn check_classes(&self) -> Result<(), String> {
        let names = self.classes.iter().flatten().map(|name| name.trim());
        let mut seen = HashSet::new();
        for name in names {
            let unusable = name.is_empty() || name.contains(char::is_control);
            if unusable || !seen.insert(name.to_lowercase()) {
                let name = name.escape_debug();
                return Err(format!(
                    "`classes` names the outputs, each once, on one line and not empty; `{name}` does not"
                ));
            }
        }
        Ok(())
    }

    /// Rejects names that are not those of `outputs` outputs.
    pub(super) fn check_outputs(&self, outputs: usize) -> Result<(), String> {
        match &self.classes {
            Some(names) if names.len() != outputs => Err(format!(
                "has {outputs} outputs, and `classes` of its input names {}; name every output, in their order",
                names.len()
            )),
            _ => Ok(()),
        }
    }
}
