//! A table of FACS codes beside images of any source: rows by path, by recording or by row number.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use faus_base::codes::{Coded, Codes, MACHINE};
use faus_base::facs::Cell;
use faus_base::person::Person;
use faus_base::table::{Row, Table, declared, delimiter};
use faus_base::text::plain;

use crate::error::Error;
use crate::label::{AuCoding, Expression};
use crate::prepared::read_info;
use crate::read::code_keys::{
    CodeKey, Ends, Key, keys, names_images, refuse_shifted, session, session_of, shift_doubt,
};
use crate::read::file::{ReadFile, read_bounded};
use crate::read::places::{self, Fit, Places};
use crate::read::source::RawSample;

/// Size limit of the table, in bytes.
const LIMIT: u64 = 256 << 20;
/// The header that a table of the first Cohn-Kanade release stands for where it has none.
const COHN_KANADE: [&str; 3] = ["subject", "session", "codes"];

/// A table of codes.
pub struct CodeTable {
    name: String,
    codes: Codes,
    /// The line and the key of each row, all keys of one kind.
    rows: Vec<(u64, Key)>,
    /// The lowest intensity that counted as present in the prepared set that the table is of.
    pub(crate) au_threshold: Option<u8>,
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
    /// read as `subject,session,codes`. The `samples.csv` of a prepared set keeps what its `dataset.json` says of the codes.
    ///
    /// # Errors
    /// [`Error::Layout`] naming the line that is wrong, or the columns that are missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path, LIMIT)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let of_set = name == "samples.csv";
        let table = Self::read(name.into_owned(), &bytes);
        let wrong = |found| match header_missing(&bytes) {
            true => {
                format!("{found}. Its first line names no column: is the header missing? {HEADER}")
            }
            false => found,
        };
        let table =
            table.map_err(|found| Error::layout(path, "a table of FACS codes", wrong(found)));
        let mut table = table?;
        let info = of_set.then(|| read_info(&path.with_file_name("dataset.json")));
        if let Some(Ok(info)) = info {
            table.au_threshold = info.au_threshold;
            if info.machine_coded && !table.codes.machine_coded {
                table.codes.machine_coded = true;
                table.codes.notes.push(MACHINE.to_owned());
            }
        }
        Ok(table)
    }

    fn read(name: String, bytes: &[u8]) -> Result<Self, String> {
        let with_header = headless(bytes);
        let added = u64::from(with_header.is_some());
        let table = Table::open(with_header.as_deref().map_or(bytes, str::as_bytes))?;
        let columns = table.columns().clone();
        let mut rows = table.records().collect::<Result<Vec<Row>, _>>()?;
        rows.iter_mut().for_each(|row| row.line -= added);
        let codes = Codes::read(&columns, &rows)?;
        Ok(Self {
            name,
            codes,
            rows: keys(&columns, &rows)?,
            au_threshold: None,
            read: ReadFile::new("aus", bytes),
        })
    }

    /// Whether a program estimated the codes.
    pub fn machine_coded(&self) -> bool {
        self.codes.machine_coded
    }

    /// Checks that rows by index mean the rows of the set, of which `used` of `all` images are.
    ///
    /// # Errors
    /// [`Error::Setting`] if an image could not be used: from there on, an index may mean the image or the one before it.
    pub(crate) fn check_indices(&self, used: usize, all: usize) -> Result<(), Error> {
        let by_index = matches!(self.rows.first(), Some((_, Key::Index(_))));
        if used == all || !by_index {
            return Ok(());
        }
        let (name, lost) = (&self.name, all - used);
        let reason = format!(
            "{name}: its rows are by index, but {lost} of {all} images cannot be used, so that indices behind them have two \
             meanings: name the images by a column `path`"
        );
        Err(Error::setting("table of codes", reason))
    }

    /// Finds the codes of images.
    ///
    /// # Errors
    /// [`Error::Setting`] if no row of the table matches an image, two rows code one image differently, or a row names one of
    /// several images of the same frame.
    pub fn matched(&self, images: &[CodeKey]) -> Result<Matched, Error> {
        let name = &self.name;
        let wrong = |reason| Error::setting("table of codes", format!("{name}: {reason}"));
        let (found, doubt) = self.images(images).map_err(wrong)?;
        let mut of_images: Vec<Option<usize>> = vec![None; images.len()];
        for (row, at) in found.iter().enumerate() {
            let Some(at) = *at else { continue };
            let before = *of_images[at].get_or_insert(row);
            if self.codes.rows[before] != self.codes.rows[row] {
                let [(one, _), (other, key)] = [before, row].map(|at| &self.rows[at]);
                return Err(wrong(format!(
                    "different codes of {key} in lines {one} and {other}"
                )));
            }
        }
        let codes = of_images.iter().map(|row| self.codes.rows[(*row)?].clone());
        let mut codes = Vec::from_iter(codes);
        let first_alone = self.take_from_neutral(&mut codes, images);
        let has_row = Vec::from_iter(of_images.iter().map(Option::is_some));
        let unmatched = self.rows.iter().zip(&found);
        let unmatched: Vec<_> = unmatched.filter(|(_, at)| at.is_none()).collect();
        let (missing, all) = (unmatched.len(), found.len());
        let example = |((line, key), _): &(&(u64, Key), _)| format!("line {line}, {key}");
        let example = unmatched.first().map(example);
        if missing == all {
            let first = example.map_or("it has no rows".to_owned(), |row| {
                format!("its first row is {row}")
            });
            let image = images.first().map(|image| self.key(image).to_string());
            let image = image.unwrap_or("none".to_owned());
            return Err(wrong(format!(
                "no row matches an image: {first}, and the first image is {image}"
            )));
        }
        let mut notes = vec![self.count(images, &has_row)];
        let by_frame = |(_, key): &(u64, Key)| matches!(key, Key::Session(.., Some(_)));
        if self.rows.iter().all(by_frame) {
            notes.extend(shift_doubt(images, &has_row).map(str::to_owned));
        }
        notes.extend(doubt);
        notes.extend(first_alone);
        notes.extend(example.map(|row| {
            format!("{missing} of the table's {all} rows match no image (first {row}).")
        }));
        notes.extend(self.codes.notes.iter().cloned());
        let notes = notes.into_iter().map(|note| format!("{name}: {note}"));
        Ok(Matched {
            codes,
            notes: notes.collect(),
        })
    }

    /// Takes codes of recordings, which belong to their last frame, from neutral images: without the frames of an expression that is no
    /// class, or was left out, the neutral first frame is the last one.
    fn take_from_neutral(&self, codes: &mut [Option<Coded>], images: &[CodeKey]) -> Option<String> {
        if !matches!(self.rows.first(), Some((_, Key::Session(.., None)))) {
            return None;
        }
        let shows = |coded: &Option<Coded>| coded.as_ref().is_some_and(|c| !c.units.is_empty());
        let of_neutral = images.iter().zip(codes);
        let of_neutral = of_neutral.filter(|(image, coded)| image.neutral && shows(coded));
        let taken = Vec::from_iter(of_neutral.map(|(image, coded)| {
            *coded = None;
            image.path
        }));
        taken.first().map(|first| {
            format!(
                "the codes of {} recordings are not used: only neutral images of these are in the set (first {first}), and codes belong \
                 to the last frame. A column `frame` or `path` names the image that is meant.",
                taken.len()
            )
        })
    }

    /// The image of each row, and a doubt about them.
    fn images(&self, images: &[CodeKey]) -> Result<(Vec<Option<usize>>, Option<String>), String> {
        let paths = self.rows.iter().filter_map(|(_, key)| match key {
            Key::Path(path) => Some(path.as_str()),
            _ => None,
        });
        let paths = Vec::from_iter(paths);
        if !paths.is_empty() {
            let found = Places::of(images.iter().map(|image| image.path)).find(paths);
            let elsewhere = found
                .iter()
                .flatten()
                .filter(|(_, fit)| *fit == Fit::Elsewhere);
            let elsewhere = elsewhere.count();
            let rows = found.iter().map(|found| Some((*found)?.0));
            return Ok((rows.collect(), places::elsewhere(elsewhere)));
        }
        let indices = self.rows.iter().filter_map(|(_, key)| match key {
            Key::Index(index) => Some(*index),
            _ => None,
        });
        if indices.clone().max() == Some(images.len())
            && !indices.into_iter().any(|index| index == 0)
        {
            return Err(format!(
                "its indices reach {}, and no row has 0: images are counted from 0 to {}, so subtract 1 from each",
                images.len(),
                images.len() - 1
            ));
        }
        let mut known: HashMap<Key, Vec<usize>> = HashMap::new();
        for (at, image) in images.iter().enumerate() {
            known.insert(Key::Index(image.index), vec![at]);
            let of_frame = session(image, Some(image.frame as usize));
            known.entry(of_frame).or_default().push(at);
            let last = known.entry(session(image, None)).or_default();
            last.retain(|last| images[*last].frame >= image.frame);
            let is_later = |last: &usize| images[*last].frame > image.frame;
            let later = last.iter().any(is_later);
            last.extend((!later).then_some(at));
        }
        let ends = Ends::of(images);
        let whole = |(line, key): &(u64, Key)| {
            let key = ends.whole(key);
            key.map_err(|reason| format!("line {line}: {reason}"))
        };
        let keys = self.rows.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        let of_known = |(key, (line, _)): (&Key, &(u64, Key))| match (
            key,
            known.get(key).map(Vec::as_slice),
        ) {
            (Key::Session(None, ..), _) | (_, None | Some([])) => Ok(None),
            (_, Some([only])) => Ok(Some(*only)),
            (_, Some([one, other, ..])) => Err(format!(
                "line {line}: {key} may be {} or {}, which have the same frame: name the images by a column `path`, or their \
                 frames by the group `frame` of --subject-pattern",
                images[*one].path, images[*other].path
            )),
        };
        let rows = keys.iter().zip(&self.rows).map(of_known);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let doubt = match rows.contains(&None) {
            true => refuse_shifted(&keys, images)?,
            false => None,
        };
        Ok((rows, doubt))
    }

    /// The key of an image, of the kind of the table's.
    fn key(&self, image: &CodeKey) -> Key {
        match self.rows.first() {
            Some((_, Key::Session(.., frame))) => {
                session(image, frame.map(|_| image.frame as usize))
            }
            Some((_, Key::Index(_))) => Key::Index(image.index),
            _ => Key::Path(image.path.to_owned()),
        }
    }

    /// How many images, or recordings, have a row.
    fn count(&self, images: &[CodeKey], has_row: &[bool]) -> String {
        let last = |(_, key): &(u64, Key)| matches!(key, Key::Session(.., None));
        let last_only = self.rows.iter().all(last);
        let unit = |image: &CodeKey| match last_only {
            true => session(image, None),
            false => Key::Index(image.index),
        };
        let mut units: BTreeMap<Key, bool> = BTreeMap::new();
        for (image, has_row) in images.iter().zip(has_row) {
            *units.entry(unit(image)).or_default() |= has_row;
        }
        let (all, with) = (units.len(), units.values().filter(|has| **has).count());
        let (what, only) = match last_only {
            true => ("recordings", ", on their last frame alone"),
            false => ("images", ""),
        };
        let lost = images.iter().find(|image| !units[&unit(image)]);
        let lost = lost.map_or(String::new(), |image| {
            format!("; {} have none (first {})", all - with, self.key(image))
        });
        format!("{with} of {all} {what} have a row in the table{only}{lost}.")
    }

    /// Gives the images of a scan the codes of the table, in place of any that they had.
    pub(crate) fn apply(
        &self,
        samples: &mut [RawSample],
        classes: &[String],
    ) -> Result<Vec<String>, Error> {
        let class = |label: i64| classes.get(usize::try_from(label).ok()?);
        let keys = samples.iter().enumerate().map(|(index, sample)| CodeKey {
            index,
            path: &sample.path,
            subject: &sample.subject,
            sequence: &sample.sequence,
            frame: sample.frame,
            neutral: class(sample.label).is_some_and(|class| class == Expression::Neutral.name()),
        });
        let Matched { codes, mut notes } = self.matched(&Vec::from_iter(keys))?;
        let had = |sample: &&RawSample| sample.aus != AuCoding::NotCoded;
        let replaced = samples.iter().filter(had).count();
        let note = format!(
            "{}: it replaces the codes that {replaced} images had from the data set.",
            self.name
        );
        notes.extend((replaced > 0).then_some(note));
        for (sample, coded) in samples.iter_mut().zip(codes) {
            let coded = coded.map(|coded| (AuCoding::of_scores(coded.units), coded.sides));
            (sample.aus, sample.sides) = coded.unwrap_or_default();
        }
        Ok(notes)
    }
}

