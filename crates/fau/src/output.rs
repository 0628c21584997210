//! The files of an analysis.

use std::io::Write;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use serde_json::{Value, json};

use crate::analysis::{Analysis, AuCount, Correspondence};
use crate::charts::{bar_chart, heat_map};
use crate::{Error, au_name};

/// Filters named per action unit in `fau.json`.
const TOP_FILTERS: usize = 5;

/// What the written files say about where the activations came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputOptions {
    /// Whether the images are synthetic; `None` where nobody knows. Written to `fau.json` and into every chart.
    pub synthetic: Option<bool>,
    /// Layer of the network, if known.
    pub layer: Option<String>,
    /// Bar charts to draw, for the filters with the largest scores. Default 12, our choice.
    pub charts: usize,
}

impl Default for OutputOptions {
    fn default() -> Self {
        Self {
            synthetic: None,
            layer: None,
            charts: 12,
        }
    }
}

impl Analysis {
    /// Writes `associations.csv`, `correspondences.csv`, `fau.json`, `heatmap.svg` and one
    /// `filter-NNN.svg` per charted filter into `dir`, which is made if it is not there. Each file is
    /// replaced as a whole or not at all.
    ///
    /// A score that is undefined (r of a constant filter) is written as `NaN`.
    ///
    /// # Errors
    /// [`Error::Write`] with the file that could not be written, [`Error::Chart`] if a picture fails.
    pub fn write(&self, dir: &Path, options: &OutputOptions) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(|source| Error::Write {
            path: dir.to_path_buf(),
            source,
        })?;
        save(dir, "associations.csv", &self.associations_csv())?;
        save(dir, "correspondences.csv", &self.correspondences_csv())?;
        let charted = self.best_filters(options.charts);
        for &filter in &charted {
            let name = chart_name(filter);
            save(dir, &name, &bar_chart(self, filter, options, &name)?)?;
        }
        save(dir, "heatmap.svg", &heat_map(self, options, "heatmap.svg")?)?;
        let summary = self.summary(options, &charted);
        save(dir, "fau.json", &format!("{summary:#}\n"))
    }

    /// The `charts` filters worth looking at first: the best filter of every action unit, then the next best of all.
    pub fn best_filters(&self, charts: usize) -> Vec<usize> {
        let ranked = self.ranked();
        let mut units = Vec::new();
        let (first, others): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|c| {
            let new = !units.contains(&c.au);
            units.push(c.au);
            new
        });
        let all = first.into_iter().chain(others);
        all.map(|c| c.filter).take(charts).collect()
    }

    /// Correspondences from the largest score to the smallest, then by filter.
    pub(crate) fn ranked(&self) -> Vec<Correspondence> {
        let mut ranked = self.correspondences.clone();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.filter.cmp(&b.filter)));
        ranked
    }

    fn associations_csv(&self) -> String {
        let mut text = format!("filter,au,n_with,n_without,{}\n", self.measures.join(","));
        for row in &self.associations {
            let AuCount {
                au,
                n_with,
                n_without,
            } = row.count;
            let scores: Vec<String> = row.scores.iter().map(f64::to_string).collect();
            let scores = scores.join(",");
            text += &format!("{},{au},{n_with},{n_without},{scores}\n", row.filter);
        }
        text
    }

    fn correspondences_csv(&self) -> String {
        let mut text = format!("filter,au,{},au_name\n", self.measures[0]);
        for &Correspondence { filter, au, score } in &self.correspondences {
            text += &format!("{filter},{au},{score},{}\n", au_name(au));
        }
        text
    }

    fn summary(&self, options: &OutputOptions, charted: &[usize]) -> Value {
        let mut summary = json!({
            "rows": self.rows,
            "rows_used": self.rows_used,
            "filters": self.filters,
            "filters_with_correspondence": self.correspondences.len(),
            "measures": self.measures,
            "correspondence_by": self.measures[0],
            "histograms": {
                "bins": self.options.bins,
                "range": "smallest to largest activation of the filter over the rows used, both groups pooled",
                "smoothing": self.options.smoothing,
                "unit": "nats",
                "source": "KL(Q||R) as in Khorrami, Paine & Huang 2015; bins, range and smoothing are our choice",
            },
            "min_positives": self.options.min_positives,
            "aus_used": self.aus_used.iter().map(count_json).collect::<Vec<_>>(),
            "aus_left_out": self.aus_left_out.iter().map(|c| self.left_out_json(c)).collect::<Vec<_>>(),
            "dead_filters": {
                "count": self.dead_filters.len(),
                "meaning": "constant over all rows used; no correspondence",
                "filters": self.dead_filters,
            },
            "correspondences_by_au": self.by_unit(),
            "charts": charted.iter().map(|&filter| chart_name(filter)).collect::<Vec<_>>(),
            "heat_map": "heatmap.svg",
            "caveat": "Every filter has a largest score, even an untrained one: no null distribution has been computed.",
        });
        if let Some(synthetic) = options.synthetic {
            summary["synthetic"] = synthetic.into();
        }
        if let Some(layer) = &options.layer {
            summary["layer"] = layer.as_str().into();
        }
        summary
    }

    fn left_out_json(&self, count: &AuCount) -> Value {
        let mut entry = count_json(count);
        let min = self.options.min_positives;
        entry["reason"] = match count.n_with < min {
            true => format!("present in fewer than {min}"),
            false => format!("absent in fewer than {min}"),
        }
        .into();
        entry
    }

    /// The action units by how many filters correspond to them, most first, with their best filters.
    fn by_unit(&self) -> Vec<Value> {
        let ranked = self.ranked();
        let mut units: Vec<(u8, Vec<Correspondence>)> = Vec::new();
        for count in &self.aus_used {
            let filters = ranked.iter().filter(|c| c.au == count.au).copied();
            units.push((count.au, filters.collect()));
        }
        units.sort_by_key(|(au, filters)| (std::cmp::Reverse(filters.len()), *au));
        let measure = self.measures[0];
        let top = |filters: &[Correspondence]| -> Vec<Value> {
            let top = filters.iter().take(TOP_FILTERS);
            top.map(|c| json!({"filter": c.filter, measure: c.score}))
                .collect()
        };
        let entry = |(au, filters): &(u8, Vec<Correspondence>)| json!({"au": au, "name": au_name(*au), "filters": filters.len(), "top": top(filters)});
        units.iter().map(entry).collect()
    }
}

fn count_json(count: &AuCount) -> Value {
    json!({"au": count.au, "name": au_name(count.au), "n_with": count.n_with, "n_without": count.n_without})
}

fn chart_name(filter: usize) -> String {
    format!("filter-{filter:03}.svg")
}

fn save(dir: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path: PathBuf = dir.join(name);
    let write = || {
        let mut file = AtomicWriteFile::open(&path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    };
    write().map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })
}
