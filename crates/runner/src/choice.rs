use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use faus_base::au::name as au_name;
use faus_fau::{AnalysisOptions, Association, Auroc, Kl, read_samples};

use crate::look::Look;

/// Which filters are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Every filter of the layer.
    All,
    /// These.
    Numbers(Vec<usize>),
    /// So many: the best filter of each action unit, then the next best.
    BestFau(usize),
    /// Those that tell a class best from the others, the class by its name.
    BestClass(String),
}

/// Filters of the figure, and of a choice by class.
pub(crate) const SHOWN: usize = 10;

/// What a choice came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Chosen {
    /// The filters to draw.
    pub filters: Vec<usize>,
    /// Those of the figure; `None` leaves it to how strongly they respond.
    pub figure: Option<Vec<usize>>,
    /// A word for some of them.
    pub labels: BTreeMap<usize, String>,
}

impl Choice {
    /// As written into filters.json.
    pub fn words(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Numbers(_) => "indices".to_owned(),
            Self::BestFau(_) => "best-fau".to_owned(),
            Self::BestClass(name) => format!("best-class {name}"),
        }
    }

    /// The filters, of a figure that holds `shown` at most. `rows` are the images that are looked at.
    ///
    /// Action units are looked up wherever coded, as the analysis does: for each filter the one with the largest KL divergence
    /// (the paper's rule) among those that it responds to more than without (AUROC above ½), since the patches show when it
    /// fires and not when it falls silent.
    pub fn of(&self, look: &Look, rows: &[usize], shown: usize) -> Result<Chosen> {
        match self {
            Self::Numbers(filters) => Ok(Chosen {
                filters: filters.clone(),
                figure: Some(filters.iter().copied().take(shown).collect()),
                ..Chosen::default()
            }),
            Self::All => {
                let ranked = Correspondences::of(look)?;
                Ok(Chosen {
                    filters: (0..look.network.filters(look.stage)?).collect(),
                    figure: ranked.as_ref().map(|r| r.best(shown)),
                    labels: ranked.map(|r| r.labels()).unwrap_or_default(),
                })
            }
            Self::BestFau(count) => {
                let ranked = Correspondences::of(look)?.with_context(|| {
                    format!("--best-fau: no action unit is coded often enough in {}; use --filters or --best-class", look.prepared.dir().display())
                })?;
                let filters = ranked.best(*count);
                Ok(Chosen {
                    figure: Some(filters.iter().copied().take(shown).collect()),
                    filters,
                    labels: ranked.labels(),
                })
            }
            Self::BestClass(name) => best_of_class(look, rows, name, shown),
        }
    }
}

/// KL, filter, action unit, AUROC.
type Ranked = (f64, usize, u8, f64);

/// Each filter with its action unit.
struct Correspondences {
    /// The largest KL first.
    ranked: Vec<Ranked>,
}

impl Correspondences {
    /// `None` where the data set has too few codes.
    fn of(look: &Look) -> Result<Option<Self>> {
        let samples = read_samples(&look.prepared.dir().join("samples.csv"))?;
        let coded: Vec<(usize, &Vec<(u8, u8)>)> = samples
            .iter()
            .filter_map(|row| Some((row.index, row.coded.as_ref()?)))
            .filter(|(row, _)| *row < look.prepared.len())
            .collect();
        let options = AnalysisOptions::default();
        let mut units: BTreeMap<u8, Vec<bool>> = BTreeMap::new();
        for (at, (_, aus)) in coded.iter().enumerate() {
            for (au, _) in *aus {
                units.entry(*au).or_insert_with(|| vec![false; coded.len()])[at] = true;
            }
        }
        let often = |present: &Vec<bool>| {
            let count = present.iter().filter(|p| **p).count();
            count >= options.min_positives && count < present.len()
        };
        units.retain(|_, present| often(present));
        if units.is_empty() {
            return Ok(None);
        }
        let rows: Vec<usize> = coded.iter().map(|(row, _)| *row).collect();
        let (values, filters) = activations(look, &rows)?;
        let kl = Kl {
            bins: options.bins,
            smoothing: options.smoothing,
        };
        let best = |filter: usize| {
            let column = column(&values, filters, filter);
            let scores = units.iter().map(|(au, present)| {
                (
                    kl.score(&column, present),
                    filter,
                    *au,
                    Auroc.score(&column, present),
                )
            });
            scores
                .filter(|s| s.3 > 0.5)
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.2.cmp(&a.2)))
        };
        let mut ranked: Vec<_> = (0..filters).filter_map(best).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(Some(Self { ranked }))
    }

    /// The best filter of every action unit, then the next best of all.
    fn best(&self, count: usize) -> Vec<usize> {
        let mut units = Vec::new();
        let (first, others): (Vec<&Ranked>, Vec<&Ranked>) =
            self.ranked.iter().partition(|(_, _, au, _)| {
                let new = !units.contains(au);
                units.push(*au);
                new
            });
        first
            .into_iter()
            .chain(others)
            .map(|&(_, filter, ..)| filter)
            .take(count)
            .collect()
    }

    fn labels(&self) -> BTreeMap<usize, String> {
        let label = |&(_, filter, au, auroc): &Ranked| {
            let name = au_name(au);
            (filter, format!("AU{au} {name}\nAUROC {auroc:.2}"))
        };
        self.ranked.iter().map(label).collect()
    }
}

/// The filters that tell a class best from the others by AUROC over the images that are looked at.
fn best_of_class(look: &Look, rows: &[usize], name: &str, shown: usize) -> Result<Chosen> {
    let label = class_number(look, name)?;
    let of_class: Vec<bool> = rows
        .iter()
        .map(|&row| look.prepared.labels()[row] == label)
        .collect();
    if of_class.iter().all(|c| *c) || !of_class.iter().any(|c| *c) {
        bail!(
            "--best-class {name}: the images looked at are all or none of this class; try --split all"
        );
    }
    let (values, filters) = activations(look, rows)?;
    let mut ranked: Vec<(f64, usize)> = (0..filters)
        .map(|filter| {
            (
                Auroc.score(&column(&values, filters, filter), &of_class),
                filter,
            )
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.truncate(shown.max(1));
    let labels = ranked
        .iter()
        .map(|(auroc, f)| (*f, format!("{name}\nAUROC {auroc:.2}")));
    let filters: Vec<usize> = ranked.iter().map(|r| r.1).collect();
    Ok(Chosen {
        labels: labels.collect(),
        figure: Some(filters.clone()),
        filters,
    })
}

/// The label of a class by its name.
pub(crate) fn class_number(look: &Look, name: &str) -> Result<i64> {
    let classes = &look.prepared.info().classes;
    let at = classes.iter().position(|class| class == name);
    let at = at.with_context(|| {
        format!(
            "there is no class `{name}`; the classes are {}",
            classes.join(", ")
        )
    })?;
    Ok(at as i64)
}

/// F(x) of these rows, and the number of filters.
fn activations(look: &Look, rows: &[usize]) -> Result<(Vec<f32>, usize)> {
    let mut values = Vec::new();
    look.stream_activations(rows, |some| {
        values.extend_from_slice(some);
        Ok(())
    })?;
    let filters = values.len() / rows.len().max(1);
    Ok((values, filters))
}

fn column(values: &[f32], filters: usize, filter: usize) -> Vec<f32> {
    values
        .iter()
        .skip(filter)
        .step_by(filters.max(1))
        .copied()
        .collect()
}
