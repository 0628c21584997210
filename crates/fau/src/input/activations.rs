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
    values: Vec<f32>,
}

impl Activations {
    /// Activations from memory; `values` holds row after row.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless there are exactly `rows` × `filters` values.
    pub fn new(rows: usize, filters: usize, values: Vec<f32>) -> Result<Self, Error> {
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
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Activation of `filter` on the image in `row`, both from 0.
    ///
    /// # Panics
    /// If either is out of range, as indexing a slice does.
    pub fn get(&self, row: usize, filter: usize) -> f32 {
        assert!(filter < self.filters, "filter {filter} of {}", self.filters);
        self.values[row * self.filters + filter]
    }

    /// One column: activations of `filter` on `rows`.
    pub(crate) fn column(&self, rows: &[usize], filter: usize) -> Vec<f32> {
        rows.iter().map(|&row| self.get(row, filter)).collect()
    }

    /// All activations of one filter, as f64.
    pub(crate) fn filter(&self, filter: usize) -> Vec<f64> {
        let own = (0..self.rows).map(|row| self.get(row, filter));
        own.map(f64::from).collect()
    }

    /// Rejects NaN and infinite values in these rows.
    pub(crate) fn check_finite(&self, rows: impl Iterator<Item = usize>) -> Result<(), Error> {
        for row in rows {
            let own = &self.values[row * self.filters..][..self.filters];
            if let Some(filter) = own.iter().position(|x| !x.is_finite()) {
                let value = own[filter];
                return Err(Error::NotFinite { filter, row, value });
            }
        }
        Ok(())
    }
}

/// Reads `activations.npy`: floats or integers, `[images, filters]`, as `numpy.save` writes it.
///
/// Values are rounded to float32, the precision of the networks that make activations. Arrays in Fortran order are
/// accepted and transposed, sides of length 1 behind the filters (from pooling) are left out.
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
    let values = data.chunks_exact(number.width);
    let mut values: Vec<f32> = values.map(|bytes| number.read(bytes)).collect();
    if file.order() == Order::Fortran {
        values = transposed(&values, rows, filters);
    }
    Activations::new(rows, filters, values).map_err(|error| error.to_string())
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

    /// The value of `width` bytes, rounded to f32.
    fn read(&self, bytes: &[u8]) -> f32 {
        let more = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        let bits = match self.big_endian {
            true => bytes.iter().fold(0, more),
            false => bytes.iter().rev().fold(0, more),
        };
        match (self.kind, self.width) {
            (b'f', 2) => half(bits as u16),
            (b'f', 4) => f32::from_bits(bits as u32),
            (b'f', _) => f64::from_bits(bits) as f32,
            (b'i', width) => {
                let unused = 64 - 8 * width as u32;
                ((bits << unused) as i64 >> unused) as f32
            }
            _ => bits as f32,
        }
    }
}

/// The value of a float16 (IEEE 754: 1 bit of sign, 5 of exponent, 10 of fraction).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    sign * match (exponent, fraction) {
        (0, fraction) => fraction * 2f32.powi(-14),
        (31, 0.0) => f32::INFINITY,
        (31, _) => f32::NAN,
        (exponent, fraction) => (1.0 + fraction) * 2f32.powi(exponent - 15),
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

/// Column after column to row after row.
fn transposed(values: &[f32], rows: usize, filters: usize) -> Vec<f32> {
    let places = (0..rows).flat_map(|row| (0..filters).map(move |filter| filter * rows + row));
    places.map(|at| values[at]).collect()
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
                [1.5, -5.960_464_5e-8],
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
                [0.25f64, 3e9].map(f64::to_le_bytes).concat(),
                [0.25, 3e9],
            ),
            (
                ">i8",
                "(1, 2)",
                [-7i64, 1 << 40].map(i64::to_be_bytes).concat(),
                [-7.0, 1.099_511_6e12],
            ),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
            let read = super::parse(&npy(&header, &data)).unwrap();
            assert_eq!(read.values(), expected, "{descr}");
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
