//! The set of values that an integer may have, which can be enumerated without a scan over all
//! integers.

use crate::model::{Bits, Field, Valid};
use crate::types::{Integer, low_bits};

/// How many values the search for the next allowed one tries.
///
/// A domain of at most this many values is searched completely.
pub(crate) const MAX_TRIES: u64 = 1 << 16;

/// The values from `min` to `max` that have no bit outside `bits` and that `valid` and the rules of
/// the named bits allow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain<'v> {
    valid: &'v Valid,
    named: &'v [Bits],
    /// No bits if values may be negative: these have no rules on bits.
    bits: Option<u64>,
    min: i128,
    max: i128,
}

/// The result of the search for the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This one.
    Value(i128),
    /// There is none.
    Nothing,
    /// None was found in [`MAX_TRIES`].
    Unknown,
}

impl<'v> Domain<'v> {
    /// The values from `smallest` to `largest`, of whose bits only `defined` may be set, with rules.
    pub(crate) fn new(valid: &'v Valid, (smallest, largest): (i128, i128), defined: u64) -> Self {
        let bits = (smallest >= 0).then(|| defined & valid.mask.unwrap_or(u64::MAX));
        let listed = || valid.one_of.iter().flat_map(|one_of| &one_of.values);
        let min = [valid.min, valid.equals, listed().min().copied()];
        let max = [valid.max, valid.equals, listed().max().copied()];
        Self {
            valid,
            named: &[],
            bits,
            min: min.into_iter().flatten().fold(smallest, i128::max),
            max: max
                .into_iter()
                .flatten()
                .chain(bits.map(i128::from))
                .fold(largest, i128::min),
        }
    }

    /// Every value of an `integer`.
    pub(crate) fn whole(integer: Integer) -> Self {
        Self::between(integer.min(), integer.max())
    }

    /// The values from `min` to `max`.
    pub(crate) fn between(min: i128, max: i128) -> Self {
        static ANY: Valid = Valid {
            equals: None,
            one_of: None,
            none_of: None,
            min: None,
            max: None,
            mask: None,
            multiple_of: None,
            mac: None,
        };
        Self {
            valid: &ANY,
            named: &[],
            bits: (min >= 0).then(|| {
                let unused = low_bits(max).leading_zeros();
                u64::MAX.checked_shr(unused).unwrap_or(0)
            }),
            min,
            max,
        }
    }

    /// The values of `field`, a single integer.
    pub(crate) fn of(field: &'v Field) -> Self {
        let integer = field.ty.element();
        let values = Self::new(
            &field.valid,
            (integer.min(), integer.max()),
            field.defined_bits(),
        );
        Self {
            named: &field.bits,
            ..values
        }
    }

    /// The values of named bits, shifted down.
    fn of_bits(bits: &'v Bits) -> Self {
        let ones = bits.mask() >> bits.low;
        Self::new(&bits.valid, (0, ones.into()), ones)
    }

    /// The values of the named bits that consist of those in `mask` after a shift by `shift`.
    pub(crate) fn part(&self, shift: u8, mask: u64) -> Option<Self> {
        let mut named = self.named.iter();
        let bits = named.find(|bits| bits.low == shift && bits.mask() >> shift == mask)?;
        Some(Self::of_bits(bits))
    }

    /// Whether `value` is one of them.
    pub(crate) fn contains(&self, value: i128) -> bool {
        (self.min..=self.max).contains(&value)
            && self.has_bits_of(value)
            && self.valid.allows(value)
            && self.named.iter().all(|bits| bits.allow(value))
    }

    fn has_bits_of(&self, value: i128) -> bool {
        self.bits.is_none_or(|bits| low_bits(value) & !bits == 0)
    }

    /// About how many steps [`contains`](Self::contains) takes.
    pub(crate) fn cost(&self) -> u64 {
        let rules = self
            .named
            .iter()
            .map(|bits| &bits.valid)
            .chain([self.valid]);
        let sets = rules.flat_map(|valid| [&valid.one_of, &valid.none_of]);
        let listed = sets.flatten().map(|set| set.values.len() as u64);
        1 + self.named.len() as u64 + listed.sum::<u64>()
    }

    /// Whether there is certainly none.
    pub(crate) fn is_empty(&self) -> bool {
        self.first() == Next::Nothing
    }

    /// Whether there is certainly exactly one.
    pub(crate) fn is_single(&self) -> bool {
        match self.first() {
            Next::Value(value) => self.next(value + 1) == Next::Nothing,
            Next::Nothing | Next::Unknown => false,
        }
    }

    /// The bounds between which all of them lie.
    pub(crate) const fn bounds(&self) -> (i128, i128) {
        (self.min, self.max)
    }

