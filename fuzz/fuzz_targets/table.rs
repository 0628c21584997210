#![no_main]
//! Pixel tables in the form of FER2013: opened, listed, and every row fetched.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    faus_data::fuzz::table(bytes);
});
