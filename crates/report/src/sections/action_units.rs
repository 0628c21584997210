//! Filters and action units: by unit, by filter, within expressions, and on recordings without a label.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal, interval, or_dash, percent};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv, csv_text, ends};
use crate::run::Run;
use crate::run::fau::{
    self, Association, ClassEffect, Correspondence, Fau, OwnMeasure, OwnScore, Sensitivity,
    au_label, list, verdict,
};

pub(super) fn section(run: &Run) -> Section {
    let (fau, mut blocks) = (&run.fau, Blocks::default());
    blocks.texts(verdict(&fau.summary));
    blocks.quiet(method(&fau.summary));
    cautions(&fau.summary, &mut blocks);
    if blocks.has(&fau.correspondences) {
        best_by_unit(&fau.summary, &mut blocks);
        blocks.heading("By action unit");
        blocks.table(by_unit(fau));
        left_out(fau, &mut blocks);
        blocks.heading("Correspondences");
        correspondences(fau, &mut blocks);
    }
    within_classes(&fau.class_effects, &mut blocks);
    held_out(&fau.summary["held_out"], &mut blocks);
    if fau.sensitivity.gap.is_none() {
        blocks.folded("Other bins and smoothing", sensitivity(&fau.sensitivity));
    }
    blocks.section("action-units", "Filters and action units")
}

/// The histograms and the null distributions, as `fau.json` records them.
fn method(summary: &Value) -> String {
    let mut words = "For each filter and action unit, the filter's largest activation per image is compared between the images with the unit and those without: KL(Q‖R) in nats. The unit with the largest KL is the filter's correspondence.".to_owned();
    if let Some(rows) = summary["rows_used"].as_u64() {
        words += &format!(" {rows} coded images were used.");
    }
    let histograms = &summary["histograms"];
    if let Some(bins) = histograms["bins"].as_u64() {
        let smoothing = &histograms["smoothing"];
        words += &format!(
            " Histograms: {bins} equal-width bins over each filter's range, {} pseudo-samples spread like the {} histogram, action units present and absent in at least {} coded images. Bins, range and smoothing are our choice.",
            smoothing["pseudo_samples"].as_f64().unwrap_or(f64::NAN),
            smoothing["prior"].as_str().unwrap_or("unknown"),
            summary["min_positives"].as_u64().unwrap_or(0)
        );
    }
    let null = &summary["null"];
    if let Some(permutations) = null["permutations"].as_u64() {
        let subjects = null["subjects"]
            .as_u64()
            .map(|n| format!(" over {n} people"));
        words += &format!(
            " Chance: {permutations} permutations{}, people as clusters; q after Benjamini and Hochberg. Intervals: 95% confidence intervals (CI) from {} bootstrap resamples of people.",
            subjects.unwrap_or_default(),
            null["bootstrap"].as_u64().unwrap_or(0)
        );
    }
    words
}

fn cautions(summary: &Value, blocks: &mut Blocks) {
    let listed = list(&summary["caveats"]).iter().filter_map(Value::as_str);
    let listed: Vec<&str> = listed.chain(summary["caveat"].as_str()).collect();
    if summary["null"].is_null() && listed.is_empty() {
        blocks.caution("Every filter has a largest KL, in an untrained network too, and expressions consist of action units. Without a null distribution, which has not been computed for this run, a correspondence is a description, not evidence.");
    }
    listed
        .into_iter()
        .for_each(|caution| blocks.caution(caution));
}

/// An action unit's best filter by AUROC, as `fau.json` records it.
struct Best {
    au: u64,
    filter: u64,
    auroc: f64,
    interval: Option<(f64, f64)>,
    within: Option<f64>,
}

impl Best {
    fn of(unit: &Value) -> Option<Self> {
        let best = &unit["best"];
        Some(Self {
            au: unit["au"].as_u64()?,
            filter: best["filter"].as_u64()?,
            auroc: best["auroc"].as_f64()?,
            interval: fau::ends(best, "auroc_low", "auroc_high"),
            within: best["auroc_within_class"].as_f64(),
        })
    }

