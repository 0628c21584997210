#![no_main]
//! CK+'s FACS files: what is read survives the way through `samples.csv`.

use faus_data::AuCoding;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok((coding, _)) = AuCoding::from_facs_file(&text) {
        assert_eq!(coding.to_string().parse::<AuCoding>().ok(), Some(coding));
    }
    let _ = text.parse::<AuCoding>();
});
