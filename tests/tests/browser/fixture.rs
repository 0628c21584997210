//! A finished run folder with every file that the report reads: ten folds of which the last failed, drawn faces, 64
//! filters, twelve action units, and names that would do harm if they were not escaped.

use std::path::Path;

use image::{GrayImage, Luma};
use npyz::WriterBuilder;
use serde_json::{Value, json};

/// A class whose name is a script.
pub const HOSTILE_CLASS: &str = "<script>alert(1)</script>";
/// A path that would end an attribute.
pub const HOSTILE_PATH: &str = "/data/it's \"here\"/<img src=x onerror=alert(2)>.png";
/// Filters of the layer.
pub const FILTERS: usize = 64;
/// A filter that is named after no unit.
pub const NAMELESS: usize = 7;

const CLASSES: [&str; 8] = [
    "neutral",
    "anger",
    "contempt",
    "disgust",
    "fear",
    "happy",
    HOSTILE_CLASS,
    "surprise",
];
/// The last but one has no filter.
const UNITS: [(u64, &str); 13] = [
    (1, "Inner brow raiser"),
    (2, "Outer brow raiser"),
    (4, "Brow lowerer"),
    (5, "Upper lid raiser"),
    (6, "Cheek raiser"),
    (7, "Lid tightener"),
    (9, "Nose wrinkler"),
    (12, "Lip corner puller"),
    (15, "Lip corner depressor"),
    (17, "Chin raiser"),
    (25, "Lips part"),
    (26, "Jaw drop"),
    (27, "Mouth stretch"),
];
const SIDE: usize = 48;
const IMAGES: usize = 320;
const SUBJECTS: usize = 40;
const FOLDS: usize = 10;

/// Numbers in [0, 1) that are the same every time.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }
}

/// Writes the run into `run`.
pub fn write(run: &Path) {
    dataset(run);
    folds(run);
    summary(run);
    viz(run);
    fau(run);
    further(run);
}

/// Takes out what a run on data without action-unit codes lacks.
pub fn without_action_units(run: &Path) {
    std::fs::remove_dir_all(run.join("fau")).unwrap();
}

fn save(run: &Path, file: &str, contents: impl AsRef<[u8]>) {
    let path = run.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

fn save_json(run: &Path, file: &str, value: &Value) {
    save(run, file, value.to_string());
}

fn save_png(run: &Path, file: &str, picture: &GrayImage) {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    save(run, file, bytes.into_inner());
}

fn save_csv(run: &Path, file: &str, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).unwrap();
    rows.into_iter()
        .for_each(|row| writer.write_record(row).unwrap());
    save(run, file, writer.into_inner().unwrap());
}

fn label(index: usize) -> usize {
    index / 2 % CLASSES.len()
}

fn subject(index: usize) -> usize {
    index % SUBJECTS
}

/// A face of ovals whose mouth and brows follow the class.
fn face(index: usize) -> GrayImage {
    let (class, who) = (label(index) as f32, subject(index) as f32);
    let open = (class * 0.9).sin().abs() * 4.0 + 1.0;
    let brow = (class * 1.7).cos() * 2.0;
    GrayImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let oval = |cx: f32, cy: f32, rx: f32, ry: f32| {
            ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
        };
        let skin = 150.0 + who * 1.7;
        let value = match () {
            () if oval(16.0, 19.0, 3.5, 2.2) || oval(32.0, 19.0, 3.5, 2.2) => 35.0,
            () if oval(16.0, 13.0 + brow, 5.0, 1.2) || oval(32.0, 13.0 + brow, 5.0, 1.2) => 60.0,
            () if oval(24.0, 36.0, 8.0, open) => 70.0,
            () if oval(24.0, 27.0, 2.0, 4.0) => skin - 25.0,
            () if oval(24.0, 25.0, 18.0 + who / 20.0, 22.0) => skin - (x - 24.0).abs(),
            () => 45.0,
        };
        Luma([value.clamp(0.0, 255.0) as u8])
    })
}

