//! Photographs and frames of videos that belong to no data set.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use image::{DynamicImage, RgbImage};
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::error::Error;
use crate::face::{CutFace, FaceCutter};
use crate::picture::decode::{SIDE_LIMIT, read_image};
use crate::read::name::{OTHER_IMAGE, hidden, is_image, is_other_image, is_video};

/// A photograph or a frame of a video, with its faces.
#[derive(Debug)]
pub struct Photo {
    /// The file.
    pub path: PathBuf,
    /// The frame, from 0, of a video.
    pub frame: Option<u64>,
    /// The upright picture, where it is kept.
    pub picture: Option<DynamicImage>,
    /// Its faces.
    pub faces: Vec<CutFace>,
    /// Whether its file is a TIFF with further pages, which are not read.
    pub first_page: bool,
}

/// A file or frame that is of no use, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPhoto {
    /// The file.
    pub path: PathBuf,
    /// The frame of a video.
    pub frame: Option<u64>,
    /// What is wrong with it.
    pub reason: String,
}

/// The images and videos at `path`: the one file, or all in the folder and the folders below it, by name.
///
/// # Errors
/// [`Error::Io`] if it is not there or cannot be listed, [`Error::Unusable`] for a folder without any.
pub fn photo_files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let found = std::fs::metadata(path).map_err(Error::io(path))?;
    if !found.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        let (found, is_folder) = match entry {
            Ok(entry) => (entry.path().to_path_buf(), entry.file_type().is_dir()),
            // A link that leads nowhere or back: to be told when it is opened.
            Err(error) => (error.path().unwrap_or(path).to_path_buf(), false),
        };
        let name = found.file_name().unwrap_or_default().to_string_lossy();
        let shown = is_image(&name) || is_video(&name) || is_other_image(&name);
        if shown && !is_folder && !hidden(&name) {
            files.push(found);
        }
    }
    match files.is_empty() {
        true => Err(Error::unusable(
            path,
            "no PNG, JPEG, BMP, TIFF or video in this folder",
        )),
        false => Ok(files),
    }
}

/// The photographs and frames of `files` in their order, `at_once` of them at a time, read and searched on rayon's current
/// pool. A video is decoded by an installed ffmpeg. Pictures are dropped, unless they are to be kept.
pub fn photos<'a>(
    files: &'a [PathBuf],
    cutter: &'a FaceCutter,
    at_once: usize,
    keep: bool,
) -> impl Iterator<Item = Vec<Result<Photo, NoPhoto>>> + Send + 'a {
    let mut waiting = files.iter().flat_map(|file| pictures(file));
    std::iter::from_fn(move || {
        let some: Vec<Unread> = waiting.by_ref().take(at_once).collect();
        let read = some.into_par_iter().map(|unread| unread.read(cutter, keep));
        Some(read.collect::<Vec<_>>()).filter(|read| !read.is_empty())
    })
}

/// A picture before its faces are sought; an image file is read only then.
struct Unread<'a> {
    path: &'a Path,
    frame: Option<(u64, Result<DynamicImage, String>)>,
}

impl Unread<'_> {
    fn read(self, cutter: &FaceCutter, keep: bool) -> Result<Photo, NoPhoto> {
        let (path, frame) = (
            self.path.to_path_buf(),
            self.frame.as_ref().map(|frame| frame.0),
        );
        let picture = match self.frame {
            None if is_other_image(&path.to_string_lossy()) => Err(OTHER_IMAGE.to_owned()),
            None => read_image(&path).map_err(|error| error.reason()),
            Some((_, picture)) => picture.map(|picture| (picture, false)),
        };
        let with_faces = |(picture, first_page): (DynamicImage, bool)| {
            let faces = cutter.faces(&picture);
            match faces.is_empty() {
                true => Err("no face was found".to_owned()),
                false => Ok((keep.then_some(picture), faces, first_page)),
            }
        };
        match picture.and_then(with_faces) {
            Ok((picture, faces, first_page)) => Ok(Photo {
                path,
                frame,
                picture,
                faces,
                first_page,
            }),
            Err(reason) => Err(NoPhoto {
                path,
                frame,
                reason,
            }),
        }
    }
}

fn pictures(path: &Path) -> Box<dyn Iterator<Item = Unread<'_>> + Send + '_> {
    if !is_video(&path.to_string_lossy()) {
        return Box::new(std::iter::once(Unread { path, frame: None }));
    }
    let numbered = |(number, picture)| Unread {
        path,
        frame: Some((number, picture)),
    };
    match Frames::open(path) {
        Ok(frames) => Box::new((0..).zip(frames).map(numbered)),
        Err(reason) => Box::new(std::iter::once(numbered((0, Err(reason))))),
    }
}

/// Longest wait for a frame (our choice): the largest are decoded within a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Frames from ffmpeg: memory holds two.
struct Frames {
    ffmpeg: Child,
    frames: Receiver<io::Result<DynamicImage>>,
    patience: Duration,
    begun: bool,
    ended: bool,
}

