//! DISFA (Mavadati et al. 2013) and DISFA+ (Mavadati, Sanger and Mahoor 2016): twelve units of every frame, 0 to 5.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::read::coded::files::{frame, number, pattern};
use crate::read::coded::frames::{Code, Frames, Recording, Recordings, Shown};
use crate::read::file::Skipped;
use crate::read::listed::Listed;
use crate::read::name::{folder, is_image, stem};
use crate::read::tree::FileTree;

/// The codes of one unit by frame.
type Codes = BTreeMap<String, Code>;

/// The units that both sets code.
const UNITS: [u8; 12] = [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26];

/// `ActionUnit_Labels/SN001/SN001_au1.txt`, lines `frame,intensity`, frames counted from 1; images in a folder that names the
/// person (`SN001`, `LeftVideoSN001_comp`), their frame at the end of their name.
pub(super) fn disfa(tree: FileTree, threshold: u8) -> Result<Listed, Error> {
    let mut frames = Frames::of(tree, threshold)?;
    let tables = r"(?i)(?:^|/)(sn[0-9]{3})_au([0-9]+)\.txt$";
    frames.add_tables(tables, |all, groups, text| {
        add(all, groups[1].to_uppercase(), &groups[2], lines(text)?)
    })?;
    leave_out_partial(&mut frames);
    frames.check_found("DISFA's codes, ActionUnit_Labels/SN001/SN001_au1.txt … for the units 1 2 4 5 6 9 12 15 17 20 25 26")?;
    let person = pattern(r"(?i)sn([0-9]{3})")?;
    let images = frames.images("a person and a frame, SN001/0001.png", |path| {
        let recording = format!("SN{}", &person.captures(path)?[1]);
        let frame = frame(&person.replace_all(path, ""))?;
        Some(Shown {
            path: path.to_owned(),
            subject: recording.clone(),
            recording,
            sequence: folder(path).to_owned(),
            key: frame.to_string(),
            frame,
        })
    });
    let images = counted_alike(images, &mut frames);
    frames.set("DISFA", images)
}

/// Images that are counted from 0, as some programs extract them, while their codes are from 1, or the other way round, are moved
/// by one only where this is certain: a person's images are exactly as many as the coded frames. Otherwise a shift would go
/// unnoticed, so the person's images are left out.
fn counted_alike(images: Vec<Shown>, frames: &mut Frames) -> Vec<Shown> {
    let mut folders: BTreeMap<(String, String), Vec<Shown>> = BTreeMap::new();
    for image in images {
        let place = (folder(&image.path).to_owned(), image.recording.clone());
        folders.entry(place).or_default().push(image);
    }
    let (mut shown, mut moved) = (Vec::new(), [0; 2]);
    for ((folder, recording), images) in folders {
        let numbers: BTreeSet<u32> = images.iter().map(|image| image.frame).collect();
        let codes = frames.recordings.get(&recording);
        let all = codes.map_or(0, BTreeMap::len) as u32;
        let images_from = u32::from(!numbers.contains(&0));
        let codes_from = codes.map_or(images_from, |codes| u32::from(!codes.contains_key("0")));
        if images_from == codes_from {
            shown.extend(images);
            continue;
        }
        let count = images.len();
        if !numbers.into_iter().eq(images_from..images_from + all) {
            let reason = format!(
                "frames are counted from {images_from} here and from {codes_from} in the codes, and {count} images are not the \
                 {all} coded frames: number the images as in the codes: {count}"
            );
            let skipped = Skipped::new(folder, reason).of_images(count);
            frames.skipped.push(skipped);
            continue;
        }
        moved[images_from as usize] += 1;
        shown.extend(images.into_iter().map(|image| {
            let frame = image.frame + codes_from - images_from;
            let key = frame.to_string();
            Shown {
                frame,
                key,
                ..image
            }
        }));
    }
    for (from, moved) in moved
        .into_iter()
        .enumerate()
        .filter(|(_, moved)| *moved > 0)
    {
        let other = 1 - from;
        frames.notes.push(format!(
            "Images are counted from {from} and codes from {other} in {moved} folders: image {from} is frame {other}."
        ));
    }
    shown
}

