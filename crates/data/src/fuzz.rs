//! Entrances for the fuzz targets in `fuzz/`: each takes any bytes for a file and reads all that can be read of it.

use std::io::Cursor;
use std::sync::OnceLock;

use image::GrayImage;

use crate::FileTree;
use crate::crop::FaceDetector;
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

/// An image file: as it is, and as what a grey PNG holds, with its checksums put right. What the fast decoder takes, the
/// general one must take for the same.
///
/// # Panics
/// If the two disagree.
pub fn image(bytes: &[u8]) {
    crate::grey::agree(bytes);
    let Some((&[width, height, cut], rest)) = bytes.split_first_chunk() else {
        return;
    };
    // Two pieces of image data, with the bytes as they are or packed as lines whose filters may be any.
    let line = usize::from(width) + 1;
    let lines: Vec<u8> = (0..line * usize::from(height))
        .map(|at| match rest.get(at % rest.len().max(1)) {
            Some(byte) if at % line == 0 => byte % 5,
            Some(byte) => *byte,
            None => 0,
        })
        .collect();
    for packed in [rest.to_vec(), fdeflate::compress_to_vec(&lines)] {
        let (one, two) = packed.split_at(packed.len() * usize::from(cut) / 255);
        let header = [0, 0, 0, width, 0, 0, 0, height, 8, 0, 0, 0, 0];
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, content) in [
            (b"IHDR", &header[..]),
            (b"IDAT", one),
            (b"IDAT", two),
            (b"IEND", &[]),
        ] {
            let named = [&name[..], content].concat();
            png.extend((content.len() as u32).to_be_bytes());
            png.extend(&named);
            png.extend(crc32fast::hash(&named).to_be_bytes());
        }
        crate::grey::agree(&png);
    }
}

/// An image of any size and content: a row of pixels, repeated and shifted.
///
/// # Panics
/// If a box reaches outside the image.
pub fn detector(bytes: &[u8]) {
    static DETECTOR: OnceLock<Option<FaceDetector>> = OnceLock::new();
    let Some((&[width, height, shift], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let pixel = |x: u32, y: u32| {
        let at = x as usize + y as usize * usize::from(shift);
        image::Luma([rest.get(at % rest.len().max(1)).copied().unwrap_or(0)])
    };
    let image = GrayImage::from_fn(1 + u32::from(width), 1 + u32::from(height), pixel);
    let detector = DETECTOR.get_or_init(|| FaceDetector::new().ok());
    if let Some(found) = detector.as_ref().and_then(|known| known.find(&image)) {
        assert!(found.x + found.w <= image.width() && found.y + found.h <= image.height());
    }
}
