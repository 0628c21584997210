//! One pass over a table: the positions and labels of its rows. A few bytes are kept of each row.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use faus_base::person::Person;
use faus_base::table::{declared, delimiter};
use faus_base::text::{composed, other_kind};
use indexmap::IndexSet;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::label_map::Label;
use crate::label::{ClassMap, Expression, LabelMap};
use crate::read::file::{Hashing, ReadFile, Skipped};
use crate::read::folders::STRAYS_AMONG;
use crate::read::notes::{empty_classes, keep_classes};
use crate::read::pixel_csv::rows::{Columns, Lines, ROW_LIMIT};
use crate::read::pixel_csv::usage::{Assignment, Row};
use crate::read::source::{Folding, Scan};

/// Maximum number of rows of a table: a hundred and forty times FER2013's. A row takes 32 bytes here and some 300 as a
/// sample.
const ROWS_LIMIT: usize = 5_000_000;
/// Maximum number of bad rows that are listed one by one. A table with more is not a pixel table.
const BAD_LIMIT: usize = 100_000;

/// A table that was read.
#[derive(Debug)]
pub(super) struct Table {
    pub columns: Columns,
    pub rows: Vec<Row>,
    /// The different texts of the column Usage, in the order of their first rows.
    pub usages: IndexSet<String>,
    /// The different texts of the column of people.
    pub people: IndexSet<String>,
    pub classes: ClassMap,
    /// All but the samples.
    pub scan: Scan,
}

/// Different texts of the column Usage that are kept.
const TEXTS_LIMIT: usize = 1000;

/// The pass itself.
struct Pass<'a> {
    /// The table, for messages.
    place: &'a Path,
    /// The rows; their expressions are known only once the label map is.
    found: Vec<(Row, Label)>,
    bad: Vec<(u32, String)>,
    usages: IndexSet<String>,
    people: IndexSet<String>,
}

impl Table {
    /// Reads a table from its first byte to its last; `place` and `name` (the first part of a row's path) go into messages.
    pub fn read(
        reader: impl Read,
        place: &Path,
        name: &str,
        classes: Option<ClassMap>,
        label_map: &LabelMap,
    ) -> Result<Self, Error> {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, Hashing::new(reader)));
        let columns = header(&mut lines, place)?;
        let mut pass = Pass {
            place,
            found: Vec::new(),
            bad: Vec::new(),
            usages: IndexSet::new(),
            people: IndexSet::new(),
        };
        pass.read(&mut lines, &columns)?;
        let sha256 = lines.reader.into_inner().sha256();
        let path = composed(name).into_owned();
        pass.table(columns, classes, label_map, ReadFile { path, sha256 })
    }
}

/// The header is the first line that is not empty, below a line `sep=;`.
fn header<R: BufRead>(lines: &mut Lines<R>, place: &Path) -> Result<Columns, Error> {
    let start = lines.reader.fill_buf().map_err(Error::io(place))?;
    let found = match other_kind(start) {
        Some(other) => other.to_owned(),
        None => match columns(lines).map_err(Error::io(place))? {
            Ok(columns) => return Ok(columns),
            Err(found) => found,
        },
    };
    let expected = "a table with the columns emotion,pixels,Usage";
    Err(Error::layout(place, expected, found))
}

/// The columns, or what was found instead.
fn columns<R: BufRead>(lines: &mut Lines<R>) -> std::io::Result<Result<Columns, String>> {
    let mut next = || Ok(lines.next()?.map(|(_, line)| line.to_vec()));
    let first: std::io::Result<Option<Vec<u8>>> = next();
    let mut first = first?.map(|line| match line.strip_prefix(b"\xef\xbb\xbf") {
        Some(bare) => bare.to_vec(),
        None => line,
    });
    let declared = first.as_deref().and_then(declared);
    if declared.is_some() {
        first = next()?;
    }
    Ok(match first {
        None => Err("an empty file".to_owned()),
        Some(line) if line.len() > ROW_LIMIT => Err(format!(
            "a first line of more than {ROW_LIMIT} bytes (if its lines end in CR alone, save it with LF)"
        )),
        Some(line) if line.contains(&b'\r') => {
            Err("lines that end in CR alone: save it with LF or CR LF".to_owned())
        }
        Some(line) => Columns::find(&line, declared.unwrap_or_else(|| delimiter(&line))),
    })
}

