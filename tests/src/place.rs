use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{Program, Ran, copy_tree, program, repository, shared};

/// A working folder of its own, with the project's `experiments/` in it; it goes when the test is over.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    _goes: Option<TempDir>,
}

impl Place {
    /// A folder without data.
    pub fn new() -> Self {
        let goes = tempfile::tempdir().unwrap();
        let place = Self::at(goes.path());
        Self {
            _goes: Some(goes),
            ..place
        }
    }

    /// A folder in which `ck` is a small synthetic CK+.
    pub fn with_faces() -> Self {
        let place = Self::new();
        std::os::unix::fs::symlink(shared::faces(), place.path("ck")).unwrap();
        place
    }

    pub(crate) fn at(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        copy_tree(
            &repository().join("experiments"),
            &folder.join("experiments"),
            |path| path.extension().is_some_and(|e| e == "json"),
        );
        Self {
            folder: folder.to_path_buf(),
            _goes: None,
        }
    }

    /// A path in this place.
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }

    /// Runs `faus` here; `arguments` are words with spaces between them.
    pub fn faus(&self, arguments: &str) -> Ran {
        self.run(Program::Faus, arguments)
    }

    /// Runs a program here and waits for its end.
    pub fn run(&self, which: Program, arguments: &str) -> Ran {
        let output = self.command(which, arguments).output().unwrap();
        Ran::new(format!("{} {arguments}", program(which).display()), output)
    }

    /// Runs `faus` here where no file may grow beyond `kilobytes`: a disk that is full to the one who writes.
    pub fn faus_with_little_room(&self, kilobytes: u32, arguments: &str) -> Ran {
        // POSIX counts file sizes in halves of a kilobyte.
        let limit = format!("ulimit -f {}; exec \"$0\" \"$@\"", 2 * kilobytes);
        let mut command = self.at_home(Command::new("/bin/sh"));
        command
            .args(["-c", &limit])
            .arg(program(Program::Faus))
            .args(arguments.split_whitespace());
        Ran::new(
            format!("(files of {kilobytes} kB at most) faus {arguments}"),
            command.output().unwrap(),
        )
    }

    /// Runs `faus` here where programs are found in `folder` alone.
    pub fn faus_with_programs(&self, folder: &str, arguments: &str) -> Ran {
        let mut command = self.command(Program::Faus, arguments);
        command.env("PATH", self.path(folder));
        Ran::new(format!("faus {arguments}"), command.output().unwrap())
    }

    /// Starts `faus` here and does not wait.
    pub fn start(&self, arguments: &str) -> Child {
        self.command(Program::Faus, arguments).spawn().unwrap()
    }

    /// Waits for a program that was started.
    pub fn wait(&self, child: Child) -> Ran {
        Ran::new(
            "(started before)".to_owned(),
            child.wait_with_output().unwrap(),
        )
    }

    fn command(&self, which: Program, arguments: &str) -> Command {
        let mut command = self.at_home(Command::new(program(which)));
        command.args(arguments.split_whitespace());
        command
    }

    /// The environment is empty: a program needs no variable set by hand, and none of cargo's helps it.
    fn at_home(&self, mut command: Command) -> Command {
        command
            .env_clear()
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}