fn dataset(run: &Path) {
    let shape = [IMAGES as u64, 1, SIDE as u64, SIDE as u64];
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    for index in 0..IMAGES {
        writer.extend(face(index).into_raw()).unwrap();
    }
    writer.finish().unwrap();
    save(run, "dataset/images.npy", bytes);
    let header = [
        "index",
        "subject",
        "sequence",
        "frame",
        "role",
        "label",
        "label_name",
        "fold",
        "path",
        "aus",
    ];
    save_csv(
        run,
        "dataset/samples.csv",
        &header,
        (0..IMAGES).map(|index| {
            let path = if index == 0 {
                HOSTILE_PATH.to_owned()
            } else {
                format!("S{:03}/{index}.png", subject(index))
            };
            vec![
                index.to_string(),
                subject(index).to_string(),
                (index / SUBJECTS).to_string(),
                "12".to_owned(),
                "labelled".to_owned(),
                label(index).to_string(),
                CLASSES[label(index)].to_owned(),
                (subject(index) % FOLDS).to_string(),
                path,
                "1:3;12:0".to_owned(),
            ]
        }),
    );
    let counts: serde_json::Map<String, Value> = CLASSES
        .iter()
        .map(|class| ((*class).to_owned(), json!(IMAGES / CLASSES.len())))
        .collect();
    save_json(
        run,
        "dataset/dataset.json",
        &json!({
            "name": "synthetic CK+", "synthetic": true, "source_digest": "0123456789abcdef".repeat(4), "classes": CLASSES,
            "counts": counts, "subjects": SUBJECTS, "image_size": SIDE, "folds": FOLDS, "fold_rule": "modulo",
            "subject_independent": true, "images": IMAGES, "held_out": 0, "crop": "landmarks", "version": "0.1.0",
            "notes": ["Two recordings have no FACS file."],
            "skipped": [{"path": HOSTILE_PATH, "reason": "not an image: </td><script>alert(3)</script>"}],
        }),
    );
}

fn folds(run: &Path) {
    let mut draw = Draw(1);
    for fold in 0..FOLDS {
        let rows = (1..=10).map(|step| {
            let done = step as f64 / 10.0;
            let loss = 2.1 * (-2.5 * done).exp() + 0.1 * draw.next();
            let accuracy = 1.0 - 0.85 * (-3.0 * done).exp() - 0.08 * draw.next();
            vec![
                (25 * step).to_string(),
                loss.to_string(),
                accuracy.to_string(),
                accuracy.to_string(),
                "300".to_owned(),
            ]
        });
        let header = [
            "step",
            "train_loss",
            "train_accuracy",
            "val_accuracy",
            "images_per_second",
        ];
        save_csv(run, &format!("folds/{fold}/metrics.csv"), &header, rows);
        if fold == FOLDS - 1 {
            continue;
        }
        let logits = CLASSES.map(|class| format!("logit_{class}"));
        let header = ["index", "label", "predicted"]
            .into_iter()
            .chain(logits.iter().map(String::as_str));
        let header: Vec<&str> = header.collect();
        let tested = (0..IMAGES).filter(|index| subject(*index) % FOLDS == fold);
        let rows = tested.map(|index| {
            let wrong = draw.next() < 0.14;
            let said = (label(index) + usize::from(wrong)) % CLASSES.len();
            let logits = (0..CLASSES.len()).map(|class| {
                (if class == said {
                    3.0 + 3.0 * draw.next()
                } else {
                    draw.next()
                })
                .to_string()
            });
            let first = [index, label(index), said].map(|n| n.to_string());
            first.into_iter().chain(logits).collect()
        });
        save_csv(run, &format!("folds/{fold}/predictions.csv"), &header, rows);
    }
}

