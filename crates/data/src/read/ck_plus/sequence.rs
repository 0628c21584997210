//! The images and labels of one recording.

use crate::error::Error;
use crate::label::{AuCoding, ClassMap, Expression, Role};
use crate::read::ck_plus::layout::{Layout, Place, frame_name};
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT, text_of};
use crate::read::name::{OTHER_IMAGE, ends_in, is_image, is_other_image, join, stem};
use crate::read::source::RawSample;

/// Frames that carry the sequence's label, counted from the end: the authors' choice.
const PEAK_FRAMES: usize = 3;

/// A recording: one folder of frames, `S005/001`.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub subject: i64,
    /// Folder names: `S005`, `001`.
    pub folders: (String, String),
    /// Its folder in each [`Place`] that has one: names may differ in case.
    pub places: [Option<String>; 4],
}

/// The contribution of one recording.
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
    /// The first frame's number if it is not 1: frames may be missing, and this one may not be neutral.
    pub late: Option<u32>,
    /// The last three frames' numbers if they are not consecutive: frames may be missing, and the first of these may not
    /// show the expression yet.
    pub gap: Option<Vec<u32>>,
    /// The expression of each image whose expression is not one of the classes.
    pub left_out: Vec<Expression>,
}

/// An image file of the recording.
struct Frame {
    number: u32,
    path: String,
}

impl Sequence {
    pub fn name(&self) -> String {
        format!("{}_{}", self.folders.0, self.folders.1)
    }

    /// Lists the usable images of this recording. Every failure ends up in `skipped`.
    pub fn read(&self, layout: &Layout, classes: &ClassMap) -> Found {
        let mut reading = Reading {
            sequence: self,
            layout,
            found: Found::default(),
        };
        if let Err(skipped) = reading.all(classes) {
            reading.found.skipped.push(skipped);
        }
        reading.found
    }
}

/// A recording being read.
struct Reading<'a> {
    sequence: &'a Sequence,
    layout: &'a Layout,
    found: Found,
}

