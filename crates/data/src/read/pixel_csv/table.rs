//! One pass over a table: the positions and labels of its rows.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use faus_base::person::Person;
use faus_base::table::{declared, delimiter};
use faus_base::text::{composed, other_kind};

use crate::error::Error;
use crate::fold::held_back::{hold_back, wanting};
use crate::fold::part::Part;
use crate::label::label_map::{Label, Misspelt};
use crate::label::{ClassMap, Expression, LabelMap};
use crate::read::file::{Hashing, ReadFile, Skipped};
use crate::read::folders::STRAYS_AMONG;
use crate::read::notes::{empty_classes, keep_classes, misspelt};
use crate::read::pixel_csv::rows::{Columns, Lines, ROW_LIMIT};
use crate::read::pixel_csv::usage::Assignment;
use crate::read::source::{Folding, RawImage, RawSample, Scan};

/// Maximum number of rows of a table: a hundred and forty times FER2013's. A row takes some 300 bytes.
const ROWS_LIMIT: u32 = 5_000_000;
/// Maximum number of bad rows that are listed one by one. A table with more is not a pixel table.
const BAD_LIMIT: usize = 100_000;

/// A row that is a sample.
struct Row {
    /// Counted from 0, without the header and empty lines.
    number: u32,
    expression: Expression,
    usage: String,
    /// Without label and parts.
    sample: RawSample,
}

/// The pass itself.
struct Pass<'a> {
    /// The table, for messages.
    place: &'a Path,
    name: &'a str,
    columns: Columns,
    /// The rows; their expressions are known only once the label map is.
    found: Vec<(Row, Label)>,
    bad: Vec<(u32, String)>,
    misspelt: Misspelt,
    notes: Vec<String>,
}

