//! The differences between an experiment and the paper's.

use std::path::PathBuf;

use anyhow::Result;
use faus_data::normalise::Normalisation;
use faus_data::{ClassMap, CropMode, DataConfig, DatasetInfo, FoldRule};
use serde_json::Value;

use super::{ExperimentConfig, VisualizeConfig, json_of};

impl ExperimentConfig {
    /// The settings that differ from the paper's, one line each: `train.steps: 400 (paper: 31000)`.
    ///
    /// # Errors
    /// When a setting has no form in JSON.
    pub fn shortened(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let paper = json_of(&self.nearest_of_paper())?;
        compare("", &json_of(self)?, &paper, &mut lines);
        Ok(lines)
    }

    /// All differences from the authors' code: of settings, then those that no setting removes (docs/PROTOCOL.md,
    /// "Differences"). `network` is the name of the program's network.
    ///
    /// # Errors
    /// As [`shortened`](Self::shortened).
    pub fn differences(&self, network: &str) -> Result<Vec<String>> {
        let mut lines = self.shortened()?;
        if network != "zero_bias_cnn" {
            lines.push(format!("network: {network} (paper: zero_bias_cnn)"));
        }
        let ck_plus = self.data.source.starts_with("ck_plus");
        let of_the_code = [
            (
                network == "zero_bias_cnn",
                "convolution: kernels are not flipped as in Theano, which mirrors the learned kernels",
            ),
            (
                true,
                "random numbers: streams of our own from the seed, another in each fold; the authors restart numpy's at 0 in every fold and leave the weights unseeded",
            ),
            (
                true,
                "logged validation: all images without dropout; the authors' log shows one random batch with dropout (no checkpoint is chosen by it)",
            ),
            (
                true,
                "image range: always [0, 2]; from 2015 to 2017 a bug left some of the authors' inputs outside it",
            ),
            (
                ck_plus && self.data.crop == CropMode::Authors,
                "face boxes: estimated from landmarks or a detector of our own; boxes of OpenCV's Haar cascade, which the authors use, differ by 3 to 5% of their side",
            ),
            (
                ck_plus,
                ".DS_Store files are ignored; the authors lose the neutral frame of a recording that has one",
            ),
            (
                self.train.normalisation == Normalisation::Subtractive,
                "local contrast normalisation: without the division that the authors wrote and Python 2 made void (no effect)",
            ),
        ];
        let of_the_code = of_the_code.iter().filter(|(applies, _)| *applies);
        lines.extend(of_the_code.map(|(_, line)| (*line).to_owned()));
        Ok(lines)
    }

    /// This experiment with source, crop and folds of its data set, which a prepared set may have decided.
    pub fn on(&self, set: &DatasetInfo) -> Self {
        let mut own = self.clone();
        if !set.source.is_empty() {
            own.data.source.clone_from(&set.source);
        }
        let boxes = set.boxes.as_ref().map(PathBuf::from);
        own.data.boxes = own.data.boxes.or(boxes);
        own.data.crop = set.crop;
        own.data.folds = Some(set.folds);
        own.data.fold_rule = Some(set.fold_rule);
        own
    }

    /// The paper's experiment most like this one: the same variant on the same data, with the choices that the paper
    /// leaves open.
    fn nearest_of_paper(&self) -> Self {
        let mut paper = Self::of_paper();
        paper.name.clone_from(&self.name);
        paper.seed = self.seed;
        paper.fau = self.fau.clone();
        paper.visualize = VisualizeConfig {
            top: paper.visualize.top,
            show: paper.visualize.show,
            ..self.visualize.clone()
        };
        paper.data = nearest_data(&self.data, paper.data);
        paper.train.augment = self.train.augment;
        if !self.train.augment {
            paper.train.augmentation = self.train.augmentation.clone();
        }
        if self.train.dropout > 0.0 {
            paper.train.dropout = 0.5;
        }
        paper
    }
}

/// The paper's data settings with those of `own` that state the same in other words or have no effect.
fn nearest_data(own: &DataConfig, mut paper: DataConfig) -> DataConfig {
    let source = own.source.as_str();
    let cropped = matches!(source, "tfd" | "arrays");
    let ck_plus = own.source.starts_with("ck_plus");
    if cropped || ck_plus {
        paper.source.clone_from(&own.source);
    }
    if cropped && matches!(own.crop, CropMode::Auto | CropMode::None) {
        paper.crop = own.crop;
    }
    let classes = own.classes.clone();
    let paper_classes = [ClassMap::eight(), ClassMap::six()];
    let known = ck_plus || source == "arrays";
    paper.classes = classes.filter(|classes| known && paper_classes.contains(classes));
    paper.folds = own.folds.map(|own| match source {
        "tfd" => 5,
        "arrays" => own,
        _ => 10,
    });
    let rule = if cropped {
        FoldRule::Given
    } else {
        FoldRule::Modulo
    };
    paper.fold_rule = own.fold_rule.and(Some(rule));
    paper.label_map = own.label_map.clone();
    paper.strict = own.strict;
    paper
}

