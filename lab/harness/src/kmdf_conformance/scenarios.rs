//! The scenarios of `lab/kmdf/probe`, and what the double must do in each.

mod calls;
mod scenario;
mod violations;

use scenario::keeps;
pub(super) use scenario::{Expectation, Scenario};

const PROMISES: &[Scenario] = &[
    keeps("cleanup-order"),
    keeps("contexts"),
    keeps("completion"),
    keeps("sequential-queue"),
    keeps("cancel-waiting"),
    keeps("forwarding"),
    keeps("work-item"),
    keeps("timer"),
    keeps("without-device"),
    keeps("registry-types"),
];

/// Every scenario.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    PROMISES
        .iter()
        .chain(calls::all())
        .chain(violations::VIOLATIONS)
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
