//! Any bytes as each kind of input file, read through the public readers. Shared with the targets in `fuzz/`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use faus_data::face::{FaceDetector, FaceSearch};
use faus_data::{
    CkPlus, ClassMap, CodedSet, Error, FileTree, FolderLabels, Folders, LabelMap, PixelCsv, Source,
    Tfd, decode_grey,
};
use image::GrayImage;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file in a temporary folder.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// A MATLAB file: opened as TFD, which reads every variable.
pub fn mat(bytes: &[u8]) {
    let (_dir, path) = file("TFD_48x48.mat", bytes);
    if let Ok(tfd) = Tfd::open(&path, 48, None, false) {
        fetch_all(&tfd);
    }
}

/// A zip archive: every folder listed, files read under a small limit, until some megabytes were read: a few kilobytes can
/// hold hundreds of entries that share one piece of data and become gigabytes, which teaches nothing.
pub fn archive(bytes: &[u8]) {
    const LIMIT: u64 = 2 << 20;
    const IN_ALL: usize = 8 << 20;
    let (_dir, path) = file("any.zip", bytes);
    let Ok(tree) = FileTree::open(&path) else {
        return;
    };
    let (mut inflated, mut folders) = (0, vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for name in tree.names(&folder).unwrap_or_default() {
            assert!(!matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\']));
            let path = match folder.as_str() {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
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

/// Files, one a line, a tab between path and contents: read as class folders, as sets with codes and as CK+.
pub fn layout(bytes: &[u8]) {
    const FILES: usize = 200;
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let (_dir, path) = file("any.zip", b"");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    for line in String::from_utf8_lossy(bytes).lines().take(FILES) {
        let (path, contents) = line.split_once('\t').unwrap_or((line, ""));
        if zip.start_file(path, stored).is_ok() {
            let _ = zip.write_all(contents.as_bytes());
        }
    }
    if zip.finish().is_err() {
        return;
    }
    if let Ok(folders) = Folders::open(&path, None, None) {
        lists_what_is_there(&folders);
    }
    for source in ["disfa", "disfa_plus", "bp4d", "raf"] {
        if let Ok(coded) = CodedSet::open(source, &path, None) {
            lists_what_is_there(&coded);
        }
    }
    let labels = FolderLabels {
        pattern: Some("raf_db".to_owned()),
        ..FolderLabels::default()
    };
    if let Ok(named) = Folders::with_labels(&path, None, None, &labels) {
        lists_what_is_there(&named);
    }
    if let Ok(ck_plus) = CkPlus::open(&path, ClassMap::eight()) {
        lists_what_is_there(&ck_plus);
    }
}

fn lists_what_is_there(source: &dyn Source) {
    let Ok(scan) = source.scan() else {
        return;
    };
    let classes = source.class_names().len() as i64;
    for sample in &scan.samples {
        let fetched = source.fetch(sample);
        assert!((-1..classes).contains(&sample.label) && !matches!(fetched, Err(Error::Io { .. })));
    }
    let mut paths: Vec<_> = scan.samples.iter().map(|s| s.path.as_str()).collect();
    paths.sort_unstable();
    assert!(paths.windows(2).all(|pair| pair[0] != pair[1]));
}

/// A pixel table, with every way of naming its codes.
pub fn table(bytes: &[u8]) {
    let (_dir, path) = file("any.csv", bytes);
    for (classes, map) in [
        (None, LabelMap::Auto),
        (Some(ClassMap::six()), LabelMap::CkPlus),
    ] {
        if let Ok(table) = PixelCsv::open(&path, classes, &map) {
            fetch_all(&table);
        }
    }
}

fn fetch_all(source: &dyn Source) {
    for sample in source.scan().map(|scan| scan.samples).unwrap_or_default() {
        let _ = source.fetch(&sample);
    }
}

/// An image file.
pub fn image(bytes: &[u8]) {
    if let Ok(image) = decode_grey(bytes, Path::new("any")) {
        assert!(image.width() > 0 && image.height() > 0);
    }
}

/// An image of any shape and content, a row of pixels that is repeated and shifted, searched in any way. Searches are small
/// ones, so that many can be made; one in 32 is the search of `find`, whose second try takes longest.
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
