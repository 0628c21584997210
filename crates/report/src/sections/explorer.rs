//! The filter explorer: one filter after another, by click or arrow key.

use std::collections::BTreeMap;

use askama::Template;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::heat_map::Grid;
use super::{Block, Context, Section, patches};
use crate::action_units::au_label;
use crate::files::Compact;
use crate::run::{
    Association, Correspondence, Filters, Grey, Intervention, Layer, Patch, Spatial, finite,
};
use crate::text::{decimal_or_dash, interval_or_dash, p_or_dash, percent_or_dash};

/// Widths that sheets are shrunk to until all of them find room.
const WIDTHS: [u32; 3] = [1100, 700, 420];
/// Side of a filter's cell in the mosaic, in pixels.
const CELL: usize = 32;

#[derive(Template)]
#[template(path = "explorer.html")]
struct Explorer {
    help: String,
    mosaic: Option<String>,
    mosaic_alt: String,
    first: u64,
    last: u64,
    units: Vec<(u64, String)>,
    shown: Shown,
    sheet_caption: String,
    no_sheet: String,
    face: Option<String>,
    face_caption: String,
    side: usize,
    top_text: String,
    has_switch: bool,
    switch_text: String,
    has_interval: bool,
    has_null: bool,
    data: String,
}

/// The filter that is there from the start.
struct Shown {
    filter: u64,
    title: String,
    words: String,
    sheet: Option<String>,
    sheet_alt: String,
    boxes: Vec<[f64; 4]>,
    face_alt: String,
    rows: Vec<Bar>,
}

/// One action unit of the filter shown.
struct Bar {
    au: u64,
    name: String,
    largest: bool,
    bar: f64,
    interval: Option<(f64, f64)>,
    null: Option<f64>,
    kl: String,
    auroc: String,
    q: String,
    switch_start: f64,
    switch_width: f64,
    switch: String,
}

/// What the page's script knows of a filter; lists are in the order of the action units.
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
    kl: Vec<Option<f64>>,
    low: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
    null: Vec<Option<f64>>,
    auroc: Vec<Option<f64>>,
    q: Vec<Option<f64>>,
    effect: Vec<Option<f64>>,
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let title = "Filter explorer";
    let fau = &context.run.fau;
    let layer = layer(context);
    let filters = layer.and_then(|layer| layer.filters.as_ref().ok());
    let mut blocks = Vec::new();
    if let Err(gap) = &fau.associations {
        blocks.push(Block::Gap(gap.clone()));
    }
    if let Some(Err(gap)) = layer.map(|layer| &layer.filters) {
        blocks.push(Block::Gap(gap.clone()));
    }
    let explorer = Maker::new(context, layer, filters);
    if explorer.numbers.is_empty() {
        return Section::new("explorer", title, &blocks);
    }
    if fau.interventions.rows.is_err() && context.run.synthetic() == Some(true) {
        blocks.push(Block::Quiet("Responses to switched action units are not computed for this run: `faus intervene RUN` computes them.".to_owned()));
    }
    blocks.push(Block::Html(explorer.explorer().render()?));
    Section::new("explorer", title, &blocks)
}

/// The layer that the analysis is of, else the last convolution that was looked into.
fn layer<'a>(context: &Context<'a>) -> Option<&'a Layer> {
    let summary = context.run.fau.summary.as_ref().ok();
    let named = summary.and_then(|summary| summary["layer"].as_str());
    let layers = &context.run.layers;
    let analysed = layers
        .iter()
        .find(|layer| Some(layer.name.as_str()) == named);
    let convolution = || layers.iter().rev().find(|layer| layer.name != "output");
    analysed.or_else(convolution)
}

struct Maker<'a> {
    context: &'a Context<'a>,
    layer: Option<&'a Layer>,
    filters: Option<&'a Filters>,
    patches: BTreeMap<u64, &'a [Patch]>,
    grid: Grid<'a>,
    correspondences: BTreeMap<u64, &'a Correspondence>,
    spatial: BTreeMap<u64, &'a Spatial>,
    effects: BTreeMap<(u64, u64), &'a Intervention>,
    /// All filters, in the order of the mosaic.
    numbers: Vec<u64>,
    switch_top: Option<f64>,
}

