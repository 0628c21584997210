//! An experiment with its own data source: one flat folder, whose file names contain class, person, frame and action
//! units, as in `happy_12_3_AU6+12.png`.
//!
//! Everything else is unchanged faus. Run it with `just swap_source --data FOLDER`.

use std::path::Path;
use std::process::ExitCode;

use faus_data::{
    Au, AuCoding, AuScore, DataConfig, Error, Fetched, FileTree, Folding, RawSample,
    SYNTHETIC_MARK, Scan, Source,
};
use faus_runner::Program;

/// The classes, in the order of their labels.
const CLASSES: [&str; 4] = ["neutral", "happy", "sadness", "surprise"];

/// A folder of files `<class>_<person>_<frame>_AU<unit>+<unit>….png`; without the last part the image is not coded.
struct FlatFolder(FileTree);

fn open(root: &Path, _: &DataConfig) -> Result<Box<dyn Source>, Error> {
    Ok(Box::new(FlatFolder(FileTree::open(root)?)))
}

impl Source for FlatFolder {
    fn name(&self) -> &str {
        "flat folder"
    }

    fn root(&self) -> &Path {
        self.0.root()
    }

    fn synthetic(&self) -> bool {
        self.0.is_file(SYNTHETIC_MARK)
    }

    fn class_names(&self) -> Vec<String> {
        CLASSES.map(str::to_owned).to_vec()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let names = self.0.names("")?.into_iter();
        let samples: Vec<RawSample> = names.filter_map(|name| sample(&name)).collect();
        let people = samples
            .iter()
            .map(|sample| sample.subject.clone())
            .collect();
        Ok(Scan {
            samples,
            folding: Folding::BySubject(people),
            ..Scan::default()
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        Fetched::file(&self.0, &sample.path)
    }
}

/// The image with this file name; other files are ignored.
fn sample(path: &str) -> Option<RawSample> {
    let mut parts = path.strip_suffix(".png")?.split('_');
    let (class, person, frame) = (parts.next()?, parts.next()?, parts.next()?);
    Some(RawSample {
        subject: person.to_owned(),
        sequence: format!("{class}_{person}"),
        frame: frame.parse().ok()?,
        label: CLASSES.iter().position(|name| *name == class)? as i64,
        aus: parts.next().map_or(AuCoding::NotCoded, action_units),
        is_face: true,
        ..RawSample::labelled(path, 0)
    })
}

/// `AU6+12`, present and not graded.
fn action_units(text: &str) -> AuCoding {
    let units = text.trim_start_matches("AU").split('+');
    let units = units.filter_map(|unit| unit.parse().ok());
    let score = |au: u8| AuScore {
        au: Au(au),
        intensity: 0,
    };
    AuCoding::coded(units.map(score).collect())
}

fn main() -> ExitCode {
    let program = Program::default().source("flat", open);
    program
        .experiment("experiments/swap_source/flat.json")
        .main()
}
