//! `viz/<layer>`: patches, sanity checks, class evidence.

use serde::Deserialize;
use serde_json::Value;

use super::folder::{Contents, RunFolder, VISUALIZE};

/// End of the name of a picture in threefold resolution.
pub(crate) const FINE: &str = "@3x.png";

/// `viz/<layer>`.
pub(crate) struct Layer {
    /// Its name; `output` for that of the classes.
    pub name: String,
    folder: String,
    pub filters: Contents<Filters>,
    /// Similarity of the projections after removing the learnt weights.
    pub sanity: Contents<Value>,
    /// The images and classes of the maps of evidence.
    pub evidence: Contents<Value>,
}

impl Layer {
    /// A file of this layer's folder, relative to the run.
    pub fn file(&self, name: &str) -> String {
        format!("viz/{}/{name}", self.folder)
    }

    /// The name of its folder, which is one of a file too.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// A picture of this layer, in threefold resolution if the folder has it.
    pub fn fine(&self, folder: &RunFolder, name: &str) -> String {
        let fine = self.file(&format!("{name}{FINE}"));
        let exists = folder.path(&fine).is_file();
        if exists {
            fine
        } else {
            self.file(&format!("{name}.png"))
        }
    }
}

/// The layers with a folder; conv3, with missing files, if there is none.
pub(super) fn read(folder: &RunFolder) -> Vec<Layer> {
    let mut names = folder.names("viz");
    names.retain(|name| folder.path("viz").join(name).is_dir());
    if names.is_empty() {
        names.push("conv3".to_owned());
    }
    let read = |name: String| {
        let file = |file: &str| format!("viz/{name}/{file}");
        let filters: Contents<Filters> = folder.json(&file("filters.json"), VISUALIZE).into();
        let recorded = filters.layer.clone().filter(|_| name != "output");
        Layer {
            name: recorded.unwrap_or_else(|| name.clone()),
            filters,
            sanity: folder.json(&file("sanity.json"), VISUALIZE).into(),
            evidence: folder.json(&file("evidence.json"), VISUALIZE).into(),
            folder: name,
        }
    };
    names.into_iter().map(read).collect()
}

/// `filters.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    pub layer: Option<String>,
    /// Name of the explanation method.
    pub method: Option<String>,
    /// The method's name for display.
    pub title: Option<String>,
    pub split: Option<String>,
    pub fold: Option<u64>,
    pub images: Option<u64>,
    pub distinct: Option<String>,
    pub field: Option<u64>,
    /// The picture beside a projection: `input` or `normalised`.
    pub shows: Option<String>,
    pub order: Vec<u64>,
    pub filters: Vec<FilterPatches>,
}

impl Filters {
    /// The explanation method in words: its recorded title, else its name; those of faus have a longer one.
    pub fn method(&self) -> &str {
        let name = self.method.as_deref().unwrap_or("back-projection");
        match name {
            "guided" => "guided back-propagation",
            "deconvnet" => "deconvnet projection",
            "gradient" => "plain gradient",
            "occlusion" => "occlusion map",
            own => self.title.as_deref().unwrap_or(own),
        }
    }

    /// The images from which the patches come, as the end of a sentence.
    pub fn used(&self) -> String {
        let images = self.images.map(|n| format!("{n} ")).unwrap_or_default();
        let fold = self.fold.map(|fold| format!(" of fold {fold}"));
        let fold = fold.unwrap_or_default();
        let unseen = "of people not seen in training";
        match self.split.as_deref() {
            Some("test") => format!(", out of {images}test images{fold}, {unseen}"),
            // Nothing says which images a network without folds was trained on.
            Some("all") if self.fold.is_none() => format!(", out of all {images}images"),
            Some("all") => format!(", out of all {images}images, including those of training"),
            Some("train") => format!(", out of {images}training images"),
            Some(part) => format!(", out of {images}images of the part {part}{fold}"),
            None => String::new(),
        }
    }
}

/// The patches of a filter, best first.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct FilterPatches {
    pub filter: u64,
    /// The action unit written into its pictures: `AU12 Lip corner puller, AUROC 0.95`, `less with AU1 …`.
    pub name: Option<String>,
    pub patches: Vec<Patch>,
}

/// One patch: its unit's receptive field in the image, in pixels.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub index: Option<u64>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub w: Option<f64>,
    pub h: Option<f64>,
}

impl Patch {
    /// Left, top, width and height; `None` if one is missing or impossible.
    pub fn area(&self) -> Option<[f64; 4]> {
        let sides = [self.x?, self.y?, self.w?, self.h?];
        let sane = |side: &f64| (0.0..=4096.0).contains(side);
        (sides.iter().all(sane) && sides[2] >= 1.0 && sides[3] >= 1.0).then_some(sides)
    }

    /// The whole receptive field, which reaches beyond the border of the image where the patch is cut there.
    pub fn whole(&self, field: u64, image: u32) -> Option<[f64; 4]> {
        let [x, y, w, h] = self.area()?;
        let side = |at: f64, length: f64| {
            let field = field as f64;
            match length < field && length < f64::from(image) {
                true if at == 0.0 => (length - field, field),
                true => (at, field),
                false => (at, length),
            }
        };
        let ((x, w), (y, h)) = (side(x, w), side(y, h));
        Some([x, y, w, h])
    }
}
