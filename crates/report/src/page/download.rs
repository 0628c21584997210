//! Files embedded in the page, saved by a click without scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::plot::Plot;

/// A file as a `data:` URI.
pub(crate) struct Download {
    pub file: String,
    pub uri: String,
}

impl Download {
    pub fn csv(name: &str, csv: &str) -> Self {
        Self {
            file: format!("{name}.csv"),
            uri: format!(
                "data:text/csv;charset=utf-8;base64,{}",
                STANDARD.encode(csv)
            ),
        }
    }

    /// A drawing and its numbers.
    pub fn of_plot(plot: &Plot) -> Vec<Self> {
        let svg = plot.svg().map(|svg| Self {
            file: format!("{}.svg", plot.name),
            uri: format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)),
        });
        svg.into_iter()
            .chain([Self::csv(&plot.name, &plot.csv)])
            .collect()
    }
}
