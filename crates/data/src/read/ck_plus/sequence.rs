//! The images and labels of one recording.

use crate::error::Error;
use crate::label::{AuCoding, ClassMap, Expression, Role};
use crate::read::ck_plus::layout::{Layout, Place, frame_name};
use crate::read::file::{ReadFile, Skipped, TEXT_LIMIT, text_of};
use crate::read::name::{OTHER_IMAGE, ends_in, is_image, is_other_image, join, split, stem};
use crate::read::source::RawSample;

/// Frames that carry the sequence's label, counted from the end: the authors' choice.
const PEAK_FRAMES: usize = 3;

/// The way out where recordings hold their last three frames alone.
const PEAKS_ALONE: &str = ", the first of them as neutral (the classes seven, without neutral, need the last three alone: --classes seven)";

/// A recording: one folder of frames, `S005/001`, and its contribution once it was read.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    pub subject: i64,
    /// Folder names: `S005`, `001`.
    pub folders: (String, String),
    /// Its folder in each [`Place`] that has one: names may differ in case.
    pub places: [Option<String>; 4],
    pub samples: Vec<RawSample>,
    pub skipped: Vec<Skipped>,
    pub read: Vec<ReadFile>,
    /// Whether its emotion label can be read, selected as a class or not; `None` without an emotion file.
    pub readable: Option<bool>,
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
    pub fn read(self, layout: &Layout, classes: &ClassMap) -> Self {
        let mut reading = Reading {
            sequence: self,
            layout,
            classes,
        };
        if let Err(skipped) = reading.all() {
            reading.sequence.skipped.push(skipped);
        }
        reading.sequence
    }
}

/// The codes of a peak frame, and those of them with a side.
type Codes = (AuCoding, String);

/// A recording being read.
struct Reading<'a> {
    sequence: Sequence,
    layout: &'a Layout,
    classes: &'a ClassMap,
}

