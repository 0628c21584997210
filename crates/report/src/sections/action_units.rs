//! Filters and action units: by unit and by filter.

use std::cmp::{Ordering, Reverse};

use serde_json::Value;

use super::further_tests;
use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{ci, count, decimal, or_dash, p_value, when};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv, csv_of};
use crate::run::Run;
use crate::run::fau::Fau;
use crate::run::value::{au, au_label, brief, ends, filter, list, texts, units};

/// Results of the analysis that are not collapsed where the page has no answer with their numbers.
const FIRST: usize = 3;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("action-units", "Filters named after action units");
    let fau = &run.fau;
    // The answer is at the top of the page.
    let answer = fau.summary["answer"]["sentence"].as_str();
    let mut results = texts(&fau.summary["verdict"]).filter(|text| Some(*text) != answer);
    let first = if answer.is_some() { 0 } else { FIRST };
    blocks.texts(results.by_ref().take(first));
    let (mut further, mut computed) = (Blocks::default(), Blocks::default());
    further.texts(results);
    blocks.details("Results in words", further);
    cautions(&fau.summary, blocks);
    computed.text(method(&fau.summary));
    blocks.details("How names and KL are computed", computed);
    if blocks.has(&fau.correspondences) {
        blocks.heading("By action unit");
        blocks.table(by_unit(fau));
        left_out(fau, blocks);
        chosen_on_the_same(fau, blocks);
        names(fau, blocks);
        let mut paper = Blocks::default();
        correspondences(fau, &mut paper);
        blocks.details(
            "The paper's rule: the unit of each filter's largest KL",
            paper,
        );
    }
    further_tests::within_classes(&fau.class_effects, blocks);
    further_tests::held_out(&fau.summary["held_out"], blocks);
    blocks.folded(
        "Other bins and smoothing",
        further_tests::sensitivity(&fau.sensitivity),
    );
}

/// The histograms and the null distributions, as `fau.json` records them.
fn method(summary: &Value) -> String {
    let mut words = "For each filter and action unit, the filter's largest activation per image is compared between the images with the unit and those without: KL(Q‖R) in nats. The unit with the largest KL is the filter's correspondence, as in the paper. A filter's name is another: the unit with the largest |z|, the distance of its AUROC from its mean under permutation in standard deviations, if that passes the test.".to_owned();
    if let Some(rows) = summary["rows_used"].as_u64() {
        words += &format!(" Coded images: {rows}.");
    }
    let histograms = &summary["histograms"];
    if let Some(bins) = histograms["bins"].as_u64() {
        let smoothing = &histograms["smoothing"];
        let samples = smoothing["pseudo_samples"].as_f64().unwrap_or(f64::NAN);
        let prior = smoothing["prior"].as_str().unwrap_or("unknown");
        let least = summary["min_positives"].as_u64().unwrap_or(0);
        words += &format!(
            " Histograms: {bins} equal-width bins over each filter's range, {samples} pseudo-samples spread like the {prior} histogram, action units present in coded images of at least {} and absent in those of as many. Bins, range and smoothing are our choice.",
            count(least, "person")
        );
    }
    let null = &summary["null"];
    if let Some(permutations) = null["permutations"].as_u64() {
        let people = |n| format!(" over {}", count(n, "person"));
        let subjects = null["subjects"].as_u64().map(people).unwrap_or_default();
        let resamples = null["bootstrap"].as_u64().unwrap_or(0);
        words += &format!(
            " Chance: {permutations} permutations{subjects}, people as clusters; q after Benjamini and Hochberg. Intervals: 95% confidence intervals (CI) from {resamples} bootstrap resamples of people."
        );
    }
    words
}

fn cautions(summary: &Value, blocks: &mut Blocks) {
    let listed = || texts(&summary["caveats"]);
    if summary["null"].is_null() && listed().next().is_none() {
        blocks.caution("Every filter has a largest KL, in an untrained network too, and expressions consist of action units. Without a null distribution, which has not been computed for this run, a correspondence is a description, not evidence.");
    }
    listed().for_each(|caution| blocks.caution(caution));
}

