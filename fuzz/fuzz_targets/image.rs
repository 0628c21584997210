#![no_main]
//! Image files: decoded to grey, or refused.

#[path = "../../crates/data/tests/common/any_bytes.rs"]
#[allow(dead_code)]
mod any_bytes;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| any_bytes::image(bytes));
