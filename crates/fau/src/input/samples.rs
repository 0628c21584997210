//! The samples table: the person, expression and action units of each image.

use std::path::Path;

use faus_base::codes::Codes;
use faus_base::facs::{Cell, pooled};
use faus_base::person::Person;
use faus_base::table::{FRAMES, PEOPLE, Row, SESSIONS, Table, place};

use crate::error::{Error, read_limited};

/// Size limit of a samples table: 256 MiB, about a million rows.
const MAX_BYTES: u64 = 256 << 20;

/// One image of `samples.csv`; columns that the table lacks, and empty cells, are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleRow {
    /// Row of the activations array, from 0.
    pub index: usize,
    /// Subject, by number or name; `None` where unknown.
    pub subject: Option<Person>,
    /// Recording: rows of one subject and one sequence are frames of the same event.
    pub sequence: Option<String>,
    /// Frame within the recording.
    pub frame: Option<u32>,
    /// Class; -1 for held-out images.
    pub label: Option<i64>,
    /// Class in words.
    pub label_name: Option<String>,
    /// `labelled` or `held_out`.
    pub role: Option<String>,
    /// The image.
    pub path: Option<String>,
    /// Action units that are present, with their intensities (0 = not graded, 1 to 5 = A to E), ascending by number,
    /// each once. `None`: this image is not coded.
    pub coded: Option<Vec<(u8, u8)>>,
}

impl SampleRow {
    /// Intensity of an action unit that is present: 0 not graded, 1 to 5 for A to E.
    pub(crate) fn intensity(&self, au: u8) -> Option<u8> {
        let own = self.coded.iter().flatten().filter(|unit| unit.0 == au);
        own.map(|unit| unit.1).max()
    }
}

/// A samples table, and what was assumed in reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleTable {
    /// The rows, in their order in the file.
    pub rows: Vec<SampleRow>,
    /// What was assumed about the codes and the people, in sentences.
    pub notes: Vec<String>,
    /// Whether a program estimated the codes: OpenFace, py-feat.
    pub machine_coded: bool,
}

impl SampleTable {
    /// Reads `samples.csv` of a prepared data set, or a table for the images of any other network.
    ///
    /// Columns are found by their header names, in any order; only `index` and codes must be there ([`Codes::read`]: `aus`,
    /// or a column for each action unit). Where the codes come from elsewhere, `coded` is false and they are not read. Columns
    /// that this analysis does not use are ignored.
    ///
    /// # Errors
    /// [`Error::Disk`], and [`Error::File`] for a file that is too large or lacks a column, or with the line of an invalid
    /// cell.
    pub fn read(path: &Path, coded: bool) -> Result<Self, Error> {
        Self::parse(&read_limited(path, MAX_BYTES)?, coded)
            .map_err(|fault| Error::file(path, fault))
    }

    fn parse(contents: &[u8], coded: bool) -> Result<Self, String> {
        let table = Table::open(contents)?;
        table.require(&["index"])?;
        let columns = table.columns().clone();
        // Names of other tables count where ours are missing.
        let places = COLUMNS.map(|name| {
            let others = match name {
                "subject" => PEOPLE,
                "sequence" => SESSIONS,
                "frame" => FRAMES,
                _ => return table.column(name),
            };
            table.column(name).or_else(|| place(&columns, others))
        });
        let rows = table.records().collect::<Result<Vec<Row>, _>>()?;
        let codes = match coded {
            true => Codes::read(&columns, &rows)?,
            false => Codes::default(),
        };
        let read = rows
            .iter()
            .map(|row| sample(row, &places))
            .collect::<Result<Vec<_>, _>>();
        let mut table = Self {
            rows: read?,
            notes: codes.notes,
            machine_coded: codes.machine_coded,
        };
        table.notes.extend(alike(&table.rows));
        for (row, coded) in table.rows.iter_mut().zip(codes.rows) {
            row.coded = coded.map(|coded| coded.units);
        }
        Ok(table)
    }
}

/// The columns that [`sample`] reads, in its order.
const COLUMNS: [&str; 8] = [
    "index",
    "subject",
    "sequence",
    "frame",
    "label",
    "label_name",
    "role",
    "path",
];

fn sample(row: &Row, places: &[Option<usize>; 8]) -> Result<SampleRow, String> {
    let cell = |column: usize| {
        places[column]
            .and_then(|at| row.cells.get(at))
            .filter(|cell| !cell.is_empty())
    };
    let text = |column: usize| cell(column).map(str::to_owned);
    let number = |column: usize, wanted: &str| {
        let text = cell(column);
        let read = text.map(|text| {
            whole(text).ok_or_else(|| {
                format!(
                    "line {}: {} `{text}` is not {wanted}",
                    row.line, COLUMNS[column]
                )
            })
        });
        read.transpose()
    };
    let index = number(0, "a row number from 0")?.and_then(|index| usize::try_from(index).ok());
    Ok(SampleRow {
        index: index.ok_or_else(|| {
            let found = cell(0).unwrap_or_default();
            format!(
                "line {}: index `{found}` is not a row number from 0",
                row.line
            )
        })?,
        subject: cell(1).and_then(Person::of),
        sequence: text(2),
        frame: number(3, "a whole number")?.and_then(|frame| u32::try_from(frame).ok()),
        label: number(4, "a whole number")?,
        label_name: text(5),
        role: text(6),
        path: text(7),
        coded: None,
    })
}

