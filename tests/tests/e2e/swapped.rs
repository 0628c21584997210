use std::fs;

use faus_tests::shared::TINY;
use faus_tests::{Place, Program, Table, read_json, read_npy, repository};

#[test]
fn another_network_reuses_everything_else() {
    let place = Place::with_faces();
    let ran = place.run(
        Program::SwapModel,
        &format!("run experiments/swap_model/tiny.json --data ck --out out {TINY}"),
    );
    assert_eq!(
        ran.done().last_path(),
        std::path::Path::new("out/report/index.html")
    );
    assert_eq!(
        read_json(&place.path("out/config.json"))["network"],
        "tiny_net"
    );
    assert_eq!(
        read_json(&place.path("out/summary.json"))["network"],
        "tiny_net"
    );
    let (shape, _) = read_npy::<f32>(&place.path("out/fau/activations.npy"));
    assert_eq!(shape[1], 32, "its last convolution has 32 filters");
    let filters = read_json(&place.path("out/viz/conv2/filters.json"));
    assert_eq!(
        (
            &filters["layer"],
            filters["filters"].as_array().unwrap().len()
        ),
        (&"conv2".into(), 32)
    );
    assert!(place.path("out/viz/conv2/figure.png").exists());
    assert!(
        !Table::read(&place.path("out/fau/correspondences.csv"))
            .rows
            .is_empty()
    );
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("ynthetic") && page.contains("tiny_net"));

    // Its other commands work with its checkpoints; those of `faus` refuse them.
    let evaluate = "evaluate --checkpoint out/folds/0/best.safetensors --prepared out/dataset --fold 0 --split test";
    let accuracy = read_json(&place.path("out/folds/0/fold.json"))["test_accuracy"]
        .as_f64()
        .unwrap();
    place
        .run(Program::SwapModel, evaluate)
        .done()
        .says(&[&format!("accuracy {accuracy:.4}")]);
    let visualize = "visualize --checkpoint out/folds/0/best.safetensors --prepared out/dataset --layer conv1 --filters 0-3 --top 2 --output viz";
    place.run(Program::SwapModel, visualize).done();
    place
        .faus(evaluate)
        .failed(&["best.safetensors", "tiny_net", "zero_bias_cnn"]);
    place
        .faus("run experiments/swap_model/tiny.json --data ck --out x")
        .failed(&["tiny_net", "zero_bias_cnn"]);
}

#[test]
fn the_experiment_stays_small() {
    let main = fs::read_to_string(repository().join("experiments/swap_model/src/main.rs")).unwrap();
    assert!(main.lines().count() < 100);
}
