//! A run whose networks are numbers: filter 0 responds to AU 12, filter 1 to AU 4, the others to nothing, the last one is
//! dead. AU 12 goes with happy faces, AU 4 and AU 25 with no class.

use std::cell::RefCell;

use faus_base::person::Person;
use faus_fau::{
    Activations, AnalysisOptions, Answer, Error, FacePoints, Lens, Memorised, NetworkKind,
    Networks, Places, RunView, SampleRow, Study,
};

pub const AUS: [u8; 3] = [4, 12, 25];
pub const PEOPLE: usize = 40;
pub const FILTERS: usize = 12;
/// Images of each person: neutral, happy, sad, and one without codes.
const IMAGES: usize = 4;
const HAPPY: i64 = 1;
const SIDE: usize = 16;

pub struct Planted {
    /// Filters without which happy faces are taken for neutral ones; `None`: the network needs none.
    pub decides: Option<Vec<usize>>,
    /// The run's networks are untrained themselves: other random ones for each number.
    pub random: Option<u64>,
    pub optimistic: Option<&'static str>,
    /// The data set brings its own splits.
    pub own_splits: bool,
    pub permutations: usize,
    pub bootstrap: usize,
    pub stopped: bool,
    /// The third image of each person has no label.
    pub held_out: bool,
    /// Training accuracy of the network that was trained on shuffled labels.
    pub memorised: f64,
    pub used: RefCell<Vec<NetworkKind>>,
}

impl Default for Planted {
    fn default() -> Self {
        Self {
            decides: Some(vec![0]),
            random: None,
            optimistic: None,
            own_splits: false,
            permutations: 1999,
            bootstrap: 99,
            stopped: false,
            held_out: false,
            memorised: 0.95,
            used: RefCell::default(),
        }
    }
}

