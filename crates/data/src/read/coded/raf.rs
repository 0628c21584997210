//! RAF-AU (Yan et al. 2020) and RAF-CE (Li et al. 2023): photographs of unknown people with action units and, in RAF-CE, a
//! compound expression.

use std::collections::{BTreeMap, BTreeSet};

use faus_base::facs::{self, Cell};
use faus_base::text::composed;

use crate::error::Error;
use crate::fold::held_back::{hold_back, wanting};
use crate::fold::part::Part;
use crate::label::label_map::first_code;
use crate::label::{AuCoding, Role};
use crate::read::coded::files::{Files, pattern};
use crate::read::coded::frames::check_images;
use crate::read::file::{ReadFile, Skipped};
use crate::read::listed::Listed;
use crate::read::name::{split, stem, unaligned};
use crate::read::source::{Folding, RawSample, Scan};
use crate::read::tree::FileTree;

/// RAF-CE's classes in the order of their codes, by its owners' page.
#[rustfmt::skip]
const COMPOUND: [&str; 14] = [
    "happily_surprised", "happily_disgusted", "sadly_fearful", "sadly_angry", "sadly_surprised", "sadly_disgusted",
    "fearfully_angry", "fearfully_surprised", "fearfully_disgusted", "angrily_surprised", "angrily_disgusted",
    "disgustedly_surprised", "happily_fearful", "happily_sad",
];

/// A list by the names of images without their extension.
type Lines = BTreeMap<String, String>;

/// The lists of a copy; those that it does not have are empty.
struct Lists {
    codes: Lines,
    expressions: Lines,
    /// The lowest code of an expression.
    first: usize,
    parts: Lines,
}

/// `RAFAU_label.txt` (`0007.jpg 1+2+L12`, `null` where nobody coded), and of RAF-CE `RAFCE_AUlabel.txt`, `RAFCE_emolabel.txt`
/// (0 to 13, or 1 to 14) and `RAFCE_partition.txt` (0 train, 1 test, 2 validation); images `aligned/0007_aligned.jpg` or
/// `original/0007.jpg`. Images with an expression are labelled, those with codes alone held out.
pub(super) fn open(tree: FileTree) -> Result<Listed, Error> {
    let (files, mut read) = (Files::of(tree)?, Vec::new());
    let mut list = |names: &str| list(&files, &mut read, names);
    let (of_au, of_ce) = (list("rafau_label")?, list("rafce_aulabel")?);
    if !of_au.is_empty() && !of_ce.is_empty() {
        // Both name their images from 0001 on.
        let found = "both RAFAU_label.txt and RAFCE_AUlabel.txt: give the folder of one of them";
        return Err(Error::layout(files.tree.root(), "one data set", found));
    }
    let name = match of_ce.is_empty() {
        true => "RAF-AU",
        false => "RAF-CE",
    };
    let expressions = list("rafce_emolabel")?;
    let lists = Lists {
        codes: if of_ce.is_empty() { of_au } else { of_ce },
        first: first_expression(&expressions)
            .map_err(|reason| Error::unusable(files.tree.root(), reason))?,
        expressions,
        parts: list("rafce_partition")?,
    };
    if lists.codes.is_empty() {
        let expected = "RAF-AU's RAFAU_label.txt or RAF-CE's RAFCE_AUlabel.txt, and the folder aligned beside it";
        return Err(files.without(expected));
    }
    let (classes, scan) = lists.scan(&files, read);
    check_images(&files.tree, name, "named as in its lists", &scan)?;
    Ok(Listed::files(name, files.tree, classes, scan))
}

/// The lines `name text` of the files with one of the `names`.
fn list(files: &Files, read: &mut Vec<ReadFile>, names: &str) -> Result<Lines, Error> {
    let named = pattern(&format!(r"(?i)(?:^|/)(?:{names})\.txt$"))?;
    let mut lines = Lines::new();
    for path in files.paths.iter().filter(|path| named.is_match(path)) {
        let text = files.text(path, read)?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let between = |c: char| c.is_whitespace() || [',', ';'].contains(&c);
            let (image, text) = line.split_once(between).unwrap_or((line, ""));
            let (text, name) = (text.trim(), split(image).1);
            let name = unaligned(name).unwrap_or(stem(name));
            let before = lines.insert(name.to_owned(), text.to_owned());
            if before.is_some_and(|before| before != text) {
                let reason = format!("{image} has two lines that differ; keep one of the two");
                return Err(Error::unusable(&files.tree.place(path), reason));
            }
        }
    }
    Ok(lines)
}

