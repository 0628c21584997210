//! The activations array, F(x) of every image and filter, and its `.npy` file.

use std::path::Path;

use npyz::{NpyFile, Order};

use crate::error::{Error, read_limited};

/// Size limit of an activations file: 2 GiB, two million images of 256 filters.
const MAX_BYTES: u64 = 2 << 30;
/// Maximum plausible header length of a `.npy` file with a two-dimensional float array.
const MAX_HEADER: usize = 4096;

/// F(x) of every image and filter: `[rows, filters]`, row after row (C order).
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    rows: usize,
    filters: usize,
    values: Values,
}

/// In the precision of their source: a network's in four bytes, a file's in eight if it needs them.
#[derive(Debug, Clone, PartialEq)]
enum Values {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    fn at(&self, at: usize) -> f64 {
        match self {
            Self::Single(values) => f64::from(values[at]),
            Self::Double(values) => values[at],
        }
    }
}

impl Activations {
    /// Activations from memory; `values` holds row after row.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless there are exactly `rows` × `filters` values.
    pub fn new(rows: usize, filters: usize, values: Vec<f32>) -> Result<Self, Error> {
        Self::of(rows, filters, Values::Single(values))
    }

    fn of(rows: usize, filters: usize, values: Values) -> Result<Self, Error> {
        let expected = rows.saturating_mul(filters);
        Error::unless_equal("activations", values.len(), expected)?;
        Ok(Self {
            rows,
            filters,
            values,
        })
    }

    /// Number of images.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of filters.
    pub fn filters(&self) -> usize {
        self.filters
    }

    /// All values, row after row.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        (0..self.values.len()).map(|at| self.values.at(at))
    }

    /// Activation of `filter` on the image in `row`, both from 0.
    ///
    /// # Panics
    /// If either is out of range, as indexing a slice does.
    pub fn get(&self, row: usize, filter: usize) -> f64 {
        assert!(filter < self.filters, "filter {filter} of {}", self.filters);
        self.values.at(row * self.filters + filter)
    }

    /// One column: activations of `filter` on `rows`.
    pub(crate) fn column(&self, rows: &[usize], filter: usize) -> Vec<f64> {
        rows.iter().map(|&row| self.get(row, filter)).collect()
    }

    /// All activations of one filter.
    pub(crate) fn filter(&self, filter: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.get(row, filter)).collect()
    }

    /// These rows, then those of another array of as many filters.
    pub(crate) fn then(&self, other: &Self) -> Result<Self, Error> {
        let values = match (&self.values, &other.values) {
            (Values::Single(own), Values::Single(others)) => {
                Values::Single([own.as_slice(), others].concat())
            }
            _ => Values::Double(self.values().chain(other.values()).collect()),
        };
        Self::of(self.rows + other.rows, self.filters, values)
    }

    /// Rejects NaN and infinite values in these rows.
    pub(crate) fn check_finite(&self, rows: impl Iterator<Item = usize>) -> Result<(), Error> {
        for row in rows {
            let own = |filter| self.get(row, filter);
            if let Some(filter) = (0..self.filters).find(|&at| !own(at).is_finite()) {
                let value = own(filter);
                return Err(Error::NotFinite { filter, row, value });
            }
        }
        Ok(())
    }
}

/// Reads `activations.npy`: floats or integers, `[images, filters]`, as `numpy.save` writes it.
///
/// Every value is kept as it is; float64 and integers above two bytes need twice the memory. Integers beyond 2⁵³ are
/// rounded. Arrays in Fortran order are accepted and transposed, sides of length 1 behind the filters (from pooling) are left out.
///
/// # Errors
/// [`Error::Disk`], and [`Error::File`] above 2 GiB and for any other array.
pub fn read_activations(path: &Path) -> Result<Activations, Error> {
    let contents = read_limited(path, MAX_BYTES)?;
    parse(&contents).map_err(|fault| {
        Error::file(path, format!("not an activations array: {fault}; expected a .npy file of numbers, shape [images, filters]"))
    })
}

