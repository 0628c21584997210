//! How the rows of a table name images: by path, by person, recording and frame, or by row number.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use csv::StringRecord;
use faus_base::person::Person;
use faus_base::table::{FRAMES, PEOPLE, Row, SESSIONS, place};

use crate::read::name::split;

/// Names of the columns by which rows are found.
const PATH: &str = "path file filename filepath image imagepath imagefile img input";
const INDEX: &str = "index row";

/// Recordings from which on a pattern is no chance.
const FEW_RECORDINGS: usize = 3;

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
    /// Whether the image is labelled neutral: the first frame of a recording rather than the last, to which its codes belong.
    pub neutral: bool,
}

/// How the rows of a table name their images.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Path(String),
    /// Person and session, and the frame where the table has one: otherwise the last of the recording.
    Session(Option<Person>, String, Option<usize>),
    Index(usize),
}

/// Whether a line names a column by which images are found.
pub(super) fn names_images(cells: &StringRecord) -> bool {
    let mut names = [PATH, PEOPLE, "id", SESSIONS, FRAMES, INDEX].into_iter();
    names.any(|names| place(cells, names).is_some())
}

/// A number that a table and the images may count from 0 or from 1: the frame of a person's recording, or, without frames, a person's
/// recording itself.
fn counted(key: &Key) -> Option<(Option<Person>, String, usize)> {
    match key {
        Key::Session(person, session, Some(frame)) => {
            Some((person.clone(), session.clone(), *frame))
        }
        Key::Session(person, session, None) => {
            Some((person.clone(), String::new(), session.parse().ok()?))
        }
        _ => None,
    }
}

/// Refuses frames, or sessions, that are counted from 0 in the table and from 1 among the images, or the other way round, where
/// this is certain: moved by one the rows are exactly the images of their recordings. A doubt if they are some of them.
pub(super) fn refuse_shifted(keys: &[Key], images: &[CodeKey]) -> Result<Option<String>, String> {
    let Some(rows) = keys.iter().map(counted).collect::<Option<BTreeSet<_>>>() else {
        return Ok(None);
    };
    let by_frame = matches!(keys.first(), Some(Key::Session(.., Some(_))));
    let what = match by_frame {
        true => "frames",
        false if rows.len() < FEW_RECORDINGS => return Ok(None),
        false => "sessions",
    };
    let coded: BTreeSet<_> = rows
        .iter()
        .map(|(person, session, _)| (person, session))
        .collect();
    let shown = images
        .iter()
        .filter_map(|image| counted(&session(image, by_frame.then_some(image.frame as usize))));
    let shown: BTreeSet<_> = shown
        .filter(|(person, session, _)| coded.contains(&(person, session)))
        .collect();
    for (by, way) in [(1, "add 1 to"), (-1, "subtract 1 from")] {
        let moved = rows
            .iter()
            .cloned()
            .map(|(person, session, frame)| Some((person, session, frame.checked_add_signed(by)?)));
        let moved = moved.collect::<Option<BTreeSet<_>>>().unwrap_or_default();
        if moved == shown {
            return Err(format!(
                "its {what} are not counted as those of the images: {way} each"
            ));
        }
        if !by_frame && !moved.is_empty() && moved.is_subset(&shown) {
            return Ok(Some(format!(
                "its {what} may not be counted as those of the images, since all would match after this: {way} each."
            )));
        }
    }
    Ok(None)
}

/// A doubt about how a table counts its frames: no recording has a row for its last image, and each has one for the image before it.
pub(super) fn shift_doubt(images: &[CodeKey], has_row: &[bool]) -> Option<&'static str> {
    let mut recordings: HashMap<Key, Vec<(u32, bool)>> = HashMap::new();
    for (image, has_row) in images.iter().zip(has_row) {
        let frames = recordings.entry(session(image, None)).or_default();
        frames.push((image.frame, *has_row));
    }
    let mut coded = 0;
    for frames in recordings.values_mut() {
        frames.sort_unstable();
        if frames.iter().any(|(_, has_row)| *has_row) {
            let [.., (before, true), (last, false)] = frames[..] else {
                return None;
            };
            coded += usize::from(before + 1 == last);
        }
    }
    (coded >= FEW_RECORDINGS).then_some(
        "no recording has a row for its last image, and each has one for the image before it: if the table counts frames from 0 and \
         the images from 1, add 1 to each.",
    )
}

/// The names of recordings by their ends: `LeftVideo/SN001_comp` may be called `SN001_comp`.
pub(super) struct Ends(HashMap<(Option<Person>, String), BTreeSet<String>>);

impl Ends {
    pub fn of(images: &[CodeKey]) -> Self {
        let mut names: HashMap<_, BTreeSet<String>> = HashMap::new();
        for recording in BTreeSet::from_iter(images.iter().map(|i| (i.subject, i.sequence))) {
            let person = Person::of(recording.0);
            let whole = session_of(person.as_ref(), recording.1);
            let ends = recording.1.match_indices('/');
            for end in ends
                .map(|(at, _)| &recording.1[at + 1..])
                .chain([recording.1])
            {
                let end = (person.clone(), session_of(person.as_ref(), end));
                names.entry(end).or_default().insert(whole.clone());
            }
        }
        Self(names)
    }

