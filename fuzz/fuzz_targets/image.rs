#![no_main]
//! Grey PNGs of any size, filters and compressed bytes: the fast decoder against the general one.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    faus_data::fuzz::image(bytes);
});
