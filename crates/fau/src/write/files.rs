//! Writes the files of an analysis.

use std::path::Path;

use crate::analysis::Analysis;
use crate::error::Error;
use crate::write::charts::{bar_chart, heat_map};
use crate::write::output::OutputOptions;
use crate::write::summary::summary;
use crate::write::tables::tables;
use crate::write::{make_dir, save, save_json};

impl Analysis {
    /// Writes `associations.csv`, `correspondences.csv`, `sensitivity.csv`, `fau.json`, `heatmap.svg` and one
    /// `filter-NNN.svg` per charted filter into `dir`, which is created if missing; `class_effects.csv` with labelled
    /// rows, `held_out.csv` with held-out ones. Each file is replaced atomically.
    ///
    /// An undefined number (r of a constant filter) is written as `NaN`; columns that were not computed are absent.
    ///
    /// # Errors
    /// [`Error::Write`] with the file that could not be written, [`Error::Chart`] if a picture fails.
    pub fn write(&self, dir: &Path, options: &OutputOptions) -> Result<(), Error> {
        make_dir(dir)?;
        for (name, text) in tables(self)? {
            match text {
                Some(text) => save(dir, name, text.as_bytes())?,
                // Tables of an earlier analysis are removed.
                None => remove(dir, name)?,
            }
        }
        let charted = self.best_filters(options.charts);
        for &filter in &charted {
            let name = chart_name(filter);
            let chart = bar_chart(self, filter, options, &name)?;
            save(dir, &name, chart.as_bytes())?;
        }
        let map = heat_map(self, options, "heatmap.svg")?;
        save(dir, "heatmap.svg", map.as_bytes())?;
        let charts: Vec<String> = charted.into_iter().map(chart_name).collect();
        save_json(dir, "fau.json", &summary(self, options, &charts))
    }
}

fn chart_name(filter: usize) -> String {
    format!("filter-{filter:03}.svg")
}

fn remove(dir: &Path, name: &str) -> Result<(), Error> {
    let path = dir.join(name);
    faus_base::file::remove(&path).map_err(|source| Error::write(&path, source))
}
