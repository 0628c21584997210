//! BP4D (Zhang et al. 2014) and BP4D+ (Zhang et al. 2016): occurrence of units in every coded frame, and for some their
//! intensity.

use std::collections::{BTreeMap, BTreeSet};

use faus_base::table::Table;

use crate::error::Error;
use crate::read::coded::CodedSet;
use crate::read::coded::disfa::lines;
use crate::read::coded::files::{Files, frame, pattern};
use crate::read::coded::frames::{Code, EXTRACT, Frames, Recording, Shown, no_images};
use crate::read::tree::FileTree;

/// The emotions that BP4D's tasks elicit; they are labels of no frame.
const TASKS: &str =
    "T1 happy, T2 sad, T3 surprise, T4 embarrassment, T5 fear, T6 pain, T7 anger, T8 disgust";

/// `AUCoding/AU_OCC/F001_T1.csv`: a header of units, the frame in the first column, 1 present, 0 absent, 9 not coded;
/// `AUCoding/AU_INT/AU06/M016_T7_AU06.csv`: lines `frame,intensity`, which win over the occurrence; images
/// `F001/T1/2440.jpg`.
pub(super) fn open(tree: FileTree, threshold: u8) -> Result<CodedSet, Error> {
    let mut files = Files::of(&tree)?;
    let mut frames = Frames::new(threshold);
    occurrence(&mut files, &mut frames)?;
    let graded = intensities(&mut files, &mut frames)?;
    if frames.recordings.is_empty() {
        let expected = "BP4D's codes, AUCoding/AU_OCC/F001_T1.csv …";
        return Err(Error::layout(tree.root(), expected, tree.contents()?));
    }
    let place = pattern(r"(?i)(?:^|/)([fm][0-9]{3})[/_](t[0-9]+)[/_]")?;
    let (mut shown, mut unnamed) = (Vec::new(), 0);
    for path in files.images() {
        let (Some(groups), Some(frame)) = (place.captures(path), frame(path)) else {
            unnamed += 1;
            continue;
        };
        shown.push(Shown {
            path: path.to_owned(),
            subject: groups[1].to_uppercase(),
            recording: recording(&groups[1], &groups[2]),
            key: frame.to_string(),
            frame,
        });
    }
    frames.unnamed(unnamed, "a person and a task, F001/T1/2440.jpg");
    let names = Vec::from_iter(graded.iter().map(u8::to_string)).join(", ");
    frames.notes.push(match graded.is_empty() {
        true => "All codes are occurrence without intensity, which the threshold does not change.".to_owned(),
        false => format!("Intensities are known of action units {names}; the threshold does not change the others."),
    });
    let plus = !graded.is_empty()
        || frames
            .recordings
            .keys()
            .any(|name| name.ends_with("_T9") || name.ends_with("_T10"));
    if !plus {
        frames.notes.push(format!(
            "The tasks ({TASKS}) are what a person was led to feel, not what a frame shows: no row has an expression."
        ));
    }
    let name = if plus { "BP4D+" } else { "BP4D" };
    let mut scan = frames.scan(shown);
    scan.read = files.read;
    if scan.samples.is_empty() {
        return Err(no_images(&tree, name, EXTRACT, &scan));
    }
    Ok(CodedSet {
        name,
        tree,
        classes: Vec::new(),
        scan,
        threshold: Some(threshold),
    })
}

fn recording(person: &str, task: &str) -> String {
    format!("{person}_{task}").to_uppercase()
}

fn occurrence(files: &mut Files, frames: &mut Frames) -> Result<(), Error> {
    let tables = pattern(r"(?i)(?:^|/)([fm][0-9]{3})_(t[0-9]+)\.csv$")?;
    let found = files
        .matching(&tables)
        .map(|(path, groups)| (path.to_owned(), recording(&groups[1], &groups[2])));
    for (path, name) in Vec::from_iter(found) {
        let read = files.text(&path).map_err(|error| error.reason());
        match read.and_then(|text| of_table(&text)) {
            Ok(codes) if !frames.recordings.contains_key(&name) => {
                frames.recordings.insert(name, codes);
            }
            Ok(_) => frames.skip(
                &path,
                "the codes of a recording again; the first were used".to_owned(),
            ),
            Err(reason) => frames.skip(&path, reason),
        }
    }
    Ok(())
}

/// A table of occurrence.
fn of_table(text: &str) -> Result<Recording, String> {
    let table = Table::open(text.as_bytes())?;
    let unit = |name: &str| {
        name.trim_start_matches("au")
            .parse()
            .ok()
            .filter(|au| (1..=99).contains(au))
    };
    let units: Vec<Option<u8>> = table.columns().iter().map(unit).collect();
    if units.iter().skip(1).flatten().next().is_none() {
        return Err(format!(
            "no column is an action unit (it has: {})",
            table.listed()
        ));
    }
    let rows = table.records().map(|row| {
        let row = row?;
        let frame = row.cells.get(0).unwrap_or_default();
        let frame: u32 = frame
            .parse()
            .map_err(|_| format!("line {}: '{frame}' is no frame", row.line))?;
        let cells = units.iter().zip(&row.cells).skip(1);
        let codes = cells.filter_map(|(unit, cell)| Some(((*unit)?, present(cell))));
        Ok((frame.to_string(), codes.collect()))
    });
    rows.collect()
}

/// `1.0` and `0.0` are what pandas makes of a column with gaps.
fn present(cell: &str) -> Code {
    match Code::grade(cell) {
        Ok(Code::Grade(0)) => Code::Grade(0),
        Ok(Code::Grade(1)) => Code::Present,
        _ => Code::Unknown,
    }
}

/// Adds intensities to the frames; returns their units.
fn intensities(files: &mut Files, frames: &mut Frames) -> Result<BTreeSet<u8>, Error> {
    let tables = pattern(r"(?i)(?:^|/)([fm][0-9]{3})_(t[0-9]+)_(?:au)?0*([1-9][0-9]?)\.csv$")?;
    let found = files.matching(&tables).map(|(path, groups)| {
        (
            path.to_owned(),
            recording(&groups[1], &groups[2]),
            groups[3].parse().unwrap_or(0),
        )
    });
    let mut graded = BTreeSet::new();
    for (path, name, au) in Vec::from_iter(found) {
        let read = files.text(&path).map_err(|error| error.reason());
        let codes = match read.and_then(|text| lines(&text)) {
            Ok(codes) => codes,
            Err(reason) => {
                frames.skip(&path, reason);
                continue;
            }
        };
        let recording = frames.recordings.entry(name).or_default();
        for (frame, code) in codes.into_iter().filter(|(_, code)| *code != Code::Unknown) {
            recording.entry(frame).or_default().insert(au, code);
            graded.insert(au);
        }
    }
    // Occurrence begins with grade A: whether it reaches a higher threshold is not known.
    let codes = frames
        .recordings
        .values_mut()
        .flat_map(BTreeMap::values_mut);
    for (au, code) in codes.flatten().filter(|_| frames.threshold > 1) {
        if *code == Code::Present && graded.contains(au) {
            *code = Code::Unknown;
        }
    }
    Ok(graded)
}
