//! Verdict and caveats of an analysis, in plain sentences.

use crate::analysis::Analysis;
use crate::analysis::counts::{Counts, of_unit};
use crate::analysis::names::NameCounts;
use crate::chance::exchange::Exchange;
use crate::input::options::{AnalysisOptions, MIN_PEOPLE};
use crate::score::sensitivity::lowest;
use crate::write::words::{self, counted};

const NO_NULL: &str = "Every filter has a largest score, even an untrained one: no null distribution has been computed.";

/// The beginning of the last sentence of a verdict until `faus controls` has run.
pub(crate) const UNCOMPARED: &str =
    "None of this is evidence of learning before it is compared with";

/// Number of people below which the test inside classes and people errs too often.
const FEW_PEOPLE: usize = 20;

/// Share of rows without exchange above which a caveat is added.
const FIXED_SHARE: f64 = 0.25;

/// Caveats of an analysis.
pub(crate) fn caveats(analysis: &Analysis) -> Vec<String> {
    let (inference, rows) = (&analysis.inference, analysis.rows_used);
    let mut all = Vec::new();
    if analysis.options.permutations == 0 {
        all.push(NO_NULL.to_owned());
    }
    all.extend(coarse(&analysis.options, inference.pairs.len()));
    all.extend(doubts(analysis));
    if inference.subjects < MIN_PEOPLE {
        all.push(too_few(inference.subjects));
    }
    if inference.fixed_rows as f64 > FIXED_SHARE * rows as f64 {
        all.push(format!(
            "{} of {rows} coded images keep their codes in every exchange (people with one sequence and no match): the null rests on fewer images than it seems.",
            inference.fixed_rows
        ));
    }
    if inference.labelled_rows == 0 {
        all.push("No coded image has an expression label, so the share of the class is unknown: an association may be the expression's.".to_owned());
    } else if !inference.without_variation.is_empty() {
        let (vary, them) = match inference.without_variation.len() {
            1 => ("varies", "it"),
            _ => ("vary", "them"),
        };
        let aus = words::aus(&inference.without_variation);
        all.push(format!("{aus} hardly {vary} inside any expression class: this data cannot separate {them} from the expression."));
    }
    all.push("An association is not a mechanism: action units occur together, and a filter may follow one by way of another.".to_owned());
    all
}

/// What the table does not say and the tests rest on.
fn doubts(analysis: &Analysis) -> Vec<String> {
    let (inference, rows) = (&analysis.inference, analysis.rows_used);
    let (people, sequences) = (inference.without_subject, inference.without_sequence);
    let mut all = Vec::new();
    if people > 0 {
        all.push(format!(
            "The subject of {people} of {rows} coded images is unknown: each counts as a separate person, images of one `sequence` as the same. If people occur more than once, p is too small and intervals are too narrow."
        ));
    }
    if sequences > 0 {
        all.push(format!(
            "The sequence of {sequences} of {rows} coded images is unknown: each counts as a recording of its own. If some are frames of one recording, p is far too small."
        ));
    }
    all
}

fn too_few(people: usize) -> String {
    format!(
        "The coded images show {people} of at least {MIN_PEOPLE} people that a test needs: nothing is tested, and there are no intervals."
    )
}

/// A caveat if permutations are too few: with `pairs` tests, a test at the smallest possible p passes only together
/// with others.
pub(crate) fn coarse(options: &AnalysisOptions, pairs: usize) -> Option<String> {
    let smallest = options.permutations + 1;
    let company = (pairs as f64 / (options.fdr * smallest as f64)).ceil();
    (options.permutations > 0 && company > 1.0).then(|| {
        format!(
            "With {} permutations no p is below 1/{smallest}, so of {pairs} pairs none can pass correction unless at least {company:.0} reach that p: fewer may have been missed.",
            options.permutations
        )
    })
}

