//! The rows of a table: their positions in the file, and their small columns.
//!
//! A row is one line, deliberately stricter than CSV: a quotation mark that is opened and never closed would otherwise
//! swallow the rest of the file into one field. Lines are found here; the csv crate reads lines with quotation marks.

use std::borrow::Cow;
use std::io::{BufRead, Read};

use faus_base::table::{PEOPLE, plain_name, twice};

use crate::error::Error;
use crate::label::label_map::{Label, Misspelt};
use crate::label::text::brief;

/// Maximum number of pixels of an image in a table: 1024×1024, the largest size that images are prepared in.
pub(super) const PIXELS_LIMIT: usize = 1 << 20;
/// Maximum size in bytes of a row: that many pixels of three digits and a blank, and 64 KiB for the other columns.
pub(super) const ROW_LIMIT: usize = 4 * PIXELS_LIMIT + (64 << 10);
/// Maximum number of columns of a header.
const COLUMNS_LIMIT: usize = 1000;

/// Where the columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    delimiter: u8,
    count: usize,
    emotion: usize,
    pixels: usize,
    pub usage: Option<usize>,
    pub subject: Option<usize>,
}

/// The small columns of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels {
    pub emotion: Label,
    pub usage: String,
    /// The person; empty if unknown.
    pub subject: String,
}

/// Names of the columns, as [`plain_name`] writes them.
const NAMES: [&str; 4] = ["emotion", "pixels", "usage", PEOPLE];

impl Columns {
    /// Finds `emotion`, `pixels` and, where there are, `usage` and `subject` ([`NAMES`]), in any case and order, among others, blanks around them.
    /// `Err` holds what was found instead.
    pub fn find(header: &[u8], delimiter: u8) -> Result<Self, String> {
        let names = fields(header, delimiter, COLUMNS_LIMIT).map_err(|error| error.reason())?;
        let plain = |name: &Cow<[u8]>| String::from_utf8_lossy(name).trim().to_lowercase();
        let names: Vec<String> = names.iter().map(plain).collect();
        if let Some(column) = twice(names.iter().map(String::as_str)) {
            return Err(format!("the column {} twice", brief(column)));
        }
        let [emotion, pixels, usage, subject] = NAMES.map(|known| {
            let named = |at: &usize| known.split(' ').any(|own| own == plain_name(&names[*at]));
            let mut places = (0..names.len()).filter(named);
            match (places.next(), places.next(), known.split(' ').next()) {
                (_, Some(_), Some(name)) => Err(format!("the column {name} twice")),
                (place, ..) => Ok(place),
            }
        });
        let (Some(emotion), Some(pixels), usage, subject) = (emotion?, pixels?, usage?, subject?)
        else {
            return Err(Vec::from_iter(names.iter().take(8).map(|name| brief(name))).join(","));
        };
        Ok(Self {
            delimiter,
            count: names.len(),
            emotion,
            pixels,
            usage,
            subject,
        })
    }

    fn split<'a>(&self, line: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Error> {
        if line.len() > ROW_LIMIT {
            let reason = format!("the row has more than {ROW_LIMIT} bytes");
            return Err(Error::parse(reason));
        }
        let fields = fields(line, self.delimiter, self.count + 1)?;
        let (expected, found) = (self.count, fields.len());
        if found == expected {
            return Ok(fields);
        }
        let least = if found > expected { "at least " } else { "" };
        let reason = format!("expected {expected} columns as in the header, found {least}{found}");
        Err(Error::parse(reason))
    }

    /// Emotion, usage and subject of a row; the pixels are not read.
    pub fn labels(&self, line: &[u8], misspelt: &mut Misspelt) -> Result<Labels, Error> {
        let fields = self.split(line)?;
        let text = String::from_utf8_lossy(&fields[self.emotion]);
        let emotion = Label::read(&text, misspelt);
        let wrong =
            |found| Error::parse(format!("expected an emotion code or name, found {found}"));
        let emotion = emotion.map_err(wrong)?;
        let text = |column: Option<usize>| {
            let cell = column.map(|at| String::from_utf8_lossy(&fields[at]));
            brief(&cell.unwrap_or_default())
        };
        Ok(Labels {
            emotion,
            usage: text(self.usage),
            subject: text(self.subject),
        })
    }

    /// The image of a row: its side and its grey values.
    pub fn image(&self, line: &[u8]) -> Result<(u32, Vec<u8>), Error> {
        square(&self.split(line)?[self.pixels])
    }
}

