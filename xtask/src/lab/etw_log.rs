//! What the double of Event Tracing wrote to its log: a line for each event, and for the beginning
//! and the end of each registration.

use std::collections::BTreeSet;

use anyhow::Result;
use etw_rules::event::Event;

/// The events, in order.
///
/// # Errors
/// When a line that begins like an event is none.
pub(super) fn events(log: &str) -> Result<Vec<Event>> {
    let lines = log.lines().filter(|line| line.starts_with("event "));
    lines.map(|line| Ok(line.parse()?)).collect()
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
    fn events_are_read_and_nothing_else() {
        let events = events(LOG).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].number("Vf"), Some(65535));
        assert!(super::events("event nothing").is_err());
    }
}
