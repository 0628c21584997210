//! A data set whose images are held in memory: TFD, and the authors' arrays.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::label::ClassMap;
use crate::read::source::{Fetched, RawImage, RawSample, Scan, Source};

/// Limit of the images held, in bytes: TFD's labelled ones take 39 MB at 96×96, all of them 943 MB.
pub(crate) const IMAGES_LIMIT: u128 = 1 << 30;

/// Images in memory with their scan.
#[derive(Debug, Clone)]
pub struct Held {
    pub(crate) name: &'static str,
    pub(crate) root: PathBuf,
    pub(crate) classes: ClassMap,
    pub(crate) scan: Scan,
    /// The images of the scan, `[rows, side, side]`.
    pub(crate) pixels: Vec<u8>,
    pub(crate) side: u32,
}

impl Held {
    /// Where image `number` of the scan is.
    pub(crate) fn image(number: u64, side: u64) -> RawImage {
        let length = side * side;
        let at = number * length;
        RawImage::Stored { at, length }
    }
}

impl Source for Held {
    fn name(&self) -> &str {
        self.name
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(self.scan.clone())
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let pixels = match sample.image {
            RawImage::Stored { at, length } => self
                .pixels
                .get(at as usize..)
                .and_then(|from| from.get(..length as usize)),
            RawImage::File => None,
        };
        let pixels = pixels.ok_or_else(|| Error::parse("not an image of this source"))?;
        Fetched::pixels(self.side, self.side, pixels.to_vec())
    }
}
