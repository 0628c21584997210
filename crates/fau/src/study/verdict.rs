//! Did the network learn action units? The verdict on a run's evidence, by criteria fixed beforehand (docs/statistics.md).

use std::path::Path;

use faus_base::order::median;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, read_limited};
use crate::study::starts::STARTS;
use crate::write::save_json;
use crate::write::verdict::UNCOMPARED;
use crate::write::words::{counted, range};

/// People below which nothing can be told, coded and unknown to the network that scores them. Our choice: intervals and tests over fewer are not to be trusted.
const PEOPLE: u64 = 10;
/// Share of the units on unseen people, and of the testable filters inside expressions, from which the verdict is yes. Our
/// choice.
const UNITS: f64 = 0.5;
const FILTERS: f64 = 2.0 / 3.0;
/// Difference in AUROC that must be detectable in half of the units before their absence is a finding. Our choice.
const DETECTABLE: f64 = 0.2;
/// Share of the testable filters that must follow their unit beyond the strength of the expression. Our choice.
const GIVEN_STRENGTH: f64 = 0.1;
/// Smallest difference that a two-sided 5% test finds with 80% power, in widths of its 95% interval: (1.960 + 0.842) / (2 · 1.960).
const DETECTED: f64 = 0.715;
/// Size limit of a JSON file, in bytes.
const LIMIT: u64 = 64 << 20;

/// The verdicts, from the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Most units are detected on unseen people, and most filters follow their unit inside expressions.
    Yes,
    /// Some of both.
    Partly,
    /// Units are detected on unseen people, but inside expressions not better than by untrained networks, or not beyond the
    /// strength of the expression.
    OnlyTheExpression,
    /// No unit is detected better than by untrained networks.
    No,
    /// The data or the evidence do not suffice.
    CannotBeTold,
}

/// The numbers that decide.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// Whether the faces are drawn: the criteria were changed after data of this kind had been seen.
    pub exploratory: bool,
    /// Whether the network is one from a file, of which nothing says that it was trained.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trained_elsewhere: bool,
    /// Whether it may have seen the people on whom it was tested.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_have_seen: bool,
    /// The false-discovery rate of all counts.
    pub fdr: f64,
    /// People among the coded images, and of these the ones on whom a network that does not know them was tested.
    pub people: u64,
    /// Action units tested on people unknown to the network; `None` without a replication.
    pub units: Option<usize>,
    /// Those that are detected better than by untrained starts.
    pub units_above_untrained: Vec<u8>,
    /// The difference in AUROC that would be found with 80% power in half of the units, from the intervals.
    pub detectable: Option<f64>,
    /// Units that can be tested among images of the same expression.
    pub units_testable_within: usize,
    /// Those that are detected there better than by untrained starts.
    pub units_above_untrained_within: Vec<u8>,
    /// The difference that would be found there.
    pub detectable_within: Option<f64>,
    /// Filters with a name.
    pub filters_named: u64,
    /// Filters that follow their unit inside expressions.
    pub within_holds: u64,
    /// Those that do not.
    pub within_fails: u64,
    /// Filters that follow their unit given the strength of the expression too; `None` where this was not tested.
    pub within_given_strength: Option<u64>,
    /// `within_holds` of each untrained start.
    pub untrained_within_holds: Vec<u64>,
    /// `filters_named` of each draw of exchanged codes.
    pub shuffled_named: Vec<u64>,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::Partly => "Partly",
            Self::OnlyTheExpression => "Only what the expression implies",
            Self::No => "No",
            Self::CannotBeTold => "Cannot be told",
        }
    }
}

