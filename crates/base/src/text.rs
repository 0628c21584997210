//! Text as people save it: byte-order marks, encodings, and files of another kind under a text's name.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::DeserializeOwned;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The text of a file, without a byte-order mark.
///
/// # Errors
/// What the file is instead, and the way out.
pub fn plain(bytes: &[u8]) -> Result<&str, String> {
    if let Some(other) = other_kind(bytes) {
        return Err(other.to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        format!(
            "text that is not UTF-8 in line {line}: save it as UTF-8 (a spreadsheet: CSV UTF-8)"
        )
    })?;
    Ok(text.trim_start_matches('\u{feff}'))
}

/// The value of a JSON file.
///
/// # Errors
/// What the file is instead, or what is wrong with the JSON.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_str(plain(bytes)?).map_err(|error| error.to_string())
}

/// Names in canonical composition (Unicode NFC). File systems and editors differ: the one letter ü and u with a combining
/// mark are the same name.
pub fn composed(name: &str) -> Cow<'_, str> {
    match name.is_ascii() || is_nfc(name) {
        true => name.into(),
        false => name.nfc().collect::<String>().into(),
    }
}

/// Whether a text is what programs write for a missing value: pandas, R, spreadsheets and databases. `NA` is left to the
/// caller, since it is also a name, and so is `None`, which may mean no action unit.
pub fn is_missing(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    ["", "?", "nan", "<na>", "n/a", "#n/a", "null"].contains(&text.as_str())
}

/// A number with its noun, which is given in the singular: `1 filter`, `2 filters`, `2 people`, `2 classes`.
pub fn counted(number: impl Display, what: &str) -> String {
    let number = number.to_string();
    match (&*number, what.strip_suffix("person")) {
        ("1", _) => format!("1 {what}"),
        (_, Some(before)) => format!("{number} {before}people"),
        _ if what.ends_with("ss") || what.ends_with("ch") => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// Beginnings of other kinds of file, with the place of each in bytes, and the way out.
#[rustfmt::skip]
const OTHER_KINDS: [(usize, &[u8], &str); 22] = [
    (0, b"\x1f\x8b", "a gzip archive: unpack it (gunzip, tar -xzf) and name the file in it"),
    (0, b"PK\x03\x04", "a zip archive or a workbook: unpack it, or save its sheet as CSV in UTF-8"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it (7z x) and name the file in it"),
    (0, b"Rar!\x1a\x07", "a RAR archive: unpack it (unrar x) and name the file in it"),
    (0, b"\xfd7zXZ\0", "an xz archive: unpack it (xz -d, tar -xJf) and name the file in it"),
    (0, b"BZh", "a bzip2 archive: unpack it (bunzip2, tar -xjf) and name the file in it"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it (zstd -d) and name the file in it"),
    (257, b"ustar", "a tar archive: unpack it (tar -xf) and name the file in it"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file: write its table as CSV (pandas: DataFrame.to_csv)"),
    (0, b"MATLAB ", "a MATLAB file: write its table as CSV (MATLAB: writetable)"),
    (0, b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls): save its sheet as CSV in UTF-8"),
    (0, b"\x93NUMPY", "a numpy array: write a table with a header (pandas: DataFrame.to_csv)"),
    (0, b"PAR1", "a Parquet file: write it as CSV (pandas: DataFrame.to_csv)"),
    (0, b"SQLite format 3", "an SQLite database: write its table as CSV"),
    (0, b"%PDF", "a PDF: name the table itself"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\xff\xfe\0\0", "text in UTF-32: save it as UTF-8"),
    (0, b"\xff\xfe", "text in UTF-16: save it as UTF-8 (a spreadsheet: CSV UTF-8)"),
    (0, b"\xfe\xff", "text in UTF-16: save it as UTF-8 (a spreadsheet: CSV UTF-8)"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch that with `git lfs pull`"),
    (0, b"\x80\x04\x95", "a Python pickle, which is never loaded: write it as CSV (pandas: DataFrame.to_csv)"),
];

/// What a file that should be text is instead, by its first bytes (512 are enough), and the way out.
pub fn other_kind(start: &[u8]) -> Option<&'static str> {
    let begins =
        |(at, magic): (usize, &[u8])| start.get(at..).is_some_and(|s| s.starts_with(magic));
    let mut known = OTHER_KINDS.iter();
    if let Some((.., kind)) = known.find(|(at, magic, _)| begins((*at, magic))) {
        return Some(kind);
    }
    let start = &start[..start.len().min(512)];
    let first = start.trim_ascii_start().to_ascii_lowercase();
    if first.starts_with(b"<!doctype") || first.starts_with(b"<html") {
        return Some(
            "a web page (HTML), as a download without a login leaves it: download the file again in a browser",
        );
    }
    match start {
        [0, _, 0, _, ..] | [_, 0, _, 0, ..] => {
            Some("text in UTF-16 or binary data: save it as text in UTF-8")
        }
        _ if start.contains(&0) => Some("binary data, not text"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mark_is_passed_over_and_other_encodings_are_named() {
        assert_eq!(plain("\u{feff}a\n".as_bytes()), Ok("a\n"));
        assert_eq!(json::<Vec<u8>>("\u{feff}[1]".as_bytes()), Ok(vec![1]));
        let utf16 =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for bytes in [utf16("\u{feff}a,b"), utf16("a,b"), utf16("[1, 2]")] {
            let error = json::<Vec<u8>>(&bytes).unwrap_err();
            assert!(
                error.contains("UTF-16") && error.contains("UTF-8"),
                "{error}"
            );
        }
        let latin = plain(b"a\nM\xfcller\n").unwrap_err();
        assert!(
            latin.contains("line 2") && latin.contains("UTF-8"),
            "{latin}"
        );
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(counted(1, "action unit"), "1 action unit");
        assert_eq!(counted(0, "action unit"), "0 action units");
        assert_eq!(counted(2u64, "other person"), "2 other people");
        assert_eq!(
            (counted(1, "person"), counted(3, "class")),
            ("1 person".into(), "3 classes".into())
        );
    }

    #[test]
    fn other_kinds_are_named_with_a_way_out() {
        let tar = [&[0; 257][..], b"ustar\x0000"].concat();
        for (bytes, kind) in [
            (&tar[..], "tar archive"),
            (b"\x89HDF\r\n\x1a\nxx", "HDF5"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
            (b"BZh91AY&SY", "bzip2"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"\n<!DOCTYPE html><html>", "web page"),
            (b"abc\0def", "binary"),
        ] {
            let found = plain(bytes).unwrap_err();
            assert!(found.contains(kind), "{found}");
        }
        assert_eq!(other_kind(b"emotion,pixels\n"), None);
    }

    #[test]
    fn composed_and_decomposed_names_are_the_same() {
        assert_eq!(composed("Mu\u{308}ller"), "M\u{fc}ller");
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
        assert!(matches!(composed("S005"), Cow::Borrowed("S005")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = plain(&bytes);
        }
    }
}
