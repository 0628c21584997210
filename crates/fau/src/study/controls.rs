//! Compares the trained network with controls that should show no association: other networks, codes and pixels.

use serde_json::json;

use crate::analysis::names::NameCounts;
use crate::chance::bootstrap::Range95;
use crate::chance::exchange::{Exchange, Scheme};
use crate::chance::random::Purpose;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::options::{AnalysisOptions, CheckedOptions};
use crate::input::samples::SampleRow;
use crate::input::table::gather;
use crate::lens::NetworkKind;
use crate::study::answer::Answer;
use crate::study::control::{Control, Title};
use crate::study::control_chart::control_chart;
use crate::study::run::{CodedRows, RunView};
use crate::study::starts::{STARTS, starts};
use crate::study::within::{HeldOutCounts, Strength, WithinExpressions, each_count};
use crate::study::{Study, check_draws, pixels};
use crate::watch::Watch;
use crate::write::charts::origin;
use crate::write::verdict::coarse;
use crate::write::words::listed;

/// Analyses the untrained and the label-shuffled network, exchanged codes and plain pixels as the trained network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Controls {
    /// Skip the network trained on shuffled labels, which takes one to seven times as long as a fold.
    pub skip_training: bool,
    /// Number of permutations per p-value; `None` for the run's number.
    pub permutations: Option<usize>,
}

const TRAINED: Title = ("trained", "the network as trained");
const UNTRAINED: Title = (
    "untrained",
    "20 networks with freshly drawn weights; its counts of filters are those of this network before training",
);
const LABEL_SHUFFLED: Title = (
    "label_shuffled",
    "the same network trained on expression labels shuffled over sequences, until it knows them by heart",
);
const AU_SHUFFLED: Title = (
    "au_shuffled",
    "the trained network, action-unit codes exchanged between and within people",
);
const MEAN_POOLING: Title = (
    "mean_pooling",
    "the trained network, the mean over positions instead of the largest activation",
);
const PIXELS: Title = (
    "pixels",
    "no network: mean, contrast and edges of the image and its parts",
);
const RANDOM_PIXELS: Title = (
    "random_pixels",
    "no network: random projections of the pixels, as many as the layer has filters",
);

impl Study for Controls {
    fn name(&self) -> &str {
        "controls"
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        let options = AnalysisOptions {
            permutations: self.permutations.unwrap_or(run.options.permutations),
            ..run.options.clone()
        };
        let options = options.check()?;
        check_draws(&options)?;
        if let Some(fold) = run.fold() {
            (run.say)(&format!(
                "Controls of the network of fold {fold}, which validated best"
            ));
        }
        let coded = run.coded();
        let (all, within) = self.controls(run, &coded, &options)?;
        let facts = json!({
            "synthetic": run.synthetic,
            "fold": run.fold(),
            "fdr": options.fdr,
            "permutations": options.permutations,
            "best_auroc": "AUROC of the action unit's best filter, chosen on other people (ten folds of subjects), pooled over the people left out",
            "intervals": "95% over resampled people; untrained: over people and starts, for one further start",
            "starts": STARTS,
            "people": Coded::collect(&coded.samples).subject_count(),
            "controls": all,
            "within_expressions": within,
        });
        let header = "control,au,filters,best_auroc,best_auroc_low,best_auroc_high,pairs_q,pairs_within_class_q,below_trained,below_trained_low,below_trained_high,below_trained_p,below_trained_q,within_auroc,within_auroc_low,within_auroc_high,n_rarer_within_class,within_below_trained,within_below_trained_low,within_below_trained_high,within_below_trained_p,within_below_trained_q";
        let rows = all.iter().flat_map(|control| {
            let units = control.units.iter();
            units.map(move |unit| {
                let (best, counts) = (&unit.best, (unit.filters_q, unit.filters_within_class_q));
                let head = (control.name, best.count.au, control.filters);
                let within = Range95::percentile(&best.within.each);
                let within = (best.within.auroc, within, best.n_rarer_within_class);
                let below = [unit.below_trained, unit.within_below_trained]
                    .map(|below| (below.gap.difference, below.gap.range, below.gap.p, below.q));
                let all = (best.score.auroc, best.range, counts, below[0]);
                (head, all, within, below[1])
            })
        });
        let verdict = verdict(&all, &within, &options, run.fold());
        let mut answer = Answer::new(header, rows, facts, verdict)?;
        let chart = control_chart(&all, origin(Some(run.synthetic), run.machine_coded))?;
        answer.files.push(("controls.svg".to_owned(), chart));
        Ok(answer)
    }
}

