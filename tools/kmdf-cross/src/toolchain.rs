//! The cross toolchains: the settings of cargo, rustc, clang and bindgen for each Windows target.
//!
//! Most settings are in one cargo configuration file for each target, so that a build can be repeated
//! by hand with `cargo --config FILE`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use toml::Table;

use crate::architecture::Architecture;
use crate::kit;
use crate::llvm::{LLVM, clang_flags};
use crate::packages::{KERNEL, USER};
use crate::wdk_build;
use build_steps::packages::ensure;
use build_steps::paths::Paths;
use build_steps::write;

const CARGO: &str = "/usr/bin/cargo";
const CARGO_CLIPPY: &str = "/usr/bin/cargo-clippy";
const RUSTC: &str = "/usr/bin/rustc";
const RUST_SOURCE: &str = "/usr/lib/rustlib/src/rust";

/// Rust's target for user-mode Windows programs.
pub const USER_TARGET: &str = "x86_64-pc-windows-gnu";

/// What a toolchain compiles for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Kernel images, with the kit and the wdk crates
    Kernel,
    /// User-mode programs with the standard library, for x86-64 only
    User,
}

/// A prepared toolchain: makes cargo commands that compile for its target.
#[derive(Debug)]
pub struct Toolchain {
    paths: Paths,
    target: Target,
    /// Rust's name of the target.
    triple: &'static str,
    configuration: PathBuf,
}

impl Toolchain {
    /// Prepares everything for compiling for `target`: packages, for the kernel wdk-build and the
    /// kit tree, and the configuration of cargo.
    ///
    /// # Errors
    /// When a package is missing and cannot be installed, or a step of the preparation fails.
    pub fn prepare(paths: &Paths, target: Target, architecture: Architecture) -> Result<Self> {
        let (triple, configuration) = match target {
            Target::Kernel => {
                ensure(&[KERNEL])?;
                let wdk_build = wdk_build::prepare(paths)?;
                let kit = kit::prepare(paths, architecture)?;
                (
                    architecture.kernel_target(),
                    kernel_configuration(paths, architecture, &wdk_build, &kit),
                )
            }
            Target::User => {
                ensure(&[KERNEL, USER])?;
                (USER_TARGET, user_configuration(paths))
            }
        };
        let path = paths.cross().join(format!("{triple}.toml"));
        let text = toml::to_string(&configuration).context("cargo configuration")?;
        write::if_changed(&path, text.as_bytes())?;
        Ok(Self {
            paths: paths.clone(),
            target,
            triple,
            configuration: path,
        })
    }

    /// The toolchain for kernel images.
    ///
    /// # Errors
    /// As for [`Toolchain::prepare`].
    pub fn kernel(paths: &Paths, architecture: Architecture) -> Result<Self> {
        Self::prepare(paths, Target::Kernel, architecture)
    }

    /// The toolchain for user-mode programs.
    ///
    /// # Errors
    /// As for [`Toolchain::prepare`].
    pub fn user(paths: &Paths) -> Result<Self> {
        Self::prepare(paths, Target::User, Architecture::X86_64)
    }

    /// Where cargo puts what `profile` builds.
    #[must_use]
    pub fn output_folder(&self, profile: &str) -> PathBuf {
        let target_folder = match self.target {
            Target::Kernel => self.paths.kernel_target(),
            Target::User => self.paths.user_target(),
        };
        target_folder.join(self.triple).join(profile)
    }

    /// `cargo SUBCOMMAND` for this target, run in the workspace at `workspace`.
    ///
    /// The workspace's own lock file is copied and stays as it is: the patched wdk-build shows in
    /// the copy alone.
    ///
    /// # Errors
    /// When the lock file cannot be copied.
    pub fn cargo(&self, workspace: &Path, subcommand: &str) -> Result<Command> {
        let lock = self.lock_file(workspace)?;
        // A rustup toolchain's `cargo-clippy` comes first where cargo looks for subcommands, so this
        // toolchain's is called by its path.
        let program = if subcommand == "clippy" {
            CARGO_CLIPPY
        } else {
            CARGO
        };
        let mut cargo = Command::new(program);
        cargo
            .current_dir(workspace)
            .arg(subcommand)
            .args(["--target", self.triple])
            .arg("--config")
            .arg(&self.configuration)
            .arg("--config")
            .arg(format!(
                "resolver.lockfile-path={:?}",
                lock.display().to_string()
            ))
            .args(["-Z", "lockfile-path"])
            .env("RUSTC", RUSTC)
            // The library source and the resolver option need the unstable features of this
            // exact compiler; nothing of the project does.
            .env("RUSTC_BOOTSTRAP", "1");
        // What a rustup proxy or the caller's shell set is for another toolchain.
        for name in FOREIGN_VARIABLES {
            cargo.env_remove(name);
        }
        // `cargo-clippy` runs the cargo that this names.
        cargo.env("CARGO", CARGO);
        Ok(cargo)
    }

