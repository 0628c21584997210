//! Twelve planted networks and their verdicts: the whole chain from activations to `fau.json`, on a lens of numbers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use faus_base::person::Person;
use faus_fau::{
    Activations, AnalysisOptions, Controls, Error, Lens, Memorised, NetworkKind, Networks,
    OutputOptions, Places, Replicate, RunView, SampleRow, Study, analyse, write_verdict,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const AUS: [u8; 6] = [1, 4, 6, 12, 25, 27];
const FILTERS: usize = 12;
const CLASSES: usize = 3;
const FOLDS: usize = 5;

/// What a trained network's filters respond to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plant {
    Units,
    /// They are less active with their unit.
    Inhibitory,
    Class,
    /// The class and the intensity of the expression, nothing else.
    ClassAndIntensity,
    Person,
    Random,
    /// All filters follow one direction, which is noise.
    Collapsed,
    /// Each unit is in four filters, each of which carries little of it.
    Spread,
    /// A unit that is not coded, which occurs with AU 12.
    Uncoded,
    Dead,
    /// Units in half the filters, the class in the other half.
    Half,
}

/// An image: what its face shows.
struct Face {
    person: usize,
    class: usize,
    intensity: f64,
    units: [bool; 6],
    uncoded: bool,
}

struct World {
    plant: Plant,
    faces: Vec<Face>,
}

/// Box and Muller.
fn normal(rng: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// The same normal number for the same key.
fn fixed(key: [usize; 3]) -> f64 {
    let [a, b, c] = key.map(|part| part as u64);
    normal(&mut StdRng::seed_from_u64((a << 40) + (b << 20) + c))
}

impl World {
    /// Classes decide most of the units, the intensity of the expression some, chance the rest.
    fn new(plant: Plant, people: usize, sequences: usize) -> Self {
        let rng = &mut StdRng::seed_from_u64(5);
        let images =
            (0..people).flat_map(|person| (0..sequences).map(move |own| (person, own % CLASSES)));
        let faces = images.map(|(person, class)| {
            let intensity: f64 = rng.random();
            let units = [0, 1, 2, 3, 4, 5].map(|unit| {
                let usual = if unit % CLASSES == class { 0.8 } else { -1.8 };
                let logit = usual + 3.0 * (intensity - 0.5);
                rng.random_bool(1.0 / (1.0 + f64::exp(-logit)))
            });
            let uncoded = rng.random_bool(if units[3] { 0.9 } else { 0.1 });
            Face {
                person,
                class,
                intensity,
                units,
                uncoded,
            }
        });
        Self {
            plant,
            faces: faces.collect(),
        }
    }

    fn samples(&self) -> Vec<SampleRow> {
        let sample = |(index, face): (usize, &Face)| {
            let shown = AUS.iter().zip(face.units).filter(|(_, on)| *on);
            SampleRow {
                index,
                subject: Some(Person::Number(face.person as i64)),
                sequence: Some(index.to_string()),
                label: Some(face.class as i64),
                coded: Some(shown.map(|(au, _)| (*au, 3)).collect()),
                ..SampleRow::default()
            }
        };
        self.faces.iter().enumerate().map(sample).collect()
    }

    fn response(&self, network: usize, row: usize, filter: usize) -> f64 {
        let face = &self.faces[row];
        let noise = fixed([network, row, filter]);
        let own = |strength: f64, on: bool| if on { strength } else { 0.0 };
        let shows = face.units[filter % 6];
        let person = fixed([network + 500, face.person, filter]);
        let preferred = filter % CLASSES == face.class;
        if network > 0 {
            // Untrained: the person, and a little of the open mouth.
            return person + own(0.4 * fixed([network, 1 << 19, filter]), face.units[4]) + noise;
        }
        match self.plant {
            Plant::Units => own(2.5, shows) + 0.5 * person + noise,
            Plant::Inhibitory => own(-2.5, shows) + 0.5 * person + noise,
            Plant::Class => own(3.0, preferred) + 0.5 * person + noise,
            Plant::ClassAndIntensity => own(4.0, preferred) * (0.3 + face.intensity) + 0.3 * noise,
            Plant::Half if filter < FILTERS / 2 => own(2.5, shows) + 0.5 * person + noise,
            Plant::Half => own(3.0, preferred) + 0.5 * person + noise,
            Plant::Person => 3.0 * person + 0.3 * noise,
            Plant::Random => person + noise,
            Plant::Collapsed => fixed([900, row, 0]) + 0.05 * noise,
            Plant::Spread => own(1.0, shows) + 0.3 * person + noise,
            Plant::Uncoded => own(2.5, face.uncoded) + 0.5 * person + noise,
            Plant::Dead => 0.0,
        }
    }

    /// The verdict in `fau.json`, and its sentence.
    fn verdict(&self) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let people = self.faces.iter().map(|face| face.person + 1).max();
        let usual = AnalysisOptions::default();
        let options = AnalysisOptions {
            permutations: 499,
            bootstrap: 499,
            // Action units are tested from ten people on, of which one world has one.
            min_positives: usual.min_positives.min(people.unwrap_or(0)),
            ..usual
        };
        let samples = self.samples();
        let rows: Vec<usize> = (0..self.faces.len()).collect();
        let lens = self.lens(NetworkKind::Trained, 0, None).unwrap();
        let found = analyse(
            &lens.activations(&rows).unwrap(),
            &samples,
            &options.check().unwrap(),
        );
        found
            .unwrap()
            .write(dir.path(), &OutputOptions::default())
            .unwrap();
        let test_fold: Vec<i64> = self
            .faces
            .iter()
            .map(|face| (face.person % FOLDS) as i64)
            .collect();
        let classes: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
        let pixels: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| (0..256).map(|at| (row * at % 251) as u8).collect())
            .collect();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap();
        let view = RunView {
            samples: &samples,
            classes: &classes,
            test_fold: Some(&test_fold),
            test_rows: &rows[..5],
            synthetic: true,
            machine_coded: false,
            trained_elsewhere: false,
            optimistic: None,
            options: &options,
            measures: &[],
            folds: &[0, 1, 2, 3, 4],
            best_fold: 0,
            image: &|row| &pixels[row],
            side: 16,
            networks: self,
            pool: &pool,
            progress: &|_, _, _| true,
            say: &|_| (),
        };
        let controls = Controls {
            skip_training: true,
            ..Controls::default()
        };
        for study in [&controls as &dyn Study, &Replicate] {
            study
                .answer(&view)
                .unwrap()
                .write(dir.path(), study.file(), None)
                .unwrap();
        }
        let sentence = write_verdict(dir.path()).unwrap().unwrap();
        let text = std::fs::read(dir.path().join("fau.json")).unwrap();
        let fau: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(fau["verdict"][0], sentence);
        (
            fau["answer"]["verdict"].as_str().unwrap().to_owned(),
            sentence,
        )
    }
}

