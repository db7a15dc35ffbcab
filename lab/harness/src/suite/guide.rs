//! The commands of docs/administrators.md for a host with the driver, which `pfbctl.exe` runs
//! against the image: those whose output the page shows, and those that its text names.

use anyhow::{Context as _, Result, bail, ensure};
use end_to_end::guide::{self, Step};

use crate::run::Finished;

/// The guests' operations before the commands: those of VF 0 succeed, and VF 3 is refused three
/// times.
const GUESTS: &str = include_str!("guide.jsonl");

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
const ENDLESS: [&str; 2] = ["watch", "top"];
/// Commands that the manifest of this run refuses. Checks of other runs send their requests.
const OF_ANOTHER_MANIFEST: [&str; 1] = ["acknowledge"];
/// Commands that need no driver: the tests of the guides run them.
const WITHOUT_DRIVER: [&str; 6] = ["check", "compile", "show", "simulate", "inf", "new"];

/// A placeholder of the page, and a value for it.
const VALUES: [(&str, &str); 2] = [
    ("N", "3"),
    (
        "BYTES",
        "0100014300000010000000000200000000010001000000000000000000000000",
    ),
];

/// Commands in the order in which they are run.
pub(super) struct Guide(Vec<Expected>);

struct Expected {
    command: String,
    /// The output on the page; none for a command in its text, which only has to succeed.
    output: Option<Vec<String>>,
}

impl Guide {
    /// The commands with output first: they show what guests did before anything changes it.
    pub(super) fn of(page: &str) -> Result<Self> {
        let mut all = Vec::new();
        for step in guide::steps(page, "console lab") {
            if let Step::Command { line, output } = step {
                ensure!(
                    subcommand(&line).is_some_and(|name| ENDING.contains(&name)),
                    "{line} is no command of pfbctl that the lab can run"
                );
                all.push(Expected {
                    command: line,
                    output: Some(output),
                });
            }
        }
        ensure!(!all.is_empty(), "the page shows no command for the lab");
        for command in guide::named(page, "pfbctl") {
            let name = subcommand(command).unwrap_or_default();
            let is_whole = command.split(' ').count() > 2 || WITHOUT_ARGUMENTS.contains(&name);
            if ENDING.contains(&name) && !is_whole {
                continue;
            }
            if ENDING.contains(&name) {
                all.push(Expected {
                    command: filled(command),
                    output: None,
                });
            } else {
                let others = [&ENDLESS[..], &OF_ANOTHER_MANIFEST, &WITHOUT_DRIVER];
                ensure!(
                    others.iter().any(|others| others.contains(&name)),
                    "the page names {command}, which is in no list of this file"
                );
            }
        }
        Ok(Self(all))
    }

    /// The input of the run: the guests' operations, then the commands, a line each.
    pub(super) fn input(&self) -> Vec<u8> {
        let commands: Vec<&str> = self.0.iter().map(|each| &*each.command).collect();
        format!("{GUESTS}{}\n", commands.join("\n")).into_bytes()
    }

    /// Compares with what the commands printed.
    pub(super) fn judge(&self, finished: &Finished) -> Result<()> {
        let mut lines = finished
            .output
            .lines()
            .skip(GUESTS.lines().count())
            .peekable();
        for Expected { command, output } in &self.0 {
            let prompt = lines.next();
            let prompt = prompt.with_context(|| format!("{command} was not run"))?;
            ensure!(
                prompt.strip_prefix("$ ") == Some(command),
                "{prompt:?} instead of {command}"
            );
            let mut printed = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                printed.push(line);
            }
            let text = printed.join("\n");
            match output {
                Some(shown) if !guide::matches(shown, &printed) => {
                    bail!(
                        "the page shows for {command}\n{}\nbut it is\n{text}",
                        shown.join("\n")
                    );
                }
                None if printed.iter().any(|line| line.starts_with("exit code ")) => {
                    bail!("{command} fails:\n{text}");
                }
                _ => {}
            }
        }
        Ok(())
    }
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
    use std::collections::BTreeMap;

    use super::{Finished, GUESTS, Guide};

    const PAGE: &str = "\
`pfbctl reset N`, `pfbctl publish`, `pfbctl watch` and `pfbctl show FILE`
```console lab
$ pfbctl list
0 […]
```
";

    fn finished(commands: &str) -> Finished {
        let guests = GUESTS.lines().map(|_| "{}\n").collect::<String>();
        Finished {
            output: guests + commands,
            messages: String::new(),
            kernel_log: String::new(),
            violations: Vec::new(),
            events: Vec::new(),
            traces: BTreeMap::new(),
            code: Some(0),
        }
    }

    #[test]
    fn every_command_is_run_and_what_it_prints_is_compared() {
        let guide = Guide::of(PAGE).unwrap();
        let judge = |text: &str| {
            guide
                .judge(&finished(text))
                .map_err(|error| error.to_string())
        };
        assert_eq!(judge("$ pfbctl list\n0 CX\n$ pfbctl reset 3\n"), Ok(()));
        for (text, words) in [
            ("$ pfbctl list\n0 CX\n", "pfbctl reset 3 was not run"),
            (
                "$ pfbctl list\n1 CX\n$ pfbctl reset 3\n",
                "the page shows for pfbctl list",
            ),
            (
                "$ pfbctl list\n0 CX\n$ pfbctl reset 3\nerror\nexit code 1\n",
                "pfbctl reset 3 fails",
            ),
            ("$ pfbctl reset 3\n", "instead of pfbctl list"),
        ] {
            let problem = judge(text).expect_err(words);
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn a_command_that_is_not_run_is_named() {
        for page in [
            &PAGE.replace("watch", "wacht"),
            &PAGE.replace("$ pfbctl list", "$ pfbctl watch"),
            "nothing",
        ] {
            assert!(Guide::of(page).is_err(), "{page}");
        }
    }
}
