//! Builds the static library and the programs in C on it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this crate.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The example of an NDIS PF driver, from the folder of this crate.
pub(crate) const NDIS_PF: &str = "../../examples/ndis-pf";

/// What a build checks while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sanitizer {
    None,
    /// Memory errors and undefined behavior.
    Address,
    /// Data races.
    Thread,
}

impl Sanitizer {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Address => "address",
            Self::Thread => "thread",
        }
    }

    /// The flags of gcc and clang.
    const fn of_c(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Address => &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
            Self::Thread => &["-fsanitize=thread"],
        }
    }

    /// The flags of rustc. Its sanitizers are unstable, so [`library`] lets it use them.
    const fn of_rust(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Address => Some("-Zsanitizer=address"),
            // Of core only generic code and inlined functions have the checks.
            Self::Thread => Some("-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"),
        }
    }
}

/// A compiler for one language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiler {
    pub(crate) program: &'static str,
    pub(crate) standard: &'static str,
}

impl Compiler {
    const fn is_cpp(self) -> bool {
        matches!(self.standard.as_bytes(), [b'c', b'+', ..])
    }

    /// The compiler with its language, and every warning an error.
    pub(crate) fn command(self) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(["-x", if self.is_cpp() { "c++" } else { "c" }])
            .arg(format!("-std={}", self.standard))
            .args(["-Wall", "-Wextra", "-Werror", "-pedantic"])
            // fseek, pthread and others.
            .arg("-D_DEFAULT_SOURCE")
            .arg("-I")
            .arg(Path::new(CRATE).join("include"))
            // For the example, the ndis.h of a host without Windows.
            .arg("-I")
            .arg(Path::new(CRATE).join("tests/c/ndis"))
            .arg("-I")
            .arg(Path::new(CRATE).join(NDIS_PF));
        command
    }
}

/// A folder for what the tests build.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// Builds the static library, as its users do, with the sanitizer's checks in it.
pub(crate) fn library(sanitizer: Sanitizer) -> PathBuf {
    build_library("static-library", sanitizer, sanitizer.name())
}

/// Builds the small static library.
pub(crate) fn small_library() -> PathBuf {
    build_library("small", Sanitizer::None, "small")
}

fn build_library(feature: &str, sanitizer: Sanitizer, name: &str) -> PathBuf {
    let target = folder("library").join(name);
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(CRATE)
        .args(["rustc", "--quiet", "--release", "--lib"])
        .args(["--crate-type", "staticlib", "--features", feature])
        // Without a target, flags would be those of procedural macros too.
        .args(["--target", &triple, "--target-dir"])
        .arg(&target)
        // Instrumentation of the test is not for the library.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS");
    if let Some(flags) = sanitizer.of_rust() {
        cargo.env("RUSTFLAGS", flags).env("RUSTC_BOOTSTRAP", "1");
    }
    run(&mut cargo);
    target.join(triple).join("release/libblock_broker_c.a")
}

/// Builds a program from its sources in the folder of this crate and the library.
pub(crate) fn program(
    compiler: Compiler,
    sanitizer: Sanitizer,
    name: &str,
    sources: &[String],
    library: &Path,
) -> PathBuf {
    let Compiler { program, standard } = compiler;
    let name = format!("{program}-{standard}-{}-{name}", sanitizer.name());
    let output = folder("programs").join(name);
    let mut command = compiler.command();
    let is_gcc = program.starts_with('g');
    let for_gcc = (is_gcc && sanitizer == Sanitizer::Thread)
        .then(|| "tests/c/gcc_thread_sanitizer.c".to_owned());
    let sources = sources
        .iter()
        .chain(&for_gcc)
        .map(|source| Path::new(CRATE).join(source));
    command
        .args(sanitizer.of_c())
        .args(["-g", "-O1"])
        .args(sources)
        // The library is no source text.
        .args(["-x", "none"])
        .arg(library)
        .args(["-pthread", "-o"])
        .arg(&output);
    run(&mut command);
    output
}

/// Runs a command that must succeed, and returns its output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the output is text")
}
