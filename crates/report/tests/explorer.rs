//! The heat map and the explorer of pages made from tables that these tests write.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use serde_json::json;

fn write(run: &Path, file: &str, contents: impl AsRef<[u8]>) {
    let path = run.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

/// The page of a run with these many filters, all named after AU 12, whose pictures say `written`.
fn page(filters: usize, written: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    let rows: String = (0..filters)
        .map(|filter| format!("{filter},12,1.5,0.9\n{filter},4,0.1,0.5\n"))
        .collect();
    write(
        run,
        "fau/associations.csv",
        format!("filter,au,kl,auroc\n{rows}"),
    );
    let rows: String = (0..filters)
        .map(|filter| format!("{filter},12,Lip corner puller,1,0.9,9.5\n"))
        .collect();
    write(
        run,
        "fau/names.csv",
        format!("filter,au,au_name,sign,auroc,z\n{rows}"),
    );
    write(run, "fau/fau.json", json!({"layer": "conv3"}).to_string());
    write(run, "config.json", "{}");
    let layer = json!({"filters": [{"filter": 0, "name": written}]});
    write(run, "viz/conv3/filters.json", layer.to_string());
    let page = faus_report::write_report(run).unwrap();
    std::fs::read_to_string(page).unwrap()
}

#[test]
fn pictures_that_name_another_unit_than_the_tables_are_told() {
    let old = "The pictures of 1 filter were drawn before fau/names.csv";
    assert!(!page(3, "AU12 Lip corner puller, AUROC 0.90").contains(old));
    for stale in [
        "AU1 Inner brow raiser, AUROC 0.90",
        "less with AU12 Lip corner puller, AUROC 0.10",
    ] {
        assert!(page(3, stale).contains(old), "{stale}");
    }
}

#[test]
fn a_wide_map_keeps_its_links_and_leaves_out_what_nobody_could_point_at() {
    let cell = "Filter 2, AU 12: 0.90";
    let (small, wide) = (page(3, ""), page(600, ""));
    assert!(small.contains(cell) && small.contains("download=\"filters-by-action-units.svg\""));
    assert!(!wide.contains(cell) && !wide.contains("download=\"filters-by-action-units.svg\""));
    for part in [
        "<a href=\"#filter-599\" tabindex=\"-1\"",
        "<tr id=\"filter-599\">",
        "filters-by-action-units.csv",
    ] {
        assert!(wide.contains(part), "{part}");
    }
}

#[test]
fn a_filter_without_a_response_has_a_message_for_its_picture() {
    let html = page(2, "");
    assert!(html.contains("This filter has no patches: it responds to no image."));
    assert!(html.contains("\"title\":\"Filter 1: AU 12 lip corner puller\""));
}
