use std::path::Path;

use anyhow::{Context, Result, bail};
use atomic_write_file::AtomicWriteFile;
use faus_data::Prepared;
use faus_data::normalise::Normalisation;
use faus_fau::{
    Activations, Analysis, CheckedOptions, OutputOptions, analyse_watched, read_samples,
};
use faus_model::Network;
use faus_train::{Workers, images_tensor};
use faus_viz::{FilterPatches, ImageSet, Method, cut_patches, top_units};
use npyz::WriterBuilder;

use crate::commands::watched;
use crate::console::say;
use crate::interrupt;

/// A layer of a trained network, and the images it is looked at with.
pub(crate) struct Look<'a> {
    pub network: &'a Network,
    pub stage: usize,
    pub prepared: &'a Prepared,
    pub normalisation: Normalisation,
    pub workers: &'a Workers,
}

impl Look<'_> {
    pub fn layer(&self) -> &str {
        &self.network.stages()[self.stage].name
    }

    /// F(x) of every row of the data set.
    pub fn activations(&self) -> Result<Activations> {
        let rows: Vec<usize> = (0..self.prepared.len()).collect();
        let values = faus_train::activations(
            self.network,
            self.prepared,
            &rows,
            self.stage,
            &self.normalisation,
            self.workers,
        )?;
        let filters = values.len() / rows.len().max(1);
        Ok(Activations::new(rows.len(), filters, values)?)
    }

    /// F(x) and its statistics as files of `dir`; `None` where the data set has no FACS codes to test against.
    pub fn action_units(&self, dir: &Path, options: &CheckedOptions) -> Result<Option<Analysis>> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{}: cannot be made", dir.display()))?;
        let activations = self.activations()?;
        write_activations(&dir.join("activations.npy"), &activations)?;
        let samples = read_samples(&self.prepared.dir().join("samples.csv"))?;
        let analysis = watched("Exchanging codes", |watch| {
            self.workers
                .install(|| analyse_watched(&activations, &samples, options, watch))
        });
        let analysis = match analysis {
            Ok(analysis) => analysis,
            Err(error @ faus_fau::Error::Cancelled) => return Err(error.into()),
            Err(error) => {
                say(format!("No action-unit analysis: {error}"));
                return Ok(None);
            }
        };
        let said = OutputOptions {
            synthetic: Some(self.prepared.info().synthetic),
            layer: Some(self.layer().to_owned()),
            ..OutputOptions::default()
        };
        analysis.write(dir, &said)?;
        for sentence in analysis.verdict() {
            say(format!("  {sentence}"));
        }
        Ok(Some(analysis))
    }

    /// The `top` patches of each of `filters` among the images `rows`.
    pub fn patches(
        &self,
        rows: &[usize],
        filters: &[usize],
        top: usize,
        method: Method,
    ) -> Result<Vec<FilterPatches>> {
        let prepared = self.prepared;
        let grey = |row: usize| prepared.image(row);
        let normalisation = self.normalisation;
        let normalised = |rows: &[usize]| {
            images_tensor(prepared, rows, &normalisation).map_err(|e| e.to_string())
        };
        let images = ImageSet {
            rows,
            subjects: prepared.subjects(),
            side: prepared.image_size(),
            normalised: &normalised,
            grey: &grey,
            stopped: &interrupt::stopped,
        };
        let (shared, stage) = (self.network.replica()?, self.stage);
        let patches = self.workers.install(move || {
            let tops = top_units(&shared, stage, filters, top, &images)?;
            cut_patches(&shared, stage, method, &tops, &images)
        });
        match patches {
            Err(faus_viz::Error::Cancelled) => {
                bail!("stopped on request while patches were made; the same command makes them")
            }
            patches => Ok(patches?),
        }
    }
}

/// Writes activations as f32 npy `[rows, filters]`, atomically.
pub(crate) fn write_activations(path: &Path, activations: &Activations) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let mut file = AtomicWriteFile::open(path).with_context(failed)?;
    let shape = [activations.rows() as u64, activations.filters() as u64];
    let buffered = std::io::BufWriter::new(&mut file);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(buffered)
        .begin_nd()
        .with_context(failed)?;
    let values = activations.values().iter().copied();
    writer.extend(values).with_context(failed)?;
    writer.finish().with_context(failed)?;
    file.commit().with_context(failed)
}

/// Filters for the figure: the best filter of each action unit first, so that different parts of the face are seen, then
/// the next best; without an analysis those that respond most.
pub(crate) fn figure_filters(
    analysis: Option<&Analysis>,
    patches: &[FilterPatches],
    count: usize,
) -> Vec<usize> {
    let full = |filter: &usize| {
        let mut with_patches = patches.iter().filter(|p| !p.patches.is_empty());
        with_patches.any(|p| p.filter == *filter)
    };
    let ranked: Vec<usize> = match analysis {
        Some(analysis) => analysis.best_filters(patches.len()),
        None => {
            let mut by_response: Vec<&FilterPatches> = patches.iter().collect();
            let response = |p: &FilterPatches| p.patches.first().map_or(0.0, |p| p.unit.activation);
            by_response.sort_by(|a, b| response(b).total_cmp(&response(a)));
            by_response.into_iter().map(|p| p.filter).collect()
        }
    };
    ranked.into_iter().filter(full).take(count).collect()
}
