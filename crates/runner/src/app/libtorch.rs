//! The libtorch that this process has loaded.

use std::path::PathBuf;

/// Its version, read from its folder.
pub(crate) fn version() -> String {
    let folder = path().and_then(|lib| Some(lib.parent()?.parent()?.to_path_buf()));
    let text = folder.and_then(|f| {
        std::fs::read_to_string(f.join("build-version"))
            .or_else(|_| std::fs::read_to_string(f.join("version.py")))
            .ok()
    });
    let version = text
        .as_deref()
        .and_then(|t| match t.split_once("__version__ = '") {
            Some((_, rest)) => rest.split('\'').next(),
            None => t.lines().next(),
        });
    version.map_or_else(
        || "2.11.0 (by the build; no version file in its folder)".to_owned(),
        |v| v.trim().to_owned(),
    )
}

/// Path of libtorch_cpu; `None` where the system does not list a process's libraries.
pub(crate) fn path() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|l| l.contains("libtorch_cpu"))?;
    Some(PathBuf::from(line.get(line.find('/')?..)?))
}
