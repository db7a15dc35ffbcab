//! The events that the driver told, against its list of them and against what the run did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow, ensure};
use etw_rules::event::Event;
use etw_rules::metadata::Description;
use pf_state::event::{ALL, Kind, START_FAILED};

use crate::lab::etw_log::Told;

/// The fields of every event that are numbers, and what each holds where an event has no use for it.
const NUMBERS: [(&str, u64); 4] = [("Vf", 65535), ("Status", 0), ("First", 0), ("Second", 0)];

/// The name that an event's own metadata give it.
fn name(kind: &Kind) -> Result<String> {
    let description = Description::read(kind.metadata());
    Ok(description.context("a kind of event")?.name)
}

/// Fails for an event that is not in the driver's list, or has another level or sentence there.
pub(super) fn listed(told: &[Told]) -> Result<()> {
    let kinds = ALL.map(|kind| name(kind).map(|name| (name, kind)));
    let kinds: BTreeMap<_, _> = kinds.into_iter().collect::<Result<_>>()?;
    for Told { event, .. } in told {
        let kind = kinds.get(&event.name);
        let kind = kind.with_context(|| format!("no event of the driver: {event}"))?;
        ensure!(event.level == kind.level(), "another level: {event}");
        let sentence = event.text("Sentence").unwrap_or_default();
        // The event of a start has the sentence of its cause.
        let is_right = if std::ptr::eq(*kind, &raw const START_FAILED) {
            !sentence.is_empty()
        } else {
            kind.sentence().to_str() == Ok(sentence)
        };
        ensure!(is_right, "another sentence: {event}");
    }
    Ok(())
}

/// Those of the driver's events that are not among these.
pub(super) fn missing(told: &BTreeSet<String>) -> Result<Vec<String>> {
    let names: BTreeSet<_> = ALL.map(name).into_iter().collect::<Result<_>>()?;
    Ok(names.difference(told).cloned().collect())
}

/// Fails unless during each check that `expected` names the events were those that are listed below
/// it, and no others. What checks told that it does not name is not looked at.
///
/// An event's line has its name, and of its numbers those that are not as [`NUMBERS`] has them.
pub(super) fn compare(expected: &str, told: &[Told]) -> Result<()> {
    for (check, expected) in checks(expected)? {
        let events = told.iter().filter(|told| told.during == check);
        let told: Vec<_> = events.map(|told| line(&told.event)).collect();
        ensure!(
            told == expected,
            "{check}: told were the events\n        {}\n      instead of\n        {}",
            told.join("\n        "),
            expected.join("\n        ")
        );
    }
    Ok(())
}

/// The names of checks, and below each of them, indented, the events.
fn checks(text: &str) -> Result<Vec<(&str, Vec<&str>)>> {
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

    use super::{Told, compare, listed, missing};

    const RESET: &str = "event VfReset level 4: Vf 1, Status 0x00000000, First 1, Second 0, \
                         Sentence \"A VF was reset.\"";

    fn told(during: &str, event: &str) -> Told {
        Told {
            during: during.to_owned(),
            event: event.parse().unwrap(),
        }
    }

    #[test]
    fn events_are_compared_below_the_checks_that_are_named() {
        let told = [told("a reset", RESET), told("another", RESET)];
        assert!(compare("a reset\n  VfReset Vf 1 First 1\n", &told).is_ok());
        for other in [
            "  VfReset Vf 1\n",
            "",
            "  VfReset Vf 1 First 1\n  Removed\n",
        ] {
            assert!(compare(&format!("a reset\n{other}"), &told).is_err());
        }
        assert!(compare("silence\n", &told).is_ok());
        assert!(compare("  VfReset\n", &told).is_err());
    }

    #[test]
    fn an_event_has_the_level_and_sentence_that_the_list_has() {
        assert!(listed(&[told("", RESET)]).is_ok());
        for (right, wrong) in [("VfReset", "Reset"), ("level 4", "level 3"), ("A VF", "It")] {
            assert!(listed(&[told("", &RESET.replacen(right, wrong, 1))]).is_err());
        }
        let cause = "event StartFailed level 2: Sentence \"Why.\"";
        assert!(listed(&[told("", cause)]).is_ok());
        assert!(listed(&[told("", &cause.replace("Why.", ""))]).is_err());
    }

    #[test]
    fn what_nobody_told_is_missing() {
        assert_eq!(missing(&BTreeSet::new()).unwrap().len(), 12);
    }
}