impl Evidence {
    /// The numbers in the JSON of `faus controls` and of `faus replicate`.
    fn of(controls: &Value, replication: Option<&Value>) -> Self {
        let within = &controls["within_expressions"];
        let count = |of: &Value, key: &str| of[key].as_u64().unwrap_or(0);
        let each = |list: &str, key: &str| {
            let list = within[list].as_array().into_iter().flatten();
            list.map(|of| count(of, key)).collect()
        };
        let units = replication.and_then(|of| of["by_au"].as_array());
        let fdr = controls["fdr"].as_f64().unwrap_or(0.05);
        let above = |key: &str| -> Vec<u8> {
            let clear = |unit: &&Value| {
                let number = |of: &str| unit[key][of].as_f64().unwrap_or(f64::NAN);
                number("difference") > 0.0 && number("q") <= fdr
            };
            let kept = units.into_iter().flatten().filter(clear);
            kept.filter_map(|unit| u8::try_from(unit["au"].as_u64()?).ok())
                .collect()
        };
        let testable = units.into_iter().flatten();
        let testable = testable.filter(|unit| unit["within_testable"] == true);
        let detectable = |units: Vec<&Value>, key: &str| {
            let end = |unit: &Value, of: &str| unit[key][of].as_f64();
            let width = |unit: &&Value| Some(end(unit, "high")? - end(unit, "low")?);
            let widths: Vec<f64> = units.iter().filter_map(width).collect();
            (!widths.is_empty()).then(|| DETECTED * median(&widths))
        };
        let tested = replication.and_then(|of| of["people"].as_u64());
        let people = count(controls, "people");
        let trained = &within["trained"];
        let trained_elsewhere = controls["trained_elsewhere"] == true;
        Self {
            trained_elsewhere,
            may_have_seen: trained_elsewhere
                && replication.is_some_and(|of| of["optimistic"] == true),
            exploratory: controls["synthetic"] == true,
            fdr,
            people: tested.map_or(people, |tested| tested.min(people)),
            units: units.map(Vec::len),
            units_above_untrained: above("above_untrained"),
            detectable: detectable(units.into_iter().flatten().collect(), "above_untrained"),
            units_testable_within: testable.clone().count(),
            units_above_untrained_within: above("within_above_untrained"),
            detectable_within: detectable(testable.collect(), "within_above_untrained"),
            filters_named: count(trained, "named"),
            within_holds: count(trained, "within_holds"),
            within_fails: count(trained, "within_fails"),
            within_given_strength: within["given_strength"].as_u64(),
            untrained_within_holds: each("starts", "within_holds"),
            shuffled_named: each("au_shuffled", "named"),
        }
    }

    /// The verdict, by the criteria of docs/statistics.md.
    pub fn verdict(&self) -> Verdict {
        let Some(units) = self
            .units
            .filter(|units| *units > 0 && self.people >= PEOPLE)
        else {
            return Verdict::CannotBeTold;
        };
        let weak = |detectable: Option<f64>| detectable.is_some_and(|auroc| auroc > DETECTABLE);
        if self.units_above_untrained.is_empty() {
            return match weak(self.detectable) {
                true => Verdict::CannotBeTold,
                false => Verdict::No,
            };
        }
        if self.units_testable_within == 0 {
            return Verdict::CannotBeTold;
        }
        let testable = (self.within_holds + self.within_fails) as f64;
        let own = self.within_given_strength.unwrap_or(self.within_holds) as f64;
        if own < GIVEN_STRENGTH * testable {
            return Verdict::OnlyTheExpression;
        }
        if self.units_above_untrained_within.is_empty() {
            return match weak(self.detectable_within) {
                true => Verdict::CannotBeTold,
                false => Verdict::OnlyTheExpression,
            };
        }
        let most = |own: &[u8], of: usize| own.len() as f64 >= UNITS * of as f64;
        let known = most(&self.units_above_untrained, units)
            && most(
                &self.units_above_untrained_within,
                self.units_testable_within,
            );
        match known && self.within_holds as f64 >= FILTERS * testable {
            true => Verdict::Yes,
            false => Verdict::Partly,
        }
    }

    /// The verdict in one line, with its numbers.
    pub fn sentence(&self) -> String {
        let caution = match self.exploratory {
            true => {
                " Exploratory: these are drawn faces, and the criteria were changed after results on drawn faces had been seen (docs/statistics.md)."
            }
            false => "",
        };
        self.numbers() + caution
    }

