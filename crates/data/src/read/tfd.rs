//! The Toronto Face Database (Susskind, Anderson and Hinton 2010): MATLAB files with five given splits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::ClassMap;
use crate::label::label_map::FER2013;
use crate::read::file::{Hashing, ReadFile};
use crate::read::held::{IMAGES_LIMIT, Kept, Row};
use crate::read::listed::Listed;
use crate::read::mat::{MatReader, Wrong};
use crate::read::name::{ends_in, listed};
use crate::read::source::{Folding, Scan};
use crate::read::tree::FileTree;

/// Maximum number of rows of the arrays; TFD has 102,236.
const ROWS_LIMIT: u64 = 4 << 20;
/// Maximum size in bytes of one file, after decompression if in an archive: TFD's largest has 943 MB.
const FILE_LIMIT: u64 = 4 << 30;
const INFO: &str = "TFD_info.mat";
const NO_IMAGES: &str = "it holds no array 'images'";

/// The Toronto Face Database.
pub struct Tfd;

impl Tfd {
    /// Reads the labelled images of TFD, with its five given splits, and with `unlabelled` the others as held out.
    ///
    /// Read are `images` `[N, H, W]` u8, `labs_ex` (−1 none, 1 anger, 2 disgust, 3 fear, 4 happy, 5 sadness, 6
    /// surprise, 7 neutral), `labs_id` and `folds` `[N, splits]` (0 unlabelled, 1 train, 2 validation, 3 test), the last
    /// three from the images' file or from `TFD_info.mat` beside it. The array is streamed once, and only the rows of
    /// use are kept; 96% are unlabelled. Whether splits share people is checked later.
    ///
    /// `input` is the folder of `TFD_48x48.mat` or `TFD_96x96.mat`, a `.zip` of it, or the file itself. If
    /// both sizes are there, the smallest that is not below `image_size` is taken. `classes` leaves out expressions;
    /// `None` takes those that occur.
    ///
    /// # Errors
    /// [`Error::Layout`] if neither file is there; [`Error::Unusable`] for a damaged file, arrays that do not belong
    /// together, or labels and folds that contradict each other.
    pub fn open(
        input: &Path,
        image_size: u32,
        classes: Option<ClassMap>,
        unlabelled: bool,
    ) -> Result<Listed, Error> {
        let (tree, file) = find(input, image_size)?;
        let place = tree.place(&file);
        let wrong = |reason| unusable(&place, reason);
        let (arrays, read) = arrays(&tree, &file)?;
        let labels = Labels::of(arrays).map_err(wrong)?;
        let rows = (0..labels.codes.len()).map(|at| labels.row(at, &file));
        let mut rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(wrong)?;
        let count = rows.iter().filter(|row| row.expression.is_none()).count();
        let fate = if unlabelled { "held out" } else { "skipped" };
        let passed = format!("{count} images of {file} have no expression label and were {fate}.");
        rows.retain(|row| unlabelled || row.expression.is_some());
        let mut kept = Kept::of(rows, classes, input)?;
        let mat = tree.open_file(&file, FILE_LIMIT)?;
        let pixels = gather(mat, &labels, &kept.rows).map_err(wrong)?;
        for (row, at) in kept.rows.iter_mut().zip(0..) {
            row.at = at;
        }
        let scan = Scan {
            read,
            folding: Folding::Given(labels.splits),
            notes: vec![passed],
            ..Scan::default()
        };
        let images = (labels.side as usize, pixels);
        Ok(kept.listed(("TFD", input), images, scan))
    }
}

fn unusable(place: &Path, reason: Wrong) -> Error {
    Error::unusable(place, format!("not a usable MATLAB file: {reason}"))
}

