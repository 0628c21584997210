//! BP4D (Zhang et al. 2014) and BP4D+ (Zhang et al. 2016): occurrence of units in every coded frame, and for some their
//! intensity.

use std::collections::{BTreeMap, BTreeSet};

use faus_base::table::{Table, plain_name};
use regex::Captures;

use crate::error::Error;
use crate::read::coded::disfa::lines;
use crate::read::coded::files::{frame, number, pattern};
use crate::read::coded::frames::{Code, Frames, Recording, Shown, listed};
use crate::read::listed::Listed;
use crate::read::name::folder;
use crate::read::tree::FileTree;

/// The emotions that BP4D's tasks elicit; they are labels of no frame.
const TASKS: &str =
    "T1 happy, T2 sad, T3 surprise, T4 embarrassment, T5 fear, T6 pain, T7 anger, T8 disgust";

/// `AUCoding/AU_OCC/F001_T1.csv`: a header of units, the frame in the first column, 1 present, 0 absent, 9 not coded;
/// `AUCoding/AU_INT/AU06/M016_T7_AU06.csv`: lines `frame,intensity`, which win over the occurrence; images
/// `F001/T1/2440.jpg`.
pub(super) fn open(tree: FileTree, threshold: u8) -> Result<Listed, Error> {
    let mut frames = Frames::of(tree, threshold)?;
    let occurrence = r"(?i)(?:^|/)([fm][0-9]{3})_(t[0-9]+)\.csv$";
    frames.add_tables(occurrence, |all, groups, text| {
        all.insert(recording(groups), of_table(text)?);
        Ok(())
    })?;
    let (mut graded, mut against) = (BTreeSet::new(), Vec::new());
    let intensity = r"(?i)(?:^|/)([fm][0-9]{3})_(t[0-9]+)_(?:au)?0*([1-9][0-9]?)\.csv$";
    frames.add_tables(intensity, |all, groups, text| {
        let (codes, au) = (lines(text)?, groups[3].parse().unwrap_or(0));
        let name = recording(groups);
        let recording = all.entry(name.clone()).or_default();
        for (frame, code) in codes.into_iter().filter(|(_, code)| *code != Code::Unknown) {
            let known = recording.entry(frame.clone()).or_default();
            if contradicts(known.insert(au, code), code) {
                known.insert(au, Code::Unknown);
                against.push(format!("AU {au} of {name}, frame {frame}"));
            }
            graded.insert(au);
        }
        Ok(())
    })?;
    // Occurrence begins with grade A: whether it reaches a higher threshold is not known.
    let recordings = frames.recordings.values_mut();
    let codes = recordings.flat_map(BTreeMap::values_mut);
    for (au, code) in codes.flatten().filter(|_| threshold > 1) {
        if *code == Code::Present && graded.contains(au) {
            *code = Code::Unknown;
        }
    }
    frames.check_found("BP4D's codes, AUCoding/AU_OCC/F001_T1.csv …")?;
    let place = pattern(r"(?i)(?:^|/)([fm][0-9]{3})[/_](t[0-9]+)[/_]")?;
    let images = frames.images("a person and a task, F001/T1/2440.jpg", |path| {
        let (groups, frame) = (place.captures(path)?, frame(path)?);
        Some(Shown {
            path: path.to_owned(),
            subject: groups[1].to_uppercase(),
            recording: recording(&groups),
            sequence: sequence(path, &groups),
            key: frame.to_string(),
            frame,
        })
    });
    frames.code_notes.extend(notes(&graded, &against));
    let plus = |name: &String| name.ends_with("_T9") || name.ends_with("_T10");
    if !graded.is_empty() || frames.recordings.keys().any(plus) {
        return frames.set("BP4D+", images);
    }
    frames.notes.push(format!(
        "The tasks ({TASKS}) are what a person was led to feel, not what a frame shows: no row has an expression."
    ));
    frames.set("BP4D", images)
}

/// Whether the intensity of a unit is 0 where it occurs, or above where it does not.
fn contradicts(occurrence: Option<Code>, intensity: Code) -> bool {
    match occurrence {
        Some(Code::Present) => intensity == Code::Grade(0),
        Some(Code::Grade(0)) => intensity != Code::Grade(0),
        _ => false,
    }
}

/// Notes on the units with intensities, and on the codes whose occurrence and intensity are `against` each other.
fn notes(graded: &BTreeSet<u8>, against: &[String]) -> Vec<String> {
    let mut notes = vec![match graded.is_empty() {
        true => "All codes are occurrence without intensity, which the threshold does not change."
            .to_owned(),
        false => format!(
            "Intensities are known of action units {}; the threshold does not change the others.",
            listed(graded)
        ),
    }];
    notes.extend(against.first().map(|first| {
        format!(
            "Codes whose occurrence and intensity contradict each other: {} (first {first}); they count as not coded.",
            against.len()
        )
    }));
    notes
}

/// The name of a recording, by person and task.
fn recording(groups: &Captures) -> String {
    format!("{}_{}", &groups[1], &groups[2]).to_uppercase()
}

/// The folder of an image, or its path up to the task where that is a part of the file's name.
fn sequence(path: &str, groups: &Captures) -> String {
    let end = groups.get(2).map_or(0, |task| task.end());
    let folder = folder(path);
    path.get(..end)
        .filter(|named| named.len() > folder.len())
        .unwrap_or(folder)
        .to_owned()
}

/// A table of occurrence.
fn of_table(text: &str) -> Result<Recording, String> {
    let table = Table::open(text.as_bytes())?;
    let unit = |name: &str| {
        let au = plain_name(name).trim_start_matches("au").parse().ok();
        au.filter(|au| (1..=99).contains(au))
    };
    let units: Vec<Option<u8>> = table.columns().iter().map(unit).collect();
    let mut known = BTreeSet::new();
    let mut named = units.iter().skip(1).flatten();
    if let Some(twice) = named.find(|au| !known.insert(**au)) {
        return Err(format!("two columns of AU {twice}; keep one of the two"));
    }
    if known.is_empty() {
        return Err(format!(
            "no column is an action unit (it has: {})",
            table.listed()
        ));
    }
    let mut codes = Recording::new();
    for row in table.records() {
        let row = row?;
        let wrong = |fault| format!("line {}: {fault}", row.line);
        let frame = number(row.cells.get(0).unwrap_or_default()).map_err(wrong)?;
        let cells = units.iter().zip(&row.cells).skip(1);
        let own = cells.filter_map(|(unit, cell)| Some(((*unit)?, present(cell))));
        let own = BTreeMap::from_iter(own);
        let first = codes
            .entry(frame.to_string())
            .or_insert_with(|| own.clone());
        if *first != own {
            return Err(wrong(format!("the frame {frame} again, with other codes")));
        }
    }
    Ok(codes)
}

/// `1.0` and `0.0` are what pandas makes of a column with gaps.
fn present(cell: &str) -> Code {
    match Code::grade(cell) {
        Ok(Code::Grade(0)) => Code::Grade(0),
        Ok(Code::Grade(1)) => Code::Present,
        _ => Code::Unknown,
    }
}
