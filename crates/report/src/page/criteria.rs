//! The criteria of the verdict, as the documentation states them.

use super::blocks::Blocks;
use super::table::TableOf;

const STATISTICS: &str = include_str!("../../../../docs/statistics.md");

/// The collapsed table of verdicts and their conditions.
pub(super) fn criteria() -> Blocks {
    let rows = rows();
    let table = TableOf::new("Criteria of the verdict", &rows)
        .words("Verdict", |row| row[0].clone())
        .words("If", |row| row[1].clone())
        .note("The first that holds, from the top; starts are untrained networks. From docs/statistics.md, section “The verdict”, which gives the reasons.");
    let mut blocks = Blocks::default();
    blocks.folded("Criteria of the verdict", table);
    blocks
}

/// The rows below the head of the table.
fn rows() -> Vec<[String; 2]> {
    let section = STATISTICS.split("\n## The verdict\n").nth(1);
    let lines = section.unwrap_or_default().lines();
    let lines = lines.skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    let plain = |line: &str| line.trim_matches(['|', ' ']).replace('`', "");
    let row =
        |line| Some(plain(line).split_once(" | ")?).map(|(of, when)| [of, when].map(Into::into));
    table.filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_condition() {
        let verdicts: Vec<String> = rows().into_iter().map(|[verdict, _]| verdict).collect();
        let all = [
            "cannot be told",
            "no",
            "only what the expression implies",
            "yes",
            "partly",
        ];
        assert_eq!(verdicts, all);
    }
}