/// Fixed numbers in [0, 1) without order (splitmix64).
fn noise(a: usize, b: usize) -> f64 {
    let mut x = (a as u64) << 32 | b as u64;
    for _ in 0..2 {
        x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
    }
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

fn label(row: usize) -> i64 {
    (row % IMAGES) as i64
}

fn shows(row: usize, au: u8) -> bool {
    let share = match (au, label(row)) {
        (12, HAPPY) => 0.9,
        (12, _) => 0.15,
        _ => 0.4,
    };
    noise(row, 1000 + usize::from(au)) < share
}

fn response(kind: NetworkKind, row: usize, filter: usize) -> f32 {
    let planted = match (kind, filter) {
        (NetworkKind::Trained, 0) => shows(row, 12),
        (NetworkKind::Trained, 1) => shows(row, 4),
        _ => false,
    };
    let stream = match kind {
        NetworkKind::Trained => 0,
        NetworkKind::Untrained => 1,
        NetworkKind::LabelShuffled => 2,
        NetworkKind::Start(start) => 3 + start as usize,
    };
    let noise = noise(row, filter + 50 * stream);
    match filter == FILTERS - 1 {
        true => 0.0,
        false => (f64::from(u8::from(planted)) + 0.6 * noise) as f32,
    }
}

/// A face with the corners of the mouth at (0.3, 0.8) and (0.7, 0.8).
pub fn face() -> FacePoints {
    let mut face: FacePoints = [[0.5, 0.2]; 68];
    (face[39], face[42]) = ([0.4, 0.3], [0.6, 0.3]);
    (face[48], face[54]) = ([0.3, 0.8], [0.7, 0.8]);
    face
}

impl Planted {
    pub fn rows(&self) -> usize {
        PEOPLE * IMAGES
    }

    pub fn samples(&self) -> Vec<SampleRow> {
        let sample = |index: usize| {
            let units = AUS.into_iter().filter(|&au| shows(index, au));
            let coded = units.map(|au| (au, 3)).collect();
            let labelled = !self.held_out || label(index) != 2;
            SampleRow {
                index,
                subject: Some(Person::Number((index / IMAGES) as i64)),
                sequence: Some(format!("{index}")),
                label: labelled.then(|| label(index)),
                label_name: Some(["neutral", "happy", "sad", "sad"][index % IMAGES].to_owned()),
                role: None,
                coded: (index % IMAGES < 3).then_some(coded),
                ..SampleRow::default()
            }
        };
        (0..self.rows()).map(sample).collect()
    }

    pub fn options(&self) -> AnalysisOptions {
        AnalysisOptions {
            permutations: self.permutations,
            bootstrap: self.bootstrap,
            ..AnalysisOptions::default()
        }
    }

    pub fn answer(&self, study: &dyn Study) -> Answer {
        self.try_answer(study).unwrap()
    }

    pub fn try_answer(&self, study: &dyn Study) -> Result<Answer, Error> {
        let samples = self.samples();
        let classes = ["neutral", "happy", "sad"].map(str::to_owned);
        let fold_of = |row: usize| (row / IMAGES % 5) as i64;
        let test_fold: Vec<i64> = (0..self.rows()).map(fold_of).collect();
        let rows = 0..self.rows();
        let test_rows: Vec<usize> = rows
            .filter(|&row| fold_of(row) == 2 && row % IMAGES < 3)
            .collect();
        let pixels: Vec<Vec<u8>> = (0..self.rows())
            .map(|row| {
                (0..SIDE * SIDE)
                    .map(|at| (255.0 * noise(row, 5000 + at)) as u8)
                    .collect()
            })
            .collect();
        let options = self.options();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2);
        let (pool, stopped) = (pool.build().unwrap(), self.stopped);
        study.answer(&RunView {
            samples: &samples,
            classes: &classes,
            test_fold: (!self.own_splits).then_some(test_fold.as_slice()),
            test_rows: &test_rows,
            synthetic: true,
            machine_coded: false,
            trained_elsewhere: false,
            optimistic: self.optimistic,
            options: &options,
            measures: &[],
            folds: &[0, 1, 2, 3, 4],
            best_fold: 2,
            image: &|row| &pixels[row],
            side: SIDE,
            networks: self,
            pool: &pool,
            progress: &|_, _, _| !stopped,
            say: &|_| (),
        })
    }

    /// Whether a study has used a network.
    pub fn asked(&self, kind: NetworkKind) -> bool {
        self.used.borrow().contains(&kind)
    }
}

impl Networks for Planted {
    fn layers(&self) -> Result<Vec<String>, Error> {
        Ok(vec!["conv".to_owned(), "fc".to_owned()])
    }

    fn lens(
        &self,
        kind: NetworkKind,
        fold: usize,
        layer: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error> {
        self.used.borrow_mut().push(kind);
        let kind = match (kind, self.random) {
            (NetworkKind::Trained, Some(run)) => NetworkKind::Start(100 + 5 * run + fold as u64),
            (kind, _) => kind,
        };
        Ok(Box::new(Numbers {
            run: self,
            kind,
            layer: layer.unwrap_or("conv").to_owned(),
        }))
    }

    fn memorised(&self, _: usize) -> Result<Memorised, Error> {
        Ok(Memorised {
            steps: 100,
            images: 90,
            train_accuracy: self.memorised,
            majority_accuracy: 1.0 / 3.0,
        })
    }
}

struct Numbers<'a> {
    run: &'a Planted,
    kind: NetworkKind,
    layer: String,
}

