//! A network from a file: the file, its images, its layers, and what the page does not have.

use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, list};
use crate::run::Run;
use crate::run::value::{brief, list as rows_of, texts};

/// Command of each section that only a command of its own can fill.
const COMMANDS: [(&str, &str); 2] = [
    ("replicate-on", "faus replicate --on PREPARED"),
    ("intervene", "faus intervene"),
];

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("network", "The network");
    if !blocks.has(&run.network) {
        return;
    }
    blocks.text(origin(run));
    blocks.texts(classes(&run.network).iter().map(String::as_str));
    blocks.table(facts(&run.network));
    let layers = rows_of(&run.network["layers"]);
    let label = format!("Its {} that can be analysed", count(layers.len(), "layer"));
    blocks.folded(&label, outline(run, layers));
}

/// What is known of its training.
fn origin(run: &Run) -> String {
    let people = match run.network["unseen"] == true {
        true => "The user states that none of these people was in its training.",
        false => {
            "Whether these people were in its training is not known, so results on other people may be optimistic (`--unseen` states that they were not)."
        }
    };
    format!(
        "The network was not trained here: this page has no learning curves, no folds and no network on shuffled labels. {people} Untrained networks are its graph with the weights of convolutions and fully connected layers drawn anew, of the same spread."
    )
}

/// The classes that one side alone has.
fn classes(record: &Value) -> Vec<String> {
    let found = &record["classified"];
    if found.is_null() {
        let why = "Its outputs are not matched with the expressions of the data set, so its predictions are not compared with the labels. `classes` in input.json names the outputs.";
        return vec![why.to_owned()];
    }
    let names = |key: &str| texts(&found[key]).map(str::to_owned).collect::<Vec<_>>();
    let (network, data) = (names("only_network"), names("only_data"));
    let words = [
        (network, "The network has classes that the data set lacks"),
        (
            data,
            "The data set has classes that the network lacks, whose images are not classified",
        ),
    ];
    let words = words.into_iter().filter(|(names, _)| !names.is_empty());
    words
        .map(|(names, what)| format!("{what}: {}.", list(&names)))
        .collect()
}

fn facts(record: &Value) -> Table {
    let input = &record["input"];
    let files = rows_of(&record["files"]).iter().map(|file| {
        let bytes = count(file["bytes"].as_u64().unwrap_or(0), "byte");
        let sum = file["sha256"].as_str().unwrap_or_default();
        (
            "File",
            format!("{} ({bytes}), SHA-256 {sum}", brief(&file["name"])),
        )
    });
    let named = texts(&input["classes"]).collect::<Vec<_>>().join(", ");
    let outputs = match named.is_empty() {
        true => format!("{}, without names", brief(&record["outputs"])),
        false => format!("{}: {named}", brief(&record["outputs"])),
    };
    let size = brief(&input["size"]);
    let images = format!(
        "{size} × {size} pixels, {}",
        count(input["channels"].as_u64().unwrap_or(0), "channel")
    );
    let scaling = format!(
        "(pixel · {} − {}) / {}",
        brief(&input["scale"]),
        brief(&input["mean"]),
        brief(&input["std"])
    );
    let facts = [
        ("Analysed layer", brief(&record["layer"])),
        ("Weights", brief(&record["weights"])),
        ("Outputs", outputs),
        ("Images (input.json)", images),
        ("Scaling (input.json)", scaling),
        ("Face crop (input.json)", brief(&input["crop"])),
    ];
    let table = TableOf::new("The network", files.chain(facts));
    let table = table.words("Fact", |fact| fact.0);
    Table::from(table.words("Value", |fact| fact.1.clone()))
}

fn outline<'a>(run: &Run, layers: &'a [Value]) -> TableOf<&'a Value> {
    let analysed = run.network["layer"].clone();
    let number = |layer: &Value, key: &str| Cell::count(layer[key].as_u64());
    TableOf::new("Layers", layers)
        .words("Layer", |layer| {
            let name = Cell::from(brief(&layer["name"]));
            name.strong_if(layer["name"] == analysed)
        })
        .words("Operator", |layer| brief(&layer["operator"]))
        .numbers("Filters", |layer| number(layer, "filters"))
        .numbers("Map (side)", |layer| number(layer, "map"))
        .numbers("Receptive field (pixels)", |layer| number(layer, "field"))
        .numbers("Stride (pixels)", |layer| number(layer, "stride"))
        .tall()
}

/// The studies without a result, and why, in place of their empty sections.
pub(super) fn left_out(run: &Run, page: &mut Sections) {
    let missing = page.take_missing();
    let reasons = &run.network["left_out"];
    let mut blocks = Blocks::default();
    for section in missing {
        let why = reasons[section.id].as_str().map(str::to_owned);
        let command = COMMANDS.iter().find(|(id, _)| *id == section.id);
        let synthetic = section.id != "intervene" || run.synthetic() == Some(true);
        let own = command.filter(|_| synthetic).map(|(_, command)| {
            format!("Not part of `faus analyse`: `{command}` with `--network` and this folder as `--out` computes it.")
        });
        if let Some(words) = why.or(own) {
            blocks.heading(section.title);
            blocks.text(words);
        }
    }
    if !blocks.is_empty() {
        page.start("missing", "Not computed for this network")
            .append(blocks);
    }
}
