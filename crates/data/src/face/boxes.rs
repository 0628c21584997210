//! Crops by hand, for faces that no detector finds: a table `path,x,y,w,h`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf, absolute};

use faus_base::table::Table;
use faus_base::text::composed;
use serde::Deserialize;

use crate::error::Error;
use crate::picture::CropBox;
use crate::prepared::sample::Sample;
use crate::read::file::{ReadFile, read_bounded};
use crate::read::places::{Fit, Places};
use crate::read::source::RawSample;

/// Size limit of the table, in bytes.
const LIMIT: u64 = 64 << 20;
const COLUMNS: [&str; 5] = ["path", "x", "y", "w", "h"];
const EXPECTED: &str = "a table with the columns path,x,y,w,h in its first line, x, y, w and h in pixels of the original image";
/// Largest number of pixels read, which no image has.
const MOST: f64 = 1e9;

/// Boxes by path.
#[derive(Debug)]
pub(crate) struct Boxes {
    table: PathBuf,
    /// By path in the table, then of images in the data set.
    by_path: BTreeMap<String, CropBox>,
    /// Paths of the table that are no image of the data set.
    unknown: Vec<String>,
    /// The table, for the digest.
    pub read: ReadFile,
}

#[derive(Deserialize)]
struct Row {
    path: String,
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

impl Row {
    /// The box, its edges rounded to whole pixels.
    fn crop(&self) -> Result<CropBox, String> {
        let sizes = [self.x, self.y, self.w, self.h];
        let wrong = |(size, _): &(&f64, _)| !(0.0..=MOST).contains(*size);
        if let Some((size, name)) = sizes.iter().zip(&COLUMNS[1..]).find(wrong) {
            return Err(format!("{name} is {size}, not a number of pixels"));
        }
        if self.w <= 1.0 && self.h <= 1.0 {
            let reason = "w and h are at most 1: give pixels, not shares of the image";
            return Err(reason.to_owned());
        }
        let edges = |start: f64, length: f64| {
            let first = start.round();
            (first as u32, ((start + length).round() - first) as u32)
        };
        let ((x, w), (y, h)) = (edges(self.x, self.w), edges(self.y, self.h));
        Ok(CropBox { x, y, w, h })
    }
}

impl Boxes {
    /// Reads the table.
    ///
    /// # Errors
    /// [`Error::Layout`] for a table without these columns, with the line of a row that is not a path and four numbers
    /// of pixels, and for a path that occurs twice.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path, LIMIT)?;
        let wrong = |found: String| Error::layout(path, EXPECTED, found);
        let table = Table::open(&bytes).map_err(wrong)?;
        let columns = table.columns().clone();
        let missing = |name: &&&str| table.column(name).is_none();
        if let Some(name) = COLUMNS.iter().find(missing) {
            return Err(wrong(match table.listed() {
                names if names.is_empty() => "an empty file".to_owned(),
                names => format!("no column `{name}` in: {names}"),
            }));
        }
        let mut by_path = BTreeMap::new();
        for row in table.records() {
            let row = row.map_err(wrong)?;
            let value: Row = row.value(&columns).map_err(wrong)?;
            let in_line = |reason: String| wrong(format!("line {}: {reason}", row.line));
            let path = plain(&value.path);
            let again = format!("{path} again");
            let crop = value.crop().map_err(in_line)?;
            if by_path.insert(path, crop).is_some() {
                return Err(in_line(again));
            }
        }
        Ok(Self {
            table: path.to_path_buf(),
            by_path,
            unknown: Vec::new(),
            read: ReadFile::new("boxes", &bytes),
        })
    }

