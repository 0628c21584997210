//! The building blocks of a section: headings, paragraphs, tables, figures, pictures.

use std::fmt::Display;

use askama::Template;

use super::download::Download;
use super::table::Table;
use crate::plot::Plot;
use crate::run::folder::{Contents, Gap, RunFolder};
use crate::run::remedy::VISUALIZE;

/// A numbered part of the page.
pub(crate) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub body: Blocks,
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
    Figure(Figure),
    Picture(Picture),
    Gap(Gap),
    /// Rendered from a separate template.
    Html(Box<dyn Display>),
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
        self.table(table.into().with_csv(name, &csv));
        self.plots.push(Plot::numbers(name, csv));
    }

    pub fn html(&mut self, template: impl Display + 'static) {
        self.blocks.push(Block::Html(Box::new(template)));
    }

    pub fn gap(&mut self, gap: &Gap) {
        self.blocks.push(Block::Gap(gap.clone()));
    }

    /// Returns whether these contents can be shown; if not, adds the gap with the reason.
    pub fn has<T>(&mut self, contents: &Contents<T>) -> bool {
        contents.gap.iter().for_each(|gap| self.gap(gap));
        contents.gap.is_none()
    }

    /// Blocks that are initially collapsed.
    pub fn details(&mut self, summary: String, inner: Self) {
        let Self { blocks, plots } = inner;
        self.plots.extend(plots);
        let plots = vec![];
        let inner = Self { blocks, plots };
        self.html(Details { summary, inner });
    }

    /// Adds further blocks.
    pub fn append(&mut self, further: Self) {
        self.blocks.extend(further.blocks);
        self.plots.extend(further.plots);
    }

    /// A collapsed table; nothing if it has no rows.
    pub fn folded(&mut self, summary: impl Into<String>, table: impl Into<Table>) {
        let (table, mut inner) = (table.into(), Self::default());
        if !table.rows.is_empty() {
            inner.table(table);
            self.details(summary.into(), inner);
        }
    }

    /// A drawing as a numbered figure of the page; it also becomes files under `report/figures`.
    pub fn figure(&mut self, plot: Option<Plot>, caption: impl Into<String>) {
        let Some(plot) = plot else { return };
        self.blocks.push(Block::Figure(Figure {
            inline: plot.inline(),
            label: plot.alt.clone(),
            caption: caption.into(),
            files: Download::of_plot(&plot),
        }));
        self.plots.push(plot);
    }

    /// A PNG of the run, or why it cannot be shown.
    pub fn picture(&mut self, folder: &RunFolder, file: &str, alt: String, caption: String) {
        let compact = match folder.compact(file, WIDEST, VISUALIZE) {
            Ok(compact) => compact,
            Err(gap) => return self.gap(&gap),
        };
        let wide = compact.width > 500;
        match folder.embed(compact.kind, &compact.bytes) {
            Some(uri) => self.blocks.push(Block::Picture(Picture {
                uri,
                alt,
                caption,
                wide,
            })),
            None => {
                let left = folder.pictures_left();
                let reason =
                    format!("{left} bytes are left for pictures on one page, too few for it");
                self.gap(&Gap::damaged(file, reason, ""));
            }
        }
    }

    /// The finished section.
    pub fn section(self, id: &'static str, title: &'static str) -> Section {
        Section {
            id,
            title,
            body: self,
        }
    }
}

/// Maximum width of a picture on the page.
const WIDEST: u32 = 1600;

#[derive(Template)]
#[template(path = "details.html")]
struct Details {
    summary: String,
    inner: Blocks,
}

/// Text in pieces; `true` marks code, the text between backticks.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(at, piece)| (at % 2 == 1, piece))
}

/// A drawing with its caption and its files.
struct Figure {
    inline: String,
    label: String,
    caption: String,
    files: Vec<Download>,
}

/// A picture of pixels.
struct Picture {
    uri: String,
    alt: String,
    caption: String,
    /// Wider than a phone: scrolls there rather than shrinks.
    wide: bool,
}
