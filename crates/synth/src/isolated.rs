//! Action units one at a time: for every person the neutral face, each unit alone at each intensity, and some pairs.

use crate::au::{AUS, AuState};
use crate::error::Error;
use crate::generate::{SynthOptions, draw_in_parallel};
use crate::identity::Identity;
use crate::layout::{Place, Writer, place};
use crate::plan::STRENGTH;
use crate::render::{Exposure, expose};
use crate::scene::Scene;
use crate::truth::{PictureTruth, changed, mask_of, person as person_truth};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// People that a set of isolated units has unless told otherwise: 139 pictures of each, 10,008 together.
pub const ISOLATED_SUBJECTS: usize = 72;

/// Pairs that are shown together: they cooperate in an expression, compete for the same skin, or one needs the other to
/// be seen (25 with 10, 12, 16, 20, 26, 27).
pub const PAIRS: [[u8; 2]; 14] = [
    [1, 2],
    [1, 4],
    [4, 5],
    [4, 7],
    [6, 12],
    [9, 17],
    [10, 25],
    [12, 25],
    [15, 17],
    [16, 25],
    [20, 25],
    [23, 24],
    [25, 26],
    [25, 27],
];

/// Intensities of the pairs: C and E.
const PAIR_LEVELS: [u8; 2] = [3, 5];

/// What was written by [`generate_isolated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolatedSummary {
    /// People.
    pub subjects: usize,
    /// Pictures, each a sequence of its own.
    pub images: usize,
    /// Units that are shown alone.
    pub aus: Vec<u8>,
    /// Pairs that are shown together.
    pub pairs: Vec<[u8; 2]>,
}

/// One picture: units at one intensity; no units are the neutral face.
#[derive(Clone, Debug)]
struct Showing {
    units: Vec<u8>,
    level: u8,
}

impl Showing {
    /// `12`, `6+12`; empty for the neutral face.
    fn name(&self) -> String {
        let units: Vec<String> = self.units.iter().map(u8::to_string).collect();
        units.join("+")
    }

    /// Whether some pair shows this unit at this intensity.
    fn has_partner(&self) -> bool {
        PAIR_LEVELS.contains(&self.level)
            && PAIRS.iter().flatten().any(|au| self.units.contains(au))
    }

    fn coding(&self) -> Vec<(u8, u8)> {
        self.units.iter().map(|&au| (au, self.level)).collect()
    }

    fn state(&self, strength: f32) -> Result<AuState, Error> {
        self.units
            .iter()
            .try_fold(AuState::neutral(), |state, &au| {
                state.with(au, strength * STRENGTH[usize::from(self.level)])
            })
    }
}

/// The neutral face first, then units ascending, then pairs; intensities ascending.
fn showings() -> Vec<Showing> {
    let neutral = Showing {
        units: Vec::new(),
        level: 0,
    };
    let alone = AUS.into_iter().flat_map(|au| {
        (1..=5).map(move |level| Showing {
            units: vec![au],
            level,
        })
    });
    let pairs = PAIRS.into_iter().flat_map(|pair| {
        PAIR_LEVELS.into_iter().map(move |level| Showing {
            units: pair.to_vec(),
            level,
        })
    });
    std::iter::once(neutral).chain(alone).chain(pairs).collect()
}

/// One line of `isolated.csv`.
struct Row {
    path: String,
    place: Place,
    showing: Showing,
    neutral: String,
    mask: String,
}

impl Row {
    fn line(&self) -> String {
        let [subject, sequence] = &self.place;
        format!(
            "{},{subject},{sequence},{},{},{},{}\n",
            self.path,
            self.showing.name(),
            self.showing.level,
            self.neutral,
            self.mask
        )
    }
}

