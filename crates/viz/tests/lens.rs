//! A layer of a network over a prepared data set, against the network computed image by image.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

mod common;

use common::{normal, values};
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_data::{
    Au, AuCoding, AuScore, CropMode, DatasetInfo, FoldRule, Prepared, PreparedWriter, Role, Sample,
    SplitPart,
};
use faus_fau::{AnalysisOptions, Error, Lens};
use faus_model::{InputSpec, Network, ZeroBiasCnn};
use faus_viz::{Album, BackProjection, Choice, Distinct, LayerLens, Progress, Show};
use tch::{Device, Tensor};

const SIDE: usize = 48;
const IMAGES: usize = 40;

fn prepared(dir: &std::path::Path) -> Prepared {
    let mut writer = PreparedWriter::create(dir, SIDE as u32).unwrap();
    let noise = normal(4, IMAGES * SIDE * SIDE);
    let smile = AuScore {
        au: Au(12),
        intensity: 3,
    };
    for (index, image) in noise.chunks_exact(SIDE * SIDE).enumerate() {
        // Filters respond more to images of the unit.
        let contrast = [25.0, 45.0][index % 2];
        let grey = image.iter().map(|v| (128.0 + contrast * v) as u8);
        let grey: Vec<u8> = grey.collect();
        let sample = Sample {
            index,
            subject: index as i64,
            sequence: format!("S{index:03}_001"),
            frame: 1,
            role: Role::Labelled,
            label: index as i64 % 2,
            label_name: ["fear", "happy"][index % 2].to_owned(),
            fold: index as i64 % 4,
            face_found: true,
            path: format!("{index}.png"),
            aus: AuCoding::Coded([smile][..index % 2].to_vec()),
            ..Sample::default()
        };
        writer.push(sample, &grey).unwrap();
    }
    let info = DatasetInfo {
        name: "noise".to_owned(),
        synthetic: true,
        source_digest: "0".repeat(64),
        classes: ["fear", "happy"].map(str::to_owned).to_vec(),
        subjects: 0,
        image_size: 0,
        folds: 4,
        fold_rule: FoldRule::Modulo,
        subject_independent: true,
        images: 0,
        held_out: 0,
        crop: CropMode::None,
        version: "test".to_owned(),
        ..DatasetInfo::default()
    };
    writer.finish(info).unwrap();
    Prepared::open(dir).unwrap()
}

fn network() -> Network {
    let spec = InputSpec {
        side: SIDE,
        classes: 2,
        dropout: 0.5,
    };
    Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 3, Device::Cpu).unwrap()
}

/// `check` with a lens on a layer; `progress` stops it.
fn with_lens(layer: &str, progress: Progress, check: impl FnOnce(&LayerLens)) {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepared(&root.path().join("set"));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .start_handler(|_| tch::set_num_threads(1))
        .build()
        .unwrap();
    let network = network();
    check(&LayerLens {
        stage: network.stage_index(layer).unwrap(),
        network,
        prepared: &prepared,
        normalisation: Some(Normalisation::Subtractive),
        pool: &pool,
        progress,
    });
}

fn input(lens: &LayerLens, row: usize) -> Tensor {
    let mut image = vec![0.0; SIDE * SIDE];
    to_unit_range(lens.prepared.image(row), &mut image);
    let normalisation = lens.normalisation.unwrap();
    normalisation.apply(&mut image, SIDE, &mut vec![]);
    Tensor::from_slice(&image).reshape([1, 1, SIDE as i64, SIDE as i64])
}

/// The largest response of each filter, computed by libtorch stage by stage: `[filters]`.
fn largest(lens: &LayerLens, row: usize) -> Tensor {
    let (network, stage, image) = (&lens.network, lens.stage, input(lens, row));
    match network.feature_maps(&image, stage) {
        Ok(maps) => maps.amax([2, 3], false),
        Err(_) => tch::no_grad(|| {
            let mut stages = network.stages()[..=stage].iter();
            let forward = |x, stage: &faus_model::Stage| stage.forward(&x);
            stages.try_fold(image, forward).unwrap()
        }),
    }
}

#[test]
fn activations_are_the_largest_responses_of_each_image() {
    for layer in ["conv1", "conv3", "fc4"] {
        with_lens(layer, &|_, _, _| true, |lens| {
            let rows = [7, 0, 39, 8];
            let found = lens.activations(&rows).unwrap();
            for (at, &row) in rows.iter().enumerate() {
                for (filter, expected) in values(&largest(lens, row)).into_iter().enumerate() {
                    let (got, expected) = (found.get(at, filter), f64::from(expected));
                    assert!((got - expected).abs() <= 1e-4 * expected.abs().max(1.0));
                }
            }
            let loose: Vec<Vec<u8>> = rows.map(|r| lens.prepared.image(r).to_vec()).to_vec();
            assert_eq!(lens.activations_of(&loose).unwrap(), found);
        });
    }
}

#[test]
fn means_are_those_of_the_feature_maps() {
    with_lens("conv3", &|_, _, _| true, |lens| {
        let rows: Vec<usize> = (0..IMAGES).rev().collect();
        let found = lens.means(&rows).unwrap().unwrap();
        for (at, &row) in rows.iter().enumerate() {
            let maps = lens.network.feature_maps(&input(lens, row), 2).unwrap();
            for (filter, map) in values(&maps).chunks_exact(144).enumerate() {
                let expected = f64::from(map.iter().sum::<f32>()) / 144.0;
                assert!((found.get(at, filter) - expected).abs() <= 1e-4 * expected.max(1.0));
            }
        }
    });
    with_lens("fc4", &|_, _, _| true, |lens| {
        assert_eq!(lens.means(&[0]).unwrap(), None);
    });
}

