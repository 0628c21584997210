//! Tables, built column by column: each column is defined by its name and its cells.

use super::text::{decimal, interval, or_dash, p_value, percent, percent_interval, when};
use crate::plot::Download;
use crate::plot::numbers::csv_text;
use crate::run::people::{Interval, Method};
use crate::run::value::au_label;

/// Maximum number of rows without scrolling inside the table.
const SHORT: usize = 25;

/// A table; the first cell of a row names it.
#[derive(Default)]
pub(crate) struct Table {
    pub label: String,
    /// Names of the columns; `true` marks words, flush left, instead of numbers.
    pub columns: Vec<(String, bool)>,
    pub rows: Vec<Vec<Cell>>,
    /// Whether the last row sums up the rows above.
    pub total: bool,
    /// Heading above the table.
    pub note: String,
    /// Sorted by a click on a column head, if scripts run.
    pub sortable: bool,
    /// Whether it scrolls inside itself.
    pub tall: bool,
    /// Its numbers as a file.
    pub csv: Vec<Download>,
}

/// A table being built, with a row for each of some items.
pub(crate) struct TableOf<R> {
    items: Vec<R>,
    table: Table,
}

impl<R> TableOf<R> {
    pub fn new(label: &str, items: impl IntoIterator<Item = R>) -> Self {
        let items: Vec<R> = items.into_iter().collect();
        let table = Table {
            label: label.to_owned(),
            rows: items.iter().map(|_| vec![]).collect(),
            tall: items.len() > SHORT,
            ..Table::default()
        };
        Self { items, table }
    }

    /// Adds a column of numbers.
    pub fn numbers<C: Into<Cell>>(self, name: impl Into<String>, cell: impl Fn(&R) -> C) -> Self {
        self.column(name.into(), false, cell)
    }

    /// Adds a column of words.
    pub fn words<C: Into<Cell>>(self, name: impl Into<String>, cell: impl Fn(&R) -> C) -> Self {
        self.column(name.into(), true, cell)
    }

    fn column<C: Into<Cell>>(mut self, name: String, words: bool, cell: impl Fn(&R) -> C) -> Self {
        self.table.columns.push((name, words));
        for (row, item) in self.table.rows.iter_mut().zip(&self.items) {
            row.push(cell(item).into());
        }
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.table.note = note.into();
        self
    }

    pub fn sortable(mut self) -> Self {
        self.table.sortable = true;
        self
    }

    /// Scrolls inside itself, even with few rows.
    pub fn tall(mut self) -> Self {
        self.table.tall = true;
        self
    }
}

impl<R> From<TableOf<R>> for Table {
    fn from(built: TableOf<R>) -> Self {
        built.table
    }
}

impl Table {
    /// Its cells as CSV.
    pub fn to_csv(&self) -> String {
        let columns = self.columns.iter();
        let names = columns.map(|(name, _)| name.replace('\u{a0}', " "));
        let texts =
            |row: &Vec<Cell>| -> Vec<String> { row.iter().map(|c| c.text.clone()).collect() };
        csv_text(names, self.rows.iter().map(texts))
    }
}

/// A cell of a table.
#[derive(Default)]
pub(crate) struct Cell {
    pub text: String,
    /// Sort key, if other than the text.
    pub order: Option<f64>,
    /// Number of the filter that it links to.
    pub filter: Option<u64>,
    pub strong: bool,
    pub remark: String,
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

    /// A number with `digits` decimals.
    pub fn decimal(value: Option<f64>, digits: usize) -> Self {
        Self::number(decimal(value, digits), value)
    }

    /// A whole number.
    pub fn count(value: impl Into<Option<u64>>) -> Self {
        let value = value.into();
        Self::number(or_dash(value), value.map(|n| n as f64))
    }

    /// A share as percent.
    pub fn percent(value: Option<f64>) -> Self {
        Self::number(percent(value), value)
    }

    /// An interval of a share; its remark says if it is not a bootstrap's.
    pub fn share_interval(interval: Option<Interval>) -> Self {
        let wilson = interval.is_some_and(|of| of.method == Method::Wilson);
        let cell = Self::from(percent_interval(interval.map(|of| of.ends)));
        cell.remark(when(wilson, "Wilson"))
    }

    /// A p or q value.
    pub fn p(value: Option<f64>) -> Self {
        Self::number(p_value(value), value)
    }

    /// An action unit with its name, sorted by its number.
    pub fn au(au: u64) -> Self {
        Self::number(au_label(au), Some(au as f64))
    }

    /// A filter's number, which links to it in the explorer.
    pub fn filter(number: u64) -> Self {
        Self {
            filter: Some(number),
            ..Self::count(number)
        }
    }

    /// Adds an interval below it, on one line.
    pub fn with_interval(self, ends: Option<(f64, f64)>, digits: usize) -> Self {
        let ends = ends.map(|ends| interval(Some(ends), digits).replace(' ', "\u{a0}"));
        self.remark(ends.unwrap_or_default())
    }

    /// Adds a remark below it.
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    pub fn strong_if(mut self, strong: bool) -> Self {
        self.strong = strong;
        self
    }
}
