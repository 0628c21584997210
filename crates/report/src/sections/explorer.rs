//! The filter explorer: one filter after another, by click or arrow key.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::heat_map::Grid;
use super::patches::images_used;
use crate::page::blocks::{Blocks, Section};
use crate::page::text::{ci, decimal, p_value, percent};
use crate::run::Run;
use crate::run::fau::{au, au_label, filter};
use crate::run::folder::Compact;
use crate::run::pictures::Grey;
use crate::run::value::ends;
use crate::run::viz::{Layer, Patch};

/// Widths tried in turn until all sheets fit.
const WIDTHS: [u32; 3] = [1100, 700, 420];
/// Side of a filter's cell in the mosaic, in pixels.
const CELL: usize = 32;

/// The initial state of the explorer, before the script runs.
#[derive(Template)]
#[template(path = "explorer.html")]
struct Explorer {
    layer: Option<String>,
    mosaic: Option<String>,
    many: usize,
    /// Whether filters with similar projections are neighbours.
    ordered: bool,
    last: u64,
    units: Vec<(u64, String)>,
    measures: Vec<String>,
    shown: Filter,
    sheet_caption: String,
    face: Option<String>,
    side: usize,
    top: f64,
    switch_top: Option<f64>,
    has_interval: bool,
    has_null: bool,
    data: String,
}

impl Explorer {
    /// Length of a bar of the filter shown, of 200.
    fn along(&self, list: &Numbers, at: &usize) -> Option<f64> {
        let value = list.get(*at).copied().flatten()?;
        Some(hundredths((200.0 * value / self.top).clamp(0.0, 200.0)))
    }

    fn effect(&self, at: &usize) -> Option<f64> {
        self.shown.effect.get(*at).copied().flatten()
    }

    /// End of the bar of the switch, -100 to 100.
    fn switched(&self, at: &usize) -> f64 {
        let end = 100.0 * self.effect(at).unwrap_or(0.0) / self.switch_top.unwrap_or(1.0);
        hundredths(end.clamp(-100.0, 100.0))
    }

    /// The cells beside the bar of KL.
    fn numbers(&self, at: &usize) -> Vec<String> {
        let at = *at;
        let Filter {
            kl, auroc, q, own, ..
        } = &self.shown;
        let numbers = [decimal(kl[at], 2), decimal(auroc[at], 2), p_value(q[at])];
        let own = own
            .iter()
            .flat_map(|[value, q]| [decimal(value[at], 2), p_value(q[at])]);
        numbers.into_iter().chain(own).collect()
    }
}

/// A filter for the page's script; lists are in the order of the action units.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    filter: u64,
    title: String,
    words: String,
    /// Index of its action unit.
    unit: Option<usize>,
    sheet: Option<String>,
    alt: String,
    boxes: Vec<[f64; 4]>,
    face_alt: String,
    kl: Numbers,
    low: Numbers,
    high: Numbers,
    null: Numbers,
    auroc: Numbers,
    q: Numbers,
    effect: Numbers,
    /// Value and q of each own measure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own: Vec<[Numbers; 2]>,
}

type Numbers = Vec<Option<f64>>;

pub(super) fn section(run: &Run) -> Section {
    let mut blocks = Blocks::default();
    let layer = layer(run);
    blocks.has(&run.fau.associations);
    if let Some(layer) = layer {
        blocks.has(&layer.filters);
    }
    let maker = Maker::new(run, layer);
    if !maker.numbers.is_empty() {
        if run.fau.intervene.rows.gap.is_some() && run.synthetic() == Some(true) {
            blocks.quiet("Responses to switched action units have not been computed for this run. Run `faus intervene RUN`.");
        }
        blocks.html(maker.explorer());
    }
    blocks.section("explorer", "Filter explorer")
}

/// The analysed layer, else the last convolution with pictures.
fn layer(run: &Run) -> Option<&Layer> {
    let named = run.fau.summary["layer"].as_str();
    let mut layers = run.layers.iter();
    let analysed = layers.find(|layer| Some(layer.name.as_str()) == named);
    let convolution = || run.layers.iter().rev().find(|layer| layer.name != "output");
    analysed.or_else(convolution)
}

