//! Every image below a folder, with the expression and the part in the names of the folders above it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::Expression;
use crate::read::file::Skipped;
use crate::read::folders::people::Identity;
use crate::read::name::{OTHER_IMAGE, is_image, is_other_image, is_zip, join, stem};
use crate::read::tree::FileTree;

/// Maximum folder depth; layouts made by hand have three or four levels.
const DEPTH_LIMIT: usize = 16;
/// Maximum total number of folders; together with [`DEPTH_LIMIT`] it ends a walk through links between trees.
const FOLDERS_LIMIT: usize = 1_000_000;
/// Maximum total number of images, the same as the row limit of a table.
const IMAGES_LIMIT: usize = 5_000_000;

/// An image in a folder that names an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub path: String,
    pub expression: Expression,
    pub part: Option<Part>,
    /// The subject in its name; the walk leaves it empty.
    pub identity: Option<Identity>,
}

/// The findings of the walk.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub images: Vec<Image>,
    pub skipped: Vec<Skipped>,
    /// Expressions named by folders, with or without images.
    pub named: BTreeSet<Expression>,
    /// Archives beside the class folders, usually the one that these were unpacked from.
    pub archives: Vec<String>,
    folders: usize,
    /// The folders that the walk is in: a link to one of them would loop for ever.
    above: Vec<PathBuf>,
}

/// The expression and part named by the folders above an image; the deepest decides.
#[derive(Debug, Clone, Copy, Default)]
struct Named {
    expression: Option<Expression>,
    part: Option<Part>,
}

impl Walk {
    /// Walks through the tree in order of names.
    ///
    /// # Errors
    /// If the root cannot be listed, or there are too many folders or images.
    pub fn through(tree: &FileTree) -> Result<Self, Error> {
        let mut walk = Self::default();
        let names = tree.names("")?;
        walk.above.extend(tree.root().canonicalize());
        walk.entries(tree, "", &names, Named::default())?;
        Ok(walk)
    }

    fn entries(
        &mut self,
        tree: &FileTree,
        folder: &str,
        names: &[String],
        named: Named,
    ) -> Result<(), Error> {
        let mut strays = 0;
        for name in names {
            let path = join(folder, name);
            // Folders first: some tools make a folder for each image and name it after the image's file.
            if tree.is_folder(&path) {
                let expression = class_of(name).or(named.expression);
                let part = Part::from_name(name).or(named.part);
                self.folder(tree, &path, Named { expression, part })?;
            } else if !is_image(name) {
                self.other_file(path, name, named);
            } else if let (Some(expression), part) = (named.expression, named.part) {
                self.images.push(Image {
                    path,
                    expression,
                    part,
                    identity: None,
                });
            } else {
                strays += 1;
            }
        }
        if strays > 0 {
            let place = if folder.is_empty() { "." } else { folder };
            let reason = format!("images in no folder that names an expression: {strays}");
            self.skip(place, reason);
        }
        if self.images.len() <= IMAGES_LIMIT && self.folders <= FOLDERS_LIMIT {
            return Ok(());
        }
        let expected = format!("at most {IMAGES_LIMIT} images in {FOLDERS_LIMIT} folders");
        Err(Error::layout(tree.root(), expected, "more"))
    }

    fn folder(&mut self, tree: &FileTree, path: &str, named: Named) -> Result<(), Error> {
        self.folders += 1;
        self.named.extend(named.expression);
        // A folder of an archive has no place on disk, and no links.
        let real = tree.place(path).canonicalize().ok();
        let again = real.as_ref().is_some_and(|real| self.above.contains(real));
        let reason = match tree.names(path) {
            _ if path.split('/').count() > DEPTH_LIMIT => {
                format!("more than {DEPTH_LIMIT} folders inside one another")
            }
            _ if again => "a link back to a folder that contains it".to_owned(),
            Ok(names) => {
                let entered = self.above.len();
                self.above.extend(real);
                let walked = self.entries(tree, path, &names, named);
                self.above.truncate(entered);
                return walked;
            }
            Err(error) => error.reason(),
        };
        self.skip(path, reason);
        Ok(())
    }

    fn other_file(&mut self, path: String, name: &str, named: Named) {
        let bare = stem(name);
        let part = Part::from_name(bare);
        let reason = match named.expression.or(class_of(bare)) {
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

/// The expression that a folder is named after: `happy`, `Happiness`, and with a number before it `3_happy`,
/// `03-happy`. A number alone does not count: codes differ between data sets.
pub(crate) fn class_of(folder: &str) -> Option<Expression> {
    let bare = folder.trim_start_matches(|c: char| c.is_ascii_digit());
    Expression::from_name(match bare.len() < folder.len() {
        true => bare.trim_start_matches([' ', '_', '-', '.']),
        false => folder,
    })
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
        let pairs = walk.images.iter();
        pairs
            .map(|image| (image.path.as_str(), image.expression.name()))
            .collect()
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
        let skipped: Vec<_> = walk
            .skipped
            .iter()
            .map(|s| (s.path.as_str(), s.reason.rsplit(' ').next().unwrap()))
            .collect();
        assert_eq!(skipped, [("0", "1"), (".", "2")]);
    }

    #[test]
    fn parts_come_from_folders() {
        let dir = tree(&["Training/happy/x.png", "fear/val/y.png", "sad/z.png"]);
        let walk = Walk::through(&FileTree::open(dir.path()).unwrap()).unwrap();
        let parts: Vec<_> = walk.images.iter().map(|image| image.part).collect();
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
