//! The building blocks of a section: headings, paragraphs, tables, figures, pictures.

use std::fmt::Display;

use askama::Template;

use super::table::Table;
use crate::plot::Plot;
use crate::run::folder::{Contents, Gap, Part, RunFolder, VISUALIZE};
use crate::run::viz::FINE;

/// A numbered part of the page.
pub(crate) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub body: Blocks,
}

/// The parts of a page, in its order.
#[derive(Default)]
pub(crate) struct Sections(pub Vec<Section>);

impl Sections {
    /// Starts a section, to be filled.
    pub fn start(&mut self, id: &'static str, title: &'static str) -> &mut Blocks {
        let (at, body) = (self.0.len(), Blocks::default());
        self.0.push(Section { id, title, body });
        &mut self.0[at].body
    }

    /// Removes the sections that only name a missing file.
    pub fn take_missing(&mut self) -> Vec<Section> {
        let missing = self.0.extract_if(.., |section| section.body.is_missing());
        missing.collect()
    }

    /// Moves the sections that only name a missing file into one at the end.
    pub fn gather_missing(&mut self) {
        let missing = self.take_missing();
        if missing.is_empty() {
            return;
        }
        let blocks = self.start("missing", "Not computed for this run");
        for section in missing {
            blocks.heading(section.title);
            blocks.append(section.body);
        }
    }
}

/// Blocks, laid out in this order, and the drawings that also become separate files.
#[derive(Default, Template)]
#[template(path = "blocks.html")]
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    pub plots: Vec<Plot>,
}

/// A piece of a section. Text between backticks is code; everything is escaped.
enum Block {
    Heading(String),
    Text(String),
    Quiet(String),
    Caution(String),
    Table(Table),
    /// A drawing with its caption.
    Figure(Plot, String),
    /// Pixels with their alternative text and caption.
    Picture(Pixels, String, String),
    Gap(Gap),
    /// Rendered from a separate template.
    Html(String),
}

impl Blocks {
    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    pub fn texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    /// Optional background.
    pub fn quiet(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Quiet(text.into()));
    }

    /// An important limitation.
    pub fn caution(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Caution(text.into()));
    }

    pub fn table(&mut self, table: impl Into<Table>) {
        self.blocks.push(Block::Table(table.into()));
    }

    /// A table and its numbers as a file, also under `report/figures`.
    pub fn table_with_csv(&mut self, table: impl Into<Table>, name: &str, csv: String) {
        let (mut table, numbers) = (table.into(), Plot::numbers(name, csv));
        table.csv = numbers.downloads();
        self.table(table);
        self.plots.push(numbers);
    }

    pub fn html(&mut self, template: impl Display) {
        self.blocks.push(Block::Html(template.to_string()));
    }

    pub fn gap(&mut self, gap: &Gap) {
        self.blocks.push(Block::Gap(gap.clone()));
    }

    /// Returns whether these contents can be shown; if not, adds the gap with the reason.
    pub fn has<T>(&mut self, contents: &Contents<T>) -> bool {
        contents.gap.iter().for_each(|gap| self.gap(gap));
        contents.gap.is_none()
    }

    /// Blocks that are initially collapsed; nothing if there are none.
    pub fn details(&mut self, summary: &str, mut inner: Self) {
        self.plots.append(&mut inner.plots);
        if !inner.is_empty() {
            let inner = &inner;
            self.html(Details { summary, inner });
        }
    }

    /// Whether there is nothing but the note that a file is missing.
    fn is_missing(&self) -> bool {
        let missing = |block: &Block| matches!(block, Block::Gap(gap) if gap.damage.is_none());
        !self.is_empty() && self.blocks.iter().all(missing)
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds further blocks.
    pub fn append(&mut self, further: Self) {
        self.blocks.extend(further.blocks);
        self.plots.extend(further.plots);
    }

    /// A collapsed table; nothing if it has no rows.
    pub fn folded(&mut self, summary: &str, table: impl Into<Table>) {
        let (table, mut inner) = (table.into(), Self::default());
        if !table.rows.is_empty() {
            inner.table(table);
            self.details(summary, inner);
        }
    }

    /// A drawing as a numbered figure of the page; it also becomes files under `report/figures`.
    pub fn figure(&mut self, drawing: impl Into<Option<Plot>>, caption: impl Into<String>) {
        let Some(plot) = drawing.into() else { return };
        self.blocks
            .push(Block::Figure(plot.clone(), caption.into()));
        self.plots.push(plot);
    }

    /// A PNG of the run, or why it cannot be shown.
    pub fn picture(&mut self, folder: &RunFolder, file: &str, [alt, caption]: [&str; 2]) {
        self.blocks.push(match Pixels::read(folder, file) {
            Ok(pixels) => Block::Picture(pixels, alt.to_owned(), caption.to_owned()),
            Err(gap) => Block::Gap(gap),
        });
    }
}

/// Maximum width of a picture on the page.
const WIDEST: u32 = 1600;

#[derive(Template)]
#[template(path = "details.html")]
struct Details<'a> {
    summary: &'a str,
    inner: &'a Blocks,
}

/// Text in pieces; `true` marks code, the text between backticks.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(at, piece)| (at % 2 == 1, piece))
}

/// A picture of pixels.
struct Pixels {
    uri: String,
    /// Width on the page, in CSS pixels.
    width: u32,
    /// Wider than a phone: scrolls there rather than shrinks.
    wide: bool,
}

impl Pixels {
    fn read(folder: &RunFolder, file: &str) -> Part<Self> {
        let compact = folder.compact(file, WIDEST, VISUALIZE)?;
        let width = compact.width / if file.ends_with(FINE) { 3 } else { 1 };
        let uri = folder.embed(compact.kind, &compact.bytes).ok_or_else(|| {
            let left = folder.pictures_left();
            let reason = format!("{left} bytes are left for pictures on one page, too few for it");
            Gap::damaged(file, reason, "")
        })?;
        let wide = width > 640;
        Ok(Self { uri, width, wide })
    }
}
