//! `cargo xtask dist`: release archives for Linux and Windows, with checksums and a list of the crates
//! in them.

mod archive;
mod contents;
mod sbom;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use build_steps::paths::Paths;
use build_steps::process::{cargo, command, git, output, run};
use kmdf_cross::architecture::Architecture;
use kmdf_cross::driver::Driver;
use kmdf_cross::package;
use kmdf_cross::toolchain::Toolchain;
use sha2::{Digest as _, Sha256};

use crate::c_library;
use archive::Archive;
use contents::Built;

/// Builds everything that is released and writes it to `target/dist/`: `pfbctl` for Linux and
/// Windows, the driver and the library for drivers in C for both architectures, what belongs to them,
/// `SHA256SUMS`, and a bill of materials (CycloneDX 1.5, JSON).
///
/// The same clean checkout and toolchains give the same archives.
///
/// # Errors
/// When a build fails, the library breaks a rule of `cargo xtask c-library`, or the program of the
/// archive for Linux does not run.
pub(crate) fn make(paths: &Paths) -> Result<()> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(paths.root())
        .other_options(["--locked".to_owned()])
        .exec()?;
    let driver = Driver::read(paths.root())?;
    let built = build(paths, &driver)?;
    let committed = committed_files(paths.root())?;
    let time = commit_time(paths.root())?;

    let folder = paths.target().join("dist");
    make_empty(&folder)?;
    println!("writing the archives");
    let name = format!("pf_broker-{}", driver.version());
    let linux = format!("{name}-linux-{}", std::env::consts::ARCH);
    let windows = format!("{name}-windows");
    let files = [
        folder.join(format!("{linux}.tar.gz")),
        folder.join(format!("{windows}.zip")),
        folder.join(format!("{name}.cdx.json")),
    ];
    let [tar_gz, zip, sbom] = &files;
    Archive::new(&linux, contents::of_linux(&built, &committed)?, time).write_tar_gz(tar_gz)?;
    Archive::new(&windows, contents::of_windows(&built, &committed)?, time).write_zip(zip)?;
    fs_err::write(sbom, sbom::document(&metadata)?)?;
    fs_err::write(folder.join("SHA256SUMS"), checksums(&files)?)?;
    try_out(&folder, tar_gz)?;
    println!("{}", folder.display());
    Ok(())
}

/// Checks the sums, unpacks the archive for Linux, and lets its program simulate a manifest of it.
fn try_out(folder: &Path, archive: &Path) -> Result<()> {
    run(command("sha256sum", ["--check", "--strict", "SHA256SUMS"]).current_dir(folder))?;
    let unpacked = folder.join("unpacked");
    fs_err::create_dir_all(&unpacked)?;
    run(command("tar", ["-xzf"])
        .arg(archive)
        .arg("--strip-components=1")
        .current_dir(&unpacked))?;
    let simulate = ["simulate", "blocks/accelerator.toml"];
    output(command(unpacked.join("pfbctl"), simulate).current_dir(&unpacked))?;
    Ok(fs_err::remove_dir_all(&unpacked)?)
}

/// Builds programs, drivers and libraries, and has `pfbctl` print what it generates.
fn build(paths: &Paths, driver: &Driver) -> Result<Built> {
    println!("building pfbctl for Linux");
    run(&mut cargo(
        paths.root(),
        [
            "build",
            "--release",
            "--locked",
            "--package",
            "pfbctl",
            "--quiet",
        ],
    ))?;
    println!("building pfbctl for Windows");
    let user = Toolchain::user(paths)?;
    run(user
        .cargo(paths.root(), "build")?
        .args(["--release", "--package", "pfbctl", "--quiet"]))?;

    let pfbctl = paths.target().join("release").join("pfbctl");
    let generated = paths.target().join("dist-generated");
    generate(&pfbctl, &generated)?;
    let mut drivers = Vec::new();
    let mut libraries = Vec::new();
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        println!(
            "building the driver and the library in C for {}",
            architecture.name()
        );
        drivers.push(package::make(driver, architecture)?);
        let tally = c_library::make(paths, architecture)?;
        anyhow::ensure!(tally.failed == 0, "the library in C breaks a rule");
        libraries.push(paths.target().join("c-library").join(architecture.name()));
    }
    Ok(Built {
        root: paths.root().to_path_buf(),
        pfbctl,
        pfbctl_exe: user.output_folder("release").join("pfbctl.exe"),
        drivers,
        libraries,
        generated,
    })
}

/// Completions, pages of the manual and schemas, as `pfbctl` prints them.
fn generate(pfbctl: &Path, folder: &Path) -> Result<()> {
    make_empty(folder)?;
    for name in ["completions", "man", "schema"] {
        fs_err::create_dir_all(folder.join(name))?;
    }
    let print = |arguments: [&str; 2]| output(&mut command(pfbctl, arguments));
    for (shell, file) in [
        ("bash", "pfbctl.bash"),
        ("fish", "pfbctl.fish"),
        ("powershell", "_pfbctl.ps1"),
        ("zsh", "_pfbctl"),
    ] {
        let script = print(["completions", shell])?;
        fs_err::write(folder.join("completions").join(file), script)?;
    }
    for kind in ["manifest", "trace"] {
        let schema = print(["schema", kind])?;
        fs_err::write(folder.join("schema").join(format!("{kind}.json")), schema)?;
    }
    run(command(pfbctl, ["man"]).arg(folder.join("man")))
}

/// The files of the last commit, relative to the workspace root.
fn committed_files(root: &Path) -> Result<Vec<String>> {
    let names = output(&mut git(root, ["ls-tree", "-r", "--name-only", "HEAD"]))
        .context("the archives hold the files of the last commit")?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// When the last commit was made, in seconds since 1970: the time of every file in the archives.
fn commit_time(root: &Path) -> Result<u64> {
    let seconds = output(&mut git(root, ["log", "-1", "--format=%ct"]))?;
    seconds
        .trim()
        .parse()
        .context("the time of the last commit")
}

/// Creates a folder, or removes what is in it.
fn make_empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    Ok(fs_err::create_dir_all(folder)?)
}

/// The lines that `sha256sum --check` reads.
fn checksums(files: &[PathBuf]) -> Result<String> {
    files
        .iter()
        .map(|file| {
            let name = file.file_name().context("a file")?.to_string_lossy();
            let digest = hex::encode(Sha256::digest(fs_err::read(file)?));
            Ok(format!("{digest}  {name}\n"))
        })
        .collect()
}
