//! A table of FACS codes beside images of any source: rows by path, by recording or by row number.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use faus_base::codes::{Coded, Codes, plain_name};
use faus_base::facs::Cell;
use faus_base::person::Person;
use faus_base::table::{Row, Table, delimiter};

use crate::error::Error;
use crate::label::{Au, AuCoding, AuScore};
use crate::read::file::{ReadFile, read_bounded};
use crate::read::places::{self, Fit, Places};
use crate::read::source::RawSample;

/// Size limit of the table, in bytes.
const LIMIT: u64 = 256 << 20;
/// Names of the columns by which rows are found, without blanks, `_` and `-`.
const PATH: [&str; 9] = [
    "path",
    "file",
    "filename",
    "filepath",
    "image",
    "imagepath",
    "imagefile",
    "img",
    "input",
];
const SUBJECT: [&str; 7] = [
    "subject",
    "subjectid",
    "subj",
    "person",
    "personid",
    "participant",
    "id",
];
const SESSION: [&str; 9] = [
    "session",
    "sessionid",
    "sequence",
    "seq",
    "sequenceid",
    "recording",
    "trial",
    "task",
    "video",
];
const FRAME: [&str; 4] = ["frame", "framenumber", "frameno", "frameid"];
const INDEX: [&str; 2] = ["index", "row"];
/// The header that a table of the first Cohn-Kanade release stands for where it has none.
const COHN_KANADE: [&str; 3] = ["subject", "session", "codes"];

/// What a table says of an image, or what it can be found by.
#[derive(Debug, Clone, Copy, Default)]
pub struct CodeKey<'a> {
    /// Row of the data set.
    pub index: usize,
    /// Path of the image.
    pub path: &'a str,
    /// The person.
    pub subject: &'a str,
    /// The recording; `S010_004` and `004` are session 4.
    pub sequence: &'a str,
    /// The frame; 0 where unknown.
    pub frame: u32,
}

/// How the rows of a table are found.
enum By {
    Path(Vec<String>),
    /// Person and session, and the frame where the table has one.
    Session(Vec<(Option<Person>, String, Option<usize>)>),
    Index(Vec<usize>),
}

/// A table of codes.
pub struct CodeTable {
    name: String,
    codes: Codes,
    /// The lines of the rows.
    lines: Vec<u64>,
    by: By,
    pub(crate) read: ReadFile,
}

/// The codes of images in their order, and what matched in sentences.
pub struct Matched {
    /// `None` for an image without codes.
    pub codes: Vec<Option<Coded>>,
    /// What matched and what did not.
    pub notes: Vec<String>,
}