/// Parses a whole `.npy` file; the error names the fault.
fn parse(contents: &[u8]) -> Result<Activations, String> {
    let data_start = header_end(contents)?;
    let file = NpyFile::new(contents).map_err(|error| error.to_string())?;
    let (rows, filters) = shape(file.shape())?;
    let dtype = file.dtype().descr();
    let number = Number::of(dtype.trim_matches('\'')).ok_or(format!("its type is {dtype}"))?;
    let width = number.width as u64;
    let values = rows.checked_mul(filters);
    let expected = values.and_then(|values| values.checked_mul(width));
    let data = &contents[data_start..];
    let found = data.len() as u64;
    if expected != Some(found) {
        return Err(format!(
            "{found} bytes of data do not fill shape [{rows}, {filters}] of {width}-byte numbers"
        ));
    }
    let (rows, filters) = (rows as usize, filters as usize);
    // The place in the file of a value of the array.
    let place = |at: usize| match file.order() {
        Order::C => at,
        Order::Fortran => at % filters * rows + at / filters,
    };
    let value = |at: usize| number.read(&data[place(at) * number.width..][..number.width]);
    let values = (0..rows * filters).map(value);
    let values = match number.is_single() {
        true => Values::Single(values.map(|x| x as f32).collect()),
        false => Values::Double(values.collect()),
    };
    Activations::of(rows, filters, values).map_err(|error| error.to_string())
}

/// Images and filters; sides of length 1 behind them, as pooling leaves them, do not count.
fn shape(shape: &[u64]) -> Result<(u64, u64), String> {
    match shape {
        &[rows, filters, ref rest @ ..] if rest.iter().all(|&side| side == 1) => {
            Ok((rows, filters))
        }
        [_, _, _, _] => Err(format!(
            "its shape is {shape:?}: take the largest value over height and width (numpy: a.max(axis=(2, 3)))"
        )),
        _ => Err(format!("its shape is {shape:?}")),
    }
}

/// A type of number in an array.
struct Number {
    kind: u8,
    width: usize,
    big_endian: bool,
}

impl Number {
    /// Reads `<f4`, `|u1`, …; `None` for what is no real number.
    fn of(descr: &str) -> Option<Self> {
        let &[order, kind, width] = descr.as_bytes() else {
            return None;
        };
        let known = matches!(
            (kind, width),
            (b'f', b'2' | b'4' | b'8') | (b'i' | b'u', b'1' | b'2' | b'4' | b'8')
        );
        known.then_some(Self {
            kind,
            width: usize::from(width - b'0'),
            big_endian: order == b'>',
        })
    }

    /// Whether every value of the type is one of float32.
    fn is_single(&self) -> bool {
        self.width < 4 || (self.kind, self.width) == (b'f', 4)
    }

