//! The samples table: the person, expression and action units of each image.

use std::collections::BTreeMap;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::error::{Error, read_limited};

/// Size limit of a samples table: 256 MiB, about a million rows.
const MAX_BYTES: u64 = 256 << 20;

/// One image of `samples.csv`; columns that the table lacks, and empty cells, are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleRow {
    /// Row of the activations array, from 0.
    pub index: usize,
    /// Subject; `None` or negative where unknown.
    pub subject: Option<i64>,
    /// Recording: rows of one subject and one sequence are frames of the same event.
    pub sequence: Option<String>,
    /// Class; -1 for held-out images.
    pub label: Option<i64>,
    /// Class in words.
    pub label_name: Option<String>,
    /// `labelled` or `held_out`.
    pub role: Option<String>,
    /// Action units that are present, with their intensities (0 = not graded, 1 to 5 = A to E), ascending by number,
    /// each once. `None`: this image is not coded.
    pub coded: Option<Vec<(u8, u8)>>,
}

/// Reads `samples.csv` of a prepared data set, or a table for the images of any other network.
///
/// Columns are found by their header names, in any order; only `index` and `aus` must be there. Columns
/// that this analysis does not use are ignored.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`], [`Error::MissingColumn`], and [`Error::Cell`] with the line of an invalid
/// cell.
pub fn read_samples(path: &Path) -> Result<Vec<SampleRow>, Error> {
    parse(path, &read_limited(path, MAX_BYTES)?)
}

fn parse(path: &Path, contents: &[u8]) -> Result<Vec<SampleRow>, Error> {
    let contents = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
    let mut reader = ReaderBuilder::new().from_reader(contents);
    let headers = reader.headers().map_err(|error| broken(path, &error))?;
    let columns = Columns::find(path, headers)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(path, &error))?;
        let row = columns.row(&record).map_err(|reason| Error::Cell {
            path: path.to_path_buf(),
            line: record.position().map_or(0, csv::Position::line),
            reason,
        })?;
        rows.push(row);
    }
    Ok(rows)
}

fn broken(path: &Path, error: &csv::Error) -> Error {
    Error::Cell {
        path: path.to_path_buf(),
        line: error.position().map_or(0, csv::Position::line),
        reason: format!("not a table: {error}"),
    }
}

/// Where the columns are.
struct Columns {
    index: usize,
    aus: usize,
    subject: Option<usize>,
    sequence: Option<usize>,
    label: Option<usize>,
    label_name: Option<usize>,
    role: Option<usize>,
}

impl Columns {
    fn find(path: &Path, headers: &StringRecord) -> Result<Self, Error> {
        let optional = |name: &str| headers.iter().position(|header| header.trim() == name);
        let required = |column: &'static str| {
            optional(column).ok_or_else(|| Error::MissingColumn {
                path: path.to_path_buf(),
                column,
                found: headers.iter().collect::<Vec<_>>().join(", "),
            })
        };
        Ok(Self {
            index: required("index")?,
            aus: required("aus")?,
            subject: optional("subject"),
            sequence: optional("sequence"),
            label: optional("label"),
            label_name: optional("label_name"),
            role: optional("role"),
        })
    }

    fn row(&self, record: &StringRecord) -> Result<SampleRow, String> {
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        let filled = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
        let number = |name: &str, at| match filled(at) {
            None => Ok(None),
            Some(text) => text
                .parse::<i64>()
                .map(Some)
                .map_err(|_| format!("{name} `{text}` is not a whole number")),
        };
        let index = cell(self.index);
        Ok(SampleRow {
            index: index
                .parse()
                .map_err(|_| format!("index `{index}` is not a row number"))?,
            subject: number("subject", self.subject)?,
            sequence: filled(self.sequence).map(str::to_owned),
            label: number("label", self.label)?,
            label_name: filled(self.label_name).map(str::to_owned),
            role: filled(self.role).map(str::to_owned),
            coded: parse_aus(cell(self.aus))?,
        })
    }
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
    use std::path::Path;

    use proptest::prelude::*;

    use super::parse_aus;
    use crate::error::Error;

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
    fn only_index_and_aus_are_needed() {
        let rows = super::parse(Path::new("t.csv"), b"aus,extra,index\n1:2,x,0\nNA,y,1\n").unwrap();
        assert_eq!(rows[0].coded, Some(vec![(1, 2)]));
        assert_eq!((rows[1].index, &rows[1].subject), (1, &None));
        let error = super::parse(Path::new("t.csv"), b"index,subject\n0,1\n").unwrap_err();
        assert!(matches!(error, Error::MissingColumn { column: "aus", .. }));
    }

    #[test]
    fn the_line_of_a_bad_cell_is_named() {
        let error = super::parse(Path::new("t.csv"), b"index,aus\n0,1:2\n1,1:9\n").unwrap_err();
        assert!(error.to_string().contains("t.csv, line 3"), "{error}");
    }

    proptest! {
        #[test]
        fn tables_never_panic(table in "(index|aus|subject|[a-z:;,\"\n0-9 ]){0,60}") {
            let _ = super::parse(Path::new("t.csv"), table.as_bytes());
        }

        #[test]
        fn cells_are_read_back(units in prop::collection::btree_map(1_u8..=255, 0_u8..=5, 0..20)) {
            let cell: Vec<String> = units.iter().map(|(au, intensity)| format!("{au}:{intensity}")).collect();
            prop_assert_eq!(parse_aus(&cell.join(";")), Ok(Some(units.into_iter().collect())));
        }
    }
}