/// The lowest code of the expressions, which copies count from 0 or from 1.
fn first_expression(expressions: &Lines) -> Result<usize, String> {
    let has = |code: usize| expressions.values().any(|text| text.parse() == Ok(code));
    let last = COMPOUND.len();
    let first = first_code(has(0), has(last)).or(expressions.is_empty().then_some(0));
    first.ok_or_else(|| {
        format!(
            "neither 0 nor {last} occurs in RAFCE_emolabel.txt, so its codes may be counted from 0 or from 1: give the whole list"
        )
    })
}

/// An image's codes and those of them with a side; `None` for `null`, -1 and an empty text, by which the sets mark images that
/// nobody coded.
fn coding(text: &str) -> Result<Option<(AuCoding, String)>, String> {
    match Cell::read(text) {
        _ if text == "-1" => Ok(None),
        Ok(Cell::Coded(units)) => Ok(Some((AuCoding::of_units(&units), facs::sides(&units)))),
        Ok(Cell::NotCoded | Cell::Empty) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Whether the images' parts are a split that can be used, with validation held back where it is missing; otherwise no
/// part is kept.
fn given_split(samples: &mut [RawSample]) -> bool {
    let parts = samples.iter().flat_map(|sample| &sample.parts);
    let parts = parts.filter(|part| **part != Part::None);
    let parts: BTreeSet<&str> = parts.map(|part| part.name()).collect();
    if wanting(&parts) {
        hold_back(samples);
    } else if parts.len() < 3 {
        samples.iter_mut().for_each(|sample| sample.parts.clear());
    }
    parts.len() == 3 || wanting(&parts)
}

impl Lists {
    fn scan(&self, files: &Files, read: Vec<ReadFile>) -> (Vec<String>, Scan) {
        let (mut samples, mut skipped) = (Vec::new(), Vec::new());
        let (images, unlisted, aligned) = self.images(files);
        let class = |image: &String| self.expression(image).ok()?;
        let classes = Vec::from_iter(BTreeSet::from_iter(images.keys().filter_map(class)));
        let mut uncoded = 0;
        for (image, path) in &images {
            match self.sample(image, path, &classes, aligned) {
                Ok(Some(sample)) => samples.push(sample),
                Ok(None) => uncoded += 1,
                Err(reason) => skipped.push(Skipped::new(*path, reason)),
            }
        }
        let bare = "images that nobody coded (null) and that have no expression";
        for (count, reason) in [(uncoded, bare), (unlisted, "images that no list names")] {
            let skip = Skipped::new(".", format!("{reason}: {count}")).of_images(count);
            skipped.extend((count > 0).then_some(skip));
        }
        let (of_images, of_codes) = self.notes(&samples, aligned);
        let mut notes = vec![of_images];
        let folding = match (given_split(&mut samples), classes.is_empty()) {
            (true, _) => Folding::Given(1),
            (false, true) => Folding::BySubject(BTreeSet::new()),
            (false, false) => Folding::ByImage,
        };
        notes.extend(self.part_notes(&folding));
        let scan = Scan {
            folding,
            samples,
            skipped,
            read,
            notes,
            code_notes: vec![of_codes],
        };
        let names = classes.iter().map(|class| COMPOUND[*class].to_owned());
        (names.collect(), scan)
    }

    /// Notes on the list of parts.
    fn part_notes(&self, folding: &Folding) -> Vec<String> {
        const PARTS: [&str; 3] = ["0", "1", "2"];
        let mut notes = Vec::new();
        if *folding == Folding::Given(1) {
            notes.push("RAFCE_partition.txt is the given split: 0 train, 1 test, 2 validation (without any 2, a tenth of train validates).".to_owned());
        } else if !self.parts.is_empty() {
            notes.push("RAFCE_partition.txt is not used: it must contain 0 (train) and 1 (test), and may contain 2 (validation).".to_owned());
        }
        let mut parts = self.parts.iter();
        let unknown = parts.find(|(_, part)| !PARTS.contains(&part.as_str()));
        notes.extend(unknown.map(|(first, part)| {
            let more = parts.filter(|(_, part)| !PARTS.contains(&part.as_str()));
            let count = 1 + more.count();
            format!("Lines of RAFCE_partition.txt that name no part (0, 1, 2): {count} (first {first}, `{part}`).")
        }));
        notes
    }

    /// A listed image with its codes and its expression's position in `classes`; `None` if it has neither.
    fn sample(
        &self,
        image: &str,
        path: &str,
        classes: &[usize],
        is_face: bool,
    ) -> Result<Option<RawSample>, String> {
        let aus = self.codes.get(image).map_or(Ok(None), |text| coding(text));
        let aus = aus.map_err(|reason| format!("its codes: {reason}"))?;
        let expression = self.expression(image)?;
        let label = classes.iter().position(|class| Some(*class) == expression);
        if label.is_none() && aus.is_none() {
            return Ok(None);
        }
        let (aus, sides) = aus.unwrap_or_default();
        let part = label.map_or(Part::None, |_| self.part(image));
        Ok(Some(RawSample {
            role: label.map_or(Role::HeldOut, |_| Role::Labelled),
            aus,
            sides,
            is_face,
            parts: Vec::from_iter((!self.parts.is_empty()).then_some(part)),
            ..RawSample::labelled(path, label.map_or(-1, |label| label as i64))
        }))
    }

    /// The path of each listed image, the number of other images, and whether the paths are the aligned crops.
    fn images<'a>(&self, files: &'a Files) -> (BTreeMap<String, &'a str>, usize, bool) {
        let aligned = files.images().any(|path| unaligned(path).is_some());
        let (mut images, mut others) = (BTreeMap::new(), 0);
        for path in files.images() {
            let name = composed(split(path).1);
            let image = match aligned {
                true => unaligned(&name),
                false => Some(stem(&name)),
            };
            // Beside the crops the photographs that they were cut from.
            let Some(image) = image else { continue };
            match self.codes.contains_key(image) || self.expressions.contains_key(image) {
                true => _ = images.insert(image.to_owned(), path),
                false => others += 1,
            }
        }
        (images, others, aligned)
    }

    fn expression(&self, image: &str) -> Result<Option<usize>, String> {
        let Some(text) = self.expressions.get(image) else {
            return Ok(None);
        };
        let code = text.parse::<usize>().ok();
        let class = code.and_then(|code| code.checked_sub(self.first));
        let class = class.filter(|class| *class < COMPOUND.len());
        class.map(Some).ok_or_else(|| {
            let (first, last) = (self.first, self.first + COMPOUND.len() - 1);
            format!("its expression: `{text}` is not a code from {first} to {last}")
        })
    }

    fn part(&self, image: &str) -> Part {
        match self.parts.get(image).map(String::as_str) {
            Some("0") => Part::Train,
            Some("1") => Part::Test,
            Some("2") => Part::Validation,
            _ => Part::None,
        }
    }

    /// A note on the images and one on their codes.
    fn notes(&self, samples: &[RawSample], aligned: bool) -> (String, String) {
        let coded = |sample: &&RawSample| sample.aus != AuCoding::NotCoded;
        let coded = samples.iter().filter(coded).count();
        let which = match aligned {
            true => "the aligned crops",
            false => "the original photographs",
        };
        let all = self.codes.keys().chain(self.expressions.keys());
        let all = BTreeSet::from_iter(all).len();
        (
            format!("Images are {which}; the lists name {all}. People are unknown."),
            format!("{coded} images have codes, without intensities and with sides pooled."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_sides_and_null_is_not_coded() {
        let (aus, sides) = coding("1+2+L12").unwrap().unwrap();
        assert_eq!(
            (aus.to_string().as_str(), sides.as_str()),
            ("1:0;2:0;12:0", "L12:0")
        );
        let (aus, _) = coding("L14+R14+T23+B28").unwrap().unwrap();
        assert_eq!(aus.to_string(), "14:0;23:0;28:0");
        assert_eq!(
            ["null", "?", ""].map(|text| coding(text).unwrap()),
            [const { None }; 3]
        );
        for neutral in ["none", "0"] {
            let (aus, _) = coding(neutral).unwrap().unwrap();
            assert_eq!(aus.to_string(), "none");
        }
        assert!(coding("1+x").is_err());
    }
}
