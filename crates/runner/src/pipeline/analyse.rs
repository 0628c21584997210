//! The job of `faus analyse`, step by step: data, classes, statistics, patches, studies, report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use faus_base::digest;
use faus_data::Prepared;
use faus_fau::{Ablate, Controls, Lens, Locate, Probe, Replicate, Study};
use faus_model::{ExportInfo, GraphInput, Network, OnnxFile, Precision};
use faus_synth::mean_landmarks;
use faus_train::{Classified, Predictions, Workers};
use faus_viz::LayerLens;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::dataset::Origin;
use super::finished_run::{FinishedRun, OwnNetwork};
use super::job::Job;
use super::landmarks::faces;
use super::run::{FINISHED, versions};
use super::run_folder::{RunFolder, read_json, remove, write_bytes, write_json};
use crate::app::console::{Steps, say};
use crate::app::own_network::{
    SYNTHETIC, check_fits, default_layer, known_rows, normalisation, say_accuracy,
};
use crate::config::json_of;

/// The file that identifies the network of a folder.
const NETWORK: &str = "network.json";
/// Results in a folder that other commands may have written.
const RESULTS: [&str; 5] = ["config.json", "folds", "dataset", "fau", "viz"];

/// `faus analyse`: a network of the user's own, from data to report, in one folder.
pub(crate) struct AnalyseJob<'a> {
    /// Data, settings and folder.
    pub job: Job<'a>,
    /// The network's file.
    pub model: PathBuf,
    /// Its contents.
    pub file: OnnxFile,
    /// The images that it was trained on.
    pub input: GraphInput,
    /// The user's word that no person of the data set was in its training.
    pub unseen: bool,
}

