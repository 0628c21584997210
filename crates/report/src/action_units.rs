//! Names of the action units, for tables that give a number alone.

/// Name of a FACS action unit (Ekman, Friesen & Hager 2002); empty for numbers that are not among the usual ones.
pub(crate) fn au_name(au: u64) -> &'static str {
    match au {
        1 => "inner brow raiser",
        2 => "outer brow raiser",
        4 => "brow lowerer",
        5 => "upper lid raiser",
        6 => "cheek raiser",
        7 => "lid tightener",
        8 => "lips toward each other",
        9 => "nose wrinkler",
        10 => "upper lip raiser",
        11 => "nasolabial deepener",
        12 => "lip corner puller",
        13 => "sharp lip puller",
        14 => "dimpler",
        15 => "lip corner depressor",
        16 => "lower lip depressor",
        17 => "chin raiser",
        18 => "lip puckerer",
        20 => "lip stretcher",
        21 => "neck tightener",
        22 => "lip funneler",
        23 => "lip tightener",
        24 => "lip pressor",
        25 => "lips part",
        26 => "jaw drop",
        27 => "mouth stretch",
        28 => "lip suck",
        29 => "jaw thrust",
        31 => "jaw clencher",
        34 => "cheek puff",
        38 => "nostril dilator",
        39 => "nostril compressor",
        43 => "eyes closed",
        44 => "squint",
        45 => "blink",
        46 => "wink",
        _ => "",
    }
}

/// `AU 12 lip corner puller`.
pub(crate) fn au_label(au: u64) -> String {
    format!("AU {au} {}", au_name(au)).trim_end().to_owned()
}
