//! A CK+ tree drawn into a temporary folder: no pixel of anybody's data set.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod any_bytes;

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

/// Width and height of the drawn images.
pub const SIZE: (u32, u32) = (64, 56);

/// Names of the label folders: CK+ was shipped with both spellings.
#[derive(Clone, Copy)]
pub struct Spelling {
    pub emotion: &'static str,
    pub facs: &'static str,
}

pub const SHORT: Spelling = Spelling {
    emotion: "Emotion",
    facs: "FACS",
};
pub const LONG: Spelling = Spelling {
    emotion: "Emotion_labels",
    facs: "FACS_labels",
};

/// A tree that is being built.
pub struct Tree {
    pub dir: TempDir,
    pub root: PathBuf,
    images: PathBuf,
    spelling: Spelling,
}

impl Tree {
    pub fn new(spelling: Spelling) -> Self {
        Self::nested(spelling, "cohn-kanade-images")
    }

    /// With the images' folder at another place below the root.
    pub fn nested(spelling: Spelling, images: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("CK+");
        let images = root.join(images);
        fs::create_dir_all(&images).unwrap();
        Self {
            root,
            images,
            spelling,
            dir,
        }
    }

    pub fn output(&self) -> PathBuf {
        self.dir.path().join("prepared")
    }

    pub fn frame(&self, subject: u32, sequence: u32, frame: u32) -> PathBuf {
        let folder = self.images.join(format!("S{subject:03}/{sequence:03}"));
        folder.join(format!("S{subject:03}_{sequence:03}_{frame:08}.png"))
    }

    /// Frames 1 to `frames`, each a disc on a ramp that tells subject, sequence and frame apart.
    pub fn frames(&self, subject: u32, sequence: u32, frames: u32) -> &Self {
        for frame in 1..=frames {
            save(
                &self.frame(subject, sequence, frame),
                &drawing(subject, sequence, frame),
            );
        }
        self
    }

    pub fn emotion(&self, subject: u32, sequence: u32, peak: u32, text: &str) -> &Self {
        self.label(
            self.spelling.emotion,
            "emotion",
            subject,
            sequence,
            peak,
            text,
        )
    }

    pub fn facs(&self, subject: u32, sequence: u32, peak: u32, text: &str) -> &Self {
        self.label(self.spelling.facs, "facs", subject, sequence, peak, text)
    }

    /// Landmarks of a schematic face for one frame.
    pub fn landmarks(&self, subject: u32, sequence: u32, frame: u32) -> &Self {
        self.label(
            "Landmarks",
            "landmarks",
            subject,
            sequence,
            frame,
            &landmarks(),
        )
    }

    fn label(
        &self,
        part: &str,
        suffix: &str,
        subject: u32,
        sequence: u32,
        frame: u32,
        text: &str,
    ) -> &Self {
        let name = format!("S{subject:03}_{sequence:03}_{frame:08}_{suffix}.txt");
        self.write(
            &format!("{part}/S{subject:03}/{sequence:03}/{name}"),
            text.as_bytes(),
        )
    }

    /// Any file, relative to the root.
    pub fn write(&self, path: &str, bytes: &[u8]) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// A labelled and coded sequence with landmarks for every frame.
    pub fn sequence(&self, subject: u32, sequence: u32, frames: u32, emotion: u32) -> &Self {
        self.frames(subject, sequence, frames).emotion(
            subject,
            sequence,
            frames,
            &format!("   {emotion}.0000000e+00\n"),
        );
        self.facs(
            subject,
            sequence,
            frames,
            "   1.2000000e+01   3.0000000e+00\n   6.0000000e+00   0.0000000e+00\n",
        );
        (1..=frames).for_each(|frame| {
            self.landmarks(subject, sequence, frame);
        });
        self
    }

    /// Every path below the root with its bytes, to see that nothing was written there.
    pub fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_below(&self.root)
    }
}

/// Every file below a folder with its bytes, sorted by path.
pub fn files_below(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    files.sort();
    files
}

/// Unpacks the golden CK+ into a temporary folder, its files in the order of the archive, which is none, or in the reverse; `rename` may call the
/// parts by their other names.
pub fn unpack(reversed: bool, rename: impl Fn(&str) -> String) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let bytes = include_bytes!("../golden/ck_plus.zip");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes[..])).unwrap();
    let mut order: Vec<usize> = (0..archive.len()).collect();
    if reversed {
        order.reverse();
    }
    for at in order {
        let mut entry = archive.by_index(at).unwrap();
        let path = dir.path().join(rename(&entry.name().unwrap()));
        if entry.is_dir() {
            fs::create_dir_all(path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::copy(&mut entry, &mut fs::File::create(path).unwrap()).unwrap();
    }
    let root = dir.path().join("CK+");
    (dir, root)
}

pub fn drawing(subject: u32, sequence: u32, frame: u32) -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let (dx, dy) = (x as i32 - 32, y as i32 - 28);
        let disc = if dx * dx + dy * dy < 400 { 90 } else { 0 };
        Luma([(x + y + disc + subject % 13 * 3 + sequence + frame * 2).min(255) as u8])
    })
}

pub fn save(path: &Path, image: &GrayImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

pub fn save_rgb(path: &Path, image: &GrayImage) {
    let rgb = RgbImage::from_fn(image.width(), image.height(), |x, y| {
        Rgb([image.get_pixel(x, y)[0]; 3])
    });
    rgb.save(path).unwrap();
}

/// A face about (32, 26): jaw 30 pixels wide, eyes at y = 22, mouth down to y = 34.
pub fn landmarks() -> String {
    let mut text = String::new();
    for point in 0..68 {
        let [x, y] = match point {
            0..17 => [
                17.0 + 30.0 * f64::from(point) / 16.0,
                22.0 + 18.0 * (std::f64::consts::PI * f64::from(point) / 16.0).sin(),
            ],
            17..27 => [32.0, 17.0],
            27..36 => [32.0, 27.0],
            36..48 => [32.0, 22.0],
            _ => [32.0, 34.0],
        };
        text += &format!("   {x:.7e}   {y:.7e}\n");
    }
    text
}

/// `prepare`'s progress for those who do not care.
pub fn go_on(_done: usize, _total: usize) -> bool {
    true
}