impl Pass<'_> {
    fn read<R: BufRead>(&mut self, lines: &mut Lines<R>, columns: &Columns) -> Result<(), Error> {
        let mut number = 0;
        while let Some((at, line)) = lines.next().map_err(Error::io(self.place))? {
            match columns.labels(line) {
                Ok(labels) => {
                    let row = Row {
                        at,
                        length: line.len() as u32,
                        number,
                        expression: Expression::Neutral,
                        usage: self.usage(labels.usage),
                        subject: self.people.insert_full(labels.subject).0 as u32,
                    };
                    self.found.push((row, labels.emotion));
                }
                Err(error) => self.bad(number, error.reason())?,
            }
            number += 1;
            if number as usize > ROWS_LIMIT {
                let expected = format!("at most {ROWS_LIMIT} rows");
                return Err(Error::layout(self.place, expected, "more"));
            }
        }
        Ok(())
    }

    /// The index of a text. Beyond [`TEXTS_LIMIT`] texts, those that name no part share one entry, so that memory stays
    /// small for any column.
    fn usage(&mut self, text: String) -> u32 {
        let full = self.usages.len() >= TEXTS_LIMIT && !self.usages.contains(&text);
        let text = match full && Part::from_name(&text).is_none() {
            true => "other".to_owned(),
            false => text,
        };
        self.usages.insert_full(text).0 as u32
    }

    fn bad(&mut self, number: u32, reason: String) -> Result<(), Error> {
        self.bad.push((number, reason));
        if self.bad.len() <= BAD_LIMIT {
            return Ok(());
        }
        let expected = format!("at most {BAD_LIMIT} bad rows");
        let found = format!("more{}", self.first_bad());
        Err(Error::layout(self.place, expected, found))
    }

    fn first_bad(&self) -> String {
        let first = self.bad.first();
        first.map_or(String::new(), |(number, reason)| {
            format!(", the first being row {number}: {reason}")
        })
    }

    /// Codes become expressions, expressions classes, and usages parts.
    fn table(
        mut self,
        columns: Columns,
        given: Option<ClassMap>,
        label_map: &LabelMap,
        read: ReadFile,
    ) -> Result<Table, Error> {
        let mut notes = Vec::new();
        let mut rows = self.with_expressions(label_map, &mut notes)?;
        let shown = |row: &Row| row.expression;
        notes.extend(keep_classes(&mut rows, given.as_ref(), shown, "rows"));
        let mut assigned = Assignment::of(&rows, &self.usages, columns.usage.is_some());
        self.refuse(&mut rows, &assigned)?;
        let people = self.people(&mut rows, &columns, &mut assigned)?;
        notes.extend([assigned.note(), people]);
        if rows.is_empty() {
            let (bad, first) = (self.bad.len(), self.first_bad());
            let reason = format!("no row holds a usable image; {bad} are bad{first}");
            return Err(Error::nothing_labelled(self.place, reason));
        }
        let occurring: Vec<_> = rows.iter().map(shown).collect();
        let classes = given.map_or_else(|| ClassMap::of(&occurring), Ok);
        let too_few = |error: Error| Error::layout(self.place, "two classes", error.to_string());
        let classes = classes.map_err(too_few)?;
        notes.extend(empty_classes(&classes, &occurring));
        self.bad.sort_by_key(|(number, _)| *number);
        let place = |number| format!("{}:{number}", read.path);
        let bad = self.bad.into_iter();
        let skipped = bad.map(|(number, reason)| Skipped::new(place(number), reason));
        let scan = Scan {
            samples: Vec::new(),
            skipped: skipped.collect(),
            read: vec![read],
            folding: assigned.folding,
            notes,
        };
        Ok(Table {
            columns,
            rows,
            usages: self.usages,
            people: self.people,
            classes,
            scan,
        })
    }

    /// Folds by person if nearly all are named, leaving out the few rows of unknown people; a sentence on the people.
    fn people(
        &mut self,
        rows: &mut Vec<Row>,
        columns: &Columns,
        assigned: &mut Assignment,
    ) -> Result<String, Error> {
        let known = self.people.iter().map(|text| Person::of(text).is_some());
        let known: Vec<bool> = known.collect();
        let known = |row: &Row| known[row.subject as usize];
        let all = rows.len();
        let named = rows.iter().filter(|row| known(row)).count();
        let impossible = "results on unseen people (subject-independent) are impossible with it";
        if columns.subject.is_none() {
            return Ok(format!(
                "The table does not name the people in its images: {impossible}."
            ));
        }
        if (all - named) * STRAYS_AMONG > all {
            return Ok(format!(
                "The table names the people of {named} of its {all} images only: {impossible}."
            ));
        }
        if assigned.folding == Folding::ByImage {
            for row in rows.extract_if(.., |row| !known(row)) {
                let reason = "its person is unknown, unlike nearly all others'";
                self.bad(row.number, reason.to_owned())?;
            }
            let people = rows
                .iter()
                .map(|row| self.people[row.subject as usize].clone());
            assigned.folding = Folding::BySubject(people.collect());
        }
        Ok("The table names the people in its images.".to_owned())
    }

    /// The rows with their expressions; a code without one makes a row bad.
    fn with_expressions(
        &mut self,
        label_map: &LabelMap,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Row>, Error> {
        let codes = label_map.codes(self.found.iter().map(|(_, emotion)| *emotion), true);
        let (codes, note) = codes.map_err(|reason| Error::unusable(self.place, reason))?;
        notes.extend(note);
        let mut rows = Vec::with_capacity(self.found.len());
        for (row, emotion) in std::mem::take(&mut self.found) {
            match codes.expression(emotion) {
                Ok(expression) => rows.push(Row { expression, ..row }),
                Err(code) => {
                    let (first, last) = codes.range();
                    let reason =
                        format!("expected an emotion from {first} to {last}, found '{code}'");
                    self.bad(row.number, reason)?;
                }
            }
        }
        Ok(rows)
    }

    /// Leaves out the rows whose usage is not taken.
    fn refuse(&mut self, rows: &mut Vec<Row>, assigned: &Assignment) -> Result<(), Error> {
        for row in std::mem::take(rows) {
            match assigned.refuses(&self.usages[row.usage as usize]) {
                Some(reason) => self.bad(row.number, reason)?,
                None => rows.push(row),
            }
        }
        Ok(())
    }
}