    /// Finds the images of the boxes in the data set at `root`: a path leads to the image, or names it as in `samples.csv` or
    /// in other tables ([`Places`]).
    ///
    /// # Errors
    /// [`Error::Layout`] for two boxes of one image.
    pub fn of_images(mut self, root: &Path, samples: &[RawSample]) -> Result<Self, Error> {
        let images = samples.iter().map(|raw| (plain(&raw.path), &raw.path));
        let images: HashMap<String, &String> = images.collect();
        let boxes = std::mem::take(&mut self.by_path);
        let near = Places::of(samples.iter().map(|raw| raw.path.as_str()));
        let near = near.find(boxes.keys().map(String::as_str));
        for ((path, place), near) in boxes.into_iter().zip(near) {
            let below = || images.get(&below(root, &path)?).copied();
            let near = near.filter(|(_, fit)| *fit < Fit::Elsewhere);
            let near = || Some(&samples.get(near?.0)?.path);
            let found = images.get(&path).copied().or_else(below).or_else(near);
            let Some(image) = found else {
                self.unknown.push(path);
                continue;
            };
            if self.by_path.insert(image.clone(), place).is_some() {
                let found = format!("a second box of the image {image}: {path}");
                return Err(Error::layout(&self.table, EXPECTED, found));
            }
        }
        Ok(self)
    }

    /// The box of an image of this size, `None` if it is not listed.
    ///
    /// # Errors
    /// [`Error::Parse`] if the box is empty or reaches outside the image.
    pub fn of(&self, path: &str, width: u32, height: u32) -> Option<Result<CropBox, Error>> {
        let place = *self.by_path.get(path)?;
        if place.is_within(width, height) {
            return Some(Ok(place));
        }
        let CropBox { x, y, w, h } = place;
        let reason =
            format!("its box {x},{y},{w},{h} is not inside the image of {width}×{height} pixels");
        Some(Err(Error::parse(reason)))
    }

    /// The table's file name.
    pub fn name(&self) -> String {
        let name = self.table.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Notes on the boxes used for these rows, and on those of no image.
    pub fn notes(&self, rows: &[Sample]) -> Vec<String> {
        let used = rows.iter().filter_map(|row| self.by_path.get(&row.path));
        let used: Vec<&CropBox> = used.collect();
        let stretched = used.iter().filter(|place| place.w != place.h).count();
        let (count, unknown) = (used.len(), self.unknown.len());
        let all = self.by_path.len() + unknown;
        let name = self.name();
        let mut notes = vec![format!("{count} of {all} boxes of {name} were used.")];
        if stretched > 0 {
            notes.push(format!(
                "{stretched} of the boxes used are not square: their faces are stretched to a square."
            ));
        }
        if let Some(first) = self.unknown.first() {
            notes.push(format!(
                "Boxes: {unknown} of {all} paths are no image of the data set, the first: {first} (expected are paths as \
                 in samples.csv)."
            ));
        }
        notes
    }
}

/// A path with `/` between its parts, without `.`, in canonical composition.
fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    let parts = path.split('/').enumerate();
    let parts = parts.filter(|(at, part)| *part != "." && (*at == 0 || !part.is_empty()));
    let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
    composed(&parts.join("/")).into_owned()
}

