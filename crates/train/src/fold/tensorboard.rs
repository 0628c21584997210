//! Writes event files for TensorBoard: scalars by step.
//!
//! The format is that of TensorFlow: records of `length u64 | masked CRC of the length u32 | data | masked CRC of the
//! data u32`, little-endian (`tensorflow/core/lib/io/record_writer.h`), whose data are `Event` messages
//! (`tensorflow/core/util/event.proto`) in Protocol Buffers. Crates for this format have had no release for years
//! (tensorboard-rs: 2022).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::fold::progress::MetricsRow;

/// TensorBoard finds event files by `tfevents` in their names.
pub(crate) const FILE: &str = "events.out.tfevents.faus";
/// The format's version, the first event of every file.
const VERSION: &str = "brain.Event:2";
/// Fields of an event, as Protocol Buffers mark them: bytes in field 3 and in field 5.
const FILE_VERSION: u8 = 0x1a;
const SUMMARY: u8 = 0x2a;

/// A file of `rows`, those up to the step from which the fold resumes; they get the current time.
pub(crate) fn events(rows: &[MetricsRow]) -> Vec<u8> {
    let mut file = record(seconds_since_1970(), 0, FILE_VERSION, VERSION.as_bytes());
    file.extend(rows.iter().flat_map(event));
    file
}

/// The record of a row.
pub(crate) fn event(row: &MetricsRow) -> Vec<u8> {
    record(seconds_since_1970(), row.step, SUMMARY, &summary(row))
}

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// `tensorflow.Summary`: a field 1 for each value, with field 1, its tag, and field 2, its number.
fn summary(row: &MetricsRow) -> Vec<u8> {
    let values = [
        ("train_loss", row.train_loss),
        ("train_accuracy", row.train_accuracy),
        ("val_accuracy", row.val_accuracy),
        ("images_per_second", row.images_per_second),
    ];
    let value = |(tag, value): (&str, f64)| {
        let (length, number) = (tag.len() as u8, (value as f32).to_le_bytes());
        let head = [0x0a, length + 7, 0x0a, length];
        [&head[..], tag.as_bytes(), &[0x15], &number].concat()
    };
    values.into_iter().flat_map(value).collect()
}

/// The record of a `tensorflow.Event`: field 1, the time; field 2, the step; then `field` of less than 128 bytes.
fn record(wall_time: f64, step: u64, field: u8, content: &[u8]) -> Vec<u8> {
    let mut event = vec![0x09];
    event.extend(wall_time.to_le_bytes());
    event.push(0x10);
    let mut rest = step;
    while rest >= 0x80 {
        event.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    event.extend([rest as u8, field, content.len() as u8]);
    event.extend(content);
    let length = (event.len() as u64).to_le_bytes();
    let sums = [&length[..], &event].map(|bytes| check_sum(bytes).to_le_bytes());
    [&length[..], &sums[0], &event, &sums[1]].concat()
}

/// CRC-32C, rotated and shifted so that checksums of data containing checksums are not weak (`masked_crc32c`).
fn check_sum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::metrics::MetricsWriter;

    fn row(step: u64) -> MetricsRow {
        MetricsRow {
            step,
            train_loss: 0.5,
            train_accuracy: 0.25,
            val_accuracy: 0.75,
            images_per_second: 100.0,
        }
    }

    /// RFC 3720, B.4: CRC-32C of 32 zeros is 8a9136aa; then TensorFlow's mask.
    #[test]
    fn check_sums_are_masked_crc_32c() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(check_sum(&[0; 32]), 0x0fd7_fffa);
    }

    /// An event as TensorFlow writes it, byte by byte.
    #[test]
    fn a_record_by_hand() {
        let data = [
            &[0x09][..], // field 1, eight bytes
            &1f64.to_le_bytes(),
            &[0x10, 0xac, 2], // field 2, a varint: 300
            &[0x2a, 89],      // field 5, 89 bytes
            &[0x0a, 17, 0x0a, 10],
            b"train_loss",
            &[0x15],
            &0.5f32.to_le_bytes(),
        ]
        .concat();
        let bytes = record(1.0, 300, SUMMARY, &summary(&row(300)));
        assert_eq!(bytes[12..][..data.len()], data);
        let (length, sum) = (&bytes[..8], &bytes[8..12]);
        assert_eq!(length, (bytes.len() as u64 - 16).to_le_bytes());
        assert_eq!(sum, check_sum(length).to_le_bytes());
        let end = bytes.len() - 4;
        assert_eq!(bytes[end..], check_sum(&bytes[12..end]).to_le_bytes());
    }

    /// The steps of a file's rows.
    fn steps(path: &std::path::Path) -> Vec<u8> {
        let bytes = std::fs::read(path).unwrap();
        let (mut steps, mut rest) = (Vec::new(), bytes.as_slice());
        while let Some((length, after)) = rest.split_at_checked(8) {
            let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            steps.push(after[4 + 10]);
            rest = &after[4 + length + 4..];
        }
        assert!(
            bytes[12..]
                .windows(VERSION.len())
                .any(|w| w == VERSION.as_bytes())
        );
        steps.split_off(1)
    }

    #[test]
    fn resuming_repeats_no_step() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let open = |step| MetricsWriter::open(dir.path(), step, 8, true).unwrap();
        let mut writer = open(0);
        for step in [10, 20, 30] {
            writer.push(&row(step)).unwrap();
        }
        assert_eq!(steps(&path), [10, 20, 30]);
        let mut writer = open(20);
        assert_eq!(steps(&path), [10, 20]);
        writer.push(&row(30)).unwrap();
        assert_eq!(steps(&path), [10, 20, 30]);
        // After a restart, no earlier events are left.
        open(0);
        assert_eq!(steps(&path), [0u8; 0]);
    }
}