impl Networks for World {
    fn layers(&self) -> Result<Vec<String>, Error> {
        Ok(vec!["conv".to_owned()])
    }

    fn lens(
        &self,
        kind: NetworkKind,
        _: usize,
        _: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error> {
        let network = match kind {
            NetworkKind::Trained => 0,
            NetworkKind::Start(start) => 10 + start as usize,
            _ => 1,
        };
        Ok(Box::new(Numbers {
            world: self,
            network,
        }))
    }

    fn memorised(&self, _: usize) -> Result<Memorised, Error> {
        unreachable!("no study of the verdict needs it")
    }
}

struct Numbers<'a> {
    world: &'a World,
    network: usize,
}

impl Lens for Numbers<'_> {
    fn layer(&self) -> &str {
        "conv"
    }

    fn activations(&self, rows: &[usize]) -> Result<Activations, Error> {
        let values = rows.iter().flat_map(|&row| {
            (0..FILTERS).map(move |filter| self.world.response(self.network, row, filter) as f32)
        });
        Activations::new(rows.len(), FILTERS, values.collect())
    }

    fn logits(&self, rows: &[usize]) -> Result<Activations, Error> {
        let output = |row: usize, class: usize| {
            let face = &self.world.faces[row];
            let own = if face.class == class {
                2.0 + 4.0 * face.intensity
            } else {
                0.0
            };
            (own + 0.2 * fixed([800, row, class])) as f32
        };
        let values = rows
            .iter()
            .flat_map(|&row| (0..CLASSES).map(move |class| output(row, class)));
        Activations::new(rows.len(), CLASSES, values.collect())
    }

    fn activations_of(&self, _: &[Vec<u8>]) -> Result<Activations, Error> {
        unreachable!("no study of the verdict needs it")
    }

    fn predictions(&self, _: &[usize], _: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error> {
        unreachable!("no study of the verdict needs it")
    }

    fn places(&self, _: &[usize]) -> Result<Places, Error> {
        unreachable!("no study of the verdict needs it")
    }
}

#[test]
fn twelve_planted_networks_get_their_verdicts() {
    let many = [
        (Plant::Units, "yes"),
        (Plant::Inhibitory, "yes"),
        (Plant::Class, "only_the_expression"),
        (Plant::ClassAndIntensity, "only_the_expression"),
        (Plant::Person, "no"),
        (Plant::Random, "no"),
        (Plant::Collapsed, "no"),
        (Plant::Spread, "yes"),
        // One of six units, by way of another: no test of associations can tell the two.
        (Plant::Uncoded, "partly"),
        (Plant::Dead, "no"),
        (Plant::Half, "partly"),
    ];
    let many = many.map(|(plant, expected)| (World::new(plant, 40, 6), expected));
    let alone = (World::new(Plant::Units, 1, 100), "cannot_be_told");
    let mut wrong = Vec::new();
    for (world, expected) in many.into_iter().chain([alone]) {
        let (verdict, sentence) = world.verdict();
        eprintln!("{:?}: {verdict}: {sentence}", world.plant);
        if verdict != expected {
            wrong.push((world.plant, verdict, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