impl<'a> Maker<'a> {
    fn new(
        context: &'a Context<'a>,
        layer: Option<&'a Layer>,
        filters: Option<&'a Filters>,
    ) -> Self {
        let fau = &context.run.fau;
        let grid = Grid::of(fau.associations.as_deref().unwrap_or_default());
        let listed = filters.map_or(&[][..], |filters| &filters.filters);
        let patches: BTreeMap<u64, &[Patch]> = listed
            .iter()
            .map(|f| (f.filter, f.patches.as_slice()))
            .collect();
        let correspondences = fau.correspondences.as_deref().unwrap_or_default();
        let spatial = fau.spatial.rows.as_deref().unwrap_or_default();
        let effects = fau.interventions.rows.as_deref().unwrap_or_default();
        let largest = effects
            .iter()
            .filter_map(|row| finite(row.effect))
            .map(f64::abs);
        let largest = largest.fold(0.0, f64::max);
        let mut numbers: Vec<u64> = filters.map_or(vec![], |filters| filters.order.clone());
        let others = grid.filters.keys().chain(patches.keys());
        let mut others: Vec<u64> = others.copied().collect();
        others.sort_unstable();
        numbers.extend(others);
        let mut seen = std::collections::BTreeSet::new();
        numbers.retain(|number| seen.insert(*number));
        numbers.retain(|n| grid.filters.contains_key(n) || patches.contains_key(n));
        Self {
            context,
            layer,
            filters,
            patches,
            grid,
            correspondences: correspondences
                .iter()
                .map(|row| (row.filter, row))
                .collect(),
            spatial: spatial.iter().map(|row| (row.filter, row)).collect(),
            effects: effects
                .iter()
                .map(|row| ((row.filter, row.au), row))
                .collect(),
            numbers,
            switch_top: (largest > 0.0).then_some(largest),
        }
    }

    fn explorer(&self) -> Explorer {
        let mut sheets = self.sheets();
        let filters: Vec<Filter> = self
            .numbers
            .iter()
            .map(|number| self.filter(*number, sheets.remove(number)))
            .collect();
        let strongest = |a: &&Filter, b: &&Filter| {
            let kl = |f: &Filter| f.unit.and_then(|at| f.kl[at]).unwrap_or(-1.0);
            kl(a).total_cmp(&kl(b)).then(b.filter.cmp(&a.filter))
        };
        let shown = filters.iter().max_by(strongest);
        let columns = (filters.len() as f64).sqrt().ceil() as usize;
        let (mosaic, face) = (self.mosaic(columns), self.face());
        let side = self
            .context
            .run
            .images
            .as_ref()
            .map_or(96, |images| images.side);
        let units: Vec<_> = self.grid.units.clone();
        let data = json!({
            "shown": shown.map(|f| f.filter), "order": self.numbers, "columns": columns, "top": self.grid.top,
            "switchTop": self.switch_top, "filters": &filters,
            "units": units.iter().map(|(au, name)| json!({"au": au, "name": name})).collect::<Vec<_>>(),
        });
        let many = filters.len();
        let like = match self.filters.is_some_and(|filters| filters.order.len() > 1) {
            true => " Neighbours have like projections.",
            false => "",
        };
        Explorer {
            help: format!(
                "{many} filters{}. Click one, or move with the arrow keys.{like}",
                match &mosaic {
                    Some(_) => ", each shown by the patch that excites it most",
                    None => "",
                }
            ),
            mosaic_alt: format!("The patches that excite {many} filters most, one of each"),
            mosaic,
            first: self.numbers.iter().copied().min().unwrap_or(0),
            last: self.numbers.iter().copied().max().unwrap_or(0),
            shown: self.shown(shown),
            sheet_caption: self.sheet_caption(),
            no_sheet: self.no_sheet(),
            face,
            face_caption: "Where the patches lie, on the average face.".to_owned(),
            side,
            top_text: format!("{:.2}", self.grid.top),
            has_switch: self.switch_top.is_some(),
            switch_text: decimal_or_dash(self.switch_top, 1),
            has_interval: filters.iter().any(|f| f.low.iter().any(Option::is_some)),
            has_null: filters.iter().any(|f| f.null.iter().any(Option::is_some)),
            units,
            data: for_script(&data.to_string()),
        }
    }

    fn filter(&self, number: u64, sheet: Option<String>) -> Filter {
        let none = vec![None; self.grid.units.len()];
        let of = self.grid.filters.get(&number).unwrap_or(&none);
        let column = |f: fn(&Association) -> Option<f64>| {
            of.iter()
                .map(|row| rounded(finite(row.and_then(f))))
                .collect()
        };
        let found = self.correspondences.get(&number);
        let unit =
            found.and_then(|found| self.grid.units.iter().position(|(au, _)| *au == found.au));
        let patches = self.patches.get(&number).copied().unwrap_or_default();
        let effect = |(au, _): &(u64, String)| {
            rounded(finite(
                self.effects.get(&(number, *au)).and_then(|row| row.effect),
            ))
        };
        let boxes: Vec<[f64; 4]> = patches.iter().filter_map(patch_box).collect();
        Filter {
            filter: number,
            title: match found {
                Some(found) => format!("Filter {number}: {}", au_label(found.au)),
                None => format!("Filter {number}"),
            },
            words: self.words(number, patches.len()),
            unit,
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
            effect: match self.switch_top {
                Some(_) => self.grid.units.iter().map(effect).collect(),
                None => vec![],
            },
        }
    }

