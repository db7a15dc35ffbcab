//! The folders of the workspace: its root, and what lies below it and below `target/`.

use std::path::{Path, PathBuf};

/// The workspace root and the folders below it.
#[derive(Debug, Clone)]
pub struct Paths {
    root: PathBuf,
}

impl Paths {
    /// The paths of the workspace that this crate was built in.
    #[must_use]
    pub fn of_this_workspace() -> Self {
        let manifest_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::below(
            manifest_folder
                .ancestors()
                .nth(2)
                .unwrap_or(manifest_folder),
        )
    }

    /// The paths of the workspace at `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The workspace root: the folder with the top-level `Cargo.toml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `target/`, where everything that is built or prepared goes.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// What the cross-build prepares: patched wdk-build, lock files.
    #[must_use]
    pub fn cross(&self) -> PathBuf {
        self.target().join("cross")
    }

    /// The kit tree, which wdk-build uses as an installed WDK (`WDKContentRoot`).
    #[must_use]
    pub fn kit(&self) -> PathBuf {
        self.cross().join("kit")
    }

    /// Cargo's target folder of everything compiled for the Windows kernel.
    #[must_use]
    pub fn kernel_target(&self) -> PathBuf {
        self.target().join("kernel")
    }

    /// Cargo's target folder of everything compiled for user-mode Windows.
    #[must_use]
    pub fn user_target(&self) -> PathBuf {
        self.target().join("windows")
    }

    /// Where the finished driver image, its symbols and its link map go.
    #[must_use]
    pub fn driver(&self) -> PathBuf {
        self.target().join("driver")
    }

    /// The lab's workspace.
    #[must_use]
    pub fn lab(&self) -> PathBuf {
        self.root.join("lab")
    }
}
