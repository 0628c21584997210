//! The samples table: the person, expression and action units of each image.

use std::collections::BTreeMap;
use std::path::Path;

use faus_base::person::Person;
use faus_base::table::Table;
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::error::{Error, read_limited};

/// Size limit of a samples table: 256 MiB, about a million rows.
const MAX_BYTES: u64 = 256 << 20;

/// One image of `samples.csv`; columns that the table lacks, and empty cells, are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
pub struct SampleRow {
    /// Row of the activations array, from 0.
    #[serde(deserialize_with = "index_cell")]
    pub index: usize,
    /// Subject, by number or name; `None` where unknown.
    #[serde(default, deserialize_with = "person_cell")]
    pub subject: Option<Person>,
    /// Recording: rows of one subject and one sequence are frames of the same event.
    pub sequence: Option<String>,
    /// Class; -1 for held-out images.
    #[serde(default, deserialize_with = "label_cell")]
    pub label: Option<i64>,
    /// Class in words.
    pub label_name: Option<String>,
    /// `labelled` or `held_out`.
    pub role: Option<String>,
    /// Action units that are present, with their intensities (0 = not graded, 1 to 5 = A to E), ascending by number,
    /// each once. `None`: this image is not coded.
    #[serde(rename = "aus", deserialize_with = "aus_cell")]
    pub coded: Option<Vec<(u8, u8)>>,
}

impl SampleRow {
    /// Intensity of an action unit that is present: 0 not graded, 1 to 5 for A to E.
    pub(crate) fn intensity(&self, au: u8) -> Option<u8> {
        let own = self.coded.iter().flatten().filter(|unit| unit.0 == au);
        own.map(|unit| unit.1).max()
    }
}

/// Reads `samples.csv` of a prepared data set, or a table for the images of any other network.
///
/// Columns are found by their header names, in any order; only `index` and `aus` must be there. Columns
/// that this analysis does not use are ignored.
///
/// # Errors
/// [`Error::Disk`], and [`Error::File`] for a file that is too large or lacks a column, or with the line of an invalid
/// cell.
pub fn read_samples(path: &Path) -> Result<Vec<SampleRow>, Error> {
    parse(&read_limited(path, MAX_BYTES)?).map_err(|fault| Error::file(path, fault))
}

fn parse(contents: &[u8]) -> Result<Vec<SampleRow>, String> {
    let table = Table::open(contents)?;
    let needed = table.require(&["index", "aus"]);
    needed.map_err(|fault| format!("{fault}; write one as described for samples.csv"))?;
    table.rows().collect()
}

fn person_cell<'de, D: Deserializer<'de>>(cell: D) -> Result<Option<Person>, D::Error> {
    Ok(Person::of(&String::deserialize(cell)?))
}

fn index_cell<'de, D: Deserializer<'de>>(cell: D) -> Result<usize, D::Error> {
    let index = whole(&String::deserialize(cell)?);
    let index = index.and_then(|number| usize::try_from(number).ok());
    index.ok_or_else(|| D::Error::custom("not a row number from 0"))
}

fn label_cell<'de, D: Deserializer<'de>>(cell: D) -> Result<Option<i64>, D::Error> {
    let cell = String::deserialize(cell)?;
    let label = whole(&cell).map(Some);
    let label = label.or_else(|| cell.is_empty().then_some(None));
    label.ok_or_else(|| D::Error::custom("not a whole number"))
}

/// A whole number, also as pandas writes it into a column with gaps: `3.0`.
fn whole(cell: &str) -> Option<i64> {
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    fraction
        .bytes()
        .all(|digit| digit == b'0')
        .then(|| whole.parse().ok())?
}

fn aus_cell<'de, D: Deserializer<'de>>(cell: D) -> Result<Option<Vec<(u8, u8)>>, D::Error> {
    parse_aus(&String::deserialize(cell)?).map_err(D::Error::custom)
}

