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
/// Size limit of the table, in bytes.
const LIMIT: u64 = 256 << 20;

#[derive(Deserialize)]
struct Row {
    filter: usize,
    au: u8,
    sign: i8,
    auroc: f64,
    z: f64,
}

/// For each pattern the filter with the largest z, of those that are named after one of its units, are more active with it
/// and have no pattern yet: its label and number. Patterns without such a filter are left out.
///
/// # Errors
/// When `names.csv` cannot be read.
pub fn front_page(names: &Path) -> Result<Vec<(String, usize)>, Error> {
    let text = read_limited(names, LIMIT)?;
    let rows = Table::open(&text).and_then(|table| table.rows().collect());
    let rows: Vec<Row> = rows.map_err(|fault| Error::file(names, fault))?;
    let mut front: Vec<(String, usize)> = Vec::new();
    for (pattern, units) in PATTERNS {
        let free = |row: &&Row| {
            let new = !front.iter().any(|(_, filter)| *filter == row.filter);
            row.sign > 0 && units.contains(&row.au) && new
        };
        let rows = rows.iter().filter(free);
        if let Some(best) = rows.max_by(|a, b| a.z.total_cmp(&b.z)) {
            front.push((
                format!("{pattern}\n{}", label(best.au, 1, best.auroc)),
                best.filter,
            ));
        }
    }
    Ok(front)
}

/// A filter's name under its pictures: `AU12 Lip corner puller`, and its AUROC.
pub(crate) fn label(au: u8, sign: i8, auroc: f64) -> String {
    let less = if sign < 0 { "less with " } else { "" };
    format!("{less}AU{au} {}\nAUROC {auroc:.2}", au::name(au))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_gets_its_best_named_filter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.csv");
        let table = "filter,au,sign,auroc,z\n0,12,1,0.9,4.1\n1,12,1,0.8,5.2\n2,26,1,0.7,3.9\n3,5,-1,0.4,-6.0\n";
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
                .contains("names.csv")
        );
    }
}
