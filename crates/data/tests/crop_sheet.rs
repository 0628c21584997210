//! The sheet on which crops are reviewed, on the golden CK+.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{files_below, go_on, unpack};
use faus_data::inspect::{CropSheet, Placed, crop_sheet};
use faus_data::{
    CkPlus, ClassMap, CropBox, CropMode, Error, PrepareOptions, Prepared, Source, prepare, resize,
    write_png,
};
use image::{GrayImage, Rgb};

/// What the tiles of a 48×37 image measure: the original at 160 pixels high, a gap, the crop.
const ORIGINAL: u32 = 208;
const TILE: u32 = ORIGINAL + 2 + 160;
const GAP: u32 = 8;

fn prepared(root: &Path, crop: CropMode, output: &Path) -> (CkPlus, Prepared) {
    let source = CkPlus::open(root, ClassMap::eight()).unwrap();
    let options = PrepareOptions {
        image_size: 24,
        crop,
        ..PrepareOptions::default()
    };
    prepare(&source, &options, output, &go_on).unwrap();
    (source, Prepared::open(output).unwrap())
}

/// The pixels of one tile's part, `[h, w]`.
fn part(sheet: &CropSheet, at: u32, left: u32, width: u32) -> Vec<Rgb<u8>> {
    let (x, y) = (
        GAP + at % 8 * (TILE + GAP) + left,
        GAP + at / 8 * (160 + GAP),
    );
    let pixels = (0..160).flat_map(|dy| (0..width).map(move |dx| (x + dx, y + dy)));
    pixels
        .map(|(x, y)| *sheet.picture.get_pixel(x, y))
        .collect()
}

#[test]
fn shows_originals_with_their_crops() {
    let (dir, root) = unpack(false, str::to_owned);
    let before = files_below(&root);
    let (source, set) = prepared(&root, CropMode::Landmarks, &dir.path().join("set"));
    let sheet = crop_sheet(&source, &set, 30).unwrap().unwrap();
    assert_eq!(
        (sheet.rows.len(), sheet.picture.dimensions()),
        (30, (8 * (TILE + GAP) + GAP, 4 * (160 + GAP) + GAP))
    );
    assert!(before == files_below(&root), "the input was changed");

    let everyone: BTreeSet<i64> = set.subjects().iter().copied().collect();
    let first = &sheet.rows[..everyone.len()];
    let shown: BTreeSet<i64> = first.iter().map(|&(row, _)| set.subjects()[row]).collect();
    assert_eq!(
        shown, everyone,
        "every subject once before any a second time"
    );
    assert!(
        sheet
            .rows
            .iter()
            .all(|&(_, placed)| placed == Placed::Landmarks)
    );

    for (at, &(row, placed)) in (0..).zip(&sheet.rows) {
        // Beside the original, the crop as the network gets it.
        let face = GrayImage::from_raw(24, 24, set.image(row).to_vec()).unwrap();
        let all = CropBox {
            x: 0,
            y: 0,
            w: 24,
            h: 24,
        };
        let want: Vec<_> = resize(&face, all, 160, 160)
            .into_iter()
            .map(|grey| Rgb([grey; 3]))
            .collect();
        assert!(part(&sheet, at, ORIGINAL + 2, 160) == want, "tile {at}");
        // On the original, the frame: its corner lies where the crop's does.
        let crop = set.samples()[row].crop.unwrap();
        let scale = 160.0 / 37.0;
        let corner = [crop.x, crop.y].map(|v| (f64::from(v) * scale).round() as usize);
        let original = part(&sheet, at, 0, ORIGINAL);
        let coloured = original
            .iter()
            .position(|&pixel| pixel == Rgb(placed.colour()));
        assert_eq!(
            coloured,
            Some(corner[1] * ORIGINAL as usize + corner[0]),
            "tile {at}"
        );
        let grey = original
            .iter()
            .filter(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        let framed = (4.0 * 2.0 * f64::from(crop.w) * scale) as usize;
        assert!(grey.count() > original.len() - framed - 20, "tile {at}");
    }

    let path = dir.path().join("crops.png");
    write_png(&path, &sheet.picture).unwrap();
    assert_eq!(image::open(&path).unwrap().into_rgb8(), sheet.picture);
}

#[test]
fn crops_that_nothing_placed_come_first_and_few_make_a_narrow_sheet() {
    let (dir, root) = unpack(false, str::to_owned);
    let (source, set) = prepared(&root, CropMode::None, &dir.path().join("set"));
    let sheet = crop_sheet(&source, &set, 3).unwrap().unwrap();
    assert_eq!(sheet.picture.width(), 3 * (TILE + GAP) + GAP);
    assert!(
        sheet
            .rows
            .iter()
            .all(|&(_, placed)| placed == Placed::Nowhere)
    );
    assert!(crop_sheet(&source, &set, 0).unwrap().is_none());
}

#[test]
fn another_source_is_refused() {
    let (dir, root) = unpack(false, str::to_owned);
    let (source, set) = prepared(&root, CropMode::Landmarks, &dir.path().join("set"));
    let six = CkPlus::open(&root, ClassMap::six()).unwrap();
    let error = crop_sheet(&six, &set, 5).unwrap_err();
    assert!(
        matches!(&error, Error::NotPrepared { reason, .. } if reason.contains(".png")),
        "{error}"
    );

    // An image that became smaller since then, and one that is gone.
    let row = crop_sheet(&source, &set, 1).unwrap().unwrap().rows[0].0;
    let path = source.root().join(&set.samples()[row].path);
    GrayImage::new(10, 10).save(&path).unwrap();
    let error = crop_sheet(&source, &set, 1).unwrap_err().to_string();
    assert!(error.contains("10×10"), "{error}");
    fs::write(&path, b"rubbish").unwrap();
    assert!(crop_sheet(&source, &set, 1).is_err());
}
