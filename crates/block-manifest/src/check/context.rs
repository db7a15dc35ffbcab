//! What every check reads and where it reports.

use crate::diagnostic::Sink;
use crate::expression::analysis::Budget;
use crate::expression::scope::UsedBlock;
use crate::model::Field;
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
    /// The names of all blocks.
    pub(crate) blocks: &'c [String],
    /// The work that may be spent on the conditions of one block.
    pub(crate) budget: &'c Budget,
    /// The work that may be spent on warnings about one block.
    pub(crate) overflow_budget: &'c Budget,
    /// The writes of one block, which its conditions judge.
    pub(crate) writes: Writes<'c>,
}

/// The writes of a block: what its conditions may read beside its bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Writes<'c> {
    /// The shortest and the longest one.
    pub(crate) lengths: (u8, u8),
    /// Whether the VF writes the block.
    pub(crate) by_vf: bool,
    /// Whether host software publishes it.
    pub(crate) by_pf: bool,
    /// The blocks in its `uses`, each at its place.
    pub(crate) used: &'c [UsedBlock<'c>],
    /// The fields of the block, for the rules of an element.
    pub(crate) whole: &'c [&'c Field],
}
