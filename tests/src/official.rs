//! A CK+ of the true size in the official layout: who was recorded, what was labelled, and the files, of tiny grey images.

use std::collections::HashMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, Luma, Rgb};

/// Sequences of each emotion, code 1 (anger) to 7 (surprise): Lucey et al. 2010, table 3.
pub const PEAKS: [usize; 7] = [45, 18, 59, 25, 69, 28, 83];
/// Subjects whose sequences all lack an emotion label, by their place among the 123.
const NEVER_LABELLED: [usize; 5] = [3, 40, 77, 100, 122];

/// One recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Number of the subject.
    pub subject: usize,
    /// Number of the sequence.
    pub sequence: usize,
    /// Frames, counted from 1; the last is the peak.
    pub frames: usize,
    /// Emotion code 1 to 7, where there is a label.
    pub emotion: Option<usize>,
    /// Action units and intensities of the peak.
    pub aus: Vec<(usize, usize)>,
}

impl Recording {
    /// `S005_001`.
    pub fn name(&self) -> String {
        format!("S{:03}_{:03}", self.subject, self.sequence)
    }

    fn folder(&self) -> String {
        format!("S{:03}/{:03}", self.subject, self.sequence)
    }
}

/// All 593 recordings of 123 subjects, 327 of them labelled with [`PEAKS`] over 118 subjects.
pub fn recordings() -> Vec<Recording> {
    // 100 and 327 have no common factor, so this takes every label once and mixes the emotions.
    let labels: Vec<usize> = PEAKS
        .iter()
        .enumerate()
        .flat_map(|(at, &n)| vec![at + 1; n])
        .collect();
    let mut mixed = (0..labels.len()).map(|k| labels[k * 100 % labels.len()]);
    let mut all: Vec<Recording> = (0..123)
        .flat_map(|person| {
            let sequences = if person < 101 { 5 } else { 4 }; // 593 in all
            (1..=sequences).map(move |sequence| Recording {
                subject: 5 + 8 * person,
                sequence,
                frames: 2 + (person + sequence) % 2,
                emotion: None,
                aus: vec![(1 + person % 2, sequence % 6), (12, 0)],
            })
        })
        .collect();
    for round in 1..=5 {
        for recording in all.iter_mut().filter(|r| r.sequence == round) {
            if !NEVER_LABELLED.contains(&((recording.subject - 5) / 8)) {
                recording.emotion = mixed.next();
                recording.frames += 3 * usize::from(recording.emotion.is_some());
            }
        }
    }
    all
}

/// Grey value of every pixel of a frame.
pub fn grey(frame: usize) -> u8 {
    frame as u8 * 30
}

/// Writes the recordings below `root`, with what the real folders hold besides: empty label folders, `.DS_Store`, a few
/// RGB images, no landmarks. `suffix` is how the label folders are spelt: `""` or `"_labels"`.
pub fn write(root: &Path, suffix: &str) {
    let mut pictures = HashMap::new();
    for recording in recordings() {
        let (images, emotion, facs) = ["cohn-kanade-images", "Emotion", "FACS"]
            .map(|part| {
                root.join(part.to_owned() + if part.len() < 8 { suffix } else { "" })
                    .join(recording.folder())
            })
            .into();
        for folder in [&images, &emotion, &facs] {
            fs::create_dir_all(folder).unwrap();
        }
        let stem = |frame: usize| format!("{}_{frame:08}", recording.name());
        for frame in 1..=recording.frames {
            let coloured = recording.subject % 5 == 0 && recording.sequence == 2;
            let bytes = pictures
                .entry((frame, coloured))
                .or_insert_with(|| picture(frame, coloured));
            fs::write(images.join(stem(frame) + ".png"), bytes).unwrap();
        }
        let peak = stem(recording.frames);
        if let Some(emotion_code) = recording.emotion {
            fs::write(
                emotion.join(format!("{peak}_emotion.txt")),
                float(emotion_code) + "\n",
            )
            .unwrap();
        }
        let aus: Vec<String> = recording
            .aus
            .iter()
            .map(|&(au, i)| float(au) + &float(i) + "\n")
            .collect();
        fs::write(facs.join(format!("{peak}_facs.txt")), aus.concat()).unwrap();
        if recording.sequence == 3 {
            fs::write(images.join(".DS_Store"), b"\0\0\0\x01Bud1").unwrap();
            fs::write(emotion.join(".DS_Store"), b"\0\0\0\x01Bud1").unwrap();
        }
    }
}

/// A number as the label files have it: `   3.0000000e+00`.
fn float(number: usize) -> String {
    let digits = number.to_string();
    let (first, others) = digits.split_at(1);
    format!("   {first}.{others:0<7}e+{:02}", others.len())
}

/// A PNG of one grey, as one channel or three.
fn picture(frame: usize, coloured: bool) -> Vec<u8> {
    let (value, side) = (grey(frame), 24);
    let image: DynamicImage = if coloured {
        image::RgbImage::from_pixel(side + 8, side, Rgb([value; 3])).into()
    } else {
        image::GrayImage::from_pixel(side + 8, side, Luma([value])).into()
    };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_ck_plus() {
        let all = recordings();
        let people = |all: &mut dyn Iterator<Item = &Recording>| {
            all.map(|r| r.subject)
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        };
        assert_eq!((all.len(), people(&mut all.iter())), (593, 123));
        let labelled = || all.iter().filter(|r| r.emotion.is_some());
        assert_eq!((labelled().count(), people(&mut labelled())), (327, 118));
        for (at, count) in PEAKS.into_iter().enumerate() {
            assert_eq!(
                labelled().filter(|r| r.emotion == Some(at + 1)).count(),
                count
            );
        }
    }

    #[test]
    fn numbers_look_like_those_of_the_label_files() {
        assert_eq!(float(3), "   3.0000000e+00");
        assert_eq!(float(12), "   1.2000000e+01");
    }
}
