//! How often each p is at most 0.05 where a filter and a unit have nothing to do with each other: the table of
//! `docs/statistics.md`, 1,000 repetitions of each design.
//!
//!     cargo run --release -p faus-fau --example calibration

use faus_base::person::Person;
use faus_fau::{Activations, Analysis, AnalysisOptions, Error, Exchange, SampleRow, analyse};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const REPETITIONS: u64 = 1000;
const FILTERS: usize = 4;
const CLASSES: usize = 5;
const AUS: [u8; 3] = [1, 12, 25];

/// What a data set is like; the default is CK+ without person effects.
#[derive(Clone, Copy)]
struct Design {
    name: &'static str,
    people: usize,
    /// How strongly a person decides the activations and the codes, in standard deviations.
    person: f64,
    /// One cause that shapes both, in standard deviations.
    confounder: f64,
    /// Whether the number of a person's sequences is that cause.
    by_sequences: bool,
    /// Logit of a unit.
    rate: f64,
    /// Share of silent activations.
    silent: f64,
}

const PLAIN: Design = Design {
    name: "independent images",
    people: 118,
    person: 0.0,
    confounder: 0.0,
    by_sequences: false,
    rate: -0.5,
    silent: 0.0,
};

const DESIGNS: [Design; 7] = [
    PLAIN,
    Design {
        name: "strong person effects",
        person: 3.0,
        ..PLAIN
    },
    Design {
        name: "10 to 20 positives",
        rate: -4.0,
        person: 1.0,
        ..PLAIN
    },
    Design {
        name: "sparse activations (80% silent)",
        silent: 0.8,
        person: 1.0,
        ..PLAIN
    },
    Design {
        name: "15 people",
        people: 15,
        person: 1.0,
        ..PLAIN
    },
    Design {
        name: "number of sequences drives both",
        confounder: 1.0,
        by_sequences: true,
        ..PLAIN
    },
    Design {
        name: "person-level confounder",
        confounder: 2.0,
        ..PLAIN
    },
];

