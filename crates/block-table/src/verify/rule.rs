//! Verification of rule records.

use super::outcome::{Outcome, ensure, refuse};
use super::reach::{Reach, Sources};
use super::{Verifier, claim};
use crate::MAX_VALUES;
use crate::error::Flaw;
use crate::expression::context_of;
use crate::format::{RuleRecord, mac, operand, owner, rule, sequence};
use crate::image::{place, unused_bits};

impl Verifier<'_> {
    /// Verifies `rules`, which may read the bytes of `sources`.
    pub(super) fn rule_list(&mut self, rules: &[RuleRecord], sources: Sources<'_>) -> Outcome {
        let mut count = None;
        let mut rest = rules.iter();
        while let Some(record) = rest.next() {
            self.counted(record, count)?;
            match record.kind & !rule::COUNTED {
                rule::EACH => {
                    let (inner, behind) = self.each(record, rest.as_slice(), sources.block)?;
                    self.element_rules(inner, sources.element(record.detail))?;
                    rest = behind.iter();
                }
                rule::LIST => rest = self.list(record, rest.as_slice(), sources)?.iter(),
                rule::ENTRY => return refuse(Flaw::Entry, self.at(record)),
                _ => self.one_rule(record, sources, &mut count)?,
            }
        }
        Ok(())
    }

    /// Verifies the rules of an element or an entry, which has no elements, entries and sequences.
    pub(super) fn element_rules(&mut self, rules: &[RuleRecord], sources: Sources<'_>) -> Outcome {
        let mut count = None;
        for record in rules {
            let known = !matches!(
                record.kind & !rule::COUNTED,
                rule::EACH | rule::SEQUENCE | rule::LIST | rule::ENTRY
            );
            ensure(known, Flaw::Each, self.at(record))?;
            self.counted(record, count)?;
            self.one_rule(record, sources, &mut count)?;
        }
        Ok(())
    }

    /// Verifies that a rule on counted elements follows the rule `count` of the same field.
    fn counted(&self, record: &RuleRecord, count: Option<&RuleRecord>) -> Outcome {
        let same = || count.is_some_and(|count| same_elements(count, record));
        let follows = record.kind & rule::COUNTED == 0
            || same() && (takes_elements(record.kind) || record.kind == rule::EACH | rule::COUNTED);
        ensure(follows, Flaw::Counted, self.at(record))
    }

    /// Verifies a rule that is none on structures, and keeps it in `count` if it counts elements.
    fn one_rule<'r>(
        &mut self,
        record: &'r RuleRecord,
        sources: Sources<'_>,
        count: &mut Option<&'r RuleRecord>,
    ) -> Outcome {
        let at = self.at(record);
        match record.kind {
            rule::REQUIRE | rule::REQUIRE_IN_CONTEXT => return self.require(record, sources),
            rule::COUNT_BY_CODE => {
                *count = Some(record);
                return self.count_by_code(record, sources);
            }
            rule::COUNT => *count = Some(record),
            _ => {}
        }
        field_in_reach(record, sources.block, at)?;
        self.rule(record, sources.block, at)
    }

    /// Verifies a rule on structures, and splits `rest` after the rules of one structure.
    fn each<'r>(
        &self,
        record: &RuleRecord,
        rest: &'r [RuleRecord],
        reach: Reach<'_>,
    ) -> Outcome<(&'r [RuleRecord], &'r [RuleRecord])> {
        let at = self.at(record);
        let unused = [record.operand, record.start, record.shift, record.second];
        let unused = unused == [0; 4] && record.mask.get() == 0 && record.b.get() == 0;
        ensure(unused, Flaw::ReservedNotZero, at)?;
        in_reach(record.offset, record.detail, record.elements, reach, at)?;
        let inner = usize::try_from(record.a.get()).unwrap_or(usize::MAX);
        match rest.split_at_checked(inner) {
            Some((rules, rest)) if inner > 0 => Ok((rules, rest)),
            _ => refuse(Flaw::Each, at),
        }
    }

    /// Verifies a count that instructions compute.
    fn count_by_code(&mut self, record: &RuleRecord, sources: Sources<'_>) -> Outcome {
        let at = self.at(record);
        let unused = record.start == 0 && record.shift == 0 && record.mask.get() == 0;
        ensure(unused, Flaw::ReservedNotZero, at)?;
        ensure(record.operand & !operand::ALL == 0, Flaw::Operand, at)?;
        let reach = sources.block;
        in_reach(
            record.offset,
            record.second.max(1),
            record.elements,
            reach,
            at,
        )?;
        in_reach(record.detail, 1, 1, reach, at)?;
        let (start, count) = (record.a.get(), record.b.get());
        self.expression(start, count, sources.of_count(), at)
    }

    fn rule(&mut self, record: &RuleRecord, reach: Reach<'_>, at: usize) -> Outcome {
        let (a, b) = (record.a.get(), record.b.get());
        match record.kind & !rule::COUNTED {
            rule::RANGE => ensure(a <= b, Flaw::Range, at)?,
            rule::SIGNED_RANGE => {
                let all_bits = u64::MAX >> unused_bits(record.operand);
                let whole = record.mask.get() == all_bits;
                ensure(whole && a <= all_bits && b <= all_bits, Flaw::Range, at)?;
            }
            rule::MASK => ensure(b == 0, Flaw::ReservedNotZero, at)?,
            rule::CLEAR => {
                ensure(a != 0 && b == 0, Flaw::ReservedNotZero, at)?;
            }
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
            rule::MAC => {
                ensure(record.operand == 0, Flaw::Operand, at)?;
                ensure(record.elements == mac::LENGTH, Flaw::Elements, at)?;
                ensure(
                    a == 0 && b == 0 && record.second == 0,
                    Flaw::ReservedNotZero,
                    at,
                )?;
                let known = matches!(record.detail, mac::UNICAST | mac::MULTICAST | mac::NONZERO);
                return ensure(known, Flaw::Mac, at);
            }
            rule::COUNT => {
                ensure(a == 0 && b == 0, Flaw::ReservedNotZero, at)?;
                return integer_in_reach(record.detail, record.second, 1, reach, at);
            }
            rule::SEQUENCE => {
                ensure(record.elements == 1, Flaw::Elements, at)?;
                ensure(a == 0 && b == 0, Flaw::ReservedNotZero, at)?;
                let known = matches!(
                    record.detail,
                    sequence::STRICT
                        | sequence::NON_DECREASING
                        | sequence::SERIAL
                        | sequence::NEXT
                        | sequence::SIGNED_STRICT
                        | sequence::SIGNED_NON_DECREASING
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
            | rule::CLEAR
            | rule::SIGNED_RANGE
    )
}

fn same_elements(one: &RuleRecord, other: &RuleRecord) -> bool {
    (one.offset, one.operand, one.elements) == (other.offset, other.operand, other.elements)
}

fn field_in_reach(record: &RuleRecord, reach: Reach<'_>, at: usize) -> Outcome {
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
    in_reach(offset, operand::width(shape), elements, reach, at)
}

/// Verifies that there are elements, and that as many of `width` bytes from `offset` lie in `reach`.
pub(super) fn in_reach(
    offset: u8,
    width: u8,
    elements: u8,
    reach: Reach<'_>,
    at: usize,
) -> Outcome {
    ensure(elements != 0 && width != 0, Flaw::Elements, at)?;
    let start = usize::from(offset);
    let end = start + usize::from(width) * usize::from(elements);
    reach.contains(start, end, at)
}
