//! The album of a layer: the folder of its pictures, and the choice of images, filters and patches.

pub(crate) mod choice;
pub(crate) mod distinct;
pub(crate) mod evidence;
pub(crate) mod files;
pub(crate) mod show;

use std::path::Path;

use faus_data::{Prepared, SplitPart};
use faus_fau::{CheckedOptions, Lens};
use faus_model::Network;
use serde_json::json;

use crate::album::choice::Choice;
use crate::album::distinct::Distinct;
use crate::album::evidence::synthetic_mark;
use crate::album::files::{WriteOptions, write_pictures};
use crate::album::show::Show;
use crate::atlas::Atlas;
use crate::atlas::sanity::{Untrained, sanity};
use crate::error::Result;
use crate::explain::method::Explain;
use crate::lens::LayerLens;
use crate::picture::canvas::Captions;

/// The contents of a layer's pictures.
#[derive(Clone)]
pub struct Album<'a> {
    /// Settings of the analysis, for the action units under the filters.
    pub options: &'a CheckedOptions,
    /// The images searched.
    pub rows: &'a [usize],
    /// The part of the fold's split that these are.
    pub split: SplitPart,
    /// The fold; `None` for a checkpoint without one.
    pub fold: Option<usize>,
    /// Why the network may have seen its test people, or its checkpoint was chosen on them; `None` if neither.
    pub may_have_seen: Option<String>,
    /// The filters.
    pub choice: Choice,
    /// The method that explains units.
    pub method: &'a dyn Explain,
    /// Patches per filter.
    pub top: usize,
    /// The required difference between a filter's patches.
    pub distinct: Distinct,
    /// Filters in the figure, at most.
    pub shown: usize,
    /// The picture beside a projection.
    pub show: Show,
    /// Filters of the front page, each with its label; none leaves the page out.
    pub front: Vec<(String, usize)>,
    /// Whether to store arrays too.
    pub arrays: bool,
}

impl Album<'_> {
    /// Writes patches and pictures into `dir`, and with untrained networks the sanity checks and their figure.
    ///
    /// # Errors
    /// When a filter or class does not exist, the network cannot compute, a write fails or the user cancels.
    pub fn write(&self, lens: &LayerLens, dir: &Path, untrained: Option<Untrained>) -> Result<()> {
        if let Some(networks) = &untrained {
            let other = LayerLens {
                network: networks.other.replica()?,
                ..*lens
            };
            self.with_atlas(&other, true, |_, _, atlas, mut options| {
                options.captions.heading.insert_str(0, "UNTRAINED - ");
                let figure = atlas.figure(&options.figure, &options.captions);
                write_pictures(dir, "untrained", &figure)
            })?;
        }
        self.with_atlas(lens, false, move |network, stage, atlas, options| {
            if let Some(networks) = untrained {
                let found = sanity(network, stage, &networks, atlas, &options.figure)?;
                found.write(dir, atlas, &options)?;
            }
            atlas.write(dir, &options)
        })
    }

    /// Calls `f` on the pool with the atlas of the filters chosen, or of the figure's alone.
    fn with_atlas(
        &self,
        lens: &LayerLens,
        figure_alone: bool,
        f: impl FnOnce(&Network, usize, &Atlas, WriteOptions) -> Result<()> + Send,
    ) -> Result<()> {
        let choice = &self.choice;
        let (mut filters, figure, mut ranked) =
            choice.of(lens, self.options, self.rows, self.shown)?;
        if ranked.is_empty() && lens.stage + 1 == lens.network.stages().len() {
            ranked = lens.outputs().names.into_iter().enumerate().collect();
        }
        if figure_alone && !figure.is_empty() {
            filters.clone_from(&figure);
        }
        let mut options = WriteOptions {
            captions: Captions {
                heading: self.heading(lens.prepared, lens.layer()),
                labels: ranked.into_iter().collect(),
            },
            figure,
            front: self.front.clone(),
            arrays: self.arrays,
            synthetic: lens.prepared.info().synthetic,
            facts: json!({
                "split": self.split, "fold": self.fold, "optimistic": self.may_have_seen, "distinct": self.distinct,
                "choice": choice.name(), "shows": self.show, "machine_coded": lens.prepared.info().machine_coded,
            }),
        };
        let groups = self.distinct.groups(lens.prepared);
        lens.with_images(None, self.rows, &groups, move |network, stage, images| {
            let mut atlas = Atlas::gather(network, stage, self.method, &filters, self.top, images)?;
            if self.show == Show::Normalised {
                atlas.show_normalised();
            }
            if options.figure.is_empty() {
                options.figure = atlas.strongest(self.shown);
            }
            f(network, stage, &atlas, options)
        })
    }

    fn heading(&self, prepared: &Prepared, layer: &str) -> String {
        let people = match (self.split, self.fold) {
            (SplitPart::Test, Some(fold)) if self.may_have_seen.is_some() => {
                format!("test part of fold {fold}, OPTIMISTIC")
            }
            (SplitPart::Test, Some(fold)) => format!("people it never saw (fold {fold})"),
            (SplitPart::Train, _) => "people it was trained on".to_owned(),
            (SplitPart::Val, Some(fold)) => format!("validation people (fold {fold})"),
            _ => "all images".to_owned(),
        };
        let (synthetic, method) = (synthetic_mark(prepared), self.method.title());
        let coders = if prepared.info().machine_coded {
            "MACHINE-CODED - "
        } else {
            ""
        };
        let shows = self.show.title();
        format!("{synthetic}{coders}{layer}, {method}, {shows}, {people}")
    }
}
