//! The npy files of a prepared data set.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Result as IoResult, Seek, Write};
use std::path::Path;

use memmap2::Mmap;
use npyz::{NpyHeader, Order, WriterBuilder};

use crate::error::Error;
use crate::fold::part::Part;

/// Maximum size of an npy header, in bytes.
const HEADER_LIMIT: u64 = 64 << 10;
/// Maximum number of images that a header has room for: more than any disk holds, without overflowing the array's
/// length in bytes.
const MOST_IMAGES: u64 = 1 << 40;

/// Writes `[N, 1, side, side]` u8 image by image; N is known only at the end.
pub(super) struct ImagesWriter {
    file: BufWriter<File>,
    side: usize,
    count: u64,
}

impl ImagesWriter {
    pub fn create(path: &Path, side: usize) -> IoResult<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        // npyz pads headers to 64 bytes, and the padding has room for any number of images, so the final header has the
        // same length.
        file.write_all(&images_header(MOST_IMAGES, side)?)?;
        let count = 0;
        Ok(Self { file, side, count })
    }

    pub fn push(&mut self, image: &[u8]) -> IoResult<()> {
        self.count += 1;
        self.file.write_all(image)
    }

    pub fn finish(mut self) -> IoResult<()> {
        self.file.rewind()?;
        let header = images_header(self.count, self.side)?;
        self.file.write_all(&header)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

fn images_header(count: u64, side: usize) -> IoResult<Vec<u8>> {
    let shape = [count, 1, side as u64, side as u64];
    npyz::WriteOptions::<u8>::new()
        .default_dtype()
        .shape(&shape)
        .writer(Vec::new())
        .write_header_only()
}

/// `images.npy`, mapped into memory.
pub(super) struct Images {
    map: Mmap,
    offset: usize,
    pub count: usize,
    pub side: usize,
}

impl Images {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut start = (&file).take(HEADER_LIMIT);
        let header = NpyHeader::from_reader(&mut start)
            .map_err(|error| Error::not_prepared(path, format!("no npy header: {error}")))?;
        let offset = HEADER_LIMIT - start.limit();
        let length = file.metadata().map_err(Error::io(path))?.len();
        let (count, side) = images_shape(&header, length.saturating_sub(offset))
            .map_err(|reason| Error::not_prepared(path, reason))?;
        #[allow(unsafe_code)]
        // SAFETY: a map is sound while nobody changes the file. A prepared data set is renamed into place when complete
        // and never written again; we only ever replace it as a folder, which leaves mapped files alone.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io(path))?;
        Ok(Self {
            map,
            offset: offset as usize,
            count,
            side,
        })
    }

    pub fn get(&self, index: usize) -> &[u8] {
        let bytes = self.side * self.side;
        &self.map[self.offset + index * bytes..][..bytes]
    }
}

/// Number and side of the images of an array that holds `length` bytes.
fn images_shape(header: &NpyHeader, length: u64) -> Result<(usize, usize), String> {
    let (dtype, shape) = (header.dtype().descr(), header.shape());
    let &[count, 1, height, width] = shape else {
        return Err(format!("expected shape [N, 1, H, W], found {shape:?}"));
    };
    let square = height == width && height > 0;
    if !square || header.order() != Order::C || dtype != "'|u1'" {
        return Err(format!(
            "expected square u8 images in C order, found {shape:?} of {dtype}"
        ));
    }
    let image = height.checked_mul(width);
    if image.and_then(|image| image.checked_mul(count)) != Some(length) {
        return Err(format!(
            "{length} bytes do not hold shape {shape:?}: the file is cut off"
        ));
    }
    Ok((count as usize, height as usize))
}

/// Reads a one-dimensional i64 array of exactly `count` values.
pub(super) fn read_i64(path: &Path, count: usize) -> Result<Vec<i64>, Error> {
    read_shaped(path, &[count as u64])
}

/// Reads given splits, `[count, splits]` i64, row by row.
pub(super) fn read_parts(path: &Path, count: usize, splits: usize) -> Result<Vec<Part>, Error> {
    let numbers = read_shaped(path, &[count as u64, splits as u64])?;
    let part = |number| {
        Part::from_number(number).ok_or_else(|| {
            let reason = format!("{number} is not a part of a split: use 0 to 3");
            Error::not_prepared(path, reason)
        })
    };
    numbers.into_iter().map(part).collect()
}

fn read_shaped(path: &Path, shape: &[u64]) -> Result<Vec<i64>, Error> {
    let wrong = |error: std::io::Error| Error::not_prepared(path, error.to_string());
    let mut reader = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let header = NpyHeader::from_reader((&mut reader).take(HEADER_LIMIT)).map_err(wrong)?;
    let found = header.shape();
    if found != shape || header.order() != Order::C {
        return Err(Error::not_prepared(
            path,
            format!(
                "expected shape {shape:?} in C order as in images.npy and dataset.json, found {found:?}"
            ),
        ));
    }
    let data = npyz::NpyFile::with_header(header, reader);
    data.into_vec().map_err(wrong)
}