impl CodeTable {
    /// Reads a table: codes as in [`Codes::read`], and columns that name the image by its path or file name, by subject and
    /// session (and frame), or by its index, the first of these that exist. A table of three columns without a header is
    /// read as `subject,session,codes`.
    ///
    /// # Errors
    /// [`Error::Layout`] naming the line that is wrong, or the columns that are missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path, LIMIT)?;
        let expected = "a table of FACS codes";
        let wrong = |found: String| Error::layout(path, expected, found);
        let with_header = headless(&bytes).map(|(text, between)| {
            let header = COHN_KANADE.join(&between.to_string());
            format!("{header}\n{text}")
        });
        let added = u64::from(with_header.is_some());
        let table = Table::open(with_header.as_deref().map_or(&bytes[..], str::as_bytes));
        let table = table.map_err(wrong)?;
        let columns = table.columns().clone();
        let names: Vec<String> = columns.iter().map(plain_name).collect();
        let rows: Result<Vec<Row>, _> = table.records().collect();
        let mut rows = rows.map_err(wrong)?;
        rows.iter_mut().for_each(|row| row.line -= added);
        let codes = Codes::read(&columns, &rows).map_err(wrong)?;
        let by = By::of(&names, &rows).map_err(wrong)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: name.into_owned(),
            codes,
            lines: rows.iter().map(|row| row.line).collect(),
            by,
            read: ReadFile::new("aus", &bytes),
        })
    }

    /// Whether a program estimated the codes.
    pub fn machine_coded(&self) -> bool {
        self.codes.machine_coded
    }

    /// Finds the codes of images.
    ///
    /// # Errors
    /// [`Error::Setting`] if no row of the table matches an image, two rows code an image differently, or rows name a
    /// recording of several images whose frames are unknown.
    pub fn matched(&self, images: &[CodeKey]) -> Result<Matched, Error> {
        let wrong = |reason| Error::setting("table of codes", format!("{}: {reason}", self.name));
        let mut elsewhere = 0;
        let rows = match &self.by {
            By::Path(paths) => {
                let places = Places::of(images.iter().map(|image| image.path));
                let found = places.find(&Vec::from_iter(paths.iter().map(String::as_str)));
                elsewhere = found
                    .iter()
                    .flatten()
                    .filter(|found| found.1 == Fit::Name)
                    .count();
                found.into_iter().map(|found| Some(found?.0)).collect()
            }
            By::Session(sessions) => by_session(sessions, images).map_err(wrong)?,
            By::Index(indices) => {
                let of = images.iter().enumerate();
                let of: HashMap<usize, usize> = of.map(|(at, image)| (image.index, at)).collect();
                Vec::from_iter(indices.iter().map(|index| of.get(index).copied()))
            }
        };
        let mut codes = vec![None; images.len()];
        let mut of_images: Vec<Option<usize>> = vec![None; images.len()];
        for (row, coded) in self.codes.rows.iter().enumerate() {
            let Some(at) = rows[row] else { continue };
            let before = *of_images[at].get_or_insert(row);
            if self.codes.rows[before] != *coded {
                let (one, other) = (self.lines[before], self.lines[row]);
                let key = self.by.text(row);
                return Err(wrong(format!(
                    "different codes of {key} in lines {one} and {other}"
                )));
            }
            codes[at].clone_from(coded);
        }
        let has_row = Vec::from_iter(of_images.iter().map(Option::is_some));
        let unmatched = || (0..rows.len()).filter(|at| rows[*at].is_none());
        let example = |at: usize| format!("line {}, {}", self.lines[at], self.by.text(at));
        if unmatched().count() == rows.len() {
            let first = unmatched()
                .next()
                .map_or("it has no rows".to_owned(), |at| {
                    format!("its first row is {}", example(at))
                });
            let image = images
                .first()
                .map_or("none".to_owned(), |image| self.by.of_image(image));
            return Err(wrong(format!(
                "no row matches an image: {first}, and the first image is {image}"
            )));
        }
        let mut notes = vec![self.count(images, &has_row)];
        notes.extend(places::elsewhere(elsewhere).map(|note| format!("{}: {note}", self.name)));
        let missing = unmatched().count();
        notes.extend(unmatched().next().map(|at| {
            format!(
                "{}: {missing} of the table's {} rows match no image (first {}).",
                self.name,
                rows.len(),
                example(at)
            )
        }));
        notes.extend(
            self.codes
                .notes
                .iter()
                .map(|note| format!("{}: {note}", self.name)),
        );
        Ok(Matched { codes, notes })
    }

    /// How many images, or recordings, have a row.
    fn count(&self, images: &[CodeKey], has_row: &[bool]) -> String {
        let last_only =
            matches!(&self.by, By::Session(rows) if rows.iter().all(|row| row.2.is_none()));
        let mut units: BTreeMap<String, bool> = BTreeMap::new();
        for (image, has_row) in images.iter().zip(has_row) {
            let unit = if last_only {
                self.by.of_image(image)
            } else {
                format!("{:09}", image.index)
            };
            *units.entry(unit).or_default() |= has_row;
        }
        let (all, with) = (units.len(), units.values().filter(|has| **has).count());
        let (what, only) = match last_only {
            true => ("recordings", ", on their last frame alone"),
            false => ("images", ""),
        };
        let lost = images
            .iter()
            .zip(has_row)
            .find(|(image, has)| !(**has || last_only && units[&self.by.of_image(image)]));
        let lost = lost.map_or(String::new(), |(image, _)| {
            format!(
                "; {} have none (first {})",
                all - with,
                self.by.of_image(image)
            )
        });
        format!(
            "{}: {with} of {all} {what} have a row in the table{only}{lost}.",
            self.name
        )
    }

    /// Gives the images of a scan the codes of the table, in place of any that they had.
    pub(crate) fn apply(&self, samples: &mut [RawSample]) -> Result<Vec<String>, Error> {
        let keys = samples.iter().enumerate().map(|(index, sample)| CodeKey {
            index,
            path: &sample.path,
            subject: &sample.subject,
            sequence: &sample.sequence,
            frame: sample.frame,
        });
        let Matched { codes, mut notes } = self.matched(&Vec::from_iter(keys))?;
        let replaced = samples
            .iter()
            .filter(|sample| sample.aus != AuCoding::NotCoded)
            .count();
        notes.extend((replaced > 0).then(|| {
            format!(
                "{}: it replaces the codes that {replaced} images had from the data set.",
                self.name
            )
        }));
        for (sample, coded) in samples.iter_mut().zip(codes) {
            let coded = coded.map(|coded| {
                let score = |(au, intensity)| AuScore {
                    au: Au(au),
                    intensity,
                };
                (
                    AuCoding::coded(coded.units.into_iter().map(score).collect()),
                    coded.sides,
                )
            });
            (sample.aus, sample.sides) = coded.unwrap_or_default();
        }
        Ok(notes)
    }
}

