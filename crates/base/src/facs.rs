//! FACS codes as coders write them: `1+2+5b+R14+T23`, `AU12C`, `12:3`, one unit a line.

use crate::text::{composed, is_missing};

/// The text of an image that was coded and shows no action unit.
pub const NONE: &str = "none";

/// One action unit as it was coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// A letter before the number: L and R (left, right), U (one side), B (both sides; before a unit of the lips the bottom
    /// one), T (top), A (asymmetric). Where it stands depends on the coder, so it is kept as written, in capitals.
    pub side: Option<char>,
    /// Number of the action unit, 1 to 99.
    pub au: u8,
    /// 0 = present, not graded; 1 to 5 = the grades A to E.
    pub intensity: u8,
}

/// A cell of a column of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// `NA`, or what programs write for a missing value ([`is_missing`]): nobody coded the image.
    NotCoded,
    /// Empty: what it means depends on the other cells.
    Empty,
    /// The units present; none for [`NONE`] and for `0`, the FACS code of a neutral face.
    Coded(Vec<Unit>),
}

impl Cell {
    /// Reads a cell.
    ///
    /// # Errors
    /// A sentence that names the invalid part and shows valid ones.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(Self::Empty),
            "na" => Ok(Self::NotCoded),
            text if is_missing(text) => Ok(Self::NotCoded),
            NONE if text.trim() == "None" => Err(
                "`None` may be Python's missing value or mean no action unit: write NA (not coded) or none".to_owned(),
            ),
            NONE | "0" | "0.0" => Ok(Self::Coded(Vec::new())),
            _ => units(text).map(Self::Coded),
        }
    }
}

/// Reads units separated by `+`, semicolons, commas, line breaks or blanks. Before a number may stand `AU` and a side, behind
/// it the grade as a letter A to E (1 to 5) or as `:3`; capitals do not count.
///
/// ```
/// let units = faus_base::facs::units("1+2+5b+R14")?;
/// assert_eq!(faus_base::facs::pooled(&units), [(1, 0), (2, 0), (5, 2), (14, 0)]);
/// assert_eq!(faus_base::facs::sides(&units), "R14:0");
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// A sentence that names the invalid part. Two bare numbers with a blank between them are refused: the second could be
/// another unit or the grade of the first.
pub fn units(text: &str) -> Result<Vec<Unit>, String> {
    let text = composed(text);
    if text.to_ascii_lowercase().contains("e+0") && text.trim().parse::<f64>().is_ok() {
        return Err(format!(
            "`{text}` is a number as a spreadsheet writes it, or two units: write 10 or 1E+2"
        ));
    }
    let parts = text.split(['+', ';', ',', '|', '\n', '\r']).map(str::trim);
    let mut found = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let joined = part.replace(" :", ":").replace(": ", ":");
        let words: Vec<&str> = joined.split_whitespace().collect();
        let whole = joined.replace(char::is_whitespace, "");
        match words[..] {
            [au, _] if au.eq_ignore_ascii_case("au") => found.push(unit(&whole)?),
            [one, other] if bare(one) && bare(other) => {
                return Err(format!(
                    "`{one} {other}` may be two action units or a grade: write {one}+{other} or {one}:{other}"
                ));
            }
            _ => {
                let units: Result<Vec<Unit>, _> = words.into_iter().map(unit).collect();
                found.extend(units?);
            }
        }
    }
    match text.trim() {
        // Separators alone.
        rest if found.is_empty() && !rest.is_empty() => Ok(vec![unit(rest)?]),
        _ => Ok(found),
    }
}

