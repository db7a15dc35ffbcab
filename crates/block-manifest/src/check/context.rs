//! What every check reads and where it reports.

use crate::diagnostic::Sink;
use crate::expression::analysis::Budget;
use crate::syntax;

/// What every check needs.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    /// The manifest's text.
    pub(crate) text: &'c str,
    pub(crate) sink: &'c Sink,
    pub(crate) constants: &'c [syntax::Constant],
    /// Whether every constant is among them.
    pub(crate) knows_constants: bool,
    pub(crate) enums: &'c [syntax::Enum],
    /// Whether every enumeration is among them.
    pub(crate) knows_enums: bool,
    /// The work that may be spent on the conditions of one block.
    pub(crate) budget: &'c Budget,
}
