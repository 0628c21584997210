//! The folders and files of the official CK+ layout.

use crate::error::Error;
use crate::expression::Coding;
use crate::generate::{FACES_VERSION, SynthOptions};
use crate::render::Rendered;
use crate::truth::PictureTruth;
use faus_data::Expression;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A data set that is being written beside its final place; dropped unfinished, it removes itself.
pub(crate) struct Writer {
    draft: PathBuf,
    output: PathBuf,
    finished: bool,
}

const IMAGES: &str = "cohn-kanade-images";
const MASKS: &str = "Masks";
const PARAMETERS: &str = "Parameters";

/// Folder names of one sequence: subject and sequence.
pub(crate) type Place = [String; 2];

/// Folder names of a subject's sequence, by CK+'s numbers.
pub(crate) fn place(subject: usize, sequence: usize) -> Place {
    [format!("S{subject:03}"), format!("{sequence:03}")]
}

impl Writer {
    pub fn begin(output: &Path) -> Result<Self, Error> {
        if is_occupied(output)? {
            return Err(Error::OutputNotEmpty {
                path: output.to_path_buf(),
            });
        }
        // A folder that is there, by whatever name it was called (`.`, a link), is replaced where it really lies.
        let output = &match output.exists() {
            true => fs::canonicalize(output).map_err(Error::io(output, "finding the folder"))?,
            false => output.to_path_buf(),
        };
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let draft = output.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(Error::io(&draft, "clearing the draft"))?;
        }
        // A failure here is about the place that was asked for, not about the draft's name.
        fs::create_dir_all(&draft).map_err(Error::io(output, "making the folder"))?;
        Ok(Self {
            draft,
            output: output.to_path_buf(),
            finished: false,
        })
    }

    fn folder(&self, kind: &str, place: &Place) -> Result<PathBuf, Error> {
        let folder = self.draft.join(kind).join(&place[0]).join(&place[1]);
        make_folder(&folder)?;
        Ok(folder)
    }

    /// Emotion and FACS files, named after the peak frame; an unlabelled sequence's emotion folder stays empty.
    pub fn labels(
        &self,
        place: &Place,
        peak: usize,
        emotion: Option<Expression>,
        coding: &Coding,
    ) -> Result<(), Error> {
        let stem = stem(place, peak);
        let folder = self.folder("Emotion", place)?;
        if let Some(shown) = emotion {
            let text = format!("   {}\n", as_matlab(f64::from(shown.code())));
            write(&folder.join(format!("{stem}_emotion.txt")), text.as_bytes())?;
        }
        let mut text = String::new();
        for &(au, level) in coding {
            let (au, level) = (as_matlab(f64::from(au)), as_matlab(f64::from(level)));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "   {au}   {level}");
        }
        let facs = self.folder("FACS", place)?;
        write(&facs.join(format!("{stem}_facs.txt")), text.as_bytes())
    }

    /// One frame with its landmarks.
    pub fn picture(&self, place: &Place, frame: usize, picture: &Rendered) -> Result<(), Error> {
        let stem = stem(place, frame);
        let path = self.folder(IMAGES, place)?.join(format!("{stem}.png"));
        write_png(&path, &picture.image, FilterType::Adaptive)?;
        let mut text = String::with_capacity(68 * 36);
        for (x, y) in picture.landmarks {
            let (x, y) = (as_matlab(f64::from(x)), as_matlab(f64::from(y)));
            let _ = writeln!(text, "   {x}   {y}");
        }
        let folder = self.folder("Landmarks", place)?;
        write(
            &folder.join(format!("{stem}_landmarks.txt")),
            text.as_bytes(),
        )
    }

    /// Path of a picture within the data set.
    pub fn image_name(&self, place: &Place, frame: usize) -> String {
        let [subject, sequence] = place;
        format!("{IMAGES}/{subject}/{sequence}/{}.png", stem(place, frame))
    }

    /// The pixels that `units` (`12`, `6+12`) change in one frame; answers the mask's path within the data set.
    pub fn mask(
        &self,
        place: &Place,
        frame: usize,
        units: &str,
        mask: &GrayImage,
    ) -> Result<String, Error> {
        let name = format!("{}_au{units}.png", stem(place, frame));
        let path = self.folder(MASKS, place)?.join(&name);
        write_png(&path, mask, FilterType::NoFilter)?;
        let [subject, sequence] = place;
        Ok(format!("{MASKS}/{subject}/{sequence}/{name}"))
    }

    /// The true parameters of one frame.
    pub fn parameters(
        &self,
        place: &Place,
        frame: usize,
        truth: &PictureTruth,
    ) -> Result<(), Error> {
        let folder = self.folder(PARAMETERS, place)?;
        write_json(&folder.join(format!("{}.json", stem(place, frame))), truth)
    }

    /// The true parameters of one person.
    pub fn person(&self, subject: &str, truth: &Value) -> Result<(), Error> {
        let folder = self.draft.join(PARAMETERS).join(subject);
        make_folder(&folder)?;
        write_json(&folder.join("identity.json"), truth)
    }

    /// A table in the root.
    pub fn table(&self, name: &str, text: &str) -> Result<(), Error> {
        write(&self.draft.join(name), text.as_bytes())
    }

    /// Stamps the draft and moves it into its place.
    pub fn finish(
        mut self,
        kind: &str,
        options: &SynthOptions,
        summary: &impl Serialize,
    ) -> Result<(), Error> {
        let stamp = serde_json::json!({
            "generator": "faus-synth",
            "synthetic": true,
            "kind": kind,
            "version": env!("CARGO_PKG_VERSION"),
            "faces_version": FACES_VERSION,
            "seed": options.seed,
            "options": options,
            "summary": summary,
        });
        let path = self.draft.join("synthetic.json");
        write(&path, format!("{stamp:#}\n").as_bytes())?;
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

fn is_occupied(output: &Path) -> Result<bool, Error> {
    if !output.exists() {
        return Ok(false);
    }
    if !output.is_dir() {
        return Ok(true);
    }
    let mut entries = fs::read_dir(output).map_err(Error::io(output, "reading"))?;
    Ok(entries.next().is_some())
}

fn stem(place: &Place, frame: usize) -> String {
    format!("{}_{}_{frame:08}", place[0], place[1])
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::io(path, "making the folder"))
}

fn write_png(path: &Path, image: &GrayImage, filter: FilterType) -> Result<(), Error> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, filter)
        .write_image(image, image.width(), image.height(), ExtendedColorType::L8)
        .map_err(|source| Error::Encode {
            path: path.to_path_buf(),
            source,
        })?;
    write(path, &png)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::io(path, "describing")(source.into()))?;
    write(path, format!("{text}\n").as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    File::create(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(Error::io(path, "writing"))
}

/// A number as CK+'s files have it: `3.0000000e+00`.
fn as_matlab(value: f64) -> String {
    let text = format!("{value:.7e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
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
