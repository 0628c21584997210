//! Writes the files of an analysis.

use std::path::Path;

use crate::analysis::Analysis;
use crate::error::Error;
use crate::write::charts::{bar_chart, heat_map};
use crate::write::output::OutputOptions;
use crate::write::summary::summary;
use crate::write::tables::tables;
use crate::write::{make_dir, save, save_json};

const HEAT_MAP: &str = "heatmap.svg";

impl Analysis {
    /// Writes `associations.csv`, `correspondences.csv`, `names.csv`, `sensitivity.csv`, `fau.json`, `heatmap.svg` and one
    /// `filter-NNN.svg` per charted filter into `dir`, which is created if missing; `class_effects.csv` with labelled
    /// rows, `held_out.csv` with held-out ones. Each file is replaced atomically.
    ///
    /// An undefined number (r of a constant filter), or one that was not computed, is written as `NaN`.
    ///
    /// # Errors
    /// [`Error::Disk`] with the file that could not be written, [`Error::Chart`] if a picture fails.
    pub fn write(&self, dir: &Path, options: &OutputOptions) -> Result<(), Error> {
        make_dir(dir)?;
        for (name, text) in tables(self)? {
            let path = dir.join(name);
            match text {
                Some(text) => save(dir, name, &text)?,
                // Tables of an earlier analysis are removed.
                None => faus_base::file::remove(&path).map_err(Error::disk("write", &path))?,
            }
        }
        let mut charts = Vec::new();
        for filter in self.best_filters(options.charts) {
            let name = format!("filter-{filter:03}.svg");
            save(dir, &name, &bar_chart(self, filter, options, &name)?)?;
            charts.push(name);
        }
        save(dir, HEAT_MAP, &heat_map(self, options, HEAT_MAP)?)?;
        save_json(dir, "fau.json", &summary(self, options, &charts))
    }
}
