//! The images and labels of one recording.

use crate::error::Error;
use crate::label::au::AuCoding;
use crate::label::class_map::ClassMap;
use crate::label::expression::Expression;
use crate::label::role::Role;
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT, text_of};
use crate::read::name::join;
use crate::read::source::{RawImage, RawSample};

use super::layout::{Layout, Place, frame_name};
use crate::read::name::{OTHER_IMAGE, is_image, is_other_image};

/// Frames that carry the sequence's label, counted from the end (DESIGN 2).
const PEAK_FRAMES: usize = 3;

/// A recording: one folder of frames, `S005/001`.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub subject: i64,
    /// Folder names: `S005`, `001`.
    pub folders: (String, String),
    /// Its folder in each [`Place`] that has one: names may differ in capitals from place to place.
    pub places: [Option<String>; 4],
}

/// What one recording contributes.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub samples: Vec<RawSample>,
    pub skipped: Vec<Skipped>,
    pub read: Vec<ReadFile>,
    /// Whether the recording has an emotion label that can be read, selected as a class or not.
    pub labelled: bool,
    /// Whether it has an emotion file, which may be unreadable.
    pub has_file: bool,
    /// Whether there are frames but neither a label nor codes.
    pub bare: bool,
    /// The first frame's number where it is not 1: frames may be missing, and this one may not be neutral.
    pub late: Option<u32>,
    /// The last three frames' numbers where they do not follow one another: frames may be missing, and the first of these may
    /// not show the expression yet.
    pub gap: Option<Vec<u32>>,
    /// Expressions that are no class here, once for each image of them.
    pub left_out: Vec<Expression>,
}

/// An image file of the recording.
struct Frame {
    number: u32,
    path: String,
}

/// `stem` without `suffix`, which may be in other capitals.
fn without_suffix<'a>(stem: &'a str, suffix: &str) -> &'a str {
    let at = stem.len().saturating_sub(suffix.len());
    match stem.get(at..) {
        Some(end) if end.eq_ignore_ascii_case(suffix) => &stem[..at],
        _ => stem,
    }
}

impl Sequence {
    pub fn name(&self) -> String {
        format!("{}_{}", self.folders.0, self.folders.1)
    }

    /// Its folder in one of the parts, or where that should be.
    fn within(&self, place: Place, layout: &Layout) -> String {
        let there = self.places[place as usize].clone();
        there.unwrap_or_else(|| {
            let part = layout.part(place).unwrap_or_default();
            format!("{part}/{}/{}", self.folders.0, self.folders.1)
        })
    }

    /// Lists the images that are wanted of this recording. Every failure ends up in `skipped`.
    pub fn read(&self, layout: &Layout, classes: &ClassMap) -> Found {
        let mut found = Found::default();
        let emotion = self.emotion(layout, &mut found);
        let Ok(emotion) = emotion else {
            found.has_file = true;
            return found;
        };
        found.labelled = emotion.is_some();
        found.has_file = found.labelled;
        let aus = self.aus(layout, &mut found);
        let Some(frames) = self.frames(layout, emotion.is_some(), &mut found) else {
            return found;
        };
        if !self.peak_is_there(&frames, &emotion, &aus, layout, &mut found) {
            return found;
        }
        let aus = aus.map_or(AuCoding::NotCoded, |(_, coding)| coding);
        match emotion {
            Some((_, expression)) => {
                self.labelled(layout, classes, expression, aus, &frames, &mut found)
            }
            None => self.held_out(layout, aus, &frames, &mut found),
        }
        found
    }

    /// The label with the frame it is named after; `Ok(None)` if there is none, `Err` if it is there but unusable.
    fn emotion(&self, layout: &Layout, found: &mut Found) -> Result<Option<(u32, Expression)>, ()> {
        self.label_file(
            layout,
            Place::Emotion,
            "_emotion",
            Expression::from_emotion_file,
            found,
        )
    }

    /// The FACS codes with the frame they are named after. A bad file leaves the recording uncoded: to drop one line
    /// of it would call an action unit absent that is present.
    fn aus(&self, layout: &Layout, found: &mut Found) -> Option<(u32, AuCoding)> {
        layout.part(Place::Facs)?;
        self.label_file(
            layout,
            Place::Facs,
            "_facs",
            AuCoding::from_facs_file,
            found,
        )
        .ok()
        .flatten()
    }

