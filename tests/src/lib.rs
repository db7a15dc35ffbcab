//! The traces that simulation and lab share, with their expected results.
//!
//! `traces/<suite>/traces.toml` names a manifest and its traces. Each trace is two files: the
//! operations in `<name>.jsonl`, and the result lines, byte for byte, in `<name>.expected.jsonl`.
//! docs/trace.md describes their language.
#![forbid(unsafe_code)]

pub mod guide;
pub mod host_guide;
mod program;
mod served;

pub use program::{PROGRAM, Run, pfbctl, pfbctl_bytes};
pub use served::Served;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A manifest and the traces that are played against it.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The name of its folder.
    pub name: String,
    /// The manifest's file.
    pub manifest: PathBuf,
    /// The traces, in the order of `traces.toml`.
    pub traces: Vec<Trace>,
}

/// One trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its name: the file's without its extension.
    pub name: String,
    /// The number of VFs.
    pub vfs: u16,
    /// Why only the simulation can play it; `None` if the lab plays it too.
    pub simulation_only: Option<String>,
    /// Whether it needs a companion: the lab plays it on an upper filter alone.
    pub companion: bool,
    /// The operations' file.
    pub operations: PathBuf,
    /// The file of the result lines.
    pub expected: PathBuf,
}

/// `traces.toml` as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SuiteFile {
    /// The manifest, relative to the repository.
    manifest: PathBuf,
    trace: Vec<TraceEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TraceEntry {
    name: String,
    vfs: u16,
    simulation_only: Option<String>,
    #[serde(default)]
    companion: bool,
}

/// The repository's folder.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The folder of the traces.
#[must_use]
pub fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")
}

/// Every suite, by name.
///
/// # Errors
///
/// If a `traces.toml` cannot be read or parsed.
pub fn suites() -> io::Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for entry in fs::read_dir(traces())? {
        let folder = entry?.path();
        if folder.join("traces.toml").is_file() {
            suites.push(suite(&folder)?);
        }
    }
    suites.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(suites)
}

fn suite(folder: &Path) -> io::Result<Suite> {
    let file = folder.join("traces.toml");
    let text = fs::read_to_string(&file)?;
    let suite: SuiteFile = toml::from_str(&text).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: {error}", file.display()),
        )
    })?;
    let trace = |entry: TraceEntry| Trace {
        operations: folder.join(format!("{}.jsonl", entry.name)),
        expected: folder.join(format!("{}.expected.jsonl", entry.name)),
        name: entry.name,
        vfs: entry.vfs,
        simulation_only: entry.simulation_only,
        companion: entry.companion,
    };
    Ok(Suite {
        name: folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        manifest: repository().join(suite.manifest),
        traces: suite.trace.into_iter().map(trace).collect(),
    })
}
