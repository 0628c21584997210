//! What random weights, edges and a shifted input do to projections.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

mod common;

use common::{Convolutions, Pictures, normal};
use faus_viz::{
    Atlas, BackProjection, Explain, Occlusion, PanelKind, Sanity, Untrained, WriteOptions, sanity,
};

fn run(method: &dyn Explain, check: impl FnOnce(&Sanity, &Atlas)) {
    let [network, cascade, other] =
        [1, 2, 3].map(|seed| Convolutions::random(seed, false).network(24));
    let values = normal(9, 12 * 576);
    let grey: Vec<u8> = values
        .iter()
        .map(|v| (128.0 + 40.0 * v).clamp(0.0, 255.0) as u8)
        .collect();
    let rows: Vec<usize> = (0..12).collect();
    let pictures = Pictures {
        side: 24,
        values,
        grey,
        subjects: vec![-1; 12],
    };
    let images = pictures.set(&rows, &[]);
    let atlas = Atlas::gather(&network, 2, method, &[0, 1, 2, 3], 3, &images).unwrap();
    let networks = Untrained {
        cascade,
        other,
        seed: 7,
    };
    let found = sanity(&network, 2, &networks, &atlas, &[2, 0]).unwrap();
    check(&found, &atlas);
}

#[test]
fn layers_are_randomised_from_the_top_down() {
    run(&BackProjection::Guided, |found, _| {
        let names: Vec<&str> = found.panels.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "conv3",
                "conv2",
                "conv1",
                "untrained",
                "edges",
                "shift",
                "shift_gradient_x_input"
            ]
        );
        assert_eq!((found.patches, found.filters.as_slice()), (6, &[2, 0][..]));
        for panel in &found.panels {
            assert_eq!(panel.spearman.is_none(), panel.kind == PanelKind::Edges);
            for score in [Some(panel.spearman_abs), Some(panel.ssim), panel.spearman]
                .into_iter()
                .flatten()
            {
                assert!(
                    score.mean.is_none_or(|m| (-1.0..=1.0).contains(&m)),
                    "{panel:?}"
                );
            }
        }
        let random = found.panels[2].spearman.unwrap().mean.unwrap();
        assert!(random < 0.6, "random weights, other maps: {random}");
        assert!(found.sentence.ends_with('.'));
    });
}

#[test]
fn what_is_carried_back_does_not_see_a_constant_but_its_product_with_the_input_does() {
    for method in [
        BackProjection::Gradient,
        BackProjection::Deconvnet,
        BackProjection::Guided,
    ] {
        run(&method, |found, _| {
            let score = |name: &str| {
                let panel = found.panels.iter().find(|p| p.name == name).unwrap();
                (
                    panel.spearman.unwrap().mean.unwrap(),
                    panel.ssim.mean.unwrap(),
                )
            };
            let (rank, ssim) = score("shift");
            assert!(rank > 0.999 && ssim > 0.999, "{method:?}: {rank} {ssim}");
            assert!(score("shift_gradient_x_input").0 < 0.95, "{method:?}");
        });
    }
    run(&Occlusion, |found, _| {
        let panel = found.panels.iter().find(|p| p.name == "shift").unwrap();
        assert!(
            panel.spearman.unwrap().mean.unwrap() < 0.99,
            "zero means another thing after the shift"
        );
    });
}

#[test]
fn numbers_and_pictures_are_written() {
    run(&BackProjection::Guided, |found, atlas| {
        let root = tempfile::tempdir().unwrap();
        let options = WriteOptions {
            synthetic: true,
            ..WriteOptions::default()
        };
        found.write(root.path(), atlas, &options).unwrap();
        let text = std::fs::read_to_string(root.path().join("sanity.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&json["synthetic"], &json["seed"], &json["method"]),
            (&true.into(), &7.into(), &"guided".into())
        );
        assert_eq!(json["panels"].as_array().unwrap().len(), found.panels.len());
        assert_eq!(json["panels"][0]["kind"], "cascade");
        assert!(json["panels"][0]["ssim"]["n"].as_u64().unwrap() <= 6);
        for name in ["sanity.png", "sanity@3x.png"] {
            image::open(root.path().join(name)).unwrap();
        }
    });
}
