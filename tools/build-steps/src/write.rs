//! Writing generated files, so that an unchanged file keeps its time stamp and rebuilds nothing.

use std::path::Path;

use anyhow::Result;

/// Writes `bytes` to `path`, unless the file has this content already.
///
/// # Errors
/// When the file or its folder cannot be written.
pub fn if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(path, bytes)?;
    Ok(())
}