impl Analysis {
    /// The findings in plain sentences; none without permutations.
    pub fn verdict(&self) -> Vec<String> {
        if self.dead_filters.len() == self.filters {
            return vec![format!(
                "All {} filters are constant over the coded images: the network responds to nothing.",
                self.filters
            )];
        }
        if self.inference.subjects < MIN_PEOPLE {
            return vec![too_few(self.inference.subjects)];
        }
        if self.options.permutations == 0 {
            return vec![];
        }
        let counts = Counts::of(self);
        let doubts = doubts(self)
            .into_iter()
            .map(|doubt| format!(" Provisional: {doubt}"));
        let first = named_within(self, &counts) + &doubts.collect::<String>();
        let mut verdict = vec![first, named(self, &counts)];
        verdict.extend(partial(self, &counts));
        verdict.extend(beyond_class(self, &counts));
        verdict.extend(intensity(self, &counts));
        verdict.push(match counts.pairs_within_person_tested {
            0 => "No pair of a filter and an action unit can be tested between images of the same person.".to_owned(),
            tested => format!(
                "Between images of the same person (activations less the person's mean, codes exchanged within people), {} of {tested} testable filter-AU pairs are associated.",
                counts.pairs_within_person_q
            ),
        });
        verdict.extend(held_out(self));
        verdict.extend(detectable(self));
        verdict.extend(left_out(self));
        let lowest = lowest(&self.inference.sensitivity, |v| v.same_au);
        if !lowest.is_nan() {
            verdict.push(format!(
                "With other bins and smoothing at least {:.0}% of the filters keep their action unit.",
                100.0 * lowest
            ));
        }
        verdict.push(format!("{UNCOMPARED} an untrained network, shuffled labels and plain pixels: run `faus controls`, or test the activations of your own network before training."));
        verdict
    }
}

/// The named filters inside expression classes.
fn named_within(analysis: &Analysis, counts: &Counts) -> String {
    let NameCounts {
        named,
        within_holds,
        within_fails,
        within_untestable,
        ..
    } = counts.names;
    if named == 0 {
        return "No filter responds to an action unit beyond chance.".to_owned();
    }
    match analysis.inference.labelled_rows {
        0 => format!(
            "{named} filters are named after an action unit; whether they respond to more than the expression cannot be tested, since no coded image has a label."
        ),
        _ => format!(
            "Of {named} filters named after an action unit, {within_holds} follow it inside expression classes too, {within_fails} do not, and {within_untestable} cannot be tested, since their unit hardly varies inside any class.{}",
            reservation(analysis, counts)
        ),
    }
}

/// Where the test inside classes errs (docs/statistics.md, Calibration).
fn reservation(analysis: &Analysis, counts: &Counts) -> String {
    let (people, names) = (analysis.inference.subjects, counts.names);
    match analysis.options.exchange {
        _ if names.within_holds + names.within_fails == 0 => String::new(),
        Exchange::Within if people < FEW_PEOPLE => format!(
            " With {people} people this test errs a little too often (6 to 7% at a nominal 5%)."
        ),
        Exchange::Within => String::new(),
        _ => " Something about the person that shapes both face and codes would pass this test too; `--exchange within` holds people fixed.".to_owned(),
    }
}

/// The filters with a name, and the rule.
fn named(analysis: &Analysis, counts: &Counts) -> String {
    let less = counts.names.named_less;
    format!(
        "{} of {} live filters have a name, their action unit with the largest |z| of AUROC: {} are more active with it, {less} less (permutation test, codes exchanged {}, false-discovery rate {:.0}%).{}",
        counts.names.named,
        counts.filters_live,
        counts.names.named - less,
        analysis.options.exchange.short(),
        100.0 * analysis.options.fdr,
        between_people(analysis)
    )
}

/// What a test that also exchanges codes between people cannot tell apart (docs/statistics.md, Calibration).
fn between_people(analysis: &Analysis) -> &'static str {
    match analysis.options.exchange {
        _ if analysis.named().next().is_none() => "",
        Exchange::Within => "",
        _ => " Something about the person that shapes both face and codes would count here too.",
    }
}