#[test]
fn streamed_activations_are_those_of_all_rows() {
    with_lens("conv2", &|_, _, _| true, |lens| {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("activations.npy");
        lens.write_activations(&path).unwrap();
        let all = lens.activations(&Vec::from_iter(0..IMAGES)).unwrap();
        assert_eq!(faus_fau::read_activations(&path).unwrap(), all);
    });
}

#[test]
fn predictions_are_those_of_the_layers_behind_the_silenced_filters() {
    with_lens("conv3", &|_, _, _| true, |lens| {
        let rows: Vec<usize> = (0..IMAGES).collect();
        let half: Vec<usize> = (0..128).collect();
        let found = lens.predictions(&rows, &[vec![], half, vec![]]).unwrap();
        assert_eq!(found[0], found[2]);
        for &row in &rows {
            let forward = |x: Tensor, stage: &faus_model::Stage| stage.forward(&x).unwrap();
            let (before, behind) = lens.network.stages().split_at(3);
            let class = |maps: Tensor| {
                let logits = behind.iter().fold(maps, forward);
                logits.argmax(1, false).int64_value(&[0])
            };
            let maps = tch::no_grad(|| before.iter().fold(input(lens, row), forward));
            assert_eq!(class(maps.copy()), found[0][row]);
            let _ = maps.narrow(1, 0, 128).zero_();
            assert_eq!(class(maps), found[1][row]);
        }
    });
}

#[test]
fn places_are_those_of_the_maxima() {
    with_lens("conv3", &|_, _, _| true, |lens| {
        let rows: Vec<usize> = (0..IMAGES).collect();
        let places = lens.places(&rows).unwrap();
        assert_eq!((places.filters, places.centres.len()), (256, 12));
        // Unit u of conv3 sees the pixels 4u − 14 to 4u + 18.
        assert_eq!(places.centres[3], 14.0 / 48.0);
        let mut sums = vec![0f32; 256 * 144];
        for &row in &rows {
            let maps = lens.network.feature_maps(&input(lens, row), 2).unwrap();
            let maps = values(&maps);
            sums.iter_mut().zip(&maps).for_each(|(sum, v)| *sum += v);
            for (filter, map) in maps.chunks_exact(144).enumerate() {
                let found = places.maxima[row * 256 + filter];
                let most = map.iter().fold(0f32, |m, v| m.max(*v));
                match found {
                    None => assert_eq!(most, 0.0),
                    Some(at) => assert!(map[at as usize] >= most * (1.0 - 1e-5)),
                }
            }
        }
        for (got, expected) in places.sums.iter().zip(&sums) {
            assert!((got - expected).abs() <= 1e-4 * expected.max(1.0));
        }
    });
    with_lens("fc4", &|_, _, _| true, |lens| {
        let error = lens.places(&[0]).unwrap_err();
        assert!(error.to_string().contains("fc4"), "{error}");
    });
}

#[test]
fn a_lens_stops_when_the_user_does_and_needs_images() {
    with_lens("conv1", &|_, _, _| false, |lens| {
        let error = lens.activations(&[0, 1]).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let error = lens.predictions(&[0], &[vec![]]).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let error = lens.activations(&[]).unwrap_err();
        assert!(matches!(error, Error::Lens(_)), "{error}");
    });
}

#[test]
fn the_settings_of_the_analysis_decide_which_action_units_choose_filters() {
    with_lens("conv1", &|_, _, _| true, |lens| {
        let root = tempfile::tempdir().unwrap();
        let write = |min_positives: usize| {
            let options = AnalysisOptions {
                min_positives,
                ..AnalysisOptions::default()
            };
            let album = Album {
                options: &options.check().unwrap(),
                rows: &[0, 1, 2, 3],
                split: SplitPart::All,
                fold: None,
                may_have_seen: None,
                choice: Choice::BestFau(3),
                method: &BackProjection::Guided,
                top: 2,
                distinct: Distinct::Subject,
                shown: 10,
                show: Show::Normalised,
                front: vec![("smile".to_owned(), 0)],
                arrays: true,
            };
            album.write(lens, root.path(), None)
        };
        // AU 12 is coded in half of 40 images.
        let error = write(21).unwrap_err();
        assert!(error.to_string().contains("no filter is named"), "{error}");
        write(20).unwrap();
        let text = std::fs::read_to_string(root.path().join("filters.json")).unwrap();
        let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(listing["shows"], "normalised");
        assert!(root.path().join("frontpage@3x.png").exists());
        let first = format!(
            "input-{:03}.npy",
            listing["filters"][0]["filter"].as_u64().unwrap()
        );
        let bytes = std::fs::read(root.path().join(first)).unwrap();
        let crops: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
        let largest = crops.iter().copied().fold(0f32, f32::max);
        assert!(largest == 1.0 && crops.iter().all(|v| (0.0..=1.0).contains(v)));
        assert_eq!(listing["choice"], "best-fau");
        assert_eq!(listing["filters"].as_array().unwrap().len(), 3);
    });
}
