//! Tables as spreadsheet programs and scripts save them: one rule for every table that is read.
//!
//! Cells are separated by commas, semicolons or tabs, whichever the header has most of, or as a line `sep=;` above it says;
//! a byte-order mark is passed over. Blanks around cells, rows without content and the case of column names do not count.
//! Names are in canonical composition ([`composed`]). A doubled column is refused: either one could be meant.

use csv::{DeserializeErrorKind, ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use serde::de::DeserializeOwned;

use crate::text::{composed, plain};

/// Names of the column of people, as [`plain_name`] writes them, for [`place`].
pub const PEOPLE: &str = "subject subjectid subj subjects person personid participant identity";
/// Those of recordings.
pub const SESSIONS: &str = "session sessionid sequence seq sequenceid recording trial task video";
/// Those of frames.
pub const FRAMES: &str = "frame framenumber frameno frameid";

/// A table, open below its header.
pub struct Table<'a> {
    /// Names in lower case.
    columns: StringRecord,
    header: StringRecord,
    reader: csv::Reader<&'a [u8]>,
    /// What the reader reads.
    text: &'a [u8],
    /// Lines above the header.
    above: u64,
}

/// The cells of a row and its line in the file, from 1.
pub struct Row {
    /// Line of the file, for messages.
    pub line: u64,
    /// As many cells as columns.
    pub cells: StringRecord,
}

impl<'a> Table<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// What the file is instead, or the column that occurs twice.
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let text = plain(bytes)?;
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (text, above, delimiter) = match declared(first.as_bytes()) {
            Some(delimiter) => (rest, 1, delimiter),
            None => (text, 0, delimiter(text.trim_start().as_bytes())),
        };
        let mut builder = ReaderBuilder::new();
        let builder = builder.delimiter(delimiter).trim(Trim::All);
        let mut reader = builder.from_reader(text.as_bytes());
        let header = reader
            .headers()
            .map_err(|error| broken(&error, text.as_bytes(), above))?;
        let header: StringRecord = header.iter().map(composed).collect();
        let columns: StringRecord = header.iter().map(str::to_lowercase).collect();
        match twice(&columns) {
            Some(column) => Err(format!(
                "the column `{column}` occurs twice; keep one of the two"
            )),
            None => Ok(Self {
                columns,
                header,
                reader,
                text: text.as_bytes(),
                above,
            }),
        }
    }

    /// The names of the columns in lower case.
    pub fn columns(&self) -> &StringRecord {
        &self.columns
    }

    /// The names of the columns as they are written.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Checks that these columns exist.
    ///
    /// # Errors
    /// The first that is missing, and those that exist.
    pub fn require(&self, columns: &[&str]) -> Result<(), String> {
        let missing = columns.iter().find(|name| self.column(name).is_none());
        missing.map_or(Ok(()), |name| {
            Err(format!("no column `{name}` (it has: {})", self.listed()))
        })
    }

    /// The names of the columns for a message: the first 20.
    pub fn listed(&self) -> String {
        listed(&self.header)
    }

    /// The rows that have content.
    ///
    /// # Errors
    /// The line of a row with more or fewer cells than columns.
    pub fn records(self) -> impl Iterator<Item = Result<Row, String>> + 'a {
        let (text, above) = (self.text, self.above);
        let rows = self.reader.into_records().map(move |record| {
            let record = record.map_err(|error| broken(&error, text, above))?;
            let line = above + record.position().map_or(0, |place| line(text, place));
            let cells = match record.as_slice().is_ascii() {
                true => record,
                false => record.iter().map(composed).collect(),
            };
            Ok(Row { line, cells })
        });
        let empty = |row: &Row| row.cells.as_slice().is_empty();
        rows.filter(move |row| !row.as_ref().is_ok_and(empty))
    }

    /// The rows as values, whose fields are named like the columns in lower case.
    ///
    /// # Errors
    /// The line, the column and the cell that is wrong.
    pub fn rows<T: DeserializeOwned>(self) -> impl Iterator<Item = Result<T, String>> + 'a {
        let columns = self.columns.clone();
        self.records().map(move |row| row?.value(&columns))
    }
}