fn summary(run: &Path) {
    let folds: Vec<Value> = (0..FOLDS).map(|fold| match fold {
        9 => json!({"fold": 9, "seconds": 0.0, "failed": "disk full while writing folds/9/best.safetensors"}),
        _ => json!({
            "fold": fold, "best_step": 150 + 25 * (fold % 4), "val_accuracy": 0.9, "test_accuracy": 0.82 + 0.01 * fold as f64,
            "final_test_accuracy": 0.81, "best_test_accuracy_optimistic": 0.9, "seconds": 24.0 + fold as f64, "at_chance": false,
        }),
    }).collect();
    let each = IMAGES / CLASSES.len();
    let row = |truth: usize| -> Vec<usize> {
        let next = (truth + 1) % CLASSES.len();
        (0..CLASSES.len())
            .map(|said| {
                if said == truth {
                    each - 8
                } else if said == next {
                    5
                } else {
                    0
                }
            })
            .collect()
    };
    let confusion: Vec<Vec<usize>> = (0..CLASSES.len()).map(row).collect();
    let scores: serde_json::Map<String, Value> = CLASSES
        .iter()
        .enumerate()
        .map(|(at, class)| {
            let recall = 0.8 + 0.02 * at as f64;
            (
                (*class).to_owned(),
                json!({"precision": 0.85, "recall": recall, "f1": 0.86, "support": each - 3}),
            )
        })
        .collect();
    save_json(
        run,
        "summary.json",
        &json!({
            "experiment": "ck_plus_cnn_ad", "preset": "quick", "network": "zero-bias CNN", "synthetic": true,
            "dataset": "synthetic CK+", "subject_independent": true, "protocol": "paper-2017", "optimistic": false,
            "classes": CLASSES, "folds": folds,
            "test_accuracy": {"mean": 0.86, "std": 0.027}, "final_test_accuracy": {"mean": 0.81, "std": 0.0},
            "best_test_accuracy_optimistic": {"mean": 0.9, "std": 0.0},
            "test_accuracy_interval": {"low": 0.83, "high": 0.89, "level": 0.95, "subjects": SUBJECTS},
            "measures": {"balanced_accuracy": {"mean": 0.86, "std": 0.03}, "negative_log_likelihood": {"mean": 0.52, "std": 0.1}},
            "majority_accuracy": 0.125, "confusion": confusion, "per_class": scores,
            "shortened": ["250 steps instead of 31,000", "images of 48 × 48 pixels instead of 96 × 96"], "seconds": 251.0,
        }),
    );
    save_json(
        run,
        "config.json",
        &json!({
            "experiment": "ck_plus_cnn_ad", "preset": "quick", "protocol": "paper-2017", "seed": 1, "device": "cpu", "threads": 2,
            "data": HOSTILE_PATH, "dataset": "synthetic CK+", "synthetic": true, "source_digest": "0123456789abcdef".repeat(4),
            "network": "zero-bias CNN", "versions": {"faus": "0.1.0", "libtorch": "2.11.0"},
            "command": ["faus", "run", "experiments/ck_plus/cnn_ad.json", "--data", HOSTILE_PATH],
            "config": {"train": {"steps": 250, "batch": 64, "optimizer": {"kind": "adamw", "rate": 0.001}}},
        }),
    );
}

/// Where a filter's patches lie.
fn place(filter: usize) -> (usize, usize) {
    (filter * 7 % 24, filter * 11 % 24)
}

fn viz(run: &Path) {
    let patches = |filter: usize| -> Vec<Value> {
        let (x, y) = place(filter);
        let patch = |rank: usize| {
            json!({
                "rank": rank, "index": (filter * 5 + rank * 31) % IMAGES, "subject": (filter + rank) % SUBJECTS, "row": 3, "col": 4,
                "activation": 3.0 - 0.1 * rank as f64, "x": x, "y": y, "w": 24, "h": 24,
            })
        };
        if filter == 5 {
            vec![]
        } else {
            (0..6).map(patch).collect()
        }
    };
    let filters: Vec<Value> = (0..FILTERS)
        .map(|f| json!({"filter": f, "name": name(f), "patches": patches(f)}))
        .collect();
    let order: Vec<usize> = (0..FILTERS).map(|at| at * 13 % FILTERS).collect();
    save_json(
        run,
        "viz/conv3/filters.json",
        &json!({
            "layer": "conv3", "method": "guided", "synthetic": true, "split": "test", "fold": 0, "images": 32,
            "distinct": "subject", "top": 6, "figure": [1, 2, 3], "order": order, "dead": [5], "field": 24, "filters": filters,
        }),
    );
    for filter in (0..FILTERS).filter(|filter| *filter != 5) {
        save_png(
            run,
            &format!("viz/conv3/filter-{filter:03}.png"),
            &sheet(filter, 1),
        );
    }
    save_png(run, "viz/conv3/figure.png", &sheet(1, 4));
    save_png(run, "viz/conv3/atlas.png", &sheet(2, 5));
    save_png(run, "viz/conv3/average-face.png", &face(3));
    save_png(run, "viz/conv3/sanity.png", &sheet(3, 3));
    let number = |mean: f64| json!({"mean": mean, "sd": 0.15, "n": 100});
    let panel = |name: &str, label: &str, mean: f64| {
        json!({
            "name": name, "kind": "cascade", "label": label, "spearman": number(mean), "spearman_abs": number(mean - 0.1), "ssim": number(mean + 0.1),
        })
    };
    save_json(
        run,
        "viz/conv3/sanity.json",
        &json!({
            "layer": "conv3", "method": "guided", "synthetic": true, "filters": [1, 2, 3], "patches": 100, "seed": 1,
            "sentence": "Projections keep 0.31 of their rank order when every layer is randomised.",
            "panels": [panel("conv3", "conv3 randomised", 0.55), panel("conv1", "conv3 to conv1 randomised", 0.31), panel("untrained", "untrained network", 0.2)],
        }),
    );
}

