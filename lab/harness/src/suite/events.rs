//! Compares the events of a run with the driver's list of events, and with what the run did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow, ensure};
use pf_state::event::{ALL, COMPANION_REFUSED, START_FAILED, WAITING_FOR_REFERENCES};

use crate::etw_event::Event;
use crate::etw_log::LoggedEvent;

/// The numeric fields of every event, and the value of each in an event that does not use it.
const NUMBERS: [(&str, u64); 4] = [("Vf", 65535), ("Status", 0), ("First", 0), ("Second", 0)];

/// Fails for an event that is not in the driver's list, has another level or sentence there, or
/// does not identify its PF. `paths` says whether the driver could read the path of the PF's
/// interface.
pub(super) fn listed(written: &[LoggedEvent], paths: bool) -> Result<()> {
    let kinds = BTreeMap::from(ALL.map(|kind| (kind.name(), kind)));
    for LoggedEvent { event, .. } in written {
        let kind = kinds.get(event.name.as_str());
        let kind = kind.with_context(|| format!("no event of the driver: {event}"))?;
        ensure!(event.level == kind.level(), "another level: {event}");
        let sentence = event.text("Sentence").unwrap_or_default();
        // The events of a start and of a companion have the sentence of their cause.
        let has_cause = [&raw const START_FAILED, &raw const COMPANION_REFUSED]
            .iter()
            .any(|with_cause| std::ptr::eq(*kind, *with_cause));
        let is_right = if has_cause {
            !sentence.is_empty()
        } else {
            kind.sentence().to_str() == Ok(sentence)
        };
        ensure!(is_right, "another sentence: {event}");
        let of_the_driver = std::ptr::eq(*kind, &raw const WAITING_FOR_REFERENCES)
            // Or a device that could not be added.
            || std::ptr::eq(*kind, &raw const START_FAILED) && event.number("Pf") == Some(0);
        let path = event.text("Interface").unwrap_or_default();
        let names_its_pf = if of_the_driver {
            event.number("Pf") == Some(0) && path.is_empty()
        } else {
            event.number("Pf").is_some_and(|luid| luid != 0) && (!paths || is_path_of_pf(path))
        };
        ensure!(names_its_pf, "it does not name its PF: {event}");
    }
    Ok(())
}

/// Whether a path is that of a PF's management interface: a PCI device's, with the class of
/// `pf_broker_abi::INTERFACE_CLASS`.
fn is_path_of_pf(path: &str) -> bool {
    let path = path.to_lowercase();
    path.starts_with(r"\??\pci#ven_") && path.ends_with("#{fe9e9c19-f427-4ff9-ae4b-d3f3d0bcc141}")
}

/// The driver's events that are not in `written`.
pub(super) fn missing(written: &BTreeSet<String>) -> Vec<&'static str> {
    let names = ALL.iter().map(|kind| kind.name());
    names.filter(|name| !written.contains(*name)).collect()
}

/// Fails unless the events during each check that `expected` names are those listed below it, and
/// no others. Events during other checks are ignored, and so are those of the companion, which the
/// function driver below each filter is, unless one of them is listed.
///
/// An event's line has its name, and of its numbers those that are not as [`NUMBERS`] has them.
pub(super) fn compare(expected: &str, written: &[LoggedEvent]) -> Result<()> {
    let has_companion = expected.contains("\n  Companion");
    let is_compared = |event: &Event| has_companion || !event.name.starts_with("Companion");
    for (check, expected) in checks(expected)? {
        let events = written
            .iter()
            .filter(|logged| logged.during == check && is_compared(&logged.event));
        let lines: Vec<_> = events.map(|logged| line(&logged.event)).collect();
        ensure!(
            lines == expected,
            "{check}: the events are\n        {}\n      instead of\n        {}",
            lines.join("\n        "),
            expected.join("\n        ")
        );
    }
    Ok(())
}

