//! Ready crops of drawn faces for the studies of a trained network: single action units switched on, and the mean
//! landmarks.

use faus_data::face::{Landmarks, face_square};
use faus_data::{CropBox, resize};

use crate::camera::{Rendered, render};
use crate::error::Error;
use crate::parallel::draw_all;
use crate::person::au::AuState;
use crate::person::identity::Identity;
use crate::scene::Scene;

/// Population seed of the people whose units are switched: distinct from any data set's, since their seeds are small.
const POPULATION: u64 = 0x5717_C4ED;
/// People whose landmarks make the mean.
const MEAN_OF: u64 = 12;

/// Grey crops of `side` × `side` pixels: `people` faces at rest, then the same faces with each of `aus` at `strength`
/// (above 0 to 1) alone.
///
/// Result: `[1 + aus][people]` crops, 8 bits, row by row. A person's crops share light, noise and the square cut out of
/// the face at rest, so they differ by the unit alone. `progress(done)` runs after every person, from any thread; `false`
/// stops.
///
/// # Errors
/// [`Error::UnknownAu`], [`Error::Cancelled`], [`Error::Crop`].
pub fn switched_faces(
    people: usize,
    strength: f32,
    aus: &[u8],
    side: u32,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let mut states = vec![AuState::neutral()];
    for &au in aus {
        states.push(AuState::neutral().with(au, strength)?);
    }
    let numbers: Vec<u64> = (0..people as u64).collect();
    let draw = |&person: &u64| crops_of(person, &states, side);
    let drawn = draw_all(&numbers, &|done, _| progress(done), draw)?;
    let everybody = |state: usize| drawn.iter().map(|crops| crops[state].clone()).collect();
    Ok((0..states.len()).map(everybody).collect())
}

fn crops_of(person: u64, states: &[AuState], side: u32) -> Result<Vec<Vec<u8>>, Error> {
    let identity = Identity::draw(POPULATION, person);
    // Every person has a different light; the golden angle spreads them evenly.
    let turn = person as f32 * 2.399_963;
    let scene = Scene {
        light: [0.45 * turn.cos(), -0.5 + 0.3 * turn.sin(), 1.0],
        noise_key: [POPULATION, person, 0],
        ..Scene::default()
    };
    let show = |state| render(&identity, state, &scene, 640, 490);
    let faces: Vec<Rendered> = states.iter().map(show).collect();
    let (_, square) = square_of(&faces[0])?;
    let crop = |face: &Rendered| resize(&face.image, square, side, side);
    Ok(faces.iter().map(crop).collect())
}

/// Mean landmarks of drawn people at rest, in shares of the side of the crop that `faus data prepare` cuts out.
///
/// # Errors
/// [`Error::Crop`].
pub fn mean_landmarks() -> Result<[[f64; 2]; 68], Error> {
    let mut mean = [[0.0; 2]; 68];
    for person in 0..MEAN_OF {
        let (person, rest) = (Identity::draw(1, person), AuState::neutral());
        let face = render(&person, &rest, &Scene::default(), 320, 245);
        let (landmarks, square) = square_of(&face)?;
        for (sum, [x, y]) in mean.iter_mut().zip(landmarks.points()) {
            sum[0] += (x - f64::from(square.x)) / f64::from(square.w) / MEAN_OF as f64;
            sum[1] += (y - f64::from(square.y)) / f64::from(square.w) / MEAN_OF as f64;
        }
    }
    Ok(mean)
}

/// Landmarks as a file states them (shortest decimals), and the square about the face.
fn square_of(face: &Rendered) -> Result<(Landmarks, CropBox), Error> {
    let lines = face.landmarks.iter().map(|(x, y)| format!("{x} {y}\n"));
    let landmarks = Landmarks::parse(&lines.collect::<String>())?;
    let (width, height) = face.image.dimensions();
    let square = face_square(&landmarks, width, height)?;
    Ok((landmarks, square))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switched_face_differs_from_the_same_face_at_rest() {
        let faces = switched_faces(2, 0.8, &[12, 43], 24, &|_| true).unwrap();
        assert_eq!(faces.len(), 3);
        assert!(faces.iter().flatten().all(|crop| crop.len() == 24 * 24));
        assert_ne!(faces[0][1], faces[1][1]);
        assert_ne!(faces[1][1], faces[2][1]);
        assert_ne!(faces[0][0], faces[0][1]);
    }

    #[test]
    fn drawing_stops_on_request() {
        let stopped = switched_faces(3, 0.8, &[12], 24, &|_| false);
        assert!(matches!(stopped, Err(Error::Cancelled { total: 3, .. })));
    }

    #[test]
    fn the_mean_face_lies_in_its_crop() {
        let mean = mean_landmarks().unwrap();
        assert!(mean.iter().flatten().all(|x| (-0.2..1.3).contains(x)));
        let eyes = mean[36..48].iter().map(|[_, y]| y).sum::<f64>() / 12.0;
        assert!((eyes - 0.37).abs() < 0.02, "{eyes}");
    }
}
