//! Assigns people, or images, to folds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::people::People;
use crate::fold::rule::FoldRule;
use crate::fold::subjects::{balanced_folds, subject_folds};
use crate::label::Role;
use crate::prepared::options::PrepareOptions;
use crate::read::source::{Folding, RawSample, Scan};

/// One labelled image in this many may lack an identity, and a single one always, if a data set's own splits are to count as
/// subject-independent (our choice).
const UNKNOWN_IN: usize = 20;

/// The folds of a data set.
pub(crate) struct Deal {
    pub rule: FoldRule,
    pub folds: usize,
    pub people: People,
    /// The fold of every subject; `None` if images are assigned instead or the splits are given.
    pub by_subject: Option<BTreeMap<i64, i64>>,
    /// Images of each class so far, for sources without subjects.
    dealt: HashMap<i64, usize>,
}

impl Deal {
    /// The folds of the data set's images under these options.
    pub fn of(scan: &Scan, options: &PrepareOptions) -> Result<Self, Error> {
        let wanted = options.fold_rule;
        let folds = options.fold_count(&scan.folding);
        let given = matches!(scan.folding, Folding::Given(_)) && options.takes_given();
        if wanted == Some(FoldRule::Given) && !given {
            let reason = "'given' needs a data set with its own splits into training, validation and test parts, which this one does not have";
            return Err(Error::setting("fold rule", reason));
        }
        let rule = match given {
            true => FoldRule::Given,
            false => wanted.unwrap_or_default(),
        };
        let people = People::of(scan);
        let subjects = (!given).then(|| subjects(scan, &people)).flatten();
        let by_subject = subjects.map(|subjects| match rule {
            FoldRule::Balanced => {
                let images = labelled(&scan.samples).map(|s| (people.number(&s.subject), s.label));
                balanced_folds(&Vec::from_iter(images), &subjects, folds)
            }
            _ => subject_folds(&subjects, folds),
        });
        Ok(Self {
            rule,
            folds,
            people,
            by_subject,
            dealt: HashMap::new(),
        })
    }

    /// The fold of the next image; −1 where it is in none.
    pub fn fold(&mut self, raw: &RawSample) -> i64 {
        match &self.by_subject {
            _ if self.rule == FoldRule::Given => -1,
            Some(folds) => {
                let subject = self.people.number(&raw.subject);
                folds.get(&subject).copied().unwrap_or(-1)
            }
            None if raw.role == Role::HeldOut => -1,
            None => {
                let dealt = self.dealt.entry(raw.label).or_default();
                *dealt += 1;
                ((*dealt - 1) % self.folds) as i64
            }
        }
    }

    /// Notes on the folds for `dataset.json`.
    pub fn notes(&self, scan: &Scan) -> Vec<String> {
        if labelled(&scan.samples).next().is_none() {
            let note = "No image has an expression: the set is for the analysis of action units, and nothing can be trained on it.";
            return vec![note.to_owned()];
        }
        let dealt = self.rule != FoldRule::Given;
        let own_split = dealt && matches!(scan.folding, Folding::Given(_));
        let folds = self.folds;
        let subjects = self.by_subject.as_ref().map_or(folds, BTreeMap::len);
        let few = format!(
            "There are fewer subjects ({subjects}) than folds ({folds}): some folds test nobody."
        );
        let two = "Of two folds one tests and the other validates, so that none is left to train on; three are the least (two will do \
                   under the protocol paper-2015, which chooses on the test fold).";
        let not_used = "Folds were requested, so the data set's own split, which the notes above describe, is not used.";
        let one_class = "No subject shows two classes. If a subject pattern took the class for the person, subjects and folds are wrong.";
        let notes = [
            (own_split, not_used),
            (subjects < folds, &few),
            (dealt && folds == 2, two),
            (self.one_class_each(scan), one_class),
        ];
        let notes = notes.iter().filter(|(applies, _)| *applies);
        let mut notes = Vec::from_iter(notes.map(|(_, note)| note.to_string()));
        notes.extend(self.people.alike());
        if !dealt && self.subject_independent(&scan.samples) {
            let paths = self.nobody(&scan.samples).map(|sample| &sample.path);
            let alone =
                |path| format!("{path} has no identity: its person may be in another part too.");
            notes.extend(paths.map(alone));
        }
        notes
    }

    /// Whether no subject is in two parts of a split: true if subjects are assigned, false if images are, and checked
    /// for the data set's own splits, where a few images without identity are left out ([`Deal::notes`] lists them).
    pub fn subject_independent(&self, samples: &[RawSample]) -> bool {
        if self.rule != FoldRule::Given {
            return self.by_subject.is_some();
        }
        let mut known: HashMap<(i64, usize), Part> = HashMap::new();
        let (all, unknown) = (labelled(samples).count(), self.nobody(samples).count());
        let number = |sample: &RawSample| self.people.number(&sample.subject);
        let mut known_people = labelled(samples).filter(|sample| number(sample) >= 0);
        unknown <= 1.max(all / UNKNOWN_IN)
            && unknown < all
            && known_people.all(|sample| {
                let parts = sample.parts.iter().enumerate();
                let mut used = parts.filter(|(_, part)| **part != Part::None);
                let subject = number(sample);
                used.all(|(split, &part)| *known.entry((subject, split)).or_insert(part) == part)
            })
    }

    /// The labelled images of unknown people.
    fn nobody<'a>(&self, samples: &'a [RawSample]) -> impl Iterator<Item = &'a RawSample> {
        labelled(samples).filter(|sample| self.people.number(&sample.subject) < 0)
    }

    /// Whether no subject shows two classes: the people of these data sets do, so the class may have been taken for the
    /// subject.
    fn one_class_each(&self, scan: &Scan) -> bool {
        let shown = labelled(&scan.samples).map(|s| (self.people.number(&s.subject), s.label));
        let shown = BTreeSet::from_iter(shown.filter(|(subject, _)| *subject >= 0));
        let (subjects, classes): (BTreeSet<i64>, BTreeSet<i64>) = shown.iter().copied().unzip();
        classes.len() > 1 && shown.len() == subjects.len()
    }
}

/// The subjects that take part in folds, `None` where they are not all known.
fn subjects(scan: &Scan, people: &People) -> Option<BTreeSet<i64>> {
    let number = |subject: &String| Some(people.number(subject)).filter(|number| *number >= 0);
    match &scan.folding {
        Folding::BySubject(subjects) => Some(subjects.iter().filter_map(number).collect()),
        Folding::ByImage => None,
        Folding::Given(_) => labelled(&scan.samples)
            .map(|s| number(&s.subject))
            .collect(),
    }
}

fn labelled(samples: &[RawSample]) -> impl Iterator<Item = &RawSample> {
    samples.iter().filter(|s| s.role == Role::Labelled)
}
