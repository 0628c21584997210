//! The Toronto Face Database (Susskind, Anderson and Hinton 2010): MATLAB files with five splits of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::au::AuCoding;
use crate::label::class_map::ClassMap;
use crate::label::expression::Expression;
use crate::label::role::Role;
use crate::read::file::ReadFile;
use crate::read::mat::{MatReader, Wrong};
use crate::read::pixel_csv::left_out_note;
use crate::read::source::{Fetched, Folding, RawImage, RawSample, Scan, Source};
use crate::read::tree::FileTree;

/// Most rows of the arrays; TFD has 102,236.
const ROWS_LIMIT: u64 = 4 << 20;
/// Most bytes of labelled images that are held: TFD's take 39 MB at 96×96.
const IMAGES_LIMIT: u64 = 1 << 30;
/// Most bytes of one file, inflated if it lies in an archive: TFD's largest has 943 MB.
const FILE_LIMIT: u64 = 4 << 30;
const INFO: &str = "TFD_info.mat";
/// TFD's codes of expressions in `labs_ex`, from 1 on.
const CODES: [Expression; 7] = [
    Expression::Anger,
    Expression::Disgust,
    Expression::Fear,
    Expression::Happy,
    Expression::Sadness,
    Expression::Surprise,
    Expression::Neutral,
];

/// The labelled images of TFD, with its five given splits.
///
/// Read are `images` `[N, H, W]` u8, `labs_ex` (−1 none, 1 anger, 2 disgust, 3 fear, 4 happy, 5 sadness, 6 surprise,
/// 7 neutral), `labs_id` and `folds` `[N, splits]` (0 unlabelled, 1 train, 2 validation, 3 test), the last three from the
/// images' file or from `TFD_info.mat` beside it. The unlabelled images, 96 of 100, are passed over: the array is streamed
/// once and only labelled rows are kept. Whether splits share people is looked up, not believed.
#[derive(Debug, Clone)]
pub struct Tfd {
    root: PathBuf,
    file: String,
    classes: ClassMap,
    rows: Vec<Row>,
    /// The labelled images, `[rows, side, side]`.
    pixels: Vec<u8>,
    side: u32,
    splits: usize,
    unlabelled: usize,
    /// Images of each expression that is no class.
    left_out: BTreeMap<Expression, usize>,
    read: Vec<ReadFile>,
}

/// A labelled image.
#[derive(Debug, Clone)]
struct Row {
    /// Position in TFD's arrays.
    at: usize,
    expression: Expression,
    subject: i64,
    parts: Vec<Part>,
}

impl Tfd {
    /// Reads TFD in `input`: the folder of `TFD_48x48.mat` or `TFD_96x96.mat`, a `.zip` of it, or the file itself. Where
    /// both sizes lie there, the smallest that is not below `image_size` is taken. `classes` leaves out expressions;
    /// `None` takes those that occur.
    ///
    /// # Errors
    /// [`Error::Layout`] if no such file is there; [`Error::Matlab`] for a damaged file, arrays that do not belong
    /// together, or labels and folds that contradict each other.
    pub fn open(input: &Path, image_size: u32, classes: Option<ClassMap>) -> Result<Self, Error> {
        let (tree, file) = find(input, image_size)?;
        let mut read = Vec::new();
        let mut labels = Labels::default();
        let info = tree
            .names("")?
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(INFO));
        for name in info.iter().chain([&file]) {
            let mat = tree.open_file(name, FILE_LIMIT)?;
            let place = tree.place(name);
            let (mat, digest) = hashed(mat).map_err(Error::io(&place))?;
            read.push(ReadFile {
                path: name.clone(),
                sha256: digest,
            });
            labels.read(mat).map_err(wrong(&place))?;
        }
        let place = tree.place(&file);
        let labels = labels.check().map_err(wrong(&place))?;
        let Selected {
            classes,
            rows,
            left_out,
        } = select(&labels, classes, &place)?;
        let mat = tree.open_file(&file, FILE_LIMIT)?;
        let (side, pixels) = gather(mat, labels.codes.len(), &rows).map_err(wrong(&place))?;
        Ok(Self {
            root: input.to_path_buf(),
            file,
            classes,
            left_out,
            unlabelled: labels.codes.iter().filter(|code| **code < 1).count(),
            rows,
            pixels,
            side,
            splits: labels.splits,
            read,
        })
    }

    fn image_len(&self) -> usize {
        self.side as usize * self.side as usize
    }
}

/// An error about one file.
fn wrong(place: &Path) -> impl FnOnce(Wrong) -> Error {
    let path = place.to_path_buf();
    move |reason| Error::Matlab { path, reason }
}

