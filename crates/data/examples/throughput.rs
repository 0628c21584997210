//! Measures this crate's work and writes one line of JSON for each kind, for `benches/peers/pair.py`:
//!
//! `cargo run --release -p faus-data --example throughput -- [--data CK+] [--repeats N] [WORK …]`
//!
//! `--table ROWS FILE` writes a table of 48×48 images instead, `--keep PREPARED FACES` what the measurements start from.

use faus_data::throughput::{Throughput, ThroughputOptions, Work};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = ThroughputOptions::default();
    let (mut kinds, mut table, mut keep) = (Vec::new(), None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument}: value missing"));
        match argument.as_str() {
            "--data" => options.data = Some(value()?.into()),
            "--repeats" => options.repeats = value()?.parse()?,
            "--table" => table = Some((value()?.parse()?, value()?)),
            "--keep" => keep = Some((value()?, value()?)),
            kind => kinds.push(kind.parse::<Work>()?),
        }
    }
    let throughput = Throughput::new(&options)?;
    if let Some((rows, path)) = table {
        return Ok(throughput.write_table(path.as_ref(), rows)?);
    }
    if let Some((prepared, faces)) = keep {
        return Ok(throughput.keep(prepared.as_ref(), faces.as_ref())?);
    }
    if kinds.is_empty() {
        kinds = Work::ALL.to_vec();
    }
    for work in kinds {
        println!("{}", serde_json::to_string(&throughput.measure(work)?)?);
    }
    Ok(())
}
