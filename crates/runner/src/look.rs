use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use anyhow::{Context, Result, bail};
use atomic_write_file::AtomicWriteFile;
use faus_data::Prepared;
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_fau::{Activations, Analysis, CheckedOptions, OutputOptions, analyse_with, read_samples};
use faus_model::Network;
use faus_train::Workers;
use faus_viz::{ImageSet, stream_maxima};
use npyz::WriterBuilder;

use crate::commands::watched;
use crate::console::{Bar, say};
use crate::interrupt;

/// Groups of rows computed ahead of who takes them.
const AHEAD: usize = 4;

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
        let mut values = Vec::new();
        self.stream_activations(&rows, |some| {
            values.extend_from_slice(some);
            Ok(())
        })?;
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
                .install(|| analyse_with(&activations, &samples, options, &[], watch))
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

    /// `f` with the images `rows`, of which no two of one of `groups` shall show the same filter.
    pub fn with_images<R>(
        &self,
        rows: &[usize],
        groups: &[i64],
        f: impl FnOnce(&ImageSet) -> R,
    ) -> R {
        let (prepared, normalisation) = (self.prepared, self.normalisation);
        let pixels = prepared.image_size() * prepared.image_size();
        let bar = Bar::new("Looking through images", rows.len() as u64);
        let (seen, of) = (AtomicU64::new(0), rows.len() as u64);
        let normalised = |rows: &[usize]| {
            // Some are asked for once more, for their patches.
            let asked = seen.fetch_add(rows.len() as u64, Ordering::Relaxed);
            bar.set((asked + rows.len() as u64).min(of), of, "");
            let mut values = vec![0.0; rows.len() * pixels];
            let mut scratch = Vec::new();
            for (&row, out) in rows.iter().zip(values.chunks_exact_mut(pixels)) {
                to_unit_range(prepared.image(row), out);
                normalisation.apply(out, prepared.image_size(), &mut scratch);
            }
            Ok(values)
        };
        f(&ImageSet {
            rows,
            subjects: prepared.subjects(),
            groups,
            side: prepared.image_size(),
            normalised: &normalised,
            grey: &|row| prepared.image(row),
            stopped: &interrupt::stopped,
        })
    }

    /// Hands F(x) of `rows` to `take`, a few rows at a time and in order; memory does not grow with their number.
    pub fn stream_activations(
        &self,
        rows: &[usize],
        mut take: impl FnMut(&[f32]) -> std::io::Result<()>,
    ) -> Result<()> {
        let (network, stage, workers) = (self.network.replica()?, self.stage, self.workers);
        let streamed = self.with_images(rows, &[], |images| {
            std::thread::scope(|scope| {
                let (sender, receiver) = sync_channel::<Vec<f32>>(AHEAD);
                let computing = scope.spawn(move || {
                    workers.install(move || {
                        stream_maxima(&network, stage, images, |_, maxima| {
                            let gone = |_| faus_viz::Error::Cancelled;
                            sender.send(maxima.values.clone()).map_err(gone)
                        })
                    })
                });
                for values in receiver {
                    take(&values)?;
                }
                let joined = computing.join();
                let panicked = |panic| std::panic::resume_unwind(panic);
                Ok::<_, std::io::Error>(joined.unwrap_or_else(panicked))
            })
        })?;
        stoppable(streamed, "activations were computed")
    }
}

/// The result, or what to say when the user stopped it.
pub(crate) fn stoppable<R>(result: Result<R, faus_viz::Error>, meanwhile: &str) -> Result<R> {
    match result {
        Err(faus_viz::Error::Cancelled) => {
            bail!("stopped on request while {meanwhile}; the same command makes them")
        }
        result => Ok(result?),
    }
}

/// Writes F(x) of `rows` as f32 npy `[rows, filters]` while it is computed, atomically.
pub(crate) fn stream_to_npy(
    look: &Look,
    rows: &[usize],
    filters: usize,
    path: &Path,
) -> Result<()> {
    write_npy(path, [rows.len(), filters], |write| {
        look.stream_activations(rows, |values| values.iter().try_for_each(|v| write(*v)))
    })
}

/// Writes activations as f32 npy `[rows, filters]`, atomically.
pub(crate) fn write_activations(path: &Path, activations: &Activations) -> Result<()> {
    write_npy(path, [activations.rows(), activations.filters()], |write| {
        Ok(activations.values().iter().try_for_each(|v| write(*v))?)
    })
}

fn write_npy(
    path: &Path,
    shape: [usize; 2],
    fill: impl FnOnce(&mut dyn FnMut(f32) -> std::io::Result<()>) -> Result<()>,
) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let mut file = AtomicWriteFile::open(path).with_context(failed)?;
    let buffered = std::io::BufWriter::new(&mut file);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape.map(|n| n as u64))
        .writer(buffered)
        .begin_nd()
        .with_context(failed)?;
    fill(&mut |value| writer.push(&value)).with_context(failed)?;
    writer.finish().with_context(failed)?;
    file.commit().with_context(failed)
}
