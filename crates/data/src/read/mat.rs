//! Numeric arrays of MATLAB files of level 5 (MAT-File Format, MathWorks), read as a stream.
//!
//! Why we use no crate: `matfile` and `matrw` read and inflate a whole file into memory at whatever size it declares,
//! and TFD's images are 942 MB of which 4% are needed. Here every declared size is checked against the rest of the
//! file, or against the caller's limit where the file is compressed, and only the requested values are kept in memory.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::ZlibDecoder;

/// Data types of elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Classes of arrays of numbers: double, single, and integers of 8 to 64 bits.
const NUMERIC: std::ops::RangeInclusive<u64> = 6..=15;
/// The flag of complex numbers beside an array's class.
const COMPLEX: u64 = 0x800;
/// Maximum length of a variable's name in bytes; MATLAB allows 63.
const NAME_LIMIT: u64 = 256;
/// Maximum number of dimensions of an array.
const DIMENSIONS_LIMIT: u64 = 32;
/// Maximum expansion of one compressed byte; deflate itself reaches 1032.
const RATIO_LIMIT: u64 = 1032;
/// Numbers that are converted at a time.
const CHUNK: usize = 8 << 10;

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
        let length = reader.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        reader.rewind().map_err(|e| e.to_string())?;
        let mut header = [0; 128];
        reader.read_exact(&mut header).map_err(|_| {
            format!("{length} bytes are too few for a MATLAB file of level 5, whose header has 128")
        })?;
        let text = String::from_utf8_lossy(&header[..116]);
        let way_out = "save it again in MATLAB with '-v7', or with scipy.io.savemat";
        if header.starts_with(b"\x89HDF") || text.contains("MATLAB 7.3") {
            return Err(format!("it is of level 7.3 (HDF5); {way_out}"));
        }
        let big_endian = match &header[126..] {
            b"IM" => false,
            b"MI" => true,
            _ => return Err(format!("it is not a MATLAB file of level 5; {way_out}")),
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
        while self.next < self.length {
            let start = self.next;
            let at = |reason: Wrong| format!("at byte {start}: {reason}");
            let sought = self.reader.seek(SeekFrom::Start(start));
            sought.map_err(|e| e.to_string())?;
            let tag = Tag::read(&mut self.reader, self.big_endian).map_err(at)?;
            let end = start + 8 + u64::from(tag.bytes);
            if tag.small.is_some() || end > self.length {
                let (bytes, left) = (tag.bytes, self.length.saturating_sub(start + 8));
                return Err(at(format!(
                    "an element of {bytes} bytes, but only {left} are left: the file is cut off or damaged"
                )));
            }
            // Writers differ in whether they pad a matrix; a compressed element is never padded.
            self.next = match tag.kind {
                COMPRESSED => end,
                _ => end.next_multiple_of(8),
            };
            if matches!(tag.kind, MATRIX | COMPRESSED) {
                return self.variable(tag).map(Some).map_err(at);
            }
        }
        Ok(None)
    }

    fn variable(&mut self, tag: Tag) -> Result<Variable<'_>, Wrong> {
        let (big_endian, packed) = (self.big_endian, u64::from(tag.bytes));
        let element = self.reader.by_ref().take(packed);
        if tag.kind == MATRIX {
            return Variable::read(Box::new(element), packed, big_endian);
        }
        let mut inflated = ZlibDecoder::new(element);
        let inner = Tag::read(&mut inflated, big_endian)?;
        let (kind, bytes) = (inner.kind, u64::from(inner.bytes));
        if kind != MATRIX {
            return Err(format!("a compressed element of type {kind}, not an array"));
        }
        if bytes > RATIO_LIMIT * packed {
            return Err(format!(
                "{packed} compressed bytes cannot become {bytes}: the file is damaged"
            ));
        }
        // Not truncated at the declared length: the stream ends with its checksum.
        Variable::read(Box::new(inflated), bytes, big_endian)
    }
}

/// An array: its head was read, its numbers were not.
pub(crate) struct Variable<'a> {
    pub name: String,
    /// Sizes, first index fastest; empty unless it is an array of real numbers.
    pub dimensions: Vec<u64>,
    /// How the numbers are stored, which may be narrower than their class, and how many there are.
    numbers: Option<(&'static Kind, u64)>,
    body: Box<dyn Read + 'a>,
    big_endian: bool,
    /// Bytes of the element that are not read yet.
    left: u64,
}

