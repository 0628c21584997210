//! Names of files and folders: which are hidden, archives or images, and how they join.

/// Whether a name is one that finders and packers leave behind: hidden, macOS's `__MACOSX`, Windows' thumbnails.
pub(crate) fn hidden(name: &str) -> bool {
    let left_behind = ["__MACOSX", "Thumbs.db", "desktop.ini"];
    name.starts_with('.')
        || left_behind
            .iter()
            .any(|left| name.eq_ignore_ascii_case(left))
}

/// Whether a name ends like that of a zip archive.
pub(crate) fn is_zip(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".zip")
}

/// `folder/name`; one of them may be the root, `""`.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// Whether a name ends like an image we can read.
pub(crate) fn is_image(name: &str) -> bool {
    ends_in(name, &[".png", ".jpg", ".jpeg", ".jpe", ".jfif"])
}

/// Whether a name ends like an image that we cannot read.
pub(crate) fn is_other_image(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        ".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm",
        ".raw", ".tga", ".tif", ".tiff", ".webp",
    ];
    ends_in(name, OTHERS)
}

/// Why such an image is skipped.
pub(crate) const OTHER_IMAGE: &str = "an image, but neither PNG nor JPEG";

fn ends_in(name: &str, ends: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}
