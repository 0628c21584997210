//! File names of known sets that hold labels: presets of the label pattern.

use crate::label::LabelMap;
use crate::read::folders::people::Pattern;

/// The names of a set's files.
pub(super) struct Preset {
    pub name: &'static str,
    /// The set, and an example of a name.
    pub set: &'static str,
    pub pattern: &'static str,
}

/// JAFFE (Lyons et al. 1998), KDEF (Lundqvist, Flykt and Öhman 1998), RaFD (Langner et al. 2010) and RAF-DB (Li, Deng and
/// Du 2017), as their owners name the files.
#[rustfmt::skip]
pub(super) const PRESETS: [Preset; 4] = [
    Preset { name: "jaffe", set: "JAFFE's (KA.AN1.39.tiff)",
        pattern: r"(?i)(?:^|/)(?<subject>[a-z]{2})[.](?<label>an|di|fe|ha|ne|sa|su)[0-9][.][0-9]+[.][a-z]+$" },
    Preset { name: "kdef", set: "KDEF's (AF01ANS.JPG)",
        pattern: r"(?i)(?:^|/)(?<sequence>[ab])(?<subject>[fm][0-9]{2})(?<label>af|an|di|ha|ne|sa|su)(?:s|fl|fr|hl|hr)[.][a-z]+$" },
    Preset { name: "rafd", set: "RaFD's (Rafd090_01_Caucasian_female_angry_frontal.jpg)",
        pattern: r"(?i)(?:^|/)rafd(?<sequence>[0-9]{3})_(?<subject>[0-9]+)_[a-z]+_[a-z]+_(?<label>[a-z]+)_[a-z]+[.][a-z]+$" },
    Preset { name: "raf_db", set: "RAF-DB's (train_00001.jpg, labels in list_patition_label.txt)",
        pattern: r"(?i)(?:^|/)(?<part>train|test)_[0-9]+(?:_aligned)?[.][a-z]+$" },
];

impl Preset {
    /// The list that holds the labels, in any folder, and the meaning of their numbers, where the names hold none.
    pub fn list(&self) -> Option<(&'static str, LabelMap)> {
        (self.name == "raf_db").then_some(("list_patition_label.txt", LabelMap::RafDb))
    }
}

/// The preset of this name.
pub(super) fn of(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// The preset that at least half of the paths are named by, in a sentence.
pub(super) fn named_like(paths: &[String]) -> Option<String> {
    let preset = PRESETS.iter().find(|preset| {
        let pattern = Pattern::of_labels(preset.name);
        let fits = |path: &&String| pattern.as_ref().is_ok_and(|p| p.is_match(path));
        let fitting = paths.iter().filter(fits).count();
        fitting > 0 && 2 * fitting >= paths.len()
    })?;
    let (set, name) = (preset.set, preset.name);
    Some(format!(
        "file names like {set}: read the labels with the label pattern {name} (--label-pattern {name})"
    ))
}