/// The figure of the best filters, collapsed where the controls show filters that were chosen on other people.
fn chosen_on_the_same(fau: &Fau, blocks: &mut Blocks) {
    let mut inner = Blocks::default();
    best_by_unit(&fau.summary, &mut inner);
    match fau.controls.rows.is_empty() {
        true => blocks.append(inner),
        false => blocks.details(
            "The best filter of each action unit, chosen and scored on the same images (too high)",
            inner,
        ),
    }
}

/// The best filter of each action unit by AUROC, as `fau.json` records it.
fn best_by_unit(summary: &Value, blocks: &mut Blocks) {
    let units = list(&summary["by_au"]).iter();
    let units = units.filter(|unit| unit["best"]["auroc"].is_number());
    // A unit that hardly varies within any expression cannot be tested there: a few pairs of images say nothing.
    let within = |unit: &Value| {
        let auroc = unit["best"]["auroc_within_class"].as_f64();
        auroc.filter(|_| unit["varies_within_class"] != false)
    };
    let lines = units.clone().flat_map(|unit| {
        let best = &unit["best"];
        let interval = ends(best, "auroc_low", "auroc_high");
        let all = Line::of(0, best["auroc"].as_f64(), interval);
        let same = within(unit).map(|auroc| Line::of(1, Some(auroc), None));
        let label = format!("{} (#{})", au_label(au(unit)), filter(best));
        labelled(label, [all].into_iter().chain(same))
    });
    let numbers = units.clone().map(|unit| {
        let numbers = ["auroc", "auroc_low", "auroc_high"];
        let numbers = numbers.map(|key| cell(unit["best"][key].as_f64()));
        (au(unit), filter(&unit["best"]), numbers, cell(within(unit)))
    });
    let same = "pairs of images of the same expression only";
    let (all, testable) = (
        units.clone().count(),
        units.clone().filter(|unit| within(unit).is_some()).count(),
    );
    let shown = 1 + usize::from(testable > 0);
    let inside = format!(
        " Within one expression {testable} of {} can be tested.",
        count(all, "action unit")
    );
    let inside = when(testable > 0, &inside);
    let forest = Forest {
        name: "best-filter-by-action-unit",
        alt: "AUROC of the best filter of each action unit with intervals; the same numbers are in the tables",
        axis: "AUROC (0.5: no relation)",
        series: ["all coded images", same][..shown].into(),
        csv: csv("au,filter,auroc,low,high,auroc_within_class", numbers),
        ..Forest::aurocs(lines.collect())
    };
    blocks.figure(forest, format!("The best filter of each action unit (number in brackets): how well its activation alone separates images with the unit from those without; below 0.5 it is less active with the unit.{inside} Lines: 95% CI, bootstrap over people. It is the best of many on these very images, so its AUROC is too high; the replication and the controls choose it on other people."));
}

/// An action unit with its filters.
struct Unit<'a> {
    au: u64,
    /// Filters named after it, strongest first.
    filters: Vec<&'a Value>,
    /// Number of filters with their largest KL for it.
    largest_kl: usize,
    associations: Vec<&'a Value>,
}

impl<'a> Unit<'a> {
    fn of(fau: &'a Fau, unit: u64) -> Self {
        let own = |row: &&Value| au(row) == unit;
        Self {
            au: unit,
            filters: fau.names.iter().filter(own).collect(),
            largest_kl: fau.correspondences.iter().filter(own).count(),
            associations: fau.associations.iter().filter(own).collect(),
        }
    }

    fn present(&self) -> Cell {
        let count = |key: &str| self.associations.first()?[key].as_u64();
        let counts = count("n_with").zip(count("n_without"));
        let text = counts.map(|(with, without)| format!("{with} of {}", with + without));
        Cell::number(or_dash(text), counts.map(|(with, _)| with as f64))
    }

    /// Number of its filters for which `counts` holds.
    fn many(&self, counts: fn(&Value) -> bool) -> Cell {
        Cell::count(self.filters.iter().filter(|row| counts(row)).count() as u64)
    }

    fn strongest(&self) -> String {
        let filters = self
            .filters
            .iter()
            .take(3)
            .map(|row| numbered(row, "auroc"));
        filters.collect::<Vec<_>>().join(", ")
    }

