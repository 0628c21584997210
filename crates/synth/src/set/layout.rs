//! The folders and files of the official CK+ layout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::camera::Rendered;
use crate::error::Error;
use crate::set::plan::Sequence;

/// A data set that is written beside its final place; it removes itself if dropped unfinished.
pub(crate) struct Writer {
    /// Holds the folder `set`: the temporary folder itself is closed to other users.
    work: TempDir,
    output: PathBuf,
}

/// A frame's name: `S005_001_00000011` of sequence `S005/001`.
pub(crate) fn stem(place: &str, frame: usize) -> String {
    format!("{}_{frame:08}", place.replace('/', "_"))
}

impl Writer {
    pub fn begin(output: &Path) -> Result<Self, Error> {
        if is_occupied(output).map_err(Error::io(output, "reading"))? {
            return Err(Error::OutputNotEmpty(output.to_path_buf()));
        }
        // An empty folder given by another name (`.`, a link) is replaced at its real place.
        let output = fs::canonicalize(output).unwrap_or(output.to_path_buf());
        let parent = output.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        // Made only where it is missing: of a file in its place the system then says that it is no directory.
        let made = match parent.exists() {
            true => Ok(()),
            false => fs::create_dir_all(parent),
        };
        let work = made
            .and_then(|()| TempDir::with_prefix_in(".faus-synth-", parent))
            .map_err(Error::io(&output, "making the folder"))?;
        Ok(Self { work, output })
    }

    /// Emotion and FACS files, named after the peak frame; an unlabelled sequence's emotion folder stays empty.
    pub fn labels(&self, place: &str, sequence: &Sequence) -> Result<(), Error> {
        let stem = stem(place, sequence.length);
        let folder = self.set().join("Emotion").join(place);
        fs::create_dir_all(&folder).map_err(Error::io(&folder, "making the folder"))?;
        if let Some(shown) = sequence.emotion {
            let text = table([[f64::from(shown.code())]]);
            self.put(format!("Emotion/{place}/{stem}_emotion.txt"), text)?;
        }
        let codes = sequence.coding.iter();
        let text = table(codes.map(|&(au, level)| [f64::from(au), f64::from(level)]));
        self.put(format!("FACS/{place}/{stem}_facs.txt"), text)
    }

    /// One frame with its landmarks.
    pub fn picture(&self, place: &str, frame: usize, picture: &Rendered) -> Result<(), Error> {
        let stem = stem(place, frame);
        let mut png = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive);
        let encoded = picture.image.write_with_encoder(encoder);
        encoded.map_err(|e| Error::io(&self.output, "encoding a PNG")(io::Error::other(e)))?;
        self.put(format!("cohn-kanade-images/{place}/{stem}.png"), png)?;
        let text = table(picture.landmarks.map(|(x, y)| [f64::from(x), f64::from(y)]));
        self.put(format!("Landmarks/{place}/{stem}_landmarks.txt"), text)
    }

    /// True parameters, as JSON.
    pub fn parameters(&self, name: &str, truth: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(truth)
            .map_err(|source| Error::io(&self.output, "describing")(source.into()))?;
        self.put(format!("Parameters/{name}.json"), text + "\n")
    }

    fn set(&self) -> PathBuf {
        self.work.path().join("set")
    }

    fn put(&self, name: String, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let path = self.set().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))
            .and_then(|()| fs::write(&path, bytes))
            .map_err(Error::io(&path, "writing"))
    }

    /// Stamps the set and moves it into its place.
    pub fn finish(self, stamp: &Value) -> Result<(), Error> {
        let path = self.set().join("synthetic.json");
        faus_base::file::write_json(&path, stamp).map_err(Error::io(&path, "writing"))?;
        // An empty folder in its place is replaced.
        fs::rename(self.set(), &self.output).map_err(Error::io(&self.output, "moving into place"))
    }
}

fn is_occupied(output: &Path) -> io::Result<bool> {
    Ok(output.exists() && (!output.is_dir() || fs::read_dir(output)?.next().is_some()))
}

/// Lines of numbers as CK+'s files have them.
fn table<const N: usize>(rows: impl IntoIterator<Item = [f64; N]>) -> String {
    let cell = |number| format!("   {}", as_matlab(number));
    let line = |row: [f64; N]| row.map(cell).concat() + "\n";
    rows.into_iter().map(line).collect()
}

/// `3.0000000e+00`.
fn as_matlab(value: f64) -> String {
    let text = format!("{value:.7e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{power:+03}")
}

#[cfg(test)]
mod tests {
    use super::as_matlab;

    #[test]
    fn numbers_look_like_those_of_ck_plus() {
        assert_eq!(as_matlab(3.0), "3.0000000e+00");
        assert_eq!(as_matlab(301.5), "3.0150000e+02");
        assert_eq!(as_matlab(0.0), "0.0000000e+00");
        assert_eq!(as_matlab(-0.0125), "-1.2500000e-02");
    }
}
