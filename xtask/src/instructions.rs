//! `cargo xtask instructions`: counts the instructions of the broker's operations with callgrind, and
//! compares them with `xtask/instructions.toml`. Unlike times they do not depend on the load of the
//! machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use build_steps::packages::{Package, ensure as installed};
use build_steps::paths::Paths;
use build_steps::process::{cargo, command, output};
use build_steps::tally::Tally;
use cargo_metadata::Message;
use serde::Deserialize;

/// What counts.
pub(crate) const VALGRIND: &[Package] = &[Package {
    name: "valgrind",
    proof: "/usr/bin/callgrind_annotate",
    purpose: "counts of the broker's instructions",
}];

const LIMITS: &str = "xtask/instructions.toml";
/// The function of the benchmark whose calls are counted.
const COUNTED: &str = "broker::instructions::counted";

/// `xtask/instructions.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// The version of the compiler that the numbers are of.
    rustc: String,
    /// By how many percent a number may be exceeded.
    slack: u64,
    /// The instructions of one call of each operation.
    operations: BTreeMap<String, u64>,
}

impl Limits {
    fn read(root: &Path) -> Result<Self> {
        Ok(toml::from_str(&fs_err::read_to_string(root.join(LIMITS))?)?)
    }

    /// The most instructions that an operation of `number` may take.
    const fn most(&self, number: u64) -> u64 {
        number + number * self.slack / 100
    }

    /// Why `count` instructions of `operation` are refused, if they are.
    fn problem(&self, operation: &str, count: u64) -> Option<String> {
        let Some(number) = self.operations.get(operation) else {
            return Some(format!(
                "{operation} takes {count} instructions, and {LIMITS} has no number for it"
            ));
        };
        let most = self.most(*number);
        (count > most).then(|| {
            format!(
                "{operation} takes {count} instructions, and may take {most}: \
                 {number} in {LIMITS} and {} % more",
                self.slack
            )
        })
    }
}

/// Counts and compares. With another compiler than that of the numbers it only prints the counts.
///
/// # Errors
/// When valgrind is missing and cannot be installed, or the benchmark does not build or run.
pub(crate) fn check(paths: &Paths) -> Result<Tally> {
    installed(&[VALGRIND])?;
    let limits = Limits::read(paths.root())?;
    let counts = count(paths, &benchmark(paths.root())?)?;
    let compiler = output(&mut command("rustc", ["--version"]))?;
    let is_judged = compiler.split(' ').nth(1) == Some(&*limits.rustc);
    if !is_judged {
        println!(
            "not judged: the numbers of {LIMITS} are those of rustc {}, and this is {}",
            limits.rustc,
            compiler.trim()
        );
    }
    let mut tally = Tally::default();
    for (operation, count) in &counts {
        println!("{count:>8}  {operation}");
        let problem = limits.problem(operation, *count).filter(|_| is_judged);
        tally += match problem {
            Some(problem) => {
                println!("          {problem}");
                Tally::FAILED
            }
            None => Tally::PASSED,
        };
    }
    for operation in limits.operations.keys() {
        if !counts.iter().any(|(counted, _)| counted == operation) {
            println!("          {operation} of {LIMITS} was not counted");
            tally += Tally::FAILED;
        }
    }
    Ok(tally)
}

/// Builds the benchmark and returns its path.
fn benchmark(root: &Path) -> Result<PathBuf> {
    let messages = output(&mut cargo(
        root,
        [
            "bench",
            "--package",
            "block-broker",
            "--bench",
            "broker",
            "--no-run",
            "--message-format=json",
        ],
    ))?;
    let executables = Message::parse_stream(messages.as_bytes()).filter_map(|message| {
        let Ok(Message::CompilerArtifact(artifact)) = message else {
            return None;
        };
        artifact.executable.filter(|_| artifact.target.is_bench())
    });
    let found = executables.last().context("cargo has built no benchmark")?;
    Ok(found.into())
}

/// Runs the benchmark under callgrind, and returns the instructions of one call of each operation.
fn count(paths: &Paths, benchmark: &Path) -> Result<Vec<(String, u64)>> {
    let folder = paths.target().join("instructions");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    let out = folder.join("out");
    // Callgrind counts while the function runs, and writes a file each time that it returns.
    let printed = output(
        command("valgrind", ["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(format!("--toggle-collect=*{COUNTED}"))
            .arg(format!("--dump-after={COUNTED}"))
            .arg(benchmark)
            .args(["--bench", "instructions"]),
    )?;
    let mut lines = printed.lines();
    let calls: u64 = lines.next().context("nothing was printed")?.parse()?;
    let operations = lines.zip(1..).map(|(operation, part)| {
        let file = out.with_extension(part.to_string());
        let total = total(&fs_err::read_to_string(&file)?)
            .with_context(|| format!("{} has no total", file.display()))?;
        ensure!(
            total >= calls,
            "{operation}: {total} instructions of {calls} calls"
        );
        Ok((operation.to_owned(), total / calls))
    });
    let operations: Vec<_> = operations.collect::<Result<_>>()?;
    if operations.is_empty() {
        bail!("the benchmark has counted nothing");
    }
    Ok(operations)
}

/// The total of a file of callgrind.
fn total(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use build_steps::paths::Paths;

    use super::{Limits, total};

    fn limits() -> Limits {
        Limits::read(Paths::of_this_workspace().root()).expect("the file of this repository")
    }

    #[test]
    fn more_than_the_slack_is_refused_with_operation_count_and_limit() {
        let limits = Limits {
            rustc: "1.95.0".to_owned(),
            slack: 3,
            operations: [("read".to_owned(), 200)].into(),
        };
        assert_eq!(limits.problem("read", 206), None);
        let problem = limits.problem("read", 207).expect("too many");
        for part in ["read takes 207", "may take 206", "200 in", "3 %"] {
            assert!(problem.contains(part), "{problem}");
        }
        let unknown = limits.problem("write", 1).expect("unknown");
        assert!(unknown.contains("has no number"), "{unknown}");
    }

    #[test]
    fn the_page_has_the_numbers() {
        let page = include_str!("../../docs/benchmarks.md");
        let rows: Vec<(String, u64)> = page
            .lines()
            .skip_while(|line| !line.starts_with("| operation | instructions |"))
            .skip(2)
            .map_while(|line| {
                let (operation, number) = line.strip_prefix("| ")?.split_once(" | ")?;
                Some((
                    operation.to_owned(),
                    number.trim_end_matches(" |").parse().ok()?,
                ))
            })
            .collect();
        let limits = limits();
        assert_eq!(rows.len(), limits.operations.len());
        for (operation, number) in rows {
            assert_eq!(
                limits.operations.get(&operation),
                Some(&number),
                "{operation}"
            );
        }
    }

    #[test]
    fn the_total_of_a_part_is_read() {
        assert_eq!(total("version: 1\ncalls=2\ntotals: 10586\n"), Some(10586));
        assert_eq!(total("summary: 1\n"), None);
    }
}
