//! The search for the images that excite a filter most, and the files that show them.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

mod common;

use common::{Convolutions, Pictures, normal, values};
use faus_model::{InputSpec, Network, ZeroBiasCnn};
use faus_viz::{
    Atlas, BackProjection, Captions, Error, Explain, FilterPatches, FilterTop, ImageSet, Images,
    Patch, TopUnit, UnitRef, WriteOptions, cut_patches, find, survey,
};
use serde_json::Value;
use tch::{Device, Tensor};

/// Random images: 140 of them, so more than one group of chunks on one thread.
fn pictures(count: usize, side: usize) -> Pictures {
    let values = normal(11, count * side * side);
    let grey = values.iter().map(|v| (128.0 + 40.0 * v) as u8).collect();
    // Seven people, and every ninth image of somebody unknown.
    let subjects = (0..count as i64).map(|n| if n % 9 == 4 { -1 } else { n * n % 7 });
    Pictures {
        side,
        values,
        grey,
        subjects: subjects.collect(),
    }
}

fn tensor(images: &Pictures, row: usize) -> Tensor {
    let side = images.side as i64;
    Tensor::from_slice(&images.input(row)).reshape([1, 1, side, side])
}

/// `f` with these rows, one patch per person.
fn with<R>(images: &Pictures, rows: &[usize], f: impl FnOnce(&ImageSet) -> R) -> R {
    f(&images.set(rows, &images.subjects))
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| tch::set_num_threads(1))
        .build()
        .unwrap()
}

/// The literal search: every image alone, every position looked at, one image a person, sorted.
fn brute_force(
    network: &Network,
    stage: usize,
    filter: usize,
    top: usize,
    images: &Pictures,
    rows: &[usize],
) -> Vec<TopUnit> {
    let mut best: Vec<TopUnit> = Vec::new();
    for &index in rows {
        let maps = network.feature_maps(&tensor(images, index), stage).unwrap();
        let columns = maps.size()[3] as usize;
        let map = values(&maps.get(0).get(filter as i64));
        let mut unit = (0, map[0]);
        for (at, &value) in map.iter().enumerate() {
            if value > unit.1 {
                unit = (at, value);
            }
        }
        if unit.1 > 0.0 {
            best.push(TopUnit {
                index,
                subject: images.subjects[index],
                group: images.subjects[index],
                unit: UnitRef {
                    filter,
                    row: unit.0 / columns,
                    column: unit.0 % columns,
                },
                activation: unit.1,
            });
        }
    }
    best.sort_by(|a, b| b.activation.total_cmp(&a.activation));
    let mut kept: Vec<TopUnit> = Vec::new();
    for unit in best {
        if unit.subject < 0 || kept.iter().all(|k| k.subject != unit.subject) {
            kept.push(unit);
        }
    }
    kept.truncate(top);
    kept
}