/// The tree and the name of the images' file in it.
fn find(input: &Path, image_size: u32) -> Result<(FileTree, String), Error> {
    if input.is_file() && ends_in(&input.to_string_lossy(), &[".mat"]) {
        return Ok(FileTree::around(input));
    }
    let tree = FileTree::open_inner(input)?;
    let names = tree.names("")?;
    let best = of_size(&names, image_size, ".mat");
    let expected = "TFD_48x48.mat or TFD_96x96.mat, and TFD_info.mat beside it";
    let name = best.ok_or_else(|| Error::layout(input, expected, listed(&names)))?;
    Ok((tree, name))
}

/// Of names like `TFD_48x48.mat`, with `end` behind the size, the smallest size that is not below `image_size`, else the
/// largest.
pub(super) fn of_size(names: &[String], image_size: u32, end: &str) -> Option<String> {
    let sized = |name: &String| Some((image_side(name, end)?, name.clone()));
    let mut sizes: BTreeMap<u32, String> = names.iter().filter_map(sized).collect();
    let mut enough = sizes.split_off(&image_size);
    Some(enough.pop_first().or(sizes.pop_last())?.1)
}

/// `TFD_48x48.mat` and, in the authors' arrays, `TFD_48` → 48.
fn image_side(name: &str, end: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let inner = name.strip_prefix("tfd_")?.strip_suffix(end)?;
    let (height, width) = inner.split_once('x').unwrap_or((inner, inner));
    height.parse().ok().filter(|_| height == width)
}

/// The small arrays by name: sizes and numbers, first index fastest; of the images the sizes alone.
type Arrays = BTreeMap<String, (Vec<u64>, Vec<i64>)>;

/// The arrays of the images' file and of [`INFO`] beside it, and the digests of both.
fn arrays(tree: &FileTree, images: &str) -> Result<(Arrays, Vec<ReadFile>), Error> {
    let (mut arrays, mut read) = (Arrays::new(), Vec::new());
    let mut names = tree.names("")?;
    names.retain(|name| name.eq_ignore_ascii_case(INFO));
    names.truncate(1);
    names.push(images.to_owned());
    for path in names {
        let place = tree.place(&path);
        let file = tree.open_file(&path, FILE_LIMIT)?;
        let mut hashing = Hashing::new(&file);
        io::copy(&mut hashing, &mut io::sink()).map_err(Error::io(&place))?;
        let sha256 = hashing.sha256();
        read.push(ReadFile { path, sha256 });
        add_arrays(&mut arrays, file).map_err(|reason| unusable(&place, reason))?;
    }
    Ok((arrays, read))
}

fn add_arrays(arrays: &mut Arrays, file: File) -> Result<(), Wrong> {
    let mut mat = MatReader::new(file)?;
    while let Some(variable) = mat.next_variable()? {
        let (name, sizes) = (variable.name.clone(), variable.dimensions.clone());
        let numbers = match name.as_str() {
            "images" => Vec::new(),
            "labs_ex" | "labs_id" => variable.whole_numbers(ROWS_LIMIT)?,
            "folds" => variable.whole_numbers(16 * ROWS_LIMIT)?,
            _ => continue,
        };
        if arrays.get(&name).is_some_and(|known| known.1 != numbers) {
            return Err(format!(
                "'{name}' differs from the one in {INFO}: the files do not belong together"
            ));
        }
        arrays.insert(name, (sizes, numbers));
    }
    Ok(())
}

/// The small arrays, checked against each other.
struct Labels {
    codes: Vec<i64>,
    subjects: Vec<i64>,
    /// `[N, splits]`, first index fastest.
    folds: Vec<i64>,
    splits: usize,
    /// Height and width of the images.
    side: u64,
}