impl Controls {
    /// The trained network, then the controls; and the filters that follow their unit inside expressions.
    fn controls(
        &self,
        run: &RunView,
        coded: &CodedRows,
        options: &CheckedOptions,
    ) -> Result<(Vec<Control>, WithinExpressions), Error> {
        let samples = coded.samples.as_slice();
        let of = |network| run.lens(network)?.activations(&coded.rows);
        let control = |name: Title, activations: &Activations, samples: &[SampleRow]| {
            let of = |watch: &Watch| Control::of(name, activations, samples, options, watch);
            let control = run.work(name.0, of)?;
            (run.say)(&control.line());
            Ok::<_, Error>(control)
        };
        let lens = run.lens(NetworkKind::Trained)?;
        let (trained, logits) = (lens.activations(&coded.rows)?, lens.logits(&coded.rows)?);
        let starts = starts(run, coded)?;
        let untrained = of(NetworkKind::Untrained)?;
        let untrained = run.work(UNTRAINED.0, |watch| {
            let mut control = Control::of(UNTRAINED, &untrained, samples, options, watch)?;
            control.over_starts(&starts, &Coded::collect(samples), options)?;
            Ok::<_, Error>(control)
        })?;
        (run.say)(&untrained.line());
        let images: Vec<&[u8]> = coded.rows.iter().map(|&row| (run.image)(row)).collect();
        let projections = run.work(RANDOM_PIXELS.0, |_| {
            pixels::projections(&images, trained.filters(), options.seed)
        });
        let moved = |draw: u32| exchange_codes(samples, options.seed, draw);
        let mut all = vec![
            control(TRAINED, &trained, samples)?,
            untrained,
            control(AU_SHUFFLED, &trained, &moved(0))?,
            control(PIXELS, &pixels::edges(run, &coded.rows)?, samples)?,
            control(RANDOM_PIXELS, &projections?, samples)?,
        ];
        if let Some(means) = lens.means(&coded.rows)? {
            all.push(control(MEAN_POOLING, &means, samples)?);
        }
        // Computed last, since it may need training first.
        if !self.skip_training {
            let shuffled = of(NetworkKind::LabelShuffled)?;
            let mut shuffled = control(LABEL_SHUFFLED, &shuffled, samples)?;
            shuffled.memorised = Some(run.networks.memorised(run.best_fold)?);
            all.insert(2, shuffled);
        }
        let own = all[0].clone();
        all[1..]
            .iter_mut()
            .for_each(|control| control.compare(&own));
        let strength = Strength {
            names: &own.names,
            activations: &trained,
            logits: &logits,
        };
        let given = |watch: &Watch| strength.count(samples, options, watch);
        let untrained = starts.iter().map(|start| (start, samples));
        let draws: Vec<Vec<SampleRow>> = (1..=STARTS as u32).map(moved).collect();
        let shuffled = draws.iter().map(|draw| (&trained, draw.as_slice()));
        let within = WithinExpressions {
            trained: NameCounts::of(own.names.iter()),
            given_strength: run.work("Strength of the expression", given)?,
            starts: each_count("Names in untrained starts", untrained, run, options)?,
            au_shuffled: each_count("Names under exchanged codes", shuffled, run, options)?,
            held_out: run.work("Names on images without a label", |watch| {
                HeldOutCounts::of(&trained, &starts, samples, options, watch)
            })?,
        };
        Ok((all, within))
    }
}

