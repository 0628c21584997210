//! Arrays that the authors' scripts wrote: CK+ as `X`, `y`, `subjs` and `folds`, TFD as a folder for each split.

mod find;
mod numbers;
mod recordings;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use npyz::NpyHeader;

use self::find::{EXPECTED, Kind, find};
use self::numbers::whole_numbers;
use self::recordings::frames;
use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::subjects::subject_folds;
use crate::label::ClassMap;
use crate::label::label_map::FER2013;
use crate::prepared::npy::images_shape;
use crate::read::file::ReadFile;
use crate::read::held::{IMAGES_LIMIT, Kept, Row};
use crate::read::listed::Listed;
use crate::read::name::{listed, split};
use crate::read::source::{Folding, Scan};
use crate::read::tree::FileTree;

/// Folds of the authors' CK+.
const FOLDS: usize = 10;

/// Data sets that the authors' scripts have prepared.
pub struct Arrays;

/// The files of a set.
struct Files {
    tree: FileTree,
    read: Vec<ReadFile>,
}

/// Rows, and all of their scan but the samples.
type Rows = (Vec<Row>, Scan);

impl Arrays {
    /// Reads the arrays in `input`, a folder or a `.zip` of it, up to two folders down.
    ///
    /// CK+: `X` `[N, 1, side, side]`, `y` (0 neutral, 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness,
    /// 7 surprise), `subjs`, and `folds`, which must be the authors' (positions of people modulo 10). Rows are recordings
    /// in turn: the neutral frame and three of the expression. With the classes [`ClassMap::six`] `y` may also number
    /// these from 0, without neutral frames. TFD: in each split `X`, `y` (0 anger to 6 neutral) and `folds` (0 train, 1
    /// validation, 2 test); people are unknown. Of `TFD_48` and `TFD_96` the smallest that is not below `image_size` is
    /// taken; with `unlabelled` its images in `unlabeled` are held out.
    ///
    /// `X` is u8 in C order. The others are whole numbers of any integer type, or of single or double precision.
    ///
    /// # Errors
    /// [`Error::Layout`] if neither is there or a file is missing; [`Error::Unusable`] if several sets are there, for arrays of other shapes or
    /// types, numbers out of their range, rows in another order and arrays that do not belong together.
    pub fn open(
        input: &Path,
        image_size: u32,
        classes: Option<ClassMap>,
        unlabelled: bool,
    ) -> Result<Listed, Error> {
        let (tree, kind) = find(input, image_size)?;
        let mut files = Files {
            tree,
            read: Vec::new(),
        };
        let (name, ((rows, scan), images)) = match kind {
            Kind::CkPlus if unlabelled => {
                let reason = "these arrays are of CK+, which has no unlabelled images";
                return Err(Error::setting("unlabelled", reason));
            }
            Kind::CkPlus => ("CK+", files.ck_plus(classes == Some(ClassMap::six()))?),
            Kind::Tfd => ("TFD", files.tfd(unlabelled)?),
        };
        let kept = Kept::of(rows, classes, input)?;
        let read = files.read;
        Ok(kept.listed((name, input), images, Scan { read, ..scan }))
    }
}

/// Side and pixels `[N, side, side]`.
type Images = (usize, Vec<u8>);

impl Files {
    /// CK+; with `six` its classes may be renumbered.
    fn ck_plus(&mut self, six: bool) -> Result<(Rows, Images), Error> {
        let codes = self.numbers("y.npy", 0..=7)?;
        let people = self.numbers("subjs.npy", 0..=9999)?;
        self.same_count("subjs.npy", people.len(), codes.len())?;
        if self.tree.is_file("folds.npy") {
            self.check_folds(&people)?;
        }
        let images = self.images("X.npy")?;
        self.same_count("X.npy", count(&images), codes.len())?;
        let rows: Vec<_> = codes.into_iter().zip(people.iter().copied()).collect();
        let unusable = |reason| Error::unusable(&self.tree.place("y.npy"), reason);
        let (frames, note) = frames(&rows, six).map_err(unusable)?;
        let rows = frames.into_iter().enumerate().map(|(at, frame)| {
            let mut row = Row::new(at, "X.npy", Some(frame.expression));
            row.sample.subject = frame.person.to_string();
            row.sample.sequence = format!("{:03}_{:03}", frame.person, frame.recording);
            row.sample.frame = frame.frame;
            row
        });
        let scan = Scan {
            // Also those whose images are of no class, as where the original data are read.
            folding: Folding::BySubject(people.iter().map(i64::to_string).collect()),
            notes: Vec::from_iter(note),
            ..Scan::default()
        };
        Ok(((rows.collect(), scan), images))
    }

    /// Checks that the folds are the positions of people modulo 10.
    fn check_folds(&mut self, people: &[i64]) -> Result<(), Error> {
        let given = self.numbers("folds.npy", 0..=FOLDS as i64 - 1)?;
        self.same_count("folds.npy", given.len(), people.len())?;
        let subjects: BTreeSet<i64> = people.iter().copied().collect();
        let rule = subject_folds(&subjects, FOLDS);
        let mut rows = people.iter().zip(given);
        let Some((who, fold)) = rows.find(|(who, fold)| rule[who] != *fold) else {
            return Ok(());
        };
        let reason = format!(
            "subject {who} is in fold {fold}, by the authors' rule in {}: remove the file to use the rule",
            rule[who]
        );
        Err(self.wrong("folds.npy", reason))
    }

