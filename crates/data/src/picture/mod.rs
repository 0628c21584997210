//! 8-bit grey pictures: decoded with limits, resized, written as PNG.

pub mod crop_box;
pub mod decode;
pub mod png;
pub mod resize;
pub mod write;
