//! `faus analyse`: a network from its ONNX file to the page.

use std::fmt::Write;
use std::fs;

use faus_tests::{Onnx, Place, Table, read_json, repository};
use image::GrayImage;

/// A small network with random weights for grey images of 36 pixels and five classes.
const INPUT: &str = r#"{"size":36,"channels":1,"scale":0.00392156862745098,"mean":[0.4],"std":[0.25],"crop":"auto","classes":["Angry","fear","happiness","sad","bored"]}"#;
const SMALL: &str = "--device cpu --set fau.permutations=19 fau.bootstrap=19 visualize.top=2";

fn place() -> Place {
    let place = Place::with_faces();
    for model in ["plain", "residual"] {
        let model = format!("{model}.onnx");
        let golden = repository().join("crates/viz/tests/golden/onnx");
        fs::copy(golden.join(&model), place.path(&model)).unwrap();
    }
    fs::write(place.path("input.json"), INPUT).unwrap();
    place
}

#[test]
fn a_network_from_its_file_to_the_page() {
    let place = place();
    let command = format!("analyse plain.onnx --input input.json --data ck --out mine {SMALL}");
    let ran = place.faus(&command);
    ran.done().says(&[
        "only the network has these classes: bored",
        "only the data set has these classes, whose images are not classified: neutral, contempt, disgust, surprise",
        "labelled images correctly",
        "Analysing /relu2/Relu of plain.onnx",
        "Do the network's filters follow action units?",
        "optimistic",
        "mine/report/index.html",
    ]);
    for words in ["the trained network", "The trained network", "learn"] {
        ran.does_not_say(words);
    }
    let network = read_json(&place.path("mine/network.json"));
    assert_eq!(network["layer"], "/relu2/Relu");
    assert_eq!(network["files"][0]["name"], "plain.onnx");
    let classified = &network["classified"];
    assert_eq!(classified["classes"][2], "happiness");
    let predictions = Table::read(&place.path("mine/predictions.csv"));
    assert_eq!(classified["images"], predictions.rows.len());
    assert_eq!(predictions.columns[5], "logit_happiness");
    let counts = classified["confusion"].as_array().unwrap();
    assert_eq!(counts.len(), 5);
    assert!(counts[4].as_array().unwrap().iter().all(|count| count == 0));
    for file in ["controls", "replication", "probes", "causal", "spatial"] {
        assert!(
            place.path(&format!("mine/fau/{file}.json")).exists(),
            "{file}"
        );
    }
    assert!(place.path("mine/viz/relu2_Relu/filters.json").exists());
    assert!(place.path("mine/viz/output/evidence.json").exists());
    let page = fs::read_to_string(place.path("mine/report/index.html")).unwrap();
    for part in [
        "Do the filters of this network follow facial action units?",
        "plain.onnx",
        "SHA-256",
        "The network was not trained here",
        "The network has classes that the data set lacks: bored",
        "id=\"confusion\"",
        "id=\"patches\"",
        "id=\"heat-map\"",
        "(pixel · 0.00392156862745098 − 0.4) / 0.25",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for section in ["curves", "accuracy"] {
        assert!(!page.contains(&format!("id=\"{section}\"")), "{section}");
    }
    let mut figures = fs::read_dir(place.path("mine/report/figures")).unwrap();
    assert!(
        figures.all(|entry| entry.unwrap().path().is_file()),
        "a layer's name is no path"
    );
    let record = || read_json(&place.path("mine/network.json"));
    let before = record();
    let again = place.faus(&command);
    assert_eq!(record(), before);
    again
        .done()
        .says(&["finished already", "mine/report/index.html"]);
    place.faus("report mine").done();
    place
        .faus("report mine mine")
        .failed(&["faus analyse", "folds"]);
    refused(&place);
    resumed(&place, &command);
}

/// The folder belongs to this network, these images and this layer.
fn refused(place: &Place) {
    let with = |model: &str, more: &str| {
        place.faus(&format!(
            "analyse {model} --input input.json --data ck --out mine {more}"
        ))
    };
    with("plain.onnx", "--layer /conv1/Conv").failed(&["mine", "another layer", "--out"]);
    fs::copy(place.path("plain.onnx"), place.path("other.onnx")).unwrap();
    let bytes = fs::read(place.path("plain.onnx")).unwrap();
    fs::write(
        place.path("other.onnx"),
        [&bytes[..], &[0x20, 0x01]].concat(),
    )
    .unwrap();
    with("other.onnx", "").failed(&["mine", "another network", "plain.onnx", "--out"]);
    fs::write(place.path("input.json"), INPUT.replace("0.4", "0.5")).unwrap();
    with("plain.onnx", "").failed(&["mine", "another input.json"]);
    fs::write(place.path("input.json"), INPUT).unwrap();
    let run = "analyse plain.onnx --input input.json --data ck --out run";
    fs::create_dir_all(place.path("run/fau")).unwrap();
    place.faus(run).failed(&["run", "holds fau"]);
}

/// A second start keeps the studies that are there, and writes the page.
fn resumed(place: &Place, command: &str) {
    let probes = place.path("mine/fau/probes.json");
    let before = fs::metadata(&probes).unwrap().modified().unwrap();
    for part in [
        "mine/.finished",
        "mine/report/index.html",
        "mine/fau/replication.json",
    ] {
        fs::remove_file(place.path(part)).unwrap();
    }
    let ran = place.faus(&format!("{command} --unseen"));
    ran.done().does_not_say("optimistic");
    assert_eq!(fs::metadata(&probes).unwrap().modified().unwrap(), before);
    assert!(place.path("mine/report/index.html").exists());
    assert_eq!(read_json(&place.path("mine/network.json"))["unseen"], true);
}

#[test]
fn a_step_that_cannot_be_done_is_noted() {
    let place = place();
    place
        .faus("data prepare --source ck_plus --input ck --out prepared --size 36")
        .done();
    let samples = Table::read(&place.path("prepared/samples.csv"));
    let aus = samples.columns.iter().position(|it| it == "aus").unwrap();
    let mut table = samples.columns.join(",") + "\n";
    for mut row in samples.rows {
        row[aus] = "NA".to_owned();
        table += &(row.join(",") + "\n");
    }
    fs::write(place.path("prepared/samples.csv"), table).unwrap();
    let input = INPUT.replace(
        r#","classes":["Angry","fear","happiness","sad","bored"]"#,
        "",
    );
    fs::write(place.path("input.json"), input).unwrap();
    let analyse = "analyse plain.onnx --input input.json --prepared prepared --out mine";
    let ran = place.faus(&format!("{analyse} {SMALL} visualize.sanity=false"));
    ran.done().says(&[
        "5 outputs",
        "name its outputs with `classes`",
        "No action-unit analysis",
    ]);
    let page = fs::read_to_string(place.path("mine/report/index.html")).unwrap();
    assert!(page.contains("too few of these images have codes"));
    assert!(
        page.contains("classes` in input.json")
            || page.contains("<code>classes</code> in input.json")
    );
    for section in ["confusion", "mistakes", "controls", "probe", "action-units"] {
        assert!(!page.contains(&format!("id=\"{section}\"")), "{section}");
    }
    place
        .faus("analyse plain.onnx --input input.json --out x")
        .ended(2);
    place
        .faus(&format!("{analyse} --set data.crop=none"))
        .ended(2)
        .says(&["--input"]);
    fs::write(place.path("model.pt"), b"PK\x03\x04 archive/data.pkl").unwrap();
    let ran = place.faus("analyse model.pt --data ck --out x");
    ran.ended(1).says(&[
        "torch.onnx.export(network, image",
        "faus analyse model.onnx",
    ]);
}

/// Side of the images with planted patterns, and of a pattern.
const SIDE: usize = 24;
const FIELD: usize = 5;
/// Places of the patterns of AU 12 and of happy faces.
const PLACES: [(usize, usize); 2] = [(14, 4), (3, 14)];
/// Places of patterns that every image has, each a different one.
const OTHERS: [(usize, usize); 11] = [
    (0, 0),
    (7, 0),
    (0, 7),
    (8, 7),
    (9, 13),
    (14, 13),
    (19, 13),
    (9, 18),
    (14, 18),
    (19, 18),
    (19, 8),
];
const CLASSES: [&str; 3] = ["anger", "happy", "surprise"];

/// Random numbers of a test: a linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Whether something of this percentage happens.
    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A square of -1 and 1.
    fn pattern(&mut self) -> Vec<f32> {
        let sign = |_| [-1.0, 1.0][self.below(2) as usize];
        (0..FIELD * FIELD).map(sign).collect()
    }
}

