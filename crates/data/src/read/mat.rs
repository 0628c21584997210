//! Numeric arrays of MATLAB files of level 5 (MAT-File Format, MathWorks), read as a stream.
//!
//! Why no crate: `matfile` and `matrw` read and inflate a whole file into memory at whatever size it declares, and TFD's
//! images are 942 MB of which we want 4%. Here every declared size is checked against what is left of the file, or
//! against the caller's limit where the file is compressed, and nothing is held but what the caller asks for.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::ZlibDecoder;

/// Data types of elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Most bytes of a variable's name; MATLAB allows 63.
const NAME_LIMIT: u64 = 256;
/// Most dimensions of an array.
const DIMENSIONS_LIMIT: u64 = 32;
/// Most bytes that one compressed byte becomes; deflate itself reaches 1032.
const RATIO_LIMIT: u64 = 1032;
/// Bytes that are converted at a time.
const CHUNK: usize = 64 << 10;

/// What is wrong with a file, without its path.
pub(crate) type Wrong = String;

/// A reader of the variables of one file, in their order.
pub(crate) struct MatReader<R> {
    reader: BufReader<R>,
    big_endian: bool,
    length: u64,
    /// Where the next element begins.
    next: u64,
}

impl<R: Read + Seek> MatReader<R> {
    /// Reads the header.
    pub fn new(file: R) -> Result<Self, Wrong> {
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let length = reader.seek(SeekFrom::End(0)).map_err(io_reason)?;
        reader.rewind().map_err(io_reason)?;
        let mut header = [0; 128];
        reader.read_exact(&mut header).map_err(|_| {
            format!("{length} bytes are too few for a MATLAB file of level 5, whose header has 128")
        })?;
        let text = String::from_utf8_lossy(&header[..116]);
        if header.starts_with(b"\x89HDF") || text.contains("MATLAB 7.3") {
            return Err("it is of level 7.3 (HDF5); save it again in MATLAB with '-v7', or with scipy.io.savemat".to_owned());
        }
        let big_endian = match &header[126..] {
            b"IM" => false,
            b"MI" => true,
            _ => {
                return Err("it has no header of a MATLAB file of level 5; save it again in MATLAB with '-v7', or with scipy.io.savemat".to_owned());
            }
        };
        Ok(Self {
            reader,
            big_endian,
            length,
            next: 128,
        })
    }

    /// The next variable, or `None` at the end of the file.
    pub fn next_variable(&mut self) -> Result<Option<Variable<'_>>, Wrong> {
        loop {
            if self.next >= self.length {
                return Ok(None);
            }
            let start = self.next;
            self.reader
                .seek(SeekFrom::Start(start))
                .map_err(io_reason)?;
            let tag = Tag::read(&mut self.reader, self.big_endian)
                .map_err(|reason| format!("at byte {start}: {reason}"))?;
            let end = start + 8 + u64::from(tag.bytes);
            if tag.small.is_some() || end > self.length {
                return Err(format!(
                    "at byte {start}: an element of {} bytes, but only {} are left: the file is cut off or damaged",
                    tag.bytes,
                    self.length.saturating_sub(start + 8)
                ));
            }
            // Writers differ in whether they pad a matrix; a compressed element is never padded.
            self.next = match tag.kind {
                COMPRESSED => end,
                _ => end.next_multiple_of(8),
            };
            if matches!(tag.kind, MATRIX | COMPRESSED) {
                return self
                    .variable(tag)
                    .map(Some)
                    .map_err(|reason| format!("at byte {start}: {reason}"));
            }
        }
    }

    fn variable(&mut self, tag: Tag) -> Result<Variable<'_>, Wrong> {
        let big_endian = self.big_endian;
        let element = self.reader.by_ref().take(u64::from(tag.bytes));
        if tag.kind == MATRIX {
            return Variable::read(Box::new(element), u64::from(tag.bytes), big_endian);
        }
        let mut inflated = ZlibDecoder::new(element);
        let inner = Tag::read(&mut inflated, big_endian)?;
        if inner.kind != MATRIX {
            return Err(format!(
                "a compressed element of type {} instead of an array",
                inner.kind
            ));
        }
        if u64::from(inner.bytes) > RATIO_LIMIT * u64::from(tag.bytes) {
            return Err(format!(
                "{} compressed bytes cannot become {}: the file is damaged",
                tag.bytes, inner.bytes
            ));
        }
        // Not cut off at the declared length: the end of the stream holds its checksum, which is to be read.
        Variable::read(Box::new(inflated), u64::from(inner.bytes), big_endian)
    }
}

