//! The two kinds of npy file of a prepared data set, through `npyz`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use npyz::{NpyHeader, Order, WriterBuilder};

use crate::error::Error;
use crate::fold::part::Part;

/// Most bytes of an npy header that are looked at.
const HEADER_LIMIT: u64 = 64 << 10;

/// Writes `[N, 1, side, side]` u8 image by image, N being known only at the end.
pub(super) struct ImagesWriter {
    path: PathBuf,
    file: BufWriter<File>,
    side: usize,
    count: u64,
    header: usize,
}

impl ImagesWriter {
    pub fn create(path: PathBuf, side: usize) -> Result<Self, Error> {
        let mut file =
            BufWriter::with_capacity(1 << 20, File::create(&path).map_err(Error::io(&path))?);
        // npyz pads headers to 64 bytes, and any number of images fits the padding, so the final header takes this
        // one's place.
        let header = images_header(MOST_IMAGES, side).map_err(Error::io(&path))?;
        file.write_all(&header).map_err(Error::io(&path))?;
        Ok(Self {
            path,
            file,
            side,
            count: 0,
            header: header.len(),
        })
    }

    pub fn push(&mut self, image: &[u8]) -> Result<(), Error> {
        self.count += 1;
        self.file.write_all(image).map_err(Error::io(&self.path))
    }

    pub fn finish(mut self) -> Result<(), Error> {
        let header = images_header(self.count, self.side).map_err(Error::io(&self.path))?;
        if header.len() != self.header {
            let reason = format!(
                "header of {} bytes instead of {}",
                header.len(),
                self.header
            );
            return Err(Error::NotPrepared {
                path: self.path,
                reason,
            });
        }
        let path = &self.path;
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(Error::io(path))?;
        self.file.write_all(&header).map_err(Error::io(path))?;
        self.file.flush().map_err(Error::io(path))?;
        self.file.get_ref().sync_all().map_err(Error::io(path))
    }
}

/// Room that the header keeps for the number of images, which is known at the end only: more than any disk holds, and
/// small enough that the array's length in bytes is still a number.
const MOST_IMAGES: u64 = 1 << 40;

fn images_header(count: u64, side: usize) -> std::io::Result<Vec<u8>> {
    let shape = [count, 1, side as u64, side as u64];
    npyz::WriteOptions::<u8>::new()
        .default_dtype()
        .shape(&shape)
        .writer(Vec::new())
        .write_header_only()
}

/// Writes a one-dimensional i64 array.
pub(super) fn write_i64(path: &Path, values: &[i64]) -> Result<(), Error> {
    write(path, &[values.len() as u64], values.iter().copied())
}

/// Writes given splits, `[rows, splits]` i64 by TFD's numbers.
pub(super) fn write_parts(path: &Path, rows: usize, parts: &[Part]) -> Result<(), Error> {
    let splits = parts.len() / rows.max(1);
    let shape = [rows as u64, splits as u64];
    write(path, &shape, parts.iter().map(|part| *part as i64))
}

/// Writes an array of any shape to a file of its own, atomically.
pub(crate) fn write_atomically(
    path: &Path,
    shape: &[u64],
    values: impl IntoIterator<Item = f32>,
) -> Result<(), Error> {
    let mut file = atomic_write_file::AtomicWriteFile::open(path).map_err(Error::io(path))?;
    write_to(&mut file, shape, values).map_err(Error::io(path))?;
    file.commit().map_err(Error::io(path))
}

fn write<T: npyz::Serialize + npyz::AutoSerialize>(
    path: &Path,
    shape: &[u64],
    values: impl IntoIterator<Item = T>,
) -> Result<(), Error> {
    let mut file = File::create(path).map_err(Error::io(path))?;
    write_to(&mut file, shape, values).map_err(Error::io(path))?;
    file.sync_all().map_err(Error::io(path))
}

fn write_to<T: npyz::Serialize + npyz::AutoSerialize>(
    file: &mut impl Write,
    shape: &[u64],
    values: impl IntoIterator<Item = T>,
) -> std::io::Result<()> {
    let mut buffered = BufWriter::new(file);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(&mut buffered)
        .begin_nd()?;
    writer.extend(values)?;
    writer.finish()?;
    buffered.flush()
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
        let wrong = |reason: String| Error::NotPrepared {
            path: path.to_path_buf(),
            reason,
        };
        let file = File::open(path).map_err(Error::io(path))?;
        let mut start = (&file).take(HEADER_LIMIT);
        let header =
            NpyHeader::from_reader(&mut start).map_err(|e| wrong(format!("no npy header: {e}")))?;
        let offset = (HEADER_LIMIT - start.limit()) as usize;
        let &[count, 1, height, width] = header.shape() else {
            return Err(wrong(format!(
                "expected shape [N, 1, H, W], found {:?}",
                header.shape()
            )));
        };
        if height != width
            || height == 0
            || header.order() != Order::C
            || header.dtype().descr() != "'|u1'"
        {
            let (dtype, shape) = (header.dtype().descr(), header.shape());
            return Err(wrong(format!(
                "expected square u8 images in C order, found {shape:?} of {dtype}"
            )));
        }
        let bytes = height
            .checked_mul(width)
            .and_then(|image| image.checked_mul(count));
        let length = file.metadata().map_err(Error::io(path))?.len();
        if bytes.and_then(|bytes| bytes.checked_add(offset as u64)) != Some(length) {
            return Err(wrong(format!(
                "{length} bytes do not hold shape {:?}: the file is cut off",
                header.shape()
            )));
        }
        #[allow(unsafe_code)]
        // SAFETY: a map is sound while nobody changes the file. A prepared data set is renamed into place when it is
        // whole and never written again; we only ever replace it as a folder, which leaves mapped files alone.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io(path))?;
        Ok(Self {
            map,
            offset,
            count: count as usize,
            side: height as usize,
        })
    }

    pub fn get(&self, index: usize) -> &[u8] {
        let bytes = self.side * self.side;
        &self.map[self.offset + index * bytes..][..bytes]
    }
}

/// Reads a one-dimensional i64 array of exactly `count` values.
pub(super) fn read_i64(path: &Path, count: usize) -> Result<Vec<i64>, Error> {
    read_shaped(path, &[count as u64])
}

/// Reads given splits, `[count, splits]` i64, row by row.
pub(super) fn read_parts(path: &Path, count: usize, splits: usize) -> Result<Vec<Part>, Error> {
    let numbers = read_shaped(path, &[count as u64, splits as u64])?;
    let part = |number| {
        Part::from_number(number).ok_or_else(|| Error::NotPrepared {
            path: path.to_path_buf(),
            reason: format!("{number} is no part of a split: 0 to 3 are"),
        })
    };
    numbers.into_iter().map(part).collect()
}

fn read_shaped(path: &Path, shape: &[u64]) -> Result<Vec<i64>, Error> {
    let wrong = |reason: String| Error::NotPrepared {
        path: path.to_path_buf(),
        reason,
    };
    let mut reader = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let header = NpyHeader::from_reader((&mut reader).take(HEADER_LIMIT))
        .map_err(|e| wrong(e.to_string()))?;
    if header.shape() != shape || header.order() != Order::C {
        return Err(wrong(format!(
            "expected shape {shape:?} in C order as images.npy and dataset.json say, found {:?}",
            header.shape()
        )));
    }
    let data = npyz::NpyFile::with_header(header, reader);
    data.into_vec().map_err(|error| wrong(error.to_string()))
}
