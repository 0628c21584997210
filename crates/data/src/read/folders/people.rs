//! Subject, recording and frame in the names of files.

use faus_base::text::composed;
use regex::{Regex, RegexBuilder};

use crate::error::Error;
use crate::read::folders::presets;

/// CK+'s own file names, with anything after them: subject, sequence, frame. The numbers have CK+'s digits, since a
/// name that only resembles one would falsely promise results on unseen people.
const CK_PLUS: &str =
    r"(?:^|/)[Ss](?<subject>[0-9]{3})_(?<sequence>[0-9]{3})_(?<frame>[0-9]{8})(?:[^0-9/][^/]*)?$";
/// The groups that a pattern can have, and how one is written.
const GROUPS: [&str; 3] = ["subject", "sequence", "frame"];
const SUBJECT_EXAMPLE: &str =
    "(?<subject>…) about the part of the path that names the person, such as (?<subject>[0-9]+)_";
const LABEL_GROUPS: [&str; 5] = ["label", "subject", "sequence", "frame", "part"];
const LABEL_EXAMPLE: &str = "(?<label>…) about the part of the path that names the expression, such as _(?<label>[a-z]+)_, or a preset: jaffe, kdef, rafd, raf_db";
/// Maximum number of characters of a pattern, and maximum size of its compiled form in bytes.
const PATTERN_LIMIT: usize = 1000;
const COMPILED_LIMIT: usize = 1 << 20;

/// Finds subject, sequence and frame in paths.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Whether this is CK+'s pattern, which implies CK+'s sequence names.
    ck_plus: bool,
    /// Whether this is a preset, whose people are in capitals however the files are spelled.
    preset: bool,
}

/// The subject of an image, its recording and its frame, from its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub subject: String,
    /// Unique within the source; `None` if the pattern has no such group.
    pub sequence: Option<String>,
    pub frame: Option<u32>,
}

impl Pattern {
    /// The pattern given, or CK+'s.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is not a regular expression, too large, or names no subject.
    pub fn new(given: Option<&str>) -> Result<Self, Error> {
        let regex = given.map_or_else(|| compiled(CK_PLUS), |given| subject(&composed(given)));
        Ok(Self {
            regex: regex.map_err(|reason| Error::setting("subject pattern", reason))?,
            ck_plus: given.is_none(),
            preset: false,
        })
    }

    /// The pattern of a preset's or a user's labels, which has the group `label` (unless a list has the labels) and may
    /// have those of a subject pattern and `part`.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is not a regular expression, too large, or names no label.
    pub fn of_labels(text: &str) -> Result<Self, Error> {
        let regex = match presets::of(text) {
            Some(preset) => compiled(preset.pattern),
            None => checked(&composed(text), "label", &LABEL_GROUPS, LABEL_EXAMPLE),
        };
        Ok(Self {
            regex: regex.map_err(|reason| Error::setting("label pattern", reason))?,
            ck_plus: false,
            preset: presets::of(text).is_some(),
        })
    }

    /// Whether it has the group.
    pub fn has(&self, group: &str) -> bool {
        let mut names = self.regex.capture_names().flatten();
        names.any(|name| name == group)
    }