    fn lock_file(&self, workspace: &Path) -> Result<PathBuf> {
        let name = workspace.file_name().unwrap_or_default();
        let name = if workspace == self.paths.root() {
            "root".as_ref()
        } else {
            name
        };
        let folder = self.paths.cross().join("lock").join(self.triple).join(name);
        let committed = workspace.join("Cargo.lock");
        let (copy, basis) = (folder.join("Cargo.lock"), folder.join("basis.lock"));
        fs_err::create_dir_all(&folder)?;
        if committed.exists() {
            let text = fs_err::read(&committed)?;
            if std::fs::read(&basis).ok().as_ref() != Some(&text) {
                fs_err::write(&copy, &text)?;
                fs_err::write(&basis, &text)?;
            }
        }
        Ok(copy)
    }
}

const FOREIGN_VARIABLES: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

fn kernel_configuration(
    paths: &Paths,
    architecture: Architecture,
    wdk_build: &Path,
    kit: &Path,
) -> Table {
    let target = architecture.kernel_target();
    let flags = clang_flags(architecture).join(" ");
    let underscored = target.replace('-', "_");
    // Control Flow Guard is true because core is built with it too; the kit has its load
    // configuration. Cargo adds these flags to those of .cargo/config.toml.
    let mut rust_flags = vec!["-Ccontrol-flow-guard".to_owned()];
    rust_flags.extend(remapped_paths(paths));
    toml::toml! {
        [unstable]
        build-std = ["core", "alloc", "compiler_builtins"]
    }
    .into_iter()
    .chain([
        (
            "build".to_owned(),
            table([("target-dir", paths.kernel_target().display().to_string())]),
        ),
        (
            "patch".to_owned(),
            nested(
                ["crates-io", "wdk-build"],
                "path",
                wdk_build.display().to_string().into(),
            ),
        ),
        (
            "target".to_owned(),
            toml::Value::Table(Table::from_iter([(
                target.to_owned(),
                toml::Value::Table(Table::from_iter([
                    ("linker".to_owned(), format!("{LLVM}/bin/lld-link").into()),
                    ("rustflags".to_owned(), rust_flags.into()),
                ])),
            )])),
        ),
        (
            "env".to_owned(),
            table([
                ("WDKContentRoot", kit.display().to_string()),
                ("Version_Number", kit::SDK_VERSION.to_owned()),
                ("KMDF_CROSS_RC", format!("{LLVM}/bin/llvm-rc")),
                ("LIBCLANG_PATH", format!("{LLVM}/lib")),
                ("BINDGEN_EXTRA_CLANG_ARGS", flags.clone()),
                (&format!("CC_{underscored}"), format!("{LLVM}/bin/clang")),
                (&format!("AR_{underscored}"), format!("{LLVM}/bin/llvm-lib")),
                (&format!("CFLAGS_{underscored}"), flags),
            ]),
        ),
    ])
    .collect()
}

fn user_configuration(paths: &Paths) -> Table {
    toml::toml! {
        [unstable]
        build-std = ["std", "panic_abort"]
    }
    .into_iter()
    .chain([
        (
            "build".to_owned(),
            table([("target-dir", paths.user_target().display().to_string())]),
        ),
        (
            "target".to_owned(),
            nested([USER_TARGET], "rustflags", remapped_paths(paths).into()),
        ),
    ])
    .collect()
}

/// Flags that keep this machine's folders out of what is built.
fn remapped_paths(paths: &Paths) -> Vec<String> {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let mut remapped = vec![
        (paths.root().display().to_string(), "."),
        (RUST_SOURCE.to_owned(), "/rust"),
    ];
    if !home.is_empty() {
        remapped.push((home, "/cargo"));
    }
    remapped
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={from}={to}"))
        .collect()
}

fn table<const N: usize>(entries: [(&str, String); N]) -> toml::Value {
    toml::Value::Table(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
    )
}

fn nested<const N: usize>(keys: [&str; N], last: &str, value: toml::Value) -> toml::Value {
    let innermost = toml::Value::Table(Table::from_iter([(last.to_owned(), value)]));
    keys.into_iter().rev().fold(innermost, |inner, key| {
        toml::Value::Table(Table::from_iter([(key.to_owned(), inner)]))
    })
}