/// The tree and the name of the images' file in it.
fn find(input: &Path, image_size: u32) -> Result<(FileTree, String), Error> {
    let is_mat = input.is_file()
        && input
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("mat"));
    if let (true, Some(name)) = (is_mat, input.file_name()) {
        let parent = input
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        return Ok((FileTree::open(parent)?, name.to_string_lossy().into_owned()));
    }
    let mut tree = FileTree::open(input)?;
    let mut names = tree.names("")?;
    // A zip of the folder holds the folder itself.
    if let [only] = names.as_slice()
        && tree.is_folder(only)
    {
        tree = tree.below(only);
        names = tree.names("")?;
    }
    let size = |name: &String| -> Option<u32> {
        let name = name.to_ascii_lowercase();
        let inner = name.strip_prefix("tfd_")?.strip_suffix(".mat")?;
        let (height, width) = inner.split_once('x')?;
        height.parse().ok().filter(|_| height == width)
    };
    let sizes: BTreeMap<u32, String> = names
        .iter()
        .filter_map(|name| Some((size(name)?, name.clone())))
        .collect();
    let best = sizes
        .range(image_size..)
        .next()
        .or(sizes.iter().next_back());
    match best {
        Some((_, name)) => Ok((tree, name.clone())),
        None => Err(Error::Layout {
            path: input.to_path_buf(),
            expected: "TFD_48x48.mat or TFD_96x96.mat, and TFD_info.mat beside it".to_owned(),
            found: match names.as_slice() {
                [] => "nothing".to_owned(),
                names => names.iter().take(8).cloned().collect::<Vec<_>>().join(", "),
            },
        }),
    }
}

/// The file again from its start, and the SHA-256 of its bytes.
fn hashed(mut file: File) -> io::Result<(File, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    io::Seek::rewind(&mut file)?;
    Ok((file, hash.finalize().into()))
}

/// The small arrays as they are found.
#[derive(Default)]
struct Labels {
    images: Option<Vec<u64>>,
    codes: Option<Vec<i64>>,
    subjects: Option<Vec<i64>>,
    /// `[N, splits]`, first index fastest, and its sizes.
    folds: Option<(Vec<u64>, Vec<i64>)>,
}

/// The small arrays, checked against each other.
struct Checked {
    codes: Vec<i64>,
    subjects: Vec<i64>,
    /// `[N, splits]`, first index fastest.
    folds: Vec<i64>,
    splits: usize,
}

impl Labels {
    /// Takes what is wanted of one file.
    fn read(&mut self, file: File) -> Result<(), Wrong> {
        let mut mat = MatReader::new(file)?;
        while let Some(variable) = mat.next_variable()? {
            let (name, sizes) = (variable.name.clone(), variable.dimensions.clone());
            let same = match name.as_str() {
                "images" => {
                    self.images = Some(sizes);
                    true
                }
                "labs_ex" => keep(&mut self.codes, variable.whole_numbers(ROWS_LIMIT)?),
                "labs_id" => keep(&mut self.subjects, variable.whole_numbers(ROWS_LIMIT)?),
                "folds" => keep(
                    &mut self.folds,
                    (sizes, variable.whole_numbers(16 * ROWS_LIMIT)?),
                ),
                _ => true,
            };
            if !same {
                return Err(format!(
                    "'{name}' differs from the one in {INFO}: the files do not belong together"
                ));
            }
        }
        Ok(())
    }

    fn check(self) -> Result<Checked, Wrong> {
        let lacks = |name: &str| format!("neither it nor {INFO} holds the array '{name}'");
        let sizes = self
            .images
            .ok_or_else(|| "it holds no array 'images'".to_owned())?;
        let codes = self.codes.ok_or_else(|| lacks("labs_ex"))?;
        let (fold_sizes, folds) = self.folds.ok_or_else(|| lacks("folds"))?;
        let subjects = self.subjects.unwrap_or_else(|| vec![-1; codes.len()]);
        let rows = codes.len() as u64;
        let &[images, height, width] = sizes.as_slice() else {
            return Err(format!("'images' is {sizes:?}; expected [N, H, W]"));
        };
        if height != width || height == 0 {
            return Err(format!("'images' is {sizes:?}; expected square images"));
        }
        let &[fold_rows, splits] = fold_sizes.as_slice() else {
            return Err(format!("'folds' is {fold_sizes:?}; expected [N, splits]"));
        };
        if images != rows || fold_rows != rows || subjects.len() as u64 != rows || splits == 0 {
            return Err(format!(
                "{images} images, {rows} labels in labs_ex, {} in labs_id and folds {fold_sizes:?}: these do not belong together",
                subjects.len()
            ));
        }
        Ok(Checked {
            codes,
            subjects,
            folds,
            splits: splits as usize,
        })
    }
}

/// Keeps a value; whether it is new or the same as before.
fn keep<T: PartialEq>(place: &mut Option<T>, value: T) -> bool {
    match place {
        Some(known) => *known == value,
        None => {
            *place = Some(value);
            true
        }
    }
}

/// What is wanted of the labelled rows.
struct Selected {
    classes: ClassMap,
    rows: Vec<Row>,
    /// Images of each expression that is no class.
    left_out: BTreeMap<Expression, usize>,
}

