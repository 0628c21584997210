//! Draws procedural FACS faces and writes them in the official CK+ layout.