struct Maker<'a> {
    run: &'a Run,
    layer: Option<&'a Layer>,
    patches: BTreeMap<u64, &'a [Patch]>,
    grid: Grid<'a>,
    correspondences: BTreeMap<u64, &'a Value>,
    effects: BTreeMap<(u64, u64), f64>,
    /// All filters, in the order of the mosaic.
    numbers: Vec<u64>,
    switch_top: Option<f64>,
}

impl<'a> Maker<'a> {
    fn new(run: &'a Run, layer: Option<&'a Layer>) -> Self {
        let grid = Grid::of(&run.fau.associations);
        let found = run.fau.correspondences.iter();
        let filters = layer.map_or(&[][..], |layer| &layer.filters.filters);
        let patches = filters.iter().map(|of| (of.filter, of.patches.as_slice()));
        let patches: BTreeMap<u64, &[Patch]> = patches.collect();
        let effects = run.fau.intervene.rows.iter();
        let effect = |row: &Value| Some(((filter(row), au(row)), row["effect"].as_f64()?));
        let effects: BTreeMap<_, f64> = effects.filter_map(effect).collect();
        let sizes = effects.values().map(|effect| effect.abs());
        let largest = sizes.fold(0.0, f64::max);
        let all: BTreeSet<u64> = grid.filters.keys().chain(patches.keys()).copied().collect();
        let mut seen = BTreeSet::new();
        let ordered = layer.map_or(&[][..], |layer| &layer.filters.order);
        let mut numbers: Vec<u64> = ordered.iter().chain(&all).copied().collect();
        numbers.retain(|number| all.contains(number) && seen.insert(*number));
        Self {
            numbers,
            run,
            layer,
            patches,
            grid,
            correspondences: found.map(|row| (filter(row), row)).collect(),
            effects,
            switch_top: (largest > 0.0).then_some(largest),
        }
    }

    fn explorer(&self) -> Explorer {
        let mut sheets = self.sheets();
        let filters = self.numbers.iter();
        let filters = filters.map(|number| self.filter(*number, sheets.remove(number)));
        let mut filters: Vec<Filter> = filters.collect();
        let many = filters.len();
        let columns = (many as f64).sqrt().ceil() as usize;
        let (mosaic, face) = (self.mosaic(columns), self.face());
        let fau = &self.run.fau;
        let strongest = fau.correspondences.first().map(filter);
        let strongest = filters.iter().position(|of| Some(of.filter) == strongest);
        let strongest = strongest.unwrap_or(0);
        let data = self.data(&filters, filters[strongest].filter, columns);
        let any = |key: &str| fau.associations.iter().any(|row| row[key].is_number());
        Explorer {
            layer: self.layer.map(|layer| layer.name.clone()),
            mosaic,
            many,
            ordered: self
                .layer
                .is_some_and(|layer| layer.filters.order.len() > 1),
            last: self.numbers.iter().copied().max().unwrap_or(0),
            units: self.grid.names(),
            measures: fau.own_measures().into_iter().map(str::to_owned).collect(),
            shown: filters.swap_remove(strongest),
            sheet_caption: self.sheet_caption(),
            face,
            side: self.run.images.as_ref().map_or(96, |images| images.side),
            top: self.grid.top,
            switch_top: self.switch_top,
            has_interval: any("kl_low"),
            has_null: any("kl_null_95"),
            data,
        }
    }

    /// The data for the page's script, as JSON that cannot close its script element.
    fn data(&self, filters: &[Filter], shown: u64, columns: usize) -> String {
        let unit = |(au, name)| json!({"au": au, "name": name});
        let units: Vec<Value> = self.grid.names().into_iter().map(unit).collect();
        let data = json!({
            "shown": shown, "order": self.numbers, "columns": columns, "top": self.grid.top,
            "switchTop": self.switch_top, "filters": filters, "units": units, "measures": self.run.fau.own_measures(),
        });
        for_script(&data.to_string())
    }