/// Reads a table from its first byte to its last; `place` and `name` (the first part of a row's path) go into messages.
pub(super) fn read(
    reader: impl Read,
    place: &Path,
    name: &str,
    classes: Option<ClassMap>,
    label_map: &LabelMap,
) -> Result<(Columns, ClassMap, Scan), Error> {
    let mut lines = Lines::new(BufReader::with_capacity(1 << 16, Hashing::new(reader)));
    let mut pass = Pass {
        place,
        name,
        columns: header(&mut lines, place)?,
        found: Vec::new(),
        bad: Vec::new(),
        misspelt: Misspelt::new(),
        notes: Vec::new(),
    };
    pass.read(&mut lines)?;
    let sha256 = lines.reader.into_inner().sha256();
    let path = composed(name).into_owned();
    pass.table(classes, label_map, ReadFile { path, sha256 })
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
    fn read<R: BufRead>(&mut self, lines: &mut Lines<R>) -> Result<(), Error> {
        let mut number = 0;
        while let Some((at, line)) = lines.next().map_err(Error::io(self.place))? {
            match self.row(number, at, line) {
                Ok(row) => self.found.push(row),
                Err(error) => self.bad(number, error.reason())?,
            }
            number += 1;
            if number > ROWS_LIMIT {
                let expected = format!("at most {ROWS_LIMIT} rows");
                return Err(Error::layout(self.place, expected, "more"));
            }
        }
        Ok(())
    }

    fn row(&mut self, number: u32, at: u64, line: &[u8]) -> Result<(Row, Label), Error> {
        let labels = self.columns.labels(line, &mut self.misspelt)?;
        let usage = labels.usage;
        let prefix = if usage.is_empty() { "row" } else { &usage };
        let length = line.len() as u64;
        let sample = RawSample {
            image: RawImage::Stored { at, length },
            subject: labels.subject,
            sequence: format!("{prefix}-{number}"),
            is_face: true,
            ..RawSample::labelled(&format!("{}:{number}", self.name), -1)
        };
        let row = Row {
            number,
            expression: Expression::Neutral,
            usage,
            sample,
        };
        Ok((row, labels.emotion))
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
        given: Option<ClassMap>,
        label_map: &LabelMap,
        read: ReadFile,
    ) -> Result<(Columns, ClassMap, Scan), Error> {
        let mut rows = self.with_expressions(label_map)?;
        let shown = |row: &Row| row.expression;
        let left_out = keep_classes(&mut rows, given.as_ref(), shown, "rows");
        self.notes.extend(left_out);
        let usages = rows.iter().map(|row| row.usage.as_str());
        let mut assigned = Assignment::of(usages, self.columns.usage.is_some());
        for row in rows.extract_if(.., |row| assigned.refuses(&row.usage).is_some()) {
            let reason = assigned.refuses(&row.usage).unwrap_or_default();
            self.bad(row.number, reason)?;
        }
        let people = self.people(&mut rows, &mut assigned)?;
        self.notes.extend([assigned.note(), people]);
        if rows.is_empty() {
            let (bad, first) = (self.bad.len(), self.first_bad());
            let reason = format!("no row holds a usable image; {bad} are bad{first}");
            return Err(Error::nothing_labelled(self.place, reason));
        }
        let occurring: Vec<_> = rows.iter().map(shown).collect();
        let classes = given.map_or_else(|| ClassMap::of(&occurring), Ok);
        let too_few = |error: Error| Error::layout(self.place, "two classes", error.to_string());
        let classes = classes.map_err(too_few)?;
        self.notes.extend(empty_classes(&classes, &occurring));
        self.bad.sort_by_key(|(number, _)| *number);
        let bad = self.bad.into_iter();
        let skipped =
            bad.map(|(number, reason)| Skipped::new(format!("{}:{number}", read.path), reason));
        let scan = Scan {
            samples: samples(rows, &classes, assigned.folding == Folding::Given(1)),
            skipped: skipped.collect(),
            read: vec![read],
            folding: assigned.folding,
            notes: self.notes,
            code_notes: Vec::new(),
        };
        Ok((self.columns, classes, scan))
    }

    /// Folds by person if nearly all are named, leaving out the few rows of unknown people; a sentence on the people.
    fn people(&mut self, rows: &mut Vec<Row>, assigned: &mut Assignment) -> Result<String, Error> {
        let unknown = |row: &Row| Person::of(&row.sample.subject).is_none();
        let all = rows.len();
        let unnamed = rows.iter().filter(|row| unknown(row)).count();
        let impossible = "results on unseen people (subject-independent) are impossible with it";
        if self.columns.subject.is_none() {
            return Ok(format!(
                "The table does not name the people in its images: {impossible}."
            ));
        }
        if unnamed * STRAYS_AMONG > all {
            let named = all - unnamed;
            return Ok(format!(
                "The table names the people of {named} of its {all} images only: {impossible}."
            ));
        }
        if assigned.folding == Folding::ByImage {
            for row in rows.extract_if(.., |row| unknown(row)) {
                let reason = "its person is unknown, unlike nearly all others'";
                self.bad(row.number, reason.to_owned())?;
            }
            let people = rows.iter().map(|row| row.sample.subject.clone());
            assigned.folding = Folding::BySubject(people.collect());
        }
        Ok("The table names the people in its images.".to_owned())
    }

    /// The rows with their expressions; a code without one makes a row bad.
    fn with_expressions(&mut self, label_map: &LabelMap) -> Result<Vec<Row>, Error> {
        let codes = label_map.codes(self.found.iter().map(|(_, emotion)| *emotion), true);
        let (codes, note) = codes.map_err(|reason| Error::unusable(self.place, reason))?;
        self.notes.extend(note);
        self.notes.extend(misspelt("emotions", &self.misspelt));
        let (first, last) = codes.range();
        let mut rows = Vec::with_capacity(self.found.len());
        for (row, emotion) in std::mem::take(&mut self.found) {
            match codes.expression(emotion) {
                Ok(expression) => rows.push(Row { expression, ..row }),
                Err(code) => {
                    let reason =
                        format!("expected an emotion from {first} to {last}, found '{code}'");
                    self.bad(row.number, reason)?;
                }
            }
        }
        Ok(rows)
    }
}

/// The rows with labels and, of the `given` split, parts; a tenth of train validates where no row does.
fn samples(rows: Vec<Row>, classes: &ClassMap, given: bool) -> Vec<RawSample> {
    let samples = rows.into_iter().map(|row| RawSample {
        label: classes.label_of(row.expression).unwrap_or(-1),
        parts: Vec::from_iter(Part::from_name(&row.usage).filter(|_| given)),
        ..row.sample
    });
    let mut samples = Vec::from_iter(samples);
    let parts = samples.iter().flat_map(|sample| &sample.parts);
    if wanting(&parts.map(|part| part.name()).collect()) {
        hold_back(&mut samples);
    }
    samples
}