/// A whole number, also as pandas writes it into a column with gaps: `3.0`.
fn whole(cell: &str) -> Option<i64> {
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    let plain = fraction.bytes().all(|digit| digit == b'0');
    plain.then(|| whole.parse().ok())?
}

/// A note if names may be two spellings of one person.
fn alike(rows: &[SampleRow]) -> Option<String> {
    let people: std::collections::BTreeSet<&Person> =
        rows.iter().filter_map(|row| row.subject.as_ref()).collect();
    Person::alike(people)
}

/// The rows of a prepared data set's `samples.csv`.
///
/// # Errors
/// As for [`SampleTable::read`].
pub fn read_samples(path: &Path) -> Result<Vec<SampleRow>, Error> {
    Ok(SampleTable::read(path, true)?.rows)
}

/// Reads an `aus` cell: `1:3;2:3;12:0` (action unit : intensity) or FACS codes, `none` or empty = coded and none present,
/// `NA` = not coded. A unit listed twice keeps its higher intensity.
///
/// # Errors
/// A sentence that names the invalid part.
pub fn parse_aus(cell: &str) -> Result<Option<Vec<(u8, u8)>>, String> {
    Ok(match Cell::read(cell)? {
        Cell::NotCoded => None,
        Cell::Empty => Some(Vec::new()),
        Cell::Coded(units) => Some(pooled(&units)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(contents: &[u8]) -> Result<Vec<SampleRow>, String> {
        Ok(SampleTable::parse(contents, true)?.rows)
    }

    #[test]
    fn the_kinds_of_cell() {
        assert_eq!(parse_aus("NA"), Ok(None));
        assert_eq!(parse_aus(""), Ok(Some(vec![])));
        assert_eq!(parse_aus("none"), Ok(Some(vec![])));
        let units = vec![(1, 3), (2, 3), (12, 0)];
        assert_eq!(parse_aus("12:0;1:3;2:3"), Ok(Some(units)));
        assert_eq!(parse_aus("4:1;4:3"), Ok(Some(vec![(4, 3)])));
    }

    #[test]
    fn damaged_cells_are_named() {
        for cell in ["12:6", "0:1", "300:1", "happy", "-1:2"] {
            assert!(parse_aus(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_column_that_occurs_twice_is_named() {
        let error = parse(b"index,aus,label,label\n0,NA,1,1\n").unwrap_err();
        assert_eq!(
            error,
            "the column `label` occurs twice; keep one of the two"
        );
    }

    #[test]
    fn only_index_and_codes_are_needed() {
        let rows = parse(b"aus,extra,index\n1:2,x,0\nNA,y,1\n").unwrap();
        assert_eq!(rows[0].coded, Some(vec![(1, 2)]));
        assert_eq!((rows[1].index, &rows[1].subject), (1, &None));
        let error = parse(b"index,subject\n0,1\n").unwrap_err();
        assert!(error.contains("no column `aus`"), "{error}");
        assert!(SampleTable::parse(b"index,subject\n0,1\n", false).is_ok());
    }

    #[test]
    fn people_and_recordings_are_found_by_the_names_of_other_tables() {
        let rows = parse(b"aus,index,Person_ID,Session,Frame No\n1,0,KA,2,3\n").unwrap();
        assert_eq!(rows[0].subject, Person::of("KA"));
        assert_eq!(
            (rows[0].sequence.as_deref(), rows[0].frame),
            (Some("2"), Some(3))
        );
        let rows = parse(b"aus,index,person,subject,session,sequence\n1,0,x,KA,2,S1_2\n").unwrap();
        assert_eq!(
            (&rows[0].subject, rows[0].sequence.as_deref()),
            (&Person::of("KA"), Some("S1_2"))
        );
    }

    #[test]
    fn numbers_and_people_as_scripts_write_them() {
        let text = b"aus,index,subject,label\nNA,0.0,S005,1.0\nNA,1,KA,\nNA,2,-1,-1\n";
        let rows = parse(text).unwrap().into_iter();
        let found = rows.map(|row| (row.index, row.subject, row.label));
        let expected = [
            (0, Some(Person::Number(5)), Some(1)),
            (1, Person::of("KA"), None),
            (2, None, Some(-1)),
        ];
        assert_eq!(Vec::from_iter(found), expected);
        let table =
            SampleTable::parse(b"index,subject,AU12\n0,Anna,0.5\n1,anna,0\n", true).unwrap();
        assert!(table.machine_coded && table.notes.join(" ").contains("Anna and anna"));
    }

    #[test]
    fn the_line_of_a_bad_cell_is_named() {
        let error = parse(b"index,aus\n0,1:2\n1,1:9\n").unwrap_err();
        assert!(error.starts_with("line 3: "), "{error}");
        let error = parse(b"index,aus,label\n0,,happy\n").unwrap_err();
        assert!(error.starts_with("line 2: label `happy` is not"), "{error}");
        let error = parse(b"index,aus\n,NA\n").unwrap_err();
        assert_eq!(error, "line 2: index `` is not a row number from 0");
    }

    proptest! {
        #[test]
        fn tables_never_panic(table in "(index|aus|subject|[a-z:;,\"\n0-9 ]){0,60}") {
            let _ = parse(table.as_bytes());
        }
    }
}
