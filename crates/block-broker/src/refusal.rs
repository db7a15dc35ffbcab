//! Maps a broken rule of the manifest to its refusal, and to the place of the fault.

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

/// Why an operation is refused, and where in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    /// See [`Event::fault`](crate::Event::fault).
    pub(crate) fault: Option<u8>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            fault: None,
        }
    }
}

impl From<Violation> for Refused {
    fn from(violation: Violation) -> Self {
        Self {
            refusal: refusal_of(violation),
            fault: violation.place(),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        refused.refusal
    }
}
