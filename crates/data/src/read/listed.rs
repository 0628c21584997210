//! A data set whose images were listed when it was opened: files of a tree, rows of a table, or pixels in memory.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::read::ck_plus::SYNTHETIC_MARK;
use crate::read::pixel_csv::Pixels;
use crate::read::source::{Fetched, RawImage, RawSample, Scan, Source};
use crate::read::tree::FileTree;

/// A data set that was listed when it was opened.
#[derive(Debug, Clone)]
pub struct Listed {
    pub(crate) name: &'static str,
    pub(crate) root: PathBuf,
    pub(crate) classes: Vec<String>,
    pub(crate) scan: Scan,
    pub(crate) images: Images,
    pub(crate) au_threshold: Option<u8>,
}

/// Where the images are.
#[derive(Debug, Clone)]
pub(crate) enum Images {
    Files(FileTree),
    Table(Pixels),
    /// Their side, and the images of the scan, `[rows, side, side]`.
    Held(u32, Vec<u8>),
}

impl Listed {
    /// The image files of a tree.
    pub(crate) fn files(
        name: &'static str,
        tree: FileTree,
        classes: Vec<String>,
        scan: Scan,
    ) -> Self {
        Self {
            name,
            root: tree.root().to_path_buf(),
            classes,
            scan,
            images: Images::Files(tree),
            au_threshold: None,
        }
    }
}

impl Source for Listed {
    fn name(&self) -> &str {
        self.name
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn synthetic(&self) -> bool {
        matches!(&self.images, Images::Files(tree) if tree.is_file(SYNTHETIC_MARK))
    }

    fn au_threshold(&self) -> Option<u8> {
        self.au_threshold
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.clone()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(self.scan.clone())
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let (side, pixels) = match (&self.images, &sample.image) {
            (Images::Files(tree), _) => return Fetched::file(tree, &sample.path),
            (Images::Table(pixels), image) => return pixels.fetch(image),
            (Images::Held(side, pixels), &RawImage::Stored { at, length }) => {
                let from = pixels.get(at as usize..);
                (*side, from.and_then(|from| from.get(..length as usize)))
            }
            (Images::Held(side, _), RawImage::File) => (*side, None),
        };
        let pixels = pixels.ok_or_else(|| Error::parse("not an image of this source"))?;
        Fetched::pixels(side, side, pixels.to_vec())
    }
}
