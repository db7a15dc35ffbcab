//! A scenario and how it ends.

use kmdf_rules::violation::Rule;

/// One start of the probe.
pub(in crate::kmdf_conformance) struct Scenario {
    /// The name that the probe knows.
    pub(in crate::kmdf_conformance) name: &'static str,
    pub(in crate::kmdf_conformance) expectation: Expectation,
}

/// How a scenario ends.
pub(in crate::kmdf_conformance) enum Expectation {
    /// With this rule broken and this sentence, `#` standing for handles.
    Stops(Rule, &'static str),
    /// Every promise of the framework kept.
    Keeps,
    /// With these calls in this order, in groups that several scenarios share. A level is named
    /// when it is not `PASSIVE_LEVEL`.
    Calls(&'static [&'static [&'static str]]),
}

pub(super) const fn stops(rule: Rule, name: &'static str, sentence: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Stops(rule, sentence),
    }
}

pub(super) const fn keeps(name: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Keeps,
    }
}

pub(super) const fn calls(
    name: &'static str,
    groups: &'static [&'static [&'static str]],
) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Calls(groups),
    }
}
