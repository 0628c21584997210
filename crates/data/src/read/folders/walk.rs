//! Every image below a folder, with the expression and the part in the names of the folders above it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::Expression;
use crate::label::label_map::Misspelt;
use crate::label::text::digits;
use crate::label::words::{Word, code, word};
use crate::read::file::Skipped;
use crate::read::name::{OTHER_IMAGE, is_image, is_other_image, is_zip, join, stem};
use crate::read::tree::FileTree;

/// Maximum folder depth; layouts made by hand have three or four levels.
const DEPTH_LIMIT: usize = 16;
/// Maximum total number of folders; together with [`DEPTH_LIMIT`] it ends a walk through links between trees.
const FOLDERS_LIMIT: usize = 1_000_000;
/// Maximum total number of images, the same as the row limit of a table.
pub(super) const IMAGES_LIMIT: usize = 5_000_000;

/// An image below the root, and what the folders above it say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub path: String,
    pub above: Above,
}

/// The contents of the names of the folders above an image; the deepest of each kind decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Above {
    pub expression: Option<Expression>,
    /// A folder that is a number alone, a code of a class or of a person.
    pub number: Option<u8>,
    /// The expression that a folder resembles, but does not name.
    pub like: Option<Expression>,
    pub part: Option<Part>,
}

/// The findings of the walk.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub images: Vec<Found>,
    pub skipped: Vec<Skipped>,
    /// Expressions named by folders, with or without images.
    pub named: BTreeSet<Expression>,
    /// Misspelt names of folders, with the expression that was read.
    pub misspelt: Misspelt,
    /// Archives beside the class folders, usually the one that these were unpacked from.
    pub archives: Vec<String>,
    folders: usize,
    /// The folders that the walk is in: a link to one of them would loop for ever.
    within: Vec<PathBuf>,
}

impl Walk {
    /// Walks through the tree in order of names.
    ///
    /// # Errors
    /// If the root cannot be listed, or there are too many folders or images.
    pub fn through(tree: &FileTree) -> Result<Self, Error> {
        let mut walk = Self::default();
        let names = tree.names("")?;
        walk.within.extend(tree.root().canonicalize());
        walk.entries(tree, "", &names, Above::default())?;
        Ok(walk)
    }

    fn entries(
        &mut self,
        tree: &FileTree,
        folder: &str,
        names: &[String],
        above: Above,
    ) -> Result<(), Error> {
        // Folders first: some tools make a folder for each image and name it after the image's file.
        let is_folder = |name: &&String| tree.is_folder(&join(folder, name));
        let (folders, files): (Vec<_>, Vec<_>) = names.iter().partition(is_folder);
        let coded = are_codes(&folders);
        for name in folders {
            let below = self.below(name, above, coded);
            self.folder(tree, &join(folder, name), below)?;
        }
        for name in files {
            let path = join(folder, name);
            match is_image(name) {
                true => self.images.push(Found { path, above }),
                false => self.other_file(path, name, above),
            }
        }
        if self.images.len() <= IMAGES_LIMIT && self.folders <= FOLDERS_LIMIT {
            return Ok(());
        }
        let expected = format!("at most {IMAGES_LIMIT} images in {FOLDERS_LIMIT} folders");
        Err(Error::layout(tree.root(), expected, "more"))
    }

    /// What the folder `name` adds; `coded` if it and those beside it are codes such as AN and DI.
    fn below(&mut self, name: &str, above: Above, coded: bool) -> Above {
        let part = Part::from_name(name).or(above.part);
        let expression = match class_word(name) {
            Word::Named(expression) => Some(expression),
            Word::Misspelt(expression) => {
                self.misspelt.insert(name.to_owned(), expression);
                Some(expression)
            }
            // Contradicts the folder above, as a copy of another class put there by mistake would.
            Word::Like(like) if above.expression != Some(like) && contains_name(name) => {
                let (expression, like) = (None, Some(like));
                return Above {
                    expression,
                    like,
                    part,
                    ..above
                };
            }
            Word::Like(_) | Word::None => code(name).filter(|_| coded),
        };
        let like = match class_word(name) {
            Word::Like(like) => Some(like),
            _ => above.like,
        };
        Above {
            expression: expression.or(above.expression),
            number: digits(name, 2).or(above.number),
            like: like.filter(|_| expression.is_none()),
            part,
        }
    }

