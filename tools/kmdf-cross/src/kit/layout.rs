//! The folders of the kit tree that several of its parts name.

use std::path::{Path, PathBuf};

/// The version folder that wdk-build looks for.
pub const SDK_VERSION: &str = "10.0.26100.0";

/// The include folders of the kit tree, in the order in which wdk-build passes them.
pub(super) fn include_folders(kit: &Path) -> Vec<PathBuf> {
    let sdk = kit.join("Include").join(SDK_VERSION);
    vec![
        sdk.join("km/crt"),
        sdk.join("km"),
        sdk.join("shared"),
        kit.join("Include/wdf/kmdf/1.33"),
    ]
}
