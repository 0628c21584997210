//! Planted truth: what follows an action unit beyond the class is found, what follows the class alone is not, and noise
//! stays noise, though people differ strongly in their faces and in how they act.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use faus_base::person::Person;
use faus_fau::{Activations, Analysis, AnalysisOptions, Exchange, SampleRow, analyse};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const AUS: [u8; 4] = [1, 6, 12, 25];

/// CK+ in small: every person shows some of five expressions; the class decides most of the action units, the person
/// some, chance the rest.
struct People {
    subjects: Vec<usize>,
    classes: Vec<usize>,
    shows: Vec<[bool; 4]>,
}

impl People {
    /// `habit` is how strongly a person's habits decide what is shown, on the logit scale.
    fn draw(people: usize, habit: f64, rng: &mut StdRng) -> Self {
        let mut all = Self {
            subjects: vec![],
            classes: vec![],
            shows: vec![],
        };
        let base: Vec<[f64; 4]> = (0..5)
            .map(|_| [0; 4].map(|_| 2.0 * normal(rng) - 0.3))
            .collect();
        for subject in 0..people {
            let own = [0; 4].map(|_| habit * normal(rng));
            for (class, base) in base.iter().enumerate() {
                if rng.random_bool(0.75) {
                    let logit = |unit: usize| base[unit] + own[unit];
                    let shown = [0, 1, 2, 3]
                        .map(|unit| rng.random_bool(1.0 / (1.0 + (-logit(unit)).exp())));
                    all.subjects.push(subject);
                    all.classes.push(class);
                    all.shows.push(shown);
                }
            }
        }
        all
    }

    fn samples(&self) -> Vec<SampleRow> {
        (0..self.subjects.len())
            .map(|index| {
                let shown = AUS.iter().zip(self.shows[index]).filter(|(_, on)| *on);
                SampleRow {
                    index,
                    subject: Some(Person::Number(self.subjects[index] as i64)),
                    label: Some(self.classes[index] as i64),
                    coded: Some(shown.map(|(au, _)| (*au, 3)).collect()),
                    ..SampleRow::default()
                }
            })
            .collect()
    }

    /// One filter, from row number to activation; `face` is how much the person's face adds to all of a person's images.
    fn filter(&self, face: f64, rng: &mut StdRng, signal: impl Fn(usize) -> f64) -> Vec<f64> {
        let people = self.subjects.last().map_or(0, |last| last + 1);
        let faces: Vec<f64> = (0..people).map(|_| face * normal(rng)).collect();
        (0..self.subjects.len())
            .map(|row| signal(row) + faces[self.subjects[row]] + normal(rng))
            .collect()
    }
}

