#![no_main]
//! Pixel tables in the form of FER2013: opened, listed, and every row fetched.

#[path = "../../crates/data/tests/common/any_bytes.rs"]
#[allow(dead_code)]
mod any_bytes;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| any_bytes::table(bytes));