    /// TFD; with `unlabelled` also its unlabelled images.
    fn tfd(&mut self, unlabelled: bool) -> Result<(Rows, Images), Error> {
        let splits = self.splits()?;
        let mut first: Option<(Vec<i64>, [u8; 32])> = None;
        let mut rows: Vec<Row> = Vec::new();
        for split in 0..splits {
            let file = |name: &str| format!("split_{split}/{name}.npy");
            let codes = self.numbers(&file("y"), 0..=6)?;
            let parts = self.numbers(&file("folds"), 0..=2)?;
            self.same_count(&file("folds"), parts.len(), codes.len())?;
            let images = ReadFile::new("", &self.bytes(&file("X"))?).sha256;
            if split == 0 {
                rows.extend(codes.iter().enumerate().filter_map(labelled));
            }
            let all = (codes, images);
            if *first.get_or_insert_with(|| all.clone()) != all {
                let reason = "its images or labels differ from split_0's";
                return Err(self.wrong(&file("X"), reason.to_owned()));
            }
            for (row, part) in rows.iter_mut().zip(parts) {
                row.sample.parts.extend(Part::from_number(part + 1));
            }
        }
        let mut images = self.images("split_0/X.npy")?;
        self.same_count("split_0/X.npy", count(&images), rows.len())?;
        if unlabelled {
            rows.extend(self.unlabelled(splits, &mut images)?);
        }
        let scan = Scan {
            folding: Folding::Given(splits),
            ..Scan::default()
        };
        Ok(((rows, scan), images))
    }

    /// The number of TFD's splits.
    fn splits(&self) -> Result<usize, Error> {
        let mut names = self.tree.names("")?;
        names.retain(|name| name.starts_with("split_"));
        let mut expected = (0..names.len()).map(|split| format!("split_{split}"));
        let Some(missing) = expected.find(|name| !self.tree.is_folder(name)) else {
            return Ok(names.len());
        };
        let found = format!("{} without it", listed(&names));
        Err(Error::layout(&self.tree.place(&missing), EXPECTED, found))
    }

    /// Rows of TFD's unlabelled images, whose pixels follow those of `images`.
    fn unlabelled(&mut self, splits: usize, images: &mut Images) -> Result<Vec<Row>, Error> {
        const PATH: &str = "unlabeled/X.npy";
        let further = self.images(PATH)?;
        let (side, own) = (images.0, further.0);
        if own != side {
            let reason = format!("its images have {own} pixels a side, the labelled ones {side}");
            return Err(self.wrong(PATH, reason));
        }
        let (labelled, unlabelled) = (count(images), count(&further));
        images.1.extend(further.1);
        let row = |at: usize| {
            let mut row = Row::new(at, PATH, None);
            row.at += labelled;
            row.sample.sequence = format!("tfd-unlabelled-{at}");
            row.sample.parts = vec![Part::None; splits];
            row
        };
        Ok((0..unlabelled).map(row).collect())
    }

    /// An array of images.
    fn images(&mut self, path: &str) -> Result<Images, Error> {
        let mut bytes = self.bytes(path)?;
        let mut rest = &bytes[..];
        let header = NpyHeader::from_reader(&mut rest).map_err(|error| error.to_string());
        let shape = header.and_then(|header| images_shape(&header, rest.len() as u64));
        let (_, side) = shape.map_err(|reason| self.wrong(path, reason))?;
        let start = bytes.len() - rest.len();
        bytes.drain(..start);
        Ok((side, bytes))
    }

    /// The whole numbers of an array of one axis.
    fn numbers(&mut self, path: &str, range: RangeInclusive<i64>) -> Result<Vec<i64>, Error> {
        let bytes = self.bytes(path)?;
        let numbers = whole_numbers(&bytes).map_err(|reason| self.wrong(path, reason))?;
        let mut rows = numbers.iter().enumerate();
        if let Some((row, found)) = rows.find(|(_, number)| !range.contains(number)) {
            let (low, high) = range.into_inner();
            let reason = format!("row {row} is {found}; {low} to {high} are known");
            return Err(self.wrong(path, reason));
        }
        Ok(numbers)
    }

    fn bytes(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        if !self.tree.is_file(path) {
            let beside = self.tree.names(split(path).0).unwrap_or_default();
            let found = format!("{} without this file: add it", listed(&beside));
            return Err(Error::layout(&self.tree.place(path), EXPECTED, found));
        }
        let bytes = self.tree.read(path, IMAGES_LIMIT as u64 + (64 << 10))?;
        self.read.push(ReadFile::new(path, &bytes));
        Ok(bytes)
    }

    fn same_count(&self, path: &str, found: usize, wanted: usize) -> Result<(), Error> {
        if found == wanted {
            return Ok(());
        }
        let reason =
            format!("{found}, but {wanted} in the other arrays: they do not belong together");
        Err(self.wrong(path, reason))
    }

    fn wrong(&self, path: &str, reason: String) -> Error {
        let reason = format!("not an array of the authors: {reason}");
        Error::unusable(&self.tree.place(path), reason)
    }
}

/// A labelled row of TFD.
fn labelled((at, code): (usize, &i64)) -> Option<Row> {
    let expression = FER2013.get(usize::try_from(*code).ok()?);
    let mut row = Row::new(at, "split_0/X.npy", Some(*expression?));
    row.sample.sequence = format!("tfd-{at}");
    Some(row)
}

/// The number of images.
fn count((side, pixels): &Images) -> usize {
    pixels.len() / (side * side).max(1)
}
