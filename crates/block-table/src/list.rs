//! The evaluation of lists: entries with a tag and a length, one after the other.

use crate::format::{RuleRecord, entry, list, operand};
use crate::image::load;
use crate::rule::{Judgement, Padded, following};
use crate::violation::{ListFault, Rule, Violation};

impl Judgement<'_> {
    /// Applies the rule on a list, with the entries at the beginning of `rest`, to a write of an
    /// owner of the list. Returns the rules after the entries.
    ///
    /// A write of the other side leaves the list as its owner wrote it, and does not have the length
    /// where it ended.
    #[inline(never)]
    pub(crate) fn list<'r>(
        &self,
        record: &RuleRecord,
        rest: &'r [RuleRecord],
    ) -> Result<&'r [RuleRecord], Violation> {
        let (entries, rest) = following(record, rest);
        if record.detail & self.write.writer.owner() != 0 {
            self.entries(record, entries)?;
        }
        Ok(rest)
    }

    /// Judges one entry after the other. Each is longer than zero bytes, so there are no more of
    /// them than bytes.
    fn entries(&self, record: &RuleRecord, known: &[RuleRecord]) -> Result<(), Violation> {
        let has = |flag| record.detail & flag != 0;
        let tag_width = operand::width(record.operand);
        let header = tag_width.saturating_add(operand::width(record.second));
        let sent = u8::try_from(self.write.length).unwrap_or(u8::MAX);
        let last = record.offset.saturating_add(record.elements);
        let end = sent.min(last);
        let padded = Padded::of(self.image);
        let mut seen = 0_u64;
        let mut at = record.offset;
        loop {
            let left = end.saturating_sub(at);
            if left == 0 {
                return if has(list::END) {
                    Err(fault(ListFault::Unended, at))
                } else {
                    Ok(())
                };
            }
            if left < tag_width {
                return Err(fault(ListFault::Cut, at));
            }
            let tag = load(self.image, at, record.operand);
            let ends = has(list::END) && tag == record.b.get();
            let found = find(known, tag);
            if ends && found.is_none() {
                return self.after_end(record, at.saturating_add(tag_width), last);
            }
            if left < header {
                return Err(fault(ListFault::Cut, at));
            }
            let length_at = at.saturating_add(tag_width);
            let length = load(self.image, length_at, record.second);
            let size = if has(list::OF_VALUE) {
                length.saturating_add(header.into())
            } else {
                length
            };
            if size < header.into() {
                return Err(fault(ListFault::Short, length_at));
            }
            let size = u8::try_from(size).ok().filter(|size| *size <= left);
            let size = size.ok_or(fault(ListFault::Cut, length_at))?;
            match found {
                Some((bit, kind, rules)) => {
                    if kind.detail & entry::ONCE != 0 && seen & bit != 0 {
                        return Err(fault(ListFault::Repeated, at));
                    }
                    seen |= bit;
                    if size < kind.elements {
                        return Err(fault(ListFault::Short, length_at));
                    }
                    self.part(&padded, at, rules)?;
                    let behind = at.saturating_add(kind.elements);
                    if kind.detail & entry::ANY_BEHIND == 0
                        && let Some(at) = self.first_set(behind, at.saturating_add(size))
                    {
                        return Err(Violation::new(Rule::Reserved, at));
                    }
                }
                None if has(list::SKIP) == (tag & record.mask.get() != 0) => {
                    return Err(fault(ListFault::Unknown, at));
                }
                None => {}
            }
            at = at.saturating_add(size);
            if ends {
                return self.after_end(record, at, last);
            }
        }
    }

    /// Judges the bytes from `at` to before `last`, which follow the end of a list.
    fn after_end(&self, record: &RuleRecord, at: u8, last: u8) -> Result<(), Violation> {
        match self.first_set(at, last) {
            Some(at) if record.detail & list::ANY_BEHIND == 0 => {
                Err(fault(ListFault::AfterEnd, at))
            }
            _ => Ok(()),
        }
    }

    /// The first byte from `start` to before `end` that is not zero.
    fn first_set(&self, start: u8, end: u8) -> Option<u8> {
        let bytes = self.image.get(start.into()..end.into())?;
        let mut offsets = (start..).zip(bytes);
        offsets.find(|(_, byte)| **byte != 0).map(|(at, _)| at)
    }
}

const fn fault(fault: ListFault, at: u8) -> Violation {
    Violation::new(Rule::List(fault), at)
}

/// The entry among `known` with this tag: a bit that no other one has, its record, and its rules.
fn find(known: &[RuleRecord], tag: u64) -> Option<(u64, &RuleRecord, &[RuleRecord])> {
    let mut bit = 1_u64;
    let mut rest = known;
    while let Some((record, behind)) = rest.split_first() {
        let (rules, behind) = following(record, behind);
        if record.b.get() == tag {
            return Some((bit, record, rules));
        }
        bit = bit.wrapping_shl(1);
        rest = behind;
    }
    None
}