    fn lines(&self) -> Vec<Line> {
        let all = Line {
            value: Some(self.auroc),
            interval: self.interval,
            ..Line::default()
        };
        let within = self.within.map(|within| Line {
            value: Some(within),
            series: 1,
            ..Line::default()
        });
        let label = format!("{} (#{})", au_label(self.au), self.filter);
        labelled(label, [all].into_iter().chain(within))
    }
}

fn best_by_unit(summary: &Value, blocks: &mut Blocks) {
    let best = list(&summary["by_au"]).iter().filter_map(Best::of);
    let best: Vec<Best> = best.collect();
    let series = [
        "all coded images",
        "pairs of images of the same expression only",
    ];
    let shown = if best.iter().any(|best| best.within.is_some()) {
        2
    } else {
        1
    };
    let numbers = best.iter().map(|best| {
        let [auroc, within] = [Some(best.auroc), best.within].map(cell);
        (best.au, best.filter, auroc, ends(best.interval), within)
    });
    let forest = Forest {
        name: "best-filter-by-action-unit",
        alt: "AUROC of the best filter of each action unit with intervals; the same numbers are in the tables",
        axis: "AUROC (0.5: no relation)",
        series: &series[..shown],
        csv: csv("au,filter,auroc,low,high,auroc_within_class", numbers),
        ..Forest::aurocs(best.iter().flat_map(Best::lines).collect())
    };
    blocks.figure(forest.plot(), "The best filter of each action unit (number in brackets): how well the filter's activation alone separates images with the unit from those without. AUROC is the share of such pairs of images in the right order. Lines: 95% CI, bootstrap over people. The best of many filters is chosen on the same images, which flatters it; it is not in the controls and the replication below.");
}

/// An action unit with its filters.
struct Unit<'a> {
    au: u64,
    /// Filters whose largest KL it has, strongest first.
    filters: Vec<&'a Correspondence>,
    association: Option<&'a Association>,
    recorded: Option<&'a Value>,
}

impl<'a> Unit<'a> {
    fn of(fau: &'a Fau, au: u64) -> Self {
        let mut filters = fau.ranked();
        filters.retain(|row| row.au == au);
        let mut recorded = list(&fau.summary["by_au"]).iter();
        Self {
            au,
            filters,
            association: fau.associations.iter().find(|row| row.au == au),
            recorded: recorded.find(|unit| unit["au"].as_u64() == Some(au)),
        }
    }

    fn recorded(&self, key: &str) -> Cell {
        Cell::count(self.recorded.and_then(|unit| unit[key].as_u64()))
    }

    fn present(&self) -> Cell {
        let counts = self
            .association
            .and_then(|row| row.n_with.zip(row.n_without));
        let text = counts.map(|(with, without)| format!("{with} of {}", with + without));
        Cell::number(or_dash(text), counts.map(|(with, _)| with as f64))
    }

    fn strongest(&self) -> String {
        let filters = self.filters.iter().take(5);
        let filters = filters.map(|row| format!("#{} ({})", row.filter, decimal(row.kl, 2)));
        filters.collect::<Vec<_>>().join(", ")
    }

    /// The filter with the largest value of an own measure.
    fn strongest_by(&self, measure: &OwnMeasure) -> String {
        let value = |score: &OwnScore| score.value.unwrap_or(f64::NEG_INFINITY);
        let scores = measure.of_unit(self.au);
        let best = scores.max_by(|a, b| value(a.1).total_cmp(&value(b.1)));
        or_dash(best.map(|(filter, score)| format!("#{filter} ({})", decimal(score.value, 2))))
    }
}

