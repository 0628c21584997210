//! The first screen below the answer: counts of named filters, people who show the units, and the findings for and against.

use std::fmt::Display;

use askama::Template;
use serde_json::Value;

use super::blocks::Blocks;
use super::text::count;
use super::{bars, people};
use crate::run::Run;
use crate::run::value::list;

/// The p up to which an ablation counts; the study does not correct it.
const LEVEL: f64 = 0.05;

/// The difference in AUROC that must have been detectable for its absence to count, as in the verdict.
const DETECTABLE: f64 = 0.2;

/// What a finding says about learned action units.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    For,
    InPart,
    Against,
    CannotBeTold,
}

impl From<bool> for Side {
    fn from(holds: bool) -> Self {
        if holds { Self::For } else { Self::Against }
    }
}

/// The result of one study, in a sentence.
pub(crate) struct Finding {
    side: Side,
    words: String,
    /// The section of the page that has the details.
    section: &'static str,
}

impl Finding {
    /// A share of tests that hold: none, some, or at least half of them.
    fn share((with, all): (usize, usize), section: &'static str, words: String) -> Self {
        let side = match with {
            _ if all == 0 => Side::CannotBeTold,
            0 => Side::Against,
            _ if 2 * with < all => Side::InPart,
            _ => Side::For,
        };
        Self {
            side,
            words,
            section,
        }
    }
}

/// The findings under one heading.
struct Column {
    heading: &'static str,
    findings: Vec<Finding>,
}

#[derive(Template)]
#[template(path = "evidence.html")]
struct Evidence {
    sides: Vec<Column>,
}

impl Evidence {
    fn has(&self, side: &str) -> bool {
        self.sides.iter().any(|column| column.heading == side)
    }
}

/// The blocks of the first screen; empty without a comparison.
pub(crate) fn evidence(run: &Run) -> Blocks {
    let mut blocks = Blocks::default();
    let within = run.fau.within_expressions();
    if !within.is_null() {
        blocks.figure(bars::bars(within, run.called()), bars::caption(within));
    }
    let mut found = findings(run);
    let mut column = |heading, side| Column {
        heading,
        findings: found
            .extract_if(.., |finding| finding.side == side)
            .collect(),
    };
    let mut sides = vec![
        column("For", Side::For),
        column("In part", Side::InPart),
        column("Against", Side::Against),
        column("Cannot be told", Side::CannotBeTold),
    ];
    sides.retain(|side| !side.findings.is_empty());
    if let Some(people) = people::figure(run) {
        blocks.html(people);
    }
    if !sides.is_empty() {
        blocks.html(Evidence { sides });
    }
    blocks
}

fn findings(run: &Run) -> Vec<Finding> {
    let fau = &run.fau;
    let mut findings = Vec::new();
    findings.extend(unseen(
        &fau.replicate.summary,
        fau.level(),
        &fau.summary["answer"]["evidence"],
    ));
    findings.extend(named(fau.within_expressions()));
    findings.extend(
        ["label_shuffled", "random_pixels", "pixels"]
            .into_iter()
            .filter_map(|name| against(run, name)),
    );
    findings.extend(other_people(
        list(&fau.replicate_on.summary["by_au"]),
        fau.level(),
    ));
    findings.extend(probes(list(&fau.probe.summary["first_layer"])));
    findings.extend(places(&fau.locate.rows, fau.level()));
    findings.extend(silenced(&fau.ablate.rows));
    findings.extend(switched(list(&fau.intervene.summary["agreement"])));
    findings
}

/// How many rows there are, and in how many a test passes; `None` without rows.
fn counted<'a>(
    rows: impl IntoIterator<Item = &'a Value>,
    passes: impl Fn(&Value) -> bool,
) -> Option<(usize, usize)> {
    let rows = Vec::from_iter(rows);
    let with = rows.iter().filter(|row| passes(row)).count();
    (!rows.is_empty()).then_some((with, rows.len()))
}

/// `1 filter is`, `2 filters are`.
fn verb(number: impl Display, what: &str, one: &str, many: &str) -> String {
    let counted = count(number, what);
    let verb = if counted.starts_with("1 ") { one } else { many };
    format!("{counted} {verb}")
}

fn at_most(value: &Value, level: f64) -> bool {
    value.as_f64().is_some_and(|value| value <= level)
}

/// Other people than the filters were chosen on, beside untrained networks: in all, and among images of one expression; `verdict`
/// is the evidence of the verdict.
fn unseen(summary: &Value, level: f64, verdict: &Value) -> impl Iterator<Item = Finding> {
    let people = match verdict["may_have_seen"] == true {
        true => "people other than those the filters were chosen on",
        false => "unseen people",
    };
    let units = list(&summary["by_au"]);
    let starts = match summary["starts"].as_u64() {
        Some(starts) => count(starts, "untrained network"),
        None => "untrained networks".to_owned(),
    };
    let above = |of: &Value| of["difference"].as_f64() > Some(0.0) && at_most(&of["q"], level);
    let known = units
        .iter()
        .filter(|unit| !unit["above_untrained"].is_null());
    let all = counted(known, |unit| above(&unit["above_untrained"])).map(|(with, of)| {
        let words = format!(
            "On {people}, the best filter of {with} of {} is above those of {starts}.",
            count(of, "action unit")
        );
        Finding::share((with, of), "replicate", words)
    });
    let testable = units.iter().filter(|unit| unit["within_testable"] == true);
    let within =
        counted(testable, |unit| above(&unit["within_above_untrained"])).map(|(with, of)| {
            let detectable = verdict["detectable_within"].as_f64();
            let weak = detectable.filter(|least| with == 0 && *least > DETECTABLE);
            let power = weak.map(|least| format!(": too few images, since only a difference in AUROC of {least:.2} would have been found in half of them"));
            let words = format!(
                "On {people}, among images of one expression, that holds for {with} of {} that can be tested{}.",
                count(of, "unit"),
                power.unwrap_or_default()
            );
            let mut finding = Finding::share((with, of), "replicate", words);
            if weak.is_some() {
                finding.side = Side::CannotBeTold;
            }
            finding
        });
    all.into_iter().chain(within)
}