impl Row {
    /// The row as a value.
    ///
    /// # Errors
    /// The line, the column and the cell that is wrong.
    pub fn value<T: DeserializeOwned>(&self, columns: &StringRecord) -> Result<T, String> {
        let value = self.cells.deserialize(Some(columns));
        value.map_err(|error| format!("line {}: {}", self.line, self.wrong_cell(&error, columns)))
    }

    fn wrong_cell(&self, error: &csv::Error, columns: &StringRecord) -> String {
        let ErrorKind::Deserialize { err, .. } = error.kind() else {
            return error.to_string();
        };
        let field = err.field().map(|field| field as usize);
        let place = field.and_then(|field| Some((columns.get(field)?, self.cells.get(field)?)));
        let Some((column, cell)) = place else {
            return err.kind().to_string();
        };
        let wanted = match err.kind() {
            DeserializeErrorKind::ParseInt(_) if cell.parse::<i128>().is_ok() => {
                "a number in the range allowed"
            }
            DeserializeErrorKind::ParseInt(_) => "a whole number",
            DeserializeErrorKind::ParseFloat(_) => "a number",
            DeserializeErrorKind::ParseBool(_) => "true or false",
            other => return format!("{column} `{cell}`: {other}"),
        };
        format!("{column} `{cell}` is not {wanted}")
    }
}

/// A column's name without blanks, `_` and `-`, in small letters.
pub fn plain_name(column: &str) -> String {
    column.trim().to_lowercase().replace([' ', '_', '-'], "")
}

/// The column with the first of the `names`, separated by blanks, that is one by its [`plain_name`].
pub fn place(columns: &StringRecord, names: &str) -> Option<usize> {
    let columns = Vec::from_iter(columns.iter().map(plain_name));
    let mut names = names.split(' ');
    names.find_map(|name| columns.iter().position(|own| own == name))
}

/// The first 20 names of columns for a message.
pub(crate) fn listed(columns: &StringRecord) -> String {
    let mut names: Vec<&str> = columns.iter().take(20).collect();
    names.extend((columns.len() > names.len()).then_some("…"));
    names.join(", ")
}

/// The delimiter that a line `sep=;` declares, as spreadsheet programs write it above the header.
pub fn declared(line: &[u8]) -> Option<u8> {
    let line = line.trim_ascii_end();
    let quoted = line.strip_prefix(b"\"");
    let inner = quoted.and_then(|line| line.strip_suffix(b"\""));
    let line = inner.unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [s, e, p].map(|b| b.to_ascii_lowercase()) == *b"sep" => {
            Some(*delimiter)
        }
        // A tab was trimmed.
        _ if line.eq_ignore_ascii_case(b"sep=") => Some(b'\t'),
        _ => None,
    }
}

/// The delimiter of a header, which is the first line of `text`: of comma, semicolon and tab the most frequent outside
/// quotation marks, the first of equals.
pub fn delimiter(text: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.iter().take_while(|byte| !b"\r\n".contains(byte)) {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && delimiter == byte);
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(delimiter, _)| *delimiter)
}

/// The first name that occurs twice; nameless columns do not count.
pub fn twice<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut seen = std::collections::BTreeSet::new();
    let mut names = names.into_iter().filter(|name| !name.is_empty());
    names.find(|name| !seen.insert(*name))
}