/// `<labels>/SN001/<trial>/AU12.txt`: two header lines, then `name.jpg intensity`; images `SN001/<trial>/name.jpg`.
pub(super) fn disfa_plus(tree: FileTree, threshold: u8) -> Result<Listed, Error> {
    let mut frames = Frames::of(tree, threshold)?;
    let tables = r"(?i)(?:^|/)(sn[0-9]{3})/([^/]+)/au([0-9]+)\.txt$";
    frames.add_tables(tables, |all, groups, text| {
        let trial = format!("{}/{}", groups[1].to_uppercase(), &groups[2]);
        add(all, trial, &groups[3], named_lines(text)?)
    })?;
    leave_out_partial(&mut frames);
    frames.check_found("DISFA+'s codes, Labels/SN001/<trial>/AU12.txt … for the units 1 2 4 5 6 9 12 15 17 20 25 26")?;
    let place = pattern(r"(?i)(?:^|/)(sn[0-9]{3})/([^/]+)/([^/]+)$")?;
    let images = frames.images("a person and a trial, SN001/trial/001.jpg", |path| {
        let groups = place.captures(path)?;
        let subject = groups[1].to_uppercase();
        Some(Shown {
            path: path.to_owned(),
            recording: format!("{subject}/{}", &groups[2]),
            sequence: folder(path).to_owned(),
            key: stem(&groups[3]).to_owned(),
            frame: frame(&groups[3]).unwrap_or(0),
            subject,
        })
    });
    frames.set("DISFA+", images)
}

/// Adds the codes of one unit.
fn add(all: &mut Recordings, recording: String, au: &str, codes: Codes) -> Result<(), String> {
    let unit = au.parse().ok().filter(|au| UNITS.contains(au));
    let unit = unit.ok_or_else(|| format!("AU {au} is not one of the twelve units"))?;
    let recording = all.entry(recording).or_default();
    for (key, code) in codes {
        recording.entry(key).or_default().insert(unit, code);
    }
    Ok(())
}

/// Leaves out recordings that lack a unit's file: its units would count as absent.
fn leave_out_partial(frames: &mut Frames) {
    let missing = |recording: &Recording| {
        let has = |au: &&u8| recording.values().any(|codes| codes.contains_key(au));
        let missing = UNITS.iter().filter(|au| !has(au));
        Vec::from_iter(missing.map(|au| format!("AU{au}"))).join(", ")
    };
    frames.recordings.retain(|name, recording| {
        let missing = missing(recording);
        let reason = format!("its codes lack {missing}; the recording is left out");
        let skipped = (!missing.is_empty()).then(|| Skipped::new(name, reason));
        frames.skipped.extend(skipped);
        missing.is_empty()
    });
}

/// Lines `frame,intensity`.
pub(super) fn lines(text: &str) -> Result<Codes, String> {
    each_line(text, 0, "frame,intensity", |line| {
        let cells = line.split_once([',', '\t', ';']);
        let (frame, grade) = cells.ok_or_else(|| format!("found '{line}'"))?;
        Ok((number(frame)?.to_string(), Code::grade(grade)?))
    })
}

/// Lines `name.jpg intensity`, below up to two of a header.
fn named_lines(text: &str) -> Result<Codes, String> {
    let read = |line: &str| {
        let words = Vec::from_iter(line.split_whitespace());
        let (name, grade) = match words[..] {
            [name, grade] if is_image(name) => (name, grade),
            _ => return Err(format!("found '{line}'")),
        };
        Ok((stem(name).to_owned(), Code::grade(grade)?))
    };
    let header = text.lines().take(2).take_while(|line| read(line).is_err());
    each_line(text, header.count(), "name.jpg intensity", read)
}

/// The codes of the lines below a header that are not empty.
fn each_line(
    text: &str,
    header: usize,
    expected: &str,
    read: impl Fn(&str) -> Result<(String, Code), String>,
) -> Result<Codes, String> {
    let lines = (1..).zip(text.lines()).skip(header);
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let wrong = |number, reason| format!("line {number}: expected '{expected}': {reason}");
    let mut codes = BTreeMap::new();
    for (number, line) in lines {
        let (key, code) = read(line).map_err(|reason| wrong(number, reason))?;
        let before = codes.insert(key, code);
        if before.is_some_and(|before| before != code) {
            return Err(wrong(number, "the frame has two intensities".to_owned()));
        }
    }
    Ok(codes)
}
