//! Writes event files for TensorBoard: scalars by step.
//!
//! The format is that of TensorFlow: records of `length u64 | masked CRC of the length u32 | data | masked CRC of the data
//! u32`, little-endian (`tensorflow/core/lib/io/record_writer.h`), whose data are `Event` messages
//! (`tensorflow/core/util/event.proto`). The crates that write them have not been released for years (tensorboard-rs: 2022,
//! with protobuf 2), so messages are prost's, check sums crc32c's.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use faus_base::file;
use prost::Message;

use crate::error::Error;
use crate::fold::progress::MetricsRow;

/// TensorBoard finds event files by `tfevents` in their names.
const FILE: &str = "events.out.tfevents.faus";
/// The format's version, the first event of every file.
const VERSION: &str = "brain.Event:2";
/// Largest event file that is read back, in bytes: the paper's training leaves 200 kB.
const MOST_BYTES: u64 = 1 << 28;

/// `tensorflow.Event`.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Scalars>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Scalars {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// Writes the rows of the metrics as events, each handed to the system at once. A record cut short by a failure of the
/// machine is mended when the file is opened again.
pub(crate) struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Starts the event file of folder `dir` with `rows`, those up to the step from which the fold resumes.
    ///
    /// Rows that the file has keep their times; rows that it lacks are added with the present time.
    pub fn open(dir: &Path, rows: &[MetricsRow]) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let (before, now) = (read_events(&path), seconds_since_1970());
        let mut bytes = record(&Event {
            wall_time: now,
            file_version: Some(VERSION.to_owned()),
            ..Event::default()
        });
        for row in rows {
            let same = |event: &&Event| event.step == row.step as i64 && event.summary.is_some();
            let earlier = before.iter().find(same);
            let time = earlier.map_or(now, |event| event.wall_time);
            bytes.extend(record(&scalars(row, time)));
        }
        // Rewritten as a whole, so that no step is there twice and a stop here loses none.
        file::write(&path, &bytes).map_err(Error::io(&path))?;
        let file = File::options().append(true).open(&path);
        let file = file.map_err(Error::io(&path))?;
        Ok(Self { path, file })
    }

    /// Appends a row.
    pub fn push(&mut self, row: &MetricsRow) -> Result<(), Error> {
        let bytes = record(&scalars(row, seconds_since_1970()));
        self.file.write_all(&bytes).map_err(Error::io(&self.path))
    }
}

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

fn scalars(row: &MetricsRow, wall_time: f64) -> Event {
    let scalar = |(tag, value): (&str, f64)| Scalar {
        tag: tag.to_owned(),
        simple_value: Some(value as f32),
    };
    let values = [
        ("train_loss", row.train_loss),
        ("train_accuracy", row.train_accuracy),
        ("val_accuracy", row.val_accuracy),
        ("images_per_second", row.images_per_second),
    ];
    Event {
        wall_time,
        step: row.step as i64,
        file_version: None,
        summary: Some(Scalars {
            value: values.map(scalar).to_vec(),
        }),
    }
}

/// CRC-32C, rotated and shifted so that a check sum of data with check sums in it is not weak (`masked_crc32c`).
fn check_sum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn record(event: &Event) -> Vec<u8> {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes().to_vec();
    let sums = [&length, &data].map(|bytes| check_sum(bytes).to_le_bytes());
    [&length[..], &sums[0], &data, &sums[1]].concat()
}

/// The whole records of an event file up to the first damage; none if it cannot be read, which costs only their times.
fn read_events(path: &Path) -> Vec<Event> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        file.take(MOST_BYTES).read_to_end(&mut bytes).ok();
    }
    let (mut events, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some((event, after)) = split_event(rest) {
        events.push(event);
        rest = after;
    }
    events
}

/// The first record of `bytes` and what comes after it; `None` where there is no whole one.
fn split_event(bytes: &[u8]) -> Option<(Event, &[u8])> {
    let (head, rest) = bytes.split_at_checked(12)?;
    let length: [u8; 8] = head[..8].try_into().ok()?;
    let (data, rest) = rest.split_at_checked(u64::from_le_bytes(length).try_into().ok()?)?;
    let (sum, rest) = rest.split_at_checked(4)?;
    let fine =
        head[8..] == check_sum(&length).to_le_bytes() && sum == check_sum(data).to_le_bytes();
    Some((Event::decode(data).ok().filter(|_| fine)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> MetricsRow {
        MetricsRow {
            step,
            train_loss: 0.5,
            train_accuracy: 0.25,
            val_accuracy: 0.75,
            images_per_second: 100.0,
        }
    }

    fn steps(path: &Path) -> Vec<i64> {
        let events = read_events(path);
        assert_eq!(events[0].file_version.as_deref(), Some(VERSION));
        events[1..].iter().map(|event| event.step).collect()
    }

    /// RFC 3720, B.4: CRC-32C of 32 zeros is 8a9136aa; then TensorFlow's mask.
    #[test]
    fn check_sums_are_masked_crc_32c() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(check_sum(&[0; 32]), 0x0fd7_fffa);
    }

    /// The first record as TensorFlow's writer lays it out, byte by byte.
    #[test]
    fn a_record_by_hand() {
        let event = Event {
            wall_time: 1.0,
            step: 3,
            file_version: None,
            summary: Some(Scalars {
                value: vec![Scalar {
                    tag: "a".to_owned(),
                    simple_value: Some(0.5),
                }],
            }),
        };
        let data = [
            &[0x09][..], // field 1, eight bytes
            &1f64.to_le_bytes(),
            &[0x10, 3],                      // field 2, a varint
            &[0x2a, 10],                     // field 5, ten bytes
            &[0x0a, 8, 0x0a, 1, b'a', 0x15], // value, tag, simple_value
            &0.5f32.to_le_bytes(),
        ]
        .concat();
        let bytes = record(&event);
        assert_eq!(bytes[..8], (data.len() as u64).to_le_bytes());
        assert_eq!(bytes[8..12], check_sum(&bytes[..8]).to_le_bytes());
        assert_eq!(bytes[12..][..data.len()], data);
        assert_eq!(bytes[12 + data.len()..], check_sum(&data).to_le_bytes());
    }

    #[test]
    fn going_on_repeats_no_step_and_keeps_the_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut writer = EventWriter::open(dir.path(), &[]).unwrap();
        for step in [10, 20, 30] {
            writer.push(&row(step)).unwrap();
        }
        let times = |events: Vec<Event>| -> Vec<f64> {
            events[1..=2].iter().map(|event| event.wall_time).collect()
        };
        let before = times(read_events(&path));
        let mut writer = EventWriter::open(dir.path(), &[row(10), row(20)]).unwrap();
        assert_eq!(steps(&path), [10, 20]);
        assert_eq!(times(read_events(&path)), before);
        writer.push(&row(30)).unwrap();
        assert_eq!(steps(&path), [10, 20, 30]);
        // Begun anew, nothing of before is left.
        EventWriter::open(dir.path(), &[]).unwrap();
        assert_eq!(steps(&path), [0i64; 0]);
    }

    #[test]
    fn a_file_that_is_cut_short_or_damaged_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let rows = [row(10), row(20)];
        EventWriter::open(dir.path(), &rows).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(13) {
            std::fs::write(&path, &whole[..length]).unwrap();
            EventWriter::open(dir.path(), &rows).unwrap();
            assert_eq!(steps(&path), [10, 20]);
        }
        for place in (0..whole.len()).step_by(11) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            EventWriter::open(dir.path(), &rows).unwrap();
            assert_eq!(steps(&path), [10, 20]);
        }
    }
}
