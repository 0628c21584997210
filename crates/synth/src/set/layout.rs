//! The folders and files of the official CK+ layout.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde_json::Value;

use crate::camera::Rendered;
use crate::error::Error;
use crate::set::plan::Sequence;
use crate::set::truth::PictureTruth;

/// A data set that is written beside its final place; dropped unfinished, it removes itself.
pub(crate) struct Writer {
    draft: PathBuf,
    output: PathBuf,
    finished: bool,
}

/// Folder names of one sequence.
pub(crate) struct Place {
    pub subject: String,
    pub sequence: String,
}

impl Place {
    /// By CK+'s numbers.
    pub fn new(subject: usize, sequence: usize) -> Self {
        Self {
            subject: format!("S{subject:03}"),
            sequence: format!("{sequence:03}"),
        }
    }

    /// The start of a file's name.
    fn stem(&self, frame: usize) -> String {
        format!("{}_{}_{frame:08}", self.subject, self.sequence)
    }
}

impl Writer {
    pub fn begin(output: &Path) -> Result<Self, Error> {
        if is_occupied(output).map_err(Error::io(output, "reading"))? {
            return Err(Error::OutputNotEmpty {
                path: output.to_path_buf(),
            });
        }
        // A folder that is there, under another name (`.`, a link), is replaced where it really lies.
        let output = match output.exists() {
            true => fs::canonicalize(output).map_err(Error::io(output, "finding the folder"))?,
            false => output.to_path_buf(),
        };
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let draft = output.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        faus_base::file::remove(&draft).map_err(Error::io(&draft, "clearing the draft"))?;
        // A failure here is about the folder named by the user, not about the draft's name.
        fs::create_dir_all(&draft).map_err(Error::io(&output, "making the folder"))?;
        Ok(Self {
            draft,
            output,
            finished: false,
        })
    }

    fn folder(&self, kind: &str, place: &Place) -> Result<PathBuf, Error> {
        let folder = self.draft.join(kind).join(&place.subject);
        let folder = folder.join(&place.sequence);
        fs::create_dir_all(&folder).map_err(Error::io(&folder, "making the folder"))?;
        Ok(folder)
    }

    /// Emotion and FACS files, named after the peak frame; an unlabelled sequence's emotion folder stays empty.
    pub fn labels(&self, place: &Place, sequence: &Sequence) -> Result<(), Error> {
        let stem = place.stem(sequence.length);
        let folder = self.folder("Emotion", place)?;
        if let Some(shown) = sequence.emotion {
            let text = table([[f64::from(shown.code())]]);
            write(&folder.join(format!("{stem}_emotion.txt")), &text)?;
        }
        let codes = sequence.coding.iter();
        let text = table(codes.map(|&(au, level)| [f64::from(au), f64::from(level)]));
        let folder = self.folder("FACS", place)?;
        write(&folder.join(format!("{stem}_facs.txt")), &text)
    }

    /// One frame with its landmarks.
    pub fn picture(&self, place: &Place, frame: usize, picture: &Rendered) -> Result<(), Error> {
        let stem = place.stem(frame);
        let path = self.folder("cohn-kanade-images", place)?;
        let path = path.join(format!("{stem}.png"));
        let (width, height) = picture.image.dimensions();
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
            .write_image(&picture.image, width, height, ExtendedColorType::L8)
            .map_err(|source| Error::Encode {
                path: path.clone(),
                source,
            })?;
        write(&path, &png)?;
        let text = table(picture.landmarks.map(|(x, y)| [f64::from(x), f64::from(y)]));
        let folder = self.folder("Landmarks", place)?;
        write(&folder.join(format!("{stem}_landmarks.txt")), &text)
    }

    /// The true parameters of one frame.
    pub fn parameters(
        &self,
        place: &Place,
        frame: usize,
        truth: &PictureTruth,
    ) -> Result<(), Error> {
        let folder = self.folder("Parameters", place)?;
        let path = folder.join(format!("{}.json", place.stem(frame)));
        let text = serde_json::to_string_pretty(truth)
            .map_err(|source| Error::io(&path, "describing")(source.into()))?;
        write(&path, text + "\n")
    }

    /// The true parameters of one person.
    pub fn person(&self, place: &Place, truth: &Value) -> Result<(), Error> {
        let folder = self.folder("Parameters", place)?;
        write(
            &folder.with_file_name("identity.json"),
            format!("{truth:#}\n"),
        )
    }

    /// Stamps the draft and moves it into its place.
    pub fn finish(mut self, stamp: &Value) -> Result<(), Error> {
        let path = self.draft.join("synthetic.json");
        write(&path, format!("{stamp:#}\n"))?;
        File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(Error::io(&path, "syncing"))?;
        if self.output.exists() {
            fs::remove_dir(&self.output)
                .map_err(Error::io(&self.output, "replacing the empty folder"))?;
        }
        fs::rename(&self.draft, &self.output)
            .map_err(Error::io(&self.output, "moving into place"))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: the error that led here is the one to report.
            let _ = fs::remove_dir_all(&self.draft);
        }
    }
}

fn is_occupied(output: &Path) -> std::io::Result<bool> {
    Ok(output.exists() && (!output.is_dir() || fs::read_dir(output)?.next().is_some()))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    fs::write(path, bytes).map_err(Error::io(path, "writing"))
}

/// Lines of numbers as CK+'s files have them.
fn table<const N: usize>(rows: impl IntoIterator<Item = [f64; N]>) -> String {
    let mut text = String::new();
    for row in rows {
        for number in row {
            // Writing to a String cannot fail.
            let _ = write!(text, "   {}", as_matlab(number));
        }
        text.push('\n');
    }
    text
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
