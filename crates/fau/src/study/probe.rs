//! Reads action units from every layer with linear probes.

use faus_base::au;
use serde::Serialize;
use serde_json::{Value, json};

use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::lens::NetworkKind;
use crate::study::answer::Answer;
use crate::study::gap::{Above, Resampled};
use crate::study::linear_probe::{ProbeScore, Task, probe, probe_aurocs};
use crate::study::run::{CodedRows, RunView};
use crate::study::sparse::{self, Sparse, sparse};
use crate::study::starts::STARTS;
use crate::study::{Study, mean_known, pixels};
use crate::write::table::{csv, rows as rows_of};

/// Probes every layer of the trained and of the untrained network, and plain pixels, beside control tasks; and without
/// control tasks every layer of further untrained networks.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Penalty on half the squared weights against the mean log-loss, features in standard deviations. Default 0.1, our
    /// choice: with some hundred features and rows, weak penalties let probes memorise.
    pub penalty: f64,
    /// Subject-wise folds. Default 10, our choice.
    pub folds: usize,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            penalty: 0.1,
            folds: 10,
        }
    }
}

impl Study for Probe {
    fn name(&self) -> &str {
        "probe"
    }

    fn file(&self) -> &str {
        "probes"
    }

    fn check(&self) -> Result<(), Error> {
        let positive = self.penalty > 0.0 && self.penalty.is_finite();
        Error::unless(positive, "penalty", self.penalty, "give a positive number")?;
        Error::unless(
            self.folds >= 2,
            "fold-count",
            self.folds,
            "give at least two",
        )
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        self.check()?;
        let mut layers = self.layers(run)?;
        self.compare(run, &mut layers)?;
        let fdr = run.options.fdr;
        let first = first_layers(&layers, fdr);
        let named = |(au, layer): &(u8, Option<&str>)| json!({"au": au, "name": au::name(*au), "layer": layer});
        let facts = json!({
            "synthetic": run.synthetic,
            "fold": run.fold(),
            "folds": self.folds,
            "penalty": self.penalty,
            "fdr": fdr,
            "starts": STARTS,
            "layers": layers.iter().map(Layer::json).collect::<Vec<_>>(),
            "first_layer": first.iter().map(named).collect::<Vec<_>>(),
        });
        let few = self.few(run, &layers)?;
        let header = "network,layer,au,features,n_with,n_without,auroc,f1,auroc_low,auroc_high,control_auroc,control_f1,labelled_auroc,class_control_auroc,selectivity,selectivity_beyond_class,starts_auroc,above_starts,above_starts_low,above_starts_high,above_starts_p,above_starts_q";
        let rows = layers.iter().flat_map(Layer::rows);
        let mut answer = Answer::new(header, rows, facts, verdict(&layers, &first, fdr))?;
        let table = rows_of(
            "au,filters,auroc,auroc_low,auroc_high",
            few.iter().flat_map(Sparse::rows),
        )?;
        answer
            .files
            .push(("sparse_probes.csv".to_owned(), csv(&table)));
        let facts = few.iter().map(Sparse::facts).collect();
        answer.facts.insert("sparse".to_owned(), facts);
        answer.verdict.push(sparse::sentence(&few));
        Ok(answer)
    }
}

impl Probe {
    fn layers(&self, run: &RunView) -> Result<Vec<Layer>, Error> {
        let coded = run.coded();
        let pixels = pixels::shrunken(run, &coded.rows)?;
        let mut layers = vec![self.scored(run, &coded, "pixels", "pixels", &pixels)?];
        let networks = [
            ("untrained", NetworkKind::Untrained),
            ("trained", NetworkKind::Trained),
        ];
        let names = run.networks.layers()?;
        for (name, network) in networks {
            for layer in &names {
                let lens = run.networks.lens(network, run.best_fold, Some(layer))?;
                let activations = lens.activations(&coded.rows)?;
                layers.push(self.scored(run, &coded, name, layer, &activations)?);
            }
        }
        Ok(layers)
    }

    /// Probes on few filters of the analysed layer.
    fn few(&self, run: &RunView, layers: &[Layer]) -> Result<Vec<Sparse>, Error> {
        let (coded, lens) = (run.coded(), run.lens(NetworkKind::Trained)?);
        let activations = lens.activations(&coded.rows)?;
        let own = |layer: &&Layer| layer.network == "trained" && layer.name == lens.layer();
        let all = layers.iter().find(own).map(|layer| layer.scores.as_slice());
        let options = run.options.check()?;
        run.work("Probes on few filters", |watch| {
            let folds = (self.folds, self.penalty);
            sparse(
                &activations,
                &coded.samples,
                all.unwrap_or_default(),
                folds,
                &options,
                watch,
            )
        })
    }

    fn task<'a>(&self, activations: &'a Activations, coded: &'a CodedRows) -> Task<'a> {
        (activations, &coded.samples, (self.folds, self.penalty))
    }

