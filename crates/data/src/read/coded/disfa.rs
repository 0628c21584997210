//! DISFA (Mavadati et al. 2013) and DISFA+ (Mavadati, Sanger and Mahoor 2016): twelve units of every frame, 0 to 5.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::read::coded::CodedSet;
use crate::read::coded::files::{Files, frame, pattern};
use crate::read::coded::frames::{Code, EXTRACT, Frames, Recording, Shown, no_images};
use crate::read::name::stem;
use crate::read::tree::FileTree;

/// The codes of one unit by frame.
type Codes = Vec<(String, Code)>;

/// The units that both sets code.
const UNITS: [u8; 12] = [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26];

/// `ActionUnit_Labels/SN001/SN001_au1.txt`, lines `frame,intensity`, frames counted from 1; images in a folder that names the
/// person (`SN001`, `LeftVideoSN001_comp`), their frame at the end of their name.
pub(super) fn disfa(tree: FileTree, threshold: u8) -> Result<CodedSet, Error> {
    let mut files = Files::of(&tree)?;
    let mut frames = Frames::new(threshold);
    let labels = pattern(r"(?i)(?:^|/)(sn[0-9]{3})_au([0-9]+)\.txt$")?;
    let tables = files.matching(&labels).map(|(path, groups)| {
        (
            path.to_owned(),
            groups[1].to_uppercase(),
            groups[2].to_owned(),
        )
    });
    let tables = Vec::from_iter(tables);
    read_units(&mut files, tables, lines, &mut frames);
    if frames.recordings.is_empty() {
        let expected = "DISFA's codes, ActionUnit_Labels/SN001/SN001_au1.txt … for the units 1 2 4 5 6 9 12 15 17 20 25 26";
        return Err(Error::layout(tree.root(), expected, tree.contents()?));
    }
    let person = pattern(r"(?i)sn([0-9]{3})")?;
    let named = |path: &str| {
        let recording = format!("SN{}", &person.captures(path)?[1]);
        let bare = person.replace_all(path, "");
        Some((path.to_owned(), recording, frame(&bare)?))
    };
    let images: Vec<_> = files.images().filter_map(named).collect();
    let unnamed = files.images().count() - images.len();
    frames.unnamed(unnamed, "a person and a frame, SN001/0001.png");
    let shown = from_one(images, &mut frames);
    finished("DISFA", tree, files, frames, shown)
}

/// Frames counted from 0, as some programs extract them, are moved by one only where this is certain: a person's images are
/// exactly as many as the coded frames. Otherwise a shift would go unnoticed, so the person's images are left out.
fn from_one(images: Vec<(String, String, u32)>, frames: &mut Frames) -> Vec<Shown> {
    let mut folders: BTreeMap<(String, String), Vec<(String, u32)>> = BTreeMap::new();
    for (path, recording, frame) in images {
        let folder = super::files::folder(&path).to_owned();
        folders
            .entry((folder, recording))
            .or_default()
            .push((path, frame));
    }
    let mut shown = Vec::new();
    let mut moved = 0;
    for ((folder, recording), images) in folders {
        let numbers: BTreeSet<u32> = images.iter().map(|(_, frame)| *frame).collect();
        let codes = frames.recordings.get(&recording);
        let zero = numbers.contains(&0) && codes.is_some_and(|codes| !codes.contains_key("0"));
        let all = codes.map_or(0, BTreeMap::len);
        let certain =
            numbers.len() == all && numbers.last().is_some_and(|last| *last as usize + 1 == all);
        if zero && !certain {
            let count = images.len();
            let reason = format!(
                "frames are counted from 0 here and from 1 in the codes, and {count} images are not the {all} coded frames: number \
                 the images from 1: {count}"
            );
            let skipped = crate::read::file::Skipped::new(folder, reason);
            frames.skipped.push(skipped.of_images(count));
            continue;
        }
        moved += usize::from(zero);
        shown.extend(images.into_iter().map(|(path, number)| {
            let frame = number + u32::from(zero);
            let subject = recording.clone();
            let (recording, key) = (recording.clone(), frame.to_string());
            Shown {
                path,
                subject,
                recording,
                key,
                frame,
            }
        }));
    }
    if moved > 0 {
        frames.notes.push(format!(
            "Images are counted from 0 and codes from 1 in {moved} folders: image 0 is frame 1."
        ));
    }
    shown
}

