//! The kit tree: the headers and libraries that wdk-build looks for in an installed WDK.
//!
//! It joins what Debian has (mingw-w64's kernel headers and import libraries) with what the
//! project brings: a `wdf.h` generated from facts, and a driver entry of its own. With a real
//! WDK none of this is used.

pub mod facts;
mod header;
mod layout;
mod libraries;
pub mod minimum;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::architecture::Architecture;
use build_steps::paths::Paths;
use build_steps::write;
use facts::Facts;
pub use layout::SDK_VERSION;
pub(crate) use libraries::{compile, framework_libraries, kernel_libraries, load_configuration};

const DDK_HEADERS: &str = "/usr/share/mingw-w64/include/ddk";
const BASE_HEADERS: &str = "/usr/share/mingw-w64/include";

const NTDDK_ADDITIONS: &str = include_str!("../kit/ntddk_additions.h");
const ARM_DDK: &str = include_str!("../kit/armddk.h");
const NDIS: &str = include_str!("../kit/ndis.h");

/// Writes the kit tree for `architecture` and returns its root, the `WDKContentRoot`.
///
/// Files whose content is unchanged are left alone, so that nothing is rebuilt without need.
///
/// # Errors
/// When the facts contradict themselves, a file cannot be written, or a tool fails.
pub fn prepare(paths: &Paths, architecture: Architecture) -> Result<PathBuf> {
    let kit = paths.kit();
    let include = kit.join("Include");
    let kernel = include.join(SDK_VERSION).join("km");

    // km/crt is searched first, so the additions can include the real header next.
    write::if_changed(&kernel.join("crt/ntddk.h"), NTDDK_ADDITIONS.as_bytes())?;
    write::if_changed(&kernel.join("crt/armddk.h"), ARM_DDK.as_bytes())?;
    write::if_changed(&kernel.join("crt/ndis.h"), NDIS.as_bytes())?;
    fs_err::create_dir_all(kernel.join("ufx/1.1"))?;
    link_headers(Path::new(DDK_HEADERS), &kernel)?;
    link(
        Path::new(BASE_HEADERS),
        &include.join(SDK_VERSION).join("shared"),
    )?;

    let facts = Facts::kmdf_1_33()?;
    let wdf = header::wdf(&facts);
    write::if_changed(&include.join("wdf/kmdf/1.33/wdf.h"), wdf.as_bytes())?;
    let functions = header::functions(&facts);
    write::if_changed(&functions_folder(&kit).join("wdf.h"), functions.as_bytes())?;

    libraries::prepare(&kit, architecture)?;
    Ok(kit)
}

/// The folder with the `wdf.h` of drivers written in C.
pub(crate) fn functions_folder(kit: &Path) -> PathBuf {
    kit.join("Include/wdf/kmdf/1.33/c")
}

fn link_headers(from: &Path, to: &Path) -> Result<()> {
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    if std::fs::read_link(to).is_ok_and(|old| old == from) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::os::unix::fs::symlink(from, to)?;
    Ok(())
}
