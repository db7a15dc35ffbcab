//! What lies on the bench: the manifest's device and its block table.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use block_manifest::Manifest;

use build_steps::paths::Paths;
use build_steps::source_edit::SourceEdit;

/// The manifest of the checks, whose fields take any value.
pub(crate) const CHECKS_MANIFEST: &str = "tests/manifests/checks.toml";
/// The manifest of the story: the one with a production VF driver.
pub(crate) const STORY_MANIFEST: &str = "blocks/mlx5-hv-vhca.toml";
/// The manifest of the storm: a block for each kind of concurrent access.
pub(crate) const STORM_MANIFEST: &str = "tests/manifests/storm.toml";

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
    /// The registry value `NumVFs`, where there is one.
    pub(crate) num_vfs: Option<Value>,
    /// The registry value `BlockTable`, where there is one.
    pub(crate) table: Option<Value>,
    /// The registry value `InvalidateInput`, where there is one.
    pub(crate) invalidate_input: Option<Value>,
    /// Which call of the driver, counted from 1, the framework double fails for want of resources.
    pub(crate) shortage: Option<u32>,
    /// The minor version of KMDF that the framework double stands for, when not its newest.
    pub(crate) kmdf_minor: Option<u32>,
}

/// `blocks/accelerator.toml` with a limit that recovers by Wine's clock as it should by Windows's:
/// `KeQueryInterruptTime` of Wine 8 counts milliseconds and not units of 100 ns.
///
/// # Errors
/// When the manifest does not have its limit, or the file cannot be written.
pub(crate) fn limited(paths: &Paths) -> Result<PathBuf> {
    edited(
        paths,
        "limited.toml",
        &SourceEdit {
            name: "the clock of Wine".to_owned(),
            file: PathBuf::from("blocks/accelerator.toml"),
            before: "writes-per-second = 2000\n".to_owned(),
            after: "writes-per-second = 20_000_000\n".to_owned(),
        },
    )
}

/// `blocks/hello.toml` for a family of two devices.
///
/// # Errors
/// When the manifest does not have its device ID, or the file cannot be written.
pub(crate) fn of_a_family(paths: &Paths) -> Result<PathBuf> {
    edited(
        paths,
        "family.toml",
        &SourceEdit {
            name: "a second device ID".to_owned(),
            file: PathBuf::from("blocks/hello.toml"),
            before: "device-id = 0xB000\n".to_owned(),
            after: format!("device-id = [0xB000, {SECOND_OF_THE_FAMILY:#X}]\n"),
        },
    )
}

/// The second device ID of [`of_a_family`].
pub(crate) const SECOND_OF_THE_FAMILY: u16 = 0xB100;

/// Writes an edited manifest to a file below the target folder.
fn edited(paths: &Paths, name: &str, edit: &SourceEdit) -> Result<PathBuf> {
    let manifest = paths.target().join("lab").join(name);
    let text = fs_err::read_to_string(paths.root().join(&edit.file))?;
    fs_err::write(&manifest, edit.applied_to(&text)?)?;
    Ok(manifest)
}

/// The way to keep invalidation requests pending that asks for a driver that does not read their
/// input.
pub(crate) const GARBAGE_INPUT: &str = "garbage-input";

/// A value of the device's hardware key.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// `REG_DWORD`
    Number(u32),
    /// `REG_SZ`
    Text(&'static str),
    /// `REG_BINARY`
    Bytes(Vec<u8>),
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
            device_id: manifest.device().device_id(),
            vfs,
            num_vfs: Some(Value::Number(vfs.into())),
            table: Some(Value::Bytes(manifest.compile())),
            invalidate_input: None,
            shortage: None,
            kmdf_minor: None,
        })
    }

    /// For a stack that keeps invalidation requests pending in this way, a word of the runner's.
    pub(crate) fn for_mode(mut self, mode: &str) -> Self {
        if mode == GARBAGE_INPUT {
            self.invalidate_input = Some(Value::Number(0));
        }
        self
    }

    /// The PF driver's service, of which its file has the name: that of `pfbctl inf`, another one for each
    /// device, so that the image is seen not to rely on one.
    pub(crate) fn service(&self) -> String {
        format!("pf_broker_{:04x}_{:04x}", self.vendor_id, self.device_id)
    }

    /// The PCI device ID that the PCI double gives the VFs.
    pub(crate) fn vf_device_id(&self) -> u16 {
        self.device_id.wrapping_add(1)
    }
}