impl<'a> Variable<'a> {
    fn read(body: Box<dyn Read + 'a>, bytes: u64, big_endian: bool) -> Result<Self, Wrong> {
        let mut variable = Self {
            name: String::new(),
            dimensions: Vec::new(),
            numbers: None,
            body,
            big_endian,
            left: bytes,
        };
        let flags = words(&variable.part("array flags", 8)?, big_endian);
        let dimensions = variable.part("dimensions", 4 * DIMENSIONS_LIMIT)?;
        let dimensions = words(&dimensions, big_endian);
        let name = variable.part("name", NAME_LIMIT)?;
        variable.name = String::from_utf8_lossy(&name).into_owned();
        let real = |flags: &u64| NUMERIC.contains(&(flags & 0xff)) && flags & COMPLEX == 0;
        if flags.first().is_some_and(real) {
            variable.dimensions = dimensions;
            variable.open_numbers()?;
        }
        Ok(variable)
    }

    /// An element of the head; its padding is skipped.
    fn part(&mut self, what: &str, limit: u64) -> Result<Vec<u8>, Wrong> {
        let tag = Tag::read(&mut self.body, self.big_endian).map_err(|e| format!("{what}: {e}"))?;
        let bytes = u64::from(tag.bytes);
        let behind = tag.small.map_or(bytes.next_multiple_of(8), |_| 0);
        if bytes > limit || 8 + behind > self.left {
            return Err(format!("{what} of {bytes} bytes: the file is damaged"));
        }
        self.left -= 8 + behind;
        let mut data = vec![0; behind as usize];
        let read = self.body.read_exact(&mut data);
        read.map_err(|_| format!("{what}: the file is cut off"))?;
        data.extend(tag.small.into_iter().flatten());
        data.truncate(bytes as usize);
        Ok(data)
    }

    /// Reads the tag before the numbers, and checks that they fill the dimensions.
    fn open_numbers(&mut self) -> Result<(), Wrong> {
        let name = &self.name;
        let tag =
            Tag::read(&mut self.body, self.big_endian).map_err(|e| format!("'{name}': {e}"))?;
        let kind = KINDS.iter().find(|kind| kind.0 == tag.kind);
        let kind = kind.ok_or_else(|| format!("'{name}': numbers of unknown type {}", tag.kind))?;
        let mut sizes = self.dimensions.iter();
        let count = sizes.try_fold(1u64, |all, &size| all.checked_mul(size));
        let bytes = count.and_then(|count| count.checked_mul(kind.1 as u64));
        let declared = u64::from(tag.bytes);
        if self.dimensions.len() < 2 || bytes != Some(declared) || declared > self.left {
            return Err(format!(
                "'{name}': {declared} bytes of numbers do not fill an array of {:?}: the file is damaged",
                self.dimensions
            ));
        }
        if let Some(small) = tag.small {
            self.body = Box::new(io::Cursor::new(small).take(declared));
        }
        self.numbers = count.map(|count| (kind, count));
        Ok(())
    }

    /// All numbers as whole ones, at most `limit` of them.
    pub fn whole_numbers(mut self, limit: u64) -> Result<Vec<i64>, Wrong> {
        let (_, count) = self.numbers()?;
        if count > limit {
            return Err(self.wrong(format!("{count} numbers, more than the limit of {limit}")));
        }
        let mut all = Vec::new();
        for start in (0..count).step_by(CHUNK) {
            for value in self.next_numbers(CHUNK.min((count - start) as usize))? {
                // A missing value is NaN in MATLAB.
                let value = if value.is_nan() { -1.0 } else { value };
                if value.fract() != 0.0 || value.abs() > 9e15 {
                    return Err(self.wrong(format!("{value} is not a whole number")));
                }
                all.push(value as i64);
            }
        }
        self.finish()?;
        Ok(all)
    }

