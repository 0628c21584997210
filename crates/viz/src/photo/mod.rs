//! Faces of photographs and videos, and what a network sees in them.

pub(crate) mod face;

use std::path::{Path, PathBuf};

use faus_base::file;
use faus_data::face::{CutFace, FaceCutter};
use faus_data::{NoPhoto, Photo, photos};
use faus_fau::UnitFilter;
use image::DynamicImage;

use crate::album::files::write_pictures;
use crate::error::{Error, Result};
use crate::lens::responses::{FaceLens, Response};
use crate::photo::face::SeenFace;
use crate::picture::faces::marked_faces;

/// Photographs looked at together: enough for all threads.
const AT_ONCE: usize = 32;
/// Where they stay in memory.
const KEPT: usize = 4;
/// Longest part of a file's name in that of its marked picture.
const NAME: usize = 60;

/// Looks at photographs with a network.
pub struct PhotoViewer<'a> {
    /// The network, and the layer of `units`.
    pub lens: FaceLens<'a>,
    /// Finds and cuts out the faces.
    pub cutter: FaceCutter,
    /// The filters that stand for action units.
    pub units: Vec<UnitFilter>,
    /// Names of the network's outputs, in their order.
    pub classes: Vec<String>,
}

/// What became of the photographs.
#[derive(Debug, Default)]
pub struct Viewed {
    /// Photographs and frames with a face.
    pub photos: usize,
    /// Their faces.
    pub faces: usize,
    /// The others.
    pub without: Vec<NoPhoto>,
    /// Files with further pages, of which the first was looked at.
    pub first_pages: Vec<PathBuf>,
    /// The user stopped the work; what was done is complete.
    pub stopped: bool,
}

impl PhotoViewer<'_> {
    /// Passes every face of `files` (images and videos) to `take`, in their order. A file that is of no use is among
    /// [`Viewed::without`].
    ///
    /// # Errors
    /// When the network cannot compute, or `take` fails.
    pub fn view(
        &self,
        files: &[PathBuf],
        mut take: impl FnMut(&SeenFace) -> Result<()>,
    ) -> Result<Viewed> {
        self.each(files, false, |_, faces| {
            faces.iter().try_for_each(&mut take)
        })
    }

    /// Writes into `dir` the tables `faces.csv`, `faces.jsonl` and `skipped.csv`, and with `overlay` each photograph with its
    /// faces marked into `overlay/`. Memory does not grow with the number of photographs.
    ///
    /// # Errors
    /// When the network cannot compute, or a write fails.
    pub fn write(&self, files: &[PathBuf], dir: &Path, overlay: bool) -> Result<Viewed> {
        let path = |name: &str| dir.join(name);
        std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
        let classes = &self.classes;
        let mut viewed = Viewed::default();
        let written = file::write_with(&path("faces.csv"), |table| {
            let mut table = csv::Writer::from_writer(table);
            table.write_record(SeenFace::header(classes))?;
            file::write_with(&path("faces.jsonl"), |lines| {
                let mut number = 0;
                viewed = self.each(files, overlay, |photo, faces| {
                    number += 1;
                    for face in faces {
                        table.write_record(face.row(classes))?;
                        writeln!(lines, "{}", face.json(classes))?;
                    }
                    let marked = photo.picture.map(|picture| marked(picture, faces, classes));
                    let name = overlay_name(number, &photo.path, photo.frame);
                    let mut pictures = marked.into_iter();
                    pictures.try_for_each(|it| write_pictures(&path("overlay"), &name, &[it]))
                })?;
                Ok::<_, Error>(())
            })?;
            Ok(table.flush()?)
        });
        written.map_err(|error| match error {
            Error::Disk(error) => Error::write(dir)(error),
            other => other,
        })?;
        skipped(&viewed.without, &path("skipped.csv"))?;
        Ok(viewed)
    }

    fn each(
        &self,
        files: &[PathBuf],
        keep: bool,
        mut take: impl FnMut(Photo, &[SeenFace]) -> Result<()>,
    ) -> Result<Viewed> {
        let mut viewed = Viewed::default();
        let at_once = if keep { KEPT } else { AT_ONCE };
        let mut groups = photos(files, &self.cutter, at_once, keep);
        while let Some(group) = self.lens.pool.install(|| groups.next()) {
            let seen = viewed.photos + viewed.without.len();
            viewed.stopped = !(self.lens.progress)("Looking at faces", seen, files.len().max(seen));
            if viewed.stopped {
                break;
            }
            let faces = group.iter().flatten().flat_map(|photo| &photo.faces);
            let crops: Vec<Vec<u8>> = faces.map(|face| face.pixels.clone()).collect();
            let mut responses = self.lens.responses(&crops)?.into_iter();
            for photo in group {
                match photo {
                    Err(none) => viewed.without.push(none),
                    Ok(photo) => {
                        let faces = self.faces(&photo, &mut responses);
                        viewed.photos += 1;
                        if photo.first_page {
                            viewed.first_pages.push(photo.path.clone());
                        }
                        viewed.faces += faces.len();
                        take(photo, &faces)?;
                    }
                }
            }
        }
        Ok(viewed)
    }

    fn faces(
        &self,
        photo: &Photo,
        responses: &mut impl Iterator<Item = Response>,
    ) -> Vec<SeenFace<'_>> {
        let each = (1..).zip(&photo.faces).zip(responses);
        let face = |((number, cut), response): ((usize, &CutFace), Response)| {
            let fires = |unit: &&UnitFilter| {
                let activation = response.activations.get(unit.filter);
                activation.is_some_and(|activation| unit.fires(*activation))
            };
            SeenFace {
                path: photo.path.clone(),
                frame: photo.frame,
                face: number,
                crop: cut.crop,
                fired: self.units.iter().filter(fires).collect(),
                response,
            }
        };
        each.map(face).collect()
    }
}

fn marked(picture: DynamicImage, faces: &[SeenFace], classes: &[String]) -> DynamicImage {
    let marks = faces.iter().map(|face| (face.crop, face.caption(classes)));
    marked_faces(picture, &marks.collect::<Vec<_>>())
}

/// Numbered, so that files of the same name in several folders have one picture each.
fn overlay_name(number: usize, path: &Path, frame: Option<u64>) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem.chars().take(NAME).collect();
    let frame = frame.map(|frame| format!("-{frame:06}"));
    format!("{number:05}-{stem}{}", frame.unwrap_or_default())
}

/// Writes `path,frame,reason`.
fn skipped(without: &[NoPhoto], path: &Path) -> Result<()> {
    let written = file::write_with(path, |out| {
        let mut table = csv::Writer::from_writer(out);
        table.write_record(["path", "frame", "reason"])?;
        for NoPhoto {
            path,
            frame,
            reason,
        } in without
        {
            let frame = frame.map(|frame| frame.to_string());
            table.write_record([&*path.to_string_lossy(), &frame.unwrap_or_default(), reason])?;
        }
        table.flush()
    });
    written.map_err(Error::write(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_marked_pictures_are_short_and_differ() {
        let long = "é".repeat(200) + ".jpg";
        let name = overlay_name(7, Path::new(&long), None);
        assert!(name.starts_with("00007-é") && name.len() < 200, "{name}");
        let frame = overlay_name(1, Path::new("a/b.mp4"), Some(12));
        assert_eq!(frame, "00001-b-000012");
        assert_ne!(overlay_name(2, Path::new("c/b.mp4"), Some(12)), frame);
    }
}