fn partial(analysis: &Analysis, counts: &Counts) -> Option<String> {
    if counts.names.named == 0 || analysis.aus_used.len() < 2 {
        return None;
    }
    let tested = analysis
        .named()
        .filter(|(_, partial, _)| !partial.named.is_nan());
    let tested = tested.count();
    let determined = match counts.names.named - tested {
        0 => String::new(),
        many => format!(
            " {} named after a unit that the other units determine, so the name may as well be another's.",
            match many {
                1 => "1 filter is".to_owned(),
                many => format!("{many} filters are"),
            }
        ),
    };
    Some(match tested {
        0 => "The action units determine each other, so none can be tested given the others."
            .to_owned(),
        tested => format!(
            "Given the other action units (linear regression on all of them), the named unit is the filter's strongest one for {} of {tested} named filters that can be tested.{determined}",
            counts.named_strongest_partial
        ),
    })
}

fn intensity(analysis: &Analysis, counts: &Counts) -> Option<String> {
    (counts.named_graded > 0).then(|| {
        format!(
            "Among graded images, {} of {} named filters follow the intensity of their unit in the direction of their name (Spearman, false-discovery rate {:.0}%), {} of these with every step of intensity.{}",
            counts.named_graded_q,
            counts.named_graded,
            100.0 * analysis.options.fdr,
            counts.named_graded_monotone,
            between_people(analysis)
        )
    })
}

/// The units without enough people.
fn left_out(analysis: &Analysis) -> Option<String> {
    let aus: Vec<u8> = analysis.aus_left_out.iter().map(|count| count.au).collect();
    (!aus.is_empty()).then(|| {
        format!(
            "Not analysed, since fewer than {} show the unit or do not: {}.",
            counted(analysis.options.min_positives, "person"),
            words::aus(&aus)
        )
    })
}

/// The smallest effects that a test would find.
fn detectable(analysis: &Analysis) -> Option<String> {
    let known = analysis
        .inference
        .detectable
        .iter()
        .filter(|auroc| !auroc.is_nan());
    let mut known: Vec<f64> = known.copied().collect();
    known.sort_unstable_by(f64::total_cmp);
    Some(format!(
        "With 80% power a single test (two-sided 5%) detects an AUROC from {:.2} to {:.2}, depending on the unit (`detectable_auroc`).",
        known.first()?,
        known.last()?
    ))
}

fn held_out(analysis: &Analysis) -> Option<String> {
    let held_out = analysis.inference.held_out.as_ref();
    let held_out = held_out.filter(|h| !h.pairs.is_empty())?;
    let replicated = held_out.replicated(analysis.options.fdr);
    Some(
        (format!(
            "Of {} filters with a name on {} labelled images, {replicated} ({:.0}%) respond to it on the {} images without an expression label too.{}",
            held_out.pairs.len(),
            held_out.labelled_rows,
            100.0 * replicated as f64 / held_out.pairs.len() as f64,
            held_out.rows,
            between_people(analysis)
        )) + &carried_over(held_out.shared_people),
    )
}

/// A reservation for people who are among those that the names were chosen on.
fn carried_over(shared_people: usize) -> String {
    match shared_people {
        0 => String::new(),
        people => format!(
            " {} both kinds of images, and their habits can carry a name over: where habits were strong in a simulation, 14% of filters without any relation passed a test at 5%.",
            match people {
                1 => "One person has".to_owned(),
                people => format!("{people} people have"),
            }
        ),
    }
}

fn beyond_class(analysis: &Analysis, counts: &Counts) -> Option<String> {
    let inference = &analysis.inference;
    if inference.labelled_rows == 0 {
        return None;
    }
    let within = |unit: usize| of_unit(analysis, unit, |pair| pair.q_within_class) > 0;
    let units = analysis.aus_used.iter().enumerate();
    let known = units.filter(|(unit, _)| within(*unit));
    let known: Vec<u8> = known.map(|(_, count)| count.au).collect();
    let tested = analysis.aus_used.len() - inference.without_variation.len();
    if tested == 0 {
        return None;
    }
    Some(match known.is_empty() {
        true => format!(
            "With any unit, none of {} pairs of a filter and a unit passes the correction for all of them inside expression classes.",
            counts.pairs_within_class_tested
        ),
        false => format!(
            "With any unit, not only their own, {} filters are associated inside expression classes: with {} ({} of {} testable pairs of {}).{}",
            counts.filters_within_class_q,
            words::aus(&known),
            counts.pairs_within_class_q,
            counts.pairs_within_class_tested,
            counted(tested, "action unit"),
            between_people(analysis)
        ),
    })
}
