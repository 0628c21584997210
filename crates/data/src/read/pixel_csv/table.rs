//! One pass over a table: where its rows lie and what they are labelled with. A few bytes are kept of each row.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::TableOptions;
use super::rows::{Columns, Emotion, Line, Lines, ROW_LIMIT, Row};
use super::usage::{Deal, Taken, Usages};
use crate::error::Error;
use crate::label::class_map::ClassMap;
use crate::label::expression::Expression;
use crate::label::label_map::LabelMap;
use crate::read::file::Skipped;
use crate::read::source::Folding;

/// Most rows of a table: a hundred and forty times FER2013's. A row takes 24 bytes here and some 300 as a sample.
const ROWS_LIMIT: usize = 5_000_000;
/// Most bad rows that are listed one by one. A table with more of them is no table of this kind.
const BAD_LIMIT: usize = 100_000;

/// What a pass over a table found.
#[derive(Debug)]
pub(super) struct Table {
    pub columns: Columns,
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
    pub classes: ClassMap,
    pub label_map: LabelMap,
    pub folding: Folding,
    pub notes: Vec<String>,
    pub usages: Usages,
    pub sha256: [u8; 32],
}

/// A row as it stands in the file.
struct Found {
    row: Row,
    emotion: Emotion,
}

/// What the pass itself collects.
struct Pass<'a> {
    /// The table, for messages.
    place: &'a Path,
    name: &'a str,
    found: Vec<Found>,
    bad: Vec<(u32, String)>,
    usages: Usages,
}

impl Table {
    /// Reads a table from its first byte to its last; `place` and `name` (the first part of a row's path) go into messages.
    pub fn read(
        reader: impl Read,
        place: &Path,
        name: &str,
        options: &TableOptions,
    ) -> Result<Self, Error> {
        let hashing = Hashing {
            inner: reader,
            hash: Sha256::new(),
        };
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, hashing));
        let columns = header(&mut lines, place)?;
        let mut pass = Pass {
            place,
            name,
            found: Vec::new(),
            bad: Vec::new(),
            usages: Usages::default(),
        };
        pass.rows(&mut lines, &columns)?;
        let sha256 = lines.into_inner().into_inner().hash.finalize().into();
        pass.table(columns, options, sha256)
    }
}

/// The header is the first line that is not empty.
fn header<R: BufRead>(lines: &mut Lines<R>, place: &Path) -> Result<Columns, Error> {
    let found = loop {
        match lines.next().map_err(Error::io(place))? {
            None => break "an empty file".to_owned(),
            Some(Line::TooLong) => {
                break format!(
                    "a first line of more than {ROW_LIMIT} bytes (if its lines end in CR alone, save it with LF)"
                );
            }
            Some(Line::Whole { bytes, .. }) if bytes.trim_ascii().is_empty() => {}
            Some(Line::Whole { bytes, .. }) if other_format(bytes).is_some() => {
                break other_format(bytes).unwrap_or_default().to_owned();
            }
            Some(Line::Whole { bytes, .. }) if bytes.contains(&b'\r') => {
                break "lines that end in CR alone: save it with LF or CR LF".to_owned();
            }
            Some(Line::Whole { bytes, .. }) => match Columns::find(bytes) {
                Ok(columns) => return Ok(columns),
                Err(found) => break found,
            },
        }
    };
    Err(Error::Layout {
        path: place.to_path_buf(),
        expected: "a table with the columns emotion,pixels,Usage".to_owned(),
        found,
    })
}

/// What a file is that begins like no table, with the way out.
fn other_format(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1f, 0x8b, ..] => Some("a gzip archive: unpack it (tar -xzf, gunzip) and name the table"),
        [b'P', b'K', 3, 4, ..] => {
            Some("a zip archive or a workbook: give it the ending .zip, or save its sheet as CSV")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("text in UTF-16: save it as CSV in UTF-8"),
        _ => None,
    }
}

