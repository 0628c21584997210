//! Where an experiment's data is, and the synthetic faces that replace a missing CK+.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use faus_base::text::counted;
use faus_data::{DataConfig, Source};
use faus_synth::{FACES_VERSION, SynthOptions};

use super::job::Job;
use crate::app::console::with_bar;
use crate::app::program::Program;

/// Folder of the synthetic faces.
const SYNTHETIC: &str = "data/synthetic-ck";

/// The folder or file with an experiment's data: `given` by the user, else the default location, else (for CK+) that of
/// the synthetic faces.
///
/// # Errors
/// When there is none and none can be created.
fn place(source: &str, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_path_buf());
    }
    let usual: &[&str] = match source {
        "ck_plus" | "ck_plus_six_class" => &["data/CK+"],
        "tfd" => &["data/TFD"],
        "folders" => &["data/CK+48"],
        "csv" => &["data/ckextended.csv", "data/fer2013.csv"],
        "disfa" => &["data/DISFA"],
        "disfa_plus" => &["data/DISFA+"],
        "bp4d" => &["data/BP4D", "data/BP4D+"],
        "raf" => &["data/RAF-CE", "data/RAF-AU"],
        _ => bail!("the source {source} has no usual place; give its data with --data"),
    };
    match (source, usual.iter().find(|place| Path::new(place).exists())) {
        (_, Some(place)) => Ok(PathBuf::from(place)),
        ("ck_plus" | "ck_plus_six_class", None) => Ok(PathBuf::from(SYNTHETIC)),
        ("tfd", None) => bail!(
            "data/TFD: not there. The Toronto Face Database needs a licence from its owners (see data/README.md); put \
             TFD_48x48.mat or TFD_96x96.mat and TFD_info.mat there, or give their folder with --data DIR. \
             `faus run experiments/ck_plus/cnn_ad.json` works without any data of yours"
        ),
        (_, None) => bail!(
            "{}: not there; give the data with --data (data/README.md lists what goes where)",
            usual.join(", ")
        ),
    }
}

/// Whether the experiment's faces are drawn ones; not where the data cannot be opened, which is an error later. Tables and
/// arrays, which take long to read, have no mark of drawn ones.
pub(crate) fn is_drawn(program: &Program, config: &DataConfig, given: Option<&Path>) -> bool {
    let Ok(place) = place(&config.source, given) else {
        return false;
    };
    let opened = || program.open_source(config, &place);
    let unmarked = ["csv", "tfd", "arrays"].contains(&config.source.as_str());
    place == Path::new(SYNTHETIC) || !unmarked && opened().is_ok_and(|source| source.synthetic())
}

impl Job<'_> {
    /// The folder or file with the data.
    pub(super) fn place(&self) -> Result<PathBuf> {
        match &self.prepared {
            Some(prepared) => Ok(prepared.clone()),
            None => place(&self.config.data.source, self.data.as_deref()),
        }
    }

    /// Opens the data at its [`place`]; draws synthetic faces there if the user gave no data and none exist.
    ///
    /// # Errors
    /// When the user's data is missing or has the wrong layout, or no faces can be drawn.
    pub(super) fn open_source(&self, place: &Path) -> Result<Box<dyn Source>> {
        if self.data.is_none() && place == Path::new(SYNTHETIC) {
            eprintln!(
                "Data: no data/CK+ here and no --data given, so synthetic faces in {SYNTHETIC}; every result is marked synthetic (data/README.md: how to get CK+)"
            );
            match place.exists() {
                true => warn_of_other_version(place),
                false => synthesize(&SynthOptions::default(), place)?,
            }
        } else if !place.exists() {
            bail!(
                "{}: no such folder or file; --data takes the place of the data set",
                place.display()
            );
        } else {
            eprintln!("Data: {}", place.display());
        }
        Ok(self.program.open_source(&self.config.data, place)?)
    }
}

/// Warns if the existing faces were drawn by another version.
fn warn_of_other_version(place: &Path) {
    let drawn = std::fs::read_to_string(place.join("synthetic.json")).unwrap_or_default();
    let drawn: serde_json::Value = serde_json::from_str(&drawn).unwrap_or_default();
    if drawn["faces_version"] != FACES_VERSION {
        let version = drawn["faces_version"].as_u64();
        let version = version.map_or("another version".to_owned(), |v| format!("version {v}"));
        let place = place.display();
        eprintln!(
            "Note: {place} holds faces of {version}, this faus draws version {FACES_VERSION}; delete the folder to draw them again"
        );
    }
}

/// Draws a synthetic CK+ into `output`.
///
/// # Errors
/// When the options are invalid, a write fails, or the user cancels.
pub(crate) fn synthesize(options: &SynthOptions, output: &Path) -> Result<()> {
    let shown = output.display();
    let drawn = with_bar("Drawing synthetic faces", |progress| {
        faus_synth::generate(options, output, progress)
    });
    let summary = match drawn {
        Err(faus_synth::Error::Cancelled { .. }) => bail!(
            "stopped while drawing faces, nothing was written; run the same command again to start over"
        ),
        other => other.with_context(|| {
            format!("{shown}: no synthetic faces can be put here; name another folder with --out, or your own data with --data DIR")
        })?,
    };
    eprintln!(
        "{shown}: {}, {}, {}",
        counted(summary.subjects, "synthetic subject"),
        counted(summary.sequences, "sequence"),
        counted(summary.images, "image")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_place_wins_and_a_source_of_an_experiment_needs_one() {
        let given = Path::new("mine");
        assert_eq!(place("jaffe", Some(given)).unwrap(), given);
        let error = place("jaffe", None).unwrap_err().to_string();
        assert!(
            error.contains("jaffe") && error.contains("--data"),
            "{error}"
        );
    }

    #[test]
    fn photographs_that_are_not_there_are_replaced_by_drawn_faces_for_ck_plus_alone() {
        assert_eq!(place("ck_plus", None).unwrap(), Path::new(SYNTHETIC));
        for (source, part) in [("tfd", "licence"), ("csv", "fer2013.csv")] {
            let error = place(source, None).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
