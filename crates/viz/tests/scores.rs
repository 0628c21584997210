//! How maps are compared, and filters ordered, against scipy and scikit-image (golden file of `tests/golden/viz_scores.py`).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use faus_viz::{magnitudes, seriate, sobel, spearman, ssim};
use serde_json::Value;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/scores.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn near(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (got - expected).abs() < 1e-6,
        "{what}: {got}, expected {expected}"
    );
}

#[test]
fn correlation_similarity_and_edges_are_those_of_scipy_and_scikit_image() {
    for case in golden()["maps"].as_array().unwrap() {
        let width = case["width"].as_u64().unwrap() as usize;
        let [a, b] = ["a", "b"].map(|n| {
            numbers(&case[n])
                .iter()
                .map(|v| *v as f32)
                .collect::<Vec<f32>>()
        });
        let (x, y) = (magnitudes(&a), magnitudes(&b));
        near(spearman(&a, &b).unwrap(), &case["spearman"], "spearman");
        near(
            spearman(&x, &y).unwrap(),
            &case["spearman_abs"],
            "spearman of magnitudes",
        );
        near(ssim(&x, &y, width).unwrap(), &case["ssim"], "ssim");
        for (got, expected) in sobel(&x, width).iter().zip(numbers(&case["sobel"])) {
            assert!(
                (f64::from(*got) - expected).abs() < 1e-6,
                "sobel: {got} {expected}"
            );
        }
    }
}

#[test]
fn the_order_is_the_shortest_that_the_tree_allows() {
    for case in golden()["orders"].as_array().unwrap() {
        let count = case["count"].as_u64().unwrap() as usize;
        let condensed = numbers(&case["distances"]);
        let distance = |i: usize, j: usize| {
            let (i, j) = (i.min(j), i.max(j));
            condensed[i * (2 * count - i - 1) / 2 + j - i - 1]
        };
        let order = seriate(count, distance);
        let length: f64 = order.windows(2).map(|w| distance(w[0], w[1])).sum();
        let expected = case["length"].as_f64().unwrap();
        assert!(
            (length - expected).abs() < 1e-9,
            "{count}: {length} {expected}"
        );
    }
}