impl Reading<'_> {
    fn all(&mut self) -> Result<(), Skipped> {
        self.sequence.readable = Some(false);
        let emotion = self.label(Place::Emotion, "_emotion", Expression::from_emotion_file)?;
        self.sequence.readable = emotion.map(|_| true);
        let aus = self.aus();
        let frames = self.frames(emotion.is_some())?;
        let named = [emotion.map(|e| e.0), aus.as_ref().map(|a| a.0)];
        self.check_peak(&frames, named.into_iter().flatten().max())?;
        let aus = aus.map(|(_, coding)| coding).unwrap_or_default();
        match emotion {
            Some((_, expression)) => self.labelled(expression, aus, &frames),
            None => self.held_out(aus, &frames),
        }
        Ok(())
    }

    /// The FACS codes with the frame they are named after. A bad file leaves the recording uncoded: without one of its
    /// lines a present action unit would count as absent.
    fn aus(&mut self) -> Option<(u32, Codes)> {
        self.layout.part(Place::Facs)?;
        let aus = self.label(Place::Facs, "_facs", AuCoding::from_facs_file);
        aus.unwrap_or_else(|skipped| {
            self.sequence.skipped.push(skipped);
            None
        })
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
        self.sequence.read.push(ReadFile::new(&path, &bytes));
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
        let lower = stem(name).to_ascii_lowercase();
        let bare = lower.strip_suffix(suffix).unwrap_or(&lower);
        let Some(frame) = self.frame_number(bare) else {
            let reason = self.wrong_name(&format!("00000011{suffix}.txt"));
            return Err(Skipped::new(path, reason));
        };
        Ok(Some((path, frame)))
    }

    /// The frames in order of number: of a labelled recording at least the last three, and the first if neutral is a class.
    fn frames(&mut self, labelled: bool) -> Result<Vec<Frame>, Skipped> {
        let folder = self.folder(Place::Images);
        let names = self.layout.tree.names(&folder);
        let no_frames = |error: Error| format!("no frames: {}", error.reason());
        let names = names.map_err(|error| Skipped::new(&folder, no_frames(error)))?;
        let frame = |name: &String| self.frame(join(&folder, name), name);
        let mut frames: Vec<Frame> = names.iter().filter_map(frame).collect();
        frames.sort_by_key(|frame| frame.number);
        frames.dedup_by(|again, taken| {
            let double = again.number == taken.number;
            if double {
                let reason = format!("frame {} again; {} was taken", again.number, taken.path);
                self.skip(std::mem::take(&mut again.path), reason);
            }
            double
        });
        let neutral = self.classes.label_of(Expression::Neutral).is_some();
        let (least, way_out) = match (labelled, neutral, frames.len()) {
            (false, ..) => (1, ""),
            (true, false, _) => (PEAK_FRAMES, ""),
            (true, true, PEAK_FRAMES) => (PEAK_FRAMES + 1, PEAKS_ALONE),
            (true, true, _) => (PEAK_FRAMES + 1, ""),
        };
        if frames.len() < least {
            let found = frames.len();
            let reason = format!("{found} frames; at least {least} are needed{way_out}");
            return Err(Skipped::new(folder, reason));
        }
        Ok(frames)
    }

    fn frame(&mut self, path: String, name: &str) -> Option<Frame> {
        let reason = match self.frame_number(stem(name)) {
            _ if is_other_image(name) => OTHER_IMAGE.to_owned(),
            _ if !is_image(name) => return None,
            _ if !self.layout.tree.is_file(&path) => "not a file".to_owned(),
            Some(number) => return Some(Frame { number, path }),
            None => self.wrong_name("00000001.png"),
        };
        self.skip(path, reason);
        None
    }

    /// Label files are named after the peak frame, the last one. If the frames end before it, the peak is missing.
    fn check_peak(&mut self, frames: &[Frame], named: Option<u32>) -> Result<(), Skipped> {
        let last = frames.last().map_or(0, |frame| frame.number);
        let Some(peak) = named.filter(|peak| *peak != last) else {
            return Ok(());
        };
        let folder = self.folder(Place::Images);
        let labels = format!("the labels are of frame {peak}");
        if peak > last {
            let reason = format!("frames are missing: {labels}, the last image is frame {last}");
            return Err(Skipped::new(folder, reason));
        }
        let more = format!("but the images continue to frame {last}; the last ones were used");
        self.skip(folder, format!("{labels}, {more}"));
        Ok(())
    }

    /// The first frame as neutral, the last three with the label; those of them that are classes.
    fn labelled(&mut self, expression: Expression, codes: Codes, frames: &[Frame]) {
        let peaks = &frames[frames.len() - PEAK_FRAMES..];
        let numbers: Vec<u32> = peaks.iter().map(|frame| frame.number).collect();
        let consecutive = numbers.windows(2).all(|two| two[0] + 1 == two[1]);
        // The first frame of three is a peak.
        let neutral = frames.first().filter(|_| frames.len() > PEAK_FRAMES);
        let first = neutral.map(|frame| frame.number);
        self.sequence.late = first.filter(|&number| number > 1);
        self.sequence.gap = (!consecutive).then_some(numbers);
        let neutral = neutral.map(|frame| (frame, Expression::Neutral));
        let shown = peaks.iter().map(|frame| (frame, expression));
        for (frame, expression) in neutral.into_iter().chain(shown) {
            match self.classes.label_of(expression) {
                Some(label) => self.sequence.samples.push(self.sample(frame, label)),
                None => self.sequence.left_out.push(expression),
            }
        }
        // The peak alone is coded. It is the last sample if its expression is a class.
        let last = self.sequence.samples.last_mut();
        if let (Some(peak), Some(_)) = (last, self.classes.label_of(expression)) {
            (peak.aus, peak.sides) = codes;
        }
    }

    /// The peak frame of a recording with FACS codes but no emotion label.
    fn held_out(&mut self, (aus, sides): Codes, frames: &[Frame]) {
        match frames.last() {
            Some(peak) if aus != AuCoding::NotCoded => self.sequence.samples.push(RawSample {
                role: Role::HeldOut,
                aus,
                sides,
                ..self.sample(peak, -1)
            }),
            _ => self.sequence.bare = true,
        }
    }

    fn sample(&self, frame: &Frame, label: i64) -> RawSample {
        RawSample {
            subject: self.sequence.folders.0.clone(),
            sequence: self.sequence.name(),
            frame: frame.number,
            landmarks: self.landmarks(frame),
            ..RawSample::labelled(&frame.path, label)
        }
    }

    fn landmarks(&self, frame: &Frame) -> Option<String> {
        self.layout.part(Place::Landmarks)?;
        let folder = self.folder(Place::Landmarks);
        let name = stem(split(&frame.path).1);
        let named = |end| join(&folder, &format!("{name}_landmarks{end}"));
        let mut paths = [".txt", ".TXT"].into_iter().map(named);
        paths.find(|path| self.layout.tree.is_file(path))
    }

    /// The recording's folder in one of the parts, or where one would be expected.
    fn folder(&self, place: Place) -> String {
        let (subject, sequence) = &self.sequence.folders;
        let part = self.layout.part(place).unwrap_or_default();
        let folder = self.sequence.places[place as usize].clone();
        folder.unwrap_or_else(|| format!("{part}/{subject}/{sequence}"))
    }

    /// The frame of a file of this recording.
    fn frame_number(&self, stem: &str) -> Option<u32> {
        let (subject, sequence, frame) = frame_name(stem)?;
        let own = subject == self.sequence.subject && sequence == self.sequence.folders.1;
        own.then_some(frame)
    }

    fn wrong_name(&self, end: &str) -> String {
        format!("expected a name like '{}_{end}'", self.sequence.name())
    }

    fn skip(&mut self, path: String, reason: impl Into<String>) {
        self.sequence.skipped.push(Skipped::new(path, reason));
    }
}
