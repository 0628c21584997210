//! Drawn faces: features lie at their landmarks, changes at the action units.

#![allow(clippy::unwrap_used)]

use faus_synth::{AUS, AuState, Identity, Rendered, Scene, render};
use image::GrayImage;
use proptest::prelude::*;

fn still() -> Scene {
    Scene {
        noise: 0.0,
        ..Scene::default()
    }
}

fn shown(person: &Identity, units: &[(u8, f32)]) -> Rendered {
    let state = units
        .iter()
        .try_fold(AuState::neutral(), |state, &(au, strength)| {
            state.with(au, strength)
        })
        .unwrap();
    render(person, &state, &still(), 320, 245)
}

fn grey_around(image: &GrayImage, (x, y): (f32, f32), radius: i32) -> f32 {
    let mut values = Vec::new();
    for dy in -radius..=radius {
        for dx in -radius..=radius {
            let (column, row) = (x as i32 + dx, y as i32 + dy);
            values.push(f32::from(image.get_pixel(column as u32, row as u32)[0]));
        }
    }
    values.iter().sum::<f32>() / values.len() as f32
}

fn darkest_around(image: &GrayImage, (x, y): (f32, f32), radius: i32) -> f32 {
    (-radius..=radius)
        .flat_map(|dy| (-radius..=radius).map(move |dx| (x + dx as f32, y + dy as f32)))
        .map(|q| grey_around(image, q, 0))
        .fold(255.0, f32::min)
}

fn middle(points: &[(f32, f32)]) -> (f32, f32) {
    let n = points.len() as f32;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |sum, q| (sum.0 + q.0, sum.1 + q.1));
    (x / n, y / n)
}

#[test]
fn landmarks_lie_on_the_features_they_name() {
    for subject in 0..20 {
        let face = shown(&Identity::draw(5, subject), &[]);
        let (image, at) = (&face.image, &face.landmarks);
        let cheek = |outer: usize, corner: usize| {
            let q = middle(&[at[outer], at[corner]]);
            grey_around(image, (q.0, q.1 - 4.0), 2)
        };
        for (eye, brow, side) in [(36..42, 19, cheek(2, 48)), (42..48, 24, cheek(14, 54))] {
            let iris = darkest_around(image, middle(&at[eye]), 3);
            assert!(
                iris < 0.7 * side,
                "subject {subject}: iris {iris}, cheek {side}"
            );
            let hair = grey_around(image, at[brow], 0);
            let above = grey_around(image, (at[brow].0, at[brow].1 - 9.0), 1);
            // A fringe may hang down to the brow.
            assert!(
                hair < above + 4.0 || above < 70.0,
                "subject {subject}: brow {hair}, above {above}"
            );
        }
        let order = [
            at[19].1, at[37].1, at[41].1, at[33].1, at[51].1, at[57].1, at[8].1,
        ];
        assert!(order.is_sorted(), "subject {subject}: {order:?}");
        let across = [
            at[0].0, at[17].0, at[36].0, at[39].0, at[27].0, at[42].0, at[45].0, at[26].0, at[16].0,
        ];
        assert!(across.is_sorted(), "subject {subject}: {across:?}");
    }
}

#[test]
fn a_dropped_jaw_is_dark_between_the_inner_lips() {
    let person = Identity::draw(5, 1);
    let rest = shown(&person, &[]);
    let open = shown(&person, &[(25, 1.0), (27, 1.0)]);
    assert!(open.landmarks[66].1 - open.landmarks[62].1 > 10.0);
    assert!(rest.landmarks[66].1 - rest.landmarks[62].1 < 3.0);
    let (top, bottom) = (open.landmarks[62], open.landmarks[66]);
    let inside = (top.0, 0.3 * top.1 + 0.7 * bottom.1);
    assert!(grey_around(&open.image, inside, 1) < 70.0);
}

