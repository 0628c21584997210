#![no_main]
//! CK+'s landmark files: 68 points or a refusal, and a crop that lies inside the image.

use faus_data::face::{Landmarks, face_square};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(landmarks) = Landmarks::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(landmarks.points().len(), 68);
        for (width, height) in [(640, 490), (48, 48), (1, 7)] {
            if let Ok(crop) = face_square(&landmarks, width, height) {
                assert!(crop.w > 0 && crop.x + crop.w <= width && crop.y + crop.h <= height);
            }
        }
    }
});
