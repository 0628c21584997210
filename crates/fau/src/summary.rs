//! What `fau.json` says of nulls, and the verdict in plain sentences.

use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::inference::{Inference, PairInference};
use crate::multiple::at_most;
use crate::{CheckedOptions, au_name};

pub(crate) const NO_NULL: &str = "Every filter has a largest score, even an untrained one: no null distribution has been computed.";

/// Fewer rows than this share may stay where they are before the null is called narrow.
const FIXED_SHARE: f64 = 0.25;

/// Adds what the nulls say to `fau.json`.
pub(crate) fn describe(analysis: &Analysis, inference: &Inference, summary: &mut Value) {
    let options = &analysis.options;
    summary["intervals"] = json!({
        "resamplings": options.bootstrap,
        "over": "subjects",
        "auroc": "percentile",
        "kl": "mirrored at the estimate, since resampled divergences are biased upwards",
    });
    summary["sensitivity"] = sensitivity(inference);
    summary["by_au"] = by_au(analysis, inference).into();
    summary["caveats"] = caveats(analysis, inference).into();
    if options.permutations == 0 {
        return;
    }
    summary["null"] = null(analysis, inference);
    summary["counts"] = Counts::of(analysis, inference).json();
    if let Some(held_out) = &inference.held_out {
        let aurocs: Vec<f64> = held_out
            .pairs
            .iter()
            .map(|pair| 0.5 + (pair.auroc - 0.5) * (pair.auroc_labelled - 0.5).signum())
            .collect();
        let replicated = held_out.replicated(options.fdr);
        summary["held_out"] = json!({
            "rows": held_out.rows,
            "labelled_rows": held_out.labelled_rows,
            "pairs_selected": held_out.pairs.len(),
            "pairs_replicated": replicated,
            "share": replicated as f64 / held_out.pairs.len() as f64,
            "same_direction": held_out.same_direction(),
            "median_auroc": crate::ranks::median(&aurocs),
        });
    }
    summary["verdict"] = analysis.verdict().into();
}

fn null(analysis: &Analysis, inference: &Inference) -> Value {
    let options = &analysis.options;
    json!({
        "permutations": options.permutations,
        "seed": options.seed,
        "fdr": options.fdr,
        "exchange": options.exchange.words(),
        "p": "of KL, one-sided, (b + 1) / (m + 1); q: Benjamini & Hochberg over all filter x action-unit pairs",
        "subjects": inference.subjects,
        "rows_without_subject": inference.without_subject,
        "rows_without_exchange": inference.fixed_rows,
        "bootstrap": options.bootstrap,
        "within_class": {
            "rows": inference.labelled_rows,
            "classes": inference.classes,
            "statistic": "van Elteren's stratified rank sum over its subject-clustered standard error, two-sided",
            "aus_without_variation": inference.without_variation,
        },
    })
}

/// How much survives.
pub(crate) struct Counts {
    pub pairs: usize,
    pub pairs_q: usize,
    pub pairs_auroc_q: usize,
    pub within_tested: usize,
    pub within_q: usize,
    pub filters: usize,
    pub filters_q: usize,
    pub filters_max_q: usize,
    pub filters_within_q: usize,
}

impl Counts {
    pub fn of(analysis: &Analysis, inference: &Inference) -> Self {
        let fdr = analysis.options.fdr;
        let pairs = &inference.pairs;
        let units = analysis.aus_used.len();
        let filters = |q: fn(&PairInference) -> f64| {
            let own = pairs.chunks(units);
            own.filter(|own| own.iter().any(|pair| q(pair) <= fdr))
                .count()
        };
        let tested = pairs.iter().filter(|pair| !pair.p_within_class.is_nan());
        Self {
            pairs: pairs.len(),
            pairs_q: at_most(pairs.iter().map(|pair| pair.q), fdr),
            pairs_auroc_q: at_most(pairs.iter().map(|pair| pair.q_auroc), fdr),
            within_tested: tested.count(),
            within_q: at_most(pairs.iter().map(|pair| pair.q_within_class), fdr),
            filters: analysis.filters - analysis.dead_filters.len(),
            filters_q: filters(|pair| pair.q),
            filters_max_q: at_most(inference.filters.iter().map(|f| f.q_max), fdr),
            filters_within_q: filters(|pair| pair.q_within_class),
        }
    }

