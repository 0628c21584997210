//! Names of files and folders: hidden ones, archives, images, and how they join.

use std::path::Path;

/// Whether the file was left behind by a file manager or an archiver: dot files, macOS's `__MACOSX`, Windows' thumbnails.
pub(crate) fn hidden(name: &str) -> bool {
    let left_behind = |left: &&str| name.eq_ignore_ascii_case(left);
    let named = ["__MACOSX", "Thumbs.db", "desktop.ini"];
    name.starts_with('.') || named.iter().any(left_behind)
}

pub(crate) fn is_zip(name: &str) -> bool {
    ends_in(name, &[".zip"])
}

/// `folder/name`; one of them may be the root, `""`.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// The folder of a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The folder of a path in a tree, `""` for the root, and the name in it.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The folder of a path in a tree, for messages.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// A path without the extension of its file.
pub(crate) fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// The path without `_aligned` before the extension, as RAF-DB's face crops are named.
pub(crate) fn unaligned(path: &str) -> Option<&str> {
    stem(path).strip_suffix("_aligned")
}

/// At most eight names, for messages.
pub(crate) fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "an empty folder".to_owned(),
        1..=8 => names.join(", "),
        more => format!("{} and {} more", names[..8].join(", "), more - 8),
    }
}

/// Whether a name ends like an image that is read: PNG, JPEG, BMP, TIFF.
pub(crate) fn is_image(name: &str) -> bool {
    const READ: &[&str] = &[
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff",
    ];
    ends_in(name, READ)
}

/// Whether a name ends like a video.
pub(crate) fn is_video(name: &str) -> bool {
    const VIDEOS: &[&str] = &[
        ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv",
    ];
    ends_in(name, VIDEOS)
}

/// Whether a name ends like an image of a format that is not read.
pub(crate) fn is_other_image(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        ".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm", ".raw",
        ".tga", ".webp",
    ];
    ends_in(name, OTHERS)
}

/// Why an image of another format is skipped.
pub(crate) const OTHER_IMAGE: &str = "an image, but neither PNG nor JPEG, BMP nor TIFF";

pub(crate) fn ends_in(name: &str, ends: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}
