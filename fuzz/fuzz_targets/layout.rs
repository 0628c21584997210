#![no_main]
//! Folders of any names: listed as class folders and as CK+, every label file read.

#[path = "../../crates/data/tests/common/any_bytes.rs"]
#[allow(dead_code)]
mod any_bytes;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| any_bytes::layout(bytes));
