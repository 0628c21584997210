//! The page around the sections: its head, its layout and its files.

pub(crate) mod answer;
mod bars;
pub(crate) mod blocks;
mod criteria;
mod evidence;
mod people;
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
use self::blocks::{Blocks, Sections};
use self::text::{count, when};
use crate::errors::Error;
use crate::plot::Plot;
use crate::run::Run;
use crate::run::folder::Gap;

const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/page.js");
/// The start of a caption that gets a number.
const FIGURE: &str = "<figcaption>";
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| hash(SCRIPT));

/// Hash of a permitted style or script, in the notation of a content security policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// A whole page; the template only lays it out.
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct Page {
    pub head: Head,
    pub sections: Sections,
}

/// The head of a page.
#[derive(Default)]
pub(crate) struct Head {
    pub title: String,
    pub warnings: Warnings,
    pub eyebrow: String,
    /// A page about one run, which explains its terms.
    pub single: bool,
    pub question: &'static str,
    pub on: String,
    /// The verdict, and the paragraphs of its numbers.
    pub verdict: (String, Vec<String>),
    /// The criteria of the verdict, if there is one.
    pub criteria: Blocks,
    pub sentences: Vec<String>,
    pub evidence: Blocks,
    pub gap: Option<Gap>,
    pub glance: Vec<Fact>,
    pub shortened: Vec<String>,
    pub differences: Vec<String>,
}

impl Page {
    /// Writes the drawings and their numbers into `folder/figures`, which is recreated, and then the page, so that a
    /// page always has its figures.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, Error> {
        let html = numbered(&self.render()?);
        let figures = folder.join("figures");
        file::remove(&figures).map_err(Error::write(&figures))?;
        let sections = self.sections.0.iter().map(|section| &section.body);
        let blocks = std::iter::once(&self.head.evidence).chain(sections);
        for (file, _, text) in blocks
            .flat_map(|blocks| &blocks.plots)
            .flat_map(Plot::files)
        {
            save(&figures.join(file), &text)?;
        }
        let path = folder.join("index.html");
        save(&path, &html)?;
        Ok(path)
    }
}

/// The page with its figures numbered, those in collapsed parts too: the same numbers on screen and in print.
fn numbered(html: &str) -> String {
    let mut parts = html.split(FIGURE);
    let first = parts.next().unwrap_or_default().to_owned();
    let number = |(number, part): (usize, &str)| format!("{FIGURE}<b>Figure {number}.</b> {part}");
    first + &(1..).zip(parts).map(number).collect::<String>()
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| file::write(path, text.as_bytes()));
    written.map_err(Error::write(path))
}

/// Warnings across the whole page.
#[derive(Default)]
pub(crate) struct Warnings {
    pub synthetic: bool,
    machine_coded: bool,
    unknown_origin: bool,
    dependent: bool,
    optimistic: bool,
}

impl Warnings {
    /// Warnings that apply to any of the runs.
    pub fn of(runs: &[Run]) -> Self {
        let any = |holds: fn(&Run) -> bool| runs.iter().any(holds);
        Self {
            synthetic: any(|run| run.synthetic() == Some(true)),
            machine_coded: any(Run::machine_coded),
            unknown_origin: any(|run| run.synthetic().is_none()),
            dependent: any(|run| run.subject_independent() == Some(false)),
            optimistic: any(|run| run.summary.chosen_on_test()),
        }
    }

    /// The end of a title.
    pub fn mark(&self) -> &'static str {
        when(self.synthetic, " (synthetic data)")
    }
}

/// The head of a run's page.
pub(crate) fn head(run: &Run) -> Head {
    let warnings = Warnings::of(std::slice::from_ref(run));
    let verdict = answer::verdict(run);
    let criteria = match verdict.0.is_empty() {
        true => Blocks::default(),
        false => criteria::criteria(),
    };
    let shortened = run.summary.shortened.clone().unwrap_or_default();
    let shortened: Vec<String> = shortened.into_iter().map(unset).collect();
    let mut differences: Vec<String> = run.differences().map(unset).collect();
    differences.retain(|line| !shortened.contains(line));
    Head {
        title: format!("{}{} · faus report", run.name, warnings.mark()),
        warnings,
        eyebrow: match run.folder.analysed {
            true => format!("faus report · {}", network(run)),
            false => format!("faus report · run {}", run.name),
        },
        single: true,
        question: match (run.folder.correlated, run.folder.analysed) {
            (true, _) => "Do the filters of a network follow facial action units?",
            (_, true) => "Do the filters of this network follow facial action units?",
            _ => "Did a network trained only on expressions learn facial action units?",
        },
        on: on(run),
        verdict,
        criteria,
        sentences: answer::answer(run),
        evidence: evidence::evidence(run),
        gap: run.summary.gap.clone().filter(|_| of_a_run(run)),
        glance: answer::glance(run),
        shortened,
        differences,
    }
}

/// Whether it is a run with folds.
fn of_a_run(run: &Run) -> bool {
    !run.folder.correlated && !run.folder.analysed
}

/// The name of a network's file.
fn network(run: &Run) -> &str {
    let name = run.network["files"][0]["name"].as_str();
    name.unwrap_or("network")
}

/// A difference from the paper in words where its setting is null.
fn unset(line: String) -> String {
    line.replace("(paper: null)", "(paper: not set)")
}

/// Experiment, preset and data in one line.
fn on(run: &Run) -> String {
    let name = run.data_name().map(String::as_str);
    let name = name.unwrap_or("a data set without a name");
    let preset = run.text(&run.summary.preset, "preset");
    let some = |n: Option<u64>| n.filter(|n| *n > 0);
    let (labelled, classes) = (run.dataset.labelled(), run.summary.class_count() as u64);
    let parts = [
        Some(match run.folder.analysed {
            true => format!(
                "{}, layer {}",
                network(run),
                run.network["layer"].as_str().unwrap_or("unknown")
            ),
            false => run.experiment(),
        }),
        preset.map(|preset| format!("preset {preset}")),
        (!run.folder.correlated).then(|| format!("on {name}")),
        run.fau.summary["rows_used"]
            .as_u64()
            .filter(|_| run.folder.correlated)
            .map(|n| count(n, "coded image")),
        labelled.map(|n| count(n, "labelled image")),
        some(run.dataset.subjects).map(|n| count(n, "person")),
        some(Some(classes)).map(|n| count(n, "class")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let synthetic = when(run.synthetic() == Some(true), " (synthetic)");
    format!("{}{synthetic}.", parts.join(", "))
}