/// `<labels>/SN001/<trial>/AU12.txt`: two header lines, then `name.jpg intensity`; images `SN001/<trial>/name.jpg`.
pub(super) fn disfa_plus(tree: FileTree, threshold: u8) -> Result<CodedSet, Error> {
    let mut files = Files::of(&tree)?;
    let mut frames = Frames::new(threshold);
    let labels = pattern(r"(?i)(?:^|/)(sn[0-9]{3})/([^/]+)/au([0-9]+)\.txt$")?;
    let tables = files.matching(&labels).map(|(path, groups)| {
        let trial = format!("{}/{}", groups[1].to_uppercase(), &groups[2]);
        (path.to_owned(), trial, groups[3].to_owned())
    });
    let tables = Vec::from_iter(tables);
    read_units(&mut files, tables, named_lines, &mut frames);
    if frames.recordings.is_empty() {
        let expected = "DISFA+'s codes, Labels/SN001/<trial>/AU12.txt … for the units 1 2 4 5 6 9 12 15 17 20 25 26";
        return Err(Error::layout(tree.root(), expected, tree.contents()?));
    }
    let place = pattern(r"(?i)(?:^|/)(sn[0-9]{3})/([^/]+)/([^/]+)$")?;
    let shown = files.images().filter_map(|path| {
        let groups = place.captures(path)?;
        let subject = groups[1].to_uppercase();
        Some(Shown {
            path: path.to_owned(),
            recording: format!("{subject}/{}", &groups[2]),
            key: stem(&groups[3]).to_owned(),
            frame: frame(&groups[3]).unwrap_or(0),
            subject,
        })
    });
    let shown: Vec<_> = shown.collect();
    let unnamed = files.images().count() - shown.len();
    frames.unnamed(unnamed, "a person and a trial, SN001/trial/001.jpg");
    finished("DISFA+", tree, files, frames, shown)
}

fn finished(
    name: &'static str,
    tree: FileTree,
    files: Files,
    frames: Frames,
    shown: Vec<Shown>,
) -> Result<CodedSet, Error> {
    let threshold = Some(frames.threshold);
    let mut scan = frames.scan(shown);
    scan.read = files.read;
    if scan.samples.is_empty() {
        return Err(no_images(&tree, name, EXTRACT, &scan));
    }
    let classes = Vec::new();
    Ok(CodedSet {
        name,
        tree,
        classes,
        scan,
        threshold,
    })
}

fn unit(text: &str) -> Result<u8, String> {
    let au = text.parse().ok().filter(|au| UNITS.contains(au));
    au.ok_or_else(|| format!("AU {text} is not one of the twelve units"))
}

/// Adds the codes of tables of one unit each, given by path, recording and unit; `read` reads their text.
fn read_units(
    files: &mut Files,
    tables: Vec<(String, String, String)>,
    read: fn(&str) -> Result<Codes, String>,
    frames: &mut Frames,
) {
    for (path, recording, au) in tables {
        let text = files.text(&path).map_err(|error| error.reason());
        let codes = text.and_then(|text| read(&text));
        match codes.and_then(|codes| Ok((codes, unit(&au)?))) {
            Ok((codes, au)) => add(frames.recordings.entry(recording).or_default(), au, codes),
            Err(reason) => frames.skip(&path, reason),
        }
    }
    whole(frames);
}

fn add(recording: &mut Recording, au: u8, codes: Codes) {
    for (key, code) in codes {
        recording.entry(key).or_default().insert(au, code);
    }
}

/// Leaves out recordings that lack a unit's file: its units would count as absent.
fn whole(frames: &mut Frames) {
    let units = |recording: &Recording| -> BTreeSet<u8> {
        recording
            .values()
            .flat_map(|codes| codes.keys().copied())
            .collect()
    };
    for (name, recording) in std::mem::take(&mut frames.recordings) {
        if units(&recording).len() == UNITS.len() {
            frames.recordings.insert(name, recording);
            continue;
        }
        let has = units(&recording);
        let missing = UNITS.iter().filter(|au| !has.contains(au));
        let missing = Vec::from_iter(missing.map(|au| format!("AU{au}"))).join(", ");
        frames.skip(
            &name,
            format!("its codes lack {missing}; the recording is left out"),
        );
    }
}

/// Lines `frame,intensity`.
pub(super) fn lines(text: &str) -> Result<Codes, String> {
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let codes = lines.map(|(number, line)| {
        let wrong = |reason: String| format!("line {number}: expected 'frame,intensity': {reason}");
        let (frame, grade) = line
            .split_once([',', '\t', ';'])
            .ok_or_else(|| wrong(format!("found '{line}'")))?;
        let frame: u32 = frame
            .trim()
            .parse()
            .map_err(|_| wrong(format!("'{frame}' is no frame")))?;
        Ok((frame.to_string(), Code::grade(grade).map_err(wrong)?))
    });
    codes.collect()
}

/// Two header lines, then `name.jpg intensity`.
fn named_lines(text: &str) -> Result<Codes, String> {
    let lines = (1..)
        .zip(text.lines())
        .skip(2)
        .filter(|(_, line)| !line.trim().is_empty());
    let codes = lines.map(|(number, line)| {
        let wrong =
            |reason: String| format!("line {number}: expected 'name.jpg intensity': {reason}");
        let mut words = line.split_whitespace();
        let (Some(name), Some(grade), None) = (words.next(), words.next(), words.next()) else {
            return Err(wrong(format!("found '{line}'")));
        };
        Ok((stem(name).to_owned(), Code::grade(grade).map_err(wrong)?))
    });
    codes.collect()
}
