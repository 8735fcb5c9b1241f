//! Atomic writes: to a temporary file beside the target, which is then renamed.

use super::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes `bytes` to `path`. Afterwards the file holds all of them, or after an error what it held before.
///
/// An existing file is an error unless `replace` is set.
pub fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Error> {
    write_with(path, replace, |file| file.write_all(bytes))
}

/// As [`write()`], with contents that `fill` writes piece by piece instead of holding them in memory.
pub fn write_with(
    path: &Path,
    replace: bool,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Error> {
    let folder = check_target(path, replace)?;
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dsf-").suffix(".part");
    // The permissions of any program's new file, less the umask; temporary files are private otherwise.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    fill(&mut file).map_err(failed)?;
    // Before the rename: after a power cut the name must not stand for an empty file.
    file.as_file().sync_all().map_err(failed)?;
    let renamed = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    match renamed {
        Ok(_) => Ok(()),
        // Another process created the file meanwhile.
        Err(error) if !replace && error.error.kind() == ErrorKind::AlreadyExists => {
            Err(Error::Exists { path: path.to_owned() })
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// Checks what can be known in advance of whether [`write()`] would fail: for the start of a long run.
pub fn check_writable(path: &Path, replace: bool) -> Result<(), Error> {
    let folder = check_target(path, replace)?;
    // Only creating a file shows for certain that the folder is writable.
    tempfile::tempfile_in(folder).map(drop).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Checks what is at `path`; returns its folder.
fn check_target(path: &Path, replace: bool) -> Result<&Path, Error> {
    let not_a_file = || Error::NotAFile { path: path.to_owned() };
    let written_as_folder = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if path.file_name().is_none() || path.is_dir() || written_as_folder {
        return Err(not_a_file());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(Error::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(folder),
        Err(source) => Err(Error::Write { path: path.to_owned(), source }),
        // A device or a pipe would be replaced by a file of its name.
        Ok(_) if path.metadata().is_ok_and(|found| !found.is_file()) => Err(not_a_file()),
        Ok(_) if !replace => Err(Error::Exists { path: path.to_owned() }),
        Ok(_) => Ok(folder),
    }
}