/// Appends a line for each value of `own` that is not `paper`'s, objects key by key.
fn compare(path: &str, own: &Value, paper: &Value, lines: &mut Vec<String>) {
    match (own, paper) {
        (Value::Object(own), Value::Object(paper)) if own.keys().eq(paper.keys()) => {
            let dot = if path.is_empty() { "" } else { "." };
            for ((key, own), paper) in own.iter().zip(paper.values()) {
                compare(&format!("{path}{dot}{key}"), own, paper, lines);
            }
        }
        _ if own != paper => lines.push(format!("{path}: {} (paper: {})", text(own), text(paper))),
        _ => (),
    }
}

/// A value as `--set` takes it.
fn text(value: &Value) -> String {
    let word = value.as_str().map(str::to_owned);
    word.unwrap_or_else(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    /// The differences of an experiment under `preset` with `sets`, separated by blanks.
    fn lines(preset: Preset, sets: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        let text = r#"{"name": "x", "train": {"augment": true, "dropout": 0.5}}"#;
        std::fs::write(&path, text).unwrap();
        let sets: Vec<String> = sets.split_whitespace().map(str::to_owned).collect();
        let config = ExperimentConfig::read(&path, preset, Some(3), &sets).unwrap();
        config.differences("zero_bias_cnn").unwrap()
    }

    #[test]
    fn paper_differs_by_nothing_but_points_of_the_code() {
        let kept = lines(Preset::Paper, "");
        assert_eq!(kept.len(), 7, "{kept:?}");
        assert!(kept.iter().all(|line| !line.contains("(paper: ")));
        for same in [
            "data.folds=10 data.fold_rule=modulo data.strict=true",
            "data.source=ck_plus_six_class data.classes=six",
            "train.augment=false train.dropout=0 train.augmentation.rotation_deg=[-9,9]",
            "visualize.method=deconvnet visualize.layer=conv2",
        ] {
            assert_eq!(lines(Preset::Paper, same), kept, "{same}");
        }
    }

    #[test]
    fn every_other_setting_is_a_difference() {
        let kept = lines(Preset::Paper, "");
        for (set, line) in [
            ("train.steps=2", "train.steps: 2 (paper: 31000)"),
            ("train.dropout=0.3", "train.dropout: 0.3 (paper: 0.5)"),
            (
                "train.protocol=paper-2015",
                "train.protocol: paper-2015 (paper: paper-2017)",
            ),
            ("data.folds=5", "data.folds: 5 (paper: 10)"),
            ("data.boxes=b.csv", "data.boxes: b.csv (paper: null)"),
            ("data.classes=seven", "data.classes: seven (paper: null)"),
            ("data.source=csv", "data.source: csv (paper: ck_plus)"),
            ("data.crop=auto", "data.crop: auto (paper: authors)"),
            (
                "data.fold_rule=balanced",
                "data.fold_rule: balanced (paper: modulo)",
            ),
            ("network.k=1.5", "network.k: 1.5 (paper: null)"),
            (
                "network.architecture=other",
                "network.architecture: other (paper: null)",
            ),
            (
                "train.normalisation=divisive",
                r#"train.normalisation: {"divisive":{"epsilon":0.01}} (paper: subtractive)"#,
            ),
            (
                "visualize.show=input",
                "visualize.show: input (paper: normalised)",
            ),
        ] {
            let own = lines(Preset::Paper, set);
            assert!(own.contains(&line.to_owned()), "{set}: {own:?}");
            assert_eq!(
                own.iter().filter(|own| !kept.contains(own)).count(),
                1,
                "{own:?}"
            );
        }
    }

    #[test]
    fn points_of_the_code_depend_on_the_run() {
        let has =
            |sets: &str, what: &str| lines(Preset::Paper, sets).iter().any(|l| l.contains(what));
        assert!(has("", "Haar cascade") && has("", ".DS_Store") && has("", "Python 2"));
        assert!(!has("data.crop=auto", "Haar cascade") && !has("data.source=tfd", "Haar cascade"));
        assert!(!has("data.source=arrays", ".DS_Store"));
        assert!(!has("train.normalisation=divisive", "Python 2"));
        let given = "data.source=tfd data.crop=auto data.folds=5 data.fold_rule=given";
        assert!(!has(given, "paper: "));
        let other = "data.source=tfd data.crop=auto data.folds=10 data.fold_rule=modulo";
        assert!(has(other, "data.folds: 10 (paper: 5)"));
        assert!(has(other, "data.fold_rule: modulo (paper: given)"));
        assert!(!has(
            "data.source=arrays data.classes=six data.crop=auto",
            "paper: "
        ));
    }
}
