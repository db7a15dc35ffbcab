//! The work of one write: an upper bound, in simple comparisons, of what its evaluation takes.
//!
//! A write is evaluated under the lock of its VF, at the IRQL of the caller. The verifier refuses a
//! block whose writes may take more than [`MAX_WORK`], whatever bytes a VF sends.

use crate::format::{
    BlockRecord, LayoutRecord, NO_CHECKSUM, RuleRecord, Span, covered, entry, list, operand, rule,
};
use crate::rule::following;

/// The most simple comparisons that one write may take: some tens of microseconds.
pub const MAX_WORK: u32 = 4096;

/// A division takes as long as this many comparisons.
const DIVISION: u32 = 8;
/// One comparison takes as long as the search for a byte other than zero among this many.
const ZERO_BYTES: u32 = 8;
/// An entry of a list takes as many comparisons beside its rules and the search for its kind.
const ENTRY: u32 = 3;
/// One comparison takes as long as the CRC of this many bytes.
const CRC_BYTES: u32 = 4;
/// The bytes that a checksum has.
const CHECKSUM_BYTES: u32 = 4;

/// The work of one write, in simple comparisons. A comparison is a rule on one integer, an
/// instruction, or the key of a layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The checksum, and the rules before the choice of a layout.
    pub before: u32,
    /// The choice of a layout, for the written image and for the committed one.
    pub choice: u32,
    /// The rules of the layout with the most work.
    pub layout: u32,
    /// The rules after those of the layout.
    pub after: u32,
}

impl Work {
    /// The work of a write of the block `record`; `rules` gives the rules of a span.
    pub(crate) fn of<'r>(
        record: &BlockRecord,
        layouts: &[LayoutRecord],
        rules: impl Fn(Span) -> &'r [RuleRecord],
    ) -> Self {
        let (offset, length) = (record.checksum_offset, u32::from(record.max_length));
        let checksum = match (offset, record.checksum_covered) {
            (NO_CHECKSUM, _) => 0,
            (_, covered::REST) => length.saturating_sub(u32::from(offset) + CHECKSUM_BYTES),
            _ => offset.into(),
        };
        let tried = layouts
            .iter()
            .map(|layout| u32::from(layout.when.count.get()).saturating_add(1));
        let layout = layouts.iter().map(|layout| of_rules(rules(layout.rules)));
        Self {
            before: checksum
                .div_ceil(CRC_BYTES)
                .saturating_add(of_rules(rules(record.rules))),
            choice: sum(tried).saturating_mul(2),
            layout: layout.max().unwrap_or(0),
            after: of_rules(rules(record.last_rules)),
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(self) -> u32 {
        sum([self.before, self.choice, self.layout, self.after].into_iter())
    }
}

/// The work of `rules`; those of an element count as often as there are elements.
fn of_rules(rules: &[RuleRecord]) -> u32 {
    let mut total = 0_u32;
    let mut rest = rules;
    while let Some((record, behind)) = rest.split_first() {
        let (work, behind) = match record.kind & !rule::COUNTED {
            rule::EACH => {
                let (inner, behind) = following(record, behind);
                let of_inner = of_plain_rules(inner).saturating_mul(record.elements.into());
                (of_rule(record).saturating_add(of_inner), behind)
            }
            rule::LIST => {
                let (entries, behind) = following(record, behind);
                (of_list(record, entries), behind)
            }
            _ => (of_rule(record), behind),
        };
        total = total.saturating_add(work);
        rest = behind;
    }
    total
}

/// The work of rules none of which has rules of its own.
fn of_plain_rules(rules: &[RuleRecord]) -> u32 {
    sum(rules.iter().map(of_rule))
}

/// The work of a list: as many entries as fit of those that take most for their length, and the bytes
/// that must be zero. Entries that occur once are counted apart if that is less.
fn of_list(record: &RuleRecord, entries: &[RuleRecord]) -> u32 {
    let bytes = u32::from(record.elements);
    let header = operand::width(record.operand).saturating_add(operand::width(record.second));
    let (mut kinds, mut once, mut often, mut any) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut rest = entries;
    while let Some((entry, behind)) = rest.split_first() {
        rest = following(entry, behind).1;
        kinds = kinds.saturating_add(1);
    }
    // Reads tag and length, compares the tag with that of each kind, and finds the bytes after it.
    let search = kinds.saturating_add(ENTRY);
    let fill = |work: u32, length: u8| {
        let all = work.saturating_mul(bytes);
        all.div_ceil(u32::from(length.max(header)))
    };
    let mut rest = entries;
    while let Some((entry, behind)) = rest.split_first() {
        let (rules, behind) = following(entry, behind);
        let work = of_plain_rules(rules).saturating_add(search);
        let filled = fill(work, entry.elements);
        if entry.detail & entry::ONCE != 0 {
            once = once.saturating_add(work);
        } else {
            often = often.max(filled);
        }
        any = any.max(filled);
        rest = behind;
    }
    if record.detail & list::SKIP != 0 || record.mask.get() != 0 {
        often = often.max(fill(search, header));
    }
    let entries = once.saturating_add(often).min(any.max(often));
    // The last entry is one more: it ends the list, or is refused.
    sum([entries, search, bytes.div_ceil(ZERO_BYTES)].into_iter())
}

fn of_rule(record: &RuleRecord) -> u32 {
    let count = u32::try_from(record.b.get()).unwrap_or(u32::MAX);
    let each = match record.kind & !rule::COUNTED {
        rule::REQUIRE | rule::REQUIRE_IN_CONTEXT => return count.saturating_add(1),
        rule::COUNT_BY_CODE => {
            let behind = u32::from(record.second).div_ceil(ZERO_BYTES);
            let behind = u32::from(record.elements).saturating_mul(behind);
            return count.saturating_add(1).saturating_add(behind);
        }
        rule::MULTIPLE if !record.a.get().is_power_of_two() => DIVISION,
        // A binary search.
        rule::ONE_OF_LISTED | rule::NONE_OF_LISTED => {
            count.checked_ilog2().unwrap_or(0).saturating_add(1)
        }
        _ => 1,
    };
    u32::from(record.elements).saturating_mul(each)
}

fn sum(parts: impl Iterator<Item = u32>) -> u32 {
    parts.fold(0, u32::saturating_add)
}