fn add(image: &mut GrayImage, pattern: &[f32], (x, y): (usize, usize)) {
    for (at, value) in pattern.iter().enumerate() {
        let (x, y) = (x + at % FIELD, y + at / FIELD);
        let pixel = image.get_pixel_mut(x as u32, y as u32);
        pixel.0[0] = (f32::from(pixel.0[0]) + 60.0 * value) as u8;
    }
}

/// Class folders of 24 people in 12 recordings each, one pattern wherever AU 12 is coded, another in every happy face, others in
/// all; and the table of codes.
fn planted_images(place: &Place, patterns: &[Vec<f32>], random: &mut Random) {
    let mut codes = "subject,session,codes\n".to_owned();
    for class in CLASSES {
        fs::create_dir_all(place.path(&format!("faces/{class}"))).unwrap();
    }
    for person in 1..=24 {
        for session in 1..=12 {
            let class = CLASSES[session % 3];
            let happy = class == "happy";
            let mut units = Vec::new();
            for (unit, inside, outside, of) in [
                ("12", 70, 30, "happy"),
                ("6", 85, 10, "happy"),
                ("4", 80, 15, "anger"),
                ("1", 80, 15, "surprise"),
            ] {
                let percent = if class == of { inside } else { outside };
                units.extend(random.happens(percent).then_some(unit));
            }
            let grey = |_, _| image::Luma([120 + random.below(16) as u8]);
            let mut image = GrayImage::from_fn(SIDE as u32, SIDE as u32, grey);
            let shown = [units.contains(&"12"), happy];
            for (pattern, (place, shown)) in patterns.iter().zip(PLACES.into_iter().zip(shown)) {
                let other = random.pattern();
                add(&mut image, if shown { pattern } else { &other }, place);
            }
            for place in OTHERS {
                add(&mut image, &random.pattern(), place);
            }
            let name = format!("S{person:03}_{session:03}_00000001.png");
            image
                .save(place.path(&format!("faces/{class}/{name}")))
                .unwrap();
            let coded = if units.is_empty() {
                "0".to_owned()
            } else {
                units.join("+")
            };
            writeln!(codes, "{person},{session},{coded}").unwrap();
        }
    }
    fs::write(place.path("codes.csv"), codes).unwrap();
}