/// The way out where a header is missing.
const HEADER: &str = "Write subject,session,codes (or subject,session,frame,codes; path,codes; index,codes) above it";

/// Whether the first line names no column of images or codes.
fn header_missing(bytes: &[u8]) -> bool {
    let first = plain(bytes).ok().and_then(first_cells);
    first.is_some_and(|(_, cells)| !names_images(&cells) && !Codes::exist(&cells))
}

/// The delimiter and the cells of the first line, unless that declares a delimiter alone.
fn first_cells(text: &str) -> Option<(u8, StringRecord)> {
    let first = text.lines().next()?;
    if declared(first.as_bytes()).is_some() {
        return None;
    }
    let delimiter = delimiter(first.as_bytes());
    let mut reader = ReaderBuilder::new();
    let reader = reader
        .has_headers(false)
        .delimiter(delimiter)
        .trim(Trim::All);
    let cells = reader
        .from_reader(first.as_bytes())
        .records()
        .next()?
        .ok()?;
    Some((delimiter, cells))
}

/// The text of a table without a header, below one: its first line is a person, a session and FACS codes.
fn headless(bytes: &[u8]) -> Option<String> {
    let text = plain(bytes).ok()?;
    let (delimiter, cells) = first_cells(text)?;
    let [subject, session, codes, rest @ ..] = &Vec::from_iter(&cells)[..] else {
        return None;
    };
    // A comma at the end of each line is an empty column.
    let ends = rest.iter().all(|cell| cell.is_empty());
    let number = |cell: &str| matches!(Person::of(cell), Some(Person::Number(_)));
    let session = session_of(Person::of(subject).as_ref(), session);
    let is_first = ends && number(subject) && number(&session) && Cell::read(codes).is_ok();
    let after = String::from_iter(vec![char::from(delimiter); rest.len()]);
    let header = COHN_KANADE.join(&char::from(delimiter).to_string());
    is_first.then(|| format!("{header}{after}\n{text}"))
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
            neutral: false,
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
            "10,004,\"4,7e,17d\"\n11,4,\"L10,17\"\n64,002,1\n",
            "10\t004\t4+7e+17d\n11\t4\tL10+17\n64\t002\tnone\n",
            "10,004,4+7e+17d,\n11,4,L10+17,\n64,002,1,\n",
            "S010,S010_004,4+7e+17d\nS011,S011_004,L10+17\nS064,S064_002,1\n",
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
    fn a_recording_may_be_named_without_the_folders_above_it() {
        let of = |(index, (path, sequence))| CodeKey {
            index,
            path,
            subject: "SN001",
            sequence,
            frame: 1,
            neutral: false,
        };
        let images = |sequences: [&'static str; 2]| {
            let named = ["a.png", "b.png"].into_iter().zip(sequences);
            Vec::from_iter(named.enumerate().map(of))
        };
        let row = "subject,session,frame,aus\nSN001,LeftVideoSN001_comp,1,12\n";
        let videos = images([
            "LeftVideo/LeftVideoSN001_comp",
            "RightVideo/RightVideoSN001_comp",
        ]);
        let matched = table(row).unwrap().matched(&videos).unwrap();
        assert_eq!(matched.codes.iter().flatten().count(), 1);
        assert!(matched.codes[0].is_some());
        // Where the whole name of one is the end of another's, the former is meant.
        let within = images(["copy/LeftVideoSN001_comp", "LeftVideoSN001_comp"]);
        let matched = table(row).unwrap().matched(&within).unwrap();
        assert!(matched.codes[0].is_none() && matched.codes[1].is_some());
        let twice = images(["a/LeftVideoSN001_comp", "b/LeftVideoSN001_comp"]);
        let error = table(row).unwrap().matched(&twice).err().unwrap();
        assert!(
            error.to_string().contains("line 2: subject SN001")
                && error.to_string().contains("write the whole name"),
            "{error}"
        );
    }

    #[test]
    fn frames_counted_from_another_number_are_refused_where_this_is_certain() {
        let rows = |frames: [u32; 3]| {
            let row = |frame: u32| format!("10,4,{frame},1\n");
            format!("subject,session,frame,aus\n{}", frames.map(row).concat())
        };
        for (frames, way) in [
            ([14, 15, 16], "add 1 to each"),
            ([16, 17, 18], "subtract 1 from each"),
        ] {
            let error = table(&rows(frames))
                .unwrap()
                .matched(&images())
                .err()
                .unwrap();
            assert!(error.to_string().contains(way), "{error}");
        }
        // One of the rows, or of the images, may be missing.
        assert_eq!(found(&rows([15, 17, 18])).0, [0, 2]);
        assert_eq!(
            found("subject,session,frame,aus\n10,4,16,1\n10,4,18,1\n").0,
            [1]
        );
    }

    #[test]
    fn sessions_counted_from_another_number_are_refused_or_told() {
        let paths: Vec<(String, String)> = (1..=4)
            .map(|session| (format!("{session}.png"), format!("S010_{session:03}")))
            .collect();
        let images: Vec<CodeKey> = paths
            .iter()
            .map(|(path, sequence)| CodeKey {
                path,
                subject: "010",
                sequence,
                ..CodeKey::default()
            })
            .collect();
        let matched = |sessions: &[u32]| {
            let row = |session: &u32| format!("10,{session},1\n");
            let rows: String = sessions.iter().map(row).collect();
            table(&rows).unwrap().matched(&images)
        };
        let error = matched(&[0, 1, 2, 3]).err().unwrap().to_string();
        assert!(
            error.contains("its sessions are not counted") && error.contains("add 1 to each"),
            "{error}"
        );
        let error = matched(&[2, 3, 4, 5]).err().unwrap().to_string();
        assert!(error.contains("subtract 1 from each"), "{error}");
        let told = matched(&[0, 1, 3]).unwrap().notes.join("\n");
        assert!(
            told.contains("may not be counted as those of the images"),
            "{told}"
        );
        for fine in [&[1, 2, 3, 4][..], &[2, 4, 9], &[1, 2, 3], &[0, 1]] {
            let notes = matched(fine).unwrap().notes.join("\n");
            assert!(!notes.contains("counted as"), "{notes}");
        }
    }

    #[test]
    fn codes_of_a_recording_never_belong_to_its_neutral_first_frame() {
        let mut images = images();
        images[3].neutral = true;
        images[4].neutral = true;
        let rows = "10,4,12\n10,2,1+2\n11,4,none\n";
        let matched = table(rows).unwrap().matched(&images).unwrap();
        let coded = (0..5).filter(|at| matched.codes[*at].is_some());
        assert_eq!(Vec::from_iter(coded), [2, 4]);
        let notes = matched.notes.join("\n");
        assert!(
            notes.contains("codes of 1 recordings are not used")
                && notes.contains("first fear/S010_002"),
            "{notes}"
        );
        let by_frame = table("subject,session,frame,aus\n10,2,14,1\n").unwrap();
        assert!(by_frame.matched(&images).unwrap().codes[3].is_some());
    }

    #[test]
    fn codes_of_a_prepared_set_stay_machine_coded() {
        let dir = tempfile::tempdir().unwrap();
        let info = crate::prepared::info::DatasetInfo {
            machine_coded: true,
            au_threshold: Some(2),
            ..Default::default()
        };
        std::fs::write(
            dir.path().join("dataset.json"),
            serde_json::to_string(&info).unwrap(),
        )
        .unwrap();
        let rows = "index,path,aus\n0,happy/S010_004_00000015.png,1:0\n";
        for (name, of_set) in [("samples.csv", true), ("codes.csv", false)] {
            let path = dir.path().join(name);
            std::fs::write(&path, rows).unwrap();
            let table = CodeTable::open(&path).unwrap();
            assert_eq!(
                (table.machine_coded(), table.au_threshold.is_some()),
                (of_set, of_set)
            );
            let notes = table.matched(&images()).unwrap().notes.join("\n");
            assert_eq!(notes.contains("machine-coded"), of_set, "{notes}");
        }
    }

    #[test]
    fn a_missing_header_is_named() {
        for text in [
            "S010,S010_004,15,4+7e\nS010,S010_004,16,none\n",
            "happy/S010_004_00000015.png,1+2\n",
            "10,4,10,1\n",
            "10,4,xx?\n10,5,1\n",
        ] {
            let error = table(text).err().unwrap();
            assert!(error.contains("is the header missing?"), "{error}");
        }
        for text in ["subject,session\n1,2\n", "aus\n1\n", "sep=;\na;b\n1;2\n"] {
            assert!(!table(text).err().unwrap().contains("header missing"));
        }
    }

    #[test]
    fn a_row_for_one_of_several_images_is_refused() {
        let mut images = images();
        images.iter_mut().for_each(|image| image.frame = 0);
        let table = table("subject,session,codes\n10,4,1\n").unwrap();
        let error = table.matched(&images).err().unwrap().to_string();
        assert!(
            error.contains("line 2: subject 10 session 4 may be happy/S010_004_00000015.png or"),
            "{error}"
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
            ("10,004,4+7e\n10,005,x\n", "line 2: codes `x`"),
            ("index,aus\nx,1\n", "index `x` is not a number"),
        ] {
            let error = table(text).err().unwrap();
            assert!(error.contains(fault), "{error}");
        }
        let refused = |text: &str| {
            let matched = table(text).unwrap().matched(&images());
            matched.err().unwrap().to_string()
        };
        for (twice, fault) in [
            (
                "subject,session,codes\n10,4,1\n010,004,2\n",
                "different codes of subject 10 session 4 in lines 2 and 3",
            ),
            ("index,aus\n1,1\n5,2\n", "subtract 1 from each"),
            (
                "path,aus\nhappy/S010_004_00000015.png,1\n.\\happy\\S010_004_00000015.png,2\n",
                "in lines 2 and 3",
            ),
        ] {
            let error = refused(twice);
            assert!(error.contains(fault), "{error}");
        }
        for (text, row, image) in [
            (
                "subject,session,frame,aus\n10,4,1,1\n",
                "line 2, subject 10 session 4 frame 1,",
                "the first image is subject 10 session 4 frame 15",
            ),
            ("path,aus\n,1\n", "line 2, without a path,", "happy/S010"),
        ] {
            let error = refused(text);
            assert!(error.contains(row) && error.contains(image), "{error}");
        }
        let error = refused("subject,session,codes\n99,4,1\n");
        assert!(
            error.contains("subject 99 session 4") && error.contains("subject 10 session 4"),
            "{error}"
        );
    }
}
