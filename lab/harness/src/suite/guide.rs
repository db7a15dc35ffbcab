//! The commands of docs/administrators.md for a host with the driver, which `pfbctl.exe` runs
//! against the image.

use anyhow::{Context as _, Error, Result, ensure};
use end_to_end::host_guide::{self, GUESTS, HostCommand};

use crate::run::Finished;

/// Commands in the order in which they are run.
pub(super) struct Guide(Vec<HostCommand>);

impl Guide {
    /// The commands of the page.
    pub(super) fn of(page: &str) -> Result<Self> {
        host_guide::commands(page).map(Self).map_err(Error::msg)
    }

    /// The input of the run: the guests' operations, then the commands, a line each.
    pub(super) fn input(&self) -> Vec<u8> {
        let commands: Vec<&str> = self.0.iter().map(|each| &*each.line).collect();
        format!("{GUESTS}{}\n", commands.join("\n")).into_bytes()
    }

    /// Compares with what the commands printed.
    pub(super) fn judge(&self, finished: &Finished) -> Result<()> {
        let mut lines = finished
            .output
            .lines()
            .skip(GUESTS.lines().count())
            .peekable();
        for command in &self.0 {
            let line = &command.line;
            let prompt = lines.next();
            let prompt = prompt.with_context(|| format!("{line} was not run"))?;
            ensure!(
                prompt.strip_prefix("$ ") == Some(line),
                "{prompt:?} instead of {line}"
            );
            let mut printed = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                printed.push(line);
            }
            command.judge(&printed).map_err(Error::msg)?;
        }
        Ok(())
    }
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
            entries: Vec::new(),
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
}
