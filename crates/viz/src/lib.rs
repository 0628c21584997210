//! Finds the image patches that excite a filter most and projects them back to pixels.