/// The samples with their codes exchanged between and within people, number `draw`: their analysis must find nothing.
fn exchange_codes(samples: &[SampleRow], seed: u64, draw: u32) -> Vec<SampleRow> {
    let coded = Coded::collect(samples);
    let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, Exchange::Both);
    let source = scheme.draw(seed, Purpose::Control, u64::from(u32::MAX - draw));
    let mut moved: Vec<SampleRow> = samples.to_vec();
    moved.sort_unstable_by_key(|sample| sample.index);
    for (&row, from) in coded.rows.iter().zip(gather(&coded.images, &source)) {
        moved[row].coded.clone_from(&from.coded);
    }
    moved
}

/// The numbers of filters and action units above each control, with intervals.
fn verdict(
    all: &[Control],
    within: &WithinExpressions,
    options: &CheckedOptions,
    fold: Option<usize>,
) -> Vec<String> {
    let (trained, others) = (&all[0], &all[1..]);
    let mut verdict = vec![within.sentence(options.exchange)];
    verdict.extend(within.held_out.iter().filter_map(HeldOutCounts::sentence));
    verdict.extend(coarse(options, trained.pairs));
    verdict.extend(fold.map(|fold| format!(
        "The network of fold {fold} was trained on most of these people; only the filters are chosen on other people. `faus replicate` scores people unknown to the network."
    )));
    verdict.extend(
        others
            .iter()
            .map(|other| compared(trained, other, options.fdr)),
    );
    verdict.push(ranks(all));
    verdict
}

/// The effective rank of every network's filters.
fn ranks(all: &[Control]) -> String {
    let network = |control: &&Control| ![AU_SHUFFLED.0, PIXELS.0].contains(&control.name);
    let ranks = all.iter().filter(network).map(|control| {
        let name = control.name.replace('_', "-");
        format!("{name} {:.1}", control.effective_rank)
    });
    format!(
        "Effective rank of the {} filters (directions in which they vary; a collapsed network has few): {}.",
        all[0].filters,
        ranks.collect::<Vec<_>>().join(", ")
    )
}

/// How well the network trained on shuffled labels knows them.
fn memory(control: &Control) -> String {
    let known = control.memorised.map(|memorised| {
        format!(
            "It classifies {:.1}% of its training images as labelled (most frequent label {:.1}%, {} steps).",
            100.0 * memorised.train_accuracy,
            100.0 * memorised.majority_accuracy,
            memorised.steps
        )
    });
    known.unwrap_or_default()
}

fn compared(trained: &Control, other: &Control, fdr: f64) -> String {
    if other.name == AU_SHUFFLED.0 {
        return format!(
            "With exchanged codes {} of {} pairs pass; none should but by chance.",
            other.pairs_q, other.pairs
        );
    }
    let memory = memory(other);
    let Some(gap) = other.below_trained else {
        return format!(
            "The network trained on shuffled labels has not learned them, so it is no control, and nothing follows from it. {memory}"
        );
    };
    let relation = match (gap.range.low > 0.0, gap.range.high < 0.0) {
        (true, _) => "above",
        (_, true) => "BELOW",
        _ => "indistinguishable from",
    };
    let line = format!(
        "The trained network is {relation} {} ({}): mean AUROC {:.3} against {:.3}, difference {:+.3} [{:+.3}, {:+.3}], {}; {} of its {} filters are beyond chance too by their largest KL. Above for action units (false-discovery rate {:.0}% over the units): {}.",
        other.name.replace('_', "-"),
        other.words,
        trained.mean.auroc,
        other.mean.auroc,
        gap.difference,
        gap.range.low,
        gap.range.high,
        gap.p_words(),
        other.filters_max_q,
        other.filters,
        100.0 * fdr,
        listed(&other.clearly_below(fdr))
    );
    format!("{line} {memory}").trim_end().to_owned()
}
