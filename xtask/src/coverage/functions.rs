//! Which functions were reached, and which need not be.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result};
use rustc_demangle::demangle;
use serde::Deserialize;

const UNREACHED: &str = include_str!("../../unreached.toml");

/// A function of the source: all that the compiler made of it, for whatever types, counts as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Function {
    /// The file, relative to the workspace.
    pub(super) file: String,
    /// The line that it begins on, counted from 1.
    pub(super) line: u64,
    /// Its path without type parameters; that of a closure ends in `{closure#N}`.
    pub(super) name: String,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.name)
    }
}

/// What `llvm-cov export` prints, as far as it is read.
#[derive(Deserialize)]
struct Export {
    data: Vec<ExportData>,
}

#[derive(Deserialize)]
struct ExportData {
    functions: Vec<ExportFunction>,
}

#[derive(Deserialize)]
struct ExportFunction {
    name: String,
    count: u64,
    filenames: Vec<String>,
    /// Each begins with its first line.
    regions: Vec<Vec<u64>>,
}

/// How often each function whose file begins with `folder` was reached.
///
/// # Errors
/// When `json` is not what `llvm-cov export` prints.
pub(super) fn reached(json: &str, folder: &str) -> Result<BTreeMap<Function, u64>> {
    let export: Export = serde_json::from_str(json).context("what llvm-cov exports")?;
    let mut functions = BTreeMap::new();
    for made in export.data.into_iter().flat_map(|data| data.functions) {
        let file = made
            .filenames
            .first()
            .context("a function without a file")?;
        // The build names this workspace's folder `.`.
        let file = file.trim_start_matches("./");
        if !file.starts_with(folder) {
            continue;
        }
        let function = Function {
            file: file.to_owned(),
            line: *made.regions.iter().flatten().next().context("no region")?,
            name: plain(&format!("{:#}", demangle(&made.name))),
        };
        *functions.entry(function).or_default() += made.count;
    }
    Ok(functions)
}

/// A path without what stands in angle brackets behind a name: `a::<u8>::b` is `a::b`.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some(start) = rest.find("::<") {
        plain.push_str(&rest[..start]);
        let mut depth = 0_usize;
        let end = rest[start..].find(|letter| {
            match letter {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
            depth == 0 && letter == '>'
        });
        rest = end.map_or("", |end| &rest[start + end + 1..]);
    }
    plain + rest
}

/// A function that no test of the lab need reach.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    pub(super) function: String,
    /// Why the lab cannot reach it.
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionFile {
    exception: Vec<Exception>,
}

/// The exceptions of `xtask/unreached.toml`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn exceptions() -> Result<Vec<Exception>> {
    let file: ExceptionFile = toml::from_str(UNREACHED).context("xtask/unreached.toml")?;
    Ok(file.exception)
}