    pub fn is_match(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The text of a group in a path.
    pub fn group(&self, path: &str, group: &str) -> Option<String> {
        let path = composed(path);
        let found = self.regex.captures(&path)?.name(group)?.as_str();
        Some(found.trim().to_owned())
    }

    /// Reads a path relative to the root; `None` if it does not match.
    pub(super) fn read(&self, path: &str) -> Option<Identity> {
        let path = composed(path);
        let found = self.regex.captures(&path)?;
        let group = |name| found.name(name).map(|group| group.as_str().trim());
        let subject = group("subject").filter(|subject| !subject.is_empty())?;
        let subject = match self.preset {
            true => subject.to_uppercase(),
            false => subject.to_owned(),
        };
        let sequence = group("sequence").filter(|sequence| !sequence.is_empty());
        let prefix = if self.ck_plus { "S" } else { "" };
        // A frame that is not a number: the pattern was not meant for this path.
        let frame = match group("frame") {
            Some(frame) => Some(frame.parse().ok()?),
            None => None,
        };
        Some(Identity {
            sequence: sequence.map(|sequence| format!("{prefix}{subject}_{sequence}")),
            subject,
            frame,
        })
    }
}

fn compiled(text: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(text);
    let builder = builder.size_limit(COMPILED_LIMIT);
    let regex = builder.dfa_size_limit(COMPILED_LIMIT).build();
    regex.map_err(|error| format!("no regular expression: {error}"))
}

fn subject(text: &str) -> Result<Regex, String> {
    checked(text, "subject", &GROUPS, SUBJECT_EXAMPLE)
}

/// A regular expression with the group `needed` and no other than `known` ones.
fn checked(text: &str, needed: &str, known: &[&str], example: &str) -> Result<Regex, String> {
    if text.len() > PATTERN_LIMIT {
        return Err(format!("must have at most {PATTERN_LIMIT} characters"));
    }
    let regex = compiled(text)?;
    let groups: Vec<&str> = regex.capture_names().flatten().collect();
    if let Some(other) = groups.iter().find(|group| !known.contains(group)) {
        let known = known.join(", ");
        let reason = format!("has the group '{other}', which is not one of {known}");
        return Err(reason);
    }
    let missing = || format!("has no group '{needed}': write {example}");
    let named = groups.contains(&needed);
    named.then_some(regex).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity(subject: &str, sequence: Option<&str>, frame: Option<u32>) -> Option<Identity> {
        let (subject, sequence) = (subject.to_owned(), sequence.map(str::to_owned));
        Some(Identity {
            subject,
            sequence,
            frame,
        })
    }

    #[test]
    fn ck_plus_names_need_no_pattern() {
        let pattern = Pattern::new(None).unwrap();
        for path in [
            "happy/S010_004_00000017.png",
            "S010_004_00000017.png",
            "a/s010_004_00000017_flipped.png",
            "x/S010_004_00000017",
        ] {
            let read = pattern
                .read(path)
                .map(|identity| (identity.subject, identity.frame));
            assert_eq!(read, Some(("010".to_owned(), Some(17))), "{path}");
        }
        let sequence = pattern.read("happy/S010_004_00000017.png");
        assert_eq!(sequence, identity("010", Some("S010_004"), Some(17)));
        for path in [
            "happy/holiday.png",
            "S010_004_00000017/x.png",
            "happy/S010_004_000000171.png",
            "happy/S10_4_17.png",
            "happy/XS010_004_00000017.png",
        ] {
            assert_eq!(pattern.read(path), None, "{path}");
        }
    }

    #[test]
    fn patterns_of_ones_own() {
        let pattern = Pattern::new(Some(r"^(?<subject>[^/]+)/[^/]+/(?P<frame>\d+)\.png$")).unwrap();
        assert_eq!(
            pattern.read("anna/happy/12.png"),
            identity("anna", None, Some(12))
        );
        assert_eq!(pattern.read("anna/happy/12.jpg"), None);
        let decomposed = pattern.read("Mu\u{308}ller/happy/12.png");
        assert_eq!(decomposed, pattern.read("M\u{fc}ller/happy/12.png"));
        let named = Pattern::new(Some("(?<subject>Mu\u{308}ller|Zoe\u{308})")).unwrap();
        assert_eq!(
            named.read("Zo\u{eb}/1.png"),
            identity("Zo\u{eb}", None, None)
        );
        assert_eq!(pattern.read("anna/happy/99999999999.png"), None);
        let pattern = Pattern::new(Some(r"(?<subject>\w*)-(?<sequence>\w+)")).unwrap();
        assert_eq!(pattern.read("x/7-b.png"), identity("7", Some("7_b"), None));
        assert_eq!(pattern.read("x/-b.png"), None);
        for (bad, why) in [
            ("(", "no regular expression"),
            (r"S(\d+)", "no group 'subject'"),
            (r"(?<subject>\d+)(?<take>\d)", "the group 'take'"),
            (r"(?<subject>\w{900}{900})", "size limit"),
            (&"x".repeat(1001), "at most 1000"),
        ] {
            let error = Pattern::new(Some(bad)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read_or_refused(path in "\\PC{0,40}", pattern in "\\PC{0,20}") {
            let _ = Pattern::new(None).unwrap().read(&path);
            if let Ok(pattern) = Pattern::new(Some(&format!("(?<subject>{pattern})"))) {
                let _ = pattern.read(&path);
            }
        }
    }
}