/// Two rows of patches, as often as said.
fn sheet(filter: usize, times: u32) -> GrayImage {
    let (x, y) = place(filter);
    let faces: Vec<GrayImage> = (0..6)
        .map(|rank| face((filter * 5 + rank * 31) % IMAGES))
        .collect();
    GrayImage::from_fn(6 * 52, times * 104, |column, row| {
        let (rank, projection) = ((column / 52) as usize, row % 104 >= 52);
        let (u, v) = (column % 52 / 2, row % 52 / 2);
        match u < 24 && v < 24 {
            false => Luma([255]),
            true => {
                let Luma([grey]) = *faces[rank].get_pixel(u + x as u32, v + y as u32);
                Luma([if projection {
                    128 + grey / 4 - 20
                } else {
                    grey
                }])
            }
        }
    })
}

fn unit_of(filter: usize) -> usize {
    match filter * 5 % (UNITS.len() - 1) {
        11 => 12,
        unit => unit,
    }
}

/// The direction in which a filter follows its unit; half of each unit's are less active with it.
fn sign(filter: usize) -> f64 {
    if filter / 12 % 2 == 1 { -1.0 } else { 1.0 }
}

/// What stands in the pictures of a filter.
fn name(filter: usize) -> Option<String> {
    let (au, name) = UNITS[unit_of(filter)];
    let less = if sign(filter) < 0.0 { "less with " } else { "" };
    (filter != 5 && filter != NAMELESS).then(|| format!("{less}AU{au} {name}, AUROC 0.80"))
}

