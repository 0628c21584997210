//! Arrays that the authors' scripts wrote: CK+ as `X`, `y`, `subjs` and `folds`, TFD as a folder for each split.

use std::collections::BTreeSet;
use std::path::Path;

use npyz::{Deserialize, NpyFile, NpyHeader};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::subjects::subject_folds;
use crate::label::label_map::FER2013;
use crate::label::{ClassMap, Expression, Role};
use crate::prepared::npy::images_shape;
use crate::read::file::ReadFile;
use crate::read::held::{Held, IMAGES_LIMIT};
use crate::read::name::listed;
use crate::read::notes::keep_classes;
use crate::read::source::{Folding, RawSample, Scan};
use crate::read::tfd::of_size;
use crate::read::tree::FileTree;

/// Folds of the authors' CK+.
const FOLDS: usize = 10;
const EXPECTED: &str = "the authors' X.npy, y.npy, subjs.npy and folds.npy (CK+), or folders split_0, split_1, … of X.npy, y.npy and folds.npy (TFD)";

/// Data sets that the authors' scripts have prepared.
pub struct Arrays;

/// An image, and its position in its array.
struct Row {
    at: usize,
    expression: Option<Expression>,
    sample: RawSample,
}

/// The files of a set.
struct Files {
    tree: FileTree,
    read: Vec<ReadFile>,
}

impl Arrays {
    /// Reads the arrays in `input`, a folder or a `.zip` of it, with or without `npy_files` around them.
    ///
    /// CK+: `X` `[N, 1, side, side]` u8, `y` (0 neutral, 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness,
    /// 7 surprise), `subjs`, and `folds`, which must be the authors' (positions of people modulo 10). A recording begins
    /// with its neutral frame. TFD: in each split `X`, `y` (0 anger to 6 neutral) and `folds` (0 train, 1 validation, 2
    /// test); people are unknown. Of `TFD_48` and `TFD_96` the smallest that is not below `image_size` is taken; with
    /// `unlabelled` its images in `unlabeled` are held out.
    ///
    /// # Errors
    /// [`Error::Layout`] if neither is there; [`Error::Unusable`] for arrays of other shapes, numbers out of their range
    /// and arrays that do not belong together.
    pub fn open(
        input: &Path,
        image_size: u32,
        classes: Option<ClassMap>,
        unlabelled: bool,
    ) -> Result<Held, Error> {
        let (mut files, names) = Files::open(input, image_size)?;
        let (name, splits, mut rows, images) = if files.tree.is_file("subjs.npy") {
            ("CK+", None, files.ck_plus()?, "X.npy")
        } else if files.tree.is_file("split_0/X.npy") {
            let (splits, rows) = files.tfd()?;
            ("TFD", Some(splits), rows, "split_0/X.npy")
        } else {
            return Err(Error::layout(input, EXPECTED, listed(&names)));
        };
        let (side, mut pixels) = files.images(images)?;
        files.same_count(images, pixels.len() / (side * side), rows.len())?;
        let held = match splits.filter(|_| unlabelled) {
            Some(splits) => files.unlabelled(side, splits, &mut pixels)?,
            None => vec![],
        };
        let shown = |row: &Row| row.expression.unwrap_or(Expression::Neutral);
        let left_out = keep_classes(&mut rows, classes.as_ref(), shown, "images");
        let occurring: Vec<_> = rows.iter().map(shown).collect();
        if rows.is_empty() {
            let reason = "no image has one of the classes";
            return Err(Error::nothing_labelled(input, reason));
        }
        let classes = classes.map_or_else(|| ClassMap::of(&occurring), Ok)?;
        rows.extend(held);
        let samples = rows.into_iter().map(|row| RawSample {
            image: Held::image(row.at as u64, side as u64),
            label: (row.expression.and_then(|e| classes.label_of(e))).unwrap_or(-1),
            is_face: true,
            ..row.sample
        });
        let samples: Vec<_> = samples.collect();
        let people = samples
            .iter()
            .map(|sample| sample.subject.clone())
            .collect();
        let scan = Scan {
            skipped: Vec::new(),
            read: files.read,
            folding: splits.map_or(Folding::BySubject(people), Folding::Given),
            notes: left_out.into_iter().collect(),
            samples,
        };
        Ok(Held {
            name,
            root: input.to_path_buf(),
            classes,
            scan,
            pixels,
            side: side as u32,
        })
    }
}

