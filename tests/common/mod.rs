//! What several tests share.

use std::path::PathBuf;

/// The folder of real weights, from `DSF_TEST_DATA`. Without the variable the caller is skipped, with it the data have
/// to be there.
pub fn test_data() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DSF_TEST_DATA") else {
        println!("skipped: DSF_TEST_DATA is not set");
        return None;
    };
    let folder = PathBuf::from(folder);
    assert!(folder.is_dir(), "DSF_TEST_DATA is {}, which is not a folder", folder.display());
    Some(folder)
}
