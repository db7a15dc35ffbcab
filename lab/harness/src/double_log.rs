//! Reads the log of the KMDF double: a line for each event, and the sentence of a broken rule.

use std::collections::BTreeSet;

/// The rules that were broken.
pub(super) fn violations(log: &str) -> Vec<String> {
    log.lines()
        .filter_map(|line| line.split_once("violation: "))
        .map(|(_, sentence)| sentence.to_owned())
        .collect()
}

/// Devices and drivers that were created and not deleted, and drivers that never unbound. The
/// double checks for leaked objects when a device or driver is deleted, so one that stays was not
/// checked.
pub(super) fn leftovers(log: &str) -> Vec<String> {
    let device = |handle| format!("device {handle} was created and never removed");
    let driver = |handle| format!("driver {handle} was created and never unloaded");
    let binding = |name| format!("{name} was bound to the framework and never unbound");
    let mut left = BTreeSet::new();
    for line in log.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["device", handle, "created"] => left.insert(device(handle)),
            ["device", handle, "removed"] => left.remove(&device(handle)),
            ["driver", handle, "created"] => left.insert(driver(handle)),
            ["driver", handle, "unloaded"] => left.remove(&driver(handle)),
            [name, "bound", ..] => left.insert(binding(name)),
            [name, "unbound"] => left.remove(&binding(name)),
            _ => continue,
        };
    }
    left.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{leftovers, violations};

    const LOG: &str = "pf_broker bound to the KMDF double as version 1.33\n\
                       driver 0xa created\n\
                       device 0xb created\n\
                       device 0xb: Remove\n";

    #[test]
    fn what_was_created_must_go() {
        assert_eq!(
            leftovers(LOG),
            [
                "device 0xb was created and never removed",
                "driver 0xa was created and never unloaded",
                "pf_broker was bound to the framework and never unbound"
            ]
        );
        let rest = "device 0xb removed\ndriver 0xa unloaded\npf_broker unbound\n";
        assert!(leftovers(&format!("{LOG}{rest}")).is_empty());
    }

    #[test]
    fn an_absent_log_has_no_violations() {
        assert!(leftovers("").is_empty());
        assert!(violations("").is_empty());
    }

    #[test]
    fn the_sentence_of_a_broken_rule_is_a_violation() {
        let log = format!("{LOG}violation: a lock is held\n");
        assert_eq!(violations(&log), ["a lock is held"]);
    }
}