fn by_unit(fau: &Fau) -> Table {
    let found = fau.correspondences.iter().map(|row| row.au);
    let units: BTreeSet<u64> = fau
        .associations
        .iter()
        .map(|row| row.au)
        .chain(found)
        .collect();
    let mut units: Vec<Unit> = units.into_iter().map(|au| Unit::of(fau, au)).collect();
    units.sort_by_key(|unit| Reverse(unit.filters.len()));
    let beyond = fau.summary["by_au"][0]["filters_q"].is_u64();
    let mut table = TableOf::new("Action units and their filters", units)
        .words("Action unit", |unit| Cell::au(unit.au))
        .numbers("Present in", |unit| unit.present())
        .numbers("Filters with their largest KL for it", |unit| {
            Cell::count(unit.filters.len() as u64)
        })
        .only_if(beyond, |table| {
            table
                .numbers("Filters beyond chance", |unit| unit.recorded("filters_q"))
                .numbers("… within expressions", |unit| {
                    unit.recorded("filters_within_class_q")
                })
        })
        .words("Strongest filters (KL, nats)", |unit| unit.strongest())
        .sortable();
    for measure in &fau.own_measures {
        let name = format!("Strongest filter by {}", measure.name);
        table = table.words(name, |unit| unit.strongest_by(measure));
    }
    table.into()
}

fn left_out(fau: &Fau, blocks: &mut Blocks) {
    let units = list(&fau.summary["aus_left_out"])
        .iter()
        .filter_map(|unit| {
            let (au, with) = (unit["au"].as_u64()?, unit["n_with"].as_u64()?);
            Some(format!("AU {au} (present in {with})"))
        });
    let units: Vec<String> = units.collect();
    if !units.is_empty() {
        blocks.quiet(format!(
            "Left out as too rare or too frequent: {}.",
            units.join(", ")
        ));
    }
    if fau.dead() > 0 {
        let filters = count(fau.dead(), "filter");
        blocks.quiet(format!(
            "Constant over all coded images, so without correspondence: {filters}."
        ));
    }
}

/// A filter's correspondence with its association.
struct Pair<'a> {
    found: &'a Correspondence,
    association: Option<&'a Association>,
}

impl Pair<'_> {
    fn of(&self, value: fn(&Association) -> Option<f64>) -> Option<f64> {
        value(self.association?)
    }

    fn auroc(&self) -> Option<f64> {
        self.found.auroc.or_else(|| self.of(|row| row.auroc))
    }

    fn kl_interval(&self) -> Option<(f64, f64)> {
        self.association?.kl_interval()
    }
}

fn correspondences(fau: &Fau, blocks: &mut Blocks) {
    let pairs = fau.ranked().into_iter().map(|found| Pair {
        found,
        association: fau.pair(found.filter, found.au),
    });
    let pairs: Vec<Pair> = pairs.collect();
    let csv = correspondences_csv(fau, &pairs);
    let tested = pairs.iter().any(|pair| pair.found.q_max.is_some());
    let chance = match tested {
        true => format!(
            " q of the largest KL: against the largest KL over all action units under permutation, over filters; q within expressions: permuted among images of the same expression only. Beyond chance is q ≤ {}.",
            fau.level()
        ),
        false => String::new(),
    };
    let mut table = TableOf::new("Correspondences of filters and action units", pairs)
        .words("Filter", |pair| Cell::filter(pair.found.filter))
        .words("Action unit", |pair| Cell::au(pair.found.au))
        .numbers("KL (nats)", |pair| Cell::decimal(pair.found.kl, 2))
        .numbers("95% CI", |pair| interval(pair.kl_interval(), 2))
        .numbers("AUROC", |pair| Cell::decimal(pair.auroc(), 2))
        .numbers("r", |pair| Cell::decimal(pair.of(|row| row.r), 2))
        .only_if(tested, |table| {
            table
                .numbers("q of the largest KL", |pair| Cell::p(pair.found.q_max))
                .numbers("q within expressions", |pair| {
                    Cell::p(pair.found.q_within_class)
                })
        })
        .sortable();
    for measure in &fau.own_measures {
        let score = |pair: &Pair| measure.score(pair.found.filter, pair.found.au);
        table = table
            .numbers(measure.name.as_str(), |pair| {
                let value = Cell::decimal(score(pair).and_then(|score| score.value), 2);
                let ends = score(pair).and_then(|score| score.interval);
                value.remark(ends.map(|ends| interval(Some(ends), 2)).unwrap_or_default())
            })
            .numbers(format!("p of {}", measure.name), |pair| {
                Cell::p(score(pair).and_then(|score| score.p))
            })
            .numbers(format!("q of {}", measure.name), |pair| {
                Cell::p(score(pair).and_then(|score| score.q))
            });
    }
    blocks.table_with_csv(table.note(format!("Each filter that responds, with the action unit of its largest KL, strongest first. AUROC below 0.5: the filter responds less with the unit.{chance}")), "correspondences", csv);
}

