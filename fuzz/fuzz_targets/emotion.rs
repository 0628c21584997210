#![no_main]
//! CK+'s emotion files: what is read is a code from 0 to 7, and reading it back gives the same.

use faus_data::Expression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(expression) = Expression::from_emotion_file(&String::from_utf8_lossy(bytes)) {
        let written = format!("   {:.7e}\n", f64::from(expression.code()));
        assert_eq!(Expression::from_emotion_file(&written).ok(), Some(expression));
    }
});
