//! The libtorch that this process has loaded.

use std::path::PathBuf;

/// Its version.
pub(crate) fn version() -> String {
    let unknown = || "2.11.0 (by the build; no version file in its folder)".to_owned();
    version_in_folder().unwrap_or_else(unknown)
}

fn version_in_folder() -> Option<String> {
    let library = path()?;
    let folder = library.parent()?.parent()?;
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let text = read("build-version").or_else(|| read("version.py"))?;
    let version = match text.split_once("__version__ = '") {
        Some((_, rest)) => rest.split('\'').next()?,
        None => text.lines().next()?,
    };
    Some(version.trim().to_owned())
}

/// Path of libtorch_cpu; `None` where the system does not list a process's libraries.
pub(crate) fn path() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|l| l.contains("libtorch_cpu"))?;
    Some(PathBuf::from(line.get(line.find('/')?..)?))
}
