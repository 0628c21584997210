#![no_main]
//! ONNX files: read, built, and run once on black images.

use faus_model::{Network, OnnxFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    if let Ok(file) = OnnxFile::read(&path) {
        let _ = Network::from_onnx(&file, &file.example_input(), tch::Device::Cpu);
    }
});