    /// What there is to say of a filter, in a few sentences.
    fn words(&self, number: u64, patches: usize) -> String {
        let Some(found) = self.correspondences.get(&number) else {
            return match (self.grid.filters.is_empty(), patches) {
                (true, _) => "It has not been compared with action units.".to_owned(),
                (_, 0) => "It responds to none of the images: it corresponds to no action unit."
                    .to_owned(),
                _ => "It is constant over the coded images: it corresponds to no action unit."
                    .to_owned(),
            };
        };
        let pair = self
            .grid
            .filters
            .get(&number)
            .into_iter()
            .flatten()
            .flatten()
            .find(|row| row.au == found.au);
        let interval = pair.and_then(|row| Some((finite(row.kl_low)?, finite(row.kl_high)?)));
        let interval = interval.map_or(String::new(), |ends| {
            format!(" (95% over people {})", interval_or_dash(Some(ends), 2))
        });
        let auroc = pair.and_then(|row| finite(row.auroc));
        let direction = auroc.map_or(String::new(), |auroc| match auroc >= 0.5 {
            true => format!("; it responds more with the action unit (AUROC {auroc:.2})"),
            false => format!("; it responds less with the action unit (AUROC {auroc:.2})"),
        });
        let mut words = format!(
            "Its largest KL is {} nats{interval}, for {}{direction}.",
            decimal_or_dash(found.kl, 2),
            au_label(found.au)
        );
        if let Some(q) = finite(found.q_max) {
            words += &format!(
                " Against the largest KL that chance gives, q = {}.",
                p_or_dash(Some(q))
            );
        }
        if let Some(row) = pair.filter(|row| finite(row.q_within_class).is_some()) {
            words += &format!(
                " Among images of one expression, AUROC {} (q = {}).",
                decimal_or_dash(row.auroc_within_class, 2),
                p_or_dash(row.q_within_class)
            );
        }
        if let Some(rho) = pair.and_then(|row| finite(row.intensity_rho)) {
            words += &format!(" Its response and the coded intensity: Spearman {rho:.2}.");
        }
        if let Some(place) = self.spatial.get(&number) {
            words += &format!(
                " Its maxima lie in the face region of {} on {} of images (chance {}).",
                au_label(place.au),
                percent_or_dash(place.pointing_rate),
                percent_or_dash(place.chance)
            );
        }
        words
    }

    fn shown(&self, filter: Option<&Filter>) -> Shown {
        let default = Filter::default();
        let filter = filter.unwrap_or(&default);
        let at = |list: &[Option<f64>], at: usize| list.get(at).copied().flatten();
        let along = |value: f64| hundredths((200.0 * value / self.grid.top).clamp(0.0, 200.0));
        let row = |(place, (au, name)): (usize, &(u64, String))| {
            let effect = at(&filter.effect, place);
            let end = self.switch_top.map_or(0.0, |top| {
                (100.0 * effect.unwrap_or(0.0) / top).clamp(-100.0, 100.0)
            });
            let interval = at(&filter.low, place).zip(at(&filter.high, place));
            Bar {
                au: *au,
                name: name.clone(),
                largest: filter.unit == Some(place),
                bar: along(at(&filter.kl, place).unwrap_or(0.0)),
                interval: interval.map(|(low, high)| (along(low), along(high))),
                null: at(&filter.null, place).map(along),
                kl: decimal_or_dash(at(&filter.kl, place), 2),
                auroc: decimal_or_dash(at(&filter.auroc, place), 2),
                q: p_or_dash(at(&filter.q, place)),
                switch_start: hundredths(end.min(0.0)),
                switch_width: hundredths(end.abs()),
                switch: decimal_or_dash(effect, 2),
            }
        };
        Shown {
            filter: filter.filter,
            title: filter.title.clone(),
            words: filter.words.clone(),
            sheet: filter.sheet.clone(),
            sheet_alt: filter.alt.clone(),
            boxes: filter.boxes.clone(),
            face_alt: filter.face_alt.clone(),
            rows: self.grid.units.iter().enumerate().map(row).collect(),
        }
    }

    fn sheet_caption(&self) -> String {
        self.filters.map_or(String::new(), |filters| {
            format!(
                "Above, the patches of the faces that excite it most{}; below, their {}, middle grey zero.",
                patches::seen(filters),
                patches::method(filters)
            )
        })
    }

    fn no_sheet(&self) -> String {
        match self.layer {
            Some(layer) => format!(
                "No picture of this filter's patches: {} is not there, or there was no more room on the page.",
                layer.file("filter-NNN.png")
            ),
            None => "No patches were made.".to_owned(),
        }
    }

