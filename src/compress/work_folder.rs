//! A folder of unfinished work beside its output.
//!
//! `<out>.partial` holds the identity of the work (`work.json`) and what is finished of it: a file for each layer of a
//! compression, statistics and residual streams, or the state of a tuning. At the end the output is assembled inside of it
//! and renamed into place.

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
/// Folder of residual streams, of work that goes through the blocks together.
pub(super) const STREAMS: &str = "streams";
/// State of a tuning.
pub(super) const STATE: &str = "state.bin";
const WORK: &str = "work.json";
/// Locked by who works there.
const LOCK: &str = "lock";
/// Start of the names of files that are being written.
const UNFINISHED: &str = ".dsf-";

/// What transformers loads a model with that keeps its factors.
pub(super) const MODELING: &str = "modeling_dsf.py";

/// How the folder is worked in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Access {
    /// By this process alone.
    Alone {
        /// Whether other unfinished work there is deleted.
        drop_other: bool,
    },
    /// By several processes at the same work. None of them deletes anything of others.
    Shared,
}

/// The folder of some work, held by this process.
pub(super) struct WorkFolder {
    /// Folder of the output.
    out: PathBuf,
    /// Working folder, beside the output.
    path: PathBuf,
    access: Access,
    /// Held while this process works there.
    lock: File,
}

/// What is worked at: it is the same where these keys have the same values.
#[derive(Clone, Copy)]
struct Identity<'a> {
    work: &'a Value,
    keys: &'a [&'a str],
}

impl WorkFolder {
    /// Starts `work` for `out`, or resumes it: it is the same where these `keys` have the same values.
    ///
    /// `replace` allows to delete an earlier output.
    pub fn open(out: &Path, replace: bool, access: Access, work: &Value, keys: &[&str]) -> Result<Self, Error> {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        check_output(&out, replace)?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = out.with_file_name(name);
        let lock = lock(&path, access, Identity { work, keys })?;
        Ok(Self { out, path, access, lock })
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
        if !self.path.exists() || holds_work(&self.path) {
            return;
        }
        // Only who is alone there takes the folder away.
        if self.access == Access::Shared && (self.lock.unlock().is_err() || self.lock.try_lock().is_err()) {
            return;
        }
        if is_current(&self.lock, &self.path) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Locks the folder with this work in it, which begins if there is none.
fn lock(path: &Path, access: Access, identity: Identity<'_>) -> Result<File, Error> {
    /// How often it is tried, with a twentieth of a second between: others hold the folder alone for a moment when they come
    /// and go.
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let locked = match access {
            Access::Alone { drop_other } => lock_alone(path, drop_other, identity)?,
            Access::Shared => lock_shared(path, identity)?,
        };
        if let Some(lock) = locked {
            return Ok(lock);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err(Error::Busy { path: path.to_owned() })
}

/// `None` where the folder was taken away meanwhile.
fn lock_alone(path: &Path, drop_other: bool, identity: Identity<'_>) -> Result<Option<File>, Error> {
    let Some(lock) = lock_file(path)? else { return Ok(None) };
    // Where nothing can be locked, it goes on without.
    if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
        return Err(Error::Busy { path: path.to_owned() });
    }
    if !is_current(&lock, path) {
        return Ok(None);
    }
    begin(path, drop_other, false, identity)?;
    Ok(Some(lock))
}

/// `None` where somebody holds the folder alone, or took it away meanwhile.
fn lock_shared(path: &Path, identity: Identity<'_>) -> Result<Option<File>, Error> {
    let Some(lock) = lock_file(path)? else { return Ok(None) };
    let would_block = |locked| matches!(locked, Err(fs::TryLockError::WouldBlock));
    // The first of them begins the work, alone.
    if !would_block(lock.try_lock()) {
        if !is_current(&lock, path) {
            return Ok(None);
        }
        begin(path, false, true, identity)?;
        let _ = lock.unlock();
    }
    if would_block(lock.try_lock_shared()) || !is_current(&lock, path) {
        return Ok(None);
    }
    let Some(found) = described(path)? else { return Ok(None) };
    match differing(&found, identity) {
        None => Ok(Some(lock)),
        Some(what) => Err(Error::OtherPlan { path: path.to_owned(), what, shared: true }),
    }
}

/// The file to lock; `None` where the folder was taken away meanwhile.
fn lock_file(path: &Path) -> Result<Option<File>, Error> {
    if is_foreign(path) {
        return Err(Error::InTheWay { path: path.to_owned() });
    }
    fs::create_dir_all(path).map_err(|error| failed(path, &error))?;
    let file = path.join(LOCK);
    // For both, as network file systems ask for reading to share a lock and for writing to hold it alone.
    match File::options().read(true).write(true).create(true).truncate(false).open(&file) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&file, &error)),
    }
}

