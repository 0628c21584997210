//! The filter explorer: one filter after another, by click or arrow key.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use image::GrayImage;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::grid::{Grid, Order, is_less, orders};
use crate::page::blocks::Sections;
use crate::page::text::{ci, count, decimal, p_value, percent, when};
use crate::run::Run;
use crate::run::folder::Compact;
use crate::run::pictures::{EMPTY, of_patch, png, sheet};
use crate::run::value::{au, au_label, ends, filter};
use crate::run::viz::{FilterPatches, Layer};

/// Widths tried in turn until all sheets fit.
const WIDTHS: [u32; 4] = [1100, 900, 800, 700];
const SMALLEST: u32 = 420;
/// One of so many sheets is tried.
const SAMPLE: usize = 8;
/// Least and largest side of a filter's cell in the mosaic; between them a patch has its own pixels, which the browser
/// smooths at any size.
const CELLS: (u32, u32) = (32, 64);

/// The filters of a run; the template shows the strongest, before the script runs.
#[derive(Template)]
#[template(path = "explorer.html")]
struct Explorer<'a> {
    run: &'a Run,
    layer: Option<&'a Layer>,
    grid: Grid<'a>,
    correspondences: BTreeMap<u64, &'a Value>,
    effects: BTreeMap<(u64, u64), f64>,
    /// The numbers of all filters in each order of the mosaic, with its key and name; the picture has the first.
    orders: Vec<Order>,
    switch_top: Option<f64>,
    /// All filters, in this order.
    filters: Vec<Filter>,
    mosaic: Option<String>,
}

impl<'a> Explorer<'a> {
    /// Length of a bar of the filter shown, of 200.
    fn along(&self, list: &Numbers, at: &usize) -> Option<f64> {
        let value = list.get(*at).copied().flatten()?;
        let length = 200.0 * value / self.grid.top;
        Some(hundredths(length.clamp(0.0, 200.0)))
    }

    fn effect(&self, at: &usize) -> Option<f64> {
        self.shown().effect.get(*at).copied().flatten()
    }

    /// End of the bar of the switch, -100 to 100.
    fn switched(&self, at: &usize) -> f64 {
        let end = 100.0 * self.effect(at).unwrap_or(0.0) / self.switch_top.unwrap_or(1.0);
        hundredths(end.clamp(-100.0, 100.0))
    }

    /// The cells beside the bar of KL.
    fn numbers(&self, at: &usize) -> Vec<String> {
        let (shown, at) = (self.shown(), *at);
        let [kl, auroc] = [&shown.kl, &shown.auroc].map(|list| decimal(list[at], 2));
        let numbers = [kl, auroc, p_value(shown.q[at])];
        let own = shown.own.iter();
        let own = own.flat_map(|[value, q]| [decimal(value[at], 2), p_value(q[at])]);
        numbers.into_iter().chain(own).collect()
    }

    fn new(run: &'a Run, layer: Option<&'a Layer>) -> Self {
        let grid = Grid::of(&run.fau);
        let filters = layer.map_or(&[][..], |layer| &layer.filters.filters);
        let pictured = filters.iter().map(|of| of.filter);
        let found = run.fau.correspondences.iter();
        let effects = run.fau.intervene.rows.iter();
        let effect = |row: &Value| Some(((filter(row), au(row)), row["effect"].as_f64()?));
        let effects: BTreeMap<_, f64> = effects.filter_map(effect).collect();
        let sizes = effects.values().map(|effect| effect.abs());
        let largest = sizes.fold(0.0, f64::max);
        let all: BTreeSet<u64> = grid.filters.keys().copied().chain(pictured).collect();
        let ordered = layer.map_or(&[][..], |layer| &layer.filters.order);
        Self {
            orders: orders(&grid, all, ordered),
            run,
            layer,
            grid,
            correspondences: found.map(|row| (filter(row), row)).collect(),
            effects,
            switch_top: (largest > 0.0).then_some(largest),
            filters: vec![],
            mosaic: None,
        }
    }

    /// Makes the filters and their pictures: the sheets first, since there may be no room for all.
    fn fill(&mut self) {
        let mut sheets = self.sheets();
        let filter = |number: &u64| self.filter(*number, sheets.remove(number));
        self.filters = self.order().iter().map(filter).collect();
        self.mosaic = self.patches_beside();
    }

    /// The filters in the order of the picture.
    fn order(&self) -> &[u64] {
        self.orders.first().map_or(&[], |order| &order.2)
    }

    /// The named filter with the largest |z|, else that with the largest KL, else the first.
    fn shown(&self) -> &Filter {
        let fau = &self.run.fau;
        let strongest = fau
            .names
            .first()
            .or(fau.correspondences.first())
            .map(filter);
        let mut filters = self.filters.iter();
        let shown = filters.find(|of| Some(of.filter) == strongest);
        shown.unwrap_or(&self.filters[0])
    }

