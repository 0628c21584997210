//! `faus replicate`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use faus_base::person::Person;
use faus_data::{Prepared, Sample};
use faus_fau::{Replicate, ReplicateOn, SampleRow, read_samples};
use serde_json::{Map, Value};

use super::study::StudyArgs;
use crate::app::program::Program;
use crate::pipeline::finished_run::FinishedRun;
use crate::pipeline::run_folder::read_json;

/// Score filter-AU pairs on people unknown to the network.
///
/// Pairs are chosen on each fold's training people and scored on its test people.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus replicate runs/ck_plus-cnn_ad-quick\n  faus replicate runs/ck_plus-cnn_ad-quick --on prepared/disfa-48"
)]
pub(crate) struct ReplicateArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Choose on all coded people of the run and score on another prepared set: other people, its own codes, images of the
    /// same size, any classes.
    #[arg(long, value_name = "PREPARED")]
    on: Option<PathBuf>,
}

pub(crate) fn replicate(args: ReplicateArgs, program: &Program) -> Result<()> {
    match &args.on {
        None => args.of.carry_out(&Replicate, program),
        Some(on) => replicate_on(&args.of.open(program)?, on),
    }
}

fn replicate_on(run: &FinishedRun, dir: &Path) -> Result<()> {
    let other = Prepared::open(dir)?;
    check_other(&run.prepared, &other)?;
    let samples = read_samples(&dir.join("samples.csv"))?;
    check_coded(&samples, dir)?;
    let info = read_json(&dir.join("dataset.json"))?.unwrap_or_default();
    let study = ReplicateOn {
        name: in_words(&info),
        samples: &samples,
        image: &|row| other.image(row),
        about: about(&info),
        cautions: cautions(&run.prepared, &other),
    };
    run.carry_out(&study, None)
}

fn check_coded(samples: &[SampleRow], dir: &Path) -> Result<()> {
    if samples.iter().all(|sample| sample.coded.is_none()) {
        bail!(
            "{}: no image has codes of action units (column aus of samples.csv); prepare the set with its codes",
            dir.display()
        );
    }
    Ok(())
}

/// Rejects a set whose images do not fit the run's networks, and one with images of the run: the networks have seen them.
fn check_other(run: &Prepared, other: &Prepared) -> Result<()> {
    let (shown, side) = (other.dir().display(), run.image_size());
    if other.image_size() != side {
        bail!(
            "{shown}: images of {} pixels, the run's networks take {side}; prepare the set again with --size {side}",
            other.image_size()
        );
    }
    let digest = &run.info().source_digest;
    if !digest.is_empty() && *digest == other.info().source_digest {
        bail!(
            "{shown}: prepared from the same files as the run's data set; give a set of other people, or leave out --on"
        );
    }
    let known: HashSet<&[u8]> = (0..run.len()).map(|row| run.image(row)).collect();
    let twice = |row: &usize| {
        let pixels = other.image(*row);
        // A flat image shows nobody.
        known.contains(pixels) && pixels.iter().any(|pixel| *pixel != pixels[0])
    };
    let twice: Vec<usize> = (0..other.len()).filter(twice).collect();
    if let Some(first) = twice.first() {
        bail!(
            "{shown}: {} of its images are images of the run too, the first being {}; give a set of other people",
            twice.len(),
            other.samples()[*first].path
        );
    }
    Ok(())
}

/// The set's name and what its faces and codes are, if not photographs and people's codes.
fn in_words(info: &Value) -> String {
    let name = info["name"].as_str().unwrap_or("the other set");
    let marks = [
        ("synthetic", "drawn faces"),
        ("machine_coded", "machine-coded"),
    ];
    let marks = marks.into_iter().filter(|(key, _)| info[*key] == true);
    let mut marks: Vec<String> = marks.map(|(_, words)| words.to_owned()).collect();
    let threshold = info["au_threshold"].as_u64();
    marks.extend(threshold.map(|grade| format!("units present from intensity {grade} on")));
    match marks.is_empty() {
        true => name.to_owned(),
        false => format!("{name}, {}", marks.join(", ")),
    }
}

/// What the JSON says about the set.
fn about(info: &Value) -> Value {
    let keys = [
        "name",
        "synthetic",
        "machine_coded",
        "au_threshold",
        "crop",
        "source_digest",
    ];
    let known = keys.into_iter().filter(|key| !info[*key].is_null());
    known
        .map(|key| (key.to_owned(), info[key].clone()))
        .collect::<Map<_, _>>()
        .into()
}

/// What may make the two sets less different, or more different, than their people.
fn cautions(run: &Prepared, other: &Prepared) -> Vec<String> {
    let (own, new) = (run.info(), other.info());
    let mut cautions = Vec::new();
    let same = same_names(run, other);
    // Drawn sets number their files and people alike; people of two seeds are different.
    if same > 0 && !own.synthetic && !new.synthetic {
        cautions.push(format!(
            "{same} of its images have the file name and the person's number of an image of the run. If these are the same people, the networks have seen them and this is no replication."
        ));
    } else if own.name == new.name && !own.synthetic {
        let [known, all] = [run, other].map(people);
        let both = all.intersection(&known).count();
        let caution = format!(
            "{both} of its {} people have the name or number of one of the run's. If these are the same people, the networks have seen them and this is no replication.",
            all.len()
        );
        cautions.extend((both > 0).then_some(caution));
    }
    if own.crop != new.crop {
        cautions.push(format!(
            "Its faces were cut out by `{}`, the run's by `{}`: responses may differ for that alone.",
            new.crop, own.crop
        ));
    }
    cautions
}

/// Images of `other` with the file name and the known person of an image of the run.
fn same_names(run: &Prepared, other: &Prepared) -> usize {
    let known: HashSet<(Person, &str)> = run.samples().iter().filter_map(named).collect();
    let names = other.samples().iter().filter_map(named);
    names.filter(|name| known.contains(name)).count()
}

fn people(set: &Prepared) -> HashSet<Person> {
    let people = set.samples().iter();
    people
        .filter_map(|sample| Person::of(&sample.person))
        .collect()
}

fn named(sample: &Sample) -> Option<(Person, &str)> {
    let name = sample.path.rsplit('/').next()?;
    Some((Person::of(&sample.person)?, name))
}
