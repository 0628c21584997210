#![no_main]
//! MATLAB v5 files: every variable listed, every numeric one read.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faus_data::fuzz::mat(bytes));