fn bare(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

fn unit(word: &str) -> Result<Unit, String> {
    let brief: String = word.chars().take(40).collect();
    let time = word.split(':').count() == 3 && word.split(':').all(bare);
    read_unit(word).ok_or_else(|| match time {
        true => format!(
            "`{brief}` is a time of day: a spreadsheet made it of number:intensity; set the column to text before \
             entering the codes, or write 12C for 12:3"
        ),
        false => format!(
            "`{brief}` is no action unit: write FACS codes (1+2+5B+R14) or `number:intensity` (1:3;12:0) with units 1 to 99 and \
             intensities 0 to 5 (0 = not graded), `none` for coded without any, `NA` for an image that nobody coded"
        ),
    })
}

fn read_unit(word: &str) -> Option<Unit> {
    let word = without_au(word);
    let side = word.chars().next();
    let side = side.filter(|first| "LRUBTA".contains(first.to_ascii_uppercase()));
    let rest = without_au(word.get(side.map_or(0, char::len_utf8)..)?);
    let grade = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &rest[..rest.len() - grade.len()];
    let au = number.parse().ok().filter(|au| (1..=99).contains(au))?;
    let intensity = match grade.strip_prefix(':') {
        Some(grade) => intensity(grade)?,
        // A number that pandas made a fraction, in a column with gaps.
        None if grade.is_empty() || grade == ".0" => 0,
        None => letter(grade)?,
    };
    Some(Unit {
        side: side.map(|side| side.to_ascii_uppercase()),
        au,
        intensity,
    })
}

fn without_au(word: &str) -> &str {
    let start = word.get(..2);
    let au = start.filter(|start| start.eq_ignore_ascii_case("au"));
    au.map_or(word, |_| word[2..].trim_start_matches('_'))
}

fn intensity(grade: &str) -> Option<u8> {
    let (whole, fraction) = grade.split_once('.').unwrap_or((grade, "0"));
    let whole = whole.parse().ok().filter(|_| bare(whole));
    let whole = whole.filter(|grade| *grade <= 5 && fraction.bytes().all(|b| b == b'0'));
    whole.or_else(|| letter(grade))
}

/// The grade of a letter A to E.
pub(crate) fn letter(grade: &str) -> Option<u8> {
    let &[letter] = grade.as_bytes() else {
        return None;
    };
    let place = letter.to_ascii_lowercase().wrapping_sub(b'a');
    (place < 5).then_some(place + 1)
}

/// Each unit once with its strongest grade, ascending by number.
pub fn pooled(units: &[Unit]) -> Vec<(u8, u8)> {
    let mut strongest = std::collections::BTreeMap::new();
    for unit in units {
        let known = strongest.entry(unit.au).or_insert(unit.intensity);
        *known = unit.intensity.max(*known);
    }
    strongest.into_iter().collect()
}

/// The units that have a side: `L10:0;R14:2`.
pub fn sides(units: &[Unit]) -> String {
    let text = |unit: &Unit| Some(format!("{}{}:{}", unit.side?, unit.au, unit.intensity));
    Vec::from_iter(units.iter().filter_map(text)).join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Vec<(u8, u8)>, String) {
        let units = units(text).unwrap();
        (pooled(&units), sides(&units))
    }

    #[test]
    fn codes_as_coders_write_them() {
        for (text, pooled, sides) in [
            (
                "1+2+5b+R14+T23",
                &[(1, 0), (2, 0), (5, 2), (14, 0), (23, 0)][..],
                "R14:0;T23:0",
            ),
            ("AU12C", &[(12, 3)], ""),
            ("12:3", &[(12, 3)], ""),
            ("12:3.0", &[(12, 3)], ""),
            ("12:03", &[(12, 3)], ""),
            ("12 : 3;", &[(12, 3)], ""),
            ("12.0", &[(12, 0)], ""),
            (
                "L10+17+23+24+31",
                &[(10, 0), (17, 0), (23, 0), (24, 0), (31, 0)],
                "L10:0",
            ),
            (
                "4+7e+17d+23d+24d",
                &[(4, 0), (7, 5), (17, 4), (23, 4), (24, 4)],
                "",
            ),
            ("AU06, au 12 ,AU_25a", &[(6, 0), (12, 0), (25, 1)], ""),
            ("6\n12C\r\nAUL14b\n", &[(6, 0), (12, 3), (14, 2)], "L14:2"),
            ("1 2 5B", &[(1, 0), (2, 0), (5, 2)], ""),
            ("L14a;R14:4;14:2", &[(14, 4)], "L14:1;R14:4"),
            ("a12+b14e", &[(12, 0), (14, 5)], "A12:0;B14:5"),
            ("12:C", &[(12, 3)], ""),
        ] {
            assert_eq!(read(text), (pooled.to_vec(), sides.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_may_mean_two_things_is_refused() {
        for (text, part) in [
            ("12 3", "12+3 or 12:3"),
            ("12:03:00", "time of day"),
            ("12:1.37", "`12:1.37` is no action unit"),
            ("12:6", "`12:6`"),
            ("100", "`100`"),
            ("0:1", "`0:1`"),
            ("12f", "`12f`"),
            ("1e2", "`1e2`"),
            ("1E+01", "as a spreadsheet writes it"),
            ("happy", "`number:intensity`"),
            ("-1", "`-1`"),
            ("1+2?", "`2?`"),
            ("null", "`null`"),
            ("12:", "`12:`"),
            ("+", "`+` is no action unit"),
            (" ; ", "`;` is no action unit"),
        ] {
            let error = units(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_kinds_of_cell() {
        for missing in [" NA ", "NaN", "<NA>", "#N/A", "null", "?"] {
            assert_eq!(Cell::read(missing), Ok(Cell::NotCoded), "{missing}");
        }
        assert_eq!(Cell::read(""), Ok(Cell::Empty));
        assert_eq!(Cell::read("none"), Ok(Cell::Coded(vec![])));
        assert_eq!(Cell::read("0"), Ok(Cell::Coded(vec![])));
        assert_eq!(Cell::read("0.0"), Ok(Cell::Coded(vec![])));
        assert!(Cell::read("None").unwrap_err().contains("missing value"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|([LRTBUAau0-9:;+ .]{0,20})") {
            let _ = Cell::read(&text);
        }

        #[test]
        fn written_units_are_read_back(pairs in prop::collection::btree_map(1u8..=99, 0u8..=5, 0..20)) {
            let pairs: Vec<(u8, u8)> = pairs.into_iter().collect();
            let numbers: Vec<String> = pairs.iter().map(|(au, grade)| format!("{au}:{grade}")).collect();
            prop_assert_eq!(pooled(&units(&numbers.join(";")).unwrap()), pairs.clone());
            let letters: Vec<String> = pairs.iter().map(|(au, grade)| format!("AU{au}{}", &["", "a", "B", "c", "D", "e"][*grade as usize])).collect();
            prop_assert_eq!(pooled(&units(&letters.join("+")).unwrap()), pairs);
        }
    }
}