    /// Compares the layers of the trained network with the same of untrained ones; q over all units and layers.
    fn compare(&self, run: &RunView, layers: &mut [Layer]) -> Result<(), Error> {
        let (coded, mut tests) = (run.coded(), Vec::new());
        for layer in layers.iter_mut().filter(|layer| layer.network == "trained") {
            let of = |start: usize| {
                let kind = NetworkKind::Start(start as u64);
                let lens = run.networks.lens(kind, run.best_fold, Some(&layer.name))?;
                let activations = lens.activations(&coded.rows)?;
                run.work(&format!("untrained starts, {}", layer.name), |watch| {
                    probe_aurocs(self.task(&activations, &coded), run.options, watch)
                })
            };
            let starts = (0..STARTS).map(of);
            let starts: Vec<Vec<Resampled>> = starts.collect::<Result<_, _>>()?;
            for (unit, (score, above)) in layer.scores.iter().zip(&mut layer.above).enumerate() {
                let own: Vec<&Resampled> = starts.iter().map(|start| &start[unit]).collect();
                let start = Resampled::further_start(&own, run.options.seed);
                *above = Above::of(&score.resampled, &start, true);
                tests.push(above);
            }
        }
        correct(&mut tests, |above| above.gap.p, |above| &mut above.q);
        Ok(())
    }

    fn scored(
        &self,
        run: &RunView,
        coded: &CodedRows,
        network: &'static str,
        layer: &str,
        activations: &Activations,
    ) -> Result<Layer, Error> {
        let scores = run.work(&format!("{network} {layer}"), |watch| {
            probe(self.task(activations, coded), run.options, watch)
        })?;
        let layer = Layer {
            network,
            name: layer.to_owned(),
            above: vec![Above::NONE; scores.len()],
            scores,
        };
        (run.say)(&format!(
            "{network:10} {:8} mean AUROC {:.3}, control task {:.3}, beyond the class {:+.3}",
            layer.name,
            layer.auroc(),
            layer.mean(|s| s.control_auroc),
            layer.mean(ProbeScore::beyond_class)
        ));
        Ok(layer)
    }
}

/// The scores of one layer of one network.
struct Layer {
    network: &'static str,
    name: String,
    scores: Vec<ProbeScore>,
    /// How far each score of the trained network is above untrained starts.
    above: Vec<Above>,
}

impl Layer {
    /// Mean over the action units where it is defined.
    fn mean(&self, of: impl Fn(&ProbeScore) -> f64) -> f64 {
        mean_known(self.scores.iter().map(of))
    }

    fn auroc(&self) -> f64 {
        self.mean(|s| s.auroc)
    }

    fn json(&self) -> Value {
        json!({
            "network": self.network,
            "layer": self.name,
            "features": self.scores.first().map(|s| s.features),
            "mean_auroc": self.auroc(),
            "mean_f1": self.mean(|s| s.f1),
            "mean_control_auroc": self.mean(|s| s.control_auroc),
            "mean_selectivity": self.mean(ProbeScore::selectivity),
            "mean_selectivity_beyond_class": self.mean(ProbeScore::beyond_class),
        })
    }

    fn rows(&self) -> impl Iterator<Item = impl Serialize> {
        let name = (self.network, &self.name);
        let scores = self.scores.iter().zip(&self.above);
        scores.map(move |(s, above)| {
            let gap = (above.gap.difference, above.gap.range, above.gap.p, above.q);
            (
                name,
                s,
                s.selectivity(),
                s.beyond_class(),
                above.untrained,
                gap,
            )
        })
    }
}

/// For every action unit the first layer of the trained network that is above untrained starts.
fn first_layers(layers: &[Layer], fdr: f64) -> Vec<(u8, Option<&str>)> {
    let trained = || layers.iter().filter(|layer| layer.network == "trained");
    let first = |(unit, score): (usize, &ProbeScore)| {
        let above = trained().find(|layer| layer.above[unit].clear(fdr));
        (score.au, above.map(|layer| layer.name.as_str()))
    };
    let units = trained().next().map(|layer| &layer.scores);
    units.into_iter().flatten().enumerate().map(first).collect()
}

/// The network's layer with the highest mean AUROC; the first on ties.
fn best<'a>(layers: &'a [Layer], network: &str) -> Option<&'a Layer> {
    let own = layers.iter().filter(|layer| layer.network == network);
    own.reduce(|best, layer| match layer.auroc() > best.auroc() {
        true => layer,
        false => best,
    })
}

fn verdict(layers: &[Layer], first: &[(u8, Option<&str>)], fdr: f64) -> Vec<String> {
    let mut verdict = Vec::new();
    let best = ["trained", "untrained", "pixels"].map(|network| best(layers, network));
    if let [Some(trained), Some(untrained), Some(pixels)] = best {
        verdict.push(format!(
            "The best layer to read action units from is {} of the trained network (mean AUROC {:.3}); {} of the untrained one gives {:.3}, 12×12 pixels {:.3}, the control task {:.3}.",
            trained.name,
            trained.auroc(),
            untrained.name,
            untrained.auroc(),
            pixels.auroc(),
            trained.mean(|s| s.control_auroc)
        ));
        verdict.push(format!(
            "Beyond the expression (codes shuffled inside each class), {} of the trained network gains {:+.3} and {} of the untrained one {:+.3}.",
            trained.name,
            trained.mean(ProbeScore::beyond_class),
            untrained.name,
            untrained.mean(ProbeScore::beyond_class)
        ));
    }
    let risen = first.iter().filter(|(_, layer)| layer.is_some()).count();
    verdict.push(format!(
        "For {risen} of {} action units some layer of the trained network lies above the same layer of {STARTS} untrained networks (over people and starts, false-discovery rate {:.0}% over layers and units).",
        first.len(),
        100.0 * fdr
    ));
    verdict
}