impl Files {
    /// The folder of the arrays, and the names that decided it.
    fn open(input: &Path, image_size: u32) -> Result<(Self, Vec<String>), Error> {
        let mut tree = FileTree::open_inner(input)?;
        if tree.is_folder("npy_files") {
            tree = tree.below("npy_files");
        }
        let names = tree.names("")?;
        if let Some(folder) = of_size(&names, image_size, "") {
            tree = tree.below(&folder);
        }
        let read = Vec::new();
        Ok((Self { tree, read }, names))
    }

    /// Rows of TFD's unlabelled images, whose pixels follow `pixels`.
    fn unlabelled(
        &mut self,
        side: usize,
        splits: usize,
        pixels: &mut Vec<u8>,
    ) -> Result<Vec<Row>, Error> {
        const PATH: &str = "unlabeled/X.npy";
        let (own_side, images) = self.images(PATH)?;
        if own_side != side {
            let reason =
                format!("its images have {own_side} pixels a side, the labelled ones {side}");
            return Err(self.wrong(PATH, reason));
        }
        let labelled = pixels.len() / (side * side);
        let count = images.len() / (side * side);
        pixels.extend(images);
        let row = |at: usize| Row {
            at: labelled + at,
            expression: None,
            sample: RawSample {
                role: Role::HeldOut,
                sequence: format!("tfd-unlabelled-{at}"),
                parts: vec![Part::None; splits],
                ..RawSample::labelled(&format!("{PATH}:{at}"), -1)
            },
        };
        Ok((0..count).map(row).collect())
    }

    /// The rows of CK+.
    fn ck_plus(&mut self) -> Result<Vec<Row>, Error> {
        let (codes, people) = (
            self.numbers("y.npy", 0..=7)?,
            self.numbers("subjs.npy", 0..=9999)?,
        );
        self.same_count("subjs.npy", people.len(), codes.len())?;
        if self.tree.is_file("folds.npy") {
            self.check_folds(&people)?;
        }
        let mut rows: Vec<Row> = Vec::new();
        let (mut recording, mut frame, mut before) = (0, 0, None);
        for (at, (code, subject)) in codes.into_iter().zip(people).enumerate() {
            let before = before.replace(subject);
            (recording, frame) = match before {
                Some(before) if before != subject => (1, 1),
                Some(_) if code != 0 => (recording, frame + 1),
                _ => (recording + 1, 1),
            };
            rows.push(Row {
                at,
                expression: Expression::ALL.get(code as usize).copied(),
                sample: RawSample {
                    subject: subject.to_string(),
                    sequence: format!("{subject:03}_{recording:03}"),
                    frame,
                    ..RawSample::labelled(&format!("X.npy:{at}"), -1)
                },
            });
        }
        Ok(rows)
    }

    /// Checks that the folds are the positions of people modulo 10.
    fn check_folds(&mut self, people: &[i64]) -> Result<(), Error> {
        let given = self.numbers("folds.npy", 0..=FOLDS as i64 - 1)?;
        self.same_count("folds.npy", given.len(), people.len())?;
        let subjects: BTreeSet<i64> = people.iter().copied().collect();
        let rule = subject_folds(&subjects, FOLDS);
        let mut differing = people
            .iter()
            .zip(given)
            .filter(|(who, fold)| rule[who] != *fold);
        match differing.next() {
            None => Ok(()),
            Some((who, fold)) => Err(self.wrong("folds.npy", format!(
                "subject {who} is in fold {fold}, by the authors' rule in {}: remove the file to use the rule", rule[who]
            ))),
        }
    }