    /// Columns of the mosaic.
    fn columns(&self) -> usize {
        (self.order().len() as f64).sqrt().ceil() as usize
    }

    /// Whether some association has this number.
    fn any(&self, key: &str) -> bool {
        let mut rows = self.run.fau.associations.iter();
        rows.any(|row| row[key].is_number())
    }

    /// Number of filters whose pictures have another action unit written into them than `names.csv` has now.
    fn misnamed(&self) -> usize {
        let filters = self.layer.map_or(&[][..], |layer| &layer.filters.filters);
        let differs = |of: &&FilterPatches| {
            let now = self.grid.name(&of.filter).replace("AU ", "AU") + " ";
            of.name.as_ref().is_some_and(|name| !name.starts_with(&now))
        };
        let named = !self.grid.names.is_empty();
        filters.iter().filter(differs).filter(|_| named).count()
    }

    /// The data for the page's script, as JSON that cannot close its script element.
    fn data(&self) -> String {
        let unit = |(au, name)| json!({"au": au, "name": name});
        let units: Vec<Value> = self.grid.names().into_iter().map(unit).collect();
        let orders = self.orders.iter();
        let orders: BTreeMap<_, _> = orders.map(|(key, _, order)| (key, order)).collect();
        let data = json!({
            "shown": self.shown().filter, "orders": orders, "columns": self.columns(), "top": self.grid.top,
            "switchTop": self.switch_top, "filters": self.filters, "units": units, "measures": self.run.fau.own_measures(),
        });
        for_script(&data.to_string())
    }

    fn filter(&self, number: u64, sheet: Option<String>) -> Filter {
        let units = &self.grid.units;
        let none = vec![&Value::Null; units.len()];
        let of = self.grid.filters.get(&number).unwrap_or(&none);
        let cell = |row: &&Value, key: &str| rounded(row[key].as_f64());
        let column = |key: &str| -> Numbers { of.iter().map(|row| cell(row, key)).collect() };
        let name = self.grid.names.get(&number);
        let silent = self.silent(&number);
        let of_unit = name.map(|name| {
            let less = when(is_less(name), "less active with ");
            format!(": {less}{}", au_label(au(name)))
        });
        let of_unit = of_unit.unwrap_or_else(|| when(silent, ": no response").to_owned());
        let many = self.run.patches(number).len();
        let effect = |au: &u64| rounded(self.effects.get(&(number, *au)).copied());
        let effects = units.iter().filter(|_| self.switch_top.is_some());
        let own = self.run.fau.own_measures().into_iter();
        let own = own.map(|measure| [column(measure), column(&format!("q_{measure}"))]);
        Filter {
            filter: number,
            title: format!("Filter {number}{of_unit}"),
            words: self.words(number, many),
            unit: self.grid.unit(number),
            no_sheet: match &sheet {
                Some(_) => String::new(),
                None => self.no_sheet(silent),
            },
            sheet,
            alt: format!(
                "The {many} patches that excite filter {number} most, above their projections"
            ),
            kl: column("kl"),
            null: column("kl_null_95"),
            auroc: column("auroc"),
            q: column("q"),
            effect: effects.map(effect).collect(),
            own: own.collect(),
        }
    }

    /// Whether none of the images searched for patches excites a filter.
    fn silent(&self, number: &u64) -> bool {
        let mut all = self.layer.iter().flat_map(|layer| &layer.filters.filters);
        all.any(|of| of.filter == *number && of.patches.is_empty())
    }