    fn numbers(&self) -> String {
        let question = match self.trained_elsewhere {
            true => "Do the network's filters follow action units",
            false => "Did the network learn action units",
        };
        let head = format!("{question}? {}", self.verdict().words());
        let people = match self.may_have_seen {
            true => "other people than the filters were chosen on, whom the network may have seen",
            false => "unseen people",
        };
        if self.people < PEOPLE {
            return format!(
                "{head}: only {} with coded images can be tested, and fewer than {PEOPLE} are not enough.",
                counted(self.people, "person")
            );
        }
        let Some(units) = self.units.filter(|units| *units > 0) else {
            return format!(
                "{head}: nothing is known of people that the networks have not seen (`faus replicate`)."
            );
        };
        format!(
            "{head}. On {people}, the best filter of {} of {units} units is above those of {STARTS} untrained networks (false-discovery rate {:.0}%){}; among images of one expression, {}.{}",
            self.units_above_untrained.len(),
            100.0 * self.fdr,
            power(&self.units_above_untrained, self.detectable),
            match self.units_testable_within {
                0 => "no unit can be tested".to_owned(),
                testable => {
                    format!(
                        "that of {} of {testable}{}",
                        self.units_above_untrained_within.len(),
                        power(&self.units_above_untrained_within, self.detectable_within)
                    )
                }
            },
            self.filters()
        )
    }

    fn filters(&self) -> String {
        let testable = self.within_holds + self.within_fails;
        let knows = match self.trained_elsewhere && !self.may_have_seen {
            true => "",
            false => " that may know these people",
        };
        let named = format!(
            " A weaker test, against chance, in one network{knows}: {} filters are named after a unit (with codes exchanged between images: {}).",
            self.filters_named,
            range(&self.shuffled_named)
        );
        if testable == 0 {
            return named;
        }
        let given = self.within_given_strength.map_or(String::new(), |given| {
            format!(", {given} of them beyond what the network's own class scores explain")
        });
        format!(
            "{named} Of {testable} that can be tested, {} follow their unit among images of one expression (untrained: {}){given}.",
            self.within_holds,
            range(&self.untrained_within_holds)
        )
    }
}

/// What would have been found, where nothing was.
fn power(found: &[u8], detectable: Option<f64>) -> String {
    match detectable.filter(|_| found.is_empty()) {
        None => String::new(),
        Some(auroc) if auroc <= DETECTABLE => format!(
            " (a difference in AUROC of {auroc:.2} would have been found in half of these units with 80% power)"
        ),
        Some(auroc) if auroc < 0.5 => format!(
            " (too few images: only a difference in AUROC of {auroc:.2} would have been found in half of these units with 80% power)"
        ),
        Some(_) => " (too few images to find any difference in half of these units)".to_owned(),
    }
}

/// Writes the verdict on the evidence in a run's `fau/` into `fau.json`: the object `answer`, and its sentence first in
/// `verdict`. Returns the sentence; `None` before `faus controls`.
///
/// # Errors
/// [`Error::Disk`], and [`Error::File`] for a damaged file.
pub fn write_verdict(dir: &Path) -> Result<Option<String>, Error> {
    let (fau, controls) = (read(dir, "fau")?, read(dir, "controls")?);
    let (Some(mut fau), Some(controls)) = (fau, controls) else {
        return Ok(None);
    };
    if controls["within_expressions"].is_null() {
        return Ok(None);
    }
    let evidence = Evidence::of(&controls, read(dir, "replication")?.as_ref());
    let sentence = evidence.sentence();
    let before = fau["answer"]["sentence"].take();
    let mut lines = fau["verdict"].as_array().cloned().unwrap_or_default();
    let told = |line: &Value| {
        line.as_str()
            .is_some_and(|line| line.starts_with(UNCOMPARED))
    };
    lines.retain(|line| *line != before && !told(line));
    lines.insert(0, sentence.clone().into());
    fau["verdict"] = lines.into();
    fau["answer"] = json!({
        "verdict": evidence.verdict(),
        "sentence": sentence,
        "criteria": "docs/statistics.md, The verdict",
        "evidence": evidence,
    });
    save_json(dir, "fau.json", &fau)?;
    Ok(Some(sentence))
}