/// The fields of a line, at most `most` of them.
///
/// # Errors
/// When a quotation mark is opened and not closed.
fn fields(line: &[u8], delimiter: u8, most: usize) -> Result<Vec<Cow<'_, [u8]>>, Error> {
    if !line.contains(&b'"') {
        // Nothing is quoted: the same as the csv crate (a test compares them), without copying the pixels.
        let plain = line.split(|&byte| byte == delimiter).take(most);
        return Ok(plain.map(Cow::Borrowed).collect());
    }
    // A line is appended after this one; a quotation mark that is not closed swallows it.
    let mut builder = csv::ReaderBuilder::new();
    let builder = builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true);
    let mut reader = builder.from_reader(line.chain(&b"\n."[..]));
    let records: Result<Vec<_>, _> = reader.byte_records().collect();
    let records = records.map_err(|error| Error::parse(error.to_string()))?;
    let [record, _, ..] = records.as_slice() else {
        let open = "a quotation mark is opened and not closed on the line; a row must be one line";
        return Err(Error::parse(open));
    };
    let quoted = record.iter().take(most);
    Ok(quoted.map(|field| Cow::Owned(field.to_vec())).collect())
}

/// Grey values of a square image, separated by blanks.
fn square(text: &[u8]) -> Result<(u32, Vec<u8>), Error> {
    let words = text.split(u8::is_ascii_whitespace);
    let mut data = Vec::with_capacity((text.len() / 2 + 1).min(PIXELS_LIMIT));
    for word in words.filter(|word| !word.is_empty()) {
        if data.len() == PIXELS_LIMIT {
            return Err(Error::parse(format!("more than {PIXELS_LIMIT} pixels")));
        }
        data.push(grey(word)?);
    }
    let (count, side) = (data.len(), data.len().isqrt());
    let wrong = || Error::parse(format!("{count} pixels are not a square image"));
    let whole = side > 0 && side * side == count;
    whole.then_some((side as u32, data)).ok_or_else(wrong)
}

fn grey(word: &[u8]) -> Result<u8, Error> {
    let value = word.iter().try_fold(0u16, |value, byte| {
        let more = value * 10 + u16::from(byte.wrapping_sub(b'0'));
        (byte.is_ascii_digit() && more <= 255).then_some(more)
    });
    value.map(|value| value as u8).ok_or_else(|| {
        let word = brief(&String::from_utf8_lossy(&word[..word.len().min(100)]));
        Error::parse(format!("'{word}' is not a grey value from 0 to 255"))
    })
}