/// The line in which a record begins. The reader's place is before the LF of the CR LF above it, and before empty lines.
fn line(text: &[u8], place: &Position) -> u64 {
    let rest = text.get(place.byte() as usize..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| b"\r\n".contains(byte));
    place.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

fn broken(error: &csv::Error, text: &[u8], above: u64) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = above + pos.as_ref().map_or(0, |place| line(text, place));
            format!("line {line}: {len} cells, but the header has {expected_len} columns")
        }
        _ => format!("not a table: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Person {
        name: String,
        age: Option<u8>,
    }

    fn people(bytes: &[u8]) -> Result<Vec<Person>, String> {
        Table::open(bytes)?.rows().collect()
    }

    fn person(name: &str, age: u8) -> Person {
        Person {
            name: name.to_owned(),
            age: Some(age),
        }
    }

    #[test]
    fn every_dialect_is_the_same_table() {
        let expected = [person("M\u{fc}ller, Jo", 30), person("Al;ex", 4)];
        for text in [
            "name,age\n\"M\u{fc}ller, Jo\",30\nAl;ex,4\n",
            "\u{feff}Name;AGE\r\nMu\u{308}ller, Jo;30\r\n\"Al;ex\";4\r\n;\r\n",
            "name \tage\t\nM\u{fc}ller, Jo\t 30\t\nAl;ex\t4\t\n",
            "sep=;\nname;age\nM\u{fc}ller, Jo;30\n\"Al;ex\";4",
            "\"sep=,\"\r\n\"name\",\"age\"\r\n\"M\u{fc}ller, Jo\",30\r\nAl;ex,4\r\n",
            "sep=\t\r\nage\tname\r\n30\tM\u{fc}ller, Jo\r\n4\tAl;ex\r\n",
            "\n\nname,age\n\"M\u{fc}ller, Jo\",30\n\nAl;ex,4\n",
        ] {
            assert_eq!(people(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn doubled_columns_are_refused_by_name() {
        for text in [
            "name,age,name\n",
            "Name,age, NAME \n",
            "u\u{308}x;\u{fc}x\n",
            "sep=;\nage;age\n",
        ] {
            let error = people(text.as_bytes()).unwrap_err();
            assert!(error.contains("occurs twice"), "{text}: {error}");
        }
        assert_eq!(people(b"name,age,,\na,1,,\n"), Ok(vec![person("a", 1)]));
    }

    #[test]
    fn the_line_and_the_cell_of_a_fault_are_named() {
        for (text, fault) in [
            (
                "name,age\na,1\nb,x\n",
                "line 3: age `x` is not a whole number",
            ),
            (
                "name,age\r\na,1\r\nb,x\r\n",
                "line 3: age `x` is not a whole number",
            ),
            (
                "\r\nname,age\r\n\r\n\r\na,1,2\r\n",
                "line 5: 3 cells, but the header has 2 columns",
            ),
            (
                "sep=,\r\nname,age\r\n\"a\r\nb\",1\r\nb,x\r\n",
                "line 5: age `x`",
            ),
            (
                "sep=,\nname,age\na,300\n",
                "line 3: age `300` is not a number in the range allowed",
            ),
            (
                "name,age\na,1,2\n",
                "line 2: 3 cells, but the header has 2 columns",
            ),
            ("nome,age\na,1\n", "missing field `name`"),
        ] {
            let error = people(text.as_bytes()).unwrap_err();
            assert!(error.contains(fault), "{error}");
        }
    }

    proptest! {
        #[test]
        fn tables_never_panic(bytes in "[a-c,;\t\"\n\r=sep \u{308}]{0,60}") {
            let _ = people(bytes.as_bytes());
        }

        #[test]
        fn written_tables_are_read_back(cells in prop::collection::vec(("[a-z,;\" ]{0,8}x", any::<u8>()), 0..8), by in prop::sample::select(vec![b',', b';', b'\t'])) {
            let mut table = csv::WriterBuilder::new().delimiter(by).from_writer(Vec::new());
            table.write_record(["name", "age"]).unwrap();
            for (name, age) in &cells {
                table.write_record([name.as_str(), &age.to_string()]).unwrap();
            }
            let read = people(&table.into_inner().unwrap());
            prop_assert_eq!(read, Ok(cells.iter().map(|(name, age)| person(name.trim(), *age)).collect()));
        }
    }
}
