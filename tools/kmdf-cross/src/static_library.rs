//! Static libraries for drivers in C: built with the kernel toolchain, and checked in an otherwise
//! empty kernel image and in one with a driver's C sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use build_steps::paths::Paths;
use build_steps::process::{command, output, run};

use crate::architecture::Architecture;
use crate::image::{Description, Imports, LinkMap};
use crate::kit::{self, compile, kernel_libraries, load_configuration};
use crate::llvm::{LLVM, clang_flags};
use crate::toolchain::{Target, Toolchain};

/// The source of the empty image, whose entry is all that it has.
const EMPTY: &str = "long DriverEntry(void *driver, void *path) { return driver == path; }\n";

/// A static library of this workspace.
#[derive(Debug, Clone, Copy)]
pub struct StaticLibrary<'l> {
    /// The package that builds it.
    pub package: &'l str,
    /// The feature with which the package is the library.
    pub feature: &'l str,
    /// The cargo profile.
    pub profile: &'l str,
    /// What the names of its functions begin with.
    pub prefix: &'l str,
}

/// What a kernel image gets from a static library if it uses all functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The library's functions.
    pub functions: BTreeSet<String>,
    /// What the image imports, from the kernel alone.
    pub imports: BTreeSet<String>,
    /// Symbols of the machinery of panics, and the source paths that they name.
    pub panics: BTreeSet<String>,
    /// Bytes of the image on disk.
    pub size: usize,
    /// Bytes of the same image without the library.
    pub empty_size: usize,
}

/// C sources of a driver that uses a static library.
#[derive(Debug, Clone)]
pub struct Sources<'s> {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The folders of their headers.
    pub headers: Vec<PathBuf>,
    /// Functions that the image has, although nothing calls them.
    pub functions: &'s [&'s str],
}

impl StaticLibrary<'_> {
    /// Builds the library and returns its path.
    ///
    /// Its calls through pointers, those of the caller's functions, have no check of Control Flow
    /// Guard: the check would be one more symbol that the caller's image needs. The table of valid
    /// targets is there, so the library fits into an image with the guard.
    ///
    /// # Errors
    /// When the toolchain cannot be prepared, or the build fails.
    pub fn build(&self, paths: &Paths, architecture: Architecture) -> Result<PathBuf> {
        let toolchain = Toolchain::prepare(paths, Target::Kernel, architecture)?;
        let flags = format!(
            "target.{}.rustflags=[\"-Ccontrol-flow-guard=nochecks\"]",
            architecture.kernel_target()
        );
        run(toolchain
            .cargo(paths.root(), "rustc")?
            .args(["--package", self.package, "--features", self.feature])
            .args(["--lib", "--crate-type", "staticlib"])
            .args(["--profile", self.profile, "--config", &flags]))?;
        let name = format!("{}.lib", self.package.replace('-', "_"));
        Ok(toolchain.output_folder(self.profile).join(name))
    }

    /// Links the built library at `library`, with all its functions, into an otherwise empty kernel
    /// image.
    ///
    /// # Errors
    /// When the library needs a symbol that it does not define and the kernel does not export.
    pub fn link(
        &self,
        paths: &Paths,
        architecture: Architecture,
        library: &Path,
    ) -> Result<Linked> {
        let functions = self.functions(library)?;
        let includes = functions.iter().map(|name| format!("/include:{name}"));
        let inputs: Vec<_> = includes.chain([library.display().to_string()]).collect();
        let empty = image(paths, architecture, "empty", &[])?;
        let full = image(paths, architecture, "full", &inputs)?;
        Ok(Linked {
            functions,
            imports: full.imports.values().flatten().cloned().collect(),
            panics: full
                .panic_symbols
                .iter()
                .chain(&full.source_paths)
                .cloned()
                .collect(),
            size: full.file_size,
            empty_size: empty.file_size,
        })
    }

    /// Compiles `sources`, and links them with the built library at `library` into an otherwise empty
    /// kernel image. Returns what the image imports, by file.
    ///
    /// # Errors
    /// When the compiler or the linker fails; the compiler also for a warning.
    pub fn link_driver(
        &self,
        paths: &Paths,
        architecture: Architecture,
        library: &Path,
        sources: &Sources<'_>,
    ) -> Result<Imports> {
        let kit = kit::prepare(paths, architecture)?;
        let folder = folder(paths, architecture)?;
        // Together: a header of mingw-w64 defines two functions in each object.
        let together = folder.join("driver.c");
        let includes = sources.files.iter();
        let includes = includes.map(|file| format!("#include \"{}\"\n", file.display()));
        fs_err::write(&together, includes.collect::<String>())?;
        let object = folder.join("driver.obj");
        let mut clang = compile(&kit, architecture);
        for headers in &sources.headers {
            clang.arg("-I").arg(headers);
        }
        run(clang.arg("-Wextra").arg("-o").arg(&object).arg(&together))?;
        let mut inputs = vec![object.display().to_string()];
        let functions = sources.functions.iter();
        inputs.extend(functions.map(|name| format!("/include:{name}")));
        inputs.push(library.display().to_string());
        let configuration = load_configuration(&kit, architecture);
        inputs.extend(["/guard:cf".to_owned(), configuration.display().to_string()]);
        Ok(image(paths, architecture, "driver", &inputs)?.imports)
    }

    /// The functions that the library defines for its callers.
    fn functions(&self, library: &Path) -> Result<BTreeSet<String>> {
        let symbols = output(
            command(
                format!("{LLVM}/bin/llvm-nm"),
                ["--defined-only", "--extern-only", "--format=just-symbols"],
            )
            .arg(library),
        )?;
        let names = symbols.lines().map(str::trim);
        let own = names.filter(|name| name.starts_with(self.prefix));
        Ok(own.map(str::to_owned).collect())
    }
}

/// The folder of the images for `architecture`.
fn folder(paths: &Paths, architecture: Architecture) -> Result<PathBuf> {
    let folder = paths.cross().join("static-library");
    let folder = folder.join(architecture.name());
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

/// Links `inputs` into a kernel image that has nothing else but its entry.
fn image(
    paths: &Paths,
    architecture: Architecture,
    name: &str,
    inputs: &[String],
) -> Result<Description> {
    let folder = folder(paths, architecture)?;
    let entry = folder.join("entry.obj");
    fs_err::write(folder.join("entry.c"), EMPTY)?;
    run(
        command(format!("{LLVM}/bin/clang"), clang_flags(architecture))
            .args(["-O2", "-c"])
            .arg(folder.join("entry.c"))
            .arg("-o")
            .arg(&entry),
    )?;
    let libraries = kernel_libraries(&paths.kit(), architecture);
    let image = folder.join(format!("{name}.sys"));
    run(command(format!("{LLVM}/bin/lld-link"), inputs)
        .args(["/nologo", "/driver", "/subsystem:native", "/nodefaultlib"])
        .args(["/entry:DriverEntry", "/opt:ref", "/map"])
        .arg(format!("/out:{}", image.display()))
        .arg(&entry)
        .arg(libraries.join("ntoskrnl.lib"))
        .arg(libraries.join("ndis.lib")))?;
    let map = fs_err::read_to_string(image.with_extension("map"))?;
    Description::read(&fs_err::read(&image)?, &LinkMap::parse(&map)?)
        .with_context(|| image.display().to_string())
}
