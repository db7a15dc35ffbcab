//! The commands of docs/administrators.md for a host with the driver: those whose output the page
//! shows, and those that its text names. The lab runs them on the image, a test of the guides on a
//! simulated device.

use crate::guide::{self, Step};

/// The operations of guests before the commands: those of VF 0 succeed, and VF 3 is refused three
/// times.
pub const GUESTS: &str = include_str!("../traces/accelerator/guests.jsonl");

/// Commands that use the driver and end.
const ENDING: [&str; 8] = [
    "list",
    "stats",
    "read",
    "publish",
    "invalidate",
    "drain",
    "reset",
    "journal",
];
/// Those of them that need no argument. Another one without arguments in the text is a mention and
/// does not run.
const WITHOUT_ARGUMENTS: [&str; 2] = ["list", "stats"];
/// Commands that use the driver until the user ends them, and are not run here.
const ENDLESS: [&str; 3] = ["watch", "top", "serve"];
/// Commands that the manifest of this run refuses. Checks of other runs send their requests.
const OF_ANOTHER_MANIFEST: [&str; 1] = ["acknowledge"];
/// Commands that need no driver: the tests of the guides run them.
const WITHOUT_DRIVER: [&str; 7] = ["check", "compile", "show", "simulate", "inf", "new", "play"];

/// A placeholder of the page, and a value for it.
const VALUES: [(&str, &str); 2] = [
    ("N", "3"),
    (
        "BYTES",
        "0100014300000010000000000200000000010001000000000000000000000000",
    ),
];

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCommand {
    /// The command line.
    pub line: String,
    /// The output on the page; none for a command in its text, which only has to succeed.
    pub output: Option<Vec<String>>,
}

impl HostCommand {
    /// Compares what the command printed, with a line `exit code N` at its end unless that is 0.
    ///
    /// # Errors
    ///
    /// How it differs from the page.
    pub fn judge(&self, printed: &[&str]) -> Result<(), String> {
        let line = &self.line;
        let text = printed.join("\n");
        match &self.output {
            Some(shown) if !guide::matches(shown, printed) => Err(format!(
                "the page shows for {line}\n{}\nbut it is\n{text}",
                shown.join("\n")
            )),
            None if printed.iter().any(|line| line.starts_with("exit code ")) => {
                Err(format!("{line} fails:\n{text}"))
            }
            _ => Ok(()),
        }
    }
}

/// The commands of a page, those with output first: they show what guests did before anything
/// changes it.
///
/// # Errors
///
/// When the page has a command that is in no list of this file, or none.
pub fn commands(page: &str) -> Result<Vec<HostCommand>, String> {
    let mut all = Vec::new();
    for step in guide::steps(page, "console lab") {
        if let Step::Command { line, output } = step {
            if !subcommand(&line).is_some_and(|name| ENDING.contains(&name)) {
                return Err(format!(
                    "{line} is no command of pfbctl that the lab can run"
                ));
            }
            all.push(HostCommand {
                line,
                output: Some(output),
            });
        }
    }
    if all.is_empty() {
        return Err("the page shows no command for the lab".to_owned());
    }
    for command in guide::named(page, "pfbctl") {
        let name = subcommand(command).unwrap_or_default();
        let is_whole = command.split(' ').count() > 2 || WITHOUT_ARGUMENTS.contains(&name);
        if ENDING.contains(&name) {
            if is_whole {
                all.push(HostCommand {
                    line: filled(command),
                    output: None,
                });
            }
            continue;
        }
        let others = [&ENDLESS[..], &OF_ANOTHER_MANIFEST, &WITHOUT_DRIVER];
        if !others.iter().any(|others| others.contains(&name)) {
            return Err(format!(
                "the page names {command}, which is in no list of this file"
            ));
        }
    }
    Ok(all)
}

/// The subcommand of a command line of pfbctl.
fn subcommand(command: &str) -> Option<&str> {
    command.strip_prefix("pfbctl ")?.split(' ').next()
}

/// A command with values for its placeholders.
fn filled(command: &str) -> String {
    let words = command.split(' ').map(|word| {
        let value = VALUES.iter().find(|(name, _)| *name == word);
        value.map_or(word, |(_, value)| value)
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn a_command_that_is_not_run_is_named() {
        let page = "`pfbctl reset N`, `pfbctl publish`, `pfbctl watch`\n```console lab\n$ pfbctl \
                    list\n0 […]\n```\n";
        let lines = |page: &str| -> Result<Vec<String>, String> {
            Ok(commands(page)?.into_iter().map(|each| each.line).collect())
        };
        assert_eq!(
            lines(page),
            Ok(vec!["pfbctl list".to_owned(), "pfbctl reset 3".to_owned()])
        );
        for page in [
            &page.replace("watch", "wacht"),
            &page.replace("$ pfbctl list", "$ pfbctl watch"),
            "nothing",
        ] {
            assert!(lines(page).is_err(), "{page}");
        }
    }
}
