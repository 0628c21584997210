//! Entrances for the fuzz targets in `fuzz/`: each takes any bytes for a file and reads all that can be read of it.

use std::io::Cursor;

use crate::mat::MatReader;

/// A MATLAB file: lists every variable and reads the numeric ones under a small limit.
pub fn mat(bytes: &[u8]) {
    let Ok(mut file) = MatReader::new(Cursor::new(bytes)) else {
        return;
    };
    while let Ok(Some(mut variable)) = file.next_variable() {
        let mut start = [0; 64];
        let few = variable.count().min(64) as usize;
        if variable.read_bytes(&mut start[..few]).is_ok() {
            assert!(!variable.dimensions.is_empty());
        }
    }
    let Ok(mut file) = MatReader::new(Cursor::new(bytes)) else {
        return;
    };
    while let Ok(Some(variable)) = file.next_variable() {
        let count = variable.count();
        if let Ok(numbers) = variable.whole_numbers(1 << 16) {
            assert_eq!(numbers.len() as u64, count);
        }
    }
}