impl AnalyseJob<'_> {
    /// Runs the parts that are not finished; returns the report's page.
    ///
    /// # Errors
    /// When the network or the data cannot be used, the folder holds other results, or the user cancels. Finished work stays
    /// and is not repeated.
    pub fn run(&self) -> Result<PathBuf> {
        let device = self.job.device();
        Precision::for_looking(device)?;
        let network = Network::from_onnx(&self.file, &self.input, device)?;
        let layer = self.job.config.visualize.layer.clone();
        let layer = layer.unwrap_or_else(|| default_layer(&network).to_owned());
        let stage = network.stage_index(&layer)?;
        let workers = Workers::new(0)?;
        let mut record = self.record(&network, &layer, &workers)?;
        let (folder, prepared, same) = self.begin(&mut record)?;
        let report = folder.join("report/index.html");
        if same && report.exists() && folder.join(FINISHED).exists() {
            let out = self.job.out.display();
            say(format!("{out}: finished already, nothing to do"));
            return Ok(report);
        }
        remove(&folder.join(FINISHED))?;
        let steps = Steps::default();
        let lens = LayerLens {
            stage,
            network: network.replica()?,
            prepared: &prepared,
            normalisation: normalisation(&network)?,
            pool: workers.pool(),
            progress: &|step, done, of| steps.show(step, done, of),
        };
        record["classified"] = self.classify(&folder, &lens)?;
        write_json(&folder.join(NETWORK), &record)?;
        say(format!("Analysing {layer} of {}", self.model.display()));
        remove(&folder.join("viz"))?;
        let digest = digests(&record["files"]);
        self.job
            .write_statistics(&folder.join("fau"), &lens, digest)?;
        self.job.stop_here()?;
        self.job.draw(&folder, lens, None)?;
        drop(steps);
        let own = OwnNetwork {
            probed: probed(&network, stage),
            network,
            stage,
            unseen: self.unseen,
        };
        let folder = self.study(folder, own, &mut record)?;
        let report = faus_report::write_report(folder.root())?;
        write_bytes(&folder.join(FINISHED), b"")?;
        Ok(report)
    }

    /// Opens the folder with its data set, after the checks that leave none behind; whether it holds these results already.
    fn begin(&self, record: &mut Value) -> Result<(RunFolder, Prepared, bool)> {
        let job = &self.job;
        let place = job.place()?;
        faus_data::refuse_inside(&job.out, &place)?;
        let known = job.dataset().join("dataset.json").exists();
        let before = read_json(&job.out.join(NETWORK))?;
        match &before {
            // Without data there are no results yet.
            Some(_) if !known => {}
            Some(before) => {
                self.check_same(before, record)?;
                job.check_same(&place, before)?;
                job.check_inputs(&place, before, known)?;
            }
            None => self.check_empty()?,
        }
        let origin = self.origin(&place, known)?;
        let folder = RunFolder::open(&job.out)?;
        record["inputs"] = match &before {
            Some(before) if known => before["inputs"].clone(),
            _ => job.inputs(&place),
        };
        let same = before.as_ref().is_some_and(|before| {
            ["config", "unseen"]
                .iter()
                .all(|key| before[key] == record[key])
        });
        // The record of a finished analysis is complete.
        if !(same && folder.join(FINISHED).exists()) {
            write_json(&folder.join(NETWORK), record)?;
        }
        let prepared = job.prepare(origin)?;
        check_fits(&self.input, &prepared)?;
        let info = prepared.info();
        if self.file.info().is_some_and(ExportInfo::is_synthetic) && !info.synthetic {
            say(SYNTHETIC);
        }
        record["dataset"] = info.name.clone().into();
        record["synthetic"] = info.synthetic.into();
        record["source_digest"] = info.source_digest.clone().into();
        if info.machine_coded {
            record["machine_coded"] = true.into();
        }
        let before = before.unwrap_or_default();
        if before["unseen"] != record["unseen"] {
            remove(&folder.join("fau/replication.json"))?;
        }
        Ok((folder, prepared, same))
    }

    fn origin(&self, place: &Path, known: bool) -> Result<Origin> {
        if known {
            return Ok(Origin::Kept);
        }
        if self.job.prepared.is_none() {
            return Ok(Origin::Source(self.job.open_source(place)?));
        }
        let prepared = Prepared::open(place)?;
        check_fits(&self.input, &prepared)?;
        Ok(Origin::Prepared(Box::new(prepared)))
    }

    /// Rejects a folder with the results of another network, another layer, or another description of its images.
    fn check_same(&self, before: &Value, now: &Value) -> Result<()> {
        let sums = |record: &Value| digests(&record["files"]);
        let what = match () {
            () if sums(before) != sums(now) => "another network",
            () if before["layer"] != now["layer"] => "another layer of this network",
            () if before["input"] != now["input"] => "this network with another input.json",
            () => return Ok(()),
        };
        bail!(
            "{}: holds the analysis of {what} ({}, {}); choose another folder with --out DIR, or delete it",
            self.job.out.display(),
            before["model"].as_str().unwrap_or_default(),
            before["layer"].as_str().unwrap_or_default()
        )
    }

    /// Rejects a folder with results of other commands, which would be replaced.
    fn check_empty(&self) -> Result<()> {
        let out = &self.job.out;
        match RESULTS.iter().find(|part| out.join(part).exists()) {
            None => Ok(()),
            Some(part) => bail!(
                "{}: holds {part} of another command; choose another folder with --out DIR",
                out.display()
            ),
        }
    }

    /// `network.json`: the network, its images, and everything that identifies the analysis.
    fn record(&self, network: &Network, layer: &str, workers: &Workers) -> Result<Value> {
        let graph = network.graph().context("the network has no graph")?;
        let layers = graph.layers().iter().map(|layer| {
            let seen = layer.receptive;
            json!({
                "name": layer.name,
                "operator": layer.operator,
                "filters": layer.filters,
                "map": layer.side,
                "field": seen.map(|seen| seen.size),
                "stride": seen.map(|seen| seen.stride),
            })
        });
        let mut record = json!({
            "model": self.model,
            "files": files(&self.file)?,
            "input": self.input,
            "layer": layer,
            "layers": layers.collect::<Vec<_>>(),
            "weights": graph.parameters(),
            "outputs": network.spec().classes,
            "unseen": self.unseen,
            "date": OffsetDateTime::now_utc().date().to_string(),
            "seed": self.job.config.seed,
            "device": faus_model::device_name(self.job.device()),
            "threads": workers.count(),
            "data": self.job.place()?,
            "started_in": std::env::current_dir().unwrap_or_default(),
            "versions": versions(),
            "command": self.job.command,
            "config": json_of(&self.job.config)?,
        });
        if self.job.prepared.is_some() {
            record["prepared"] = true.into();
        }
        Ok(record)
    }

    /// Classifies the labelled images of classes that the network has: `predictions.csv`, and the scores; null without any.
    fn classify(&self, folder: &RunFolder, lens: &LayerLens) -> Result<Value> {
        let (rows, outputs) = (known_rows(lens), lens.outputs());
        let path = folder.join("predictions.csv");
        remove(&path)?;
        if rows.is_empty() {
            return Ok(Value::Null);
        }
        let labels = lens.prepared.labels();
        let output = |row: &usize| outputs.output(labels[*row]).map(|output| output as i64);
        let predictions = Predictions {
            labels: rows.iter().filter_map(output).collect(),
            logits: lens.logits(&rows)?.values().map(|x| x as f32).collect(),
            classes: outputs.names.len(),
            indices: rows,
        };
        let Some(found) = Classified::of(&predictions, &outputs.names, lens.prepared) else {
            return Ok(Value::Null);
        };
        predictions.write_csv(&path, &outputs.names)?;
        let rows = found.confusion.iter().enumerate();
        let hits: u64 = rows.map(|(class, row)| row[class]).sum();
        let most = found.confusion.iter().map(|row| row.iter().sum::<u64>());
        let most = most.max().unwrap_or(0);
        say_accuracy(lens, found.images, hits as usize, most as usize);
        let mut found = serde_json::to_value(found)?;
        let [only_network, only_data] = outputs.unmatched();
        found["only_network"] = only_network.into();
        found["only_data"] = only_data.into();
        Ok(found)
    }

    /// The studies, where there are statistics with p and intervals; prints the findings.
    fn study(&self, folder: RunFolder, own: OwnNetwork, record: &mut Value) -> Result<RunFolder> {
        if !folder.join("fau/fau.json").exists() {
            return Ok(folder);
        }
        let (job, network) = (&self.job, folder.join(NETWORK));
        let prepared = Prepared::open(&job.dataset())?;
        let mut run = FinishedRun::of_own(folder, own, prepared, job.config.clone(), job.program)?;
        run.source = job.prepared.is_none().then(|| job.place()).transpose()?;
        let located = self.locate(&run)?;
        let controls = Controls {
            skip_training: true,
            ..Controls::default()
        };
        let (probe, ablate) = (Probe::default(), Ablate::default());
        let mut studies: Vec<&dyn Study> = vec![&controls, &Replicate, &probe, &ablate];
        studies.extend(located.as_ref().map(|it| it as &dyn Study));
        let tested = job.config.fau.permutations > 0 && job.config.fau.bootstrap > 0;
        let (folder, mut left_out) = run.settle(if tested { &studies } else { &[] })?;
        if located.is_none() {
            left_out.insert("locate".to_owned(), NO_LANDMARKS.to_owned());
        }
        record["left_out"] = json!(left_out);
        write_json(&network, record)?;
        Ok(folder)
    }

    /// The study of places, if the data set has landmarks.
    fn locate(&self, run: &FinishedRun) -> Result<Option<Locate>> {
        let place = run.source.as_deref();
        let found = place.map(|place| faces(run, place, self.job.program));
        let faces = found.unwrap_or(Ok(vec![])).unwrap_or_else(|error| {
            say(format!("Note: no landmarks can be read ({error:#})"));
            vec![]
        });
        if faces.iter().all(Option::is_none) {
            say(format!("No `locate`: {NO_LANDMARKS}"));
            return Ok(None);
        }
        let mean = mean_landmarks()?;
        Ok(Some(Locate { faces, mean }))
    }
}