    /// The filter with the largest value of an own measure.
    fn strongest_by(&self, measure: &str) -> String {
        let measured = self.associations.iter();
        let measured = measured.filter_map(|row| Some((row, row[measure].as_f64()?)));
        let best = measured.max_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal));
        or_dash(best.map(|(row, _)| numbered(row, measure)))
    }
}

/// A filter with one of its values: `#12 (0.91)`.
fn numbered(row: &Value, key: &str) -> String {
    format!(
        "#{}\u{a0}({})",
        row["filter"],
        decimal(row[key].as_f64(), 2)
    )
}

fn by_unit(fau: &Fau) -> impl Into<Table> {
    let mut units = units(&fau.associations);
    units.extend(fau.correspondences.iter().map(au));
    let mut units: Vec<Unit> = units.into_iter().map(|au| Unit::of(fau, au)).collect();
    units.sort_by_key(|unit| Reverse(unit.filters.len()));
    let mut table = TableOf::new("Action units and their filters", units)
        .words("Action unit", |unit| Cell::au(unit.au))
        .numbers("Present in", |unit| unit.present())
        .numbers("Filters named after it", |unit| unit.many(|_| true))
        .numbers("… less active with it", |unit| unit.many(less))
        .numbers("… that follow it within expressions", |unit| {
            unit.many(|row| row["within_class"] == "holds")
        })
        .numbers("… cannot be tested there", |unit| {
            unit.many(|row| row["within_class"] == "untestable")
        })
        .numbers("Detectable AUROC (80% power)", |unit| {
            let mut units = list(&fau.summary["by_au"]).iter();
            let own = units.find(|other| au(other) == unit.au);
            Cell::decimal(own.and_then(|own| own["detectable_auroc"].as_f64()), 2)
        })
        .words("Filters farthest from chance (AUROC)", |unit| {
            unit.strongest()
        })
        .numbers("Filters whose largest KL it has", |unit| {
            Cell::count(unit.largest_kl as u64)
        });
    for measure in fau.own_measures() {
        let name = format!("Strongest filter by {measure}");
        table = table.words(name, |unit| unit.strongest_by(measure));
    }
    table.sortable()
}

fn left_out(fau: &Fau, blocks: &mut Blocks) {
    let units = list(&fau.summary["aus_left_out"]).iter();
    let units = units.filter_map(|unit| {
        let (au, with) = (unit["au"].as_u64()?, unit["n_with"].as_u64()?);
        Some(format!("AU {au} (present in {with})"))
    });
    let units = units.collect::<Vec<String>>().join(", ");
    if !units.is_empty() {
        blocks.quiet(format!("Left out as too rare or too frequent: {units}."));
    }
    if fau.dead() > 0 {
        let filters = count(fau.dead(), "filter");
        let constant = "Constant over all coded images, so without correspondence";
        blocks.quiet(format!("{constant}: {filters}."));
    }
}

/// Whether a filter is less active with the unit it is named after.
fn less(row: &Value) -> bool {
    row["sign"].as_f64().is_some_and(|sign| sign < 0.0)
}

