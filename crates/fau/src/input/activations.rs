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

    /// Rejects NaN and infinite values.
    pub(crate) fn check_finite(&self) -> Result<(), Error> {
        match self.values.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Error::NotFinite {
                filter: at % self.filters,
                row: at / self.filters,
                value: self.values[at],
            }),
        }
    }
}

/// Reads `activations.npy`: float32 or float64, `[images, filters]`, as `numpy.save` writes it.
///
/// float64 is rounded to float32, the precision of the networks that make activations. Arrays in Fortran order are
/// accepted and transposed.
///
/// # Errors
/// [`Error::Disk`], and [`Error::File`] above 2 GiB and for any other array.
pub fn read_activations(path: &Path) -> Result<Activations, Error> {
    let contents = read_limited(path, MAX_BYTES)?;
    parse(&contents).map_err(|fault| {
        Error::file(path, format!("not an activations array: {fault}; expected a .npy file, float32 or float64, shape [images, filters]"))
    })
}

/// Parses a whole `.npy` file; the error names the fault.
fn parse(contents: &[u8]) -> Result<Activations, String> {
    let data_start = header_end(contents)?;
    let file = NpyFile::new(contents).map_err(|error| error.to_string())?;
    let &[rows, filters] = file.shape() else {
        return Err(format!("its shape is {:?}", file.shape()));
    };
    let dtype = file.dtype().descr();
    let width = match dtype.trim_matches('\'') {
        "<f4" | ">f4" => 4,
        "<f8" | ">f8" => 8,
        _ => return Err(format!("its type is {dtype}")),
    };
    let values = rows.checked_mul(filters);
    let expected = values.and_then(|values| values.checked_mul(width));
    let found = (contents.len() - data_start) as u64;
    if expected != Some(found) {
        return Err(format!(
            "{found} bytes of data do not fill shape [{rows}, {filters}] of {width}-byte floats"
        ));
    }
    let (order, rows, filters) = (file.order(), rows as usize, filters as usize);
    let values = match width {
        4 => file.into_vec::<f32>(),
        _ => file
            .into_vec::<f64>()
            .map(|wide| wide.into_iter().map(|x| x as f32).collect()),
    };
    let mut values = values.map_err(|error| error.to_string())?;
    if order == Order::Fortran {
        values = transposed(&values, rows, filters);
    }
    Activations::new(rows, filters, values).map_err(|error| error.to_string())
}

/// Where the data begins. The header is checked before the npy library parses it: that parser recurses into brackets
/// and multiplies the shape unchecked, so a malicious header could exhaust the stack or panic.
fn header_end(contents: &[u8]) -> Result<usize, String> {
    let start = match contents {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, ..] => 10,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, ..] => 12,
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
    fn integers_vectors_and_pickles_are_refused() {
        for (descr, shape, word) in [
            ("<i8", "(2, 2)", "type"),
            ("|O", "(2, 2)", ""),
            ("<f4", "(4,)", "shape"),
            ("<f4", "(2, 3)", "do not fill"),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
            let error = super::parse(&npy(&header, &[0; 16])).unwrap_err();
            assert!(error.contains(word), "{error}");
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
