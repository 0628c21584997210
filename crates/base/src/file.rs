//! Atomic writes: into a draft beside the target, flushed to the disk, then renamed. A link's target is replaced, not the
//! link; pipes and devices are written to.

use std::fs::OpenOptions;
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

/// Writes `bytes` to `path`.
///
/// # Errors
/// File-system errors; an existing file is then left intact.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes `value` to `path` as indented JSON with a final newline.
///
/// # Errors
/// File-system errors, and [`std::io::ErrorKind::InvalidData`] for what JSON cannot hold.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    write(path, (text + "\n").as_bytes())
}

/// Writes what `fill` puts into a buffered writer to `path`.
///
/// # Errors
/// Errors from the file system and from `fill`; the caller chooses the type that [`std::io::Error`] is converted to.
pub fn write_with<E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    if let Some(stream) = stream(path)? {
        let mut buffered = BufWriter::new(stream);
        fill(&mut buffered)?;
        return Ok(buffered.flush()?);
    }
    let mut file = AtomicWriteFile::open(target(path)?)?;
    let mut buffered = BufWriter::new(&mut file);
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    Ok(file.commit()?)
}

/// A pipe, a socket or a device, which is written to; `None` for what is replaced.
fn stream(path: &Path) -> Result<Option<UntilClosed>> {
    let out: Box<dyn Write> = match path.to_str() {
        // Through the open stream: a file behind it continues after what was printed.
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => Box::new(std::io::stdout()),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => Box::new(std::io::stderr()),
        #[cfg(unix)]
        Some(other) if descriptor(other).is_some() => Box::new(open_descriptor(other)?),
        _ => match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => Box::new(OpenOptions::new().write(true).open(path)?),
            _ => return Ok(None),
        },
    };
    Ok(Some(UntilClosed(out)))
}

/// The number in `/dev/fd/3`.
#[cfg(unix)]
fn descriptor(path: &str) -> Option<i32> {
    let number = path
        .strip_prefix("/dev/fd/")
        .or(path.strip_prefix("/proc/self/fd/"))?;
    number.parse().ok().filter(|number| *number > 2)
}

/// A file on an open descriptor, which writes on where others that share it have stopped.
#[cfg(unix)]
#[allow(unsafe_code)]
fn open_descriptor(path: &str) -> Result<std::fs::File> {
    use std::os::fd::BorrowedFd;

    std::fs::metadata(path)?;
    let number = descriptor(path).ok_or(ErrorKind::NotFound)?;
    // SAFETY: the path exists, so that the descriptor is open, and it is copied at once.
    let open = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(open.try_clone_to_owned()?.into())
}

/// Drops what nobody reads: the reader of a pipe may stop before the end, as `head` does.
struct UntilClosed(Box<dyn Write>);

impl Write for UntilClosed {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// The file that links lead to, whether or not it exists.
fn target(path: &Path) -> Result<PathBuf> {
    /// The same limit as Linux.
    const LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        match std::fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(Error::other("too many links, one to another"))
}

/// Removes a file or a folder with all it holds; a missing path is not an error.
///
/// # Errors
/// File-system errors.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::other("broken"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_target_of_links_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("far")).unwrap();
        std::os::unix::fs::symlink("far/b.txt", place("a.txt")).unwrap();
        std::os::unix::fs::symlink(place("c.txt"), place("far/b.txt")).unwrap();
        for text in ["new", "newer"] {
            write(&place("a.txt"), text.as_bytes()).unwrap();
            assert!(place("a.txt").is_symlink() && place("far/b.txt").is_symlink());
            assert!(!place("c.txt").is_symlink());
            assert_eq!(std::fs::read_to_string(place("c.txt")).unwrap(), text);
        }
        std::os::unix::fs::symlink("ring", place("ring")).unwrap();
        assert!(write(&place("ring"), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_written_to() {
        use std::os::unix::fs::FileTypeExt;

        write(Path::new("/dev/null"), b"x").unwrap();
        let null = std::fs::metadata("/dev/null").unwrap().file_type();
        assert!(null.is_char_device());
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for read in [300_000, 3] {
            let from = pipe.clone();
            let reader = std::thread::spawn(move || {
                use std::io::Read;
                let mut bytes = vec![0; read];
                std::fs::File::open(from)
                    .unwrap()
                    .read_exact(&mut bytes)
                    .unwrap();
                bytes
            });
            // More than a pipe holds: a reader that stops early closes it in the middle.
            write(&pipe, &[7; 300_000]).unwrap();
            assert_eq!(reader.join().unwrap(), vec![7; read]);
            assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_behind_a_descriptor_is_kept_and_a_folder_is_no_file() {
        use std::os::fd::AsRawFd;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.csv");
        write(&path, b"before ").unwrap();
        let open = OpenOptions::new().append(true).open(&path).unwrap();
        write(
            Path::new(&format!("/dev/fd/{}", open.as_raw_fd())),
            b"after",
        )
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"before after");
        assert!(write(dir.path(), b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn removing_twice_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        std::fs::create_dir_all(folder.join("b")).unwrap();
        assert!(remove(&folder).is_ok() && remove(&folder).is_ok() && !folder.exists());
    }
}
