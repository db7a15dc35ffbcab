//! Running other programs: every command is shown before it runs and every failure names it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The command as a person would type it, without its environment.
#[must_use]
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Shows and runs `command` with this process's standard streams.
///
/// # Errors
/// When the program cannot be started or ends with anything but success.
pub fn run(command: &mut Command) -> Result<()> {
    eprintln!("  $ {}", shown(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs `command` quietly and returns its standard output.
///
/// # Errors
/// When the program cannot be started or fails; the error then carries its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed: {}\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed bytes that are not UTF-8", shown(command)))
}

/// The cargo that runs this program, or the one in `PATH`.
#[must_use]
pub fn cargo_program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// That cargo, for what is in `folder`.
#[must_use]
pub fn cargo<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut cargo = command(cargo_program(), arguments);
    // Cargo set this for the running program; the workspace in `folder` may be another one.
    cargo.current_dir(folder).env_remove("CARGO_MANIFEST_DIR");
    cargo
}

/// git, for what is in `folder`.
#[must_use]
pub fn git<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut git = command("git", arguments);
    git.current_dir(folder);
    git
}

/// A command with its arguments.
#[must_use]
pub fn command<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::{command, output, shown};

    #[test]
    fn a_shown_command_can_be_pasted_into_a_shell() {
        let shown = shown(&command("cargo", ["build", "--config", "a=\"b c\"", ""]));
        assert_eq!(shown, r#"cargo build --config 'a="b c"' ''"#);
    }

    #[test]
    fn a_failure_names_the_command_and_carries_its_standard_error() {
        let failed = output(&mut command("sh", ["-c", "echo reason >&2; exit 3"])).unwrap_err();
        let text = format!("{failed:#}");
        assert!(text.contains("exit 3") && text.contains("reason"), "{text}");
    }
}
