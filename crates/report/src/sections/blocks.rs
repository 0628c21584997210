//! What sections are made of.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::files::Gap;
use crate::plot::Plot;

/// A piece of a section. Text between backticks is code; everything is escaped.
pub(crate) enum Block {
    Heading(String),
    Text(String),
    Quiet(String),
    /// Something to keep in mind while reading on.
    Caution(String),
    Table(Table),
    Figure(Figure),
    Picture(Picture),
    Gap(Gap),
    /// Made by a template of its own.
    Html(String),
}

impl Block {
    /// Blocks that are folded away at first.
    pub fn details(summary: String, blocks: &[Block]) -> Result<Self, askama::Error> {
        let inner = render(blocks)?;
        Ok(Self::Html(Details { summary, inner }.render()?))
    }
}

/// Lays blocks out.
pub(crate) fn render(blocks: &[Block]) -> Result<String, askama::Error> {
    Blocks { blocks }.render()
}

#[derive(Template)]
#[template(path = "blocks.html")]
struct Blocks<'a> {
    blocks: &'a [Block],
}

#[derive(Template)]
#[template(path = "details.html")]
struct Details {
    summary: String,
    inner: String,
}

/// Text in pieces; `true` marks what stands between backticks, code.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(at, piece)| (at % 2 == 1, piece))
}

/// A file within the page, saved by a click without any script.
#[derive(Debug, Clone)]
pub(crate) struct Download {
    pub file: String,
    pub uri: String,
}

impl Download {
    pub fn csv(name: &str, csv: &str) -> Self {
        Self {
            file: format!("{name}.csv"),
            uri: format!(
                "data:text/csv;charset=utf-8;base64,{}",
                STANDARD.encode(csv)
            ),
        }
    }

    fn svg(name: &str, svg: &str) -> Self {
        Self {
            file: format!("{name}.svg"),
            uri: format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)),
        }
    }
}

/// A drawing with its caption and its files.
pub(crate) struct Figure {
    pub inline: String,
    pub label: String,
    pub caption: String,
    pub files: Vec<Download>,
}

impl Figure {
    pub fn new(plot: &Plot, caption: String) -> Self {
        Self {
            inline: plot.inline(),
            label: plot.alt.clone(),
            caption,
            files: vec![
                Download::svg(&plot.name, &plot.svg),
                Download::csv(&plot.name, &plot.csv),
            ],
        }
    }
}

/// A picture of pixels.
pub(crate) struct Picture {
    pub uri: String,
    pub alt: String,
    pub caption: String,
    /// Wider than a phone: scrolls there instead of shrinking.
    pub wide: bool,
}

/// A table; the first cell of a row names it.
#[derive(Default)]
pub(crate) struct Table {
    pub label: String,
    pub columns: Vec<Column>,
    pub rows: Vec<TableRow>,
    /// Stands above it, and is read with it.
    pub note: String,
    /// Sorts by a click on a column's head, where scripts run.
    pub sortable: bool,
    /// Scrolls within itself.
    pub tall: bool,
    pub csv: Option<Download>,
}

/// The head of a column.
pub(crate) struct Column {
    pub name: String,
    /// Words instead of numbers: flush left.
    pub text: bool,
}

impl Column {
    pub fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: false,
        }
    }

    pub fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: true,
        }
    }
}

/// A row of a table.
pub(crate) struct TableRow {
    pub cells: Vec<Cell>,
    /// Sums over the rows above.
    pub total: bool,
}

impl TableRow {
    pub fn new(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self {
            cells: cells.into_iter().collect(),
            total: false,
        }
    }

    pub fn total(mut self) -> Self {
        self.total = true;
        self
    }
}

/// A cell of a table.
#[derive(Default)]
pub(crate) struct Cell {
    pub text: String,
    /// What it is sorted by, where that is not its text.
    pub order: Option<f64>,
    /// Number of the filter that it leads to.
    pub filter: Option<u64>,
    pub strong: bool,
    pub quiet: String,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

impl Cell {
    /// A number as text, sorted by its value.
    pub fn number(text: String, value: Option<f64>) -> Self {
        Self {
            text,
            order: Some(value.filter(|v| v.is_finite()).unwrap_or(-1e300)),
            ..Self::default()
        }
    }

    /// A filter's number, which leads to it in the explorer.
    pub fn filter(number: u64) -> Self {
        Self {
            text: number.to_string(),
            order: Some(number as f64),
            filter: Some(number),
            ..Self::default()
        }
    }

    /// With a remark below it.
    pub fn remark(mut self, quiet: impl Into<String>) -> Self {
        self.quiet = quiet.into();
        self
    }

    pub fn strong(mut self) -> Self {
        self.strong = true;
        self
    }
}
