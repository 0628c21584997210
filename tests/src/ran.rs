use std::path::PathBuf;
use std::process::Output;

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Ran {
    command: String,
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What it said while working.
    pub stderr: String,
}

impl Ran {
    pub(crate) fn new(command: String, output: Output) -> Self {
        Self {
            command,
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn told(&self) -> String {
        let Self {
            command,
            code,
            stdout,
            stderr,
        } = self;
        format!("\n$ {command}\nexit code {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn done(&self) -> &Self {
        self.ended(0)
    }

    /// Asserts an exit code: 0 done, 1 failed, 2 wrong usage.
    #[track_caller]
    pub fn ended(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.told());
        self
    }

    /// Asserts that every one of `parts` was said, in whatever place.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            let said = self.stdout.contains(part) || self.stderr.contains(part);
            assert!(said, "does not say `{part}`:{}", self.told());
        }
        self
    }

    /// Asserts that nobody has to read `part`.
    #[track_caller]
    pub fn does_not_say(&self, part: &str) -> &Self {
        let said = self.stdout.contains(part) || self.stderr.contains(part);
        assert!(!said, "says `{part}`:{}", self.told());
        self
    }

    /// Asserts a failure whose message, one line, has all of `parts`: the file, the reason, the way out.
    #[track_caller]
    pub fn failed(&self, parts: &[&str]) -> &Self {
        self.ended(1);
        let errors: Vec<&str> = self
            .stderr
            .lines()
            .filter(|l| l.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "not one line of error:{}", self.told());
        for part in parts {
            assert!(
                errors[0].contains(part),
                "the error does not say `{part}`:{}",
                self.told()
            );
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.told());
        self
    }

    /// Asserts that the system's reason for a failure is said once.
    #[track_caller]
    pub fn says_the_reason_once(&self) {
        let times = self.stderr.matches("os error").count();
        assert_eq!(times, 1, "{}", self.told());
    }

    /// The path on the last line of standard output.
    #[track_caller]
    pub fn last_path(&self) -> PathBuf {
        match self.stdout.lines().last() {
            Some(line) => line.into(),
            None => panic!("printed nothing:{}", self.told()),
        }
    }
}
