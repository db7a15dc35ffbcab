//! Maps a broken rule of the manifest to its refusal.

use block_table::{Rule, Violation};
use pf_broker_abi::Refusal;

/// The refusal of a write or publish that breaks a rule of the manifest; each kind of rule has its
/// own.
#[must_use]
pub const fn refusal_of(violation: Violation) -> Refusal {
    match violation.rule {
        Rule::Checksum => Refusal::Checksum,
        Rule::Reserved => Refusal::Reserved,
        Rule::Value => Refusal::Value,
        Rule::Text => Refusal::Text,
        Rule::Count => Refusal::Count,
        Rule::Layout => Refusal::Layout,
        Rule::Require => Refusal::Require,
        Rule::Sequence => Refusal::Sequence,
        Rule::Overflow => Refusal::Overflow,
        Rule::List(_) => Refusal::List,
    }
}