/// The labelled rows that are wanted. Filtering images by folds and labels by `labs_ex`, as the authors do, is right only
/// if both mean the same rows, so that is checked for every row and split.
fn select(labels: &Checked, classes: Option<ClassMap>, place: &Path) -> Result<Selected, Error> {
    let misaligned = |reason: String| wrong(place)(reason);
    let mut rows = Vec::new();
    for (at, (&code, &subject)) in labels.codes.iter().zip(&labels.subjects).enumerate() {
        let numbers = (0..labels.splits).map(|split| labels.folds[split * labels.codes.len() + at]);
        let parts: Option<Vec<Part>> = numbers.clone().map(Part::from_number).collect();
        let Some(parts) = parts else {
            let numbers: Vec<i64> = numbers.collect();
            return Err(misaligned(format!(
                "row {at}: folds {numbers:?}; 0 to 3 are known"
            )));
        };
        let used = parts.iter().filter(|part| **part != Part::None).count();
        let expression = usize::try_from(code - 1)
            .ok()
            .and_then(|code| CODES.get(code))
            .copied();
        match expression {
            None if code != -1 && code != 0 => {
                return Err(misaligned(format!(
                    "row {at}: expression {code}; −1 and 1 to 7 are known"
                )));
            }
            None if used > 0 => {
                return Err(misaligned(format!(
                    "row {at} has no expression label but is in {used} of {} splits: images chosen by 'folds' and labels chosen by \
                     'labs_ex' would not align; the files do not belong together",
                    labels.splits
                )));
            }
            Some(_) if used < labels.splits => {
                return Err(misaligned(format!(
                    "row {at} has expression label {code} but is in {used} of {} splits: images chosen by 'folds' and labels chosen \
                     by 'labs_ex' would not align; the files do not belong together",
                    labels.splits
                )));
            }
            None => {}
            Some(expression) => rows.push(Row {
                at,
                expression,
                subject: subject.max(-1),
                parts,
            }),
        }
    }
    let classes = match classes {
        Some(classes) => classes,
        None => ClassMap::of(&rows.iter().map(|row| row.expression).collect::<Vec<_>>())
            .map_err(|error| misaligned(error.to_string()))?,
    };
    let mut left_out = BTreeMap::new();
    rows.retain(|row| {
        let wanted = classes.label_of(row.expression).is_some();
        if !wanted {
            *left_out.entry(row.expression).or_default() += 1;
        }
        wanted
    });
    Ok(Selected {
        classes,
        rows,
        left_out,
    })
}

/// Streams `images` once and keeps the wanted rows: side, and `[rows, side, side]`.
fn gather(file: File, count: usize, rows: &[Row]) -> Result<(u32, Vec<u8>), Wrong> {
    let mut mat = MatReader::new(file)?;
    while let Some(mut images) = mat.next_variable()? {
        let (&[n, side, _], "images") = (images.dimensions.as_slice(), images.name.as_str()) else {
            continue;
        };
        let bytes = side
            .checked_mul(side)
            .and_then(|image| image.checked_mul(rows.len() as u64));
        if n != count as u64 || bytes.is_none_or(|bytes| bytes > IMAGES_LIMIT) {
            return Err(format!(
                "'images' is {:?}: more than {IMAGES_LIMIT} bytes of labelled images",
                images.dimensions
            ));
        }
        let side = side as usize;
        let mut pixels = vec![0; rows.len() * side * side];
        // First index fastest: one pixel of all images after the other, column by column.
        let mut plane = vec![0; count];
        for column in 0..side {
            for line in 0..side {
                images.read_bytes(&mut plane)?;
                let at = line * side + column;
                for (image, row) in pixels.chunks_exact_mut(side * side).zip(rows) {
                    image[at] = plane[row.at];
                }
            }
        }
        images.finish()?;
        return Ok((side as u32, pixels));
    }
    Err("it holds no array 'images'".to_owned())
}

impl Source for Tfd {
    fn name(&self) -> &str {
        "TFD"
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn synthetic(&self) -> bool {
        false
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        if self.rows.is_empty() {
            return Err(Error::NothingLabelled {
                path: self.root.clone(),
                reason: "no image has one of the classes".to_owned(),
            });
        }
        let length = self.image_len() as u64;
        let samples = self.rows.iter().enumerate().map(|(number, row)| RawSample {
            image: RawImage::Stored {
                at: number as u64 * length,
                length,
            },
            path: format!("{}:{}", self.file, row.at),
            subject: row.subject,
            sequence: format!("tfd-{}", row.at),
            frame: 0,
            role: Role::Labelled,
            label: self.classes.label_of(row.expression).unwrap_or(-1),
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: true,
            parts: row.parts.clone(),
        });
        let unlabelled = format!(
            "{} images of {} have no expression label and were passed over.",
            self.unlabelled, self.file
        );
        let notes = std::iter::once(unlabelled).chain(left_out_note("images", &self.left_out));
        Ok(Scan {
            samples: samples.collect(),
            skipped: Vec::new(),
            read: self.read.clone(),
            folding: Folding::Given(self.splits),
            notes: notes.collect(),
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let RawImage::Stored { at, length } = sample.image else {
            return Err(Error::parse("not an image of this source"));
        };
        let pixels = self
            .pixels
            .get(at as usize..)
            .and_then(|from| from.get(..length as usize));
        let pixels = pixels.ok_or_else(|| Error::parse("not an image of this source"))?;
        Fetched::pixels(self.side, self.side, pixels.to_vec())
    }
}