    fn folder(&mut self, tree: &FileTree, path: &str, above: Above) -> Result<(), Error> {
        self.folders += 1;
        self.named.extend(above.expression);
        // A folder of an archive has no place on disk, and no links.
        let real = tree.place(path).canonicalize().ok();
        let again = real.as_ref().is_some_and(|real| self.within.contains(real));
        let reason = match tree.names(path) {
            _ if path.split('/').count() > DEPTH_LIMIT => {
                format!("more than {DEPTH_LIMIT} folders inside one another")
            }
            _ if again => "a link back to a folder that contains it".to_owned(),
            Ok(names) => {
                let entered = self.within.len();
                self.within.extend(real);
                let walked = self.entries(tree, path, &names, above);
                self.within.truncate(entered);
                return walked;
            }
            Err(error) => error.reason(),
        };
        self.skip(path, reason);
        Ok(())
    }

    fn other_file(&mut self, path: String, name: &str, above: Above) {
        let bare = stem(name);
        let part = Part::from_name(bare);
        let reason = match above.expression.or(class_of(bare)) {
            _ if is_other_image(name) => OTHER_IMAGE,
            _ if name.contains(char::REPLACEMENT_CHARACTER) => "its name is not UTF-8: rename it",
            _ if !is_zip(name) => return,
            None if part.is_none() => return self.archives.push(path),
            // Otherwise images would be missed.
            _ => "an archive within the data set: unpack it to include it",
        };
        self.skip(path, reason);
    }

    fn skip(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.skipped.push(Skipped::new(path, reason));
    }
}

/// Whether folders beside one another are the codes of posed sets, AN, DI, HA and so on: at least three, and no other.
/// A single one may be a person's initials.
fn are_codes(folders: &[&String]) -> bool {
    folders.len() >= 3 && folders.iter().all(|name| code(name).is_some())
}

/// The expression that a folder is named after: `happy`, `Happiness`, and with a number before it `3_happy`,
/// `03-happy`. A number alone does not count: codes differ between data sets.
pub(crate) fn class_of(folder: &str) -> Option<Expression> {
    match class_word(folder) {
        Word::Named(expression) | Word::Misspelt(expression) => Some(expression),
        Word::Like(_) | Word::None => None,
    }
}

fn class_word(folder: &str) -> Word {
    let bare = folder.trim_start_matches(|c: char| c.is_ascii_digit());
    word(match bare.len() < folder.len() {
        true => bare.trim_start_matches([' ', '_', '-', '.']),
        false => folder,
    })
}