    /// Why a filter has no picture of patches.
    fn no_sheet(&self, silent: bool) -> String {
        match self.layer {
            None => "No patches were made.".to_owned(),
            Some(layer) if silent => format!(
                "This filter has no patches: it responds to no image{}.",
                layer.filters.used()
            ),
            Some(layer) => format!(
                "No picture of this filter's patches: viz/{}/filter-NNN.png is missing, or the page had no room left.",
                layer.name
            ),
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
        let name = match self.grid.names.get(&number) {
            Some(name) => name_words(name),
            None if self.run.fau.names.gap.is_none() => {
                "It is named after no action unit: none passes the permutation test. ".to_owned()
            }
            None => String::new(),
        };
        let chance = found["q_max"].as_f64().map(p_value);
        let chance =
            chance.map(|q| format!(" Permutation test of the largest KL over all units: q = {q}."));
        let (chance, place) = (chance.unwrap_or_default(), place.unwrap_or_default());
        let (unit, kl) = (au_label(au(found)), decimal(found["kl"].as_f64(), 2));
        format!("{name}Its largest KL is that for {unit}: {kl} nats.{chance}{place}")
    }

    fn sheet_caption(&self) -> String {
        let filters = self.layer.map(|layer| &layer.filters);
        let Some(filters) = filters.filter(|filters| filters.gap.is_none()) else {
            return String::new();
        };
        let (used, method) = (filters.used(), filters.method());
        format!(
            "From the top: the patches of the faces that excite it most{used}; their {method}, middle grey zero; the whole faces with the patches framed. On the right, where on the average face it responds most."
        )
    }

    /// Sheets of all filters, at the largest width at which all of them fit, by a sample.
    fn sheets(&self) -> BTreeMap<u64, String> {
        let Some(layer) = self.layer else {
            return BTreeMap::new();
        };
        let folder = &self.run.folder;
        // About the length of the filters' numbers and words, and space for pictures further down the page.
        folder.make_room(self.order().len() * (400 + 30 * self.grid.units.len()));
        let room = folder.pictures_left() * 9 / 10;
        let load = |number: &u64, width: u32| {
            let file = format!("filter-{number:03}.png");
            let file = (!self.silent(number)).then(|| layer.file(&file))?;
            Some((*number, folder.compact(&file, width, "").ok()?))
        };
        let fits = |width: &&u32| {
            let sample = self.order().par_iter().step_by(SAMPLE);
            let bytes = sample.filter_map(|number| Some(load(number, **width)?.1.bytes.len()));
            (bytes.sum::<usize>() * SAMPLE) as u64 <= room
        };
        let width = WIDTHS.iter().find(fits).unwrap_or(&SMALLEST);
        let sheets = self.order().par_iter();
        let sheets: Vec<(u64, Compact)> =
            sheets.filter_map(|number| load(number, *width)).collect();
        let embed = |of: (u64, Compact)| Some((of.0, folder.embed(of.1.kind, &of.1.bytes)?));
        sheets.into_iter().filter_map(embed).collect()
    }

    /// The best patches of all filters side by side.
    fn patches_beside(&self) -> Option<String> {
        let field = self.layer?.filters.field.unwrap_or(0);
        let cell = (field as u32).clamp(CELLS.0, CELLS.1);
        let best = |number: &u64| of_patch(self.run, self.run.patches(*number).first()?, cell);
        let cells: Vec<Option<GrayImage>> = self.order().iter().map(best).collect();
        cells.iter().find(|cell| cell.is_some())?;
        let empty = GrayImage::from_pixel(cell, cell, EMPTY);
        let cells = cells.into_iter().map(|cell| cell.unwrap_or(empty.clone()));
        let mut cells: Vec<GrayImage> = cells.collect();
        cells.resize(cells.len().next_multiple_of(self.columns()), empty);
        let sheet = sheet(&cells, self.columns() as u32, 0, EMPTY.0[0])?;
        self.run.folder.embed("image/png", &png(&sheet)?)
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
    /// Why there is no sheet.
    no_sheet: String,
    alt: String,
    kl: Numbers,
    null: Numbers,
    auroc: Numbers,
    q: Numbers,
    effect: Numbers,
    /// Value and q of each own measure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own: Vec<[Numbers; 2]>,
}

type Numbers = Vec<Option<f64>>;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("explorer", "Filter explorer");
    let layer = run.analysed();
    blocks.has(&run.fau.associations);
    if let Some(layer) = layer {
        blocks.has(&layer.filters);
    }
    let mut explorer = Explorer::new(run, layer);
    if !explorer.order().is_empty() {
        let of_run = !run.folder.correlated && !run.folder.analysed;
        let missing = run.fau.intervene.rows.gap.is_some() && of_run;
        if missing && run.synthetic() == Some(true) {
            blocks.quiet("Responses to switched action units have not been computed for this run. Run `faus intervene RUN`.");
        }
        let misnamed = explorer.misnamed();
        if misnamed > 0 {
            let pictures = count(misnamed, "filter");
            blocks.caution(format!("The pictures of {pictures} were drawn before fau/names.csv was written anew, and name another action unit. `faus visualize RUN --out RUN/viz/conv3` draws them again."));
        }
        explorer.fill();
        blocks.html(explorer);
    }
}

/// A filter's name and what is known about the pair.
fn name_words(name: &Value) -> String {
    let more = if is_less(name) { "less" } else { "more" };
    let auroc = decimal(name["auroc"].as_f64(), 2);
    let interval = ci(", ", ends(name, "auroc_low", "auroc_high"), 2);
    let d_prime = decimal(name["d_prime"].as_f64(), 1);
    let (unit, q) = (au_label(au(name)), p_value(name["q"].as_f64()));
    let inside = decimal(name["auroc_within_class"].as_f64(), 2);
    let share = |q| {
        format!(
            " Among images of one expression, AUROC {inside} (permutation within expressions, q = {q})."
        )
    };
    let within = name["q_within_class"].as_f64().map(p_value).map(share);
    let within = within.unwrap_or_default();
    let spearman = |rho| format!(" Its response and the coded intensity: Spearman {rho:.2}.");
    let graded = name["intensity_rho"]
        .as_f64()
        .map(spearman)
        .unwrap_or_default();
    format!(
        "It is named after {unit}, with which it is {more} active (AUROC {auroc}{interval}, d′ {d_prime}; permutation test of the largest |z|, q = {q}).{within}{graded} "
    )
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
}