fn names(fau: &Fau, blocks: &mut Blocks) {
    blocks.heading(match fau.names.len() {
        0 => "Named filters".to_owned(),
        many => format!("Named filters: {many}, farthest from chance first"),
    });
    if !blocks.has(&fau.names) {
        return;
    }
    let rows = &*fau.names;
    let p = |row: &Value, key: &str| Cell::p(row[key].as_f64());
    let number = |row: &Value, key: &str| Cell::decimal(row[key].as_f64(), 2);
    let direction = |row: &Value| if less(row) { "less" } else { "more" };
    let table = TableOf::new("Filters and the action unit that each is named after", rows)
        .words("Filter", |row| Cell::filter(filter(row)))
        .words("Action unit", |row| Cell::au(au(row)))
        .numbers("Active", |row| direction(row))
        .numbers("AUROC (95% CI)", |row| {
            let ends = ends(row, "auroc_low", "auroc_high");
            number(row, "auroc").with_interval(ends, 2)
        })
        .numbers("d′", |row| number(row, "d_prime"))
        .numbers("z", |row| Cell::decimal(row["z"].as_f64(), 1))
        .numbers("q", |row| p(row, "q"))
        .words("Within expressions", |row| within_words(row))
        .numbers("Strongest given the others (partial r)", |row| {
            let r = decimal(row["partial_r"].as_f64(), 2);
            or_dash(
                row["partial_au"]
                    .as_u64()
                    .map(|au| format!("AU {au} ({r})")),
            )
        })
        .numbers("ρ with grade", |row| {
            let q = row["intensity_q"]
                .as_f64()
                .map(|q| format!("q {}", p_value(q)));
            number(row, "intensity_rho").remark(q.unwrap_or_default())
        });
    let level = fau.level();
    let note = format!(
        "The action unit with the filter's largest |z|, with q ≤ {level} against the largest |z| under permutation, over filters. Less: the filter is less active with the unit. Within expressions: whether the filter follows this unit among images of the same expression (holds, fails), or the unit hardly varies there (untestable). ρ: Spearman's correlation with the unit's intensity among graded images."
    );
    let keys = "filter,au,au_name,sign,auroc,auroc_low,auroc_high,d_prime,z,p,q,within_class,auroc_within_class,p_within_class,q_within_class,partial_au,partial_r,named_partial_r,intensity_rho,intensity_p,intensity_q,intensity_r2,intensity_monotone";
    blocks.table_with_csv(
        table.note(note).sortable(),
        "names",
        csv_of(keys, keys, rows),
    );
}

/// Whether a filter follows its unit among images of one expression, with the numbers of a tested one.
fn within_words(row: &Value) -> Cell {
    let (word, q) = (brief(&row["within_class"]), row["q_within_class"].as_f64());
    let auroc = decimal(row["auroc_within_class"].as_f64(), 2);
    let numbers = q.map(|q| format!("AUROC {auroc}, q {}", p_value(q)));
    Cell::from(word).remark(numbers.unwrap_or_default())
}

fn correspondences(fau: &Fau, blocks: &mut Blocks) {
    let rows = &*fau.correspondences;
    let tested = rows.iter().any(|row| row["q_max"].is_number());
    let level = fau.level();
    let chance = format!(
        " q of the largest KL: against the largest KL over all action units under permutation, over filters; q within expressions: permuted among images of the same expression only. Beyond chance is q ≤ {level}."
    );
    let p = |row: &Value, key: &str| Cell::p(row[key].as_f64());
    let mut table = TableOf::new("Correspondences of filters and action units", rows)
        .words("Filter", |row| Cell::filter(filter(row)))
        .words("Action unit", |row| Cell::au(au(row)))
        .numbers("KL (nats)", |row| Cell::decimal(row["kl"].as_f64(), 2))
        .numbers("AUROC", |row| Cell::decimal(row["auroc"].as_f64(), 2))
        .numbers("r", |row| Cell::decimal(row["r"].as_f64(), 2));
    if tested {
        table = table
            .numbers("q of the largest KL", |row| p(row, "q_max"))
            .numbers("q within expressions", |row| p(row, "q_within_class"));
    }
    let mut keys = "filter,au,au_name,kl,auroc,r,p_max,q_max,q,q_within_class".to_owned();
    for measure in fau.own_measures() {
        let columns = ["p_M", "q_M", "M_low", "M_high"];
        let [p, q, low, high] = columns.map(|key| key.replace('M', measure));
        table = table
            .numbers(measure, |row| {
                let value = Cell::decimal(row[measure].as_f64(), 2);
                value.remark(ci("", ends(row, &low, &high), 2))
            })
            .numbers(format!("p of {measure}"), |row| Cell::p(row[&p].as_f64()))
            .numbers(format!("q of {measure}"), |row| Cell::p(row[&q].as_f64()));
        keys += &format!(",{measure},{p},{q},{low},{high}");
    }
    let chance = when(tested, &chance);
    let note = format!(
        "Each filter that responds, with the action unit of its largest KL, strongest first. AUROC below 0.5: the filter responds less with the unit.{chance}"
    );
    let csv = csv_of(&keys, &keys, rows);
    blocks.table_with_csv(table.note(note).sortable(), "correspondences", csv);
}
