use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use faus_data::Prepared;
use faus_model::{Architecture, Network};
use faus_viz::{
    Atlas, Captions, Evidence, ImageSet, Method, Untrained, WriteOptions, evidence, sanity,
    write_both, write_evidence,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::choice::{Choice, Chosen};
use crate::config::SplitPart;
use crate::look::{Look, stoppable};

/// What the patches of one filter must differ in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Distinct {
    /// Nothing but the image: three frames of one smile may be three patches.
    Image,
    /// The sequence.
    Sequence,
    /// The person.
    #[default]
    Subject,
}

impl Distinct {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Sequence => "sequence",
            Self::Subject => "subject",
        }
    }

    /// The group of every row; negative where an image stands for itself.
    fn groups(self, look: &Look) -> Vec<i64> {
        let prepared = look.prepared;
        match self {
            Self::Image => vec![-1; prepared.len()],
            Self::Subject => prepared.subjects().to_vec(),
            Self::Sequence => {
                let mut numbers = BTreeMap::new();
                let samples = prepared.samples().iter();
                samples
                    .map(|sample| {
                        let next = numbers.len() as i64;
                        match sample.sequence.as_str() {
                            "" => -1,
                            name => *numbers.entry((sample.subject, name)).or_insert(next),
                        }
                    })
                    .collect()
            }
        }
    }
}

/// What is looked at, and how it is shown.
pub(crate) struct View<'a> {
    pub look: &'a Look<'a>,
    /// The images that are looked through.
    pub rows: &'a [usize],
    /// The part of the fold's split that these are.
    pub split: SplitPart,
    /// The fold, where there is one.
    pub fold: Option<usize>,
    /// Why the network may have seen the people of its test part, or chosen its checkpoint by them; `None` where it has not.
    pub may_have_seen: Option<String>,
    pub choice: Choice,
    pub method: Method,
    pub top: usize,
    pub distinct: Distinct,
    /// Filters in the figure, at most.
    pub shown: usize,
    pub arrays: bool,
}

/// What of a [`View`] the threads that draw it share.
#[derive(Clone)]
struct Drawing {
    stage: usize,
    method: Method,
    top: usize,
    shown: usize,
    heading: String,
    options: WriteOptions,
}

impl View<'_> {
    /// Writes patches, pictures and, given a way to untrained networks, what they look like without training into `dir`.
    pub fn write(&self, dir: &Path, untrained: Option<&Beginning>) -> Result<()> {
        let chosen = self.choice.of(self.look, self.rows, self.shown)?;
        let random = untrained.map(|u| self.random(u)).transpose()?;
        let network = self.look.network.replica()?;
        let (drawing, workers) = (self.drawing(), self.look.workers);
        let groups = self.distinct.groups(self.look);
        let written = self.look.with_images(self.rows, &groups, |images| {
            workers.install(move || drawing.write(dir, &network, chosen, random, images))
        });
        stoppable(written, "patches were made")
    }

    /// The untrained networks, and what the same rule chooses in the second of them.
    fn random(&self, beginning: &Beginning) -> Result<Random> {
        let (cascade, other) = beginning.networks(self.look.network)?;
        let look = Look {
            network: &other,
            ..*self.look
        };
        Ok(Random {
            chosen: self.choice.of(&look, self.rows, self.shown)?,
            seed: beginning.seed,
            cascade,
            other,
        })
    }

    /// Writes what speaks for a class (else for the predicted one) in some images into `dir`.
    pub fn write_evidence(&self, dir: &Path, rows: &[usize], class: Option<usize>) -> Result<()> {
        let network = self.look.network.replica()?;
        let (prepared, workers) = (self.look.prepared, self.look.workers);
        let mut options = self.drawing().options;
        options.captions.heading = format!(
            "{}what speaks for the class: red for, blue against",
            synthetic_words(prepared)
        );
        let written = self.look.with_images(rows, &[], |images| {
            workers.install(move || {
                let all = evidence(&network, class, images)?;
                let (keys, words): (Vec<_>, Vec<_>) = all.iter().map(|e| told(prepared, e)).unzip();
                write_evidence(dir, &all, (&keys, &words), images, &options)
            })
        });
        stoppable(written, "evidence maps were made")
    }

    fn drawing(&self) -> Drawing {
        let prepared = self.look.prepared;
        Drawing {
            stage: self.look.stage,
            method: self.method,
            top: self.top,
            shown: self.shown,
            heading: self.heading(),
            options: WriteOptions {
                arrays: self.arrays,
                synthetic: prepared.info().synthetic,
                facts: self.facts(),
                ..WriteOptions::default()
            },
        }
    }

    fn heading(&self) -> String {
        let whose = match (self.split, self.fold) {
            (SplitPart::Test, Some(fold)) if self.may_have_seen.is_some() => {
                format!("test part of fold {fold}, OPTIMISTIC")
            }
            (SplitPart::Test, Some(fold)) => format!("people it never saw (fold {fold})"),
            (SplitPart::Train, _) => "people it was trained on".to_owned(),
            (SplitPart::Val, Some(fold)) => format!("validation people (fold {fold})"),
            _ => "all images".to_owned(),
        };
        let synthetic = synthetic_words(self.look.prepared);
        format!(
            "{synthetic}{}, {}, {whose}",
            self.look.layer(),
            self.method.title()
        )
    }

    fn facts(&self) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("split".into(), crate::config::name_of(self.split).into());
        facts.insert("fold".into(), self.fold.into());
        facts.insert("optimistic".into(), self.may_have_seen.clone().into());
        facts.insert("distinct".into(), self.distinct.name().into());
        facts.insert("choice".into(), self.choice.words().into());
        facts
    }
}