/// Eight filters: that of AU 12's pattern, that of happy faces, and six of random patterns. The class happy is the second filter.
fn planted_network(patterns: &[Vec<f32>], random: &mut Random) -> Vec<u8> {
    let mut kernels = patterns.concat();
    (2..8).for_each(|_| kernels.extend(random.pattern()));
    // A matched pattern gives about 25 · 60 / 255.
    let bias = [-2.5; 8];
    let mut dense = vec![0.0; 3 * 8];
    dense[8 + 1] = 4.0;
    let map = (SIDE - FIELD + 1) as i64;
    Onnx::new()
        .then(
            "Conv",
            "conv",
            &[("kernels", &[8, 1, 5, 5], &kernels), ("bias", &[8], &bias)],
            &[("kernel_shape", &[5, 5])],
        )
        .then("Relu", "relu", &[], &[])
        .then("MaxPool", "pool", &[], &[("kernel_shape", &[map, map])])
        .then("Flatten", "flat", &[], &[])
        .then(
            "Gemm",
            "scores",
            &[("dense", &[8, 3], &transposed(&dense))],
            &[],
        )
        .bytes(SIDE as i64, 3)
}

/// `[3, 8]` as `[8, 3]`.
fn transposed(dense: &[f32]) -> Vec<f32> {
    (0..24).map(|at| dense[at % 3 * 8 + at / 3]).collect()
}

#[test]
fn a_planted_action_unit_is_told_apart_from_a_planted_expression() {
    let place = Place::new();
    let mut random = Random(7);
    let patterns = vec![random.pattern(), random.pattern()];
    planted_images(&place, &patterns, &mut random);
    fs::write(
        place.path("planted.onnx"),
        planted_network(&patterns, &mut random),
    )
    .unwrap();
    let input = r#"{"size":24,"channels":1,"scale":0.00392156862745098,"mean":[0.5],"std":[1],"crop":"none","classes":["anger","happiness","surprise"]}"#;
    fs::write(place.path("input.json"), input).unwrap();
    let ran = place.faus(
        "analyse planted.onnx --input input.json --source folders --data faces --aus codes.csv --out mine --unseen --device cpu --set fau.permutations=199 fau.bootstrap=199 visualize.top=2 visualize.sanity=false",
    );
    ran.done()
        .says(&["Analysing relu of planted.onnx", "No `locate`"]);
    let names = Table::read(&place.path("mine/fau/names.csv"));
    let (filters, aus) = (names.numbers::<usize>("filter"), names.numbers::<u8>("au"));
    let within = names.text("within_class");
    let name = |filter: usize| {
        let at = filters.iter().position(|it| *it == filter).unwrap();
        (aus[at], within[at])
    };
    assert_eq!(name(0), (12, "holds"));
    assert_eq!(name(1), (6, "fails"));
    // The random ones respond to parts of the planted patterns, weakly.
    for (filter, z) in filters.iter().zip(names.numbers::<f64>("z")) {
        assert_eq!(z > 10.0, *filter < 2, "filter {filter}: z {z}");
        assert!(*filter < 2 || z.abs() < 5.0, "filter {filter}: z {z}");
    }
    let answer = read_json(&place.path("mine/fau/fau.json"))["answer"].clone();
    assert_eq!(answer["verdict"], "partly", "{answer}");
    let above = &answer["evidence"]["units_above_untrained_within"];
    assert_eq!(above, &serde_json::json!([12]));
    let classified = &read_json(&place.path("mine/network.json"))["classified"];
    assert_eq!(classified["per_class"]["happiness"]["recall"], 1.0);
}