#[test]
fn the_search_agrees_with_looking_at_every_image() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(140, 16);
    let rows: Vec<usize> = (0..140).filter(|r| r % 10 != 3).collect();
    let search = |stage, top| {
        with(&images, &rows, |set| {
            let network = network.replica().unwrap();
            pool(1).install(move || survey(&network, stage, &[4, 0, 2], top, set).unwrap().tops)
        })
    };
    for stage in 0..3 {
        for top in [1, 5, 40] {
            let found = search(stage, top);
            let filters: Vec<usize> = found.iter().map(|f| f.filter).collect();
            assert_eq!(filters, [4, 0, 2]);
            for FilterTop { filter, units } in found {
                let expected = brute_force(&network, stage, filter, top, &images, &rows);
                let key = |u: &TopUnit| (u.index, u.subject, u.unit);
                assert_eq!(
                    units.iter().map(key).collect::<Vec<_>>(),
                    expected.iter().map(key).collect::<Vec<_>>()
                );
                for (a, b) in units.iter().zip(&expected) {
                    assert!((a.activation - b.activation).abs() <= 1e-5 * b.activation);
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(140, 16);
    let rows: Vec<usize> = (0..140).collect();
    let [a, b, c] = [1, 2, 3].map(|threads| {
        with(&images, &rows, |set| {
            let network = network.replica().unwrap();
            pool(threads).install(move || {
                let tops = survey(&network, 2, &[0, 1, 2, 3, 4], 6, set).unwrap().tops;
                cut_patches(&network, 2, &BackProjection::Guided, &tops, set).unwrap()
            })
        })
    });
    assert!(a == b && a == c);
}

#[test]
fn a_person_comes_once_and_unknown_people_each() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(140, 16);
    let rows: Vec<usize> = (0..140).collect();
    let tops = with(&images, &rows, |set| {
        survey(&network, 1, &[1], 1000, set).unwrap().tops
    });
    let units = &tops[0].units;
    let mut known: Vec<i64> = units
        .iter()
        .map(|u| u.subject)
        .filter(|s| *s >= 0)
        .collect();
    let unknown = units.len() - known.len();
    known.sort_unstable();
    // n² mod 7 takes the values 0, 1, 2 and 4.
    assert_eq!(known, [0, 1, 2, 4]);
    assert_eq!(unknown, images.subjects.iter().filter(|s| **s < 0).count());
    assert!(units.windows(2).all(|u| u[0].activation >= u[1].activation));
}

#[test]
fn equal_images_rank_by_row_and_dead_filters_have_no_patches() {
    // Filter 0 passes brightness on; filter 1 is dead on images that are not negative.
    let network = Convolutions {
        weights: vec![([2, 1, 1, 1], vec![1.0, -1.0])],
        relu_first: false,
    }
    .network(4);
    let mut images = pictures(6, 4);
    images.values = vec![0.5; 6 * 16];
    images.subjects = vec![3, 3, 1, 2, 5, 4];
    let rows: Vec<usize> = (0..6).collect();
    let tops = with(&images, &rows, |set| {
        survey(&network, 0, &[0, 1], 3, set).unwrap().tops
    });
    let indices: Vec<usize> = tops[0].units.iter().map(|u| u.index).collect();
    assert_eq!(indices, [0, 2, 3]);
    // The first of equal positions.
    assert!(
        tops[0]
            .units
            .iter()
            .all(|u| (u.unit.row, u.unit.column) == (0, 0))
    );
    assert!(tops[1].units.is_empty());
}

#[test]
fn no_images_and_no_such_filter_are_errors() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(3, 16);
    let search = |rows: &[usize], filter| {
        with(&images, rows, |set| {
            survey(&network, 2, &[filter], 3, set).unwrap_err()
        })
    };
    assert!(matches!(search(&[], 0), Error::NoImages));
    let error = search(&[0, 1], 5).to_string();
    assert!(
        error.contains("filter of conv3 `5`") && error.contains("0 to 4"),
        "{error}"
    );
}

/// The paper's network on 48×48 images, written with arrays; filter 17 is made dead.
fn written(dir: &std::path::Path) -> (Vec<FilterPatches>, Pictures) {
    let spec = InputSpec {
        side: 48,
        classes: 8,
        dropout: 0.0,
    };
    let network = Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 1, Device::Cpu).unwrap();
    let weight = &network.parameters()[2].1.copy();
    let _ = weight.get(17).fill_(0.0);
    network.set_parameter("conv3.weight", weight).unwrap();
    let images = pictures(12, 48);
    let rows: Vec<usize> = (0..12).collect();
    let patches = with(&images, &rows, |set| {
        let atlas =
            Atlas::gather(&network, 2, &BackProjection::Guided, &[3, 17, 200], 4, set).unwrap();
        let options = WriteOptions {
            captions: Captions {
                heading: "SYNTHETIC".to_owned(),
                ..Captions::default()
            },
            figure: vec![200, 3],
            arrays: true,
            synthetic: true,
            ..WriteOptions::default()
        };
        atlas.write(dir, &options).unwrap();
        atlas.filters
    });
    (patches, images)
}

