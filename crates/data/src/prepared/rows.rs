//! Rows of a prepared set: each image's class and fold, and notes on empty classes and folds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::fold::assign::Deal;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::Role;
use crate::prepared::sample::Sample;
use crate::prepared::worker::Face;
use crate::read::source::RawSample;

/// Turns raw samples into rows, assigning folds.
pub(crate) struct Rows {
    classes: Vec<String>,
    deal: Deal,
    /// Images of each class so far, for sources without subjects.
    dealt: HashMap<i64, usize>,
    /// Labelled images of each class.
    images: Vec<usize>,
    /// Labelled images that each fold, or each split of the data set, tests.
    tested: Vec<usize>,
    /// Faces that landmarks place in the middle of their images, and at the side.
    placed: [usize; 2],
}

impl Rows {
    pub fn new(deal: Deal, classes: Vec<String>) -> Self {
        Self {
            images: vec![0; classes.len()],
            tested: vec![0; deal.folds],
            classes,
            deal,
            dealt: HashMap::new(),
            placed: [0, 0],
        }
    }

    /// Counts where landmarks placed a face.
    pub fn place(&mut self, off_centre: Option<bool>) {
        if let Some(off_centre) = off_centre {
            self.placed[usize::from(off_centre)] += 1;
        }
    }

    pub fn sample(&mut self, raw: &RawSample, face: &Face) -> Sample {
        let class = usize::try_from(raw.label).ok();
        let label_name = class.and_then(|class| self.classes.get(class)).cloned();
        let sample = Sample {
            index: 0,
            subject: raw.subject,
            sequence: raw.sequence.clone(),
            frame: raw.frame,
            role: raw.role,
            label: raw.label,
            label_name: label_name.unwrap_or_default(),
            fold: self.fold(raw),
            parts: match self.deal.rule {
                FoldRule::Given => raw.parts.clone(),
                _ => Vec::new(),
            },
            face_found: face.found,
            crop: Some(face.crop),
            path: raw.path.clone(),
            aus: raw.aus.clone(),
        };
        self.count(&sample);
        sample
    }

    fn fold(&mut self, raw: &RawSample) -> i64 {
        match &self.deal.by_subject {
            _ if self.deal.rule == FoldRule::Given => -1,
            Some(folds) => folds.get(&raw.subject).copied().unwrap_or(-1),
            None if raw.role == Role::HeldOut => -1,
            None => {
                let dealt = self.dealt.entry(raw.label).or_default();
                *dealt += 1;
                ((*dealt - 1) % self.deal.folds) as i64
            }
        }
    }

    fn count(&mut self, sample: &Sample) {
        if sample.role != Role::Labelled {
            return;
        }
        let class = usize::try_from(sample.label).ok();
        if let Some(images) = class.and_then(|class| self.images.get_mut(class)) {
            *images += 1;
        }
        let folds = self.deal.folds;
        for (fold, tested) in self.tested.iter_mut().enumerate() {
            *tested += usize::from(sample.part(fold, folds) == Part::Test);
        }
    }

    /// An error unless two classes have images.
    pub fn check(&self) -> Result<(), String> {
        let kept = self.classes.iter().zip(&self.images);
        let kept: Vec<_> = kept.filter(|(_, images)| **images > 0).collect();
        match kept[..] {
            [] => Err("none is usable".to_owned()),
            [(class, _)] => Err(format!(
                "only those of {class} are usable, and training needs two classes"
            )),
            _ => Ok(()),
        }
    }

    /// Notes for `dataset.json`, `planned` being the images of the source.
    pub fn notes(&self, planned: &[RawSample]) -> Vec<String> {
        let notes = [self.emptied(planned), self.untested(), self.off_centre()];
        notes.into_iter().flatten().collect()
    }

    /// Names the classes of `planned` without any usable image.
    fn emptied(&self, planned: &[RawSample]) -> Option<String> {
        let planned: BTreeSet<i64> = planned.iter().map(|raw| raw.label).collect();
        let classes = self.classes.iter().zip(&self.images).zip(0..);
        let lost = classes.filter(|((_, images), label)| **images == 0 && planned.contains(label));
        let lost: Vec<&str> = lost.map(|((name, _), _)| name.as_str()).collect();
        let names = lost.join(", ");
        (!lost.is_empty()).then(|| format!("No image of {names} could be used: all were skipped."))
    }

    /// Names the folds without an image, unless there are fewer people than folds, which has its own note.
    fn untested(&self) -> Option<String> {
        let folds = self.deal.folds;
        let subjects = self.deal.by_subject.as_ref().map(BTreeMap::len);
        if subjects.is_some_and(|subjects| subjects < folds) {
            return None;
        }
        let empty: Vec<String> = (0..folds)
            .filter(|&fold| self.tested[fold] == 0)
            .map(|fold| fold.to_string())
            .collect();
        (!empty.is_empty()).then(|| format!("Folds that test nothing: {}.", empty.join(", ")))
    }

    fn off_centre(&self) -> Option<String> {
        let [middle, side] = self.placed;
        let all = middle + side;
        (side > middle).then(|| format!(
            "By their landmarks {side} of {all} faces are at the side of their image: were the images resized and the landmarks not? \
             A look at the crops (--review) tells; the crop 'detector' does without landmarks."
        ))
    }
}
