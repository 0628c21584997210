//! The filter explorer: one filter after another, by click or arrow key.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::heat_map::Grid;
use super::patches::images_used;
use crate::page::blocks::{Blocks, Section};
use crate::page::text::{decimal, interval, p_value, percent};
use crate::run::Run;
use crate::run::fau::{Association, Correspondence, au_label};
use crate::run::folder::Compact;
use crate::run::pictures::{Grey, Images};
use crate::run::viz::{Layer, Patch};

/// Widths that sheets are shrunk to until all of them find room.
const WIDTHS: [u32; 3] = [1100, 700, 420];
/// Side of a filter's cell in the mosaic, in pixels.
const CELL: usize = 32;

/// The explorer as it is before the script runs.
#[derive(Template)]
#[template(path = "explorer.html")]
struct Explorer {
    help: String,
    mosaic: Option<String>,
    many: usize,
    first: u64,
    last: u64,
    units: Vec<(u64, String)>,
    measures: Vec<String>,
    shown: Filter,
    rows: Vec<Bar>,
    sheet_caption: String,
    no_sheet: String,
    face: Option<String>,
    side: usize,
    top: f64,
    switch_top: Option<f64>,
    has_interval: bool,
    has_null: bool,
    data: String,
}

/// One action unit of the filter shown.
struct Bar {
    au: u64,
    name: String,
    largest: bool,
    bar: f64,
    interval: Option<(f64, f64)>,
    null: Option<f64>,
    numbers: Vec<String>,
    switch_start: f64,
    switch_width: f64,
    switch: String,
}

/// A filter for the page's script; lists are in the order of the action units.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    filter: u64,
    title: String,
    words: String,
    /// Place of its action unit.
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
    let analysed = run
        .layers
        .iter()
        .find(|layer| Some(layer.name.as_str()) == named);
    let convolution = || run.layers.iter().rev().find(|layer| layer.name != "output");
    analysed.or_else(convolution)
}

struct Maker<'a> {
    run: &'a Run,
    layer: Option<&'a Layer>,
    patches: BTreeMap<u64, &'a [Patch]>,
    grid: Grid<'a>,
    correspondences: BTreeMap<u64, &'a Correspondence>,
    effects: BTreeMap<(u64, u64), f64>,
    /// All filters, in the order of the mosaic.
    numbers: Vec<u64>,
    switch_top: Option<f64>,
}