#[test]
fn filters_json_has_the_keys_of_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("viz/conv3");
    let (patches, images) = written(&dir);
    let text = std::fs::read_to_string(dir.join("filters.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["layer"], &json["method"]),
        (&"conv3".into(), &"guided".into())
    );
    let filters = json["filters"].as_array().unwrap();
    let numbers: Vec<u64> = filters
        .iter()
        .map(|f| f["filter"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [3, 17, 200]);
    for (listed, filter) in filters.iter().zip(&patches) {
        let listed = listed["patches"].as_array().unwrap();
        assert_eq!(listed.len(), filter.patches.len());
        for (rank, (row, patch)) in listed.iter().zip(&filter.patches).enumerate() {
            let mut keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            keys.sort();
            let contract = [
                "activation",
                "col",
                "h",
                "index",
                "rank",
                "row",
                "subject",
                "w",
                "x",
                "y",
            ];
            assert_eq!(keys, contract);
            let number = |key: &str| row[key].as_i64().unwrap();
            assert_eq!(number("rank"), rank as i64);
            assert_eq!(number("subject"), images.subjects[number("index") as usize]);
            // Unit u of conv3 sees 4u − 14 .. 4u + 18, clipped.
            let span = |unit: i64| ((4 * unit - 14).clamp(0, 48), (4 * unit + 18).clamp(0, 48));
            let ((x0, x1), (y0, y1)) = (span(number("col")), span(number("row")));
            assert_eq!([number("x"), number("w")], [x0, x1 - x0]);
            assert_eq!([number("y"), number("h")], [y0, y1 - y0]);
            let activation = row["activation"].as_f64().unwrap() as f32;
            assert_eq!(activation, patch.unit.activation);
        }
    }
}

#[test]
fn filters_json_says_what_is_dead_and_in_which_order_the_atlas_shows() {
    let root = tempfile::tempdir().unwrap();
    written(root.path());
    let text = std::fs::read_to_string(root.path().join("filters.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["dead"], serde_json::json!([17]));
    assert_eq!(
        json["order"].as_array().unwrap()[2],
        17,
        "dead filters come last"
    );
    assert_eq!(json["figure"], serde_json::json!([200, 3]));
    assert_eq!(
        (&json["field"], &json["images"], &json["top"]),
        (&32.into(), &12.into(), &4.into())
    );
    assert_eq!(json["synthetic"], true);
}

#[test]
fn every_picture_comes_in_both_sizes_and_shows_something() {
    let root = tempfile::tempdir().unwrap();
    let (patches, _) = written(root.path());
    for name in ["figure", "atlas", "positions", "conv1-weights"] {
        let [small, large] = ["", "@3x"].map(|ending| {
            let path = root.path().join(format!("{name}{ending}.png"));
            image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        });
        assert_eq!(
            (small.width() * 3, small.height() * 3),
            (large.width(), large.height()),
            "{name}"
        );
        let greys: std::collections::BTreeSet<u8> =
            small.to_luma8().pixels().map(|p| p.0[0]).collect();
        assert!(greys.len() > 20, "{name} has {} greys", greys.len());
    }
    assert_eq!(
        image::image_dimensions(root.path().join("average-face.png")).unwrap(),
        (48, 48)
    );
    // A filter of the figure takes two tiles of 64 points and gaps.
    let figure = image::image_dimensions(root.path().join("figure.png")).unwrap();
    assert_eq!(figure.1, 2 * 12 + 15 + 3 + 2 * (2 * 67 + 12) - 12);
    for filter in &patches {
        // The dead one too: it says so.
        let path = root.path().join(format!("filter-{:03}.png", filter.filter));
        let picture = image::open(path).unwrap();
        assert!(picture.width() > 200 && picture.height() > 200);
    }
}

#[test]
fn places_are_where_the_largest_responses_lie() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(40, 16);
    let rows: Vec<usize> = (0..40).collect();
    let found = with(&images, &rows, |set| {
        survey(&network, 1, &[2], 40, set).unwrap()
    });
    let mut expected = vec![0.0; 64];
    for index in 0..40 {
        let maps = network.feature_maps(&tensor(&images, index), 1).unwrap();
        let map = values(&maps.get(0).get(2));
        let at = (0..64)
            .rev()
            .max_by(|&a, &b| map[a].total_cmp(&map[b]))
            .unwrap();
        expected[at] += f64::from(map[at].max(0.0));
    }
    let sum: f64 = expected.iter().sum();
    for (got, expected) in found.positions[0].iter().zip(&expected) {
        assert!((got - expected / sum).abs() < 1e-6);
    }
    let mean = |pixel: usize| {
        (0..40)
            .map(|n| f64::from(images.grey[n * 256 + pixel]))
            .sum::<f64>()
            / 40.0
    };
    assert!((found.average[77] - mean(77)).abs() < 1e-9);
}

#[test]
fn patches_differ_in_what_they_are_asked_to() {
    let network = Convolutions::random(8, false).network(16);
    let images = pictures(60, 16);
    let rows: Vec<usize> = (0..60).collect();
    let search = |groups: &[i64]| {
        let set = images.set(&rows, groups);
        survey(&network, 2, &[0], 9, &set)
            .unwrap()
            .tops
            .remove(0)
            .units
    };
    // Every image for itself, ten sequences of six, and one group of all.
    assert_eq!(search(&[-1; 60]).len(), 9);
    let sequences: Vec<i64> = (0..60).map(|n| n / 6).collect();
    let units = search(&sequences);
    let groups: std::collections::BTreeSet<usize> = units.iter().map(|u| u.index / 6).collect();
    assert_eq!(groups.len(), units.len());
    assert_eq!(search(&[5; 60]).len(), 1);
    let none = with(&images, &rows, |set| {
        survey(&network, 2, &[0], 0, set).unwrap_err()
    });
    assert!(matches!(none, Error::NoTop));
}

#[test]
fn a_network_that_diverged_is_an_error_and_no_picture() {
    let network = Convolutions::random(8, false).network(16);
    let weight = network.parameters()[0].1.copy();
    network
        .set_parameter("conv1.weight", &(weight * f64::NAN))
        .unwrap();
    let images = pictures(3, 16);
    let error = with(&images, &[0, 1, 2], |set| {
        survey(&network, 2, &[0], 1, set).unwrap_err()
    });
    assert!(
        matches!(error, Error::NotANumber { image: 0, .. }),
        "{error}"
    );
}

#[test]
fn the_papers_network_finds_the_same_by_its_kernels() {
    let spec = InputSpec {
        side: 48,
        classes: 8,
        dropout: 0.0,
    };
    let network = Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 3, Device::Cpu).unwrap();
    let images = pictures(20, 48);
    let rows: Vec<usize> = (0..20).collect();
    for stage in 0..3 {
        let filters = [0, 31, 40, 63];
        let tops = with(&images, &rows, |set| {
            survey(&network, stage, &filters, 5, set).unwrap().tops
        });
        for top in tops {
            let expected = brute_force(&network, stage, top.filter, 5, &images, &rows);
            for (a, b) in top.units.iter().zip(&expected) {
                assert!(
                    (a.activation - b.activation).abs() <= 1e-4 * b.activation,
                    "stage {stage}"
                );
                assert_eq!((a.index, a.unit), (b.index, b.unit), "stage {stage}");
            }
            assert_eq!(top.units.len(), expected.len());
        }
    }
}

#[test]
fn a_projection_lies_wholly_in_its_crop() {
    let network = Convolutions::random(9, false).network(24);
    let images = pictures(30, 24);
    let rows: Vec<usize> = (0..30).collect();
    with(&images, &rows, |set| {
        for stage in 0..3 {
            for method in [
                BackProjection::Gradient,
                BackProjection::Deconvnet,
                BackProjection::Guided,
            ] {
                let tops = survey(&network, stage, &[0, 1, 2, 3], 4, set).unwrap().tops;
                let cut = cut_patches(&network, stage, &method, &tops, set).unwrap();
                for patch in cut.iter().flat_map(|f| &f.patches) {
                    assert_eq!(
                        patch.projection.len(),
                        patch.region.width * patch.region.height
                    );
                    let image = tensor(&images, patch.unit.index);
                    let whole = method.explain(&network, stage, &image, &[patch.unit.unit]);
                    let [all, cut] = [values(&whole.unwrap()), patch.projection.clone()]
                        .map(|v| v.iter().map(|v| f64::from(v.abs())).sum::<f64>());
                    assert!((all - cut).abs() <= 1e-4 * all.max(1e-9), "{all} {cut}");
                }
            }
        }
    });
}

fn array(path: &std::path::Path) -> (Vec<u64>, Vec<f32>) {
    let file = npyz::NpyFile::new(
        std::fs::File::open(path)
            .map(std::io::BufReader::new)
            .unwrap(),
    )
    .unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

#[test]
fn arrays_hold_every_patch_in_its_place_of_the_field() {
    let root = tempfile::tempdir().unwrap();
    let (patches, images) = written(root.path());
    for filter in &patches {
        let [projection, input] = ["projection", "input"]
            .map(|n| array(&root.path().join(format!("{n}-{:03}.npy", filter.filter))));
        assert_eq!(projection.0, [filter.patches.len() as u64, 32, 32]);
        assert_eq!(input.0, projection.0);
        for (n, patch) in filter.patches.iter().enumerate() {
            let of = |all: &[f32], row: i64, column: i64| {
                all[(n * 32 + row as usize) * 32 + column as usize]
            };
            let corner = |unit: usize| 4 * unit as i64 - 14;
            let (left, top) = (corner(patch.unit.unit.column), corner(patch.unit.unit.row));
            for row in 0..32 {
                for column in 0..32 {
                    let (y, x) = (top + row, left + column);
                    let inside = (0..48).contains(&y) && (0..48).contains(&x);
                    let pixel = |y: i64, x: i64| {
                        images.grey[patch.unit.index * 2304 + (y * 48 + x) as usize]
                    };
                    let expected = if inside {
                        f32::from(pixel(y, x)) / 255.0
                    } else {
                        0.0
                    };
                    assert_eq!(of(&input.1, row, column), expected);
                    assert!(inside || of(&projection.1, row, column) == 0.0);
                }
            }
        }
    }
}

/// An experiment's own method: each pixel's number, or too few of them.
struct Numbers {
    missing: i64,
}

impl Explain for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    fn explain(
        &self,
        _: &Network,
        _: usize,
        images: &Tensor,
        units: &[UnitRef],
    ) -> Result<Tensor, Error> {
        let pixels = images.size()[2] * images.size()[3] - self.missing;
        let number = Tensor::arange(pixels, (tch::Kind::Float, Device::Cpu));
        Ok(number.repeat([units.len() as i64, 1]))
    }
}

#[test]
fn a_method_of_ones_own_goes_through_the_atlas_to_the_files() {
    let own: [Box<dyn Explain>; 1] = [Box::new(Numbers { missing: 0 })];
    let method = find("numbers", &own).unwrap();
    let network = Convolutions::random(9, false).network(24);
    let images = pictures(30, 24);
    let rows: Vec<usize> = (0..30).collect();
    let set = images.set(&rows, &images.subjects);
    let atlas = Atlas::gather(&network, 2, method, &[0, 1, 2], 4, &set).unwrap();
    let patches: Vec<&Patch> = atlas.filters.iter().flat_map(|f| &f.patches).collect();
    assert!(!patches.is_empty());
    for patch in patches {
        let expected = (0..patch.region.height).flat_map(|row| {
            let start = (patch.region.row + row) * 24 + patch.region.column;
            (start..start + patch.region.width).map(|v| v as f32)
        });
        assert_eq!(patch.projection, expected.collect::<Vec<f32>>());
    }
    let root = tempfile::tempdir().unwrap();
    atlas.write(root.path(), &WriteOptions::default()).unwrap();
    let text = std::fs::read_to_string(root.path().join("filters.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["method"], "numbers");
    let wrong = Numbers { missing: 1 };
    let error = cut_patches(&network, 2, &wrong, &atlas.survey.tops, &set).unwrap_err();
    assert!(error.to_string().contains("`numbers`"), "{error}");
}

#[test]
fn methods_are_found_by_name() {
    let own: [Box<dyn Explain>; 1] = [Box::new(Numbers { missing: 0 })];
    for name in ["gradient", "deconvnet", "guided", "occlusion", "numbers"] {
        assert_eq!(find(name, &own).unwrap().name(), name);
    }
    let error = find("saliency", &own).err().unwrap().to_string();
    assert!(
        error.contains("`saliency`") && error.contains("occlusion, numbers"),
        "{error}"
    );
}
