//! A list of labels beside images: lines `path label` as RAF-DB's, or a table with such columns, and those of people and parts.

use std::collections::{HashMap, HashSet};

use faus_base::table::{PEOPLE, Table, place, plain_name};
use faus_base::text::{composed, plain};

use crate::fold::part::{PARTS, Part};
use crate::label::Expression;
use crate::label::text::brief;
use crate::read::name::split;
use crate::read::places::{Fit, Places};

/// Maximum size in bytes of a list: five million lines.
pub(super) const LIST_LIMIT: u64 = 1 << 30;
/// The names of the columns of a table.
const PATHS: &str = "path file filename image name img imagepath";
const LABELS: &str = "label class expression emotion labelname";

/// What the list tells of each path, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub entries: Vec<Entry>,
    /// The columns of people and of parts, where there are.
    pub subject: Option<String>,
    pub part: Option<String>,
}

/// A line or a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: String,
    pub label: String,
    /// Empty where there is no such column.
    pub subject: String,
    pub part: String,
}

impl List {
    /// Reads a list or a table.
    ///
    /// # Errors
    /// The line that is no path and label, or why the table cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = plain(bytes)?;
        // An opening bracket or brace.
        if matches!(text.trim_start().bytes().next(), Some(0x5b | 0x7b)) {
            return Err(format!("JSON, not a list: {LINES}"));
        }
        let list = match Table::open(bytes) {
            Ok(table) => match (
                place(table.columns(), PATHS),
                place(table.columns(), LABELS),
            ) {
                (Some(path), Some(label)) => Self::rows(table, path, label)?,
                (Some(_), None) if classes(&table) > 1 => {
                    return Err(format!("a column for each class: {LINES}"));
                }
                _ => Self::lines(text)?,
            },
            Err(fault) => match Self::lines(text)? {
                // A header, so that this is a table.
                Self { entries, .. } if entries.first().is_some_and(|e| is_column(&e.label)) => {
                    return Err(fault);
                }
                list => list,
            },
        };
        if list.entries.is_empty() {
            return Err("an empty list of labels".to_owned());
        }
        list.check_repeated()?;
        Ok(list)
    }

    /// Refuses two entries of one path that differ.
    fn check_repeated(&self) -> Result<(), String> {
        let mut known: HashMap<&str, &Entry> = HashMap::new();
        for entry in &self.entries {
            let first = *known.entry(&entry.path).or_insert(entry);
            let fields = [
                ("labels", &first.label, &entry.label),
                ("people", &first.subject, &entry.subject),
                ("parts", &first.part, &entry.part),
            ];
            if let Some((what, one, other)) = fields.iter().find(|(_, one, other)| one != other) {
                let path = &entry.path;
                return Err(format!(
                    "'{path}' has two {what}, {one} and {other}: remove one"
                ));
            }
        }
        Ok(())
    }

    /// The part that an entry names.
    ///
    /// # Errors
    /// Its text, where it names none while others do.
    pub fn part(&self, entry: &Entry) -> Result<Option<Part>, String> {
        match Part::from_name(&entry.part) {
            None if self.part.is_some() && !entry.part.is_empty() => Err(format!(
                "images whose part in the list is '{}', not train, validation or test",
                brief(&entry.part)
            )),
            part => Ok(part),
        }
    }

    /// The file names, without a folder, of the entries that found no image.
    pub fn lost_names(&self, entries: &Entries) -> HashSet<&str> {
        let paths = entries
            .missing
            .iter()
            .map(|at| self.entries[*at].path.as_str());
        paths.filter(|path| split(path).0.is_empty()).collect()
    }

    /// The entries of images.
    pub fn entries_of<'a>(&self, paths: impl Iterator<Item = &'a str> + Clone) -> Entries {
        let named = self.entries.iter().map(|entry| entry.path.as_str());
        let images = Places::of(paths.clone()).find(named);
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
    let mut names = PATHS.split(' ').chain(LABELS.split(' '));
    names.any(|column| column == name)
}

/// How a list is written.
const LINES: &str =
    "write a line for each image, 'train_00001.jpg 5', or a table with the columns path and label";

/// How many columns are named after a class.
fn classes(table: &Table<'_>) -> usize {
    let columns = table.columns().iter();
    columns.filter_map(Expression::from_name).count()
}

impl List {
    fn rows(table: Table<'_>, path: usize, label: usize) -> Result<Self, String> {
        let columns = table.columns().clone();
        let [subject, part] = [PEOPLE, PARTS].map(|names| place(&columns, names));
        let rows = table.records().map(|row| {
            let cells = row?.cells;
            let cell = |at: usize| cells.get(at).unwrap_or_default();
            let text =
                |at: Option<usize>| at.map_or(String::new(), |at| composed(cell(at)).into_owned());
            let (subject, part) = (text(subject), text(part));
            Ok(Entry {
                subject,
                part,
                ..entry(cell(path), cell(label))
            })
        });
        let entries = rows.collect::<Result<Vec<_>, String>>()?;
        let name = |at: usize| columns[at].to_owned();
        let known = entries
            .iter()
            .any(|entry| Part::from_name(&entry.part).is_some());
        Ok(Self {
            entries,
            subject: subject.map(name),
            part: part.filter(|_| known).map(name),
        })
    }

    /// Lines without a header: the label is the last word, or what follows the last comma, semicolon or tab.
    fn lines(text: &str) -> Result<Self, String> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|(number, line)| {
            let split = line.rsplit_once([',', ';', '\t']);
            let split = split.or_else(|| line.rsplit_once(char::is_whitespace));
            let split = split.filter(|(path, label)| !path.trim().is_empty() && !label.is_empty());
            let (path, label) =
                split.ok_or_else(|| format!("line {number}: no path and label: {LINES}"))?;
            Ok(entry(path, label))
        });
        let entries = entries.collect::<Result<Vec<_>, String>>()?;
        Ok(Self {
            entries,
            ..Self::default()
        })
    }
}

fn entry(path: &str, label: &str) -> Entry {
    let path = composed(path.trim().trim_matches('"')).replace('\\', "/");
    Entry {
        path: path.trim_start_matches("./").to_owned(),
        label: label.trim().trim_matches('"').to_owned(),
        subject: String::new(),
        part: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let list = List::read(text.as_bytes()).unwrap();
        let pair = |entry: Entry| (entry.path, entry.label);
        list.entries.into_iter().map(pair).collect()
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
    fn what_is_no_list_says_so() {
        for (text, what) in [
            ("[{\"path\": \"a.png\"}]", "JSON, not a list"),
            (
                "image,anger,Happy,sad\na.png,0,1,0\n",
                "a column for each class",
            ),
            (
                "path,label,subject\na,1,KA\na,1,KL\n",
                "two people, KA and KL",
            ),
        ] {
            let error = List::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
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
