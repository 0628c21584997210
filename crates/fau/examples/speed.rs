//! Times 10,000 permutations: 256 filters x 17 action units x 593 sequences of 123 people, as in CK+.
//!
//!     cargo run --release -p faus-fau --example speed

use std::time::Instant;

use faus_base::person::Person;
use faus_fau::{Activations, AnalysisOptions, SampleRow, analyse};

const FILTERS: usize = 256;
const SEQUENCES: usize = 593;
const SUBJECTS: usize = 123;
/// The seventeen most frequent action units of CK+ and their counts (Lucey et al. 2010, table 1).
const AUS: [(u8, usize); 17] = [
    (1, 173),
    (2, 116),
    (4, 191),
    (5, 102),
    (6, 122),
    (7, 119),
    (9, 74),
    (11, 33),
    (12, 111),
    (14, 29),
    (15, 89),
    (17, 196),
    (20, 77),
    (23, 59),
    (24, 57),
    (25, 287),
    (27, 81),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let samples: Vec<SampleRow> = (0..SEQUENCES)
        .map(|index| {
            let shown = AUS.iter().filter(|(_, count)| draw(SEQUENCES) < *count);
            SampleRow {
                index,
                subject: Some(Person::Number((index * SUBJECTS / SEQUENCES) as i64)),
                label: Some(if index % 9 < 5 {
                    (index % 7) as i64
                } else {
                    -1
                }),
                coded: Some(shown.map(|(au, _)| (*au, 3)).collect()),
                ..SampleRow::default()
            }
        })
        .collect();
    let values = (0..SEQUENCES * FILTERS).map(|_| draw(10_000).saturating_sub(4000) as f32);
    let activations = Activations::new(SEQUENCES, FILTERS, values.collect())?;
    let mut permutations = 0;
    for (what, bootstrap, permuted) in [
        ("10,000 permutations", 0, 10_000),
        ("and 1000 resamplings", 1000, 10_000),
    ] {
        let options = AnalysisOptions {
            permutations: permuted,
            bootstrap,
            ..AnalysisOptions::default()
        };
        let started = Instant::now();
        let analysis = analyse(&activations, &samples, &options.check()?)?;
        permutations += analysis.options.permutations;
        println!(
            "{what}: {:.1} s for {} pairs",
            started.elapsed().as_secs_f64(),
            analysis.associations.len()
        );
    }
    println!("{permutations} permutations in all");
    Ok(())
}