#[test]
fn units_move_the_landmarks_as_facs_describes() {
    let person = Identity::draw(5, 3);
    let rest = shown(&person, &[]).landmarks;
    let moved = |units: &[(u8, f32)], index: usize| {
        let to = shown(&person, units).landmarks[index];
        (to.0 - rest[index].0, to.1 - rest[index].1)
    };
    assert!(
        moved(&[(1, 1.0)], 21).1 < -4.0,
        "AU 1 raises the inner brow"
    );
    assert!(
        moved(&[(1, 1.0)], 17).1.abs() < 2.0,
        "AU 1 leaves the outer brow"
    );
    assert!(
        moved(&[(2, 1.0)], 18).1 < -4.0,
        "AU 2 raises the outer brow"
    );
    let frown = moved(&[(4, 1.0)], 21);
    assert!(
        frown.0 > 1.0 && frown.1 > 4.0,
        "AU 4 draws the brows together and down"
    );
    assert!(moved(&[(5, 1.0)], 37).1 < -2.0, "AU 5 raises the upper lid");
    assert!(moved(&[(7, 1.0)], 41).1 < -1.0, "AU 7 raises the lower lid");
    let smile = moved(&[(12, 1.0)], 48);
    assert!(
        smile.0 < -4.0 && smile.1 < -4.0,
        "AU 12 pulls the corner out and up"
    );
    assert!(
        moved(&[(15, 1.0)], 48).1 > 3.0,
        "AU 15 pulls the corner down"
    );
    assert!(moved(&[(17, 1.0)], 8).1 < -1.0, "AU 17 raises the chin");
    assert!(moved(&[(20, 1.0)], 54).0 > 4.0, "AU 20 stretches the mouth");
    assert!(
        moved(&[(18, 1.0)], 54).0 < -4.0,
        "AU 18 draws the corners in"
    );
    assert!(
        moved(&[(25, 1.0), (26, 1.0)], 8).1 > 4.0,
        "AU 26 drops the jaw"
    );
}

/// Share of the squared difference that lies in rows `from..to` and inside the face's outline.
fn share_between(a: &GrayImage, b: &GrayImage, from: f32, to: f32) -> f32 {
    let (mut inside, mut all) = (0.0f32, 0.0f32);
    for (x, y, pixel) in a.enumerate_pixels() {
        let squared = (f32::from(pixel[0]) - f32::from(b.get_pixel(x, y)[0])).powi(2);
        all += squared;
        if (from..to).contains(&(y as f32)) {
            inside += squared;
        }
    }
    assert!(all > 500.0, "the pictures are alike");
    inside / all
}

#[test]
fn each_unit_changes_its_own_part_of_the_face() {
    for subject in [2, 9] {
        let person = Identity::draw(5, subject);
        for au in AUS {
            let rest = if matches!(au, 16 | 26 | 27) {
                shown(&person, &[(25, 1.0)])
            } else {
                shown(&person, &[])
            };
            let active = if matches!(au, 16 | 26 | 27) {
                shown(&person, &[(25, 1.0), (au, 1.0)])
            } else {
                shown(&person, &[(au, 1.0)])
            };
            let at = &rest.landmarks;
            let unit = (at[45].0 - at[36].0) / 3.0;
            let (from, to) = match au {
                1 | 2 | 4 => (0.0, at[29].1),
                5 | 7 | 43 => (at[19].1 - 0.3 * unit, at[30].1),
                6 => (at[19].1 - 0.6 * unit, at[33].1 + 0.4 * unit),
                9 => (at[19].1 - unit, at[51].1 + 0.6 * unit),
                10..=12 => (at[28].1 - 0.2 * unit, at[8].1),
                _ => (at[30].1 - 0.8 * unit, 245.0),
            };
            let share = share_between(&active.image, &rest.image, from, to);
            assert!(share > 0.97, "AU {au} of subject {subject}: {share}");
        }
    }
}

#[test]
fn one_sided_units_change_one_side() {
    let person = Identity::draw(5, 4);
    let state = AuState::neutral().with_halves(14, [0.0, 1.0]).unwrap();
    let rest = shown(&person, &[]);
    let smirk = render(&person, &state, &still(), 320, 245);
    let move_of = |index: usize| (smirk.landmarks[index].0 - rest.landmarks[index].0).abs();
    assert!(move_of(54) > 1.0 && move_of(48) < 0.2);
}

#[test]
fn no_two_people_look_alike() {
    let faces: Vec<GrayImage> = (0..30)
        .map(|subject| shown(&Identity::draw(1, subject), &[]).image)
        .collect();
    for (i, a) in faces.iter().enumerate() {
        for b in &faces[..i] {
            let difference: u64 = a
                .iter()
                .zip(b.iter())
                .map(|(x, y)| u64::from(x.abs_diff(*y)))
                .sum();
            assert!(difference as f32 / a.len() as f32 > 1.0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn landmarks_stay_inside_the_picture(
        subject in 0u64..1000,
        roll in -0.08f32..0.08,
        yaw in -0.15f32..0.15,
        pitch in -0.12f32..0.12,
        jaw in 0.0f32..1.0,
    ) {
        let scene = Scene { roll, yaw, pitch, ..still() };
        let state = AuState::neutral().with(25, jaw).unwrap().with(27, jaw).unwrap();
        let face = render(&Identity::draw(8, subject), &state, &scene, 96, 74);
        for (x, y) in face.landmarks {
            prop_assert!((0.0..96.0).contains(&x) && (0.0..74.0).contains(&y), "({x}, {y})");
        }
    }
}