/// A study's JSON in a run's `fau/`, if it is there.
pub(crate) fn read(dir: &Path, name: &str) -> Result<Option<Value>, Error> {
    let path = dir.join(format!("{name}.json"));
    if !path.exists() {
        return Ok(None);
    }
    let value = serde_json::from_slice(&read_limited(&path, LIMIT)?);
    value
        .map(Some)
        .map_err(|fault| Error::file(&path, fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            exploratory: false,
            trained_elsewhere: false,
            may_have_seen: false,
            fdr: 0.05,
            people: 100,
            units: Some(20),
            units_above_untrained: (1..=17).collect(),
            detectable: Some(0.1),
            units_testable_within: 4,
            units_above_untrained_within: vec![1, 2],
            detectable_within: Some(0.123),
            filters_named: 187,
            within_holds: 100,
            within_fails: 24,
            within_given_strength: Some(90),
            untrained_within_holds: vec![0, 1, 0],
            shuffled_named: vec![0, 2],
        }
    }

    #[test]
    fn the_criteria_one_by_one() {
        let of = |change: fn(&mut Evidence)| {
            let mut changed = evidence();
            change(&mut changed);
            changed.verdict()
        };
        assert_eq!(of(|_| ()), Verdict::Yes);
        assert_eq!(of(|e| e.people = 9), Verdict::CannotBeTold);
        assert_eq!(of(|e| e.units = None), Verdict::CannotBeTold);
        assert_eq!(of(|e| e.units_above_untrained.clear()), Verdict::No);
        let few = |e: &mut Evidence| {
            e.units_above_untrained.clear();
            e.detectable = Some(0.21);
        };
        assert_eq!(of(few), Verdict::CannotBeTold);
        assert_eq!(of(|e| e.units_testable_within = 5), Verdict::Partly);
        let few = |e: &mut Evidence| {
            e.units_above_untrained_within.clear();
            e.detectable_within = Some(0.21);
        };
        assert_eq!(of(few), Verdict::CannotBeTold);
        assert_eq!(of(|e| e.units_testable_within = 0), Verdict::CannotBeTold);
        let only = Verdict::OnlyTheExpression;
        assert_eq!(of(|e| e.units_above_untrained_within.clear()), only);
        assert_eq!(of(|e| e.within_given_strength = Some(12)), only);
        assert_eq!(of(|e| e.within_fails = 51), Verdict::Partly);
        assert_eq!(of(|e| e.units_above_untrained.truncate(9)), Verdict::Partly);
    }

    #[test]
    fn the_sentence_has_the_numbers() {
        assert_eq!(
            evidence().sentence(),
            "Did the network learn action units? Yes. On unseen people, the best filter of 17 of 20 units is above those of 20 untrained networks (false-discovery rate 5%); among images of one expression, that of 2 of 4. A weaker test, against chance, in one network that may know these people: 187 filters are named after a unit (with codes exchanged between images: 0 to 2). Of 124 that can be tested, 100 follow their unit among images of one expression (untrained: 0 to 1), 90 of them beyond what the network's own class scores explain."
        );
        let without = Evidence {
            units_above_untrained_within: vec![],
            ..evidence()
        };
        let power = "that of 0 of 4 (a difference in AUROC of 0.12 would have been found in half of these units with 80% power).";
        assert!(without.sentence().contains(power));
        let drawn = Evidence {
            exploratory: true,
            ..evidence()
        };
        assert!(
            drawn
                .sentence()
                .contains("explain. Exploratory: these are drawn faces")
        );
        let of_a_file = Evidence {
            trained_elsewhere: true,
            may_have_seen: true,
            ..evidence()
        };
        let sentence = of_a_file.sentence();
        assert!(sentence.starts_with(
            "Do the network's filters follow action units? Yes. On other people than"
        ));
        assert!(
            sentence.contains("whom the network may have seen, the best filter of 17 of 20 units")
        );
    }
}
