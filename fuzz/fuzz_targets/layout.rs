#![no_main]
//! Folders of any names: listed as class folders and as CK+, every label file read.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faus_data::fuzz::layout(bytes));