    fn filter(&self, number: u64, sheet: Option<String>) -> Filter {
        let units = &self.grid.units;
        let none = vec![&Value::Null; units.len()];
        let of = self.grid.filters.get(&number).unwrap_or(&none);
        let column =
            |key: &str| -> Numbers { of.iter().map(|row| rounded(row[key].as_f64())).collect() };
        let found = self.correspondences.get(&number);
        let patches = self.patches.get(&number).copied().unwrap_or_default();
        let boxes: Vec<[f64; 4]> = patches.iter().filter_map(Patch::area).collect();
        let effect = |au: &u64| rounded(self.effects.get(&(number, *au)).copied());
        let effects = units.iter().filter(|_| self.switch_top.is_some());
        let own = self.run.fau.own_measures().into_iter();
        let own = own.map(|measure| [column(measure), column(&format!("q_{measure}"))]);
        Filter {
            filter: number,
            title: match found {
                Some(found) => format!("Filter {number}: {}", au_label(au(found))),
                None => format!("Filter {number}"),
            },
            words: self.words(number, patches.len()),
            unit: found.and_then(|found| units.binary_search(&au(found)).ok()),
            sheet,
            alt: format!(
                "The {} patches that excite filter {number} most, above their projections",
                patches.len()
            ),
            face_alt: format!(
                "Average face with {} boxes where the patches of filter {number} lie",
                boxes.len()
            ),
            boxes,
            kl: column("kl"),
            low: column("kl_low"),
            high: column("kl_high"),
            null: column("kl_null_95"),
            auroc: column("auroc"),
            q: column("q"),
            effect: effects.map(effect).collect(),
            own: own.collect(),
        }
    }

    /// A filter's results in a few sentences.
    fn words(&self, number: u64, patches: usize) -> String {
        let Some(found) = self.correspondences.get(&number) else {
            let words = match (self.grid.filters.is_empty(), patches) {
                (true, _) => "It has not been compared with action units.",
                (_, 0) => "It responds to none of the images, so it corresponds to no action unit.",
                _ => "It is constant over the coded images, so it corresponds to no action unit.",
            };
            return words.to_owned();
        };
        let mut places = self.run.fau.locate.rows.iter();
        let place = places.rfind(|row| filter(row) == number);
        let place = place.map(|place| {
            let [rate, chance] = ["pointing_rate", "chance"].map(|key| percent(place[key].as_f64()));
            let region = au_label(au(place));
            format!(" Its maxima lie in the face region of {region} on {rate} of images (chance {chance}).")
        });
        let [direction, further] = pair_words(found);
        let chance = found["q_max"].as_f64();
        let chance =
            chance.map(|q| format!(" Against the largest KL by chance, q = {}.", p_value(q)));
        format!(
            "Its largest KL is that for {}: {} nats{}{direction}.{}{further}{}",
            au_label(au(found)),
            decimal(found["kl"].as_f64(), 2),
            ci(", ", ends(found, "kl_low", "kl_high"), 2),
            chance.unwrap_or_default(),
            place.unwrap_or_default()
        )
    }

    fn sheet_caption(&self) -> String {
        let filters = self.layer.map(|layer| &layer.filters);
        let filters = filters.filter(|filters| filters.gap.is_none());
        let caption = filters.map(|filters| {
            format!(
                "Above, the patches of the faces that excite it most{}; below, their {}, middle grey zero.",
                images_used(filters),
                filters.method()
            )
        });
        caption.unwrap_or_default()
    }