/// Whether the locked file is still that of the folder: who held it before may have taken the folder away.
fn is_current(lock: &File, path: &Path) -> bool {
    let file = path.join(LOCK);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let place = |data: fs::Metadata| (data.dev(), data.ino());
        lock.metadata().is_ok_and(|held| fs::metadata(file).is_ok_and(|there| place(held) == place(there)))
    }
    #[cfg(not(unix))]
    {
        let _ = lock;
        file.exists()
    }
}

/// Begins or resumes the work in a folder that is held alone.
fn begin(path: &Path, drop_other: bool, shared: bool, identity: Identity<'_>) -> Result<(), Error> {
    if let Some(what) = described(path)?.and_then(|found| differing(&found, identity)) {
        // Work of which nothing is finished is no loss.
        if !drop_other && holds_work(path) {
            return Err(Error::OtherPlan { path: path.to_owned(), what, shared });
        }
        for part in [LAYERS, STATISTICS, STREAMS, STATE].map(|part| path.join(part)) {
            let removed = if part.is_dir() { fs::remove_dir_all(&part) } else { fs::remove_file(&part) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&part, &error)),
                _ => {}
            }
        }
    }
    Ok(export::write(&path.join(WORK), format!("{:#}\n", identity.work).as_bytes(), true)?)
}

/// Identity of the work in the folder, if there is any.
fn described(path: &Path) -> Result<Option<Value>, Error> {
    let file = path.join(WORK);
    match fs::read(&file) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or_default())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&file, &error)),
    }
}

/// What makes the work that was found another one.
fn differing(found: &Value, Identity { work, keys }: Identity<'_>) -> Option<String> {
    let differing: Vec<&str> = keys.iter().copied().filter(|key| found[key] != work[key]).collect();
    (!differing.is_empty()).then(|| format!("another {}", differing.join(", ")))
}

/// Whether something else than work stands in the folder's place.
fn is_foreign(path: &Path) -> bool {
    if path.exists() && !path.is_dir() {
        return true;
    }
    let is_foreign = |name: &str| name != LOCK && !name.starts_with(UNFINISHED);
    let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
    // In this order: another process may begin the work right now.
    entries.any(|entry| is_foreign(&entry.file_name().to_string_lossy())) && !path.join(WORK).exists()
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: error.to_string() }
}

/// Whether the working folder holds a finished layer, streams, or the state of a tuning.
fn holds_work(path: &Path) -> bool {
    let holds_files = |folder: &str| path.join(folder).exists() && !is_empty(&path.join(folder));
    holds_files(LAYERS) || holds_files(STREAMS) || path.join(STATE).exists()
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
    // Shards may stand in folders of their own.
    fn holds_only(folder: &Path, known: &dyn Fn(&str) -> bool) -> bool {
        let entries = fs::read_dir(folder).map(|entries| entries.collect::<Result<Vec<_>, _>>());
        let Ok(Ok(entries)) = entries else { return false };
        entries.iter().all(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => holds_only(&entry.path(), known),
            Ok(kind) => kind.is_file() && known(&entry.file_name().to_string_lossy()),
            Err(_) => false,
        })
    }
    holds_only(folder, &known) && report["layers"].is_array() && report["bytes_bitmask"].is_u64()
}
