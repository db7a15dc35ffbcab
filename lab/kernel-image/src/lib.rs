//! How the lab's kernel images that are no KMDF drivers are linked: against the kit's import
//! libraries alone. For build scripts.

use std::env::{self, VarError};

/// Tells cargo how to link the image that the calling build script belongs to. `entry` is the
/// linker's option that says where the image is entered.
///
/// # Errors
/// When `WDKContentRoot`, the kit's folder, is not set.
pub fn link(entry: &str) -> Result<(), VarError> {
    println!("cargo::rerun-if-env-changed=WDKContentRoot");
    let kit = env::var("WDKContentRoot")?;
    for folder in ["Lib/10.0.26100.0/km/x64", "Lib/wdf/kmdf/x64/1.33"] {
        println!("cargo::rustc-link-search={kit}/{folder}");
    }
    for argument in [
        "/DRIVER",
        "/NODEFAULTLIB",
        "/SUBSYSTEM:NATIVE",
        entry,
        "/NXCOMPAT",
        "/DYNAMICBASE",
        "/MANIFEST:NO",
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    Ok(())
}
