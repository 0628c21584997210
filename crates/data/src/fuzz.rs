//! Entrances for the fuzz targets in `fuzz/`: each takes any bytes for a file and reads all that can be read of it.

use std::io::{Cursor, Write};
use std::sync::OnceLock;

use image::GrayImage;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::face::{FaceDetector, FaceSearch};
use crate::label::class_map::ClassMap;
use crate::label::label_map::LabelMap;
use crate::read::ck_plus::CkPlus;
use crate::read::folders::{FolderOptions, Folders};
use crate::read::mat::MatReader;
use crate::read::pixel_csv::{TableOptions, read_all};
use crate::read::source::Source;
use crate::read::tree::FileTree;

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

/// A zip archive: opened as a tree, every folder listed, files read under a small limit, until some megabytes were read:
/// a few kilobytes can hold hundreds of entries that share one piece of data and become gigabytes, which teaches nothing.
pub fn archive(bytes: &[u8]) {
    const LIMIT: u64 = 2 << 20;
    const IN_ALL: usize = 8 << 20;
    let mut inflated = 0;
    let Ok(tree) = FileTree::from_zip(bytes) else {
        return;
    };
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in tree.names(&folder).unwrap_or_default() {
            assert!(!matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\']));
            let path = crate::read::name::join(&folder, &name);
            if inflated < IN_ALL
                && let Ok(bytes) = tree.read(&path, LIMIT)
            {
                assert!(bytes.len() as u64 <= LIMIT);
                inflated += bytes.len();
            }
            if tree.is_folder(&path) {
                folders.push(path);
            }
        }
    }
}

/// Files, one a line, a tab between path and contents: read as class folders and as CK+.
///
/// # Panics
/// If a source lists what is not there, twice, or with a label that is no class.
pub fn layout(bytes: &[u8]) {
    const FILES: usize = 200;
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for line in String::from_utf8_lossy(bytes).lines().take(FILES) {
        let (path, contents) = line.split_once('\t').unwrap_or((line, ""));
        if zip.start_file(path, stored).is_ok() {
            let _ = zip.write_all(contents.as_bytes());
        }
    }
    let Ok(packed) = zip.finish() else {
        return;
    };
    let Ok(tree) = FileTree::from_zip(packed.get_ref()) else {
        return;
    };
    if let Ok(folders) = Folders::in_tree(tree.clone(), &FolderOptions::default()) {
        lists_what_is_there(&folders, &tree);
    }
    if let Ok(ck_plus) = CkPlus::in_tree(tree, ClassMap::eight()) {
        let root = ck_plus.tree().clone();
        lists_what_is_there(&ck_plus, &root);
    }
}

fn lists_what_is_there(source: &dyn Source, tree: &FileTree) {
    let Ok(scan) = source.scan() else {
        return;
    };
    let classes = source.class_names().len() as i64;
    let mut paths: Vec<_> = scan.samples.iter().map(|s| s.path.as_str()).collect();
    paths.sort_unstable();
    for sample in &scan.samples {
        assert!((-1..classes).contains(&sample.label) && tree.is_file(&sample.path));
    }
    assert!(paths.windows(2).all(|pair| pair[0] != pair[1]));
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
    crate::picture::decode::agree(bytes);
    let Some((&[width, height, cut], rest)) = bytes.split_first_chunk() else {
        return;
    };
    // Wider than any step of the fast decoder, and small, so that many can be tried.
    let (width, height) = (width & 0x7f, height & 0x1f);
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
        crate::picture::decode::agree(&png);
    }
}

/// An image of any shape and content, a row of pixels that is repeated and shifted, searched in any way. Searches are small
/// ones, so that many can be made; one in 32 is the search of `find`, whose second try takes longest.
///
/// # Panics
/// If a box reaches outside the image.
pub fn detector(bytes: &[u8]) {
    static DETECTOR: OnceLock<Option<FaceDetector>> = OnceLock::new();
    let Some((&[width, height, shift, how, score], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let pixel = |x: u32, y: u32| {
        let at = x as usize + y as usize * usize::from(shift);
        image::Luma([rest.get(at % rest.len().max(1)).copied().unwrap_or(0)])
    };
    let image = GrayImage::from_fn(1 + u32::from(width), 1 + u32::from(height), pixel);
    let Some(detector) = DETECTOR.get_or_init(|| FaceDetector::new().ok()) else {
        return;
    };
    let search = FaceSearch {
        smallest: [1.0, 0.9, 0.7, 0.5][usize::from(how & 3)],
        largest: 1.0,
        score: f64::from(score) / 64.0 - 1.0,
        step: [0.8, 0.6][usize::from(how >> 2 & 1)],
        stride: 2 + u32::from(how >> 3 & 3),
    };
    let found = match how >> 3 == 31 {
        true => detector.find(&image),
        false => detector.search(&image, search),
    };
    if let Some(found) = found {
        assert!(found.w > 0 && found.h > 0);
        assert!(found.x + found.w <= image.width() && found.y + found.h <= image.height());
    }
}