    /// Sheets of all filters, as large as all of them find room.
    fn sheets(&self) -> BTreeMap<u64, String> {
        let Some(layer) = self.layer else {
            return BTreeMap::new();
        };
        let folder = self.context.folder;
        // Pictures further down the page must find room, too.
        let room = folder.pictures_left() * 9 / 10;
        let mut fitting = Vec::new();
        for width in WIDTHS {
            let load = |number: &u64| {
                let file = layer.file(&format!("filter-{number:03}.png"));
                Some((*number, folder.compact(&file, width, "").ok()?))
            };
            fitting = self
                .numbers
                .par_iter()
                .filter_map(load)
                .collect::<Vec<(u64, Compact)>>();
            let bytes: u64 = fitting
                .iter()
                .map(|(_, sheet)| sheet.bytes.len() as u64)
                .sum();
            if bytes <= room {
                break;
            }
        }
        let embed = |(number, sheet): (u64, Compact)| {
            Some((number, folder.embed(sheet.kind, &sheet.bytes)?))
        };
        fitting.into_iter().filter_map(embed).collect()
    }

    /// The best patch of every filter side by side.
    fn mosaic(&self, columns: usize) -> Option<String> {
        let images = self.context.run.images.as_ref().ok()?;
        let best = |number: &u64| {
            let patch = self.patches.get(number).and_then(|of| of.first())?;
            let image = images.get(patch.index?)?;
            let [x, y, w, h] = patch_box(patch)?;
            Some(crop(&image, x as usize, y as usize, w as usize, h as usize))
        };
        let cells: Vec<Option<Grey>> = self.numbers.iter().map(best).collect();
        if cells.iter().all(Option::is_none) {
            return None;
        }
        let cells = cells
            .into_iter()
            .map(|cell| cell.unwrap_or(Grey::new(CELL, CELL, 128)));
        let mut cells: Vec<Grey> = cells.collect();
        let places = cells.len().div_ceil(columns) * columns;
        cells.resize(places, Grey::new(CELL, CELL, 128));
        let sheet = Grey::sheet(&cells, columns, 0, 128)?;
        self.context.folder.embed("image/png", &sheet.png()?)
    }

    /// The average face: the run's own picture, else the mean of some of its images.
    fn face(&self) -> Option<String> {
        let file = self.layer.map(|layer| layer.file("average-face.png"));
        let recorded = file.and_then(|file| self.context.folder.picture(&file, "").ok());
        recorded.or_else(|| {
            let images = self.context.run.images.as_ref().ok()?;
            let face = mean_face(images)?;
            self.context.folder.embed("image/png", &face.png()?)
        })
    }
}

fn patch_box(patch: &Patch) -> Option<[f64; 4]> {
    let sides = [patch.x?, patch.y?, patch.w?, patch.h?];
    let sane = |side: &f64| (0.0..=4096.0).contains(side);
    (sides.iter().all(sane) && sides[2] >= 1.0 && sides[3] >= 1.0).then_some(sides)
}

/// A part of a picture at the mosaic's size, by the nearest pixel; what leaves the picture is grey.
fn crop(image: &Grey, x: usize, y: usize, w: usize, h: usize) -> Grey {
    let mut cell = Grey::new(CELL, CELL, 128);
    for row in 0..CELL {
        for column in 0..CELL {
            let (from_x, from_y) = (x + column * w / CELL, y + row * h / CELL);
            if from_x < image.width && from_y < image.height {
                cell.pixels[row * CELL + column] = image.pixels[from_y * image.width + from_x];
            }
        }
    }
    cell
}

/// Mean of up to 200 images, spread evenly.
fn mean_face(images: &crate::run::Images) -> Option<Grey> {
    let shown = images.count.min(200);
    let faces: Vec<Grey> = (0..shown)
        .filter_map(|at| images.get(at * images.count / shown))
        .collect();
    let mut mean = faces.first()?.clone();
    for (at, pixel) in mean.pixels.iter_mut().enumerate() {
        let sum: usize = faces.iter().map(|face| usize::from(face.pixels[at])).sum();
        *pixel = (sum / faces.len()) as u8;
    }
    Some(mean)
}

/// A length of a bar, as finely as it is drawn.
fn hundredths(value: f64) -> f64 {
    // Without the sign of a zero.
    (value * 100.0).round() / 100.0 + 0.0
}

/// Four significant digits are more than a bar shows.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| format!("{value:.3e}").parse().unwrap_or(value))
}

/// JSON that cannot end the script element that holds it.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
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
        let cell = crop(&image, 30, 0, 32, 32);
        assert_eq!(
            (cell.pixels[0], cell.pixels[9], cell.pixels[10]),
            (7, 7, 128)
        );
    }
}
