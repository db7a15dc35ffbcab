//! Compares the entries for the System event log with what a run did.

use anyhow::{Result, ensure};

use super::events::checks;
use crate::error_log::{self, LoggedEntry};
use crate::run::Finished;

/// Fails unless the entries of a run are those of `expected`: names of checks, and below each of
/// them the entries that the driver has to write meanwhile. During every other check, and outside
/// of checks, it has to write none.
pub(super) fn compare(expected: &str, written: &[LoggedEntry]) -> Result<()> {
    let mut expected = checks(expected)?;
    for entry in written {
        if !expected.iter().any(|(check, _)| *check == entry.during) {
            expected.push((&entry.during, Vec::new()));
        }
    }
    let mut differences = Vec::new();
    for (check, expected) in expected {
        let during = written.iter().filter(|entry| entry.during == check);
        let entries: Vec<_> = during.map(LoggedEntry::text).collect();
        if entries != expected {
            let (entries, expected) = (entries.join("\n  "), expected.join("\n  "));
            differences.push(format!("{check}\n  {entries}\ninstead of\n  {expected}"));
        }
    }
    ensure!(
        differences.is_empty(),
        "the entries of the event log are\n{}",
        differences.join("\n")
    );
    Ok(())
}

/// Fails unless each failed start has one entry, which has its cause and its values.
pub(super) fn of_failed_starts(finished: &Finished) -> Result<()> {
    let events = finished.events.iter().map(|logged| &logged.event);
    let expected: Vec<_> = events
        .filter(|event| event.name == "StartFailed")
        .map(|event| {
            let sentence = event.text("Sentence").unwrap_or_default();
            let [status, first, second] =
                ["Status", "First", "Second"].map(|field| event.number(field).unwrap_or_default());
            format!(
                "error: device does not start: {sentence} (status 0x{status:08X}, values {first} \
                 and {second})"
            )
        })
        .collect();
    let entries = finished.entries.iter().map(LoggedEntry::text);
    let entries: Vec<_> = entries
        .map(|text| {
            text.split_once(' ')
                .map_or(String::new(), |(_, rest)| rest.to_owned())
        })
        .collect();
    ensure!(
        entries == expected,
        "the entries of the event log are {entries:?} instead of {expected:?}"
    );
    Ok(())
}

/// The identifiers of all messages, as the runner takes them, and what it has to print.
pub(super) fn messages() -> (String, String) {
    let messages = error_log::messages();
    let codes = messages.keys().map(|code| format!("{code:08X}\n"));
    let printed = messages
        .iter()
        .map(|(code, text)| format!("{code:08X} {text}\n"));
    (codes.collect(), printed.collect())
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::error_log::LoggedEntry;

    fn flood(during: &str) -> LoggedEntry {
        LoggedEntry {
            during: during.to_owned(),
            code: 0xA000_0003,
            status: 0,
            strings: ["PCI", "1", "0x00000000", "0", "0", "0"]
                .map(str::to_owned)
                .into(),
        }
    }

    #[test]
    fn entries_are_compared_during_every_check() {
        let text = flood("").text();
        let expected = format!("a veto\n  {text}\n");
        assert!(compare(&expected, &[flood("a veto")]).is_ok());
        for written in [
            vec![],
            vec![flood("a veto"), flood("a veto")],
            vec![flood("a veto"), flood("another check")],
        ] {
            assert!(compare(&expected, &written).is_err(), "{written:?}");
        }
    }
}
