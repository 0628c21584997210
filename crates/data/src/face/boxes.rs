//! Crops by hand, for faces that no detector finds: a table `path,x,y,w,h`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use faus_base::table::Table;
use faus_base::text::composed;
use serde::Deserialize;

use crate::error::Error;
use crate::picture::CropBox;
use crate::read::file::{ReadFile, read_bounded};
use crate::read::source::RawSample;

/// Size limit of the table, in bytes.
const LIMIT: u64 = 64 << 20;

/// Boxes by image path.
#[derive(Debug)]
pub(crate) struct Boxes {
    by_path: HashMap<String, CropBox>,
    /// The table, for the digest.
    pub read: ReadFile,
}

#[derive(Deserialize)]
struct Row {
    path: String,
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

impl Boxes {
    /// Reads the table.
    ///
    /// # Errors
    /// [`Error::Layout`] with the line of a row that is not a path and four whole numbers, or the path that occurs twice.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path, LIMIT)?;
        let wrong = |found: String| Error::layout(path, "rows path,x,y,w,h with a header", found);
        let table = Table::open(&bytes).map_err(wrong)?;
        let columns = table.columns().clone();
        let mut by_path = HashMap::new();
        for row in table.records() {
            let row = row.map_err(wrong)?;
            let line = row.line;
            let Row { path, x, y, w, h } = row.value(&columns).map_err(wrong)?;
            if by_path
                .insert(path.clone(), CropBox { x, y, w, h })
                .is_some()
            {
                return Err(wrong(format!("{path} again in line {line}")));
            }
        }
        let read = ReadFile::new("boxes", &bytes);
        Ok(Self { by_path, read })
    }

    /// The box of an image of this size, `None` if it is not listed.
    ///
    /// # Errors
    /// [`Error::Parse`] if the box is empty or reaches outside the image.
    pub fn of(&self, path: &str, width: u32, height: u32) -> Option<Result<CropBox, Error>> {
        let place = *self.by_path.get(&*composed(path))?;
        let outside = || {
            let CropBox { x, y, w, h } = place;
            Error::parse(format!(
                "its box {x},{y},{w},{h} is not inside the image of {width}×{height} pixels"
            ))
        };
        Some(match place.is_within(width, height) {
            true => Ok(place),
            false => Err(outside()),
        })
    }

    /// A remark on boxes of images that the data set lacks; `None` if every box has its image.
    pub fn unused(&self, samples: &[RawSample]) -> Option<String> {
        let known: HashSet<_> = samples.iter().map(|raw| composed(&raw.path)).collect();
        let unknown = |path: &&String| !known.contains(path.as_str());
        let unused: BTreeSet<&String> = self.by_path.keys().filter(unknown).collect();
        let (count, all, first) = (unused.len(), self.by_path.len(), unused.first()?);
        let what = "paths are no image of the data set, the first";
        Some(format!("Boxes: {count} of {all} {what}: {first}."))
    }
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

    #[test]
    fn boxes_are_read_and_checked() {
        let boxes = table("path,x,y,w,h\na/1.png,1,2,30,40\nb.png,0,0,9,9\n").unwrap();
        let place = CropBox {
            x: 1,
            y: 2,
            w: 30,
            h: 40,
        };
        assert_eq!(boxes.of("a/1.png", 31, 42).unwrap().unwrap(), place);
        let outside = boxes
            .of("a/1.png", 30, 42)
            .unwrap()
            .unwrap_err()
            .to_string();
        assert!(outside.contains("1,2,30,40"), "{outside}");
        assert!(boxes.of("c.png", 99, 99).is_none());
        let german = table("sep=;\nPath;X;Y;W;H\nMu\u{308}ller.png;0;0;9;9\n").unwrap();
        assert!(german.of("M\u{fc}ller.png", 9, 9).is_some());
        let samples = ["b.png", "a/1.png"].map(|path| RawSample::labelled(path, 0));
        let unused = boxes.unused(&samples[..1]).unwrap();
        assert!(
            unused.contains("1 of 2") && unused.contains("a/1.png"),
            "{unused}"
        );
        assert_eq!(boxes.unused(&samples), None);
    }

    #[test]
    fn a_bad_row_is_named() {
        for (text, named) in [
            ("path,x,y,w,h\na.png,1,2,3\n", "line 2"),
            ("path,x,y,w,h\na.png,1,2,-3,4\n", "line 2"),
            (
                "path,x,y,w,h\na.png,1,2,3,4\na.png,1,2,3,4\n",
                "a.png again in line 3",
            ),
            ("file,x,y,w,h\na.png,1,2,3,4\n", "path"),
            ("path,x,y,w,h,X\na.png,1,2,3,4,5\n", "`x` occurs twice"),
        ] {
            let error = table(text).unwrap_err().to_string();
            assert!(
                error.contains("boxes.csv") && error.contains(named),
                "{error}"
            );
        }
    }
}