    /// The value of `width` bytes.
    fn read(&self, bytes: &[u8]) -> f64 {
        let more = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        let bits = match self.big_endian {
            true => bytes.iter().fold(0, more),
            false => bytes.iter().rev().fold(0, more),
        };
        match (self.kind, self.width) {
            (b'f', 2) => half(bits as u16),
            (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
            (b'f', _) => f64::from_bits(bits),
            (b'i', width) => {
                let unused = 64 - 8 * width as u32;
                ((bits << unused) as i64 >> unused) as f64
            }
            _ => bits as f64,
        }
    }
}

/// The value of a float16 (IEEE 754: 1 bit of sign, 5 of exponent, 10 of fraction).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match (exponent, fraction) {
        (0, fraction) => fraction * 2f64.powi(-14),
        (31, 0.0) => f64::INFINITY,
        (31, _) => f64::NAN,
        (exponent, fraction) => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// Where the data begins. The header is checked before the npy library parses it: that parser recurses into brackets
/// and multiplies the shape unchecked, so a malicious header could exhaust the stack or panic.
fn header_end(contents: &[u8]) -> Result<usize, String> {
    let start = match contents {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, ..] => 10,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, ..] => 12,
        [b'P', b'K', 3, 4, ..] => {
            return Err(
                "an archive of arrays (.npz): save the one array with numpy.save".to_owned(),
            );
        }
        _ => return Err("it does not begin like a .npy file".to_owned()),
    };
    let length = match contents.get(8..start) {
        Some(&[a, b]) => usize::from(u16::from_le_bytes([a, b])),
        Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => return Err("it ends within its header".to_owned()),
    };
    if length > MAX_HEADER {
        return Err(format!("its header has {length} bytes"));
    }
    let header = contents.get(start..start + length);
    let header = header.ok_or("it ends within its header")?;
    let count = |of: &[u8]| header.iter().filter(|byte| of.contains(byte)).count();
    if count(b"([{") > 8 {
        return Err("its header is nested too deeply".to_owned());
    }
    // Nineteen decimal digits in total keep every product below 10^19, which fits 64 bits.
    if count(b"0123456789") > 19 || count(b"xX") > 0 {
        return Err("its header holds numbers that are too large".to_owned());
    }
    Ok(start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn shape_that_overflows_is_an_error() {
        let header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 8), }\n";
        let error = super::parse(&npy(header, &[0; 32])).unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }

    #[test]
    fn forged_brackets_are_an_error() {
        let error = super::parse(&npy(&"(".repeat(4000), &[])).unwrap_err();
        assert!(error.contains("nested"), "{error}");
    }

    #[test]
    fn vectors_maps_and_pickles_are_refused() {
        for (descr, shape, word) in [
            ("<c8", "(2, 1)", "type"),
            ("|O", "(2, 2)", ""),
            ("<f4", "(1, 1, 2, 2)", "largest value over height and width"),
            ("<f4", "(4,)", "shape"),
            ("<f4", "(2, 3)", "do not fill"),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
            let error = super::parse(&npy(&header, &[0; 16])).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn every_type_of_number_is_read() {
        let bits = |x: f32| x.to_be_bytes().to_vec();
        for (descr, shape, data, expected) in [
            (
                ">f4",
                "(1, 2)",
                [bits(1.5), bits(-2.0)].concat(),
                [1.5, -2.0],
            ),
            (
                "<f2",
                "(1, 2, 1)",
                vec![0x00, 0x3e, 0x01, 0x80],
                [1.5, -5.960_464_477_539_063e-8],
            ),
            (
                ">f2",
                "(1, 2)",
                vec![0x7b, 0xff, 0xc0, 0x00],
                [65504.0, -2.0],
            ),
            (
                "<i2",
                "(1, 2, 1, 1)",
                vec![0xff, 0xff, 0x00, 0x01],
                [-1.0, 256.0],
            ),
            ("|u1", "(1, 2)", vec![255, 3], [255.0, 3.0]),
            ("|i1", "(1, 2)", vec![255, 3], [-1.0, 3.0]),
            (
                "<f8",
                "(1, 2)",
                [0.1f64, 3e9].map(f64::to_le_bytes).concat(),
                [0.1, 3e9],
            ),
            (
                ">i8",
                "(1, 2)",
                [-7i64, 1 << 40].map(i64::to_be_bytes).concat(),
                [-7.0, 1_099_511_627_776.0],
            ),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
            let read = super::parse(&npy(&header, &data)).unwrap();
            assert_eq!(read.values().collect::<Vec<f64>>(), expected, "{descr}");
        }
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = super::parse(&bytes);
        }

        #[test]
        fn damaged_headers_never_panic(header in r"\{'descr': '[<>|=]?[a-zA-Z][0-9]{0,3}', 'fortran_order': (True|False), 'shape': \([0-9]{0,20}, ?[0-9]{0,20}\), \}.{0,8}", data in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = super::parse(&npy(&header, &data));
        }
    }
}