    /// Fills `bytes` with the next numbers, which must be whole and 0 to 255.
    pub fn read_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        if self.numbers()?.0.0 == U8 {
            return self.body.read_exact(bytes).map_err(|_| self.cut_off());
        }
        let values = self.next_numbers(bytes.len())?;
        for (byte, value) in bytes.iter_mut().zip(values) {
            if value.fract() != 0.0 || !(0.0..=255.0).contains(&value) {
                return Err(self.wrong(format!("{value} is no grey value from 0 to 255")));
            }
            *byte = value as u8;
        }
        Ok(())
    }

    fn numbers(&self) -> Result<(&'static Kind, u64), Wrong> {
        let name = &self.name;
        let numbers = self.numbers;
        numbers.ok_or_else(|| format!("'{name}' is not an array of real numbers"))
    }

    fn next_numbers(&mut self, count: usize) -> Result<Vec<f64>, Wrong> {
        let (&Kind(_, size, value), _) = self.numbers()?;
        let mut raw = vec![0; count * size];
        self.body.read_exact(&mut raw).map_err(|_| self.cut_off())?;
        let bits = raw.chunks_exact_mut(size).map(|word| {
            if self.big_endian {
                word.reverse();
            }
            let mut bits = [0; 8];
            bits[..size].copy_from_slice(word);
            value(u64::from_le_bytes(bits))
        });
        Ok(bits.collect())
    }

    /// Reads to the end of the element, past the last number, where a compressed one has its checksum.
    ///
    /// # Errors
    /// When the checksum is wrong.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        let mut behind = (&mut self.body).take(64);
        let read = io::copy(&mut behind, &mut io::sink()).map(drop);
        read.map_err(|error| self.wrong(format!("the numbers are damaged: {error}")))
    }

    fn cut_off(&self) -> Wrong {
        self.wrong("the file is cut off or damaged within the numbers".to_owned())
    }

    fn wrong(&self, reason: Wrong) -> Wrong {
        format!("'{}': {reason}", self.name)
    }
}

/// A type of numbers: its number in the format, its bytes, and the value of its bits.
#[derive(Debug)]
struct Kind(u32, usize, fn(u64) -> f64);

const U8: u32 = 2;

/// Whole numbers above 2⁵³ are rounded.
static KINDS: [Kind; 10] = [
    Kind(1, 1, |bits| f64::from(bits as i8)),
    Kind(U8, 1, |bits| bits as f64),
    Kind(3, 2, |bits| f64::from(bits as i16)),
    Kind(4, 2, |bits| bits as f64),
    Kind(5, 4, |bits| f64::from(bits as i32)),
    Kind(6, 4, |bits| bits as f64),
    Kind(7, 4, |bits| f64::from(f32::from_bits(bits as u32))),
    Kind(9, 8, f64::from_bits),
    Kind(12, 8, |bits| bits as i64 as f64),
    Kind(13, 8, |bits| bits as f64),
];

/// The head of an element.
#[derive(Debug, Clone, Copy)]
struct Tag {
    kind: u32,
    bytes: u32,
    /// The data itself, if it has at most four bytes and is packed into the tag.
    small: Option<[u8; 4]>,
}

impl Tag {
    fn read(from: &mut impl Read, big_endian: bool) -> Result<Self, Wrong> {
        let mut bytes = [0; 8];
        let read = from.read_exact(&mut bytes);
        read.map_err(|_| "the file is cut off or damaged".to_owned())?;
        let [a, b, c, d, data @ ..] = bytes;
        let first = number(&[a, b, c, d], big_endian);
        let (kind, packed) = (first & 0xffff, first >> 16);
        let (bytes, small) = match packed {
            0 => (number(&data, big_endian), None),
            1..=4 => (packed, Some(data)),
            more => {
                return Err(format!(
                    "a packed element of {more} bytes instead of at most 4: the file is damaged"
                ));
            }
        };
        Ok(Self { kind, bytes, small })
    }
}

fn words(bytes: &[u8], big_endian: bool) -> Vec<u64> {
    let words = bytes.as_chunks().0.iter();
    words
        .map(|word| u64::from(number(word, big_endian)))
        .collect()
}

fn number(word: &[u8; 4], big_endian: bool) -> u32 {
    match big_endian {
        true => u32::from_be_bytes(*word),
        false => u32::from_le_bytes(*word),
    }
}