/// Box and Muller.
fn normal(rng: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

impl Design {
    /// Samples, and activations that have nothing to do with their codes but the class and the confounder.
    fn draw(&self, rng: &mut StdRng) -> Result<(Vec<SampleRow>, Activations), Error> {
        let units: Vec<[f64; 3]> = (0..CLASSES).map(|_| AUS.map(|_| normal(rng))).collect();
        let (mut samples, mut values) = (Vec::new(), Vec::new());
        for person in 0..self.people {
            let sequences = 1 + rng.random_range(0..CLASSES);
            let cause = match self.by_sequences {
                true => (sequences as f64 - 3.0) / 2f64.sqrt(),
                false => normal(rng),
            };
            let cause = self.confounder * cause;
            let habits = AUS.map(|_| self.person * normal(rng) + cause);
            let faces = [0; FILTERS].map(|_| self.person * normal(rng) + cause);
            let first = rng.random_range(0..CLASSES);
            for class in (0..sequences).map(|at| (first + at) % CLASSES) {
                let shown = (0..3).filter(|&unit| {
                    let logit = self.rate + units[class][unit] + habits[unit];
                    rng.random_bool(1.0 / (1.0 + (-logit).exp()))
                });
                let shown: Vec<usize> = shown.collect();
                let grade = |unit: usize| {
                    let grade = 3.0 + 0.7 * (habits[unit] + normal(rng));
                    (AUS[unit], grade.round().clamp(1.0, 5.0) as u8)
                };
                let shown: Vec<(u8, u8)> = shown.into_iter().map(grade).collect();
                samples.push(SampleRow {
                    index: samples.len(),
                    subject: Some(Person::Number(person as i64)),
                    sequence: Some(samples.len().to_string()),
                    label: Some(class as i64),
                    coded: Some(shown),
                    ..SampleRow::default()
                });
                for face in faces {
                    let silent = rng.random_bool(self.silent);
                    let active = face + normal(rng);
                    values.push(if silent { 0.0 } else { active as f32 });
                }
            }
        }
        let activations = Activations::new(samples.len(), FILTERS, values)?;
        Ok((samples, activations))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Setting {
    Both,
    /// Codes are exchanged within people alone.
    Within,
    /// Every other image has no expression label: names are chosen on the labelled half and tested on the other.
    HeldOut,
}

impl Setting {
    const ALL: [Self; 3] = [Self::Both, Self::Within, Self::HeldOut];

    fn options(self) -> AnalysisOptions {
        AnalysisOptions {
            permutations: 399,
            bootstrap: 0,
            min_positives: 5,
            exchange: match self {
                Self::Within => Exchange::Within,
                _ => Exchange::Both,
            },
            // Nearly every filter keeps its name, and the name's intensities are tested.
            fdr: 0.9999,
            ..AnalysisOptions::default()
        }
    }

    fn label(self, mut samples: Vec<SampleRow>) -> Vec<SampleRow> {
        if self == Self::HeldOut {
            samples
                .iter_mut()
                .step_by(2)
                .for_each(|row| row.label = None);
        }
        samples
    }
}

/// A name, the setting, and the p values of an analysis.
type Tested = (&'static str, Setting, fn(&Analysis) -> Vec<f64>);

const TESTED: [Tested; 11] = [
    ("`p` (KL)", Setting::Both, |a| all(a, |p| p.p)),
    ("`p_auroc`", Setting::Both, |a| all(a, |p| p.p_auroc)),
    ("`p_max`", Setting::Both, |a| {
        a.inference
            .filters
            .iter()
            .map(|filter| filter.p_max)
            .collect()
    }),
    ("`p` of names", Setting::Both, named),
    ("`intensity_p`", Setting::Both, |a| {
        a.inference.dose.iter().map(|dose| dose.p).collect()
    }),
    ("`p_within_person`", Setting::Both, |a| {
        all(a, |p| p.p_within_person)
    }),
    ("`p_within_class`", Setting::Both, |a| {
        all(a, |p| p.p_within_class)
    }),
    ("`p` of names, within", Setting::Within, named),
    ("`p_auroc`, within", Setting::Within, |a| {
        all(a, |p| p.p_auroc)
    }),
    ("`p_within_class`, within", Setting::Within, |a| {
        all(a, |p| p.p_within_class)
    }),
    ("`p`, held out", Setting::HeldOut, |a| {
        let pairs = a.inference.held_out.iter().flat_map(|h| &h.pairs);
        pairs.map(|pair| pair.p).collect()
    }),
];

fn all(analysis: &Analysis, p: fn(&faus_fau::PairInference) -> f64) -> Vec<f64> {
    analysis.inference.pairs.iter().map(p).collect()
}

fn named(analysis: &Analysis) -> Vec<f64> {
    analysis.inference.names.iter().map(|name| name.p).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| Design | {} |", TESTED.map(|tested| tested.0).join(" | "));
    println!("|---|{}", "---|".repeat(TESTED.len()));
    for design in DESIGNS {
        let mut counts = [(0_usize, 0_usize); TESTED.len()];
        for repetition in 0..REPETITIONS {
            let rng = &mut StdRng::seed_from_u64(repetition);
            let (samples, activations) = design.draw(rng)?;
            for setting in Setting::ALL {
                let (samples, options) = (setting.label(samples.clone()), setting.options());
                // A repetition in which no unit is shown by five people tests nothing.
                let Ok(analysis) = analyse(&activations, &samples, &options.check()?) else {
                    continue;
                };
                let own = TESTED
                    .iter()
                    .zip(&mut counts)
                    .filter(|(t, _)| t.1 == setting);
                for ((_, _, p), (rejected, tests)) in own {
                    let p = p(&analysis).into_iter().filter(|p| !p.is_nan());
                    p.for_each(|p| {
                        *rejected += usize::from(p <= 0.05);
                        *tests += 1;
                    });
                }
            }
        }
        let shares =
            counts.map(|(rejected, tests)| format!("{:.3}", rejected as f64 / tests as f64));
        println!("| {} | {} |", design.name, shares.join(" | "));
    }
    Ok(())
}
