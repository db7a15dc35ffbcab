//! Runs the tool under test as a user would.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The built program.
pub static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    escargot::CargoBuild::new()
        .manifest_path(crate::repository().join("Cargo.toml"))
        .package("pfbctl")
        .bin("pfbctl")
        .run()
        .expect("pfbctl builds")
        .path()
        .to_owned()
});

/// The result of a run of the program.
#[derive(Clone, Debug)]
pub struct Run<Output = String> {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: String,
}

/// Runs the program in the repository's folder.
///
/// # Panics
///
/// If it does not end by itself, or prints something that is not text.
#[must_use]
pub fn pfbctl(arguments: &[&str], stdin: &str) -> Run {
    let run = pfbctl_bytes(arguments, stdin, &[]);
    Run {
        code: run.code,
        stdout: String::from_utf8(run.stdout).expect("text on standard output"),
        stderr: run.stderr,
    }
}

/// Runs the program in the repository's folder with more environment variables, and keeps the bytes
/// of standard output as they are.
///
/// # Panics
///
/// If it does not end by itself, or prints something that is not text on standard error.
#[must_use]
pub fn pfbctl_bytes(arguments: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Run<Vec<u8>> {
    let mut child = Command::new(&*PROGRAM)
        .args(arguments)
        .current_dir(crate::repository())
        .env_remove("CLICOLOR_FORCE")
        .env_remove("SOURCE_DATE_EPOCH")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pfbctl starts");
    let mut input = child.stdin.take().expect("standard input is a pipe");
    let text = stdin.to_owned();
    // On a separate thread, because otherwise a long trace and its long output would wait for each
    // other. A program may end before it has read its whole input; its output decides.
    let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("pfbctl ends");
    writer.join().expect("the writer ends");
    Run {
        code: status.code().expect("pfbctl ends by itself"),
        stdout,
        stderr: String::from_utf8(stderr).expect("text on standard error"),
    }
}
