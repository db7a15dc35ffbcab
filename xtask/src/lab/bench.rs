//! What lies on the bench: the manifest's device and its block table.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use block_manifest::Manifest;

/// A device to plug in.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// Where the manifest is, independent of the working directory.
    pub(crate) manifest: PathBuf,
    /// PCI IDs of the PF.
    pub(crate) vendor_id: u16,
    pub(crate) device_id: u16,
    /// VFs that the PF driver enables.
    pub(crate) vfs: u16,
    /// The compiled block table.
    pub(crate) table: Vec<u8>,
}

impl Bench {
    /// Compiles a manifest.
    pub(crate) fn from_manifest(file: &Path, vfs: u16) -> Result<Self> {
        let name = file.display().to_string();
        let text = fs_err::read_to_string(file)?;
        let manifest =
            Manifest::parse(&name, &text).map_err(|diagnostics| anyhow!("{diagnostics}"))?;
        Ok(Self {
            manifest: fs_err::canonicalize(file)?,
            vendor_id: manifest.device().vendor_id,
            device_id: manifest.device().device_id,
            vfs,
            table: manifest.compile(),
        })
    }

    /// The PCI device ID that the PCI double gives the VFs.
    pub(crate) fn vf_device_id(&self) -> u16 {
        self.device_id.wrapping_add(1)
    }
}
