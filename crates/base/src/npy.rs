//! Numpy arrays: written atomically, values in row-major order.

use std::io::{Result, Write};
use std::path::Path;

use npyz::{AutoSerialize, Serialize, WriterBuilder};

/// Writes `values` to `path` as an array of this shape, atomically.
///
/// # Errors
/// File-system errors, and a number of values that does not match the shape.
pub fn write<T: AutoSerialize>(
    path: &Path,
    shape: &[usize],
    values: impl IntoIterator<Item = T>,
) -> Result<()> {
    crate::file::write_with(path, |file| write_to(file, shape, values))
}

/// Writes `values` into `out` as an array of this shape.
///
/// # Errors
/// Errors from `out`, and a number of values that does not match the shape.
pub fn write_to<T: AutoSerialize>(
    out: &mut dyn Write,
    shape: &[usize],
    values: impl IntoIterator<Item = T>,
) -> Result<()> {
    write_streamed(out, shape, |push: &mut dyn FnMut(T) -> Result<()>| {
        values.into_iter().try_for_each(push)
    })
}

/// Writes the values that `fill` pushes into `out` as an array of this shape: memory does not grow with the array.
///
/// # Errors
/// Errors from `out` and `fill`, and a number of values that does not match the shape.
pub fn write_streamed<T: AutoSerialize + Serialize, E: From<std::io::Error>>(
    out: &mut dyn Write,
    shape: &[usize],
    fill: impl FnOnce(&mut dyn FnMut(T) -> Result<()>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(out).begin_nd()?;
    fill(&mut |value| writer.push(&value))?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write(&path, &[2, 3], [1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(array.shape(), [2, 3]);
        assert_eq!(array.into_vec::<f32>().unwrap()[5], 6.0);
    }

    #[test]
    fn too_few_values_are_an_error_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write(&dir.path().join("a.npy"), &[2], [1f32]).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