    fn json(&self) -> Value {
        json!({
            "pairs": self.pairs,
            "pairs_q": self.pairs_q,
            "pairs_auroc_q": self.pairs_auroc_q,
            "pairs_within_class_tested": self.within_tested,
            "pairs_within_class_q": self.within_q,
            "filters_live": self.filters,
            "filters_q": self.filters_q,
            "filters_max_q": self.filters_max_q,
            "filters_within_class_q": self.filters_within_q,
        })
    }
}

fn sensitivity(inference: &Inference) -> Value {
    let lowest = |value: fn(&crate::Variant) -> f64| {
        let values = inference.sensitivity.iter().map(value);
        values.fold(f64::NAN, f64::min)
    };
    json!({
        "variants": inference.sensitivity.len(),
        "lowest_same_au": lowest(|v| v.same_au),
        "lowest_spearman": lowest(|v| v.spearman),
        "table": "sensitivity.csv",
    })
}

fn by_au(analysis: &Analysis, inference: &Inference) -> Vec<Value> {
    let (kl, auroc) = (analysis.scores("kl"), analysis.scores("auroc"));
    let (kl, auroc) = (kl.unwrap_or_default(), auroc.unwrap_or_default());
    let fdr = analysis.options.fdr;
    let entry = |(unit, count): (usize, &crate::AuCount)| {
        let places: Vec<usize> = (0..analysis.filters)
            .map(|filter| analysis.place(filter, unit))
            .collect();
        let best = places
            .iter()
            .copied()
            .reduce(|best, at| if kl[at] > kl[best] { at } else { best })?;
        let pair = &inference.pairs[best];
        let counted = |q: fn(&PairInference) -> f64| {
            at_most(places.iter().map(|&at| q(&inference.pairs[at])), fdr)
        };
        Some(json!({
            "au": count.au,
            "name": au_name(count.au),
            "n_with": count.n_with,
            "n_without": count.n_without,
            "filters": analysis.correspondences.iter().filter(|c| c.au == count.au).count(),
            "filters_q": counted(|pair| pair.q),
            "filters_within_class_q": counted(|pair| pair.q_within_class),
            "varies_within_class": !inference.without_variation.contains(&count.au),
            "best": {
                "filter": best / analysis.aus_used.len(),
                "kl": kl[best],
                "auroc": auroc[best],
                "auroc_low": pair.auroc_range.low,
                "auroc_high": pair.auroc_range.high,
                "q": pair.q,
                "q_within_class": pair.q_within_class,
                "auroc_within_class": pair.auroc_within_class,
            },
        }))
    };
    analysis
        .aus_used
        .iter()
        .enumerate()
        .filter_map(entry)
        .collect()
}

fn caveats(analysis: &Analysis, inference: &Inference) -> Vec<String> {
    let mut all = Vec::new();
    let rows = analysis.rows_used;
    if analysis.options.permutations == 0 {
        all.push(NO_NULL.to_owned());
    }
    all.extend(coarse(&analysis.options, inference.pairs.len()));
    if inference.without_subject > 0 {
        all.push(format!(
            "The subject of {} of {rows} coded images is unknown: each was taken for a person of its own. If people occur more than once, p is too small and intervals are too narrow.",
            inference.without_subject
        ));
    }
    if inference.fixed_rows as f64 > FIXED_SHARE * rows as f64 {
        all.push(format!(
            "{} of {rows} coded images keep their codes in every exchange (people with one sequence whom nobody matches): the null says less than the number of images suggests.",
            inference.fixed_rows
        ));
    }
    if inference.labelled_rows == 0 {
        all.push("No coded image has an expression label, so nothing is known of what the class explains: an association may be the expression's.".to_owned());
    } else if !inference.without_variation.is_empty() {
        all.push(format!(
            "Inside every expression class {} hardly varies: for {} this data cannot tell an action unit from the expression.",
            words(&inference.without_variation),
            if inference.without_variation.len() == 1 { "it" } else { "these" },
        ));
    }
    all.push("An association is not a mechanism: action units occur together, and a filter may follow one by way of another.".to_owned());
    all
}