impl Lens for Numbers<'_> {
    fn layer(&self) -> &str {
        &self.layer
    }

    fn activations(&self, rows: &[usize]) -> Result<Activations, Error> {
        assert!(rows.iter().all(|row| row % IMAGES < 3), "only coded rows");
        let values = rows
            .iter()
            .flat_map(|&row| (0..FILTERS).map(move |filter| response(self.kind, row, filter)));
        Activations::new(rows.len(), FILTERS, values.collect())
    }

    /// Noise alone: the planted filters are local.
    fn means(&self, rows: &[usize]) -> Result<Option<Activations>, Error> {
        let noise = |row: usize, filter: usize| noise(row, 7000 + filter) as f32;
        let values = rows
            .iter()
            .flat_map(|&row| (0..FILTERS).map(move |f| noise(row, f)));
        Ok(Some(Activations::new(
            rows.len(),
            FILTERS,
            values.collect(),
        )?))
    }

    /// The first pixel of an image is its action unit, to which a trained network responds, the second its person.
    fn activations_of(&self, images: &[Vec<u8>]) -> Result<Activations, Error> {
        let value = |image: &Vec<u8>, filter: usize| {
            let own = (filter, image[0]) == (0, 12) || (filter, image[0]) == (1, 4);
            let planted = own && self.kind == NetworkKind::Trained;
            f32::from(u8::from(planted)) + 0.1 * f32::from(image[1])
        };
        let values = images
            .iter()
            .flat_map(|image| (0..FILTERS).map(move |f| value(image, f)));
        Activations::new(images.len(), FILTERS, values.collect())
    }

    fn predictions(&self, rows: &[usize], silenced: &[Vec<usize>]) -> Result<Vec<Vec<i64>>, Error> {
        let decides = self.run.decides.as_deref().unwrap_or_default();
        let predict = |silenced: &Vec<usize>| {
            let blind = silenced.iter().any(|filter| decides.contains(filter));
            let class = |&row: &usize| match (label(row), blind) {
                (HAPPY, true) => 0,
                (label, _) => label,
            };
            rows.iter().map(class).collect()
        };
        Ok(silenced.iter().map(predict).collect())
    }

    /// Evidence for the image's class, with noise.
    fn logits(&self, rows: &[usize]) -> Result<Activations, Error> {
        let evidence = |row: usize, class: i64| {
            let own = if label(row) == class { 2.0 } else { 0.0 };
            (own + noise(row, 9000 + class as usize)) as f32
        };
        let values = rows
            .iter()
            .flat_map(|&row| (0..3).map(move |class| evidence(row, class)));
        Activations::new(rows.len(), 3, values.collect())
    }

    /// Maps of 10×10: filter 0 at (0.25, 0.75), by the left corner of the mouth; the others on the forehead.
    fn places(&self, rows: &[usize]) -> Result<Places, Error> {
        let place = |filter: usize| if filter == 0 { 72 } else { 5 };
        let maxima = rows.iter().flat_map(|_| {
            (0..FILTERS).map(move |filter| (filter < FILTERS - 1).then_some(place(filter)))
        });
        let mut sums = vec![0.0; FILTERS * 100];
        (0..FILTERS - 1).for_each(|filter| sums[filter * 100 + place(filter) as usize] = 1.0);
        Ok(Places {
            filters: FILTERS,
            centres: (0..10).map(|at| 0.05 + 0.1 * f64::from(at)).collect(),
            maxima: maxima.collect(),
            sums,
        })
    }
}

/// A number of the table: `column` of the first row with these cells.
pub fn cell(answer: &Answer, wanted: &[(&str, &str)], column: &str) -> f64 {
    let place = |name: &str| answer.table[0].iter().position(|c| c == name).unwrap();
    let fits = |row: &&Vec<String>| wanted.iter().all(|(name, cell)| row[place(name)] == *cell);
    let row = answer.table[1..].iter().find(fits);
    row.unwrap_or_else(|| panic!("no row {wanted:?}"))[place(column)]
        .parse()
        .unwrap()
}

/// A column of the table.
pub fn cells(answer: &Answer, column: &str) -> Vec<f64> {
    let place = answer.table[0].iter().position(|c| c == column).unwrap();
    let rows = answer.table[1..].iter();
    rows.map(|row| row[place].parse().unwrap()).collect()
}
