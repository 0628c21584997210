//! The filters of the front page: one for each pattern of the paper's first picture.

use std::path::Path;

use faus_base::au;
use faus_base::table::Table;
use serde::Deserialize;

use crate::error::{Error, read_limited};

/// The patterns of the paper's first picture, and the action units that make them.
const PATTERNS: [(&str, &[u8]); 5] = [
    ("brow and eye", &[1, 2, 4, 9]),
    ("wide eye", &[5]),
    ("lowered corner", &[15]),
    ("smile", &[12]),
    ("open mouth", &[25, 26, 27]),
];
/// Largest q of a filter's response that counts.
const RATE: f64 = 0.05;
/// Size limit of the table, in bytes.
const LIMIT: u64 = 256 << 20;

#[derive(Deserialize)]
struct Row {
    filter: usize,
    au: u8,
    auroc: f64,
    q: Option<f64>,
}

/// For each pattern the filter that responds most to one of its units (AUROC), of those that pass the permutation test
/// (q ≤ 0.05) and have no pattern yet: its label and number. Patterns without such a filter are left out.
///
/// # Errors
/// When `associations.csv` cannot be read.
pub fn front_page(associations: &Path) -> Result<Vec<(String, usize)>, Error> {
    let text = read_limited(associations, LIMIT)?;
    let rows = Table::open(&text).and_then(|table| table.rows().collect());
    let rows: Vec<Row> = rows.map_err(|fault| Error::file(associations, fault))?;
    let mut front: Vec<(String, usize)> = Vec::new();
    for (pattern, units) in PATTERNS {
        let free = |row: &&Row| {
            let passes = row.auroc > 0.5 && row.q.is_some_and(|q| q <= RATE);
            passes && units.contains(&row.au) && !front.iter().any(|(_, f)| *f == row.filter)
        };
        let best = rows
            .iter()
            .filter(free)
            .max_by(|a, b| a.auroc.total_cmp(&b.auroc));
        if let Some(Row {
            filter, au, auroc, ..
        }) = best
        {
            let name = au::name(*au);
            front.push((
                format!("{pattern}\nAU{au} {name}\nAUROC {auroc:.2}"),
                *filter,
            ));
        }
    }
    Ok(front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_gets_its_best_filter_that_passes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("associations.csv");
        let table = "filter,au,auroc,q\n0,12,0.9,0.2\n1,12,0.8,0.01\n1,25,0.95,0.01\n2,26,0.7,0.05\n3,5,0.4,0.01\n4,4,0.6,\n";
        std::fs::write(&path, table).unwrap();
        let front = front_page(&path).unwrap();
        let short: Vec<_> = front
            .iter()
            .map(|(label, filter)| (label.split('\n').next().unwrap(), *filter))
            .collect();
        assert_eq!(short, [("smile", 1), ("open mouth", 2)]);
        assert!(front[0].0.contains("AU12 Lip corner puller\nAUROC 0.80"));
        std::fs::write(&path, "filter,au\n0,12\n").unwrap();
        assert!(
            front_page(&path)
                .unwrap_err()
                .to_string()
                .contains("associations.csv")
        );
    }
}
