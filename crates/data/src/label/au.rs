//! FACS action units and their codes.

use std::fmt;
use std::str::FromStr;

use faus_base::facs::{self, Cell};

use crate::error::Error;
use crate::label::text::{brief, whole_number};

/// A facial action unit by its FACS number, 1 to 99; `Au(12)` displays as `12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Au(pub u8);

impl Au {
    /// The name in the FACS manual (Ekman, Friesen and Hager 2002), or `Unnamed` for a number without one.
    pub fn name(self) -> &'static str {
        faus_base::au::name(self.0)
    }
}

impl fmt::Display for Au {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One coded action unit and its intensity; displays as `12:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuScore {
    /// The action unit.
    pub au: Au,
    /// 0 = present but not graded; 1 to 5 = the FACS grades A to E.
    pub intensity: u8,
}

impl AuScore {
    fn of((au, intensity): (u8, u8)) -> Self {
        let au = Au(au);
        Self { au, intensity }
    }
}

impl fmt::Display for AuScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.au, self.intensity)
    }
}

/// The FACS codes of one image: the `aus` column of `samples.csv`.
///
/// `NotCoded` displays as `NA`; `Coded` as `1:3;2:3;12:0`, and as `none` when no action unit is present (older prepared sets
/// have the empty text there, which is read too).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuCoding {
    /// Not coded: the action units are unknown.
    #[default]
    NotCoded,
    /// The action units present; all others are absent.
    Coded(Vec<AuScore>),
}

impl AuCoding {
    /// A coding with the scores in AU order. If an AU was scored twice (once per side), the stronger grade is kept.
    pub fn coded(mut scores: Vec<AuScore>) -> Self {
        scores.sort_by_key(|score| (score.au, std::cmp::Reverse(score.intensity)));
        scores.dedup_by_key(|score| score.au);
        Self::Coded(scores)
    }

    /// The scores, or `None` when the image was not coded.
    pub fn scores(&self) -> Option<&[AuScore]> {
        match self {
            Self::NotCoded => None,
            Self::Coded(scores) => Some(scores),
        }
    }

    /// Reads a CK+ FACS file: lines `AU intensity`, both written as floats (`1.2000000e+01 3.0000000e+00`), or FACS codes
    /// ([`facs::units`]), one or several a line, whose units with a side ([`facs::sides`]) come second; numbers have none.
    ///
    /// # Errors
    /// [`Error::Parse`] naming the line, for anything else, and for `12,3`, which may be two units or one with its grade. A file
    /// of one line `none` is coded, `NA` is not. A file without a line means that the coder saw no action
    /// unit, or that the file was cut off, so the readers list empty files in their notes.
    pub fn from_facs_file(text: &str) -> Result<(Self, String), Error> {
        let lines = (1..).zip(text.lines());
        let lines: Vec<_> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
        let numbers = lines.iter().any(|(_, line)| facs_line(line).is_some());
        let (mut scores, mut coded) = (Vec::new(), Vec::new());
        for (number, line) in &lines {
            let wrong = |fault| Error::parse(format!("line {number}: {fault}"));
            let expected = || {
                format!(
                    "expected 'AU intensity' (1-99, 0-5), found '{}'",
                    brief(line)
                )
            };
            match (numbers, either(line)) {
                (true, _) => scores.push(facs_line(line).ok_or_else(|| wrong(expected()))?),
                (false, Some(fault)) => return Err(wrong(fault)),
                (false, None) if lines.len() > 1 => coded.extend(facs::units(line).map_err(wrong)?),
                (false, None) => match Cell::read(line).map_err(wrong)? {
                    Cell::Coded(units) => coded = units,
                    Cell::NotCoded | Cell::Empty => return Ok(Default::default()),
                },
            }
        }
        scores.extend(facs::pooled(&coded).into_iter().map(AuScore::of));
        Ok((Self::coded(scores), facs::sides(&coded)))
    }

    /// A coding of units as coded, the sides pooled.
    pub fn of_units(units: &[facs::Unit]) -> Self {
        Self::of_scores(facs::pooled(units))
    }

    /// A coding of units and their intensities.
    pub(crate) fn of_scores(units: impl IntoIterator<Item = (u8, u8)>) -> Self {
        Self::coded(units.into_iter().map(AuScore::of).collect())
    }
}

fn facs_line(line: &str) -> Option<AuScore> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let &[au, intensity] = words.as_slice() else {
        return None;
    };
    let (au, intensity) = (whole_number(au)?, whole_number(intensity)?);
    let valid = (1..=99).contains(&au) && intensity <= 5;
    valid.then_some(AuScore::of((au, intensity)))
}

/// The fault of a line such as `12,3`: two units, or a unit and its grade.
fn either(line: &str) -> Option<String> {
    let (au, other) = line.split_once([',', ';', '|'])?;
    let (au, other) = (whole_number(au.trim())?, whole_number(other.trim())?);
    let line = brief(line);
    (other <= 5).then(|| {
        format!("`{line}` may be two action units or one with its grade: write {au}+{other} or `{au} {other}`")
    })
}

impl fmt::Display for AuCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Coded(scores) = self else {
            return f.write_str("NA");
        };
        if scores.is_empty() {
            return f.write_str(facs::NONE);
        }
        let texts: Vec<_> = scores.iter().map(AuScore::to_string).collect();
        f.write_str(&texts.join(";"))
    }
}

impl FromStr for AuCoding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match Cell::read(text).map_err(Error::parse)? {
            Cell::NotCoded => Ok(Self::NotCoded),
            Cell::Empty => Ok(Self::Coded(Vec::new())),
            Cell::Coded(units) => Ok(Self::of_units(&units)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(au: u8, intensity: u8) -> AuScore {
        AuScore {
            au: Au(au),
            intensity,
        }
    }

    #[test]
    fn reads_a_facs_file_in_matlab_floats() {
        let text = "   1.2000000e+01   3.0000000e+00\r\n   6.0000000e+00   0.0000000e+00\r\n\r\n";
        assert_eq!(
            AuCoding::from_facs_file(text).unwrap(),
            (
                AuCoding::Coded(vec![score(6, 0), score(12, 3)]),
                String::new()
            )
        );
    }

    #[test]
    fn keeps_the_stronger_of_two_sides() {
        let (coding, _) = AuCoding::from_facs_file("14 2\n14 4\n").unwrap();
        assert_eq!(coding, AuCoding::Coded(vec![score(14, 4)]));
    }

    #[test]
    fn reads_codes_one_a_line() {
        let (coding, sides) = AuCoding::from_facs_file("1+2\n\n5b\r\nR14d\nL14b").unwrap();
        let scores = vec![score(1, 0), score(2, 0), score(5, 2), score(14, 4)];
        assert_eq!(
            (coding, sides.as_str()),
            (AuCoding::Coded(scores), "R14:4;L14:2")
        );
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        for bad in [
            "1 2\n3",
            "1 2\n3 x",
            "1 2\n3 6",
            "1 2\n0 1",
            "1 2\n1.5 1",
            "1 2\n1 2 3",
            "1 2\nNaN 1",
        ] {
            let message = AuCoding::from_facs_file(bad).unwrap_err().to_string();
            assert!(message.starts_with("line 2: "), "{message}");
        }
        for (either, line) in [("12,3", 1), ("6;0\n", 1), ("6,12\n25 , 2.0", 2)] {
            let message = AuCoding::from_facs_file(either).unwrap_err().to_string();
            let start = format!("line {line}: ");
            assert!(
                message.starts_with(&start) && message.contains("with its grade"),
                "{message}"
            );
        }
        let (uncoded, _) = AuCoding::from_facs_file("NA\n").unwrap();
        assert_eq!(uncoded, AuCoding::NotCoded);
        assert!(AuCoding::from_facs_file("none\n12\n").is_err());
        for empty in ["", " \r\n", "none\r\n", "0"] {
            let (coding, _) = AuCoding::from_facs_file(empty).unwrap();
            assert_eq!(coding, AuCoding::Coded(vec![]));
        }
    }

    #[test]
    fn writes_the_three_forms_of_the_column() {
        assert_eq!(AuCoding::NotCoded.to_string(), "NA");
        assert_eq!(AuCoding::Coded(vec![]).to_string(), "none");
        for empty in ["", "none"] {
            assert_eq!(empty.parse::<AuCoding>().unwrap(), AuCoding::Coded(vec![]));
        }
        assert_eq!(
            AuCoding::Coded(vec![score(1, 3), score(12, 0)]).to_string(),
            "1:3;12:0"
        );
    }

    #[test]
    fn every_unit_of_the_ck_plus_table_has_a_name() {
        for au in [
            1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 43,
        ] {
            assert_ne!(Au(au).name(), "Unnamed", "AU {au}");
        }
        assert_eq!(Au(12).name(), "Lip corner puller");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = AuCoding::from_facs_file(&text);
            let _ = text.parse::<AuCoding>();
        }

        #[test]
        fn round_trips(pairs in proptest::collection::vec((1u8..=99, 0u8..=5), 0..20)) {
            let coding = AuCoding::coded(pairs.into_iter().map(|(au, i)| score(au, i)).collect());
            prop_assert_eq!(coding.to_string().parse::<AuCoding>().unwrap(), coding.clone());
            if !coding.scores().unwrap().is_empty() {
                let file: String = coding.scores().unwrap().iter()
                    .map(|s| format!("   {:e}   {:.7e}\n", f64::from(s.au.0), f64::from(s.intensity))).collect();
                prop_assert_eq!(AuCoding::from_facs_file(&file).unwrap().0, coding);
            }
        }
    }
}
