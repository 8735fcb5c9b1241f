//! A folder of unfinished work beside its output.
//!
//! `<out>.partial` holds the identity of the work (`work.json`) and what is finished of it: a file for each layer of a
//! compression, or the state of a tuning. At the end the output is assembled inside of it and renamed into place.

use super::Error;
use crate::export;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Marks a folder as our output, which `--force` may replace.
pub(super) const REPORT: &str = "report.json";
/// Folder of finished layers.
pub(super) const LAYERS: &str = "layers";
/// Folder of statistics.
pub(super) const STATISTICS: &str = "statistics";
/// State of a tuning.
pub(super) const STATE: &str = "state.bin";
const WORK: &str = "work.json";

/// What transformers loads a model with that keeps its factors.
pub(super) const MODELING: &str = "modeling_dsf.py";

/// The folder of some work, held by this process.
pub(super) struct WorkFolder {
    /// Folder of the output.
    out: PathBuf,
    /// Working folder, beside the output.
    path: PathBuf,
    /// Held while this process works there.
    _lock: File,
}

impl WorkFolder {
    /// Starts `work` for `out`, or resumes it: it is the same where these `keys` have the same values.
    ///
    /// `replace` allows to delete an earlier output and other unfinished work.
    pub fn open(out: &Path, replace: bool, work: &Value, keys: &[&str]) -> Result<Self, Error> {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        check_output(&out, replace)?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = out.with_file_name(name);
        let foreign = path.exists() && !path.join(WORK).exists() && !is_empty(&path);
        if foreign {
            return Err(Error::InTheWay { path });
        }
        fs::create_dir_all(&path).map_err(|error| failed(&path, &error))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(|error| failed(&lock_path, &error))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Error::Busy { path });
        }
        let described = path.join(WORK);
        let before = match fs::read(&described) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&described, &error)),
        };
        if let Some(bytes) = before {
            let found: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let differing: Vec<&str> = keys.iter().copied().filter(|key| found[key] != work[key]).collect();
            if !differing.is_empty() {
                // Work of which nothing is finished is no loss.
                if !replace && holds_work(&path) {
                    return Err(Error::OtherPlan { path, what: format!("another {}", differing.join(", ")) });
                }
                for part in [LAYERS, STATISTICS, STATE].map(|part| path.join(part)) {
                    let removed = if part.is_dir() { fs::remove_dir_all(&part) } else { fs::remove_file(&part) };
                    match removed {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(failed(&part, &error));
                        }
                        _ => {}
                    }
                }
            }
        }
        export::write(&described, format!("{work:#}\n").as_bytes(), true)?;
        Ok(Self { out, path, _lock: lock })
    }

    /// Checks what can be known in advance of whether the output can be written: for the start of long work.
    pub fn check(out: &Path, replace: bool) -> Result<(), Error> {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        check_output(&out, replace)
    }

    /// The working folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder inside of it.
    pub fn create(&self, folder: &str) -> Result<(), Error> {
        fs::create_dir_all(self.path.join(folder)).map_err(|error| failed(&self.path, &error))
    }

    /// An empty folder inside of it for the output.
    pub fn output(&self) -> Result<PathBuf, Error> {
        let whole = self.path.join("output");
        if whole.exists() {
            fs::remove_dir_all(&whole).map_err(|error| failed(&whole, &error))?;
        }
        fs::create_dir_all(&whole).map_err(|error| failed(&whole, &error))?;
        Ok(whole)
    }

    /// Moves the output into place, and removes the working folder.
    pub fn finish(self, replace: bool) -> Result<(), Error> {
        let whole = self.path.join("output");
        check_output(&self.out, replace)?;
        let old = self.path.join("replaced");
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|error| failed(&old, &error))?;
        }
        if self.out.exists() {
            fs::rename(&self.out, &old).map_err(|error| failed(&self.out, &error))?;
        }
        if let Err(error) = fs::rename(&whole, &self.out) {
            if old.exists() {
                // Move the old output back; if that fails too, it is still in the working folder.
                let _ = fs::rename(&old, &self.out);
            }
            return Err(failed(&self.out, &error));
        }
        // The output is there; what is left is of no use.
        let _ = fs::remove_dir_all(&self.path);
        Ok(())
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // Work of which nothing is finished leaves nothing. (After the end the folder is gone already.)
        if self.path.exists() && !holds_work(&self.path) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: error.to_string() }
}

/// Whether the working folder holds a finished layer, or the state of a tuning.
fn holds_work(path: &Path) -> bool {
    let layers = path.join(LAYERS);
    (layers.exists() && !is_empty(&layers)) || path.join(STATE).exists()
}

/// Refuses to replace a folder unless asked to, and one that is not ours in any case.
fn check_output(out: &Path, replace: bool) -> Result<(), Error> {
    if !out.exists() {
        let parent = out.parent().unwrap_or(Path::new("."));
        return match parent.is_dir() {
            true => Ok(()),
            false => Err(export::Error::NoFolder { path: out.to_owned(), folder: parent.to_owned() }.into()),
        };
    }
    if is_empty(out) || (replace && is_ours(out)) {
        return Ok(());
    }
    match replace {
        false => Err(Error::Exists { path: out.to_owned() }),
        true => Err(Error::NotOurs { path: out.to_owned() }),
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether a folder holds our output and nothing else: its report, weights, and the small files of a model.
fn is_ours(folder: &Path) -> bool {
    let report: Value = match fs::read(folder.join(REPORT)) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => return false,
    };
    let known = |name: &str| {
        [".safetensors", ".json", ".jinja", ".model", "merges.txt", MODELING]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    let entries = fs::read_dir(folder).map(|entries| entries.collect::<Result<Vec<_>, _>>());
    let Ok(Ok(entries)) = entries else { return false };
    let plain = entries
        .iter()
        .all(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()) && known(&entry.file_name().to_string_lossy()));
    plain && report["layers"].is_array() && report["bytes_bitmask"].is_u64()
}