impl Labels {
    fn of(mut arrays: Arrays) -> Result<Self, Wrong> {
        let lacks = |name: &str| format!("neither it nor {INFO} holds the array '{name}'");
        let mut take = |name: &str| arrays.remove(name).ok_or_else(|| lacks(name));
        let (sizes, _) = take("images").map_err(|_| NO_IMAGES)?;
        let (_, codes) = take("labs_ex")?;
        let (fold_sizes, folds) = take("folds")?;
        let subjects = take("labs_id").map_or_else(|_| vec![-1; codes.len()], |(_, ids)| ids);
        let (rows, people) = (codes.len() as u64, subjects.len() as u64);
        let (&[images, side, width], &[fold_rows, splits]) =
            (sizes.as_slice(), fold_sizes.as_slice())
        else {
            return Err(format!(
                "'images' is {sizes:?} and 'folds' is {fold_sizes:?}; expected [N, H, W] and [N, splits]"
            ));
        };
        if side != width || side == 0 {
            return Err(format!("'images' is {sizes:?}; expected square images"));
        }
        if [images, fold_rows, people] != [rows; 3] || splits == 0 {
            return Err(format!(
                "{images} images, {rows} labels in labs_ex, {people} in labs_id and folds {fold_sizes:?}: these do not \
                 belong together"
            ));
        }
        let splits = splits as usize;
        Ok(Self {
            codes,
            subjects,
            folds,
            splits,
            side,
        })
    }

    /// Row `at` of the images in `file`. The authors filter images by folds and labels by `labs_ex`, which is right only if both
    /// mean the same rows, so that is checked for every row and split.
    fn row(&self, at: usize, file: &str) -> Result<Row, Wrong> {
        let (code, splits) = (self.codes[at], self.splits);
        let numbers = self.folds[at..].iter().step_by(self.codes.len());
        let numbers = Vec::from_iter(numbers.copied());
        let parts: Option<Vec<_>> = numbers.iter().map(|n| Part::from_number(*n)).collect();
        let unknown = || format!("row {at}: folds {numbers:?}; 0 to 3 are known");
        let parts = parts.ok_or_else(unknown)?;
        let unknown = || format!("row {at}: expression {code}; −1 and 1 to 7 are known");
        let used = parts.iter().filter(|part| **part != Part::None).count();
        let expression = match code {
            -1 | 0 if used == 0 => None,
            1..=7 if used == splits => Some(FER2013[code as usize - 1]),
            -1..=7 => {
                let label = match code {
                    1.. => format!("expression label {code}"),
                    _ => "no expression label".to_owned(),
                };
                return Err(format!(
                    "row {at} has {label} but is in {used} of {splits} splits: images chosen by 'folds' and labels \
                     chosen by 'labs_ex' would not align; the files do not belong together"
                ));
            }
            _ => return Err(unknown()),
        };
        let mut row = Row::new(at, file, expression);
        row.sample.sequence = format!("tfd-{at}");
        row.sample.parts = parts;
        if self.subjects[at] >= 0 {
            row.sample.subject = self.subjects[at].to_string();
        }
        Ok(row)
    }
}

/// Streams `images` once and keeps the wanted rows: `[rows, side, side]`.
fn gather(file: File, labels: &Labels, rows: &[Row]) -> Result<Vec<u8>, Wrong> {
    let (count, side) = (labels.codes.len(), labels.side as usize);
    if u128::from(labels.side).pow(2) * rows.len() as u128 > IMAGES_LIMIT {
        let reason = format!("'images' has more than {IMAGES_LIMIT} bytes of images to keep");
        return Err(reason);
    }
    let dimensions = [count as u64, labels.side, labels.side];
    let mut mat = MatReader::new(file)?;
    while let Some(mut images) = mat.next_variable()? {
        if images.name != "images" || images.dimensions != dimensions {
            continue;
        }
        let mut pixels = vec![0; rows.len() * side * side];
        // First index fastest: one pixel of all images after the other, column by column.
        let mut plane = vec![0; count];
        for at in 0..side * side {
            images.read_bytes(&mut plane)?;
            let (column, line) = (at / side, at % side);
            for (image, row) in pixels.chunks_exact_mut(side * side).zip(rows) {
                image[line * side + column] = plane[row.at];
            }
        }
        images.finish()?;
        return Ok(pixels);
    }
    Err(NO_IMAGES.to_owned())
}
