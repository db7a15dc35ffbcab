//! The evaluation of rule lists.

use crate::expression::{Context, Overflow, evaluate};
use crate::format::{RuleRecord, context, operand, owner, rule, sequence};
use crate::image::{Image, ZERO, extract, load, unused_bits};
use crate::table::Table;
use crate::violation::{Rule, Violation};
use crate::writer::{Write, Writer};

/// The images that rules are evaluated on.
pub(crate) struct Judgement<'a> {
    pub(crate) table: &'a Table<'a>,
    /// The merged image.
    pub(crate) image: &'a Image,
    pub(crate) write: &'a Write<'a>,
}

impl Judgement<'_> {
    /// Applies `rules` in order and returns the first broken one.
    #[inline]
    pub(crate) fn check(&self, rules: &[RuleRecord]) -> Result<(), Violation> {
        // The result of the latest count rule, for the element rules right after it.
        let mut counted = 0u8;
        for record in rules {
            match record.kind {
                rule::TEXT => self.text(record)?,
                rule::COUNT => counted = self.count(record)?,
                rule::REQUIRE => self.require(record)?,
                rule::SEQUENCE => self.sequence(record)?,
                rule::REQUIRE_IN_CONTEXT => self.require_in_context(record)?,
                _ if record.elements == 1 && record.kind & rule::COUNTED == 0 => {
                    let value = extract(self.image, record.start, record.operand, record.shift);
                    if !self.allows(record, value & record.mask.get()) {
                        return Err(Violation::new(Rule::Value, record.offset));
                    }
                }
                _ => self.elements(record, counted)?,
            }
        }
        Ok(())
    }

    /// Applies a rule to each element of its field, or to the `counted` first ones.
    #[inline(never)]
    fn elements(&self, record: &RuleRecord, counted: u8) -> Result<(), Violation> {
        let all = record.kind & rule::COUNTED == 0;
        let live = if all {
            record.elements
        } else {
            counted.min(record.elements)
        };
        let width = operand::width(record.operand);
        let mut offset = record.offset;
        for _ in 0..live {
            if !self.allows(record, load(self.image, offset, record.operand)) {
                return Err(Violation::new(Rule::Value, offset));
            }
            offset = offset.wrapping_add(width);
        }
        Ok(())
    }

    #[inline]
    fn allows(&self, record: &RuleRecord, value: u64) -> bool {
        let (a, b) = (record.a.get(), record.b.get());
        match record.kind & !rule::COUNTED {
            rule::RANGE => a <= value && value <= b,
            rule::MASK => value & !a == 0,
            rule::MULTIPLE => is_multiple(value, a),
            rule::ONE_OF_NEAR => is_near(value, a, b),
            rule::NONE_OF_NEAR => !is_near(value, a, b),
            rule::ONE_OF_LISTED => self.is_listed(value, a, b),
            // The verifier refuses every other kind but `NONE_OF_LISTED`.
            _ => !self.is_listed(value, a, b),
        }
    }

    /// Whether `value` is among the `count` values from index `start`.
    fn is_listed(&self, value: u64, start: u64, count: u64) -> bool {
        let values = self.table.values(start, count);
        values
            .binary_search_by(|listed| listed.get().cmp(&value))
            .is_ok()
    }

    fn text(&self, record: &RuleRecord) -> Result<(), Violation> {
        let bytes = self
            .image
            .iter()
            .skip(usize::from(record.offset))
            .take(usize::from(record.elements));
        let mut ended = false;
        for (offset, byte) in (record.offset..).zip(bytes) {
            ended |= *byte == 0;
            let fits = if ended {
                *byte == 0
            } else {
                matches!(byte, 0x20..=0x7E)
            };
            if !fits {
                return Err(Violation::new(Rule::Text, offset));
            }
        }
        Ok(())
    }

    /// Checks a count and the elements after it, and returns the count.
    fn count(&self, record: &RuleRecord) -> Result<u8, Violation> {
        let count = u8::try_from(load(self.image, record.detail, record.second)).ok();
        let Some(count) = count.filter(|count| *count <= record.elements) else {
            return Err(Violation::new(Rule::Count, record.detail));
        };
        let width = usize::from(operand::width(record.operand));
        let start = usize::from(record.offset) + width * usize::from(count);
        let end = usize::from(record.offset) + width * usize::from(record.elements);
        match self.image.get(start..end) {
            Some(behind) if behind.iter().all(|byte| *byte == 0) => Ok(count),
            _ => Err(Violation::new(Rule::Count, record.offset)),
        }
    }

    fn require(&self, record: &RuleRecord) -> Result<(), Violation> {
        let code = self.table.code(record.a.get(), record.b.get());
        verdict(evaluate(code, self.image))
    }

    /// Applies an expression that reads more than the block, if it applies to this write.
    #[inline(never)]
    fn require_in_context(&self, record: &RuleRecord) -> Result<(), Violation> {
        let write = self.write;
        let reads = |what| record.detail & what != 0;
        if reads(context::USED) && write.writer == Writer::Pf
            || reads(context::WAS) && !write.compares
        {
            return Ok(());
        }
        let about = write.about();
        let [one, two, three, four] = write.used;
        // In the order of the sources' bits.
        let context = Context([
            self.image,
            write.committed,
            &about,
            &ZERO,
            one,
            two,
            three,
            four,
        ]);
        let code = self.table.code(record.a.get(), record.b.get());
        verdict(evaluate(code, &context))
    }

    fn sequence(&self, record: &RuleRecord) -> Result<(), Violation> {
        let constrained = constrained_writer(record.second) == self.write.writer.owner();
        if !constrained || !self.write.history.has_any(record.second) {
            return Ok(());
        }
        let value =
            |image| extract(image, record.start, record.operand, record.shift) & record.mask.get();
        let (before, now) = (value(self.write.committed), value(self.image));
        let moved_on = match record.detail {
            sequence::STRICT => now > before,
            sequence::NON_DECREASING => now >= before,
            kind => {
                // The difference modulo the number space, moved to the top of 64 bits where its
                // sign shows (RFC 1982).
                let unused = unused_bits(record.operand);
                let ahead = now.wrapping_sub(before) << unused;
                if kind == sequence::NEXT {
                    ahead == 1 << unused
                } else {
                    ahead != 0 && ahead < 1 << 63
                }
            }
        };
        if moved_on {
            Ok(())
        } else {
            Err(Violation::new(Rule::Sequence, record.offset))
        }
    }
}

/// The result of a `require`.
fn verdict(holds: Result<bool, Overflow>) -> Result<(), Violation> {
    match holds {
        Ok(true) => Ok(()),
        Ok(false) => Err(Violation::of_block(Rule::Require)),
        Err(Overflow) => Err(Violation::of_block(Rule::Overflow)),
    }
}

/// The writer whose writes a sequence on a field of `owners` constrains: the VF if it owns the
/// field, alone or together with host software. A value that host software publishes there restarts
/// the sequence, so that no VF can block it.
pub(crate) const fn constrained_writer(owners: u8) -> u8 {
    if owners & owner::VF == 0 {
        owners
    } else {
        owner::VF
    }
}

/// Whether `value` is one of the values from `first` on that are set in `bits`.
#[inline]
fn is_near(value: u64, first: u64, bits: u64) -> bool {
    let distance = value.wrapping_sub(first);
    distance < 64 && (bits >> (distance & 63)) & 1 != 0
}

#[inline]
fn is_multiple(value: u64, divisor: u64) -> bool {
    if divisor.is_power_of_two() {
        return value & (divisor - 1) == 0;
    }
    value.checked_rem(divisor) == Some(0)
}
