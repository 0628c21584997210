//! `faus replicate`: filters chosen on training people, scored on test people.

use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::text::{count, when};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::value::{au, au_label, ends, list, texts};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let (title, chosen) = match run.folder.analysed {
        true => (
            "Replication on other people",
            "the filter of each is chosen on the people of all folds but one, and scored on those of that fold",
        ),
        false => (
            "Replication on people not seen in training",
            "the filter of each is chosen on the people that a fold's network was trained on, and scored on its test people",
        ),
    };
    let blocks = page.start("replicate", title);
    let summary = &run.fau.replicate.summary;
    if blocks.has(summary) {
        let mut words = Blocks::default();
        words.texts(texts(&summary["verdict"]));
        blocks.details("Results in words", words);
        let units = list(&summary["by_au"]);
        let many = count(units.len(), "action unit");
        let known = units.iter().any(|unit| unit["untrained_low"].is_number());
        let spread = when(
            known,
            "; their lines: the 95% interval of one further such network",
        );
        blocks.figure(called(run, by_unit(units)), format!("{many}: {chosen}; all folds together. Lines: 95% CIs over people. Untrained: the mean of networks with freshly drawn weights, filters chosen and scored in the same way{spread}."));
        let testable = units.iter().filter(|unit| unit["within_testable"] == true);
        let mut testable: Vec<Value> = testable.cloned().collect();
        for unit in &mut testable {
            unit["within_q"] = unit["within_above_untrained"]["q"].clone();
        }
        let (tested, all) = (testable.len(), &many);
        blocks.figure(called(run, within(&testable)), format!("The same among images of one expression, pairs of images of different expressions left out: {tested} of {all} can be tested, the others hardly vary within any expression. The file has q of the difference between trained and untrained networks."));
    }
}

/// The drawing with the network under its name on this page.
fn called<'a>(run: &Run, mut forest: Forest<'a>) -> Forest<'a> {
    if let Some(first) = forest.series.first_mut() {
        *first = run.called();
    }
    forest
}

pub(super) fn by_unit(units: &[Value]) -> Forest<'static> {
    let keys = ["out_of_fold_auroc", "low", "high", "untrained"];
    Forest {
        name: "replication-by-action-unit",
        alt: "AUROC of each action unit on people unknown to the network, with intervals, beside untrained networks",
        axis: "AUROC on people unknown to the network (0.5: no relation)",
        csv: csv_of(
            "au,auroc,low,high,q,untrained_auroc,untrained_low,untrained_high",
            "au,out_of_fold_auroc,low,high,q,untrained_auroc,untrained_low,untrained_high",
            units,
        ),
        ..beside_untrained(units, keys)
    }
}

/// Among images of one expression.
fn within(units: &[Value]) -> Forest<'static> {
    let keys = [
        "within_auroc",
        "within_low",
        "within_high",
        "within_untrained",
    ];
    let all = "au,within_auroc,within_low,within_high,within_untrained_auroc,within_untrained_low,within_untrained_high,within_q";
    Forest {
        name: "replication-within-expressions",
        alt: "AUROC of each action unit among images of one expression on people unknown to the network, with intervals, beside untrained networks",
        axis: "AUROC within one expression (0.5: no relation)",
        csv: csv_of(all, all, units),
        ..beside_untrained(units, keys)
    }
}

/// A line for the trained network and, where it is known, one for untrained networks, under keys with this beginning.
fn beside_untrained(units: &[Value], [value, low, high, untrained]: [&str; 4]) -> Forest<'static> {
    let lines = units.iter().flat_map(|unit| {
        let own = Line::of(0, unit[value].as_f64(), ends(unit, low, high));
        let [auroc, low, high] = ["auroc", "low", "high"].map(|key| format!("{untrained}_{key}"));
        let control = unit[auroc].as_f64();
        let control = control.map(|auroc| Line::of(1, Some(auroc), ends(unit, &low, &high)));
        labelled(au_label(au(unit)), [own].into_iter().chain(control))
    });
    let auroc = format!("{untrained}_auroc");
    let known = units.iter().any(|unit| unit[&auroc].is_number());
    Forest {
        series: ["trained network", "untrained networks"][..2 * usize::from(known)].into(),
        ..Forest::aurocs(lines.collect())
    }
}
