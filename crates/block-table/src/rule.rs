//! The evaluation of rule lists.

use crate::MAX_BLOCK_LENGTH;
use crate::expression::{Context, Element, Overflow, evaluate, number};
use crate::format::{RuleRecord, context, mac, operand, owner, rule, sequence};
use crate::image::{Image, extract, load, unused_bits};
use crate::table::Table;
use crate::violation::{Rule, Violation};
use crate::writer::{Write, Writer};

/// The images that rules are evaluated on.
pub(crate) struct Judgement<'a> {
    pub(crate) table: &'a Table<'a>,
    /// The merged image, or the part of it from the element on that is judged.
    pub(crate) image: &'a Image,
    /// The merged image.
    pub(crate) whole: &'a Image,
    pub(crate) write: &'a Write<'a>,
}

impl Judgement<'_> {
    /// Applies `rules` in order and returns the first broken one.
    #[inline]
    pub(crate) fn check(&self, rules: &[RuleRecord]) -> Result<(), Violation> {
        self.apply::<false>(rules)
    }

    /// Applies `rules`, which are those of an element or not. Elements have no elements.
    #[inline]
    fn apply<const OF_ELEMENT: bool>(&self, rules: &[RuleRecord]) -> Result<(), Violation> {
        // The result of the latest count rule, for the element rules right after it.
        let mut counted = 0u8;
        let mut rest = rules.iter();
        while let Some(record) = rest.next() {
            match record.kind {
                rule::TEXT => self.text(record)?,
                rule::COUNT => counted = self.count(record)?,
                rule::REQUIRE => self.require(record)?,
                rule::SEQUENCE => self.sequence(record)?,
                rule::REQUIRE_IN_CONTEXT => self.require_in_context(record)?,
                rule::MAC => self.mac(record)?,
                rule::COUNT_BY_CODE => counted = self.count_by_code(record)?,
                EACH | EACH_COUNTED if !OF_ELEMENT => {
                    rest = self.each(record, counted, rest.as_slice())?.iter();
                }
                rule::LIST if !OF_ELEMENT => rest = self.list(record, rest.as_slice())?.iter(),
                _ if record.elements == 1 && record.kind & rule::COUNTED == 0 => {
                    let value = extract(self.image, record.start, record.operand, record.shift);
                    if !self.allows(record, value & record.mask.get()) {
                        return Err(Violation::new(broken(record), record.offset));
                    }
                }
                _ => self.elements(record, counted)?,
            }
        }
        Ok(())
    }

    /// Applies the rules of `rest` that `record` names to each of its structures, or to the
    /// `counted` first ones, and returns the rules after them.
    #[inline(never)]
    fn each<'r>(
        &self,
        record: &RuleRecord,
        counted: u8,
        rest: &'r [RuleRecord],
    ) -> Result<&'r [RuleRecord], Violation> {
        let (rules, rest) = following(record, rest);
        let padded = Padded::of(self.image);
        let mut offset = record.offset;
        for _ in 0..live(record, counted) {
            self.part(&padded, offset, rules)?;
            offset = offset.wrapping_add(record.detail);
        }
        Ok(rest)
    }

    /// Applies `rules` to the structure or entry that begins at `offset` of the image.
    #[inline]
    pub(crate) fn part(
        &self,
        padded: &Padded,
        offset: u8,
        rules: &[RuleRecord],
    ) -> Result<(), Violation> {
        let Some(image) = padded.from(offset) else {
            return Ok(());
        };
        let part = Judgement { image, ..*self };
        part.apply::<true>(rules)
            .map_err(|violation| violation.moved(offset))
    }

    /// Applies a rule to each element of its field, or to the `counted` first ones.
    #[inline(never)]
    fn elements(&self, record: &RuleRecord, counted: u8) -> Result<(), Violation> {
        let live = live(record, counted);
        let width = operand::width(record.operand);
        let mut offset = record.offset;
        for _ in 0..live {
            if !self.allows(record, load(self.image, offset, record.operand)) {
                return Err(Violation::new(broken(record), offset));
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
            rule::CLEAR => value & a == 0,
            rule::MULTIPLE => is_multiple(value, a),
            rule::ONE_OF_NEAR => is_near(value, a, b),
            rule::NONE_OF_NEAR => !is_near(value, a, b),
            rule::ONE_OF_LISTED => self.is_listed(value, a, b),
            rule::NONE_OF_LISTED => !self.is_listed(value, a, b),
            // The verifier refuses every other kind but `SIGNED_RANGE`. The bits above an integer do
            // not count: the difference is modulo its number of values.
            _ => value.wrapping_sub(a) & (u64::MAX >> unused_bits(record.operand)) <= b,
        }
    }

    /// Whether `value` is among the `count` values from index `start`.
    fn is_listed(&self, value: u64, start: u64, count: u64) -> bool {
        let values = self.table.values(start, count);
        values
            .binary_search_by(|listed| listed.get().cmp(&value))
            .is_ok()
    }

    fn mac(&self, record: &RuleRecord) -> Result<(), Violation> {
        let bytes = self
            .image
            .get(usize::from(record.offset)..)
            .and_then(|bytes| bytes.first_chunk::<{ mac::LENGTH as usize }>())
            .unwrap_or(&[0; mac::LENGTH as usize]);
        let is_group = bytes[0] & 1 != 0;
        let is_zero = *bytes == [0; mac::LENGTH as usize];
        let fits = match record.detail {
            mac::UNICAST => !is_group && !is_zero,
            mac::MULTICAST => is_group,
            // The verifier refuses every other one but `NONZERO`.
            _ => !is_zero,
        };
        if fits {
            Ok(())
        } else {
            Err(Violation::new(Rule::Value, record.offset))
        }
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
        let number = load(self.image, record.detail, record.second);
        self.counted(record, number, operand::width(record.operand))
    }

    /// The same for a count that instructions compute.
    #[inline(never)]
    fn count_by_code(&self, record: &RuleRecord) -> Result<u8, Violation> {
        let code = self.table.code(record.a.get(), record.b.get());
        let sources = Element {
            element: self.image,
            whole: self.whole,
        };
        match number(code, &sources) {
            Ok(number) => self.counted(record, number, record.second),
            Err(Overflow) => Err(Violation::of_block(Rule::Overflow)),
        }
    }

    /// `number` as the count of the elements of `record`, if there are as many, and zeros after
    /// them. An element has `width` bytes.
    #[inline]
    fn counted(&self, record: &RuleRecord, number: u64, width: u8) -> Result<u8, Violation> {
        let count = u8::try_from(number).ok();
        let Some(count) = count.filter(|count| *count <= record.elements) else {
            return Err(Violation::new(Rule::Count, record.detail));
        };
        let width = usize::from(width);
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
            self.whole,
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
        let signed = |value: u64| (value << unused_bits(record.operand)).cast_signed();
        let moved_on = match record.detail {
            sequence::STRICT => now > before,
            sequence::NON_DECREASING => now >= before,
            sequence::SIGNED_STRICT => signed(now) > signed(before),
            sequence::SIGNED_NON_DECREASING => signed(now) >= signed(before),
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

/// An image with zeros after it, so that an image begins at each of its bytes.
pub(crate) struct Padded([u8; 2 * MAX_BLOCK_LENGTH]);

impl Padded {
    #[inline]
    pub(crate) fn of(image: &Image) -> Self {
        let mut padded = [0; 2 * MAX_BLOCK_LENGTH];
        for (byte, of_image) in padded.iter_mut().zip(image) {
            *byte = *of_image;
        }
        Self(padded)
    }

    /// The image that begins at `offset`, at most 128.
    #[inline]
    pub(crate) fn from(&self, offset: u8) -> Option<&Image> {
        self.0.get(usize::from(offset)..)?.first_chunk()
    }
}

/// The rules of `rest` that belong to `record`, one on structures, entries or a list, and those after
/// them.
#[inline]
pub(crate) fn following<'r>(
    record: &RuleRecord,
    rest: &'r [RuleRecord],
) -> (&'r [RuleRecord], &'r [RuleRecord]) {
    let count = usize::try_from(record.a.get()).unwrap_or(usize::MAX);
    rest.split_at_checked(count).unwrap_or((rest, &[]))
}

const EACH: u8 = rule::EACH;
const EACH_COUNTED: u8 = rule::EACH | rule::COUNTED;

/// How many elements of a field a rule applies to, if `counted` of them are counted.
#[inline]
fn live(record: &RuleRecord, counted: u8) -> u8 {
    if record.kind & rule::COUNTED == 0 {
        record.elements
    } else {
        counted.min(record.elements)
    }
}

/// What a value breaks that a rule does not allow.
#[inline]
fn broken(record: &RuleRecord) -> Rule {
    if record.kind & !rule::COUNTED == rule::CLEAR {
        Rule::Reserved
    } else {
        Rule::Value
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