    /// The number of splits and the rows of TFD.
    fn tfd(&mut self) -> Result<(usize, Vec<Row>), Error> {
        let mut rows: Vec<Row> = Vec::new();
        let splits = (0..)
            .take_while(|k| self.tree.is_folder(&format!("split_{k}")))
            .count();
        let mut first = None;
        for split in 0..splits {
            let file = |name: &str| format!("split_{split}/{name}.npy");
            let codes = self.numbers(&file("y"), 0..=6)?;
            let parts = self.numbers(&file("folds"), 0..=2)?;
            self.same_count(&file("folds"), parts.len(), codes.len())?;
            let images = self.digest(&file("X"))?;
            let all = (codes, images);
            if first.get_or_insert_with(|| all.clone()) != &all {
                return Err(self.wrong(
                    &file("X"),
                    "its images or labels differ from split_0's".to_owned(),
                ));
            }
            if split == 0 {
                rows.extend(all.0.iter().enumerate().map(|(at, code)| Row {
                    at,
                    expression: Some(FER2013[*code as usize]),
                    sample: RawSample {
                        sequence: format!("tfd-{at}"),
                        ..RawSample::labelled(&format!("split_0/X.npy:{at}"), -1)
                    },
                }));
            }
            for (row, part) in rows.iter_mut().zip(parts) {
                row.sample.parts.extend(Part::from_number(part + 1));
            }
        }
        Ok((splits, rows))
    }

    /// Side and pixels `[N, side, side]` of an array of images.
    fn images(&mut self, path: &str) -> Result<(usize, Vec<u8>), Error> {
        let mut bytes = self.bytes(path)?;
        let mut rest = &bytes[..];
        let header = NpyHeader::from_reader(&mut rest).map_err(|error| error.to_string());
        let shape = header.and_then(|header| images_shape(&header, rest.len() as u64));
        let (_, side) = shape.map_err(|reason| self.wrong(path, reason))?;
        let start = bytes.len() - rest.len();
        bytes.drain(..start);
        Ok((side, bytes))
    }

    /// The whole numbers of an array of one axis, of any type.
    fn numbers(
        &mut self,
        path: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<i64>, Error> {
        let bytes = self.bytes(path)?;
        let found = integers::<i32>(&bytes).or_else(|| integers::<i64>(&bytes));
        let found = found
            .or_else(|| integers::<u8>(&bytes))
            .or_else(|| integers::<i8>(&bytes));
        let found = found
            .or_else(|| integers::<i16>(&bytes))
            .or_else(|| floats(&bytes));
        let found = found.filter(|numbers| numbers.iter().all(|n| range.contains(n)));
        found
            .ok_or_else(|| self.wrong(path, format!("not an array [N] of whole numbers {range:?}")))
    }

    fn bytes(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        let bytes = self.tree.read(path, IMAGES_LIMIT as u64 + (64 << 10))?;
        self.read.push(ReadFile::new(path, &bytes));
        Ok(bytes)
    }

    fn digest(&mut self, path: &str) -> Result<[u8; 32], Error> {
        self.bytes(path)
            .map(|bytes| ReadFile::new(path, &bytes).sha256)
    }

    fn same_count(&self, path: &str, found: usize, wanted: usize) -> Result<(), Error> {
        match found == wanted {
            true => Ok(()),
            false => Err(self.wrong(
                path,
                format!("{found}, but {wanted} in the other arrays: they do not belong together"),
            )),
        }
    }

    fn wrong(&self, path: &str, reason: String) -> Error {
        Error::unusable(
            &self.tree.place(path),
            format!("not an array of the authors: {reason}"),
        )
    }
}

/// The numbers of an array of type `T`; `None` for another type, and for more axes than one.
fn integers<T: Deserialize + TryInto<i64>>(bytes: &[u8]) -> Option<Vec<i64>> {
    values::<T>(bytes)?
        .into_iter()
        .map(|n| n.try_into().ok())
        .collect()
}

fn floats(bytes: &[u8]) -> Option<Vec<i64>> {
    let numbers = values::<f64>(bytes)?.into_iter();
    numbers
        .map(|n| (n.fract() == 0.0).then_some(n as i64))
        .collect()
}

fn values<T: Deserialize>(bytes: &[u8]) -> Option<Vec<T>> {
    let npy = NpyFile::new(bytes).ok()?;
    (npy.shape().len() == 1).then(|| npy.into_vec().ok())?
}
