//! Reads the log of the ETW double: a line for each event, and for the beginning and the end of each
//! registration. Before each of its checks the runner writes a line with the name of the check.

use std::collections::BTreeSet;

use anyhow::Result;
use etw_rules::event::Event;

/// The name for the time before the first check, and for a run without checks.
const BEGINNING: &str = "the beginning";

/// An event, and the check during which the driver wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    /// The name of the check.
    pub(crate) during: String,
    pub(crate) event: Event,
}

/// The events, in order.
///
/// # Errors
/// When a line that begins like an event is none.
pub(super) fn events(log: &str) -> Result<Vec<LoggedEvent>> {
    let mut during = BEGINNING;
    let mut told = Vec::new();
    for line in log.lines() {
        if let Some(check) = line.strip_prefix("check ") {
            during = check;
        } else if line.starts_with("event ") {
            told.push(LoggedEvent {
                during: during.to_owned(),
                event: line.parse()?,
            });
        }
    }
    Ok(told)
}

/// Registrations that did not end.
pub(super) fn leftovers(log: &str) -> Vec<String> {
    let mut left = BTreeSet::new();
    for line in log.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["registration", handle, "of", id, "made"] => {
                left.insert((handle, id));
            }
            ["registration", handle, "ended"] => left.retain(|(other, _)| *other != handle),
            _ => {}
        }
    }
    let sentence = |(handle, id)| format!("registration {handle} of {id} was never unregistered");
    left.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::{events, leftovers};

    const LOG: &str = "registration 0xa of 1-2 made\n\
                       registration 0xa is Broker\n\
                       event Attached level 4: Vf 65535\n\
                       check a removal\n\
                       event Removed level 4: Vf 65535\n\
                       registration 0xb of 1-2 made\n";

    #[test]
    fn what_was_registered_must_be_unregistered() {
        assert_eq!(
            leftovers(LOG),
            [
                "registration 0xa of 1-2 was never unregistered",
                "registration 0xb of 1-2 was never unregistered"
            ]
        );
        let rest = "registration 0xb ended\nregistration 0xa ended\n";
        assert!(leftovers(&format!("{LOG}{rest}")).is_empty());
    }

    #[test]
    fn events_are_read_with_the_check_that_they_belong_to() {
        let events = events(LOG).unwrap();
        let told: Vec<_> = events
            .iter()
            .map(|told| (told.during.as_str(), told.event.name.as_str()))
            .collect();
        let expected = [("the beginning", "Attached"), ("a removal", "Removed")];
        assert_eq!(told, expected);
        assert!(super::events("event nothing").is_err());
    }
}