/// Reads an `aus` cell: `1:3;2:3;12:0` (action unit : intensity), empty = coded and none present,
/// `NA` = not coded. A unit listed twice keeps its higher intensity.
///
/// # Errors
/// A sentence that names the invalid part.
pub fn parse_aus(cell: &str) -> Result<Option<Vec<(u8, u8)>>, String> {
    let cell = cell.trim();
    if cell == "NA" {
        return Ok(None);
    }
    let mut units = BTreeMap::new();
    for part in cell.split(';').filter(|_| !cell.is_empty()) {
        let unit = part.split_once(':').and_then(|(au, intensity)| {
            let au = au.trim().parse::<u8>().ok().filter(|&au| au > 0)?;
            let intensity = intensity.trim().parse::<u8>().ok()?;
            (intensity <= 5).then_some((au, intensity))
        });
        let (au, intensity) = unit.ok_or_else(|| {
            format!("action unit `{part}` is not `number:intensity` with intensity 0 to 5 (write `NA` for an image that nobody coded)")
        })?;
        let strongest = units.entry(au).or_insert(intensity);
        *strongest = intensity.max(*strongest);
    }
    Ok(Some(units.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse_aus;
    use faus_base::person::Person;

    #[test]
    fn the_three_kinds_of_cell() {
        assert_eq!(parse_aus("NA"), Ok(None));
        assert_eq!(parse_aus(""), Ok(Some(vec![])));
        let units = vec![(1, 3), (2, 3), (12, 0)];
        assert_eq!(parse_aus("12:0;1:3;2:3"), Ok(Some(units)));
        assert_eq!(parse_aus("4:1;4:3"), Ok(Some(vec![(4, 3)])));
    }

    #[test]
    fn damaged_cells_are_named() {
        for cell in ["12", "12:6", "0:1", "300:1", "1:2;", "happy", "-1:2"] {
            assert!(parse_aus(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_column_that_occurs_twice_is_named() {
        let error = super::parse(b"index,aus,label,label\n0,NA,1,1\n").unwrap_err();
        assert_eq!(
            error,
            "the column `label` occurs twice; keep one of the two"
        );
    }

    #[test]
    fn only_index_and_aus_are_needed() {
        let rows = super::parse(b"aus,extra,index\n1:2,x,0\nNA,y,1\n").unwrap();
        assert_eq!(rows[0].coded, Some(vec![(1, 2)]));
        assert_eq!((rows[1].index, &rows[1].subject), (1, &None));
        let text = b"aus,index,subject,label\nNA,0.0,S005,1.0\nNA,1,KA,\nNA,2,-1,-1\n";
        let rows = super::parse(text).unwrap();
        let who = |text| Person::of(text);
        let found = Vec::from_iter(
            rows.into_iter()
                .map(|row| (row.index, row.subject, row.label)),
        );
        assert_eq!(
            found,
            [
                (0, who("5"), Some(1)),
                (1, who("KA"), None),
                (2, None, Some(-1))
            ]
        );
        let error = super::parse(b"index,subject\n0,1\n").unwrap_err();
        assert!(error.contains("no column `aus`"), "{error}");
    }

    #[test]
    fn the_line_of_a_bad_cell_is_named() {
        let error = super::parse(b"index,aus\n0,1:2\n1,1:9\n").unwrap_err();
        assert!(error.starts_with("line 3: "), "{error}");
        let error = super::parse(b"index,aus,label\n0,,happy\n").unwrap_err();
        assert!(error.starts_with("line 2: label `happy` is not"), "{error}");
    }

    proptest! {
        #[test]
        fn tables_never_panic(table in "(index|aus|subject|[a-z:;,\"\n0-9 ]){0,60}") {
            let _ = super::parse(table.as_bytes());
        }

        #[test]
        fn cells_are_read_back(units in prop::collection::btree_map(1_u8..=255, 0_u8..=5, 0..20)) {
            let cell: Vec<String> = units.iter().map(|(au, intensity)| format!("{au}:{intensity}")).collect();
            prop_assert_eq!(parse_aus(&cell.join(";")), Ok(Some(units.into_iter().collect())));
        }
    }
}