impl Pass<'_> {
    fn rows<R: BufRead>(&mut self, lines: &mut Lines<R>, columns: &Columns) -> Result<(), Error> {
        let mut number = 0;
        while let Some(line) = lines.next().map_err(Error::io(self.place))? {
            let read = match line {
                Line::Whole { bytes, .. } if bytes.trim_ascii().is_empty() => continue,
                Line::Whole { at, bytes } => columns
                    .labels(bytes)
                    .map(|(emotion, usage)| (at, bytes.len(), emotion, usage)),
                Line::TooLong => Err(Error::parse(format!(
                    "the row has more than {ROW_LIMIT} bytes"
                ))),
            };
            match read {
                Ok((at, length, emotion, usage)) => {
                    let row = Row {
                        at,
                        length: length as u32,
                        number,
                        // Not known before the label map is.
                        expression: Expression::Neutral,
                        usage: self.usages.index(&usage),
                    };
                    self.found.push(Found { row, emotion });
                }
                Err(error) => self.bad(number, error.reason())?,
            }
            number += 1;
            if number as usize > ROWS_LIMIT {
                return Err(self.unusable(format!("at most {ROWS_LIMIT} rows"), "more".to_owned()));
            }
        }
        Ok(())
    }

    fn bad(&mut self, number: u32, reason: String) -> Result<(), Error> {
        self.bad.push((number, reason));
        match self.bad.first() {
            Some((first, reason)) if self.bad.len() > BAD_LIMIT => Err(self.unusable(
                format!("at most {BAD_LIMIT} bad rows"),
                format!("more, the first being row {first}: {reason}"),
            )),
            _ => Ok(()),
        }
    }

    fn unusable(&self, expected: String, found: String) -> Error {
        Error::Layout {
            path: self.place.to_path_buf(),
            expected,
            found,
        }
    }

    /// Codes become expressions, expressions classes, and usages parts.
    fn table(
        mut self,
        columns: Columns,
        options: &TableOptions,
        sha256: [u8; 32],
    ) -> Result<Table, Error> {
        let (label_map, mut notes) = self.label_map(&options.label_map);
        let rows = self.named(&label_map)?;
        let rows = match &options.classes {
            Some(classes) => wanted(rows, classes, &mut notes),
            None => rows,
        };
        let deal = Deal::of(&rows, &self.usages, columns.has_usage());
        notes.push(deal.note);
        let rows = self.used(rows, deal.taken)?;
        if rows.is_empty() {
            return Err(self.nothing_left());
        }
        let occurring: Vec<_> = rows.iter().map(|row| row.expression).collect();
        let classes = match &options.classes {
            Some(classes) => classes.clone(),
            None => ClassMap::of(&occurring)
                .map_err(|error| self.unusable("two classes".to_owned(), error.to_string()))?,
        };
        notes.extend(empty_classes(&classes, &occurring));
        notes.push(
            "The table does not say who is in an image: results on unseen people (subject-independent) are impossible \
             with it."
                .to_owned(),
        );
        self.bad.sort_by_key(|(number, _)| *number);
        let skipped = self
            .bad
            .into_iter()
            .map(|(number, reason)| Skipped::new(format!("{}:{number}", self.name), reason));
        Ok(Table {
            columns,
            rows,
            skipped: skipped.collect(),
            classes,
            label_map,
            folding: deal.folding,
            notes,
            usages: self.usages,
            sha256,
        })
    }

    fn label_map(&self, wanted: &LabelMap) -> (LabelMap, Vec<String>) {
        let mut counts = [0; 256];
        for found in &self.found {
            if let Emotion::Code(code) = found.emotion {
                counts[usize::from(code)] += 1;
            }
        }
        let (map, note) = wanted.resolve(&counts);
        let coded = counts.iter().any(|&count| count > 0);
        (map, coded.then_some(note).into_iter().collect())
    }

    /// The rows with their expressions; a code that has none makes a row bad.
    fn named(&mut self, map: &LabelMap) -> Result<Vec<Row>, Error> {
        let codes = map.expressions();
        let mut rows = Vec::with_capacity(self.found.len());
        for Found { row, emotion } in std::mem::take(&mut self.found) {
            let expression = match emotion {
                Emotion::Name(expression) => Some(expression),
                Emotion::Code(code) => codes.get(usize::from(code)).copied(),
            };
            match (expression, emotion) {
                (Some(expression), _) => rows.push(Row { expression, ..row }),
                (None, Emotion::Code(code)) => {
                    let last = codes.len().saturating_sub(1);
                    let reason = format!("expected an emotion from 0 to {last}, found '{code}'");
                    self.bad(row.number, reason)?;
                }
                (None, Emotion::Name(_)) => {}
            }
        }
        Ok(rows)
    }

    /// Leaves out rows whose usage is none that the parts know.
    fn used(&mut self, rows: Vec<Row>, taken: Taken) -> Result<Vec<Row>, Error> {
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let text = self.usages.text(row.usage);
            match taken.refuses(text) {
                Some(reason) => self.bad(row.number, reason)?,
                None => kept.push(row),
            }
        }
        Ok(kept)
    }

    fn nothing_left(&self) -> Error {
        let first = self.bad.first().map_or(String::new(), |(number, reason)| {
            format!(", the first being row {number}: {reason}")
        });
        Error::NothingLabelled {
            path: self.place.to_path_buf(),
            reason: format!(
                "no row holds a usable image; {} are bad{first}",
                self.bad.len()
            ),
        }
    }
}

/// Rows of the classes; what is left out is counted in a note.
fn wanted(mut rows: Vec<Row>, classes: &ClassMap, notes: &mut Vec<String>) -> Vec<Row> {
    let mut left_out = BTreeMap::new();
    rows.retain(|row| {
        let wanted = classes.label_of(row.expression).is_some();
        if !wanted {
            *left_out.entry(row.expression).or_insert(0) += 1;
        }
        wanted
    });
    notes.extend(left_out_note("rows", &left_out));
    rows
}

/// A sentence on what was left out because it is no class.
pub(crate) fn left_out_note(what: &str, left_out: &BTreeMap<Expression, usize>) -> Option<String> {
    let counts: Vec<_> = left_out
        .iter()
        .map(|(expression, count)| format!("{expression} {count}"))
        .collect();
    (!counts.is_empty()).then(|| {
        let counts = counts.join(", ");
        format!("Left out because their expression is no class here ({what}): {counts}.")
    })
}

/// A sentence on classes that were asked for and do not occur.
pub(crate) fn empty_classes(classes: &ClassMap, occurring: &[Expression]) -> Option<String> {
    let missing = classes.classes().iter().filter(|c| !occurring.contains(c));
    let missing: Vec<_> = missing.map(|class| class.name()).collect();
    (!missing.is_empty()).then(|| format!("No image shows {}.", missing.join(", ")))
}

/// A reader that hashes what is read from it, so that a large table is read once.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