    fn label_file<T>(
        &self,
        layout: &Layout,
        place: Place,
        suffix: &str,
        parse: impl Fn(&str) -> Result<T, Error>,
        found: &mut Found,
    ) -> Result<Option<(u32, T)>, ()> {
        let folder = self.within(place, layout);
        let names: Vec<_> = match layout.tree.names(&folder) {
            Ok(names) => {
                let (labels, others) = names.into_iter().partition(|name| is_text(name));
                let others: Vec<String> = others;
                for name in others {
                    let reason =
                        format!("not a label file: expected a name that ends in '{suffix}.txt'");
                    found
                        .skipped
                        .push(Skipped::new(join(&folder, &name), reason));
                }
                labels
            }
            // No folder, an empty folder: not labelled.
            Err(_) if !layout.tree.is_folder(&folder) => return Ok(None),
            Err(error) => return skip(found, folder, error.reason()),
        };
        let [name] = names.as_slice() else {
            return match names.len() {
                0 => Ok(None),
                more => {
                    let reason = format!(
                        "expected one label file, found {more}: {}",
                        names.join(", ")
                    );
                    skip(found, folder, reason)
                }
            };
        };
        let here = join(&folder, name);
        let stem = without_suffix(&name[..name.len() - TEXT.len()], suffix);
        let named = frame_name(stem).filter(|&(s, q, _)| s == self.subject && q == self.folders.1);
        let Some((_, _, frame)) = named else {
            let reason = format!(
                "expected a name like '{}_00000011{suffix}.txt'",
                self.name()
            );
            return skip(found, here, reason);
        };
        let bytes = match layout.tree.read(&here, TEXT_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) => return skip(found, here, error.reason()),
        };
        found.read.push(ReadFile::new(here.clone(), &bytes));
        match parse(&text_of(&bytes)) {
            Ok(value) => Ok(Some((frame, value))),
            Err(error) => skip(found, here, error.reason()),
        }
    }

    /// The frames in order of number, or `None` (and a reason) if there are too few.
    fn frames(&self, layout: &Layout, labelled: bool, found: &mut Found) -> Option<Vec<Frame>> {
        let here = self.within(Place::Images, layout);
        let names = match layout.tree.names(&here) {
            Ok(names) => names,
            Err(error) => {
                found
                    .skipped
                    .push(Skipped::new(here, format!("no frames: {}", error.reason())));
                return None;
            }
        };
        let mut frames: Vec<Frame> = Vec::new();
        for name in &names {
            let path = join(&here, name);
            if is_other_image(name) {
                found.skipped.push(Skipped::new(path, OTHER_IMAGE));
                continue;
            }
            if !is_image(name) {
                continue;
            }
            if !layout.tree.is_file(&path) {
                found.skipped.push(Skipped::new(path, "not a file"));
                continue;
            }
            let stem = name
                .rsplit_once('.')
                .map_or(name.as_str(), |(stem, _)| stem);
            match frame_name(stem).filter(|&(s, q, _)| s == self.subject && q == self.folders.1) {
                Some((_, _, number)) => frames.push(Frame { number, path }),
                None => {
                    let reason = format!("expected a name like '{}_00000001.png'", self.name());
                    found.skipped.push(Skipped::new(path, reason));
                }
            }
        }
        frames.sort_by_key(|frame| frame.number);
        frames.dedup_by(|again, taken| {
            let double = again.number == taken.number;
            if double {
                let reason = format!("frame {} again; {} was taken", again.number, taken.path);
                let path = std::mem::take(&mut again.path);
                found.skipped.push(Skipped::new(path, reason));
            }
            double
        });
        let least = if labelled { PEAK_FRAMES + 1 } else { 1 };
        if frames.len() < least {
            let reason = format!("{} frames; at least {least} are needed", frames.len());
            found.skipped.push(Skipped::new(here, reason));
            return None;
        }
        Some(frames)
    }

    /// Label files are named after the peak frame, which is the last one. If the frames end before it, the peak is
    /// missing, and what is last is no peak.
    fn peak_is_there(
        &self,
        frames: &[Frame],
        emotion: &Option<(u32, Expression)>,
        aus: &Option<(u32, AuCoding)>,
        layout: &Layout,
        found: &mut Found,
    ) -> bool {
        let last = frames.last().map_or(0, |frame| frame.number);
        let named = [emotion.as_ref().map(|e| e.0), aus.as_ref().map(|a| a.0)]
            .into_iter()
            .flatten()
            .max();
        match named {
            Some(peak) if peak > last => {
                let here = self.within(Place::Images, layout);
                let reason = format!(
                    "frames are missing: the labels are of frame {peak}, the last image is frame {last}"
                );
                found.skipped.push(Skipped::new(here, reason));
                false
            }
            Some(peak) if peak < last => {
                let here = self.within(Place::Images, layout);
                let reason = format!(
                    "the labels are of frame {peak}, but the images go on to frame {last}; the last ones were taken"
                );
                found.skipped.push(Skipped::new(here, reason));
                true
            }
            _ => true,
        }
    }

    /// First frame neutral, last three the label (DESIGN 2); those that are classes here.
    fn labelled(
        &self,
        layout: &Layout,
        classes: &ClassMap,
        expression: Expression,
        aus: AuCoding,
        frames: &[Frame],
        found: &mut Found,
    ) {
        let peaks = &frames[frames.len() - PEAK_FRAMES..];
        let numbers: Vec<u32> = peaks.iter().map(|frame| frame.number).collect();
        found.late = (frames[0].number > 1).then_some(frames[0].number);
        let follow = numbers.windows(2).all(|two| two[0] + 1 == two[1]);
        found.gap = (!follow).then_some(numbers);
        match classes.label_of(Expression::Neutral) {
            Some(label) => found.samples.push(self.sample(
                layout,
                &frames[0],
                Role::Labelled,
                label,
                AuCoding::NotCoded,
            )),
            None => found.left_out.push(Expression::Neutral),
        }
        let Some(label) = classes.label_of(expression) else {
            found.left_out.extend([expression; PEAK_FRAMES]);
            return;
        };
        for (at, frame) in peaks.iter().enumerate() {
            let aus = if at + 1 == PEAK_FRAMES {
                aus.clone()
            } else {
                AuCoding::NotCoded
            };
            found
                .samples
                .push(self.sample(layout, frame, Role::Labelled, label, aus));
        }
    }

    /// The peak frame of a recording with FACS codes but no emotion label. Without either there is nothing to hold out.
    fn held_out(&self, layout: &Layout, aus: AuCoding, frames: &[Frame], found: &mut Found) {
        match (frames.last(), &aus) {
            (Some(peak), AuCoding::Coded(_)) => {
                found
                    .samples
                    .push(self.sample(layout, peak, Role::HeldOut, -1, aus))
            }
            _ => found.bare = true,
        }
    }

    fn sample(
        &self,
        layout: &Layout,
        frame: &Frame,
        role: Role,
        label: i64,
        aus: AuCoding,
    ) -> RawSample {
        let landmarks = layout.part(Place::Landmarks).map(|_| {
            let folder = self.within(Place::Landmarks, layout);
            let name = frame.path.rsplit('/').next().unwrap_or_default();
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            let named = |end| join(&folder, &format!("{stem}_landmarks{end}"));
            let there = [TEXT, ".TXT"].map(named);
            there.into_iter().find(|path| layout.tree.is_file(path))
        });
        RawSample {
            image: RawImage::File,
            path: frame.path.clone(),
            subject: self.subject,
            sequence: self.name(),
            frame: frame.number,
            role,
            label,
            aus,
            landmarks: landmarks.flatten(),
            is_face: false,
            parts: Vec::new(),
        }
    }
}

/// Notes a bad input and gives up on it.
fn skip<T>(found: &mut Found, path: String, reason: String) -> Result<T, ()> {
    found.skipped.push(Skipped::new(path, reason));
    Err(())
}

/// How the names of label files end.
const TEXT: &str = ".txt";

fn is_text(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(TEXT)
}