    /// Sheets of all filters, at the largest width at which all of them fit.
    fn sheets(&self) -> BTreeMap<u64, String> {
        let Some(layer) = self.layer else {
            return BTreeMap::new();
        };
        let folder = &self.run.folder;
        // Space for pictures further down the page.
        let room = folder.pictures_left() * 9 / 10;
        let mut fitting: Vec<(u64, Compact)> = Vec::new();
        for width in WIDTHS {
            let load = |number: &u64| {
                let file = layer.file(&format!("filter-{number:03}.png"));
                Some((*number, folder.compact(&file, width, "").ok()?))
            };
            fitting = self.numbers.par_iter().filter_map(load).collect();
            let bytes = fitting.iter().map(|(_, sheet)| sheet.bytes.len() as u64);
            if bytes.sum::<u64>() <= room {
                break;
            }
        }
        let embedded = fitting
            .iter()
            .filter_map(|(number, sheet)| Some((*number, folder.embed(sheet.kind, &sheet.bytes)?)));
        embedded.collect()
    }

    /// The best patches of all filters side by side.
    fn mosaic(&self, columns: usize) -> Option<String> {
        let images = self.run.images.as_ref().ok()?;
        let best = |number: &u64| {
            let patch = self.patches.get(number)?.first()?;
            Some(crop(&images.get(patch.index?)?, patch.area()?))
        };
        let cells: Vec<Option<Grey>> = self.numbers.iter().map(best).collect();
        cells.iter().find(|cell| cell.is_some())?;
        let empty = Grey::new(CELL, CELL, 128);
        let cells = cells.into_iter().map(|cell| cell.unwrap_or(empty.clone()));
        let mut cells: Vec<Grey> = cells.collect();
        cells.resize(cells.len().next_multiple_of(columns), empty);
        let sheet = Grey::sheet(&cells, columns, 0, 128)?;
        self.run.folder.embed("image/png", &sheet.png()?)
    }

    /// The average face.
    fn face(&self) -> Option<String> {
        let file = self.layer?.file("average-face.png");
        self.run.folder.png(&file)
    }
}

/// The direction and the further results of a filter and its action unit.
fn pair_words(pair: &Value) -> [String; 2] {
    let direction = pair["auroc"].as_f64().map(|auroc| {
        let more = if auroc >= 0.5 { "more" } else { "less" };
        format!("; it responds {more} with the action unit (AUROC {auroc:.2})")
    });
    let within = pair["q_within_class"].as_f64().map(|q| {
        let auroc = decimal(pair["auroc_within_class"].as_f64(), 2);
        format!(
            " Among images of one expression, AUROC {auroc} (q = {}).",
            p_value(q)
        )
    });
    let graded = pair["intensity_rho"].as_f64();
    let graded =
        graded.map(|rho| format!(" Its response and the coded intensity: Spearman {rho:.2}."));
    [
        direction.unwrap_or_default(),
        within.unwrap_or_default() + &graded.unwrap_or_default(),
    ]
}

/// An area of a picture at the mosaic's size, by the nearest pixel; grey beyond the border.
fn crop(image: &Grey, area: [f64; 4]) -> Grey {
    let [x, y, w, h] = area.map(|side| side as usize);
    let mut cell = Grey::new(CELL, CELL, 128);
    for (at, pixel) in cell.pixels.iter_mut().enumerate() {
        let (column, row) = (at % CELL, at / CELL);
        let (from_x, from_y) = (x + column * w / CELL, y + row * h / CELL);
        if from_x < image.width && from_y < image.height {
            *pixel = image.pixels[from_y * image.width + from_x];
        }
    }
    cell
}

/// The length of a bar, rounded to drawing precision, without negative zero.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

/// Four significant digits are enough for a bar.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| format!("{value:.3e}").parse().unwrap_or(value))
}

fn for_script(json: &str) -> String {
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e");
    json.replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_leave_its_script() {
        let json = json!({"a": "</script><!--&"}).to_string();
        let safe = for_script(&json);
        assert!(!safe.contains('<') && !safe.contains('>'));
        let back: Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(back["a"], "</script><!--&");
    }

    #[test]
    fn a_crop_beyond_the_border_is_grey() {
        let image = Grey::new(40, 40, 7);
        let cell = crop(&image, [30.0, 0.0, 32.0, 32.0]);
        assert_eq!(
            (cell.pixels[0], cell.pixels[9], cell.pixels[10]),
            (7, 7, 128)
        );
    }
}
