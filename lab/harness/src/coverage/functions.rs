//! Which functions were reached, and which need not be.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result};
use rustc_demangle::demangle;
use serde::Deserialize;

const UNREACHED: &str = include_str!("../../unreached.toml");

/// A function of the source. All its instances, for all type parameters, count as one.
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

/// The output of `llvm-cov export`, without the parts that are not used.
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
/// When `json` is not an output of `llvm-cov export`.
pub(super) fn reached(json: &str, folder: &str) -> Result<BTreeMap<Function, u64>> {
    let export: Export = serde_json::from_str(json).context("the output of llvm-cov export")?;
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

/// A path without the arguments of generics: `a::B<u8>::c::<d>` is `a::B::c`.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for letter in path.chars() {
        // A bracket that follows no name is that of a type: `<a::B as c::D>::e`.
        let follows_name = before == '_' || before == ':' || before.is_alphanumeric();
        match letter {
            '<' if depth > 0 || follows_name => depth += 1,
            '>' if depth > 0 && before != '-' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        before = letter;
    }
    plain.trim_end_matches(':').replace("::::", "::")
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

/// The exceptions of `lab/harness/unreached.toml`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn exceptions() -> Result<Vec<Exception>> {
    let file: ExceptionFile = toml::from_str(UNREACHED).context("lab/harness/unreached.toml")?;
    Ok(file.exception)
}

#[cfg(test)]
mod tests {
    use super::{exceptions, plain, reached};

    #[test]
    fn a_path_loses_the_arguments_of_its_generics_and_nothing_else() {
        for (path, expected) in [
            ("a::b", "a::b"),
            ("a::B<u8>::c", "a::B::c"),
            ("a::b::<u8, c::D<e>>", "a::b"),
            ("a::b::<u8>::{closure#0}", "a::b::{closure#0}"),
            ("<a::B<13>>::c", "<a::B>::c"),
            ("<a::B as c::D<fn() -> e>>::f", "<a::B as c::D>::f"),
        ] {
            assert_eq!(plain(path), expected, "{path}");
        }
    }

    #[test]
    fn what_the_compiler_made_of_one_function_counts_as_one() {
        let function = |name: &str, file: &str, count: u64| {
            format!(
                r#"{{"name":"{name}","count":{count},"filenames":["{file}"],"regions":[[7,1,9,2,0,0,0,0]]}}"#
            )
        };
        let made = [
            function("_RINvCs1_1a1bhE", "./src/a.rs", 2),
            function("_RINvCs1_1a1btE", "./src/a.rs", 3),
            function("_RNvCs1_1c1d", "/cargo/c.rs", 1),
        ];
        let json = format!(r#"{{"data":[{{"functions":[{}]}}]}}"#, made.join(","));
        let functions = reached(&json, "src/").unwrap();
        let counted: Vec<_> = functions
            .iter()
            .map(|(function, count)| (function.to_string(), *count))
            .collect();
        assert_eq!(counted, [("src/a.rs:7: a::b".to_owned(), 5)]);
    }

    #[test]
    fn every_exception_says_why() {
        for exception in exceptions().unwrap() {
            assert!(exception.why.len() > 20, "{}", exception.function);
        }
    }
}