/// A path that leads to a file below `root`, relative to it.
fn below(root: &Path, path: &str) -> Option<String> {
    let path = Path::new(path);
    let relative = |root: PathBuf, path: PathBuf| {
        let inside = path.strip_prefix(root).ok()?;
        let clear = !inside.components().any(|part| part == Component::ParentDir);
        clear.then(|| plain(&inside.to_string_lossy()))
    };
    // Links, and folders like `..`, need the file system.
    let real = || relative(root.canonicalize().ok()?, path.canonicalize().ok()?);
    relative(absolute(root).ok()?, absolute(path).ok()?).or_else(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Boxes, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boxes.csv");
        std::fs::write(&path, text).unwrap();
        Boxes::open(&path)
    }

    fn of_images(text: &str, root: &Path, images: &[&str]) -> Result<Boxes, Error> {
        let samples = images.iter().map(|path| RawSample::labelled(path, 0));
        table(text)?.of_images(root, &samples.collect::<Vec<_>>())
    }

    fn place(boxes: &Boxes, path: &str) -> [u32; 4] {
        let CropBox { x, y, w, h } = boxes.of(path, 999, 999).unwrap().unwrap();
        [x, y, w, h]
    }

    #[test]
    fn boxes_are_read_and_checked() {
        let text = "path,x,y,w,h\na/1.png,1,2,30,40\nb.png,0,0,9,9\n";
        let boxes = of_images(text, Path::new("."), &["b.png", "a/1.png"]).unwrap();
        assert_eq!(place(&boxes, "a/1.png"), [1, 2, 30, 40]);
        let outside = boxes.of("a/1.png", 30, 42).unwrap().unwrap_err();
        assert!(outside.to_string().contains("1,2,30,40"), "{outside}");
        assert!(boxes.of("a/1.png", 31, 42).unwrap().is_ok());
        assert!(boxes.of("c.png", 99, 99).is_none());
    }

    #[test]
    fn dialects_and_decimals_are_read() {
        for text in [
            "path, x, y, w, h\nM\u{fc}/1.png, 1.4, 2.5, 30.3, 40\n",
            "\u{feff}Path;X;Y;W;H\r\nM\u{fc}/1.png;1.4;2.5;30.3;40.0\r\n",
            "h\tw\tpath\ty\tx\n40\t30.3\tMu\u{308}/1.png\t2.5\t1.4\n",
        ] {
            let boxes = of_images(text, Path::new("."), &["M\u{fc}/1.png"]).unwrap();
            assert_eq!(place(&boxes, "M\u{fc}/1.png"), [1, 3, 31, 40], "{text}");
        }
    }

    #[test]
    fn paths_lead_to_their_images() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("ck");
        std::fs::create_dir_all(root.join("S1/1")).unwrap();
        std::fs::write(root.join("S1/1/a.png"), "").unwrap();
        let absolute = root.join("S1/1/a.png");
        let around = root.join("../ck/S1/./1/a.png");
        for path in [
            "S1/1/a.png",
            "./S1//1/a.png",
            "S1\\1\\a.png",
            absolute.to_str().unwrap(),
            around.to_str().unwrap(),
            "a.png",
            "/elsewhere/ck/S1/1/a.png",
        ] {
            let boxes = of_images(
                &format!("path,x,y,w,h\n{path},1,2,3,4\n"),
                &root,
                &["S1/1/a.png"],
            );
            assert_eq!(place(&boxes.unwrap(), "S1/1/a.png"), [1, 2, 3, 4], "{path}");
        }
        let twice = format!(
            "path,x,y,w,h\nS1/1/a.png,1,2,3,4\n{},1,2,3,4\n",
            absolute.display()
        );
        let error = of_images(&twice, &root, &["S1/1/a.png"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a second box of the image S1/1/a.png"),
            "{error}"
        );
    }

    #[test]
    fn a_bad_table_is_named_with_its_row() {
        for (text, named) in [
            (
                "",
                "path,x,y,w,h in its first line, x, y, w and h in pixels of the original image; found an empty file",
            ),
            (
                "a.png,1,2,3,4\nb.png,1,2,3,4\n",
                "no column `path` in: a.png, 1, 2, 3, 4",
            ),
            ("path,x,y,w\na.png,1,2,3\n", "no column `h`"),
            ("path,x,y,w,h\na.png,1,2,3\n", "line 2: 4 cells"),
            ("path,x,y,w,h\na.png,1,2,-3,4\n", "line 2: w is -3"),
            (
                "path,x,y,w,h\na.png,1,2,3,4\nb.png,NaN,2,3,4\n",
                "line 3: x is NaN",
            ),
            ("path;x;y;w;h\na.png;1,5;2;3;4\n", "x `1,5` is not a number"),
            (
                "path,x,y,w,h\na.png,0.2,0.3,0.5,0.5\n",
                "line 2: w and h are at most 1",
            ),
            (
                "path,x,y,w,h\na.png,1,2,3,4\n./a.png,1,2,3,4\n",
                "line 3: a.png again",
            ),
        ] {
            let error = table(text).unwrap_err().to_string();
            assert!(
                error.contains("boxes.csv") && error.contains(named),
                "{error}"
            );
        }
    }
}