/// Box and Muller.
fn normal(rng: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

fn run(people: &People, filters: &[Vec<f64>], options: &AnalysisOptions) -> Analysis {
    let rows = people.subjects.len();
    let values = (0..rows).flat_map(|row| filters.iter().map(move |filter| filter[row] as f32));
    let activations = Activations::new(rows, filters.len(), values.collect()).unwrap();
    analyse(&activations, &people.samples(), &options.check().unwrap()).unwrap()
}

fn options(permutations: usize) -> AnalysisOptions {
    AnalysisOptions {
        permutations,
        bootstrap: 0,
        ..AnalysisOptions::default()
    }
}

#[test]
fn what_follows_au_12_beyond_the_class_is_found_and_what_follows_the_class_is_not() {
    let rng = &mut StdRng::seed_from_u64(11);
    let people = People::draw(120, 1.0, rng);
    let mut filters = Vec::new();
    for _ in 0..6 {
        // Follows AU 12 itself.
        filters.push(people.filter(0.7, rng, |row| if people.shows[row][2] { 1.5 } else { 0.0 }));
    }
    for _ in 0..12 {
        // Knows the expression and nothing else: as strongly as one can.
        let of_class: Vec<f64> = (0..5).map(|_| 6.0 * normal(rng)).collect();
        filters.push(people.filter(0.7, rng, |row| of_class[people.classes[row]]));
    }
    for _ in 0..12 {
        filters.push(people.filter(0.7, rng, |_| 0.0));
    }
    let analysis = run(&people, &filters, &options(2000));
    let inference = &analysis.inference;
    let kl = analysis.scores("kl").unwrap();
    for filter in 0..6 {
        let pair = &inference.pairs[analysis.place(filter, 2)];
        assert!(pair.q <= 0.05 && pair.q_within_class <= 0.05, "{pair:?}");
        assert!(pair.auroc_within_class > 0.65, "{pair:?}");
    }
    // The class alone makes large KL values, which the exchange between people finds …
    let class_only: Vec<usize> = (6..18)
        .flat_map(|f| (0..4).map(move |u| f * 4 + u))
        .collect();
    let large = class_only
        .iter()
        .filter(|&&at| inference.pairs[at].q <= 0.05)
        .count();
    let planted = kl[analysis.place(0, 2)];
    let largest = class_only.iter().map(|&at| kl[at]).fold(0.0, f64::max);
    assert!(
        large > 24 && largest > planted,
        "{large} {largest} {planted}"
    );
    // … and the exchange within classes rejects, but for the false discoveries that it allows.
    let survive = |pairs: &[usize]| {
        let q = pairs.iter().map(|&at| inference.pairs[at].q_within_class);
        q.filter(|q| *q <= 0.05).count()
    };
    let noise: Vec<usize> = (18..30)
        .flat_map(|f| (0..4).map(move |u| f * 4 + u))
        .collect();
    assert!(survive(&class_only) <= 2 && survive(&noise) <= 2);
    let others: Vec<usize> = (0..6).flat_map(|f| [0, 1, 3].map(|u| f * 4 + u)).collect();
    assert!(survive(&others) <= 4, "{}", survive(&others));
}

/// Of 200 repetitions with no association at all, the share in which anything is called a discovery must not exceed the
/// false-discovery rate (where every hypothesis is true, the two are the same).
#[test]
fn under_pure_noise_discoveries_stay_at_their_rate() {
    const REPETITIONS: u64 = 200;
    let (mut free, mut within) = (0, 0);
    for repetition in 0..REPETITIONS {
        let rng = &mut StdRng::seed_from_u64(repetition);
        let people = People::draw(40, 3.0, rng);
        let filters: Vec<_> = (0..4).map(|_| people.filter(2.0, rng, |_| 0.0)).collect();
        let analysis = run(
            &people,
            &filters,
            &AnalysisOptions {
                min_positives: 5,
                ..options(399)
            },
        );
        let pairs = &analysis.inference.pairs;
        free += u64::from(pairs.iter().any(|pair| pair.q <= 0.05));
        within += u64::from(pairs.iter().any(|pair| pair.q_within_class <= 0.05));
    }
    // Binomial(200, 0.05): mean 10, and more than 19 in 0.3% of all seeds; the seed is fixed.
    assert!(
        free <= 19 && within <= 19,
        "{free} and {within} of {REPETITIONS}"
    );
}

/// How often p ≤ 0.05 where there is nothing, for people whose faces and habits differ strongly.
fn level(exchange: Exchange, known: bool, p: fn(&faus_fau::PairInference) -> f64) -> f64 {
    let (mut rejected, mut tests) = (0, 0);
    for repetition in 0..150 {
        let rng = &mut StdRng::seed_from_u64(1000 + repetition);
        let people = People::draw(50, 4.0, rng);
        let filters = [people.filter(3.0, rng, |_| 0.0)];
        let rows = people.subjects.len();
        let values = filters[0].iter().map(|x| *x as f32).collect();
        let activations = Activations::new(rows, 1, values).unwrap();
        let mut samples = people.samples();
        if !known {
            // The same data by someone who forgets who is who.
            samples.iter_mut().for_each(|sample| sample.subject = None);
        }
        let options = AnalysisOptions {
            exchange,
            min_positives: 5,
            ..options(199)
        };
        let analysis = analyse(&activations, &samples, &options.check().unwrap()).unwrap();
        for pair in analysis
            .inference
            .pairs
            .iter()
            .map(p)
            .filter(|p| !p.is_nan())
        {
            rejected += u32::from(pair <= 0.05);
            tests += 1;
        }
    }
    f64::from(rejected) / f64::from(tests)
}

#[test]
fn tests_hold_their_level_where_people_differ_and_naive_ones_do_not() {
    for exchange in [Exchange::Both, Exchange::Within, Exchange::Whole] {
        let level = level(exchange, true, |pair| pair.p_auroc);
        assert!(level < 0.075, "{exchange:?}: {level}");
    }
    assert!(level(Exchange::Both, true, |pair| pair.p) < 0.075);
    assert!(level(Exchange::Both, true, |pair| pair.p_within_class) < 0.075);
    let naive = level(Exchange::Both, false, |pair| pair.p_auroc);
    assert!(naive > 0.15, "{naive}");
    let naive_within = level(Exchange::Both, false, |pair| pair.p_within_class);
    assert!(naive_within > 0.08, "{naive_within}");
}
