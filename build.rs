//! How the driver image is linked, its version resource and message table, and the block table that
//! it embeds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, error, fs};

use block_manifest::Manifest;
use pf_state::event_log;

/// What goes wrong when the image is prepared.
type Failure = Box<dyn error::Error>;

/// The manifest whose block table is embedded unless `PF_BROKER_MANIFEST` names another: that of
/// the device that the INF template names.
const MANIFEST: &str = "blocks/accelerator.toml";
/// The INF template.
const INF: &str = "pf_broker.inx";

/// The source of the resources and its compiled form, and the message table that the source
/// includes, all in `OUT_DIR`.
const SCRIPT: &str = "driver.rc";
const RESOURCE: &str = "driver.res";
const MESSAGES: &str = "messages.bin";

fn main() -> Result<(), Failure> {
    wdk_build::configure_wdk_binary_build()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // The same source gives the same bytes, and the header carries a true checksum: Windows
    // verifies it for kernel images.
    link_argument("/Brepro");
    link_argument("/RELEASE");
    link_argument(&resources(&out)?.display().to_string());
    embedded_block_table(&out)
}

/// Compiles the manifest of the embedded block table to `OUT_DIR/block_table.bin`.
///
/// A device whose registry holds a table of its own never sees this one. `PF_BROKER_MANIFEST`
/// names another manifest, relative to the workspace.
fn embedded_block_table(out: &Path) -> Result<(), Failure> {
    println!("cargo::rerun-if-env-changed=PF_BROKER_MANIFEST");
    println!("cargo::rerun-if-changed={INF}");
    let chosen = env::var("PF_BROKER_MANIFEST");
    let path = chosen.as_deref().unwrap_or(MANIFEST);
    println!("cargo::rerun-if-changed={path}");
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let manifest = Manifest::parse(path, &text).map_err(|errors| errors.to_string())?;
    if chosen.is_err() {
        names_the_device(&manifest)?;
    }
    fs::write(out.join("block_table.bin"), manifest.compile())?;
    Ok(())
}

/// Fails if the INF template installs the driver, with the table that it embeds, for another device
/// than the manifest's.
fn names_the_device(manifest: &Manifest) -> Result<(), Failure> {
    let device = manifest.device();
    let (vendor, model) = (device.vendor_id, device.device_id());
    let hardware_id = format!(r"PCI\VEN_{vendor:04X}&DEV_{model:04X}");
    let inf = fs::read_to_string(INF).map_err(|error| format!("{INF}: {error}"))?;
    if inf.contains(&hardware_id) {
        return Ok(());
    }
    Err(format!("{INF} does not name {hardware_id}, the device of {MANIFEST}").into())
}

fn link_argument(argument: &str) {
    println!("cargo::rustc-cdylib-link-arg={argument}");
}

/// Compiles version resource and message table with the resource compiler named by `KMDF_CROSS_RC`,
/// which is `rc.exe` of a Windows kit unless the cross-build sets another.
fn resources(out: &Path) -> Result<PathBuf, Failure> {
    println!("cargo::rerun-if-env-changed=KMDF_CROSS_RC");
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = env::var("KMDF_CROSS_RC").unwrap_or_else(|_| "rc.exe".to_owned());
    fs::write(out.join(MESSAGES), message_table()?)?;
    // 11 is RT_MESSAGETABLE; a message table has the name 1.
    let table = format!("1 11 \"{MESSAGES}\"\n");
    fs::write(out.join(SCRIPT), version_script()? + &table)?;
    let mut command = Command::new(&compiler);
    if compiler.ends_with("llvm-rc") {
        // The script includes nothing, so no C compiler is needed in front.
        command.arg("/no-preprocess");
    }
    // Files are named without their folder: a resource compiler takes an absolute path of Unix for
    // an option, `/check/…` for its code page `/c`.
    let status = command
        .current_dir(out)
        .args(["/fo", RESOURCE, SCRIPT])
        .status()
        .map_err(|error| format!("cannot start the resource compiler {compiler}: {error}"))?;
    if !status.success() {
        return Err(format!(
            "{compiler} failed on {SCRIPT} in {}: {status}",
            out.display()
        )
        .into());
    }
    Ok(out.join(RESOURCE))
}

/// The message table of the entries of the event log, as `MESSAGE_RESOURCE_DATA` of `winnt.h` lays
/// it out: a block for each message, whose offset counts from the beginning of the table.
fn message_table() -> Result<Vec<u8>, Failure> {
    /// `MESSAGE_RESOURCE_UNICODE`
    const UNICODE: u16 = 1;
    let mut messages: Vec<_> = event_log::messages().collect();
    messages.sort_by_key(|message| message.code);
    // The number of blocks, and three numbers of 32 bits for each.
    let head = 4 + 12 * messages.len();
    let mut blocks = Vec::from(u32::try_from(messages.len())?.to_le_bytes());
    let mut entries = Vec::new();
    for message in messages {
        let offset = u32::try_from(head + entries.len())?;
        for number in [message.code, message.code, offset] {
            blocks.extend(number.to_le_bytes());
        }
        let text = format!("{message}\r\n\0");
        let mut units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        // An entry is its length, its flags and its text, and ends at a multiple of 4.
        units.resize(units.len().next_multiple_of(4), 0);
        entries.extend(u16::try_from(4 + units.len())?.to_le_bytes());
        entries.extend(UNICODE.to_le_bytes());
        entries.extend(units);
    }
    blocks.extend(entries);
    Ok(blocks)
}

/// A version resource (VERSIONINFO in the resource compiler's documentation) from the package's
/// name, description and version.
fn version_script() -> Result<String, Failure> {
    let variable = |name: &str| env::var(format!("CARGO_PKG_{name}"));
    let version = variable("VERSION")?;
    let numbers = format!(
        "{},{},{},0",
        variable("VERSION_MAJOR")?,
        variable("VERSION_MINOR")?,
        variable("VERSION_PATCH")?
    );
    let (name, description) = (variable("NAME")?, variable("DESCRIPTION")?);
    // FILEOS 0x40004 is VOS_NT_WINDOWS32, FILETYPE 3 VFT_DRV, FILESUBTYPE 7 VFT2_DRV_SYSTEM;
    // the block is US English in Unicode.
    Ok(format!(
        r#"1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEFLAGSMASK 0x3F
FILEFLAGS 0
FILEOS 0x40004
FILETYPE 3
FILESUBTYPE 7
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904B0"
    BEGIN
      VALUE "FileDescription", "{description}"
      VALUE "FileVersion", "{version}"
      VALUE "InternalName", "{name}.sys"
      VALUE "OriginalFilename", "{name}.sys"
      VALUE "ProductName", "{name}"
      VALUE "ProductVersion", "{version}"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x0409, 1200
  END
END
"#
    ))
}