fn correspondences_csv(fau: &Fau, pairs: &[Pair]) -> String {
    let header =
        "filter,au,au_name,kl,kl_low,kl_high,auroc,r,p_max,q_max,q,q_within_class".split(',');
    let own = fau.own_measures.iter().map(|measure| measure.name.as_str());
    let rows = pairs.iter().map(|pair| {
        let found = pair.found;
        let rest = [found.p_max, found.q_max, found.q, found.q_within_class];
        let [auroc, r] = [pair.auroc(), pair.of(|row| row.r)].map(cell);
        let own = fau.own_measures.iter().map(|measure| {
            let score = measure.score(found.filter, found.au);
            cell(score.and_then(|score| score.value))
        });
        let own: Vec<String> = own.collect();
        let name = found.au_name.as_deref().unwrap_or_default();
        (
            found.filter,
            found.au,
            name,
            cell(found.kl),
            ends(pair.kl_interval()),
            auroc,
            r,
            rest.map(cell),
            own,
        )
    });
    csv_text(header.chain(own), rows)
}

fn within_classes(effects: &[ClassEffect], blocks: &mut Blocks) {
    let scored = effects.iter().filter(|row| row.auroc.is_some());
    let scored: Vec<&ClassEffect> = scored.collect();
    if scored.is_empty() {
        return;
    }
    blocks.heading("Inside each expression");
    let summary = format!("{} within expressions", count(scored.len(), "pair"));
    let table = TableOf::new("Action units inside each expression", scored)
        .words("Action unit", |row| Cell::au(row.au))
        .words("Expression", |row| row.label_name.as_str())
        .numbers("Filter", |row| Cell::filter(row.filter))
        .numbers("With", |row| Cell::count(row.n_with))
        .numbers("Without", |row| Cell::count(row.n_without))
        .numbers("AUROC", |row| Cell::decimal(row.auroc, 2))
        .numbers("95% CI", |row| interval(row.auroc_low.zip(row.auroc_high), 2))
        .note("The best filter of each action unit, among images of one expression alone: its relation to the unit beyond the expression.")
        .sortable();
    blocks.folded(summary, table);
}

fn held_out(held_out: &Value, blocks: &mut Blocks) {
    let counts = ["pairs_selected", "pairs_replicated"].map(|key| held_out[key].as_u64());
    if let [Some(selected), Some(replicated)] = counts {
        blocks.heading("On recordings without an expression label");
        blocks.text(format!(
            "Pairs of filter and action unit found on the labelled recordings were tested on {} images without a label, which are not part of any training: {replicated} of {selected} hold there in the same direction ({}; chance {}); their median AUROC is {}.",
            held_out["rows"].as_u64().unwrap_or(0),
            percent(held_out["share"].as_f64()),
            percent(held_out["share_by_chance"].as_f64()),
            decimal(held_out["median_auroc"].as_f64(), 2)
        ));
    }
}

fn sensitivity(rows: &[Sensitivity]) -> Table {
    TableOf::new("Other histograms", rows)
        .numbers("Bins", |row| or_dash(row.bins))
        .words("Smoothed towards", |row| or_dash(row.prior.as_ref()))
        .numbers("Pseudo-samples", |row| decimal(row.pseudo_samples, 1))
        .numbers("Spearman", |row| decimal(row.spearman, 3))
        .numbers("Same action unit", |row| percent(row.same_au))
        .note("The effect of bins and smoothing: Spearman correlation of all KL values with those of the settings used, and the share of filters that keep their action unit.")
        .into()
}
