//! What a network sees in one face, in words and in the forms of the tables.

use std::path::PathBuf;

use faus_data::CropBox;
use faus_fau::UnitFilter;
use serde_json::{Map, Value, json};

use crate::lens::responses::Response;

/// A face of a photograph.
#[derive(Debug, Clone)]
pub struct SeenFace<'a> {
    /// The file.
    pub path: PathBuf,
    /// The frame, from 0, of a video.
    pub frame: Option<u64>,
    /// Its number in the photograph, from 1.
    pub face: usize,
    /// Its place there.
    pub crop: CropBox,
    /// What the network makes of it.
    pub response: Response,
    /// The units whose filters fire.
    pub fired: Vec<&'a UnitFilter>,
}

impl SeenFace<'_> {
    /// Classes by probability, best first.
    fn ranked(&self) -> Vec<(usize, f64)> {
        let all = self.response.probabilities().into_iter().enumerate();
        let mut all: Vec<(usize, f64)> = all.collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    fn predicted<'a>(&self, classes: &'a [String]) -> &'a str {
        let best = self.ranked().first().and_then(|best| classes.get(best.0));
        best.map_or("", String::as_str)
    }

    /// `happy 0.93, surprise 0.04`.
    fn best(&self, classes: &[String]) -> String {
        let best = self.ranked().into_iter().take(2);
        let best = best.filter_map(|(class, p)| Some(format!("{} {p:.2}", classes.get(class)?)));
        best.collect::<Vec<_>>().join(", ")
    }

    /// Joined numbers of the units that fire.
    fn units(&self, by: &str) -> String {
        let units = self.fired.iter().map(|unit| unit.au.to_string());
        units.collect::<Vec<_>>().join(by)
    }

    /// A sentence: the place, the two likeliest classes, and each unit with its AUROC.
    pub fn line(&self, classes: &[String]) -> String {
        let frame = self.frame.map(|frame| format!(", frame {frame}"));
        let (path, CropBox { x, y, w, .. }) = (self.path.display(), self.crop);
        let units = self.fired.iter();
        let units = units.map(|unit| format!("; AU {} ({:.2})", unit.au, unit.auroc));
        format!(
            "{path}{}, face {} at {x},{y}, {w} pixels: {}{}",
            frame.unwrap_or_default(),
            self.face,
            self.best(classes),
            units.collect::<String>()
        )
    }

    /// Lines beside it in a picture.
    pub(crate) fn caption(&self, classes: &[String]) -> Vec<String> {
        let units = (!self.fired.is_empty()).then(|| format!("AU {}", self.units("+")));
        [Some(self.best(classes)), units]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The columns of [`row`](Self::row).
    pub(crate) fn header(classes: &[String]) -> Vec<String> {
        let fixed = [
            "path",
            "frame",
            "face",
            "x",
            "y",
            "w",
            "h",
            "predicted",
            "fired",
        ];
        let classes = classes.iter().map(|class| format!("p_{class}"));
        fixed
            .map(str::to_owned)
            .into_iter()
            .chain(classes)
            .collect()
    }

    /// A row of `faces.csv`; `fired` are numbers of units, with `;`.
    pub(crate) fn row(&self, classes: &[String]) -> Vec<String> {
        let CropBox { x, y, w, h } = self.crop;
        let frame = self.frame.map(|frame| frame.to_string());
        let first = [self.path.display().to_string(), frame.unwrap_or_default()];
        let numbers = [self.face as u32, x, y, w, h].map(|number| number.to_string());
        let last = [self.predicted(classes).to_owned(), self.units(";")];
        let p = self.response.probabilities();
        let p = p.iter().map(f64::to_string);
        first
            .into_iter()
            .chain(numbers)
            .chain(last)
            .chain(p)
            .collect()
    }

    /// A line of `faces.jsonl`: the same, with each unit's filter, activation, threshold and AUROC.
    pub(crate) fn json(&self, classes: &[String]) -> Value {
        let p = classes.iter().cloned().zip(self.response.probabilities());
        let p: Map<String, Value> = p.map(|(name, p)| (name, p.into())).collect();
        let unit = |unit: &&UnitFilter| {
            let mut value = json!(unit);
            value["activation"] = self.response.activations.get(unit.filter).copied().into();
            value
        };
        let CropBox { x, y, w, h } = self.crop;
        json!({
            "path": self.path.to_string_lossy(), "frame": self.frame, "face": self.face, "box": { "x": x, "y": y, "w": w, "h": h },
            "predicted": self.predicted(classes), "probabilities": p,
            "fired": self.fired.iter().map(unit).collect::<Vec<_>>(),
        })
    }
}
