//! The scenarios of `lab/kmdf/probe`, and what the double must do in each.

mod breaches;
mod calls;

use kmdf_rules::violation::Rule;

/// One start of the probe.
pub(super) struct Scenario {
    /// The name that the probe knows.
    pub(super) name: &'static str,
    pub(super) expectation: Expectation,
}

/// How a scenario ends.
pub(super) enum Expectation {
    /// With this rule broken and this sentence, `#` standing for handles.
    Stops(Rule, &'static str),
    /// Every promise of the framework kept.
    Keeps,
    /// With these calls in this order, in groups that several scenarios share. A level is named when
    /// it is not `PASSIVE_LEVEL`.
    Calls(&'static [&'static [&'static str]]),
}

const fn stops(rule: Rule, name: &'static str, sentence: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Stops(rule, sentence),
    }
}

const fn keeps(name: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Keeps,
    }
}

const fn calls(name: &'static str, groups: &'static [&'static [&'static str]]) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Calls(groups),
    }
}

const PROMISES: &[Scenario] = &[
    keeps("cleanup-order"),
    keeps("reference-postpones-destruction"),
    keeps("contexts"),
    keeps("completion"),
    keeps("sequential-queue"),
    keeps("cancel-waiting"),
    keeps("cancel-marked"),
    keeps("purge"),
    keeps("work-item"),
    keeps("without-device"),
    keeps("locks"),
    keeps("registry-types"),
];

/// Every scenario.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    PROMISES
        .iter()
        .chain(calls::ORDER)
        .chain(calls::QUEUES)
        .chain(calls::OTHERS)
        .chain(breaches::BREACHES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kmdf_rules::violation::Rule;
    use strum::IntoEnumIterator as _;

    use super::{Expectation, all};

    #[test]
    fn no_scenario_is_listed_twice() {
        let names: BTreeSet<_> = all().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all().count());
    }

    /// A panic of the double is its own defect, which no driver can be made to cause.
    #[test]
    fn every_rule_that_a_driver_can_break_has_a_scenario() {
        let broken: Vec<Rule> = all()
            .filter_map(|scenario| match scenario.expectation {
                Expectation::Stops(rule, _) => Some(rule),
                Expectation::Keeps | Expectation::Calls(_) => None,
            })
            .collect();
        let missing: Vec<Rule> = Rule::iter()
            .filter(|rule| !broken.contains(rule) && *rule != Rule::Panic)
            .collect();
        assert_eq!(missing, []);
    }
}