impl Frames {
    fn open(video: &Path) -> Result<Self, String> {
        // As an absolute path it is no flag and no address.
        let video = std::path::absolute(video).map_err(|error| error.to_string())?;
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            // A playlist could name other places.
            .args([
                "-nostdin",
                "-v",
                "error",
                "-protocol_whitelist",
                "file,pipe",
                "-i",
            ])
            .arg(video)
            .args(["-map", "0:v:0", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"]);
        Self::of(ffmpeg, PATIENCE)
    }

    /// The frames that a program writes as PPM pictures, one behind the other.
    fn of(mut program: Command, patience: Duration) -> Result<Self, String> {
        let mut ffmpeg = program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("ffmpeg, which decodes videos, does not start ({error}): install it, or give the frames as images"))?;
        let pictures = ffmpeg.stdout.take().ok_or("ffmpeg has no output")?;
        let (send, frames) = sync_channel(0);
        // Of its own, since reading from a program that hangs does not end.
        std::thread::spawn(move || Pictures(BufReader::new(pictures)).pass(&send));
        Ok(Self {
            ffmpeg,
            frames,
            patience,
            begun: false,
            ended: false,
        })
    }

    /// The next picture; `None` behind the last.
    fn picture(&mut self) -> io::Result<Option<DynamicImage>> {
        match self.frames.recv_timeout(self.patience) {
            Ok(picture) => {
                self.begun = true;
                picture.map(Some)
            }
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.patience.as_secs();
                Err(io::Error::other(format!(
                    "ffmpeg wrote no frame for {seconds} seconds and was stopped: the video is damaged, or its disk does not answer"
                )))
            }
            Err(RecvTimeoutError::Disconnected) => match self.ffmpeg.wait()?.success() {
                true if self.begun => Ok(None),
                true => Err(io::Error::other("ffmpeg finds no frame in it")),
                false => Err(io::Error::other(
                    "ffmpeg cannot decode this video to its end",
                )),
            },
        }
    }
}

/// PPM pictures, one behind the other.
struct Pictures(BufReader<ChildStdout>);

impl Pictures {
    /// Sends every picture until the last, an error, or nobody waits.
    fn pass(mut self, to: &SyncSender<io::Result<DynamicImage>>) {
        while let Some(picture) = self.picture().transpose() {
            let last = picture.is_err();
            if to.send(picture).is_err() || last {
                break;
            }
        }
    }

    fn picture(&mut self) -> io::Result<Option<DynamicImage>> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let header = [self.word()?, self.word()?, self.word()?, self.word()?];
        let side = |text: &str| {
            text.parse()
                .ok()
                .filter(|side| (1..=SIDE_LIMIT).contains(side))
        };
        let (Some(width), Some(height), true) = (
            side(&header[1]),
            side(&header[2]),
            header[0] == "P6" && header[3] == "255",
        ) else {
            let found = header.join(" ");
            return Err(io::Error::other(format!(
                "ffmpeg wrote no frame of at most {SIDE_LIMIT} pixels a side ({found})"
            )));
        };
        let mut pixels = vec![0; width as usize * height as usize * 3];
        self.0.read_exact(&mut pixels)?;
        Ok(RgbImage::from_raw(width, height, pixels).map(DynamicImage::from))
    }

    /// A word of a PPM header, and the blank behind it.
    fn word(&mut self) -> io::Result<String> {
        /// Longer than any number of pixels.
        const LIMIT: usize = 16;
        let (mut word, mut byte) = (String::new(), [0]);
        while word.len() < LIMIT {
            self.0.read_exact(&mut byte)?;
            match byte[0].is_ascii_whitespace() {
                true => break,
                false => word.push(char::from(byte[0])),
            }
        }
        Ok(word)
    }
}

impl Iterator for Frames {
    type Item = Result<DynamicImage, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let picture = self
            .picture()
            .map_err(|error| error.to_string())
            .transpose();
        self.ended = !matches!(picture, Some(Ok(_)));
        picture
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        // It may be in the middle of the video; one that has ended is no error.
        let _ = self.ffmpeg.kill();
        let _ = self.ffmpeg.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of a shell's output.
    fn frames(script: &str) -> Vec<Result<DynamicImage, String>> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]);
        let frames = Frames::of(shell, Duration::from_millis(300)).unwrap();
        frames.collect()
    }

    #[test]
    fn a_program_that_hangs_is_stopped_and_told() {
        let stopped = |frame: &Result<DynamicImage, String>| {
            let reason = frame.as_ref().err();
            reason.is_some_and(|reason| reason.contains("was stopped"))
        };
        let at_once = frames("exec sleep 1000");
        assert!(at_once.len() == 1 && stopped(&at_once[0]), "{at_once:?}");
        let later = frames("printf 'P6\\n1 1\\n255\\nabcP6\\n1'; exec sleep 1000");
        assert!(later.len() == 2 && later[0].is_ok() && stopped(&later[1]));
    }

    #[test]
    fn frames_end_with_their_program() {
        let two = frames("printf 'P6\\n1 1\\n255\\nabcP6\\n1 1\\n255\\nabc'");
        assert!(two.len() == 2 && two.iter().all(Result::is_ok), "{two:?}");
        for (script, reason) in [
            ("exit 0", "no frame in it"),
            ("exit 1", "to its end"),
            ("printf 'GIF89a 1 2 3 '", "wrote no frame of at most"),
        ] {
            let one = frames(script);
            let told = one[0].as_ref().unwrap_err();
            assert!(one.len() == 1 && told.contains(reason), "{one:?}");
        }
    }
}