/// The names of checks, and below each of them, indented, the events.
pub(super) fn checks(text: &str) -> Result<Vec<(&str, Vec<&str>)>> {
    let mut checks: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(event) = line.strip_prefix("  ") {
            let (_, events) = checks
                .last_mut()
                .ok_or_else(|| anyhow!("{event} is below no check"))?;
            events.push(event);
        } else {
            checks.push((line, Vec::new()));
        }
    }
    Ok(checks)
}

fn line(event: &Event) -> String {
    let mut line = event.name.clone();
    for (field, usual) in NUMBERS {
        if let Some(value) = event.value(field)
            && event.number(field) != Some(usual)
        {
            // Writing to a string cannot fail.
            let _ = write!(line, " {field} {value}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, Event, LoggedEvent, compare, listed, missing};
    use crate::etw_event::Value;

    const PATH: &str = r"\??\PCI#VEN_15B3&DEV_1#1#{FE9E9C19-F427-4FF9-AE4B-D3F3D0BCC141}";

    fn event(name: &str, level: u8, pf: u64, path: &str, sentence: &str) -> Event {
        let text = |text: &str| Value::Text(text.to_owned());
        let fields = [
            ("Pf", Value::Hexadecimal(pf)),
            ("Interface", text(path)),
            ("Vf", Value::Unsigned(1)),
            ("Status", Value::Hexadecimal(0)),
            ("First", Value::Unsigned(1)),
            ("Second", Value::Unsigned(0)),
            ("Sentence", text(sentence)),
        ];
        Event {
            name: name.to_owned(),
            level,
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    fn reset(pf: u64, path: &str) -> Event {
        event("VfReset", 4, pf, path, "A VF was reset.")
    }

    fn logged(during: &str, event: Event) -> LoggedEvent {
        LoggedEvent {
            during: during.to_owned(),
            event,
        }
    }

    /// Whether an event is as the list has it, when the driver could read its interface's path.
    fn is_listed(event: Event) -> bool {
        listed(&[logged("", event)], true).is_ok()
    }

    #[test]
    fn events_are_compared_below_the_checks_that_are_named() {
        let written = ["a reset", "another"].map(|check| logged(check, reset(2, PATH)));
        assert!(compare("a reset\n  VfReset Vf 1 First 1\n", &written).is_ok());
        for other in [
            "  VfReset Vf 1\n",
            "",
            "  VfReset Vf 1 First 1\n  Removed\n",
        ] {
            assert!(compare(&format!("a reset\n{other}"), &written).is_err());
        }
        assert!(compare("silence\n", &written).is_ok());
        assert!(compare("  VfReset\n", &written).is_err());
    }

    #[test]
    fn an_event_has_the_level_and_sentence_that_the_list_has() {
        let reset = |name, level, sentence| is_listed(event(name, level, 2, PATH, sentence));
        assert!(reset("VfReset", 4, "A VF was reset."));
        assert!(!reset("Reset", 4, "A VF was reset."));
        assert!(!reset("VfReset", 3, "A VF was reset."));
        assert!(!reset("VfReset", 4, "It was reset."));
        let failed = |sentence| is_listed(event("StartFailed", 2, 0, "", sentence));
        assert!(failed("Why."));
        assert!(!failed(""));
    }

    #[test]
    fn an_event_names_its_pf() {
        assert!(!is_listed(reset(0, PATH)));
        let other_path = || reset(2, r"\??\ROOT#1");
        assert!(!is_listed(other_path()));
        assert!(listed(&[logged("", other_path())], false).is_ok());
        let unload = |pf| {
            let sentence =
                "The unload waits until the interfaces of removed devices are given back.";
            is_listed(event("WaitingForReferences", 3, pf, "", sentence))
        };
        assert!(unload(0));
        assert!(!unload(1));
    }

    #[test]
    fn an_event_that_no_run_had_is_missing() {
        let all = missing(&BTreeSet::new());
        assert_eq!(all.len(), ALL.len());
        let first = BTreeSet::from([all[0].to_owned()]);
        assert_eq!(missing(&first), all[1..]);
    }
}
