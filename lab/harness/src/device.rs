//! The device that a run plugs in: its PCI IDs, its VFs and its block table.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use block_manifest::Manifest;
use block_table::Companion;
use clap::ValueEnum;

use build_steps::paths::Paths;
use build_steps::source_edit::SourceEdit;

/// The manifest of the checks, whose fields take any value.
pub(crate) const CHECKS_MANIFEST: &str = "tests/manifests/checks.toml";
/// The manifest of the story: the one with a production VF driver.
pub(crate) const STORY_MANIFEST: &str = "blocks/mlx5-hv-vhca.toml";
/// The manifest of the storm: a block for each kind of concurrent access.
pub(crate) const STORM_MANIFEST: &str = "tests/manifests/storm.toml";

/// The manifest of the example of a companion.
pub(crate) const COMPANION_MANIFEST: &str = "examples/companion/device.toml";
/// Blocks that the lab's function driver handles as the companion.
pub(crate) const SAMPLE_COMPANION_MANIFEST: &str = "tests/manifests/companion.toml";

/// A device of a run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "`device_id` is the term of PCI")]
pub(crate) struct Device {
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
    /// The call of the driver, counted from 1, that the KMDF double fails with
    /// `STATUS_INSUFFICIENT_RESOURCES`.
    pub(crate) shortage: Option<u32>,
    /// The minor version of KMDF that the double reports, when not its newest.
    pub(crate) kmdf_minor: Option<u32>,
    /// Where the driver is in the PF's device stack.
    pub(crate) position: Position,
    /// Whether a companion handles any of the blocks.
    pub(crate) hands_over: bool,
}

/// The position of the driver under test in the PF's device stack. The runner knows it by the same
/// name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Position {
    /// It is the function driver.
    FunctionDriver,
    /// It is a filter above the lab's function driver.
    UpperFilter,
    /// It is a filter below it, where it does not start.
    LowerFilter,
}

impl Position {
    /// The runner's name of it.
    pub(crate) fn word(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// `blocks/accelerator.toml` with a limit that recovers as fast by the clock of Wine as by that of
/// Windows: `KeQueryInterruptTime` counts milliseconds in Wine 8, and units of 100 ns in Windows.
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

/// The manifest of the checks, in which resets have to be acknowledged within the shortest time.
/// Wine's clock makes ten thousand times that of it.
pub(crate) fn acknowledged(paths: &Paths) -> Result<PathBuf> {
    edited(
        paths,
        "acknowledged.toml",
        &SourceEdit {
            name: "acknowledged resets".to_owned(),
            file: PathBuf::from(CHECKS_MANIFEST),
            before: "max-vfs = 128\n".to_owned(),
            after: "max-vfs = 128\nreset = \"acknowledged\"\nreset-timeout = 1\n".to_owned(),
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

/// The mode in which the stack sends invalidation requests with invalid input, which the driver
/// must not read.
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

impl Device {
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
            position: Position::FunctionDriver,
            hands_over: manifest
                .blocks()
                .iter()
                .any(|block| block.companion != Companion::None),
        })
    }

    /// The same device with the driver in another position.
    pub(crate) fn at(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// The device for a runner's mode of invalidation requests.
    pub(crate) fn for_mode(mut self, mode: &str) -> Self {
        if mode == GARBAGE_INPUT {
            self.invalidate_input = Some(Value::Number(0));
        }
        self
    }

    /// The name of the PF driver's service and file, as `pfbctl inf` chooses it: another one for
    /// each device, so that a run fails if the image relies on one.
    pub(crate) fn service(&self) -> String {
        format!("pf_broker_{:04x}_{:04x}", self.vendor_id, self.device_id)
    }

    /// The PCI device ID that the PCI double gives the VFs.
    pub(crate) fn vf_device_id(&self) -> u16 {
        self.device_id.wrapping_add(1)
    }
}
