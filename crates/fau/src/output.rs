//! The files of an analysis.

use std::io::Write;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use serde_json::{Value, json};

use crate::analysis::{Analysis, AuCount, Correspondence};
use crate::charts::{bar_chart, heat_map};
use crate::summary::{NO_NULL, describe};
use crate::tables::{PairTable, class_effects_csv, held_out_csv, sensitivity_csv};
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
    /// With [`Analysis::inference`] also `class_effects.csv`, `held_out.csv` and `sensitivity.csv`, and further columns.
    /// A number that is undefined (r of a constant filter) is written as `NaN`; a column that was not asked for is absent.
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
        self.write_inference(dir)?;
        let charted = self.best_filters(options.charts);
        for &filter in &charted {
            let name = chart_name(filter);
            save(dir, &name, &bar_chart(self, filter, options, &name)?)?;
        }
        save(dir, "heatmap.svg", &heat_map(self, options, "heatmap.svg")?)?;
        let summary = self.summary(options, &charted);
        save(dir, "fau.json", &format!("{summary:#}\n"))
    }

    /// The tables that only some analyses have; one of an earlier analysis does not stay.
    fn write_inference(&self, dir: &Path) -> Result<(), Error> {
        let inference = self.inference.as_ref();
        let labelled = inference.filter(|i| i.labelled_rows > 0);
        let held_out = inference.and_then(|i| i.held_out.as_ref());
        let variants = inference.map(|i| i.sensitivity.as_slice());
        let tables = [
            ("class_effects.csv", labelled.map(class_effects_csv)),
            ("held_out.csv", held_out.map(held_out_csv)),
            ("sensitivity.csv", variants.map(sensitivity_csv)),
        ];
        for (name, text) in tables {
            match text {
                Some(text) => save(dir, name, &text)?,
                None => remove(dir, name)?,
            }
        }
        Ok(())
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
        let beside = self.inference.as_ref().map(|inference| PairTable {
            columns: PairTable::columns(self),
            pairs: &inference.pairs,
        });
        let more = beside.as_ref().map_or(String::new(), PairTable::header);
        let mut text = format!(
            "filter,au,n_with,n_without,{}{more}\n",
            self.measures.join(",")
        );
        for (at, row) in self.associations.iter().enumerate() {
            let AuCount {
                au,
                n_with,
                n_without,
            } = row.count;
            let scores: Vec<String> = row.scores.iter().map(f64::to_string).collect();
            let scores = scores.join(",");
            let more = beside.as_ref().map_or(String::new(), |table| table.row(at));
            text += &format!("{},{au},{n_with},{n_without},{scores}{more}\n", row.filter);
        }
        text
    }

    fn correspondences_csv(&self) -> String {
        let tested = self.options.permutations > 0;
        let inference = self.inference.as_ref().filter(|_| tested);
        let more = if inference.is_some() {
            ",auroc,q,q_within_class,p_max,q_max"
        } else {
            ""
        };
        let mut text = format!("filter,au,{},au_name{more}\n", self.measures[0]);
        let aurocs = self.scores("auroc");
        for &Correspondence { filter, au, score } in &self.correspondences {
            text += &format!("{filter},{au},{score},{}", au_name(au));
            if let (Some(inference), Some(aurocs)) = (inference, &aurocs) {
                let unit = self.aus_used.iter().position(|c| c.au == au);
                let at = self.place(filter, unit.unwrap_or(0));
                let (pair, own) = (&inference.pairs[at], &inference.filters[filter]);
                text += &format!(
                    ",{},{},{},{},{}",
                    aurocs[at], pair.q, pair.q_within_class, own.p_max, own.q_max
                );
            }
            text += "\n";
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
        });
        if let Some(inference) = &self.inference {
            describe(self, inference, &mut summary);
        } else {
            summary["caveats"] = json!([NO_NULL]);
        }
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

fn remove(dir: &Path, name: &str) -> Result<(), Error> {
    let path = dir.join(name);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Write { path, source })
        }
        _ => Ok(()),
    }
}

pub(crate) fn save(dir: &Path, name: &str, text: &str) -> Result<(), Error> {
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
