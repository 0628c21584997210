//! The page around the sections.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::answer::{Fact, answer, glance};
use crate::run::{DataSet, Run};
use crate::sections::{Block, Section, render};

const STYLE: &str = include_str!("../templates/style.css");
const SCRIPT: &str = include_str!("../templates/page.js");
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| hash(SCRIPT));

/// As a content security policy names what may run.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// A whole page; templates only lay it out.
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct Page {
    title: String,
    bands: Vec<Band>,
    eyebrow: String,
    question: String,
    on: String,
    sentences: Vec<String>,
    gaps: String,
    glance: Vec<Fact>,
    shortened: Vec<String>,
    sections: Vec<Section>,
    style: &'static str,
    script: &'static str,
    style_hash: &'static str,
    script_hash: &'static str,
    version: &'static str,
}

/// What must not be missed, across the whole page.
pub(crate) struct Band {
    pub kind: &'static str,
    pub strong: &'static str,
    pub text: &'static str,
}

impl Band {
    pub const SYNTHETIC: Self = Self {
        kind: "synthetic",
        strong: "Synthetic data.",
        text: "Computer-drawn faces, no photograph of a person. Nothing here is a result on CK+ or any real data set.",
    };
    pub const UNKNOWN: Self = Self {
        kind: "note",
        strong: "Origin unknown.",
        text: "No file of this run says whether its data are synthetic or real.",
    };
    pub const DEPENDENT: Self = Self {
        kind: "note",
        strong: "Not subject-independent.",
        text: "The same person may be among the training and the test images: the accuracies overstate what new faces would get.",
    };
    pub const OPTIMISTIC: Self = Self {
        kind: "note",
        strong: "Optimistic.",
        text: "Protocol paper-2015: the checkpoints were chosen on the test images themselves.",
    };
}

/// What stands at the head of a page.
pub(crate) struct Head {
    pub title: String,
    pub bands: Vec<Band>,
    pub eyebrow: String,
    pub question: String,
    pub on: String,
    pub sentences: Vec<String>,
    pub gaps: Vec<Block>,
    pub glance: Vec<Fact>,
    pub shortened: Vec<String>,
}

impl Page {
    pub fn new(head: Head, sections: Vec<Section>) -> Result<Self, askama::Error> {
        Ok(Self {
            title: head.title,
            bands: head.bands,
            eyebrow: head.eyebrow,
            question: head.question,
            on: head.on,
            sentences: head.sentences,
            gaps: render(&head.gaps)?,
            glance: head.glance,
            shortened: head.shortened,
            sections,
            style: STYLE,
            script: SCRIPT,
            style_hash: &STYLE_HASH,
            script_hash: &SCRIPT_HASH,
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}

/// The head of a run's page.
pub(crate) fn head(run: &Run) -> Head {
    let synthetic = run.synthetic();
    let mark = if synthetic == Some(true) {
        " (synthetic data)"
    } else {
        ""
    };
    let summary = run.summary.as_ref().ok();
    let shortened = summary.and_then(|summary| summary.shortened.clone());
    Head {
        title: format!("{}{mark} · faus report", run.name),
        bands: bands(run),
        eyebrow: format!("faus report · run {}", run.name),
        question: "Did a network that was only taught expressions learn facial action units?"
            .to_owned(),
        on: on(run),
        sentences: answer(run),
        gaps: run
            .summary
            .as_ref()
            .err()
            .cloned()
            .map(Block::Gap)
            .into_iter()
            .collect(),
        glance: glance(run),
        shortened: shortened.unwrap_or_default(),
    }
}

/// What is to be said of a run across the page.
pub(crate) fn bands(run: &Run) -> Vec<Band> {
    let origin = match run.synthetic() {
        Some(true) => Some(Band::SYNTHETIC),
        None => Some(Band::UNKNOWN),
        Some(false) => None,
    };
    let dependent = (run.subject_independent() == Some(false)).then_some(Band::DEPENDENT);
    let chosen_on_test = run
        .summary
        .as_ref()
        .is_ok_and(|summary| summary.chosen_on_test());
    let optimistic = chosen_on_test.then_some(Band::OPTIMISTIC);
    origin
        .into_iter()
        .chain(dependent)
        .chain(optimistic)
        .collect()
}

/// Experiment, preset and data in one line.
fn on(run: &Run) -> String {
    let data = run.dataset.as_ref().ok();
    let summary = run.summary.as_ref().ok();
    let name = data.and_then(|data| data.name.clone());
    let name = name.or_else(|| summary?.dataset.clone());
    let mut on = run.experiment();
    if let Some(preset) = run.text(|s| s.preset.as_ref(), "preset") {
        on += &format!(", preset {preset}");
    }
    on += &format!(
        ", on {}",
        name.unwrap_or("a data set that left no name".to_owned())
    );
    let images = data.and_then(|data| {
        data.class_counts()
            .iter()
            .map(|(_, n)| *n)
            .sum::<Option<u64>>()
    });
    if let Some(images) = images.filter(|&images| images > 0) {
        on += &format!(", {images} labelled images");
    }
    let subjects = data.and_then(|data| DataSet::quantity(&data.subjects));
    if let Some(subjects) = subjects.filter(|&subjects| subjects > 0) {
        on += &format!(", {subjects} people");
    }
    let classes = summary.map_or(0, |summary| summary.class_count());
    if classes > 0 {
        on += &format!(", {classes} classes");
    }
    if run.synthetic() == Some(true) {
        on += " (synthetic)";
    }
    on + "."
}