impl<'a> Maker<'a> {
    fn new(run: &'a Run, layer: Option<&'a Layer>) -> Self {
        let grid = Grid::of(&run.fau.associations);
        let filters = layer.map_or(&[][..], |layer| &layer.filters.filters);
        let patches = filters.iter().map(|of| (of.filter, of.patches.as_slice()));
        let patches: BTreeMap<u64, &[Patch]> = patches.collect();
        let effects = run.fau.intervene.rows.iter();
        let effects = effects.filter_map(|row| Some(((row.filter, row.au), row.effect?)));
        let effects: BTreeMap<_, f64> = effects.collect();
        let largest = effects
            .values()
            .map(|effect| effect.abs())
            .fold(0.0, f64::max);
        let all: BTreeSet<u64> = grid.filters.keys().chain(patches.keys()).copied().collect();
        let mut seen = BTreeSet::new();
        let ordered = layer.map_or(&[][..], |layer| &layer.filters.order);
        let numbers = ordered.iter().filter(|number| all.contains(number));
        let numbers = numbers
            .chain(&all)
            .copied()
            .filter(|number| seen.insert(*number));
        Self {
            numbers: numbers.collect(),
            run,
            layer,
            patches,
            grid,
            correspondences: run
                .fau
                .correspondences
                .iter()
                .map(|row| (row.filter, row))
                .collect(),
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
        let kl = |at: usize| {
            filters[at]
                .unit
                .and_then(|unit| filters[at].kl[unit])
                .unwrap_or(-1.0)
        };
        let stronger = |a: &usize, b: &usize| {
            kl(*a)
                .total_cmp(&kl(*b))
                .then(filters[*b].filter.cmp(&filters[*a].filter))
        };
        let strongest = (0..many).max_by(stronger).unwrap_or(0);
        let data = self.data(&filters, filters[strongest].filter, columns);
        let any =
            |of: fn(&Filter) -> &Numbers| filters.iter().any(|f| of(f).iter().any(Option::is_some));
        let (has_interval, has_null) = (any(|f| &f.low), any(|f| &f.null));
        let shown = filters.swap_remove(strongest);
        Explorer {
            help: self.help(mosaic.is_some()),
            mosaic,
            many,
            first: self.numbers.iter().copied().min().unwrap_or(0),
            last: self.numbers.iter().copied().max().unwrap_or(0),
            units: self.grid.names(),
            measures: self.measures(),
            rows: self.rows(&shown),
            shown,
            sheet_caption: self.sheet_caption(),
            no_sheet: self.no_sheet(),
            face,
            side: self.run.images.as_ref().map_or(96, |images| images.side),
            top: self.grid.top,
            switch_top: self.switch_top,
            has_interval,
            has_null,
            data,
        }
    }

    fn measures(&self) -> Vec<String> {
        let own = self.run.fau.own_measures.iter();
        own.map(|measure| measure.name.clone()).collect()
    }

    /// Everything for the page's script, as JSON that cannot end the script element that holds it.
    fn data(&self, filters: &[Filter], shown: u64, columns: usize) -> String {
        let units = self.grid.names().into_iter();
        let units: Vec<_> = units
            .map(|(au, name)| json!({"au": au, "name": name}))
            .collect();
        let data = json!({
            "shown": shown, "order": self.numbers, "columns": columns, "top": self.grid.top,
            "switchTop": self.switch_top, "filters": filters, "units": units, "measures": self.measures(),
        });
        for_script(&data.to_string())
    }

    fn help(&self, mosaic: bool) -> String {
        let patches = match mosaic {
            true => ", each shown by the patch that excites it most",
            false => "",
        };
        let ordered = self
            .layer
            .is_some_and(|layer| layer.filters.order.len() > 1);
        let alike = match ordered {
            true => " Neighbours have similar projections.",
            false => "",
        };
        format!(
            "{} filters{patches}. Click one, or move with the arrow keys.{alike}",
            self.numbers.len()
        )
    }

    fn filter(&self, number: u64, sheet: Option<String>) -> Filter {
        let units = &self.grid.units;
        let none = vec![None; units.len()];
        let of = self.grid.filters.get(&number).unwrap_or(&none);
        let column = |value: fn(&Association) -> Option<f64>| -> Numbers {
            of.iter().map(|row| rounded(row.and_then(value))).collect()
        };
        let found = self.correspondences.get(&number);
        let patches = self.patches.get(&number).copied().unwrap_or_default();
        let boxes: Vec<[f64; 4]> = patches.iter().filter_map(Patch::area).collect();
        let effect = |au: &u64| rounded(self.effects.get(&(number, *au)).copied());
        let own = self.run.fau.own_measures.iter().map(|measure| {
            let scores = || units.iter().map(|au| measure.score(number, *au));
            let values = scores().map(|score| rounded(score?.value)).collect();
            [values, scores().map(|score| rounded(score?.q)).collect()]
        });
        Filter {
            filter: number,
            title: match found {
                Some(found) => format!("Filter {number}: {}", au_label(found.au)),
                None => format!("Filter {number}"),
            },
            words: self.words(number, patches.len()),
            unit: found.and_then(|found| units.binary_search(&found.au).ok()),
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
            kl: column(|row| row.kl),
            low: column(|row| row.kl_low),
            high: column(|row| row.kl_high),
            null: column(|row| row.kl_null_95),
            auroc: column(|row| row.auroc),
            q: column(|row| row.q),
            effect: units
                .iter()
                .filter(|_| self.switch_top.is_some())
                .map(effect)
                .collect(),
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
        let pair = self.run.fau.pair(number, found.au);
        let place = self
            .run
            .fau
            .locate
            .rows
            .iter()
            .rfind(|row| row.filter == number);
        let place = place.map(|place| {
            format!(
                " Its maxima lie in the face region of {} on {} of images (chance {}).",
                au_label(place.au),
                percent(place.pointing_rate),
                percent(place.chance)
            )
        });
        let pair = pair.map(|pair| pair_words(pair)).unwrap_or_default();
        let chance = found
            .q_max
            .map(|q| format!(" Against the largest KL by chance, q = {}.", p_value(q)));
        format!(
            "Its largest KL is {} nats{}, for {}{}.{}{}{}",
            decimal(found.kl, 2),
            pair[0],
            au_label(found.au),
            pair[1],
            chance.unwrap_or_default(),
            pair[2],
            place.unwrap_or_default()
        )
    }

    /// The bars of the filter shown, as the script draws them.
    fn rows(&self, filter: &Filter) -> Vec<Bar> {
        let along = |value: f64| hundredths((200.0 * value / self.grid.top).clamp(0.0, 200.0));
        let row = |(place, (au, name)): (usize, (u64, String))| {
            let at = |list: &Numbers| list.get(place).copied().flatten();
            let effect = at(&filter.effect);
            let end = 100.0 * effect.unwrap_or(0.0) / self.switch_top.unwrap_or(1.0);
            let end = end.clamp(-100.0, 100.0);
            let numbers = [
                decimal(at(&filter.kl), 2),
                decimal(at(&filter.auroc), 2),
                p_value(at(&filter.q)),
            ];
            let own = filter
                .own
                .iter()
                .flat_map(|[value, q]| [decimal(at(value), 2), p_value(at(q))]);
            let interval = at(&filter.low).zip(at(&filter.high));
            Bar {
                au,
                name,
                largest: filter.unit == Some(place),
                bar: along(at(&filter.kl).unwrap_or(0.0)),
                interval: interval.map(|(low, high)| (along(low), along(high))),
                null: at(&filter.null).map(along),
                numbers: numbers.into_iter().chain(own).collect(),
                switch_start: hundredths(end.min(0.0)),
                switch_width: hundredths(end.abs()),
                switch: decimal(effect, 2),
            }
        };
        self.grid.names().into_iter().enumerate().map(row).collect()
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

    fn no_sheet(&self) -> String {
        match self.layer {
            Some(layer) => format!(
                "No picture of this filter's patches: {} is missing, or the page had no room left.",
                layer.file("filter-NNN.png")
            ),
            None => "No patches were made.".to_owned(),
        }
    }

    /// Sheets of all filters, at the largest width at which all of them find room.
    fn sheets(&self) -> BTreeMap<u64, String> {
        let Some(layer) = self.layer else {
            return BTreeMap::new();
        };
        let folder = &self.run.folder;
        // Pictures further down the page must find room, too.
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

    /// The best patch of every filter side by side.
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

    /// The average face: the run's own picture, else the mean of some of its images.
    fn face(&self) -> Option<String> {
        let folder = &self.run.folder;
        let recorded = self
            .layer
            .and_then(|layer| folder.png(&layer.file("average-face.png")));
        recorded.or_else(|| {
            let face = mean_face(self.run.images.as_ref().ok()?)?;
            folder.embed("image/png", &face.png()?)
        })
    }
}

/// The interval, the direction and the further results of a filter and its action unit.
fn pair_words(pair: &Association) -> [String; 3] {
    let ends = pair.kl_interval();
    let ends = ends.map(|ends| format!(" (95% CI {})", interval(Some(ends), 2)));
    let direction = pair.auroc.map(|auroc| {
        let more = if auroc >= 0.5 { "more" } else { "less" };
        format!("; it responds {more} with the action unit (AUROC {auroc:.2})")
    });
    let within = pair.q_within_class.map(|q| {
        let auroc = decimal(pair.auroc_within_class, 2);
        format!(
            " Among images of one expression, AUROC {auroc} (q = {}).",
            p_value(q)
        )
    });
    let graded = pair.intensity_rho;
    let graded =
        graded.map(|rho| format!(" Its response and the coded intensity: Spearman {rho:.2}."));
    let further = within.unwrap_or_default() + &graded.unwrap_or_default();
    [
        ends.unwrap_or_default(),
        direction.unwrap_or_default(),
        further,
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

/// Mean of up to 200 images, spread evenly.
fn mean_face(images: &Images) -> Option<Grey> {
    let shown = images.count.min(200);
    let faces = (0..shown).filter_map(|at| images.get(at * images.count / shown));
    let faces: Vec<Grey> = faces.collect();
    let mut mean = faces.first()?.clone();
    for (at, pixel) in mean.pixels.iter_mut().enumerate() {
        let sum: usize = faces.iter().map(|face| usize::from(face.pixels[at])).sum();
        *pixel = (sum / faces.len()) as u8;
    }
    Some(mean)
}

/// A length of a bar, as finely as it is drawn, without the sign of a zero.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

/// Four significant digits are more than a bar shows.
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
        let back: serde_json::Value = serde_json::from_str(&safe).unwrap();
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
