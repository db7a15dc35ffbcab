//! The kit tree's libraries: imports of the kernel and the framework's loader, and the driver
//! entry.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::layout::{SDK_VERSION, include_folders};
use crate::architecture::Architecture;
use crate::llvm::{LLVM, clang_flags};
use build_steps::process::{command, output, run};
use build_steps::write;

/// The exports of the framework's loader.
const LOADER_EXPORTS: (&str, &str) = ("WdfLdr.def", include_str!("../../kit/WdfLdr.def"));
/// The sources of the driver entry's library.
const DRIVER_ENTRY: [(&str, &str); 2] = [
    ("driver_entry.c", include_str!("../../kit/driver_entry.c")),
    ("load_config.S", include_str!("../../kit/load_config.S")),
];
/// Where the kit tree keeps these sources.
const SOURCES: &str = "src";

/// The file that exports the kernel's functions.
const KERNEL_FILE: &str = "ntoskrnl.exe";
/// Exports of ntoskrnl.exe that mingw-w64 10 does not know, and drivers of this project import: one
/// that `ntddk_additions.h` declares, and one that `wdm.h` has as a macro for x64.
const NEW_EXPORTS: [&str; 2] = ["KeQueryInterruptTime", "MmMapIoSpaceEx"];

const MINGW_LIBRARIES: &str = "/usr/x86_64-w64-mingw32/lib";

/// An archive without members: for libraries that wdk-build names and nothing here needs.
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

/// The folder of the kit tree with the import libraries of the kernel.
pub(crate) fn kernel_libraries(kit: &Path, architecture: Architecture) -> PathBuf {
    kit.join("Lib")
        .join(SDK_VERSION)
        .join("km")
        .join(architecture.library_folder())
}

/// The folder of the kit tree with the libraries of the framework.
pub(crate) fn framework_libraries(kit: &Path, architecture: Architecture) -> PathBuf {
    kit.join("Lib/wdf/kmdf")
        .join(architecture.library_folder())
        .join("1.33")
}

/// The object file with the load configuration, which Control Flow Guard needs.
pub(crate) fn load_configuration(kit: &Path, architecture: Architecture) -> PathBuf {
    framework_libraries(kit, architecture).join("load_config.obj")
}

pub(super) fn prepare(kit: &Path, architecture: Architecture) -> Result<()> {
    let kernel = kernel_libraries(kit, architecture);
    let framework = framework_libraries(kit, architecture);
    fs_err::create_dir_all(&kernel)?;
    fs_err::create_dir_all(&framework)?;

    for (name, file) in [
        ("ntoskrnl", KERNEL_FILE),
        ("hal", "HAL.dll"),
        ("ndis", "NDIS.SYS"),
    ] {
        let archive = Path::new(MINGW_LIBRARIES).join(format!("lib{name}.a"));
        let library = kernel.join(format!("{name}.lib"));
        // What mingw-w64's own archive imports stays in an image although nothing calls it, and there
        // is none for Arm, where the kernel exports the same names.
        let definitions = kernel.join(format!("{name}.def"));
        write::if_changed(&definitions, exports(&archive, file)?.as_bytes())?;
        if older(&library, &[&archive, &definitions]) {
            import_library(&definitions, &library, architecture)?;
        }
    }
    for name in ["wmilib", "BufferOverflowFastFailK", "arm64rt"] {
        write::if_changed(&kernel.join(format!("{name}.lib")), EMPTY_ARCHIVE)?;
    }

    let definitions = source(kit, LOADER_EXPORTS)?;
    let loader = framework.join("WdfLdr.lib");
    if older(&loader, &[&definitions]) {
        import_library(&definitions, &loader, architecture)?;
    }
    driver_entry(kit, &framework.join("WdfDriverEntry.lib"), architecture)
}

/// Writes a source of the kit's own into the kit tree and returns its path.
fn source(kit: &Path, (name, text): (&str, &str)) -> Result<PathBuf> {
    let path = kit.join(SOURCES).join(name);
    write::if_changed(&path, text.as_bytes())?;
    Ok(path)
}

/// A .def file of what the import library `archive` says that `file` exports.
fn exports(archive: &Path, file: &str) -> Result<String> {
    let mut tool = command(
        format!("{LLVM}/bin/llvm-nm"),
        ["--just-symbol-name", "--quiet"],
    );
    let symbols = output(tool.arg(archive))?;
    let names = symbols
        .lines()
        .filter_map(|symbol| symbol.strip_prefix("__imp_"));
    let mut names: Vec<&str> = names.collect();
    if file == KERNEL_FILE {
        names.extend(NEW_EXPORTS);
    }
    Ok(format!("LIBRARY {file}\nEXPORTS\n{}\n", names.join("\n")))
}

/// Makes the import library `library` of the exports that `definitions`, a .def file, names.
fn import_library(definitions: &Path, library: &Path, architecture: Architecture) -> Result<()> {
    let mut tool = command(
        format!("{LLVM}/bin/llvm-dlltool"),
        ["-m", architecture.dlltool_machine()],
    );
    run(tool.arg("-d").arg(definitions).arg("-l").arg(library))
}

/// The library that brings `FxDriverEntry` and the load configuration.
fn driver_entry(kit: &Path, library: &Path, architecture: Architecture) -> Result<()> {
    let sources = [source(kit, DRIVER_ENTRY[0])?, source(kit, DRIVER_ENTRY[1])?];
    let header = kit.join("Include/wdf/kmdf/1.33/wdf.h");
    if !older(library, &[&sources[0], &sources[1], &header]) {
        return Ok(());
    }
    let mut archive = command(format!("{LLVM}/bin/llvm-lib"), ["/nologo"]);
    archive.arg(format!("/out:{}", library.display()));
    for source in &sources {
        let object = library.with_file_name(source.file_name().unwrap_or_default());
        let object = object.with_extension("obj");
        run(compile(kit, architecture)
            .arg("-o")
            .arg(&object)
            .arg(source))?;
        archive.arg(object);
    }
    run(&mut archive)
}

/// Clang for kernel code against the kit's headers; without input and output.
pub(crate) fn compile(kit: &Path, architecture: Architecture) -> Command {
    let mut clang = command(
        format!("{LLVM}/bin/clang"),
        ["-c", "-O2", "-Wall", "-Werror"],
    );
    clang.args([
        "-ffunction-sections",
        "-Wno-unused-command-line-argument",
        "-Xclang",
        "-cfguard",
    ]);
    clang.args(clang_flags(architecture));
    clang.args([
        "-D_WIN64",
        "-D_KERNEL_MODE",
        "-DKMDF_VERSION_MAJOR=1",
        "-DKMDF_VERSION_MINOR=33",
    ]);
    for folder in include_folders(kit) {
        clang.arg("-isystem").arg(folder);
    }
    // The folder would end up in the object otherwise.
    clang.arg(format!(
        "-ffile-prefix-map={}=kmdf-cross/kit",
        kit.join(SOURCES).display()
    ));
    clang
}

/// Whether `product` is missing or older than one of its sources.
fn older(product: &Path, sources: &[&Path]) -> bool {
    let time = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    let made = time(product);
    made.is_none() || sources.iter().any(|source| time(source) > made)
}
