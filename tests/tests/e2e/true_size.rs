use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use faus_tests::official::{self, Recording};
use faus_tests::{Place, Table, numbers_of_people, read_json, read_npy};

/// (subject, sequence, frame, role, label, fold, aus), as text.
type Row = (i64, String, usize, String, i64, i64, String);

/// DESIGN 2 in its own words: the subjects that have a labelled sequence, sorted; index mod 10 is the fold.
fn folds(recordings: &[Recording]) -> BTreeMap<usize, i64> {
    let labelled: BTreeSet<usize> = recordings
        .iter()
        .filter(|r| r.emotion.is_some())
        .map(|r| r.subject)
        .collect();
    labelled.into_iter().zip((0..10).cycle()).collect()
}

/// What the data set must hold; `label` gives the class of an emotion code, if it has one.
fn expected(label: impl Fn(usize) -> Option<i64>) -> BTreeSet<Row> {
    let all = official::recordings();
    let folds = folds(&all);
    let mut rows = BTreeSet::new();
    for r in &all {
        let coded: Vec<String> = r
            .aus
            .iter()
            .map(|(au, intensity)| format!("{au}:{intensity}"))
            .collect();
        let fold = folds.get(&r.subject).copied().unwrap_or(-1);
        let mut row = |frame: usize, role: &str, label: i64| {
            let aus = if frame == r.frames {
                coded.join(";")
            } else {
                "NA".to_owned()
            };
            rows.insert((
                r.subject as i64,
                r.name(),
                frame,
                role.to_owned(),
                label,
                fold,
                aus,
            ));
        };
        match r.emotion {
            Some(emotion) => {
                let peaks = (r.frames - 2..=r.frames).map(|frame| (frame, label(emotion)));
                for (frame, label) in [(1, label(0))].into_iter().chain(peaks) {
                    if let Some(label) = label {
                        row(frame, "labelled", label);
                    }
                }
            }
            None => row(r.frames, "held_out", -1),
        }
    }
    rows
}

fn found(prepared: &Path) -> BTreeSet<Row> {
    let table = Table::read(&prepared.join("samples.csv"));
    let text = |column, row: usize| table.text(column)[row].to_owned();
    let columns = (
        numbers_of_people(&table),
        table.numbers("frame"),
        table.numbers("label"),
        table.numbers("fold"),
    );
    (0..table.rows.len())
        .map(|r| {
            (
                columns.0[r],
                text("sequence", r),
                columns.1[r],
                text("role", r),
                columns.2[r],
                columns.3[r],
                text("aus", r),
            )
        })
        .collect()
}

/// The stored picture of every row is the frame that the row names.
fn check_pictures(prepared: &Path) {
    let frames: Vec<usize> = Table::read(&prepared.join("samples.csv")).numbers("frame");
    let (shape, pixels) = read_npy::<u8>(&prepared.join("images.npy"));
    assert_eq!(shape, [frames.len() as u64, 1, 16, 16]);
    for (picture, frame) in pixels.chunks(256).zip(frames) {
        assert!(
            picture.iter().all(|&v| v == official::grey(frame)),
            "not frame {frame}"
        );
    }
}

fn prepare(place: &Place, source: &str, output: &str) {
    let command = format!(
        "data prepare --source {source} --input CK+ --output {output} --crop none --size 16"
    );
    place.faus(&command).done();
}

#[test]
fn eight_classes_give_1308_images_of_118_subjects_and_266_held_out() {
    let place = Place::new();
    official::write(&place.path("CK+"), "");
    prepare(&place, "ck_plus", "eight");
    let rows = found(&place.path("eight"));
    let labelled = rows.iter().filter(|row| row.3 == "labelled");
    assert_eq!(labelled.clone().count(), 1308);
    assert_eq!(
        labelled.map(|row| row.0).collect::<BTreeSet<_>>().len(),
        118
    );
    assert_eq!(rows.iter().filter(|row| row.3 == "held_out").count(), 266);
    assert!(
        rows == expected(|emotion| Some(emotion as i64)),
        "rows, labels, folds or codes differ"
    );
    check_pictures(&place.path("eight"));

    let info = read_json(&place.path("eight/dataset.json"));
    assert_eq!(
        (&info["synthetic"], &info["subjects"], &info["folds"]),
        (&false.into(), &118.into(), &10.into())
    );
    assert_eq!(info["skipped"].as_array().unwrap().len(), 0);
    let names = [
        "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
    ];
    for (name, peaks) in names.into_iter().zip(official::PEAKS) {
        assert_eq!(info["counts"][name], 3 * peaks);
    }
    assert_eq!(info["counts"]["neutral"], 327);
    place
        .faus("data inspect eight")
        .done()
        .says(&["1308", "118", "266"])
        .does_not_say("ynthetic");

    // The other spelling of the label folders gives the same set.
    for part in ["Emotion", "FACS"] {
        fs::rename(
            place.path("CK+").join(part),
            place.path("CK+").join(format!("{part}_labels")),
        )
        .unwrap();
    }
    prepare(&place, "ck_plus", "other_spelling");
    assert!(found(&place.path("other_spelling")) == rows);
}

#[test]
fn six_classes_drop_neutral_and_contempt() {
    let place = Place::new();
    official::write(&place.path("CK+"), "_labels");
    prepare(&place, "ck_plus_six_class", "six");
    let label = |emotion: usize| match emotion {
        0 | 2 => None,
        1 => Some(0),
        other => Some(other as i64 - 2),
    };
    let rows = found(&place.path("six"));
    assert_eq!(
        rows.iter().filter(|row| row.3 == "labelled").count(),
        3 * (327 - 18)
    );
    assert!(
        rows == expected(label),
        "rows, labels, folds or codes differ"
    );
    let info = read_json(&place.path("six/dataset.json"));
    let classes = ["anger", "disgust", "fear", "happy", "sadness", "surprise"];
    assert_eq!(info["classes"], serde_json::Value::from(classes.to_vec()));
    check_pictures(&place.path("six"));
}
