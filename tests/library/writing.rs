//! Files are written as a whole or not at all.

use dsf_explorer::export::{Error, check_writable, write};
use dsf_explorer::hint::{Explain, Hint};
use std::fs;
use std::path::Path;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_and_only_replaced_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    check_writable(&path, false).unwrap();
    assert_eq!(names(folder.path()), [""; 0]);
    write(&path, b"first", false).unwrap();
    for refused in [write(&path, b"second", false), check_writable(&path, false)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Exists { .. }) && error.to_string().ends_with("exists"), "{error}");
        assert_eq!(error.hint(), Some(Hint::ReplaceFile), "on the command line --force");
    }
    assert_eq!(fs::read(&path).unwrap(), b"first");
    check_writable(&path, true).unwrap();
    write(&path, b"third", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"third");
    assert_eq!(names(folder.path()), ["out.safetensors"]);
}

#[test]
fn a_missing_folder_and_what_is_no_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for (path, folder_missing) in [
        (folder.path().join("missing/out"), true),
        (file.join("out"), true),
        (folder.path().to_owned(), false),
        (folder.path().join("new/"), false),
        ("".into(), false),
        ("/".into(), false),
        ("..".into(), false),
    ] {
        for refused in [write(&path, b"x", true), check_writable(&path, true)] {
            match refused.unwrap_err() {
                Error::NoFolder { .. } => assert!(folder_missing, "{path:?}"),
                Error::NotAFile { .. } => assert!(!folder_missing, "{path:?}"),
                other => panic!("{path:?}: {other}"),
            }
        }
    }
    let long = folder.path().join("x".repeat(300));
    assert!(matches!(write(&long, b"x", false), Err(Error::Write { .. })));
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    #[test]
    fn permissions_are_those_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
        write(&ours, b"x", false).unwrap();
        fs::write(&other, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&other));
    }

    #[test]
    fn devices_stay_and_links_are_replaced_not_followed() {
        assert!(matches!(write(Path::new("/dev/null"), b"x", true), Err(Error::NotAFile { .. })));
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        assert!(matches!(write(&link, b"x", false), Err(Error::Exists { .. })));
        write(&link, b"x", true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        symlink(folder.path().join("nowhere"), folder.path().join("dangling")).unwrap();
        assert!(matches!(check_writable(&folder.path().join("dangling"), false), Err(Error::Exists { .. })));
    }

    /// A folder that is a file system of its own; `None` where this user may not mount.
    struct Mount(tempfile::TempDir);

    impl Mount {
        fn new(options: &str) -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path());
            let mounted = mount.output().is_ok_and(|output| output.status.success());
            if !mounted {
                println!("skipped: this user may not mount a tmpfs");
            }
            mounted.then_some(Self(folder))
        }
    }

    impl Drop for Mount {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).status();
        }
    }

    #[test]
    fn a_full_disk_leaves_what_was_there() {
        let Some(mount) = Mount::new("size=64k") else { return };
        let path = mount.0.path().join("out");
        write(&path, b"before", false).unwrap();
        let error = write(&path, &[1; 1 << 20], true).unwrap_err();
        assert!(error.to_string().contains("No space left"), "{error}");
        assert_eq!(names(mount.0.path()), ["out"]);
        assert_eq!(fs::read(&path).unwrap(), b"before");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_seen_early() {
        let Some(mount) = Mount::new("ro") else { return };
        let path = mount.0.path().join("out");
        for refused in [write(&path, b"x", false), check_writable(&path, false)] {
            let error = refused.unwrap_err();
            assert!(matches!(error, Error::Write { .. }), "{error}");
        }
        // The same by permissions, which root is above.
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).unwrap();
        let probe = fs::write(folder.path().join("probe"), "");
        if probe.is_err() {
            assert!(matches!(check_writable(&folder.path().join("out"), false), Err(Error::Write { .. })));
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }
}