    /// An upper bound of the number of values.
    pub(crate) fn upper_bound(&self) -> u64 {
        if self.min > self.max {
            return 0;
        }
        let listed = self.valid.one_of.as_ref();
        let listed = listed.map_or(u64::MAX, |one_of| one_of.values.len() as u64);
        let subsets = self.bits.map(u64::count_ones);
        let subsets = subsets.and_then(|bits| 1u64.checked_shl(bits));
        let step = self.valid.multiple_of.unwrap_or(1).max(1);
        let multiples = (self.max - self.min) / i128::from(step) + 1;
        let multiples = u64::try_from(multiples).unwrap_or(u64::MAX);
        let parts = self
            .named
            .iter()
            .map(|bits| Self::of_bits(bits).upper_bound());
        let parts = parts.fold(1, u64::saturating_mul);
        let parts = if self.named.is_empty() {
            u64::MAX
        } else {
            parts
        };
        let subsets = subsets.unwrap_or(u64::MAX);
        listed.min(subsets).min(multiples).min(parts)
    }

    /// The smallest value.
    pub(crate) fn first(&self) -> Next {
        self.next(self.min)
    }

    /// The smallest value that is not below `from`.
    pub(crate) fn next(&self, from: i128) -> Next {
        let one_of = self.valid.one_of.as_ref();
        let mut value = from.max(self.min);
        for _ in 0..MAX_TRIES {
            // Each rule advances the value to the next one that it allows, until no rule changes
            // it.
            let moved = self
                .with_bits_and_divisor(value)
                .and_then(|value| match one_of {
                    Some(one_of) => one_of
                        .values
                        .iter()
                        .filter(|listed| **listed >= value)
                        .min()
                        .copied(),
                    None => Some(value),
                })
                .filter(|value| *value <= self.max);
            match moved {
                None => return Next::Nothing,
                Some(moved) if self.contains(moved) => return Next::Value(moved),
                // Only an excluded value stands still.
                Some(moved) if moved == value => value += 1,
                Some(moved) => value = moved,
            }
        }
        Next::Unknown
    }

    /// `value`, or a larger one on the way to the next that the rules on bits and the divisor allow.
    fn with_bits_and_divisor(&self, value: i128) -> Option<i128> {
        let Some(bits) = self.bits else {
            return Some(value);
        };
        let divisor = self.valid.multiple_of.unwrap_or(1);
        let value = u64::try_from(value).ok()?;
        let value = next_subset(bits, value)?.checked_next_multiple_of(divisor)?;
        // A multiple may have other bits; the next round clears them.
        let composed = if value & !bits == 0 && !self.named.is_empty() {
            let mut named: Vec<&Bits> = self.named.iter().collect();
            named.sort_unstable_by_key(|bits| std::cmp::Reverse(bits.low));
            next_composed(&named, value)?
        } else {
            value
        };
        Some(composed.into())
    }

    /// All of them, ascending; those after the first long gap may be missing if there are more than
    /// [`MAX_TRIES`].
    pub(crate) fn values(&self) -> Box<dyn Iterator<Item = i128> + '_> {
        if let Some(one_of) = &self.valid.one_of {
            // A list is sorted once here, and not searched for each of its values.
            let mut listed = one_of.values.clone();
            listed.sort_unstable();
            listed.dedup();
            let rules = Valid {
                one_of: None,
                ..self.valid.clone()
            };
            return Box::new(listed.into_iter().filter(move |value| {
                (self.min..=self.max).contains(value)
                    && self.has_bits_of(*value)
                    && rules.allows(*value)
                    && self.named.iter().all(|bits| bits.allow(*value))
            }));
        }
        let value = |from| match self.next(from) {
            Next::Value(value) => Some(value),
            Next::Nothing | Next::Unknown => None,
        };
        Box::new(std::iter::successors(value(self.min), move |last| {
            value(last + 1)
        }))
    }
}

/// The smallest value that is not below `from`, which consists of the `named` bits, the highest ones
/// first, and in which each of them has a value that its rules allow. `from` itself where the search
/// for one takes too long; the caller goes on from there.
fn next_composed(named: &[&Bits], from: u64) -> Option<u64> {
    let Some((bits, lower)) = named.split_first() else {
        return Some(0);
    };
    let values = Domain::of_bits(bits);
    let own = (from & bits.mask()) >> bits.low;
    let rest = from & !bits.mask();
    let mut next = values.next(own.into());
    if next == Next::Value(own.into()) {
        if let Some(rest) = next_composed(lower, rest) {
            return Some(own << bits.low | rest);
        }
        next = values.next(i128::from(own) + 1);
    }
    match next {
        Next::Value(value) => Some(low_bits(value) << bits.low | next_composed(lower, 0)?),
        Next::Nothing => None,
        Next::Unknown => Some(from),
    }
}

/// The smallest value that is not below `from` and has only bits of `mask`.
fn next_subset(mask: u64, from: u64) -> Option<u64> {
    let foreign = from & !mask;
    let Some(highest) = foreign.checked_ilog2() else {
        return Some(from);
    };
    // A bit above the highest foreign one has to be set; all bits below it can be cleared then.
    let above = u64::MAX.checked_shl(highest + 1).unwrap_or(0);
    let raised = mask & !from & above;
    let lowest = raised & raised.wrapping_neg();
    (lowest != 0).then(|| (from | lowest) & !(lowest - 1))
}

#[cfg(test)]
mod tests;
