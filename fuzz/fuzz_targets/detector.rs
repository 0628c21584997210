#![no_main]
//! Images of any shape and content, searched in any way: the face detector finds a box inside or none.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    faus_data::fuzz::detector(bytes);
});
