//! Writes the default data set and prints the time it took.
//!
//! `cargo run -p faus-synth --release --example generate -- data/synthetic-ck`

use faus_synth::{SynthOptions, generate};
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let output: PathBuf = std::env::args()
        .nth(1)
        .ok_or("name a folder to write")?
        .into();
    let start = Instant::now();
    let summary = generate(&SynthOptions::default(), &output, &|_, _| true)?;
    println!("{summary:#?}\n{:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}