/// The lines of a file that are not blank.
pub(super) struct Lines<R> {
    pub reader: R,
    next: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R) -> Self {
        let line = Vec::new();
        Self {
            reader,
            next: 0,
            line,
        }
    }

    /// The next line without its end, and the place of its first byte; `None` after the last. Of a line of more than
    /// [`ROW_LIMIT`] bytes the first two more than these.
    pub fn next(&mut self) -> std::io::Result<Option<(u64, &[u8])>> {
        loop {
            let at = self.next;
            self.line.clear();
            // Two more than the limit, for the end of the line.
            let mut bounded = (&mut self.reader).take(ROW_LIMIT as u64 + 2);
            let read = bounded.read_until(b'\n', &mut self.line)?;
            self.next += read as u64;
            if read == ROW_LIMIT + 2 && !self.line.ends_with(b"\n") {
                self.next += self.reader.skip_until(b'\n')? as u64;
            } else {
                let end = self.line.iter().rposition(|byte| !b"\r\n".contains(byte));
                self.line.truncate(end.map_or(0, |end| end + 1));
            }
            if read == 0 {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((at, &self.line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Expression;
    use csv::ByteRecord;
    use faus_base::table::delimiter;
    use proptest::prelude::*;

    #[test]
    fn finds_columns_as_people_write_them() {
        let columns = |emotion, pixels, usage, subject, count, delimiter| Columns {
            delimiter,
            count,
            emotion,
            pixels,
            usage,
            subject,
        };
        for (header, expected) in [
            (
                "emotion,pixels,Usage",
                columns(0, 1, Some(2), None, 3, b','),
            ),
            (
                "emotion, Usage, pixels",
                columns(0, 2, Some(1), None, 3, b','),
            ),
            ("Emotion,PIXELS", columns(0, 1, None, None, 2, b',')),
            (
                "Subject_ID,emotion,pixels",
                columns(1, 2, None, Some(0), 3, b','),
            ),
            (
                "emotion;pixels;Person",
                columns(0, 1, None, Some(2), 3, b';'),
            ),
            (
                "\"\",\"pixels\",\"id\",\"emotion\"",
                columns(3, 1, None, None, 4, b','),
            ),
            (
                "emotion;pixels;usage",
                columns(0, 1, Some(2), None, 3, b';'),
            ),
            ("pixels\temotion", columns(1, 0, None, None, 2, b'\t')),
        ] {
            assert_eq!(
                Columns::find(header.as_bytes(), delimiter(header.as_bytes())).as_ref(),
                Ok(&expected),
                "{header}"
            );
        }
        for (bad, found) in [
            ("", ""),
            ("a,b", "a,b"),
            ("emotion,Usage", "emotion,usage"),
            ("emotion,pixels,Emotion,usage", "the column emotion twice"),
            ("emotion,pixels,person,subject", "the column subject twice"),
            ("emotion,pixels,id,ID", "the column id twice"),
            ("emotion,\"pixels", "not closed"),
        ] {
            let error = Columns::find(bad.as_bytes(), b',').unwrap_err();
            assert!(error.contains(found), "{bad}: {error}");
        }
    }

    #[test]
    fn reads_rows_with_and_without_quotes() {
        let columns = Columns::find(b"id,emotion,pixels,Usage", b',').unwrap();
        let four = (2, vec![1, 20, 255, 0]);
        for line in [
            "x,3,1 20 255 0,Training",
            "\"a, b\",\"3\",\"1 20 255 0\",\"Training\"",
            "\"a \"\"b\"\"\",3, 1  20 255 000 , Training ",
            "x,3.0,\"1 20 255 0\",Training",
        ] {
            let labels = columns
                .labels(line.as_bytes(), &mut Misspelt::new())
                .unwrap();
            assert_eq!(
                (labels.emotion, labels.usage.as_str()),
                (Label::Code(3), "Training")
            );
            assert_eq!(columns.image(line.as_bytes()).unwrap(), four);
        }
        let named = columns
            .labels(b",Happiness,1,", &mut Misspelt::new())
            .unwrap();
        assert_eq!(
            (named.emotion, named.usage),
            (Label::Name(Expression::Happy), String::new())
        );
        let named = Columns::find(b"emotion,pixels,subject", b',').unwrap();
        assert_eq!(
            named
                .labels(b"3,1, S005 ", &mut Misspelt::new())
                .unwrap()
                .subject,
            "S005"
        );
        for (bad, why) in [
            (
                "x,3,1 2 3 4",
                "expected 4 columns as in the header, found 3",
            ),
            ("x,3,1 2 3 4,Training,y,z", "found at least 5"),
            ("x,-1,1 2 3 4,Training", "found '-1'"),
            ("x,256,1 2 3 4,Training", "found '256'"),
            ("x,,1 2 3 4,Training", "found ''"),
            ("x,3,\"1 2 3 4,Training", "not closed"),
            ("\"x,3,1 2 3 4,Training", "not closed"),
        ] {
            let error = columns
                .labels(bad.as_bytes(), &mut Misspelt::new())
                .unwrap_err()
                .reason();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_pixels() {
        for (bad, why) in [
            ("", "0 pixels"),
            ("1 2 3", "3 pixels are not a square image"),
            ("1 2 3 256", "'256' is not a grey value"),
            ("1 -2 3 4", "'-2' is not a grey value"),
            ("1.0 2.0 3.0 4.0", "'1.0' is not a grey value"),
            ("[1 2 3 4]", "'[1' is not a grey value"),
        ] {
            let error = square(bad.as_bytes()).unwrap_err().reason();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(square("7 ".repeat(PIXELS_LIMIT).as_bytes()).is_ok());
        assert!(square("7 ".repeat(PIXELS_LIMIT + 1).as_bytes()).is_err());
    }

    fn lines(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        while let Some((at, line)) = lines.next().unwrap() {
            all.push((at, line.to_vec()));
        }
        all
    }

    #[test]
    fn finds_lines_and_cuts_long_ones() {
        let line = |at, text: &str| (at, text.as_bytes().to_vec());
        assert_eq!(lines(b""), []);
        assert_eq!(
            lines(b"a\r\n\nbc\n \r\nd"),
            [line(0, "a"), line(4, "bc"), line(10, "d")]
        );
        let longest = "x".repeat(ROW_LIMIT);
        let found = lines(format!("{longest}\r\na").as_bytes());
        assert_eq!(found, [line(0, &longest), line(ROW_LIMIT as u64 + 2, "a")]);
        for end in ["\n", "\r\n", "\r\r\n", "yyy\n"] {
            let found = lines(format!("{longest}x{end}a").as_bytes());
            assert!(found[0].1.len() > ROW_LIMIT && found.len() == 2);
            assert_eq!(found[1], line((ROW_LIMIT + 1 + end.len()) as u64, "a"));
        }
        let columns = Columns::find(b"emotion,pixels", b',').unwrap();
        let long = columns.labels(format!("{longest}x").as_bytes(), &mut Misspelt::new());
        assert!(long.unwrap_err().reason().contains("has more than"));
    }

    /// The literal way.
    fn slow_square(text: &str) -> Option<(u32, Vec<u8>)> {
        let words: Option<Vec<u8>> = text
            .split_ascii_whitespace()
            .map(|word| word.parse().ok().filter(|_| !word.starts_with('+')))
            .collect();
        let data = words?;
        let side = data.len().isqrt();
        (side > 0 && side * side == data.len()).then_some((side as u32, data))
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_csv_crate(line in "[a-c,;\" ]{0,30}") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
            let mut record = ByteRecord::new();
            reader.read_byte_record(&mut record).unwrap();
            match fields(line.as_bytes(), b',', usize::MAX) {
                Ok(fields) if line.is_empty() => prop_assert_eq!(fields.len(), 1),
                Ok(fields) => prop_assert_eq!(fields.iter().map(|f| f.to_vec()).collect::<Vec<_>>(), record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()),
                Err(_) => prop_assert!(line.contains('"')),
            }
        }

        #[test]
        fn pixels_are_those_of_the_literal_way(text in "([0-9]{1,3}|[ \t]| [0-9]{1,2} |[+x.-]){0,12}") {
            prop_assert_eq!(square(text.as_bytes()).ok(), slow_square(&text));
        }

        #[test]
        fn lines_are_those_of_the_standard_library(text in "[ab\r\n]{0,40}") {
            let found: Vec<_> = lines(text.as_bytes()).into_iter().map(|line| line.1).collect();
            let expected = text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty());
            let expected: Vec<_> = expected.map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
