//! Drivers written in C: compiled with clang and linked as a KMDF driver of this kit.

use std::path::Path;

use anyhow::{Result, ensure};
use build_steps::paths::Paths;
use build_steps::process::{command, run};

use crate::architecture::Architecture;
use crate::kit::{self, compile, framework_libraries, kernel_libraries};
use crate::llvm::LLVM;

/// Compiles the C file `source`, which includes `ntddk.h` and `wdf.h` as with a WDK, and links it to
/// the driver image `image`. The object file and the symbols are beside it.
///
/// # Errors
/// When the kit cannot be prepared, or the compiler or the linker fails; the compiler also for a
/// warning.
pub fn build(paths: &Paths, source: &Path, image: &Path) -> Result<()> {
    const ARCHITECTURE: Architecture = Architecture::X86_64;
    ensure!(source.exists(), "{} does not exist", source.display());
    let kit = kit::prepare(paths, ARCHITECTURE)?;
    if let Some(folder) = image.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let object = image.with_extension("obj");
    let mut clang = compile(&kit, ARCHITECTURE);
    // Before the folder with the declarations alone.
    clang.arg("-I").arg(kit::functions_folder(&kit));
    run(clang
        .args(["-Wextra", "-g", "-gcodeview", "-o"])
        .arg(&object)
        .arg(source))?;
    let mut link = command(
        format!("{LLVM}/bin/lld-link"),
        [
            "/NOLOGO",
            "/DRIVER",
            "/SUBSYSTEM:NATIVE",
            "/NODEFAULTLIB",
            "/ENTRY:FxDriverEntry",
            "/NXCOMPAT",
            "/DYNAMICBASE",
            "/GUARD:CF",
            "/OPT:REF",
            "/DEBUG",
            "/Brepro",
            "/MANIFEST:NO",
            "ntoskrnl.lib",
            "WdfLdr.lib",
            "WdfDriverEntry.lib",
        ],
    );
    for folder in [
        kernel_libraries(&kit, ARCHITECTURE),
        framework_libraries(&kit, ARCHITECTURE),
    ] {
        link.arg(format!("/LIBPATH:{}", folder.display()));
    }
    link.arg(format!("/OUT:{}", image.display())).arg(&object);
    run(&mut link)
}