/// Whether one of the words of a name is exactly that of an expression.
fn contains_name(folder: &str) -> bool {
    let mut words = folder.split(|c: char| !c.is_alphabetic());
    words.any(|word| Expression::from_name(word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn folders_may_be_numbered_but_not_only() {
        for (folder, expression) in [
            ("happy", Some(Expression::Happy)),
            ("Sad", Some(Expression::Sadness)),
            ("3_happy", Some(Expression::Happy)),
            ("03-Happy", Some(Expression::Happy)),
            ("3. happy", Some(Expression::Happy)),
            ("3", None),
            ("3_", None),
            ("_happy", None),
            ("happy_3", None),
            ("unhappy", None),
            ("", None),
        ] {
            assert_eq!(class_of(folder), expression, "{folder}");
        }
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    fn found(walk: &Walk) -> Vec<(&str, &str)> {
        let name = |image: &Found| image.above.expression.map(Expression::name);
        let pairs = walk.images.iter();
        let pairs = pairs.map(|image| Some((image.path.as_str(), name(image)?)));
        let mut pairs: Vec<_> = pairs.flatten().collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn the_deepest_name_decides() {
        let dir = tree(&[
            "happy/x.png",
            "happy/sad/y.jpg",
            "happy/S010/z.JPEG",
            "S010/2_fear/w.png",
            "happy/notes.txt",
            "fear/a.png/b.png",
            "0/v.png",
            "u.png",
            "t.png",
        ]);
        let walk = Walk::through(&FileTree::open(dir.path()).unwrap()).unwrap();
        assert_eq!(
            found(&walk),
            [
                ("S010/2_fear/w.png", "fear"),
                ("fear/a.png/b.png", "fear"),
                ("happy/S010/z.JPEG", "happy"),
                ("happy/sad/y.jpg", "sadness"),
                ("happy/x.png", "happy"),
            ]
        );
        let others: Vec<_> = walk
            .images
            .iter()
            .filter(|i| i.above.expression.is_none())
            .collect();
        assert_eq!(others.len(), 3);
        assert!(
            others
                .iter()
                .any(|i| i.path == "0/v.png" && i.above.number == Some(0))
        );
        assert!(walk.skipped.is_empty());
    }

    #[test]
    fn names_that_are_nearly_classes_are_read_if_certain() {
        let dir = tree(&[
            "suprise/a.png",
            "Fear - Copy/b.png",
            "happy/disgust_faces/c.png",
            "happy/danger/d.png",
            "people/SA/e.png",
            "people/AN/f.png",
            "coded/AN/g.png",
            "coded/NE/h.png",
            "coded/su/i.png",
        ]);
        let walk = Walk::through(&FileTree::open(dir.path()).unwrap()).unwrap();
        assert_eq!(
            found(&walk),
            [
                ("coded/AN/g.png", "anger"),
                ("coded/NE/h.png", "neutral"),
                ("coded/su/i.png", "surprise"),
                ("happy/danger/d.png", "happy"),
                ("suprise/a.png", "surprise"),
            ]
        );
        assert_eq!(
            walk.misspelt,
            [("suprise".to_owned(), Expression::Surprise)].into()
        );
        let like = walk.images.iter().filter(|i| i.above.expression.is_none());
        let like: Vec<_> = like.map(|i| (i.path.as_str(), i.above.like)).collect();
        assert_eq!(like[0], ("Fear - Copy/b.png", Some(Expression::Fear)));
        assert_eq!(
            like[1],
            ("happy/disgust_faces/c.png", Some(Expression::Disgust))
        );
    }

    #[test]
    fn parts_come_from_folders() {
        let dir = tree(&["Training/happy/x.png", "fear/val/y.png", "sad/z.png"]);
        let walk = Walk::through(&FileTree::open(dir.path()).unwrap()).unwrap();
        let parts: Vec<_> = walk.images.iter().map(|image| image.above.part).collect();
        assert_eq!(parts, [Some(Part::Train), Some(Part::Validation), None]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_depth_end() {
        let deep = format!("{}happy/x.png", "d/".repeat(30));
        let dir = tree(&["a/happy/x.png", "b/fear/y.png", &deep]);
        for (target, link) in [("..", "a/up"), ("a", "b/over"), ("b", "a/over")] {
            let target = match target {
                ".." => dir.path().to_path_buf(),
                name => dir.path().join(name),
            };
            std::os::unix::fs::symlink(target, dir.path().join(link)).unwrap();
        }
        let walk = Walk::through(&FileTree::open(dir.path()).unwrap()).unwrap();
        assert_eq!(
            found(&walk),
            [
                ("a/happy/x.png", "happy"),
                ("a/over/fear/y.png", "fear"),
                ("b/fear/y.png", "fear"),
                ("b/over/happy/x.png", "happy"),
            ]
        );
        let skipped: Vec<_> = walk.skipped.iter().map(|s| s.path.clone()).collect();
        let deepest = vec!["d"; 17].join("/");
        assert_eq!(
            skipped,
            ["a/over/over", "a/up", "b/over/over", "b/over/up", &deepest]
        );
    }
}
