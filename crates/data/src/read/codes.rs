//! A table of FACS codes beside images of any source: rows by path, by recording or by row number.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use csv::{ReaderBuilder, Trim};
use faus_base::codes::{Coded, Codes};
use faus_base::facs::Cell;
use faus_base::person::Person;
use faus_base::table::{Row, Table, delimiter};

use crate::error::Error;
use crate::label::AuCoding;
use crate::read::code_keys::{CodeKey, Ends, Key, keys, refuse_shifted, session, shift_doubt};
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let table = Self::read(name.into_owned(), &bytes);
        table.map_err(|found| Error::layout(path, "a table of FACS codes", found))
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
            read: ReadFile::new("aus", bytes),
        })
    }

    /// Whether a program estimated the codes.
    pub fn machine_coded(&self) -> bool {
        self.codes.machine_coded
    }

    /// Finds the codes of images.
    ///
    /// # Errors
    /// [`Error::Setting`] if no row of the table matches an image, two rows code one image differently, or a row names one of
    /// several images of the same frame.
    pub fn matched(&self, images: &[CodeKey]) -> Result<Matched, Error> {
        let name = &self.name;
        let wrong = |reason| Error::setting("table of codes", format!("{name}: {reason}"));
        let (found, elsewhere) = self.images(images).map_err(wrong)?;
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
        let codes = codes.collect();
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
        notes.extend(places::elsewhere(elsewhere));
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

    /// The image of each row, and how many have theirs in another folder.
    fn images(&self, images: &[CodeKey]) -> Result<(Vec<Option<usize>>, usize), String> {
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
            return Ok((rows.collect(), elsewhere));
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
        if rows.contains(&None) {
            refuse_shifted(&keys, images)?;
        }
        Ok((rows, 0))
    }

    /// The key of an image, of the kind of the table's.
    fn key(&self, image: &CodeKey) -> Key {
        match self.rows.first() {
            Some((_, Key::Session(..))) => session(image, None),
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
    pub(crate) fn apply(&self, samples: &mut [RawSample]) -> Result<Vec<String>, Error> {
        let keys = samples.iter().enumerate().map(|(index, sample)| CodeKey {
            index,
            path: &sample.path,
            subject: &sample.subject,
            sequence: &sample.sequence,
            frame: sample.frame,
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

/// The text of a table without a header, below one: its first line is a person, a session and FACS codes.
fn headless(bytes: &[u8]) -> Option<String> {
    let text = faus_base::text::plain(bytes).ok()?;
    let first = text.lines().next()?;
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
    let [subject, session, codes, rest @ ..] = &Vec::from_iter(&cells)[..] else {
        return None;
    };
    // A comma at the end of each line is an empty column.
    let ends = rest.iter().all(|cell| cell.is_empty());
    let number = |cell: &str| matches!(Person::of(cell), Some(Person::Number(_)));
    let is_first = ends && number(subject) && number(session) && Cell::read(codes).is_ok();
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
        let error = refused("subject,session,codes\n99,4,1\n");
        assert!(
            error.contains("subject 99 session 4") && error.contains("subject 10 session 4"),
            "{error}"
        );
    }
}
