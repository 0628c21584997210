//! Faces of photographs and videos, and what a run's network sees in them.

pub(crate) mod face;

use std::path::{Path, PathBuf};

use faus_base::file;
use faus_data::face::{CutFace, FaceCutter};
use faus_data::{NoPhoto, Photo, photos};
use faus_fau::UnitFilter;

use crate::album::files::write_pictures;
use crate::error::{Error, Result};
use crate::lens::LayerLens;
use crate::lens::responses::Response;
use crate::photo::face::SeenFace;
use crate::picture::faces::marked_faces;

/// Photographs in memory at a time: enough for all threads.
const AT_ONCE: usize = 32;

/// Looks at photographs with a run's network.
pub struct PhotoViewer<'a> {
    /// The network, and the layer of `units`.
    pub lens: LayerLens<'a>,
    /// Finds and cuts out the faces.
    pub cutter: FaceCutter,
    /// The filters that stand for action units.
    pub units: Vec<UnitFilter>,
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
        self.each(files, |_, faces| faces.iter().try_for_each(&mut take))
    }

    /// Writes into `dir` the tables `faces.csv`, `faces.jsonl` and `skipped.csv`, and with `overlay` each photograph with its
    /// faces marked into `overlay/`. Memory does not grow with the number of photographs.
    ///
    /// # Errors
    /// When the network cannot compute, or a write fails.
    pub fn write(&self, files: &[PathBuf], dir: &Path, overlay: bool) -> Result<Viewed> {
        let path = |name: &str| dir.join(name);
        std::fs::create_dir_all(dir).map_err(Error::write(dir))?;
        let classes = &self.lens.prepared.info().classes;
        let mut viewed = Viewed::default();
        let written = file::write_with(&path("faces.csv"), |table| {
            let mut table = csv::Writer::from_writer(table);
            table.write_record(SeenFace::header(classes))?;
            file::write_with(&path("faces.jsonl"), |lines| {
                viewed = self.each(files, |photo, faces| {
                    for face in faces {
                        table.write_record(face.row(classes))?;
                        writeln!(lines, "{}", face.json(classes))?;
                    }
                    match overlay {
                        true => mark(photo, faces, classes, &path("overlay")),
                        false => Ok(()),
                    }
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
        mut take: impl FnMut(Photo, &[SeenFace]) -> Result<()>,
    ) -> Result<Viewed> {
        let mut viewed = Viewed::default();
        let mut groups = photos(files, &self.cutter, AT_ONCE);
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

/// Writes a photograph with its faces marked, flat, with the folders in the name.
fn mark(photo: Photo, faces: &[SeenFace], classes: &[String], dir: &Path) -> Result<()> {
    let path = photo.path.to_string_lossy();
    let name = path
        .trim_start_matches(['.', '/'])
        .replace(['/', '\\'], "_");
    let frame = photo.frame.map(|frame| format!("-{frame:06}"));
    let marks = faces.iter().map(|face| (face.crop, face.caption(classes)));
    let marked = marked_faces(photo.picture, &marks.collect::<Vec<_>>());
    write_pictures(
        dir,
        &format!("{name}{}", frame.unwrap_or_default()),
        &[marked],
    )
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
