//! A list of labels beside images: lines `path label` as RAF-DB's, or a table with such columns.

use std::collections::HashMap;

use faus_base::table::{Table, place, plain_name};
use faus_base::text::{composed, plain};

use crate::read::places::{Fit, Places};

/// Maximum size in bytes of a list: five million lines.
pub(super) const LIST_LIMIT: u64 = 1 << 30;
/// The names of the columns of a table.
const PATHS: &str = "path file filename image name img imagepath";
const LABELS: &str = "label class expression emotion labelname";

/// The label of each path, in the order of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    pub entries: Vec<(String, String)>,
}

impl List {
    /// Reads a list or a table.
    ///
    /// # Errors
    /// The line that is no path and label, or why the table cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = plain(bytes)?;
        let entries = match Table::open(bytes) {
            Ok(table) => match (
                place(table.columns(), PATHS),
                place(table.columns(), LABELS),
            ) {
                (Some(path), Some(label)) => rows(table, path, label)?,
                _ => lines(text)?,
            },
            Err(fault) => match lines(text)? {
                // A header, so that this is a table.
                entries if entries.first().is_some_and(|first| is_column(&first.1)) => {
                    return Err(fault);
                }
                entries => entries,
            },
        };
        if entries.is_empty() {
            return Err("an empty list of labels".to_owned());
        }
        let mut labels = HashMap::new();
        for (path, label) in &entries {
            let first = *labels.entry(path).or_insert(label);
            if first != label {
                return Err(format!(
                    "'{path}' has two labels, {first} and {label}: remove one"
                ));
            }
        }
        Ok(Self { entries })
    }

    /// The entries of images.
    pub fn entries_of<'a>(&self, paths: impl Iterator<Item = &'a str> + Clone) -> Entries {
        let images =
            Places::of(paths.clone()).find(self.entries.iter().map(|(path, _)| path.as_str()));
        let mut entries = Entries {
            of_images: vec![None; paths.count()],
            missing: vec![],
            elsewhere: 0,
        };
        for (entry, image) in images.into_iter().enumerate() {
            match image {
                Some((image, fit)) => {
                    entries.of_images[image] = Some(entry);
                    entries.elsewhere += usize::from(fit == Fit::Elsewhere);
                }
                None => entries.missing.push(entry),
            }
        }
        entries
    }
}

/// The entries that belong to images ([`Places`]).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entries {
    /// Of each image.
    pub of_images: Vec<Option<usize>>,
    /// Without an image.
    pub missing: Vec<usize>,
    /// How many name their image by its file name alone, in another folder.
    pub elsewhere: usize,
}

fn is_column(name: &str) -> bool {
    let name = plain_name(name);
    [PATHS, LABELS]
        .iter()
        .any(|names| names.split(' ').any(|column| column == name))
}

fn rows(table: Table<'_>, path: usize, label: usize) -> Result<Vec<(String, String)>, String> {
    let rows = table.records().map(|row| {
        let cells = row?.cells;
        let cell = |at: usize| cells.get(at).unwrap_or_default();
        Ok(entry(cell(path), cell(label)))
    });
    rows.collect()
}

/// Lines without a header: the label is the last word, or what follows the last comma, semicolon or tab.
fn lines(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let entries = lines.map(|(number, line)| {
        let split = line.rsplit_once([',', ';', '\t']);
        let split = split.or_else(|| line.rsplit_once(char::is_whitespace));
        let split = split.filter(|(path, label)| !path.trim().is_empty() && !label.is_empty());
        let (path, label) = split.ok_or_else(|| {
            format!("line {number}: expected a path and a label, 'train_00001.jpg 5', or a table with the columns path and label")
        })?;
        Ok(entry(path, label))
    });
    entries.collect()
}

fn entry(path: &str, label: &str) -> (String, String) {
    let path = composed(path.trim().trim_matches('"')).replace('\\', "/");
    let path = path.trim_start_matches("./").to_owned();
    (path, label.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String)> {
        List::read(text.as_bytes()).unwrap().entries
    }

    #[test]
    fn lists_and_tables_of_any_dialect_say_the_same() {
        let expected: Vec<_> = [("a b.jpg", "5"), ("x/c.png", "happy")]
            .map(|(path, label)| (path.to_owned(), label.to_owned()))
            .into();
        for text in [
            "a b.jpg 5\nx/c.png happy\n",
            "\u{feff}a b.jpg,5\r\n.\\x\\c.png,happy\r\n\r\n",
            "# faces\na b.jpg\t5\nx/c.png\thappy",
            "Label;id;Image\n5;1;a b.jpg\nhappy;2;x/c.png\n",
            "path,label\n\"a b.jpg\",5\nx/c.png,\"happy\"\n",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let error = List::read(b"a.jpg 5\nb.jpg\n").unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(List::read(b"").is_err());
        let error = List::read(b"a.jpg 5\nb.jpg 5\na.jpg 6\n").unwrap_err();
        assert!(error.contains("'a.jpg' has two labels, 5 and 6"), "{error}");
    }

    #[test]
    fn entries_find_their_images() {
        let list =
            List::read(b"train_1.jpg 5\nb/x.png 1\na/x.png 2\nx.png 3\ngone.jpg 4\n").unwrap();
        let paths = ["aligned/train_1_aligned.jpg", "a/x.png", "b/x.png", "y.png"];
        let found = list.entries_of(paths.into_iter());
        assert_eq!(found.of_images, [Some(0), Some(2), Some(1), None]);
        assert_eq!((found.missing, found.elsewhere), (vec![3, 4], 0));
        let found = list.entries_of(["c/gone.jpg", "c/x.png"].into_iter());
        assert_eq!(found.of_images, [Some(4), Some(3)]);
    }

    #[test]
    fn a_doubled_column_is_refused() {
        for text in ["path,label,Label\na,1,2\n", "label;path;path\n1;a;b\n"] {
            let error = List::read(text.as_bytes()).unwrap_err();
            assert!(error.contains("occurs twice"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = List::read(text.as_bytes());
        }
    }
}