fn fau(run: &Path) {
    let mut draw = Draw(2);
    let mut rows = Vec::new();
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for filter in (0..FILTERS).filter(|filter| *filter != 5) {
        let own = unit_of(filter);
        let strength = 0.3 + 0.9 * draw.next();
        for (at, (au, name)) in UNITS.iter().enumerate() {
            let kl = if at == own {
                strength
            } else {
                0.25 * strength * draw.next()
            };
            let auroc = 0.5 + sign(filter + at + own) * 0.4 * kl.min(1.0);
            let auroc = if at == own {
                0.5 + sign(filter) * 0.4 * kl.min(1.0)
            } else {
                auroc
            };
            let numbers = [
                kl,
                auroc,
                0.4 * kl,
                if at == own { 0.0004 } else { 0.31 },
                0.04,
                0.12,
                0.45 + 0.4 * kl.min(1.0),
                0.55 + 0.4 * kl.min(1.0),
                0.6,
                0.3,
                if at == own { 0.0003 } else { 0.2 },
            ];
            let numbers = numbers.map(|n: f64| n.to_string());
            let first = [
                filter.to_string(),
                au.to_string(),
                (30 + at).to_string(),
                "250".to_owned(),
            ];
            rows.push(first.into_iter().chain(numbers).collect());
            if at == own {
                found.push(
                    [
                        filter.to_string(),
                        au.to_string(),
                        kl.to_string(),
                        (*name).to_owned(),
                        "0.8".to_owned(),
                        "0.0004".to_owned(),
                        "0.04".to_owned(),
                        "0.0001".to_owned(),
                        "0.0002".to_owned(),
                    ]
                    .to_vec(),
                );
            }
            if at == own && filter != NAMELESS {
                names.push(
                    [
                        filter.to_string(),
                        au.to_string(),
                        (*name).to_owned(),
                        sign(filter).to_string(),
                        auroc.to_string(),
                        "1.2".to_owned(),
                        (sign(filter) * 10.0 * kl).to_string(),
                        "0.0001".to_owned(),
                        "0.0002".to_owned(),
                        "holds".to_owned(),
                        "0.6".to_owned(),
                        "0.03".to_owned(),
                        "0.04".to_owned(),
                    ]
                    .to_vec(),
                );
            }
        }
    }
    let header = [
        "filter",
        "au",
        "n_with",
        "n_without",
        "kl",
        "auroc",
        "r",
        "q",
        "q_within_class",
        "kl_null_95",
        "auroc_low",
        "auroc_high",
        "auroc_within_class",
        "intensity_rho",
        "q_auroc",
    ];
    save_csv(run, "fau/associations.csv", &header, rows);
    let header = [
        "filter",
        "au",
        "kl",
        "au_name",
        "auroc",
        "q",
        "q_within_class",
        "p_max",
        "q_max",
    ];
    save_csv(run, "fau/correspondences.csv", &header, found);
    let header = [
        "filter",
        "au",
        "au_name",
        "sign",
        "auroc",
        "d_prime",
        "z",
        "p",
        "q",
        "within_class",
        "auroc_within_class",
        "p_within_class",
        "q_within_class",
    ];
    save_csv(run, "fau/names.csv", &header, names);
    let by_au: Vec<Value> = UNITS.iter().enumerate().map(|(at, (au, name))| json!({
        "au": au, "name": name, "n_with": 30 + at, "filters": 5, "filters_q": 20, "filters_within_class_q": 3,
        "best": {"filter": at, "kl": 0.9, "auroc": 0.9, "auroc_low": 0.84, "auroc_high": 0.95, "q": 0.0004, "q_within_class": 0.04, "auroc_within_class": 0.68},
    })).collect();
    save_json(
        run,
        "fau/fau.json",
        &json!({
            "layer": "conv3", "synthetic": true, "rows": 300, "rows_used": 280, "min_positives": 10,
            "histograms": {"bins": 32, "smoothing": {"prior": "pooled", "pseudo_samples": 16.0}},
            "dead_filters": {"count": 1, "filters": [5]}, "aus_left_out": [{"au": 43, "n_with": 3}],
            "null": {"permutations": 10000, "seed": 1, "fdr": 0.05, "subjects": 40, "bootstrap": 1000},
            "counts": {"pairs": 756, "pairs_q": 63, "filters_q": 63, "filters_max_q": 60, "filters_within_class_q": 14, "named": 63, "named_less": 0, "within_holds": 63, "within_fails": 0, "within_untestable": 0},
            "by_au": by_au,
            "held_out": {"rows": 96, "pairs_selected": 63, "pairs_replicated": 50, "share": 0.79, "share_by_chance": 0.025, "median_auroc": 0.77},
            "verdict": ["60 of 64 filters exceed the null.", "Within a class, 14 do."],
            "caveats": ["Chosen and scored on the same images."],
        }),
    );
}

