//! 8-bit grey pictures: decoded with limits, resized, written as PNG.

pub(crate) mod crop_box;
pub(crate) mod decode;
pub(crate) mod depth;
pub(crate) mod resize;
pub(crate) mod write;

pub use crop_box::CropBox;
pub use decode::decode_grey;
pub use resize::resize;
pub use write::write_png;