/// Draws isolated action units to `output` in the official CK+ layout.
///
/// Each picture is a sequence of one frame with its FACS file (the neutral face's is empty: coded, none present), without
/// emotion label. All pictures of a person are taken in one scene with the same sensor noise and without compression or
/// asymmetry, so that a picture and its neutral one differ by the units alone. `isolated.csv` has one row a picture:
/// `path, subject, sequence, au` (`12`, or `6+12`; empty for the neutral face), `intensity` (1 to 5 for A to E; 0 neutral),
/// `neutral` (path of that person's neutral picture) and `mask` (path of the pixels that change; none for the neutral
/// face). `Masks/` and `Parameters/` are written as [`SynthOptions::truth`] says. Of `options`,
/// `full_sequences` and `truth` make no difference. Progress, drafts and determinism are as in [`crate::generate`];
/// progress counts people.
///
/// # Errors
/// As [`crate::generate`].
pub fn generate_isolated(
    options: &SynthOptions,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<IsolatedSummary, Error> {
    options.check()?;
    let writer = Writer::begin(output)?;
    let subjects: Vec<usize> = (0..options.subjects).collect();
    let rows = draw_in_parallel(&subjects, progress, |&subject| {
        draw_person(options, subject, &writer)
    })?;
    let mut table = String::from("path,subject,sequence,au,intensity,neutral,mask\n");
    table.extend(rows.iter().flatten().map(Row::line));
    writer.table("isolated.csv", &table)?;
    let summary = IsolatedSummary {
        subjects: options.subjects,
        images: rows.iter().map(Vec::len).sum(),
        aus: AUS.to_vec(),
        pairs: PAIRS.to_vec(),
    };
    writer.finish("isolated-aus", options, &summary)?;
    Ok(summary)
}

fn draw_person(options: &SynthOptions, subject: usize, writer: &Writer) -> Result<Vec<Row>, Error> {
    let person = Identity::draw(options.seed, subject as u64);
    let scene = Scene {
        jpeg_quality: 100,
        ..Scene::draw(options.seed, subject as u64, 0, &options.difficulty)
    };
    let mut sitting = Sitting {
        options,
        subject,
        person: &person,
        scene: &scene,
        neutral: expose(
            &person,
            &AuState::neutral(),
            &scene,
            options.width,
            options.height,
        ),
        partners: BTreeMap::new(),
    };
    let rows = showings()
        .into_iter()
        .enumerate()
        .map(|(k, showing)| sitting.take(k + 1, showing, writer))
        .collect::<Result<Vec<Row>, Error>>()?;
    writer.person(&rows[0].place[0], &person_truth(&person))?;
    Ok(rows)
}

/// One person in front of the camera.
struct Sitting<'a> {
    options: &'a SynthOptions,
    subject: usize,
    person: &'a Identity,
    scene: &'a Scene,
    neutral: Exposure,
    /// Pictures of one unit (and its level) that a pair also has: what the pair looks like without its other unit.
    partners: BTreeMap<(u8, u8), Exposure>,
}

impl Sitting<'_> {
    fn take(&mut self, number: usize, showing: Showing, writer: &Writer) -> Result<Row, Error> {
        let place = place(self.subject + 1, number);
        let neutral = writer.image_name(&self::place(self.subject + 1, 1), 1);
        let aus = showing.state(self.options.difficulty.strength)?;
        let (width, height) = (self.options.width, self.options.height);
        let exposed = expose(self.person, &aus, self.scene, width, height);
        writer.labels(&place, 1, None, &showing.coding())?;
        writer.picture(&place, 1, &exposed.develop(self.scene))?;
        let truth = PictureTruth::new(
            &place,
            1,
            None,
            &showing.coding(),
            (self.person, &aus),
            self.scene,
        );
        writer.parameters(&place, 1, &truth)?;
        let mut mask = String::new();
        if !showing.units.is_empty() {
            let all = changed(&exposed, &self.neutral);
            mask = writer.mask(&place, 1, &showing.name(), &all)?;
        }
        match showing.units[..] {
            [first, second] => {
                for (au, other) in [(first, second), (second, first)] {
                    let own = match self.partners.get(&(other, showing.level)) {
                        Some(without) => changed(&exposed, without),
                        None => mask_of(&exposed, self.person, &aus, au, self.scene),
                    };
                    writer.mask(&place, 1, &au.to_string(), &own)?;
                }
            }
            [alone] if showing.has_partner() => {
                self.partners.insert((alone, showing.level), exposed);
            }
            _ => {}
        }
        Ok(Row {
            path: writer.image_name(&place, 1),
            place,
            showing,
            neutral,
            mask,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_shown_alone_at_each_intensity() {
        let showings = showings();
        assert_eq!(showings.len(), 139);
        assert!(showings.len() * ISOLATED_SUBJECTS >= 10_000);
        for au in AUS {
            let levels: Vec<u8> = showings
                .iter()
                .filter(|showing| showing.units == [au])
                .map(|showing| showing.level)
                .collect();
            assert_eq!(levels, [1, 2, 3, 4, 5]);
        }
    }
}