impl By {
    fn of(names: &[String], rows: &[Row]) -> Result<Self, String> {
        let column = |wanted: &[&str]| {
            names
                .iter()
                .position(|name| wanted.contains(&name.as_str()))
        };
        let cell = |row: &Row, at: usize| row.cells.get(at).unwrap_or_default().to_owned();
        let number = |row: &Row, at: usize| match Person::of(&cell(row, at)) {
            Some(Person::Number(number)) => {
                usize::try_from(number).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "line {}: {} `{}` is not a number from 0",
                row.line,
                names[at],
                cell(row, at)
            )),
        };
        if let Some(at) = column(&PATH) {
            return Ok(Self::Path(rows.iter().map(|row| cell(row, at)).collect()));
        }
        if let (Some(subject), Some(session)) = (column(&SUBJECT), column(&SESSION)) {
            let frame = column(&FRAME);
            let key = |row: &Row| {
                let person = Person::of(&cell(row, subject));
                let session = session_of(person.as_ref(), &cell(row, session));
                let frame = frame.map(|at| number(row, at)).transpose()?;
                Ok((person, session, frame))
            };
            return rows
                .iter()
                .map(key)
                .collect::<Result<_, String>>()
                .map(Self::Session);
        }
        let Some(at) = column(&INDEX) else {
            return Err("no column that names the images: `path` (or file name), `subject` and `session` (and `frame`), or `index`".to_owned());
        };
        let indices = rows.iter().map(|row| number(row, at));
        indices.collect::<Result<_, _>>().map(Self::Index)
    }

    /// The key of a row, for messages and to find doubled ones.
    fn text(&self, at: usize) -> String {
        match self {
            Self::Path(paths) => paths[at].clone(),
            Self::Session(sessions) => {
                let (person, session, frame) = &sessions[at];
                let person = person.as_ref().map_or(String::new(), Person::to_string);
                let frame = frame.map_or(String::new(), |frame| format!(" frame {frame}"));
                format!("subject {person} session {session}{frame}")
            }
            Self::Index(indices) => format!("index {}", indices[at]),
        }
    }

    /// The same of an image.
    fn of_image(&self, image: &CodeKey) -> String {
        match self {
            Self::Path(_) => image.path.to_owned(),
            Self::Session(_) => {
                let person = Person::of(image.subject);
                let session = session_of(person.as_ref(), image.sequence);
                let person = person.map_or("unknown".to_owned(), |person| person.to_string());
                format!("subject {person} session {session}")
            }
            Self::Index(_) => format!("index {}", image.index),
        }
    }
}

/// The name of a recording without its person's: `004`, `4.0` and `S010_004` of person 10 are `4`, `F001/T1` of F001 is
/// `T1`, and `posed_1` stays.
fn session_of(person: Option<&Person>, text: &str) -> String {
    let ends = text.match_indices(['/', '_']).map(|(end, _)| end);
    let own = |end: &usize| {
        let before = text[..*end].rsplit(['/', '_']).next().unwrap_or_default();
        person.is_some() && Person::of(before).as_ref() == person
    };
    let rest = ends.filter(own).last().map_or(text, |end| &text[end + 1..]);
    Person::of(rest).map_or(String::new(), |session| session.to_string())
}

/// Rows with a frame belong to that frame, others to the last frame of their recording.
///
/// # Errors
/// A row without a frame for a recording of several images without frames: none of them is the last.
fn by_session(
    sessions: &[(Option<Person>, String, Option<usize>)],
    images: &[CodeKey],
) -> Result<Vec<Option<usize>>, String> {
    type Frames = BTreeMap<usize, Vec<usize>>;
    let mut recordings: HashMap<(Person, String), Frames> = HashMap::new();
    for (at, image) in images.iter().enumerate() {
        let Some(person) = Person::of(image.subject) else {
            continue;
        };
        let session = session_of(Some(&person), image.sequence);
        let frames = recordings.entry((person, session)).or_default();
        frames.entry(image.frame as usize).or_default().push(at);
    }
    let paths = Vec::from_iter(images.iter().map(|image| image.path));
    let find = |(person, session, frame): &(Option<Person>, String, Option<usize>)| {
        let Some(person) = person.clone() else {
            return Ok(None);
        };
        let Some(frames) = recordings.get(&(person, session.clone())) else {
            return Ok(None);
        };
        let found = match frame {
            Some(frame) => frames.get(frame),
            None => frames.last_key_value().map(|last| last.1),
        };
        match found.map(Vec::as_slice) {
            None => Ok(None),
            Some([at]) => Ok(Some(*at)),
            Some([first, .., last]) => Err(format!(
                "a row names one image of session {session}, and {} and {} have the same frame there: give the rows the column \
                 path, or the images frames (--subject-pattern with the group frame)",
                paths[*first], paths[*last]
            )),
            Some([]) => Ok(None),
        }
    };
    sessions.iter().map(find).collect()
}

