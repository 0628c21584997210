//! Entrances for the fuzz targets in `fuzz/`: each takes any bytes for a file and reads all that can be read of it.

use std::io::Cursor;

use crate::FileTree;
use crate::mat::MatReader;
use crate::pixel_csv::{TableOptions, read_all};
use crate::{ClassMap, LabelMap};

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

/// A zip archive: opened as a tree, every folder listed, every file read under a small limit.
pub fn archive(bytes: &[u8]) {
    const LIMIT: u64 = 1 << 20;
    let Ok(tree) = FileTree::from_zip(bytes) else {
        return;
    };
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in tree.names(&folder).unwrap_or_default() {
            assert!(!matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\']));
            let path = crate::tree::join(&folder, &name);
            if let Ok(bytes) = tree.read(&path, LIMIT) {
                assert!(bytes.len() as u64 <= LIMIT);
            }
            if tree.is_folder(&path) {
                folders.push(path);
            }
        }
    }
}

/// Any bytes as a pixel table, with every way of naming its codes; `true` if it could be read at all.
pub fn table(bytes: &[u8]) -> bool {
    let given = TableOptions {
        classes: Some(ClassMap::six()),
        label_map: LabelMap::CkPlus,
    };
    let named = read_all(bytes, &given).is_ok();
    read_all(bytes, &TableOptions::default()).is_ok() || named
}