/// Untrained networks, and the filters of the second that its figure shows.
struct Random {
    cascade: Network,
    other: Network,
    chosen: Chosen,
    seed: u64,
}

impl Drawing {
    fn write(
        mut self,
        dir: &Path,
        network: &Network,
        chosen: Chosen,
        random: Option<Random>,
        images: &ImageSet,
    ) -> Result<(), faus_viz::Error> {
        let (stage, method) = (self.stage, self.method);
        let atlas = Atlas::gather(network, stage, method, &chosen.filters, self.top, images)?;
        let strongest = || atlas.strongest(self.shown);
        self.options.figure = chosen.figure.unwrap_or_else(strongest);
        self.options.captions = Captions {
            heading: self.heading.clone(),
            labels: chosen.labels,
        };
        if let Some(random) = random {
            let networks = Untrained {
                cascade: &random.cascade,
                other: &random.other,
            };
            sanity(network, stage, &networks, &atlas, &self.options.figure)?.write(
                dir,
                &atlas,
                &self.options,
                random.seed,
            )?;
            self.write_untrained(dir, random, images)?;
        }
        atlas.write(dir, &self.options)
    }

    /// The figure of a network that never was trained.
    fn write_untrained(
        &self,
        dir: &Path,
        random: Random,
        images: &ImageSet,
    ) -> Result<(), faus_viz::Error> {
        let (all, figure) = (random.chosen.filters, random.chosen.figure);
        let filters = figure.as_ref().unwrap_or(&all);
        let other = &random.other;
        let atlas = Atlas::gather(other, self.stage, self.method, filters, self.top, images)?;
        let captions = Captions {
            heading: format!("UNTRAINED - {}", self.heading),
            labels: random.chosen.labels,
        };
        let figure = figure.unwrap_or_else(|| atlas.strongest(self.shown));
        write_both(dir, "untrained", |scale| {
            atlas.figure(&figure, &captions, scale)
        })
    }
}

fn synthetic_words(prepared: &Prepared) -> &'static str {
    if prepared.info().synthetic {
        "SYNTHETIC FACES - "
    } else {
        ""
    }
}

/// What is said of an image's evidence: in the JSON, and beside its picture.
fn told(prepared: &Prepared, one: &Evidence) -> (Value, Vec<String>) {
    let name = |class: usize| {
        prepared
            .info()
            .classes
            .get(class)
            .cloned()
            .unwrap_or_default()
    };
    let label = usize::try_from(prepared.labels()[one.index]).ok().map(name);
    let (subject, logit) = (prepared.subjects()[one.index], one.logits.get(one.class));
    let keys = json!({
        "index": one.index, "subject": subject, "label": label, "predicted": name(one.predicted()),
        "class": name(one.class), "logit": logit, "probability": one.probability(),
    });
    let words = vec![
        format!("for {}", name(one.class)),
        format!("probability {:.2}", one.probability()),
        format!("is {}", label.unwrap_or_else(|| "unlabelled".to_owned())),
        format!("image {}", one.index),
    ];
    (keys, words)
}

/// How the network began: what untrained networks are drawn like.
pub(crate) struct Beginning<'a> {
    pub architecture: &'a dyn Architecture,
    pub seed: u64,
}

impl Beginning<'_> {
    /// Two of them, drawn independently, where `like` is.
    fn networks(&self, like: &Network) -> Result<(Network, Network)> {
        let draw = |seed: u64| Network::build(self.architecture, like.spec(), seed, like.device());
        // Far from the seeds of training, which begins with `seed`.
        let of = |n: u64| draw(self.seed ^ (0x5a17_0000 + n));
        Ok((of(0)?, of(1)?))
    }
}
