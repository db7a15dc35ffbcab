//! Verification of rule records.

use super::outcome::{Outcome, ensure, refuse};
use super::reach::{Reach, Sources};
use super::{Verifier, claim};
use crate::MAX_VALUES;
use crate::error::Flaw;
use crate::expression::context_of;
use crate::format::{RuleRecord, operand, owner, rule, sequence};
use crate::image::{place, unused_bits};

impl Verifier<'_> {
    /// Verifies `rules`, which may read the bytes of `sources`.
    pub(super) fn rule_list(&mut self, rules: &[RuleRecord], sources: Sources<'_>) -> Outcome {
        let reach = sources.block;
        let mut count = None;
        for record in rules {
            let at = self.at(record);
            if record.kind & rule::COUNTED != 0 {
                let same = count.is_some_and(|count| same_elements(count, record));
                ensure(same && takes_elements(record.kind), Flaw::Counted, at)?;
            }
            if matches!(record.kind, rule::REQUIRE | rule::REQUIRE_IN_CONTEXT) {
                self.require(record, sources)?;
                continue;
            }
            field_in_reach(record, reach, at)?;
            self.rule(record, reach, at)?;
            if record.kind == rule::COUNT {
                count = Some(record);
            }
        }
        Ok(())
    }

    fn rule(&mut self, record: &RuleRecord, reach: Reach<'_>, at: usize) -> Outcome {
        let (a, b) = (record.a.get(), record.b.get());
        match record.kind & !rule::COUNTED {
            rule::RANGE => ensure(a <= b, Flaw::Range, at)?,
            rule::MASK => ensure(b == 0, Flaw::ReservedNotZero, at)?,
            rule::MULTIPLE => {
                ensure(a != 0, Flaw::Divisor, at)?;
                ensure(b == 0, Flaw::ReservedNotZero, at)?;
            }
            rule::ONE_OF_NEAR | rule::NONE_OF_NEAR => ensure(b != 0, Flaw::Values, at)?,
            rule::ONE_OF_LISTED | rule::NONE_OF_LISTED => self.listed(a, b, at)?,
            rule::TEXT => ensure(
                record.operand == 0 && a == 0 && b == 0,
                Flaw::ReservedNotZero,
                at,
            )?,
            rule::COUNT => {
                ensure(a == 0 && b == 0, Flaw::ReservedNotZero, at)?;
                return integer_in_reach(record.detail, record.second, 1, reach, at);
            }
            rule::SEQUENCE => {
                ensure(record.elements == 1, Flaw::Elements, at)?;
                ensure(a == 0 && b == 0, Flaw::ReservedNotZero, at)?;
                let known = matches!(
                    record.detail,
                    sequence::STRICT | sequence::NON_DECREASING | sequence::SERIAL | sequence::NEXT
                );
                ensure(known, Flaw::SequenceKind, at)?;
                let owned = record.second != 0 && record.second & !(owner::VF | owner::PF) == 0;
                return ensure(owned, Flaw::Owner, at);
            }
            _ => return refuse(Flaw::RuleKind, at),
        }
        ensure(
            record.detail == 0 && record.second == 0,
            Flaw::ReservedNotZero,
            at,
        )
    }

    fn require(&mut self, record: &RuleRecord, sources: Sources<'_>) -> Outcome {
        let at = self.at(record);
        let unused = [
            record.offset,
            record.operand,
            record.elements,
            record.start,
            record.shift,
            record.second,
        ];
        let unused = unused == [0; 6] && record.mask.get() == 0;
        ensure(unused, Flaw::ReservedNotZero, at)?;
        let (context, sources) = if record.kind == rule::REQUIRE {
            ensure(record.detail == 0, Flaw::ReservedNotZero, at)?;
            (None, Sources::block(sources.block))
        } else {
            (Some(record.detail), sources)
        };
        let (start, count) = (record.a.get(), record.b.get());
        self.expression(start, count, sources, at)?;
        let reads = context_of(self.table.code(start, count));
        ensure(reads == context, Flaw::Context, at)
    }

    fn listed(&mut self, start: u64, count: u64, at: usize) -> Outcome {
        let fits = (1..=MAX_VALUES as u64).contains(&count);
        let claimed = claim(&mut self.next.values, start, count, self.table.values.len());
        let ascending = self
            .table
            .values(start, count)
            .is_sorted_by(|one, next| one.get() < next.get());
        ensure(fits && claimed && ascending, Flaw::Values, at)
    }
}

/// Whether a rule of `kind` checks each element by itself.
const fn takes_elements(kind: u8) -> bool {
    matches!(
        kind & !rule::COUNTED,
        rule::RANGE
            | rule::MASK
            | rule::MULTIPLE
            | rule::ONE_OF_NEAR
            | rule::ONE_OF_LISTED
            | rule::NONE_OF_NEAR
            | rule::NONE_OF_LISTED
    )
}

fn same_elements(one: &RuleRecord, other: &RuleRecord) -> bool {
    (one.offset, one.operand, one.elements) == (other.offset, other.operand, other.elements)
}

fn field_in_reach(record: &RuleRecord, reach: Reach<'_>, at: usize) -> Outcome {
    ensure(record.elements != 0, Flaw::Elements, at)?;
    integer_in_reach(record.offset, record.operand, record.elements, reach, at)?;
    let (start, lowest) = place(record.offset, record.operand);
    let all_bits = u64::MAX >> unused_bits(record.operand);
    let whole = record.shift == lowest && record.mask.get() == all_bits;
    let placed = record.start == start && (whole || selects_bits(record, lowest, all_bits));
    ensure(placed, Flaw::Place, at)
}

/// Whether the rule judges consecutive bits of a single integer, whose bits are `all_bits` after a
/// right shift by `lowest`.
fn selects_bits(record: &RuleRecord, lowest: u8, all_bits: u64) -> bool {
    let alone = record.elements == 1 && record.kind & rule::COUNTED == 0;
    let mask = record.mask.get();
    let consecutive = mask != 0 && mask & mask.wrapping_add(1) == 0;
    let below = record.shift.checked_sub(lowest);
    let above = below.and_then(|below| all_bits.checked_shr(below.into()));
    alone
        && takes_elements(record.kind)
        && consecutive
        && above.is_some_and(|above| mask & !above == 0)
}

/// Verifies that `elements` integers from `offset` lie in `reach`.
fn integer_in_reach(offset: u8, shape: u8, elements: u8, reach: Reach<'_>, at: usize) -> Outcome {
    ensure(shape & !operand::ALL == 0, Flaw::Operand, at)?;
    let start = usize::from(offset);
    let end = start + usize::from(operand::width(shape)) * usize::from(elements);
    reach.contains(start, end, at)
}
