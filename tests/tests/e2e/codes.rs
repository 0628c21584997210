use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use faus_tests::shared::TINY;
use faus_tests::{Place, Table, read_json};

use crate::commands::write_npy;

const CLASSES: [&str; 7] = [
    "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
];
/// Sequences of each class in CK+48.
const SEQUENCES: [usize; 7] = [45, 18, 59, 25, 69, 28, 83];
/// Codes in the words of the first Cohn-Kanade release.
const CODES: [&str; 7] = [
    "4+7e+17d+23d+24d",
    "R14",
    "9+10b",
    "1+2+4+20",
    "6+12C+25",
    "1+4+15+17",
    "1+2+5b+27",
];

/// Subject, session and class of the 327 sequences of 118 people.
fn sequences() -> Vec<(usize, usize, usize)> {
    let classes = (0..7).flat_map(|class| std::iter::repeat_n(class, SEQUENCES[class]));
    let sequence = |(at, class)| (5 + at % 118, 1 + at / 118, class);
    classes.enumerate().map(sequence).collect()
}

/// Class folders as CK+48 has them: the last three frames of each sequence.
pub(crate) fn ck_48(root: &Path) {
    for (subject, session, class) in sequences() {
        fs::create_dir_all(root.join(CLASSES[class])).unwrap();
        for frame in 14..17 {
            let wave = |x: u32, y: u32| {
                let own = ((subject * 7 + session) as f64 * f64::from(x) / 90.0).sin();
                let shown = ((class + 1) as f64 * f64::from(y) / 5.0 + frame as f64 / 20.0).sin();
                image::Luma([(128.0 + 50.0 * own + 60.0 * shown) as u8])
            };
            let name = format!(
                "{}/S{subject:03}_{session:03}_{frame:08}.png",
                CLASSES[class]
            );
            image::GrayImage::from_fn(48, 48, wave)
                .save(root.join(name))
                .unwrap();
        }
    }
}

/// 486 rows, 228 of them of sequences in the folders.
pub(crate) fn coding_table() -> String {
    let ours = sequences().into_iter().take(228).enumerate();
    let ours = ours.map(|(at, (subject, session, class))| {
        let codes = if at == 5 {
            "L10+17d+23+24+31"
        } else {
            CODES[class]
        };
        format!("{subject},{session:03},{codes}\n")
    });
    let others = (0..258).map(|at| format!("{},{:03},1+2\n", 900 + at / 3, 1 + at % 3));
    ours.chain(others).collect()
}

#[test]
fn class_folders_with_a_coding_table_end_with_action_units_on_the_page() {
    let place = Place::new();
    ck_48(&place.path("CK+48"));
    fs::write(place.path("codes.csv"), coding_table()).unwrap();
    let run =
        "run experiments/folders/cnn_ad.json --data CK+48 --aus codes.csv --out out --folds 0";
    place.faus(&format!("{run} {TINY}")).done().says(&[
        "codes.csv: 228 of 327 recordings have a row in the table, on their last frame alone; 99 have none",
        "codes.csv: 258 of the table's 486 rows match no image",
    ]);
    let samples = Table::read(&place.path("out/dataset/samples.csv"));
    let columns = ["subject", "frame", "aus", "sides"].map(|column| samples.text(column));
    let [subjects, frames, aus, sides] = columns;
    let coded: Vec<usize> = (0..aus.len()).filter(|row| aus[*row] != "NA").collect();
    assert_eq!((aus.len(), coded.len()), (981, 228));
    assert!(coded.iter().all(|row| frames[*row] == "16"));
    let one_sided = coded
        .iter()
        .find(|row| sides[**row].starts_with('L'))
        .unwrap();
    assert_eq!(
        (subjects[*one_sided], aus[*one_sided], sides[*one_sided]),
        ("010", "10:0;17:4;23:0;24:0;31:0", "L10:0")
    );
    assert!(coded.iter().any(|row| aus[*row] == "1:0;2:0;4:0;20:0"));
    let fau = read_json(&place.path("out/fau/fau.json"));
    assert_eq!(fau["rows_used"], 228);
    assert_eq!(fau["machine_coded"], serde_json::Value::Null);
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("Action units and their filters") && !page.contains("Machine-coded."));
    // The same table with another date is the same one; another table with an old date is not.
    fs::write(place.path("codes.csv"), coding_table()).unwrap();
    place
        .faus(&format!("{run} {TINY}"))
        .done()
        .says(&["finished already"])
        .does_not_say("has changed");
    // Neither another path to it nor other line ends make it another table.
    fs::write(
        place.path("codes.csv"),
        coding_table().replace('\n', "\r\n"),
    )
    .unwrap();
    place
        .faus(&format!(
            "{} {TINY}",
            run.replace("--aus codes.csv", "--aus ./codes.csv")
        ))
        .done()
        .says(&["finished already"]);
    let edited = coding_table().replacen("R14", "L14", 1);
    fs::write(place.path("codes.csv"), edited).unwrap();
    let table = fs::File::options()
        .write(true)
        .open(place.path("codes.csv"));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
    table.unwrap().set_modified(long_ago).unwrap();
    place
        .faus(&format!("{run} {TINY}"))
        .failed(&["codes.csv: has other contents than when", "--out"]);
    let again = format!(
        "run experiments/folders/cnn_ad.json --prepared out/dataset --aus codes.csv {TINY}"
    );
    place.faus(&again).ended(2);
}

/// Activations of 60 images, of which filter 0 follows the odd ones.
fn activations(path: &Path) {
    let values = (0..180).map(|at| (at % 7) as f32 + if at % 6 == 3 { 9.0 } else { 0.0 });
    write_npy(path, &[60, 3], &Vec::from_iter(values));
}

fn correlate(place: &Place, header: &str, row: impl Fn(usize) -> String) -> faus_tests::Ran {
    let rows = (0..60).map(|at| format!("{at},S{:03},{}\n", at / 2, row(at)));
    let text = format!("index,subject,{header}\n{}", String::from_iter(rows));
    fs::write(place.path("table.csv"), text).unwrap();
    place.faus("correlate --activations act.npy --samples table.csv --output fau --permutations 19 --bootstrap 19")
}

#[test]
fn codes_of_programs_are_called_machine_coded_and_empty_cells_are_counted() {
    let place = Place::new();
    activations(&place.path("act.npy"));
    let ran = correlate(&place, " AU12_r, AU12_c", |at| {
        format!("{}.37, {}.00", at % 2, at % 2)
    });
    ran.done().says(&["over 60 coded", "Machine-coded"]);
    assert_eq!(
        read_json(&place.path("fau/fau.json"))["machine_coded"],
        true
    );
    let ran = correlate(&place, "Facs Codes", |at| {
        ["", "L12C+25"][at % 2].to_owned()
    });
    ran.done().says(&[
        "over 60 coded",
        "30 of 60 cells of `facs codes` are empty and none is `NA`",
    ]);
    let ran = correlate(&place, "aus", |at| ["", "AU12C", "none"][at % 3].to_owned());
    ran.done().says(&[
        "over 40 coded",
        "20 empty cells of `aus` count as not coded",
    ]);
    correlate(&place, "aus", |at| ["none", "12:03:00"][at % 2].to_owned())
        .failed(&["line 3", "time of day"]);
    correlate(&place, "note", |_| String::new()).failed(&["no column `aus`", "1:3;12:0"]);
}
