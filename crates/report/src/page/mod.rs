//! The page around the sections: its head, its layout and its files.

pub(crate) mod answer;
pub(crate) mod blocks;
pub(crate) mod download;
pub(crate) mod table;
pub(crate) mod text;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faus_base::file;
use sha2::{Digest, Sha256};

use self::answer::Fact;
use self::blocks::Section;
use crate::errors::Error;
use crate::plot::Plot;
use crate::run::Run;
use crate::run::folder::Gap;

const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/page.js");
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| hash(SCRIPT));

/// As a content security policy names the styles and scripts that may run.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// A whole page; the template only lays it out.
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct Page {
    pub head: Head,
    pub sections: Vec<Section>,
}

/// The head of a page.
#[derive(Default)]
pub(crate) struct Head {
    pub title: String,
    pub bands: Vec<Band>,
    pub eyebrow: String,
    pub question: &'static str,
    pub on: String,
    pub sentences: Vec<String>,
    pub gap: Option<Gap>,
    pub glance: Vec<Fact>,
    pub shortened: Vec<String>,
}

impl Page {
    /// Writes the drawings and their numbers into `folder/figures`, which is made anew, and then the page, so that a page
    /// never lacks its figures.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, Error> {
        let html = self.render()?;
        let figures = folder.join("figures");
        file::remove(&figures).map_err(Error::write(&figures))?;
        for plot in self.sections.iter().flat_map(|section| &section.body.plots) {
            save_plot(&figures, plot)?;
        }
        let path = folder.join("index.html");
        save(&path, &html)?;
        Ok(path)
    }
}

fn save_plot(figures: &Path, plot: &Plot) -> Result<(), Error> {
    if !plot.svg.is_empty() {
        save(&figures.join(format!("{}.svg", plot.name)), &plot.svg)?;
    }
    save(&figures.join(format!("{}.csv", plot.name)), &plot.csv)
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| file::write(path, text.as_bytes()));
    written.map_err(Error::write(path))
}

/// A warning across the whole page.
#[derive(PartialEq)]
pub(crate) struct Band {
    pub kind: &'static str,
    pub strong: &'static str,
    pub text: &'static str,
}

const SYNTHETIC: Band = Band {
    kind: "synthetic",
    strong: "Synthetic data.",
    text: "Computer-drawn faces, no photographs of people. These are not results on CK+ or any real data set.",
};
const UNKNOWN: Band = Band {
    kind: "note",
    strong: "Origin unknown.",
    text: "No file of this run records whether its data are synthetic or real.",
};
const DEPENDENT: Band = Band {
    kind: "note",
    strong: "Not subject-independent.",
    text: "The same person may be among the training and the test images: accuracies on new faces would be lower.",
};
const OPTIMISTIC: Band = Band {
    kind: "note",
    strong: "Optimistic.",
    text: "Protocol paper-2015: the checkpoints were chosen on the test images themselves.",
};

/// The warnings about a run.
pub(crate) fn bands(run: &Run) -> Vec<Band> {
    let origin = match run.synthetic() {
        Some(true) => Some(SYNTHETIC),
        None => Some(UNKNOWN),
        Some(false) => None,
    };
    let dependent = (run.subject_independent() == Some(false)).then_some(DEPENDENT);
    let optimistic = run.summary.chosen_on_test().then_some(OPTIMISTIC);
    [origin, dependent, optimistic]
        .into_iter()
        .flatten()
        .collect()
}

/// The head of a run's page.
pub(crate) fn head(run: &Run) -> Head {
    let mark = match run.synthetic() {
        Some(true) => " (synthetic data)",
        _ => "",
    };
    Head {
        title: format!("{}{mark} · faus report", run.name),
        bands: bands(run),
        eyebrow: format!("faus report · run {}", run.name),
        question: "Did a network that was only taught expressions learn facial action units?",
        on: on(run),
        sentences: answer::answer(run),
        gap: run.summary.gap.clone(),
        glance: answer::glance(run),
        shortened: run.summary.shortened.clone().unwrap_or_default(),
    }
}

/// Experiment, preset and data in one line.
fn on(run: &Run) -> String {
    let name = run
        .data_name()
        .map_or("a data set without a name", String::as_str);
    let some = |n: Option<u64>| n.filter(|n| *n > 0);
    let parts = [
        run.preset().map(|preset| format!("preset {preset}")),
        Some(format!("on {name}")),
        some(run.dataset.labelled()).map(|n| format!("{n} labelled images")),
        some(run.dataset.people()).map(|n| format!("{n} people")),
        some(Some(run.summary.class_count() as u64)).map(|n| format!("{n} classes")),
    ];
    let parts: Vec<String> = [run.experiment()]
        .into_iter()
        .chain(parts.into_iter().flatten())
        .collect();
    let synthetic = match run.synthetic() {
        Some(true) => " (synthetic)",
        _ => "",
    };
    format!("{}{synthetic}.", parts.join(", "))
}
