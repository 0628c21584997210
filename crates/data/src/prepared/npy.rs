//! The npy files of a prepared data set.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Result as IoResult, Seek};
use std::path::Path;

use memmap2::Mmap;
use npyz::{NpyFile, NpyHeader, Order, WriterBuilder};

use crate::error::Error;

/// Maximum size of an npy header, in bytes.
const HEADER_LIMIT: u64 = 64 << 10;
/// Maximum number of images that a header has room for: more than any disk holds, without overflowing the array's
/// length in bytes.
pub(super) const MOST_IMAGES: u64 = 1 << 40;

/// Writes the header of `[count, 1, side, side]` u8 at the start of the file. npyz pads headers to 64 bytes, which have
/// room for [`MOST_IMAGES`], so the header is of the same length for any number of images.
pub(super) fn write_header(file: &mut BufWriter<File>, count: u64, side: usize) -> IoResult<()> {
    file.rewind()?;
    let shape = [count, 1, side as u64, side as u64];
    let options = npyz::WriteOptions::<u8>::new().default_dtype();
    options.shape(&shape).writer(file).write_header_only()?;
    Ok(())
}

/// Opens an array: its header, and the file behind the header with its offset.
fn open(path: &Path) -> Result<(NpyHeader, File, u64), Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut start = (&file).take(HEADER_LIMIT);
    let wrong = |error| Error::not_prepared(path, format!("no npy header: {error}"));
    let header = NpyHeader::from_reader(&mut start).map_err(wrong)?;
    let offset = HEADER_LIMIT - start.limit();
    Ok((header, file, offset))
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
        let (header, file, offset) = open(path)?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        let shape = images_shape(&header, length.saturating_sub(offset));
        let (count, side) = shape.map_err(|reason| Error::not_prepared(path, reason))?;
        #[allow(unsafe_code)]
        // SAFETY: a map is sound while nobody changes the file. A prepared data set is renamed into place when complete
        // and never written again; we only ever replace it as a folder, which leaves mapped files alone.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io(path))?;
        let offset = offset as usize;
        Ok(Self {
            map,
            offset,
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
pub(crate) fn images_shape(header: &NpyHeader, length: u64) -> Result<(usize, usize), String> {
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

/// Reads an i64 array of exactly this shape, row by row.
pub(super) fn read_i64(path: &Path, shape: &[usize]) -> Result<Vec<i64>, Error> {
    let (header, file, _) = open(path)?;
    let found = header.shape().iter().map(|&n| n as usize);
    if !found.eq(shape.iter().copied()) || header.order() != Order::C {
        let found = header.shape();
        let reason = format!(
            "expected shape {shape:?} in C order as in images.npy and dataset.json, found {found:?}"
        );
        return Err(Error::not_prepared(path, reason));
    }
    let array = NpyFile::with_header(header, BufReader::new(file));
    let wrong = |error: std::io::Error| Error::not_prepared(path, error.to_string());
    array.into_vec().map_err(wrong)
}