/// Layers that are probed, as many as the paper's network has (our choice): every further one takes as long again.
const PROBED: usize = 5;

/// The layers to probe: all where they are few, else some evenly spread over the network, the analysed one and the last among them.
fn probed(network: &Network, stage: usize) -> Vec<String> {
    let names = network.layers();
    let last = names.len() - 1;
    let spread = (0..PROBED).map(|at| at * last / (PROBED - 1));
    let mut chosen = BTreeSet::from_iter(spread);
    if names.len() <= PROBED {
        chosen.extend(0..names.len());
    } else {
        say(format!(
            "Probing {} of {} layers; `faus probe --network` probes all",
            chosen.len() + usize::from(!chosen.contains(&stage)),
            names.len()
        ));
    }
    chosen.insert(stage);
    chosen.into_iter().map(|at| names[at].to_owned()).collect()
}

/// Why the places of maxima are not tested.
const NO_LANDMARKS: &str = "the data has no landmarks of the face; the command `faus locate` uses a mean face where there are none";

/// Name, size and SHA-256 of the network's files.
fn files(file: &OnnxFile) -> Result<Vec<Value>> {
    let of = |path: PathBuf| {
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(json!({ "name": name, "bytes": bytes.len(), "sha256": digest::sha256(&bytes) }))
    };
    file.files().into_iter().map(of).collect()
}

/// The digests of the network's files, in one text.
fn digests(files: &Value) -> String {
    let files = files.as_array().into_iter().flatten();
    let sums = files.filter_map(|file| file["sha256"].as_str());
    sums.collect::<Vec<_>>().join("+")
}