impl Reading<'_> {
    fn all(&mut self, classes: &ClassMap) -> Result<(), Skipped> {
        self.found.has_file = true;
        let emotion = self.label(Place::Emotion, "_emotion", Expression::from_emotion_file)?;
        self.found.labelled = emotion.is_some();
        self.found.has_file = emotion.is_some();
        let aus = self.aus();
        let least = emotion.map_or(1, |_| PEAK_FRAMES + 1);
        let frames = self.frames(least)?;
        let named = [emotion.map(|e| e.0), aus.as_ref().map(|a| a.0)];
        self.check_peak(&frames, named.into_iter().flatten().max())?;
        let aus = aus.map_or(AuCoding::NotCoded, |(_, coding)| coding);
        match emotion {
            Some((_, expression)) => self.labelled(classes, expression, aus, &frames),
            None => self.held_out(aus, &frames),
        }
        Ok(())
    }

    /// The FACS codes with the frame they are named after. A bad file leaves the recording uncoded: without one of its
    /// lines a present action unit would count as absent.
    fn aus(&mut self) -> Option<(u32, AuCoding)> {
        self.layout.part(Place::Facs)?;
        match self.label(Place::Facs, "_facs", AuCoding::from_facs_file) {
            Ok(aus) => aus,
            Err(skipped) => {
                self.found.skipped.push(skipped);
                None
            }
        }
    }

    /// The value of a label file with the frame that the file is named after; `None` if there is no file.
    fn label<T>(
        &mut self,
        place: Place,
        suffix: &str,
        parse: fn(&str) -> Result<T, Error>,
    ) -> Result<Option<(u32, T)>, Skipped> {
        let Some((path, frame)) = self.label_file(place, suffix)? else {
            return Ok(None);
        };
        let bad = |error: Error| Skipped::new(&path, error.reason());
        let bytes = self.layout.tree.read(&path, TEXT_LIMIT).map_err(bad)?;
        self.found.read.push(ReadFile::new(&path, &bytes));
        let value = parse(&text_of(&bytes)).map_err(bad)?;
        Ok(Some((frame, value)))
    }

    /// The path of the one label file in the recording's folder, and the frame that it is named after.
    fn label_file(&mut self, place: Place, suffix: &str) -> Result<Option<(String, u32)>, Skipped> {
        let folder = self.folder(place);
        let names = match self.layout.tree.names(&folder) {
            Ok(names) => names,
            Err(_) if !self.layout.tree.is_folder(&folder) => return Ok(None),
            Err(error) => return Err(Skipped::new(folder, error.reason())),
        };
        let (labels, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| ends_in(name, &[".txt"]));
        for other in others {
            let reason = format!("not a label file: expected a name that ends in '{suffix}.txt'");
            self.skip(join(&folder, &other), reason);
        }
        if labels.is_empty() {
            return Ok(None);
        }
        let [name] = labels.as_slice() else {
            let (count, names) = (labels.len(), labels.join(", "));
            let reason = format!("expected one label file, found {count}: {names}");
            return Err(Skipped::new(folder, reason));
        };
        let path = join(&folder, name);
        let Some(frame) = self.frame_number(without_suffix(stem(name), suffix)) else {
            let sequence = self.sequence.name();
            let reason = format!("expected a name like '{sequence}_00000011{suffix}.txt'");
            return Err(Skipped::new(path, reason));
        };
        Ok(Some((path, frame)))
    }

    /// The frames in order of number, at least `least`.
    fn frames(&mut self, least: usize) -> Result<Vec<Frame>, Skipped> {
        let folder = self.folder(Place::Images);
        let names = self.layout.tree.names(&folder);
        let names = names.map_err(|error| {
            let reason = format!("no frames: {}", error.reason());
            Skipped::new(&folder, reason)
        })?;
        let mut frames: Vec<Frame> = Vec::new();
        for name in &names {
            frames.extend(self.frame(join(&folder, name), name));
        }
        frames.sort_by_key(|frame| frame.number);
        frames.dedup_by(|again, taken| {
            let double = again.number == taken.number;
            if double {
                let reason = format!("frame {} again; {} was taken", again.number, taken.path);
                self.skip(std::mem::take(&mut again.path), reason);
            }
            double
        });
        if frames.len() < least {
            let reason = format!("{} frames; at least {least} are needed", frames.len());
            return Err(Skipped::new(folder, reason));
        }
        Ok(frames)
    }

    fn frame(&mut self, path: String, name: &str) -> Option<Frame> {
        if is_other_image(name) {
            self.skip(path, OTHER_IMAGE);
        } else if is_image(name) && !self.layout.tree.is_file(&path) {
            self.skip(path, "not a file");
        } else if is_image(name) {
            match self.frame_number(stem(name)) {
                Some(number) => return Some(Frame { number, path }),
                None => {
                    let sequence = self.sequence.name();
                    let reason = format!("expected a name like '{sequence}_00000001.png'");
                    self.skip(path, reason);
                }
            }
        }
        None
    }

    /// Label files are named after the peak frame, the last one. If the frames end before it, the peak is missing.
    fn check_peak(&mut self, frames: &[Frame], named: Option<u32>) -> Result<(), Skipped> {
        let last = frames.last().map_or(0, |frame| frame.number);
        let folder = self.folder(Place::Images);
        match named {
            Some(peak) if peak > last => {
                let reason = format!(
                    "frames are missing: the labels are of frame {peak}, the last image is frame {last}"
                );
                return Err(Skipped::new(folder, reason));
            }
            Some(peak) if peak < last => {
                let reason = format!(
                    "the labels are of frame {peak}, but the images continue to frame {last}; the last ones were used"
                );
                self.skip(folder, reason);
            }
            _ => {}
        }
        Ok(())
    }

    /// The first frame as neutral, the last three with the label; those of them that are classes.
    fn labelled(
        &mut self,
        classes: &ClassMap,
        expression: Expression,
        aus: AuCoding,
        frames: &[Frame],
    ) {
        let peaks = &frames[frames.len() - PEAK_FRAMES..];
        let numbers: Vec<u32> = peaks.iter().map(|frame| frame.number).collect();
        let consecutive = numbers.windows(2).all(|two| two[0] + 1 == two[1]);
        self.found.late = Some(frames[0].number).filter(|&number| number > 1);
        self.found.gap = (!consecutive).then_some(numbers);
        let neutral = [(&frames[0], Expression::Neutral)];
        let shown = peaks.iter().map(|frame| (frame, expression));
        for (frame, expression) in neutral.into_iter().chain(shown) {
            match classes.label_of(expression) {
                Some(label) => {
                    let sample = self.sample(frame, label);
                    self.found.samples.push(sample);
                }
                None => self.found.left_out.push(expression),
            }
        }
        // The peak alone is coded. It is the last sample if its expression is a class.
        if let Some(peak) = self.found.samples.last_mut()
            && classes.label_of(expression).is_some()
        {
            peak.aus = aus;
        }
    }

    /// The peak frame of a recording with FACS codes but no emotion label.
    fn held_out(&mut self, aus: AuCoding, frames: &[Frame]) {
        match frames.last() {
            Some(peak) if aus != AuCoding::NotCoded => {
                let sample = RawSample {
                    role: Role::HeldOut,
                    aus,
                    ..self.sample(peak, -1)
                };
                self.found.samples.push(sample);
            }
            _ => self.found.bare = true,
        }
    }

    fn sample(&self, frame: &Frame, label: i64) -> RawSample {
        RawSample {
            subject: self.sequence.subject,
            sequence: self.sequence.name(),
            frame: frame.number,
            landmarks: self.landmarks(frame),
            ..RawSample::labelled(&frame.path, label)
        }
    }

    fn landmarks(&self, frame: &Frame) -> Option<String> {
        self.layout.part(Place::Landmarks)?;
        let name = frame.path.rsplit('/').next().unwrap_or_default();
        let folder = self.folder(Place::Landmarks);
        let named = |end| join(&folder, &format!("{}_landmarks{end}", stem(name)));
        let mut paths = [".txt", ".TXT"].map(named).into_iter();
        paths.find(|path| self.layout.tree.is_file(path))
    }

    /// The recording's folder in one of the parts, or where one would be expected.
    fn folder(&self, place: Place) -> String {
        let (subject, sequence) = &self.sequence.folders;
        match &self.sequence.places[place as usize] {
            Some(folder) => folder.clone(),
            None => format!(
                "{}/{subject}/{sequence}",
                self.layout.part(place).unwrap_or_default()
            ),
        }
    }

    /// The frame of a file of this recording.
    fn frame_number(&self, stem: &str) -> Option<u32> {
        let (subject, sequence, frame) = frame_name(stem)?;
        let own = subject == self.sequence.subject && sequence == self.sequence.folders.1;
        own.then_some(frame)
    }

    fn skip(&mut self, path: String, reason: impl Into<String>) {
        self.found.skipped.push(Skipped::new(path, reason));
    }
}

/// `stem` without `suffix`, ignoring case.
fn without_suffix<'a>(stem: &'a str, suffix: &str) -> &'a str {
    let at = stem.len().saturating_sub(suffix.len());
    match stem.get(at..) {
        Some(end) if end.eq_ignore_ascii_case(suffix) => &stem[..at],
        _ => stem,
    }
}
