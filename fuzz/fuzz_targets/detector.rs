#![no_main]
//! Images of any shape and content, searched in any way: the face detector finds a box inside or none.

#[path = "../../crates/data/tests/common/any_bytes.rs"]
#[allow(dead_code)]
mod any_bytes;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| any_bytes::detector(bytes));