/// What too few permutations hide: with `pairs` tests, a test at the smallest possible p passes only in company.
pub fn coarse(options: &CheckedOptions, pairs: usize) -> Option<String> {
    let smallest = options.permutations + 1;
    let company = (pairs as f64 / (options.fdr * smallest as f64)).ceil();
    (options.permutations > 0 && company > 1.0).then(|| {
        format!(
            "With {} permutations no p is below 1/{smallest}, so of {pairs} pairs none can pass correction unless at least {company:.0} reach that: fewer may have been missed.",
            options.permutations
        )
    })
}

/// `AU 12`, `AUs 1, 2 and 5`.
pub(crate) fn words(aus: &[u8]) -> String {
    let numbers: Vec<String> = aus.iter().map(u8::to_string).collect();
    match numbers.as_slice() {
        [] => "no AU".to_owned(),
        [one] => format!("AU {one}"),
        [first @ .., last] => format!("AUs {} and {last}", first.join(", ")),
    }
}

impl Analysis {
    /// What the analysis comes to, in plain sentences; none where nothing was permuted.
    pub fn verdict(&self) -> Vec<String> {
        let tested = self.options.permutations > 0;
        let inference = self.inference.as_ref().filter(|_| tested);
        inference.map_or(vec![], |inference| verdict(self, inference))
    }
}

fn verdict(analysis: &Analysis, inference: &Inference) -> Vec<String> {
    let counts = Counts::of(analysis, inference);
    let fdr = 100.0 * analysis.options.fdr;
    let mut said = vec![
        format!(
            "{} of {} live filters have a largest KL above what exchanging codes between people gives (false-discovery rate {fdr:.0}%), and {} of {} filter-AU pairs do.",
            counts.filters_max_q, counts.filters, counts.pairs_q, counts.pairs
        ),
        beyond_class(analysis, inference, &counts),
    ];
    if let Some(held_out) = inference.held_out.as_ref().filter(|h| !h.pairs.is_empty()) {
        let replicated = held_out.replicated(analysis.options.fdr);
        said.push(format!(
            "Of {} pairs found on {} labelled images, {replicated} ({:.0}%) hold on the {} images without an expression label.",
            held_out.pairs.len(),
            held_out.labelled_rows,
            100.0 * replicated as f64 / held_out.pairs.len() as f64,
            held_out.rows
        ));
    }
    let lowest = inference.sensitivity.iter().map(|v| v.same_au);
    let lowest = lowest.fold(f64::NAN, f64::min);
    if !lowest.is_nan() {
        said.push(format!(
            "With other bins and smoothing at least {:.0}% of the filters keep their action unit.",
            100.0 * lowest
        ));
    }
    said.push("What an untrained network, shuffled labels and plain pixels give is said by `faus controls`: without it, none of this is evidence of learning.".to_owned());
    said
}

fn beyond_class(analysis: &Analysis, inference: &Inference, counts: &Counts) -> String {
    if inference.labelled_rows == 0 {
        return "Whether filters know more than the expression cannot be asked: no coded image has a label.".to_owned();
    }
    let fdr = analysis.options.fdr;
    let units = analysis.aus_used.len();
    let known: Vec<u8> = analysis
        .aus_used
        .iter()
        .enumerate()
        .filter(|(unit, _)| {
            let own = inference.pairs.iter().skip(*unit).step_by(units);
            at_most(own.map(|pair| pair.q_within_class), fdr) > 0
        })
        .map(|(_, count)| count.au)
        .collect();
    let tested = units - inference.without_variation.len();
    match known.is_empty() {
        true => format!(
            "Inside expression classes no filter tells any of {tested} action units: what the filters know of action units may be what the expression implies."
        ),
        false => format!(
            "Inside expression classes, where the label explains nothing, {} filters still tell {} ({} of {} testable pairs, {tested} action units vary enough).",
            counts.filters_within_q,
            words(&known),
            counts.within_q,
            counts.within_tested
        ),
    }
}
