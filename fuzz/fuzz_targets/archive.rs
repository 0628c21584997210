#![no_main]
//! Zip archives: opened as a tree, every file read.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faus_data::fuzz::archive(bytes));
