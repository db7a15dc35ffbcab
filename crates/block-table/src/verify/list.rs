//! Verification of lists and their entries.

use super::Verifier;
use super::outcome::{Outcome, ensure, refuse};
use super::reach::Sources;
use super::rule::in_reach;
use crate::MAX_ENTRIES;
use crate::error::Flaw;
use crate::format::{RuleRecord, entry, list, operand, owner, rule};
use crate::image::unused_bits;

impl Verifier<'_> {
    /// Verifies a rule on a list with the entries at the beginning of `rest`, and returns the rules
    /// after these.
    pub(super) fn list<'r>(
        &mut self,
        record: &RuleRecord,
        rest: &'r [RuleRecord],
        sources: Sources<'_>,
    ) -> Outcome<&'r [RuleRecord]> {
        let at = self.at(record);
        let unused = record.start == 0 && record.shift == 0;
        ensure(unused, Flaw::ReservedNotZero, at)?;
        let shapes = record.operand | record.second;
        ensure(shapes & !operand::ALL == 0, Flaw::Operand, at)?;
        in_reach(record.offset, 1, record.elements, sources.block, at)?;
        let largest = u64::MAX >> unused_bits(record.operand);
        let end = if record.detail & list::END == 0 {
            record.b.get() == 0
        } else {
            record.b.get() <= largest
        };
        let known = record.detail & !list::ALL == 0 && record.mask.get() <= largest;
        let behind = record.detail & (list::END | list::ANY_BEHIND) != list::ANY_BEHIND;
        let fits = record.elements >= header(record);
        ensure(known && end && behind && fits, Flaw::List, at)?;
        self.list_owners(record, sources, at)?;
        let inner = usize::try_from(record.a.get()).unwrap_or(usize::MAX);
        let Some((entries, behind)) = rest.split_at_checked(inner) else {
            return refuse(Flaw::Entry, at);
        };
        self.entries(record, entries, sources)?;
        Ok(behind)
    }

    /// Verifies that the owners of a list are those of its bytes: no other write changes them.
    fn list_owners(&self, record: &RuleRecord, sources: Sources<'_>, at: usize) -> Outcome {
        let start = usize::from(record.offset);
        let bytes = start..start + usize::from(record.elements);
        let owned = |writer: u8, mask: u16| {
            let byte = if record.detail & writer == 0 { 0 } else { 0xFF };
            let bytes = self.table.image(mask).get(bytes.clone()).unwrap_or(&[]);
            bytes.iter().all(|mask| *mask == byte)
        };
        // One side at least sets each byte of a block, so there is an owner.
        let owners =
            owned(owner::VF, sources.shape.vf.get()) && owned(owner::PF, sources.shape.pf.get());
        ensure(owners, Flaw::Owner, at)
    }

    /// Verifies the `entries` of a list with their rules.
    fn entries(
        &mut self,
        list: &RuleRecord,
        entries: &[RuleRecord],
        sources: Sources<'_>,
    ) -> Outcome {
        let mut before = None;
        let mut count = 0_usize;
        let mut rest = entries;
        while let Some((record, behind)) = rest.split_first() {
            let at = self.at(record);
            let unused = [
                record.offset,
                record.operand,
                record.start,
                record.shift,
                record.second,
            ];
            let unused = unused == [0; 5] && record.mask.get() == 0;
            ensure(unused, Flaw::ReservedNotZero, at)?;
            let tag = record.b.get();
            count = count.saturating_add(1);
            let ascends = before.is_none_or(|before| before < tag)
                && tag <= u64::MAX >> unused_bits(list.operand);
            let length = (header(list)..=list.elements).contains(&record.elements);
            let known = record.kind == rule::ENTRY && record.detail & !entry::ALL == 0;
            ensure(
                known && ascends && length && count <= MAX_ENTRIES,
                Flaw::Entry,
                at,
            )?;
            let inner = usize::try_from(record.a.get()).unwrap_or(usize::MAX);
            let Some((rules, behind)) = behind.split_at_checked(inner) else {
                return refuse(Flaw::Entry, at);
            };
            self.element_rules(rules, sources.element(record.elements))?;
            before = Some(tag);
            rest = behind;
        }
        Ok(())
    }
}

/// The bytes of a tag and a length.
const fn header(list: &RuleRecord) -> u8 {
    operand::width(list.operand) + operand::width(list.second)
}
