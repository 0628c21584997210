//! Files embedded in the page, saved by a click without scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::plot::Plot;

/// A file as a `data:` URI.
pub(crate) struct Download {
    pub file: String,
    pub uri: String,
}

/// A drawing and its numbers.
pub(crate) fn downloads(plot: &Plot) -> Vec<Download> {
    let files = plot.files().into_iter().map(|(file, kind, text)| Download {
        file,
        uri: format!("data:{kind};base64,{}", STANDARD.encode(text)),
    });
    files.collect()
}