/// Names of the trained network, against untrained networks and exchanged codes.
fn named(within: &Value) -> Vec<Finding> {
    let counts = |network: &str, key: &str| -> Vec<u64> {
        let each = list(&within[network]).iter();
        each.filter_map(|one| one[key].as_u64()).collect()
    };
    let range = |counts: &[u64]| {
        let (least, most) = (counts.iter().min()?, counts.iter().max()?);
        let words = match least == most {
            true => least.to_string(),
            false => format!("{least} to {most}"),
        };
        Some((words, *most))
    };
    let of = |key: &str| within["trained"][key].as_u64();
    let finding = |key: &str, words: fn(u64, u64, &str, &str) -> String| {
        let (own, (untrained, most)) = (of(key)?, range(&counts("starts", key))?);
        let (exchanged, chance) = range(&counts("au_shuffled", key))?;
        let all = of("within_holds")? + of("within_fails")?;
        Some(Finding {
            side: match key {
                "within_holds" if all == 0 => Side::CannotBeTold,
                _ => (own > most.max(chance)).into(),
            },
            words: words(own, all, &untrained, &exchanged),
            section: "controls",
        })
    };
    let names = finding("named", |own, _, untrained, exchanged| {
        format!(
            "In one network, {} named after an action unit; in untrained networks {untrained}, with codes exchanged between images {exchanged}.",
            verb(own, "filter", "is", "are")
        )
    });
    let inside = finding("within_holds", |own, all, untrained, _| match all {
        0 => "No filter’s unit varies enough within one expression to be tested there.".to_owned(),
        _ => format!(
            "Of its {} that can be tested among images of one expression, {own} {} their own unit there beyond chance; in untrained networks {untrained}.",
            count(all, "filter"),
            if own == 1 { "follows" } else { "follow" }
        ),
    });
    names.into_iter().chain(inside).collect()
}

/// The trained network against a control.
fn against(run: &Run, control: &str) -> Option<Finding> {
    let (own, other) = (run.fau.control("trained")?, run.fau.control(control)?);
    let what = match control {
        "pixels" => "plain pixels",
        "random_pixels" => "as many random projections of the pixels",
        _ => "the same network trained on shuffled labels",
    };
    let [low, high] = ["low", "high"].map(|end| other["below_trained"][end].as_f64());
    let words = match low {
        None => format!("The comparison with {what}: it has not learned those labels."),
        Some(_) => format!(
            "The best filters are {} those of {what}: mean AUROC {:.2} against {:.2}.",
            match (low > Some(0.0), high < Some(0.0)) {
                (true, _) => "above",
                (_, true) => "below",
                _ => "not clearly above",
            },
            own["mean_best_auroc"].as_f64()?,
            other["mean_best_auroc"].as_f64()?
        ),
    };
    Some(Finding {
        side: low.map_or(Side::CannotBeTold, |low| (low > 0.0).into()),
        words,
        section: "controls",
    })
}

fn other_people(units: &[Value], level: f64) -> Option<Finding> {
    let chance =
        |unit: &Value| unit["out_of_fold_auroc"].as_f64() > Some(0.5) && at_most(&unit["q"], level);
    let (with, all) = counted(units, chance)?;
    let words = format!(
        "On people of another data set, the filters of {with} of {} still respond to them beyond chance.",
        count(all, "unit")
    );
    Some(Finding::share((with, all), "replicate-on", words))
}

fn probes(units: &[Value]) -> Option<Finding> {
    let (with, all) = counted(units, |unit| unit["layer"].is_string())?;
    let words = format!(
        "For {with} of {}, a linear probe reads some layer better than the same layer untrained.",
        count(all, "unit")
    );
    Some(Finding::share((with, all), "probe", words))
}

fn places(filters: &[Value], level: f64) -> Option<Finding> {
    let (with, all) = counted(filters, |row| at_most(&row["q"], level))?;
    let words = format!(
        "{with} of {} more often than other filters where their unit shows on the face.",
        verb(all, "filter", "has its maximum", "have their maximum")
    );
    Some(Finding::share((with, all), "locate", words))
}

fn silenced(rows: &[Value]) -> Option<Finding> {
    let costs = |row: &Value| at_most(&row["p_random"], LEVEL) && at_most(&row["p_active"], LEVEL);
    let (with, all) = counted(rows.iter().filter(|row| row["label"] == ""), costs)?;
    let words = format!(
        "Silencing a unit's filters costs more accuracy than silencing random or equally active ones for {with} of {} (p ≤ {LEVEL}, not corrected).",
        count(all, "unit")
    );
    Some(Finding::share((with, all), "ablate", words))
}

fn switched(measures: &[Value]) -> Option<Finding> {
    let auroc = measures.iter().find(|row| row["measure"] == "auroc")?;
    let [share, chance] = ["same_au_share", "same_au_chance"].map(|key| auroc[key].as_f64());
    let (share, chance) = (100.0 * share?, 100.0 * chance?);
    Some(Finding {
        side: match share >= 50.0 {
            true => Side::For,
            false => Side::InPart,
        },
        words: format!(
            "Switched on in the same drawn face, the unit of largest AUROC changes {share:.0}% of the filters most (chance {chance:.0}%)."
        ),
        section: "intervene",
    })
}