/// The text of a table without a header, and the character between its cells: its first line is a person, a session and
/// FACS codes.
fn headless(bytes: &[u8]) -> Option<(&str, char)> {
    let text = faus_base::text::plain(bytes).ok()?;
    let first = text.lines().next()?;
    let between = char::from(delimiter(first.as_bytes()));
    let cells = Vec::from_iter(
        first
            .split(between)
            .map(|cell| cell.trim().trim_matches('"')),
    );
    let &[subject, session, codes] = cells.as_slice() else {
        return None;
    };
    let numbers = [subject, session]
        .iter()
        .all(|cell| matches!(Person::of(cell), Some(Person::Number(_))));
    (numbers && Cell::read(codes).is_ok()).then_some((text, between))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<CodeTable, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes.csv");
        std::fs::write(&path, text).unwrap();
        CodeTable::open(&path).map_err(|error| error.to_string())
    }

    /// Two recordings of three frames, and one of another person.
    fn images() -> Vec<CodeKey<'static>> {
        let of = |(index, (path, subject, sequence, frame))| CodeKey {
            index,
            path,
            subject,
            sequence,
            frame,
        };
        [
            ("happy/S010_004_00000015.png", "010", "S010_004", 15),
            ("happy/S010_004_00000016.png", "010", "S010_004", 16),
            ("happy/S010_004_00000017.png", "010", "S010_004", 17),
            ("fear/S010_002_00000014.png", "010", "S010_002", 14),
            ("fear/S011_004_00000021.png", "011", "S011_004", 21),
        ]
        .into_iter()
        .enumerate()
        .map(of)
        .collect()
    }

    fn found(text: &str) -> (Vec<usize>, String) {
        let matched = table(text).unwrap().matched(&images()).unwrap();
        let coded = (0..5).filter(|at| matched.codes[*at].is_some());
        (coded.collect(), matched.notes.join("\n"))
    }

    #[test]
    fn codes_of_a_recording_belong_to_its_last_frame() {
        for text in [
            "10,004,4+7e+17d\n11,4,L10+17\n64,002,1\n",
            "Subject,Session,Codes\n10,004,4+7e+17d\nS011,4.0,L10+17\n64,002,1\n",
            "subj;sequence;facs\n010;S010_004;4+7e+17d\n011;S011_004;L10+17\n64;002;1\n",
        ] {
            let (coded, notes) = found(text);
            assert_eq!(coded, [2, 4], "{text}");
            assert!(notes.contains("codes.csv: 2 of 3 recordings have a row in the table, on their last frame alone; 1 have none (first subject 10 session 2)."), "{notes}");
            assert!(
                notes.contains("1 of the table's 3 rows match no image (first line"),
                "{notes}"
            );
        }
        let matched = table("10,004,4+7e+17d\n11,4,L10+17b\n")
            .unwrap()
            .matched(&images())
            .unwrap();
        let last = matched.codes[4].as_ref().unwrap();
        assert_eq!(
            (last.units.as_slice(), last.sides.as_str()),
            (&[(10, 0), (17, 2)][..], "L10:0")
        );
    }

    #[test]
    fn rows_by_frame_path_and_index() {
        assert_eq!(
            found("subject,session,frame,aus\n10,4,16,1\n10,4,99,2\n").0,
            [1]
        );
        assert_eq!(found("filename,AU12\nS010_002_00000014.png,1\n").0, [3]);
        assert_eq!(
            found("path,aus\n/data/CK+48/happy/S010_004_00000016.png,none\nx.png,1\n").0,
            [1]
        );
        let (coded, notes) = found("index,aus\n0,1\n4.0,NA\n");
        assert_eq!(coded, [0]);
        assert!(
            notes.contains("2 of 5 images have a row in the table; 3 have none (first index 1)"),
            "{notes}"
        );
    }

    #[test]
    fn tables_that_cannot_be_used_are_errors() {
        for (text, fault) in [
            ("subject,aus\n10,1\n", "no column that names the images"),
            ("index,subject\n1,2\n", "no column `aus`"),
            (
                "subject,session,codes\n10,4,1\n010,004,2\n",
                "different codes of subject 10 session 4 in lines 2 and 3",
            ),
            ("10,004,4+7e\n10,005,x\n", "line 2: codes `x`"),
            ("index,aus\nx,1\n", "index `x` is not a number"),
        ] {
            let error = table(text).err().unwrap();
            assert!(error.contains(fault), "{error}");
        }
        let error = table("subject,session,codes\n99,4,1\n")
            .unwrap()
            .matched(&images())
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("subject 99 session 4") && error.contains("subject 10 session 4"),
            "{error}"
        );
    }
}
