//! Prepared data sets: written whole or not at all, checked when opened, the same whatever the number of threads.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{SHORT, Tree, go_on};
use faus_data::augment::AugmentRanges;
use faus_data::inspect::{contact_sheet, inspect};
use faus_data::{
    CkPlus, ClassMap, CropMode, DatasetInfo, Error, PrepareOptions, Prepared, Protocol, Source,
    augment_sheet, prepare,
};

fn tree() -> Tree {
    let tree = Tree::new(SHORT);
    for subject in 1..=9 {
        tree.sequence(subject, 1, 5, subject % 7 + 1);
        tree.frames(subject, 2, 1)
            .facs(subject, 2, 1, "25 3\n")
            .landmarks(subject, 2, 1);
    }
    tree
}

fn options() -> PrepareOptions {
    PrepareOptions {
        image_size: 16,
        crop: CropMode::Landmarks,
        folds: Some(3),
        strict: true,
        ..PrepareOptions::default()
    }
}

fn make(tree: &Tree, output: &Path) -> Result<DatasetInfo, Error> {
    let source = CkPlus::open(&tree.root, ClassMap::eight())?;
    prepare(&source, &options(), output, &go_on)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_row_is_of_its_own_image_alone() {
    let tree = tree();
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    for crop in [CropMode::None, CropMode::Landmarks, CropMode::Authors] {
        let options = PrepareOptions { crop, ..options() };
        prepare(&source, &options, &tree.output(), &go_on).unwrap();
        let set = Prepared::open(&tree.output()).unwrap();
        let scan = source.scan().unwrap();
        let image = |at: usize| source.fetch(&scan.samples[at]).unwrap().image;
        assert!(
            (0..set.len()).all(|row| set.is_of(row, image(row))),
            "{crop}"
        );
        let other = scan
            .samples
            .iter()
            .position(|raw| raw.subject == "S009")
            .unwrap();
        assert!(!set.is_of(0, image(other)) && !set.is_of(0, image(0).crop_imm(0, 0, 9, 9)));
        fs::remove_dir_all(tree.output()).unwrap();
    }
}

#[test]
fn holds_the_files_of_the_format_and_nothing_else() {
    let tree = tree();
    let before = tree.snapshot();
    let info = make(&tree, &tree.output()).unwrap();
    assert_eq!(
        names(&tree.output()),
        [
            "dataset.json",
            "folds.npy",
            "images.npy",
            "labels.npy",
            "samples.csv",
            "subjects.npy"
        ]
    );
    assert_eq!(
        names(tree.dir.path()),
        ["CK+", "prepared"],
        "no working folder is left"
    );
    assert!(before == tree.snapshot(), "the input was changed");

    let table = fs::read_to_string(tree.output().join("samples.csv")).unwrap();
    let header = "index,subject,sequence,frame,role,label,label_name,fold,face_found,crop_x,crop_y,crop_w,crop_h,path,aus,sides";
    assert_eq!(table.lines().next().unwrap(), header);
    let row = "3,S001,S001_001,5,labelled,2,contempt,0,true,16,10,32,32,cohn-kanade-images/S001/001/S001_001_00000005.png,6:0;12:3,";
    assert_eq!(table.lines().nth(4).unwrap(), row);
    assert!(table.lines().nth(3).unwrap().ends_with(".png,NA,"));

    let set = Prepared::open(&tree.output()).unwrap();
    assert_eq!(*set.info(), info);
    assert_eq!(
        (set.len(), set.image_size(), set.image(44).len()),
        (45, 16, 256)
    );
    let images = fs::read(tree.output().join("images.npy")).unwrap();
    let npy = npyz::NpyFile::new(&images[..]).unwrap();
    assert_eq!(npy.shape(), [45, 1, 16, 16]);
    let pixels: Vec<u8> = npy.into_vec().unwrap();
    assert_eq!(&pixels[44 * 256..], set.image(44));
}

#[test]
fn does_not_depend_on_the_number_of_threads() {
    let tree = tree();
    let mut written = Vec::new();
    for threads in [1, 5] {
        let output = tree.dir.path().join(format!("with-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| make(&tree, &output)).unwrap();
        written.push(
            names(&output)
                .iter()
                .map(|name| fs::read(output.join(name)).unwrap())
                .collect::<Vec<_>>(),
        );
    }
    assert!(written[0] == written[1]);
}

#[test]
fn the_digest_follows_the_contents() {
    let tree = tree();
    let first = make(&tree, &tree.output()).unwrap().source_digest;
    let again = make(&tree, &tree.dir.path().join("again"))
        .unwrap()
        .source_digest;
    assert_eq!(first, again);
    tree.facs(1, 1, 5, "1 1\n");
    assert_ne!(
        first,
        make(&tree, &tree.dir.path().join("changed"))
            .unwrap()
            .source_digest
    );
}

#[test]
fn cancelled_work_leaves_nothing() {
    let tree = tree();
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let calls = AtomicUsize::new(0);
    let stop = |_done: usize, total: usize| {
        assert_eq!(total, 45);
        calls.fetch_add(1, Ordering::Relaxed) < 3
    };
    let result = prepare(&source, &options(), &tree.output(), &stop);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(names(tree.dir.path()), ["CK+"]);
}

#[test]
fn overwrites_nothing_and_stays_out_of_the_input() {
    let tree = tree();
    fs::create_dir(tree.output()).unwrap();
    make(&tree, &tree.output()).unwrap();
    assert!(matches!(
        make(&tree, &tree.output()),
        Err(Error::OutputExists { .. })
    ));
    let file = tree.dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(
        make(&tree, &file),
        Err(Error::OutputExists { .. })
    ));
    for inside in ["prepared", "a/b/c", "../CK+/x"] {
        let result = make(&tree, &tree.root.join(inside));
        assert!(
            matches!(result, Err(Error::OutputInsideInput { .. })),
            "{inside}: {result:?}"
        );
    }
    assert_eq!(
        names(&tree.root),
        ["Emotion", "FACS", "Landmarks", "cohn-kanade-images"]
    );
}

#[test]
fn a_set_without_a_usable_image_is_an_error() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 1);
    (1..=4).for_each(|frame| fs::write(tree.frame(1, 1, frame), b"rubbish").unwrap());
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let result = prepare(&source, &PrepareOptions::default(), &tree.output(), &go_on);
    let Err(Error::NothingLabelled { reason, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("S001_001_00000001.png"), "{reason}");
    assert!(!tree.output().exists());
}

#[test]
fn damage_is_found_when_a_set_is_opened() {
    let tree = tree();
    type Harm = fn(&Path);
    let damage: [(&str, Harm); 6] = [
        ("images.npy", |p| {
            fs::write(p, &fs::read(p).unwrap()[..5000]).unwrap()
        }),
        ("labels.npy", |p| {
            fs::copy(p.with_file_name("subjects.npy"), p)
                .map(drop)
                .unwrap()
        }),
        ("folds.npy", |p| fs::write(p, b"\x93NUMPY").unwrap()),
        ("samples.csv", |p| {
            fs::write(p, fs::read_to_string(p).unwrap().replace("12:3", "12:x")).unwrap()
        }),
        ("dataset.json", |p| fs::write(p, "{}").unwrap()),
        ("dataset.json", |p| fs::remove_file(p).unwrap()),
    ];
    for (at, (name, harm)) in damage.into_iter().enumerate() {
        let output = tree.dir.path().join(format!("set-{at}"));
        make(&tree, &output).unwrap();
        assert!(Prepared::open(&output).is_ok());
        harm(&output.join(name));
        let Err(error) = Prepared::open(&output) else {
            panic!("{name}: not noticed")
        };
        assert!(
            matches!(error, Error::NotPrepared { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn splits_share_no_subject() {
    let tree = tree();
    make(&tree, &tree.output()).unwrap();
    let set = Prepared::open(&tree.output()).unwrap();
    let split = set.split(2, Protocol::Paper2017).unwrap();
    assert_eq!(
        (split.train.len(), split.validation.len(), split.test.len()),
        (12, 12, 12)
    );
    assert!(
        split
            .test
            .iter()
            .all(|&row| set.subjects()[row] % 3 == 0 && set.labels()[row] >= 0)
    );
    assert!(
        split
            .validation
            .iter()
            .all(|&row| set.subjects()[row] % 3 == 1)
    );
    let split = set.split(2, Protocol::Paper2015).unwrap();
    assert_eq!((split.train.len(), &split.validation), (24, &split.test));
    assert!(set.split(3, Protocol::Paper2017).is_err());
}

#[test]
fn tells_and_shows_what_it_holds() {
    let tree = tree();
    make(&tree, &tree.output()).unwrap();
    let set = Prepared::open(&tree.output()).unwrap();
    let found = inspect(&set);
    assert_eq!(
        (
            found.info.counts["neutral"],
            found.info.held_out,
            found.coded,
            found.info.subjects
        ),
        (9, 9, 18, 9)
    );
    assert_eq!(found.subjects_by_column, [3, 3, 3]);
    let text = found.to_string();
    assert!(
        text.contains("AU 25      9  Lips part") && text.contains("0 inputs skipped"),
        "{text}"
    );
    let sheet = contact_sheet(&set, 0, 6).unwrap();
    assert_eq!(sheet.dimensions(), (6 * 18 + 2, 20));
    assert!(contact_sheet(&set, 99, 6).is_none());
}

#[test]
fn draws_of_augmentation_are_written_out() {
    let tree = tree();
    make(&tree, &tree.output()).unwrap();
    let set = Prepared::open(&tree.output()).unwrap();
    let ranges = AugmentRanges::default();
    let few = augment_sheet(&set, 7, 3, 11, &ranges).unwrap();
    let more = augment_sheet(&set, 7, 5, 11, &ranges).unwrap();
    assert_eq!(
        (&more.params[..3], &more.images[..3 * 256]),
        (&few.params[..], &few.images[..])
    );
    assert_ne!(
        few.params,
        augment_sheet(&set, 7, 3, 12, &ranges).unwrap().params
    );
    assert!(
        augment_sheet(&set, 45, 3, 11, &ranges).is_err()
            && augment_sheet(&set, 7, 0, 11, &ranges).is_err()
    );

    let folder = tree.dir.path();
    few.write_params(&folder.join("params.csv")).unwrap();
    few.write_images(&folder.join("out.npy")).unwrap();
    few.write_picture(&folder.join("sheet.png")).unwrap();
    let text = fs::read_to_string(folder.join("params.csv")).unwrap();
    assert_eq!(
        text.lines().next().unwrap(),
        "index,draw,flip,rotation_deg,scale,tx,ty,a,b,c"
    );
    assert!(
        text.lines()
            .nth(3)
            .unwrap()
            .starts_with(&format!("7,2,{},", u8::from(few.params[2].flip)))
    );
    let bytes = fs::read(folder.join("out.npy")).unwrap();
    let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(npy.shape(), [3, 1, 16, 16]);
    assert_eq!(npy.into_vec::<f32>().unwrap(), few.images);
    assert_eq!(
        image::open(folder.join("sheet.png")).unwrap().width(),
        2 * 18 + 2
    );
}
