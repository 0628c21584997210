//! The whole numbers of an array of one axis.

use npyz::{Deserialize, NpyFile, NpyHeader};

/// Reads the numbers as one type; `None` for another type, and for numbers that are not whole.
type Read = fn(NpyFile<&[u8]>) -> Option<Vec<i64>>;

/// Every type of number that numpy writes, but half and extended precision.
#[rustfmt::skip]
const TYPES: [Read; 10] = [
    integers::<i8>, integers::<i16>, integers::<i32>, integers::<i64>,
    integers::<u8>, integers::<u16>, integers::<u32>, integers::<u64>,
    floats::<f32>, floats::<f64>,
];

/// The numbers of an array `[N]` of integers, or of floats of single or double precision that are whole.
///
/// # Errors
/// What the file is instead.
pub(super) fn whole_numbers(bytes: &[u8]) -> Result<Vec<i64>, String> {
    let mut data = bytes;
    let header = NpyHeader::from_reader(&mut data).map_err(|error| error.to_string())?;
    let (shape, dtype) = (header.shape(), header.dtype().descr());
    // Every number takes a byte or more, so that a forged count is refused before memory is set aside for it.
    if !matches!(shape, [count] if *count <= data.len() as u64) {
        return Err(format!(
            "an array [N] of whole numbers is expected; this one has shape {shape:?} and {} bytes",
            data.len()
        ));
    }
    let array = || NpyFile::with_header(header.clone(), data);
    let numbers = TYPES.iter().find_map(|read| read(array()));
    numbers.ok_or_else(|| {
        format!("an array [N] of whole numbers is expected; these of type {dtype} are not")
    })
}

fn integers<T: Deserialize + TryInto<i64>>(array: NpyFile<&[u8]>) -> Option<Vec<i64>> {
    let numbers = array.into_vec::<T>().ok()?.into_iter();
    numbers.map(|n| n.try_into().ok()).collect()
}

fn floats<T: Deserialize + Into<f64>>(array: NpyFile<&[u8]>) -> Option<Vec<i64>> {
    let numbers = array.into_vec::<T>().ok()?.into_iter().map(T::into);
    let whole = numbers.map(|n: f64| (n.fract() == 0.0).then_some(n as i64));
    whole.collect()
}

#[cfg(test)]
mod tests {
    use npyz::AutoSerialize;
    use proptest::prelude::*;

    use super::*;

    fn read<T: AutoSerialize>(values: Vec<T>) -> Result<Vec<i64>, String> {
        let mut bytes = Vec::new();
        faus_base::npy::write_to(&mut bytes, &[values.len()], values).unwrap();
        whole_numbers(&bytes)
    }

    #[test]
    fn any_type_is_read_where_its_numbers_are_whole() {
        let wanted = Ok(vec![0, 7, 118]);
        assert_eq!(read(vec![0i8, 7, 118]), wanted);
        assert_eq!(read(vec![0i16, 7, 118]), wanted);
        assert_eq!(read(vec![0i32, 7, 118]), wanted);
        assert_eq!(read(vec![0i64, 7, 118]), wanted);
        assert_eq!(read(vec![0u8, 7, 118]), wanted);
        assert_eq!(read(vec![0u16, 7, 118]), wanted);
        assert_eq!(read(vec![0u32, 7, 118]), wanted);
        assert_eq!(read(vec![0u64, 7, 118]), wanted);
        assert_eq!(read(vec![0f32, 7.0, 118.0]), wanted);
        assert_eq!(read(vec![0f64, 7.0, 118.0]), wanted);
    }

    #[test]
    fn other_numbers_are_refused() {
        for refused in [
            read(vec![0.5f32]),
            read(vec![f64::NAN]),
            read(vec![u64::MAX]),
        ] {
            assert!(refused.unwrap_err().contains("whole numbers"));
        }
        let mut two_axes = Vec::new();
        faus_base::npy::write_to(&mut two_axes, &[2, 1], [1i64, 2]).unwrap();
        assert!(whole_numbers(&two_axes).unwrap_err().contains("[2, 1]"));
    }

    proptest! {
        #[test]
        fn damaged_arrays_never_panic(
            descr in "[<>|]?[a-z][0-9]{0,2}", shape in "[0-9]{0,19},|[0-9]{0,9}, ?[0-9]{0,9}", data in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
            let length = (header.len() as u16).to_le_bytes();
            let _ = whole_numbers(&[b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data].concat());
            let _ = whole_numbers(&data);
        }
    }
}