/// An array: its head was read, its numbers were not.
pub(crate) struct Variable<'a> {
    pub name: String,
    /// Sizes, first index fastest; empty for what is no numeric array.
    pub dimensions: Vec<u64>,
    stored: Option<Stored>,
    body: Box<dyn Read + 'a>,
    big_endian: bool,
}

impl<'a> Variable<'a> {
    fn read(mut body: Box<dyn Read + 'a>, bytes: u64, big_endian: bool) -> Result<Self, Wrong> {
        let mut left = bytes;
        let mut part = |body: &mut Box<dyn Read + 'a>, what: &str, limit: u64| {
            let tag = Tag::read(body, big_endian).map_err(|reason| format!("{what}: {reason}"))?;
            let taken = tag
                .small
                .map_or(8 + u64::from(tag.bytes).next_multiple_of(8), |_| 8);
            if u64::from(tag.bytes) > limit || taken > left {
                return Err(format!(
                    "{what} of {} bytes: the file is damaged",
                    tag.bytes
                ));
            }
            left -= taken;
            tag.data(body)
                .map_err(|_| format!("{what}: the file is cut off"))
        };
        let flags = part(&mut body, "array flags", 8)?;
        let class = flags
            .first_chunk()
            .map(|word| number(word, big_endian) & 0xff);
        let complex = flags
            .first_chunk()
            .map(|word| number(word, big_endian) & 0x800 != 0);
        // Classes 6 to 15 are the numeric ones: double, single, and integers of 8 to 64 bits.
        let numeric =
            class.is_some_and(|class| (6..=15).contains(&class)) && complex == Some(false);
        let dimensions = part(&mut body, "dimensions", 4 * DIMENSIONS_LIMIT)?;
        let name = part(&mut body, "name", NAME_LIMIT)?;
        let mut variable = Self {
            name: String::from_utf8_lossy(&name).into_owned(),
            dimensions: Vec::new(),
            stored: None,
            body,
            big_endian,
        };
        if numeric {
            let sizes = dimensions
                .chunks_exact(4)
                .filter_map(|word| word.first_chunk());
            let sizes = sizes.map(|word| u64::from(number(word, big_endian)));
            variable.dimensions = sizes.collect();
            variable.stored = Some(variable.open_numbers(left)?);
        }
        Ok(variable)
    }

    /// Reads the tag before the numbers, and checks that as many follow as the dimensions say.
    fn open_numbers(&mut self, left: u64) -> Result<Stored, Wrong> {
        let name = &self.name;
        let tag = Tag::read(&mut self.body, self.big_endian)
            .map_err(|reason| format!("'{name}': {reason}"))?;
        let kind = Kind::of(tag.kind)
            .ok_or_else(|| format!("'{name}': numbers of unknown type {}", tag.kind))?;
        let count = self
            .dimensions
            .iter()
            .try_fold(1u64, |all, &size| all.checked_mul(size));
        let bytes = count.and_then(|count| count.checked_mul(kind.size() as u64));
        if self.dimensions.len() < 2
            || bytes != Some(u64::from(tag.bytes))
            || u64::from(tag.bytes) > left
        {
            return Err(format!(
                "'{name}': {} bytes of numbers do not fill an array of {:?}: the file is damaged",
                tag.bytes, self.dimensions
            ));
        }
        if let Some(small) = tag.small {
            let bytes = small[..tag.bytes as usize].to_vec();
            self.body = Box::new(io::Cursor::new(bytes));
        }
        Ok(Stored {
            kind,
            count: count.unwrap_or(0),
        })
    }

    /// How many numbers there are; 0 for what is no numeric array.
    pub fn count(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.count)
    }

    /// All numbers as whole ones, at most `limit` of them.
    pub fn whole_numbers(mut self, limit: u64) -> Result<Vec<i64>, Wrong> {
        if self.count() > limit {
            return Err(format!(
                "'{}': {} numbers, more than the limit of {limit}",
                self.name,
                self.count()
            ));
        }
        let name = self.name.clone();
        let mut all = Vec::new();
        self.each_chunk(|values| {
            for &value in values {
                // What a row does not have, MATLAB's users write as NaN.
                let value = if value.is_nan() { -1.0 } else { value };
                if value.fract() != 0.0 || value.abs() > 9e15 {
                    return Err(format!("'{name}': {value} is no whole number"));
                }
                all.push(value as i64);
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Fills `bytes` with the next numbers, which must be whole and 0 to 255.
    pub fn read_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        let Some(Stored { kind, .. }) = self.stored else {
            return Err(self.not_numeric());
        };
        let cut_off =
            |name: &str| format!("'{name}': the file is cut off or damaged within the numbers");
        if kind == Kind::U8 {
            return self.body.read_exact(bytes).map_err(|_| cut_off(&self.name));
        }
        let mut raw = vec![0; bytes.len() * kind.size()];
        self.body
            .read_exact(&mut raw)
            .map_err(|_| cut_off(&self.name))?;
        for (byte, word) in bytes.iter_mut().zip(raw.chunks_exact(kind.size())) {
            let value = kind.value(word, self.big_endian);
            if value.fract() != 0.0 || !(0.0..=255.0).contains(&value) {
                return Err(format!(
                    "'{}': {value} is no grey value from 0 to 255",
                    self.name
                ));
            }
            *byte = value as u8;
        }
        Ok(())
    }

    /// Reads to the end of the element, behind the last number, where a compressed one holds its checksum.
    ///
    /// # Errors
    /// When the checksum is wrong.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        let mut behind = (&mut self.body).take(64);
        io::copy(&mut behind, &mut io::sink())
            .map(drop)
            .map_err(|error| format!("'{}': the numbers are damaged: {error}", self.name))
    }

    fn not_numeric(&self) -> Wrong {
        format!("'{}' is no array of real numbers", self.name)
    }

    fn each_chunk(
        &mut self,
        mut take: impl FnMut(&[f64]) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let Some(Stored { kind, count }) = self.stored else {
            return Err(self.not_numeric());
        };
        let (mut left, mut raw, mut values) = (count, Vec::new(), Vec::new());
        while left > 0 {
            let now = left.min((CHUNK / kind.size()) as u64);
            raw.resize(now as usize * kind.size(), 0);
            self.body.read_exact(&mut raw).map_err(|_| {
                format!(
                    "'{}': the file is cut off or damaged within the numbers",
                    self.name
                )
            })?;
            values.clear();
            values.extend(
                raw.chunks_exact(kind.size())
                    .map(|word| kind.value(word, self.big_endian)),
            );
            take(&values)?;
            left -= now;
        }
        self.finish()
    }
}

/// How the numbers lie in the file, which may be narrower than their class.
#[derive(Clone, Copy)]
struct Stored {
    kind: Kind,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::I8,
            2 => Self::U8,
            3 => Self::I16,
            4 => Self::U16,
            5 => Self::I32,
            6 => Self::U32,
            7 => Self::F32,
            9 => Self::F64,
            12 => Self::I64,
            13 => Self::U64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The number in `word`, which has [`size`](Self::size) bytes. Whole numbers above 2⁵³ are rounded.
    fn value(self, word: &[u8], big_endian: bool) -> f64 {
        let mut bits = [0; 8];
        for (at, &byte) in word.iter().enumerate() {
            let place = if big_endian { word.len() - 1 - at } else { at };
            bits[place] = byte;
        }
        let bits = u64::from_le_bytes(bits);
        match self {
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => bits as f64,
            Self::I8 => f64::from(bits as u8 as i8),
            Self::I16 => f64::from(bits as u16 as i16),
            Self::I32 => f64::from(bits as u32 as i32),
            Self::I64 => bits as i64 as f64,
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
        }
    }
}

/// What stands before each element.
#[derive(Debug, Clone, Copy)]
struct Tag {
    kind: u32,
    bytes: u32,
    /// The data itself, where it is at most four bytes and packed into the tag.
    small: Option<[u8; 4]>,
}

impl Tag {
    fn read(from: &mut impl Read, big_endian: bool) -> Result<Self, Wrong> {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)
            .map_err(|_| "the file is cut off or damaged".to_owned())?;
        let [a, b, c, d, data @ ..] = bytes;
        let first = number(&[a, b, c, d], big_endian);
        if first >> 16 == 0 {
            return Ok(Self {
                kind: first,
                bytes: number(&data, big_endian),
                small: None,
            });
        }
        let (kind, bytes) = (first & 0xffff, first >> 16);
        if bytes > 4 {
            return Err(format!(
                "a packed element of {bytes} bytes instead of at most 4: the file is damaged"
            ));
        }
        Ok(Self {
            kind,
            bytes,
            small: Some(data),
        })
    }

    /// The element's bytes, and its padding passed over. Callers have bounded `bytes`.
    fn data(self, from: &mut impl Read) -> io::Result<Vec<u8>> {
        let count = self.bytes as usize;
        if let Some(small) = self.small {
            return Ok(small[..count].to_vec());
        }
        let mut data = vec![0; count.next_multiple_of(8)];
        from.read_exact(&mut data)?;
        data.truncate(count);
        Ok(data)
    }
}

fn number(word: &[u8; 4], big_endian: bool) -> u32 {
    match big_endian {
        true => u32::from_be_bytes(*word),
        false => u32::from_le_bytes(*word),
    }
}

fn io_reason(error: io::Error) -> Wrong {
    error.to_string()
}