fn further(run: &Path) {
    let control = |name: &str, auroc: f64| {
        json!({
            "control": name, "words": "one network", "filters": 63, "pairs": 756, "pairs_q": 60, "filters_max_q": 60,
            "pairs_within_class_q": 14, "filters_within_class_q": 14, "mean_best_auroc": auroc, "low": auroc - 0.03, "high": auroc + 0.03,
            "below_trained": if name == "trained" { Value::Null } else { json!({"difference": 0.88 - auroc, "low": 0.1, "high": 0.3, "p": 0.0002}) },
        })
    };
    let controls = [
        ("trained", 0.88),
        ("untrained", 0.66),
        ("label_shuffled", 0.7),
        ("au_shuffled", 0.5),
        ("pixels", 0.61),
    ];
    save_json(
        run,
        "fau/controls.json",
        &json!({
            "synthetic": true, "fdr": 0.05, "controls": controls.map(|(name, auroc)| control(name, auroc)),
            "verdict": ["The trained network stands above every control."],
        }),
    );
    let rows = controls.iter().flat_map(|(name, auroc)| {
        UNITS.iter().map(move |(au, _)| {
            let numbers = [*auroc, auroc - 0.05, auroc + 0.05].map(|n| n.to_string());
            [(*name).to_owned(), au.to_string(), "63".to_owned()]
                .into_iter()
                .chain(numbers)
                .collect()
        })
    });
    save_csv(
        run,
        "fau/controls.csv",
        &[
            "control",
            "au",
            "filters",
            "best_auroc",
            "best_auroc_low",
            "best_auroc_high",
        ],
        rows,
    );
    let layers = ["conv1", "conv2", "conv3", "fc4"];
    let rows = ["trained", "untrained"].iter().flat_map(|network| {
        layers.iter().enumerate().flat_map(move |(at, layer)| {
            UNITS.iter().map(move |(au, _)| {
                let auroc = if *network == "trained" {
                    0.62 + 0.08 * at as f64
                } else {
                    0.62
                } + 0.001 * *au as f64;
                let numbers =
                    [auroc, 0.5, auroc - 0.04, auroc + 0.04, 0.52, 0.55].map(|n| n.to_string());
                [(*network).to_owned(), (*layer).to_owned(), au.to_string()]
                    .into_iter()
                    .chain(numbers)
                    .collect()
            })
        })
    });
    save_csv(
        run,
        "fau/probes.csv",
        &[
            "network",
            "layer",
            "au",
            "auroc",
            "f1",
            "auroc_low",
            "auroc_high",
            "control_auroc",
            "class_control_auroc",
        ],
        rows,
    );
    save_json(
        run,
        "fau/probes.json",
        &json!({"synthetic": true, "first_layer": [{"au": 12, "layer": "conv2"}], "verdict": ["Action units can be read from conv2 on."]}),
    );
    let rows = (0..FILTERS).filter(|f| *f != 5).flat_map(|filter| {
        UNITS.iter().enumerate().map(move |(at, (au, _))| {
            let effect = if at == unit_of(filter) {
                2.4
            } else {
                -0.3 + 0.05 * at as f64
            };
            let row = [
                filter.to_string(),
                au.to_string(),
                "40".to_owned(),
                effect.to_string(),
                "0.9".to_owned(),
                "0.001".to_owned(),
            ];
            row.to_vec()
        })
    });
    save_csv(
        run,
        "fau/interventions.csv",
        &["filter", "au", "people", "effect", "share_up", "q"],
        rows,
    );
    save_json(
        run,
        "fau/interventions.json",
        &json!({
            "synthetic": true, "people": 40, "strength": 1.0,
            "agreement": [{"measure": "kl", "spearman": 0.61, "same_au_share": 0.7, "same_au_chance": 0.1, "average_precision": 0.72, "average_precision_chance": 0.2}],
            "verdict": ["KL finds the switched unit in 70% of filters."],
        }),
    );
    let rows = UNITS.iter().flat_map(|(au, _)| {
        [("", "all"), ("5", "happy")].map(|(label, name)| {
            [
                &au.to_string(),
                label,
                name,
                "300",
                "5",
                "0.86",
                "0.7",
                "0.16",
                "0.03",
                "0.06",
                "0.01",
                "0.04",
            ]
            .map(str::to_owned)
            .to_vec()
        })
    });
    save_csv(
        run,
        "fau/causal.csv",
        &[
            "au",
            "label",
            "label_name",
            "images",
            "filters",
            "recall_before",
            "recall_after",
            "drop",
            "drop_random",
            "drop_active",
            "p_random",
            "p_active",
        ],
        rows,
    );
    save_json(
        run,
        "fau/causal.json",
        &json!({"synthetic": true, "verdict": ["Silencing a unit's filters costs more than silencing others."]}),
    );
    let rows = (0..FILTERS).filter(|f| *f != 5).map(|filter| {
        let au = UNITS[unit_of(filter)].0.to_string();
        [
            filter.to_string(),
            au,
            "90".to_owned(),
            "0.6".to_owned(),
            "0.2".to_owned(),
            "0.01".to_owned(),
            "0.3".to_owned(),
            "0.1".to_owned(),
        ]
        .to_vec()
    });
    save_csv(
        run,
        "fau/spatial.csv",
        &[
            "filter",
            "au",
            "images",
            "pointing_rate",
            "chance",
            "q",
            "iou",
            "iou_chance",
        ],
        rows,
    );
    let by_au =
        UNITS.map(|(au, _)| json!({"au": au, "filters": 5, "pointing_rate": 0.6, "chance": 0.2}));
    save_json(
        run,
        "fau/spatial.json",
        &json!({"synthetic": true, "layer": "conv3", "by_au": by_au, "verdict": ["Filters look where their unit is."]}),
    );
}