    /// The key with the whole name of its recording.
    ///
    /// # Errors
    /// If several recordings of the person end so.
    pub fn whole(&self, key: &Key) -> Result<Key, String> {
        let Key::Session(person, session, frame) = key else {
            return Ok(key.clone());
        };
        let ends = session.match_indices('/').map(|(at, _)| &session[at + 1..]);
        let mut ends = std::iter::once(session.as_str()).chain(ends);
        let named = ends.find_map(|end| self.0.get(&(person.clone(), end.to_owned())));
        let named = named.filter(|named| !named.contains(session));
        let named = named.and_then(|named| named.first().zip(named.last()));
        let whole = match named {
            None => session,
            Some((only, last)) if only == last => only,
            Some((one, other)) => {
                return Err(format!(
                    "{key} may be of the recording {one} or {other}: write the whole name"
                ));
            }
        };
        Ok(Key::Session(person.clone(), whole.clone(), *frame))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) if path.is_empty() => f.write_str("without a path"),
            Self::Path(path) => f.write_str(path),
            Self::Index(index) => write!(f, "index {index}"),
            Self::Session(person, session, frame) => {
                let person = person.as_ref().map(Person::to_string);
                let person = person.unwrap_or("unknown".to_owned());
                let frame = frame.map_or(String::new(), |frame| format!(" frame {frame}"));
                write!(f, "subject {person} session {session}{frame}")
            }
        }
    }
}

/// The line and the key of each row.
pub(super) fn keys(columns: &StringRecord, rows: &[Row]) -> Result<Vec<(u64, Key)>, String> {
    let [path, session, frame, index] =
        [PATH, SESSIONS, FRAMES, INDEX].map(|names| place(columns, names));
    let subject = place(columns, PEOPLE).or_else(|| place(columns, "id"));
    let key = |row: &Row| {
        let cell = |at: usize| row.cells.get(at).unwrap_or_default();
        let number = |at: usize| match Person::of(cell(at)) {
            Some(Person::Number(number)) => {
                usize::try_from(number).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "line {}: {} `{}` is not a number from 0",
                row.line,
                &columns[at],
                cell(at)
            )),
        };
        let key = match (path, subject.zip(session), index) {
            (Some(path), ..) => Key::Path(cell(path).to_owned()),
            (None, Some((subject, session)), _) => {
                let person = Person::of(cell(subject));
                let session = session_of(person.as_ref(), cell(session));
                Key::Session(person, session, frame.map(number).transpose()?)
            }
            (None, None, Some(index)) => Key::Index(number(index)?),
            (None, None, None) => return Err(NO_KEY.to_owned()),
        };
        Ok((row.line, key))
    };
    rows.iter().map(key).collect()
}

const NO_KEY: &str = "no column that names the images: `path` (or file name), `subject` and `session` (and `frame`), or `index`";

pub(super) fn session(image: &CodeKey, frame: Option<usize>) -> Key {
    let person = Person::of(image.subject);
    let session = session_of(person.as_ref(), image.sequence);
    Key::Session(person, session, frame)
}

/// The name of a recording without its person's: `004`, `4.0` and `S010_004` of person 10 are `4`, `F001/T1` of F001 is `T1`,
/// and `posed_1` stays.
pub(super) fn session_of(person: Option<&Person>, text: &str) -> String {
    let own = |name: &str| person.is_some() && Person::of(name).as_ref() == person;
    let folders = text.match_indices('/').map(|(end, _)| end);
    let mut folders = folders.filter(|end| own(split(&text[..*end]).1));
    let rest = folders.next_back().map_or(text, |end| &text[end + 1..]);
    let (folder, name) = split(rest);
    let mut prefixes = name.match_indices('_').map(|(end, _)| end);
    let prefix = prefixes.find(|end| own(&name[..*end]));
    let name = prefix.map_or(name, |end| &name[end + 1..]);
    let session =
        |name: &str| Person::of(name).map_or(String::new(), |session| session.to_string());
    match (prefix, folder) {
        (Some(_), folder) if !folder.is_empty() => format!("{folder}/{}", session(name)),
        (Some(_), _) => session(name),
        (None, _) => session(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_keep_all_of_their_names() {
        let ten = Person::of("S010");
        let names =
            ["S010_004", "004", "4.0", "x/S010/004"].map(|text| session_of(ten.as_ref(), text));
        assert_eq!(names, ["4"; 4]);
        for (person, text, session) in [
            ("F001", "2D/F001/T1", "T1"),
            ("F001", "F001_T1", "T1"),
            ("SN001", "Images/SN001/A1_AU1_TrialNo_1", "A1_AU1_TrialNo_1"),
            ("anna", "posed_1", "posed_1"),
            ("1", "posed_1_2", "posed_1_2"),
            ("1", "1_2", "2"),
            ("sub_01", "sub_01_frown", "frown"),
            ("anna", "spont_1", "spont_1"),
        ] {
            assert_eq!(session_of(Person::of(person).as_ref(), text), session);
        }
    }
}
