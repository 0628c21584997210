//! What is made once and used by many tests. It lies in the target folder, since nothing tells when the last test is over.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::programs::target_folder;
use crate::{Place, Ran, copy_tree};

/// Flags that make `faus run` and `faus train` small: four steps on 16×16 pixels, four folds. They end in a list, so
/// further settings may follow.
pub const TINY: &str = "--preset quick --device cpu --set train.steps=4 train.batch_size=8 train.checkpoint_every=2 \
     train.validate_every=2 data.image_size=16 data.folds=4 visualize.top=2 \
     fau.permutations=99 fau.bootstrap=99";

/// What leftovers of earlier test runs are given to be in use.
const KEPT: Duration = Duration::from_secs(3600);

/// A synthetic CK+ of 14 people, made once; nobody writes into it. So few, and still every class is shown by people of
/// enough folds to be in each training part, whether there are four folds, five or ten.
pub fn faces() -> &'static Path {
    static FACES: OnceLock<PathBuf> = OnceLock::new();
    FACES.get_or_init(|| {
        let place = Place::at(&folder().join("faces"));
        place
            .faus("synth --output ck --subjects 14 --size 160x120")
            .done();
        place.path("ck")
    })
}

/// A place with a finished run of [`finished_command`] in its folder `out`, and how it ended.
pub fn finished() -> &'static (Place, Ran) {
    static FINISHED: OnceLock<(Place, Ran)> = OnceLock::new();
    FINISHED.get_or_init(|| {
        let faces = faces();
        let place = Place::at(&folder().join("finished"));
        std::os::unix::fs::symlink(faces, place.path("ck")).unwrap();
        let ran = place.faus(&finished_command());
        (place, ran)
    })
}

/// A place of one's own with those files of the finished run that are `wanted`, by their path in the run folder.
pub fn copy_of_finished(wanted: impl Fn(&Path) -> bool) -> Place {
    let (original, ran) = finished();
    ran.done();
    let (from, place) = (original.path("out"), Place::with_faces());
    copy_tree(&from, &place.path("out"), |path| {
        path.strip_prefix(&from).is_ok_and(&wanted)
    });
    place
}

/// The command behind [`finished`].
pub fn finished_command() -> String {
    format!("run experiments/ck_plus/cnn_ad.json --data ck --out out {TINY}")
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let all = target_folder().join("tmp/e2e");
        std::fs::create_dir_all(&all).unwrap();
        for old in std::fs::read_dir(&all).unwrap().filter_map(Result::ok) {
            let age = old
                .metadata()
                .and_then(|m| m.modified())
                .ok()
                .and_then(|m| m.elapsed().ok());
            if age.is_some_and(|age| age > KEPT) {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        tempfile::tempdir_in(&all).unwrap().keep()
    })
}
