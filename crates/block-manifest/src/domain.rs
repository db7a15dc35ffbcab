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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::OneOf;

    const U64: Integer = Integer {
        width_log: 3,
        big_endian: false,
        signed: false,
    };

    fn rules() -> impl Strategy<Value = Valid> {
        let bits = || prop::option::weighted(0.4, any::<u8>().prop_map(u64::from));
        let number = || prop::option::weighted(0.4, any::<u8>().prop_map(i128::from));
        let few = prop::collection::vec(any::<u8>().prop_map(i128::from), 0..6);
        let one_of = prop::option::weighted(0.2, few);
        let equals = prop::option::weighted(0.1, any::<u8>().prop_map(i128::from));
        let none_of = prop::option::weighted(0.3, prop::collection::vec(0..12_i128, 1..6));
        (number(), number(), bits(), bits(), one_of, none_of, equals).prop_map(
            |(min, max, mask, multiple_of, values, excluded, equals)| Valid {
                equals,
                one_of: values.map(|values| OneOf {
                    enumeration: None,
                    values,
                }),
                none_of: excluded.map(|values| OneOf {
                    enumeration: None,
                    values,
                }),
                min,
                max,
                mask,
                multiple_of,
                mac: None,
            },
        )
    }

    proptest! {
        #[test]
        fn a_domain_has_the_values_that_its_rules_allow(valid in rules(), defined in any::<u8>()) {
            let domain = Domain::new(&valid, (0, Integer::U8.max()), defined.into());
            let allowed: Vec<i128> = (0..=i128::from(u8::MAX))
                .filter(|value| valid.allows(*value) && value & !i128::from(defined) == 0)
                .collect();
            prop_assert!(domain.upper_bound() >= allowed.len() as u64);
            for value in 0..=i128::from(u8::MAX) {
                prop_assert_eq!(domain.contains(value), allowed.contains(&value));
            }
            if let (Some(first), Some(last)) = (allowed.first(), allowed.last()) {
                let (min, max) = domain.bounds();
                prop_assert!(min <= *first && *last <= max);
            }
            prop_assert_eq!(domain.values().collect::<Vec<_>>(), allowed);
        }
    }

    #[test]
    fn rules_that_exclude_each_other_are_found_in_small_and_large_types() {
        let rules = |min, max, mask, multiple_of| Valid {
            min,
            max,
            mask,
            multiple_of,
            ..Valid::default()
        };
        let u16 = Integer {
            width_log: 1,
            big_endian: false,
            signed: false,
        };
        for integer in [u16, U64] {
            for valid in [
                rules(Some(5), Some(4), None, None),
                rules(Some(4097), Some(8191), None, Some(4096)),
                rules(Some(1), None, Some(0), None),
                rules(None, None, None, Some(0)),
                rules(Some(1), None, Some(0x0FFF), Some(4096)),
            ] {
                let next = Domain::new(&valid, (0, integer.max()), integer.mask()).first();
                assert_eq!(next, Next::Nothing, "{integer}: {valid:?}");
            }
            for (valid, first) in [
                (Valid::default(), 0),
                (rules(Some(4097), Some(8192), None, Some(4096)), 8192),
                (rules(Some(1), None, Some(0x8000), None), 0x8000),
                (rules(Some(0x8001), None, None, None), 0x8001),
            ] {
                let next = Domain::new(&valid, (0, integer.max()), integer.mask()).first();
                assert_eq!(next, Next::Value(first), "{integer}: {valid:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_domain_of_named_bits_has_the_values_that_all_rules_allow(
            whole in rules(),
            low in rules(),
            high in rules(),
            gap in 0..2_u8,
        ) {
            let within = |valid: Valid, name: &str, low, high| Bits {
                name: name.to_owned(),
                low,
                high,
                valid,
            };
            let field = Field {
                bits: vec![within(low, "low", 0, 2), within(high, "high", 3 + gap, 7)],
                valid: whole,
                ..byte()
            };
            let domain = Domain::of(&field);
            let allowed: Vec<i128> = (0..=255).filter(|value| field.allows(*value)).collect();
            prop_assert!(domain.upper_bound() >= allowed.len() as u64);
            for value in 0..=255 {
                prop_assert_eq!(domain.contains(value), allowed.contains(&value));
            }
            prop_assert_eq!(domain.is_empty(), allowed.is_empty());
            prop_assert_eq!(domain.is_single(), allowed.len() == 1);
            prop_assert_eq!(domain.values().collect::<Vec<_>>(), allowed);
        }
    }

    /// A field of one byte without rules.
    fn byte() -> Field {
        Field {
            name: "byte".to_owned(),
            doc: None,
            offset: 0,
            ty: crate::types::Type::Integer(Integer::U8),
            owner: crate::model::Owner::Vf,
            default: vec![0],
            valid: Valid::default(),
            bits: Vec::new(),
            count: None,
            structure: None,
            sequence: None,
            on_reset: None,
            checksum: None,
            definition: None,
            span: 0..0,
        }
    }

    #[test]
    fn values_of_bits_that_are_far_apart_are_found() {
        let bits = |name: &str, low, high, max| Bits {
            name: name.to_owned(),
            low,
            high,
            valid: Valid {
                min: Some(1),
                max: Some(max),
                ..Valid::default()
            },
        };
        let field = Field {
            ty: crate::types::Type::Integer(U64),
            default: vec![0; 8],
            bits: vec![bits("low", 0, 31, 2), bits("high", 32, 63, 3)],
            ..byte()
        };
        let domain = Domain::of(&field);
        assert_eq!(domain.upper_bound(), 6);
        let of = |high: i128, low: i128| high << 32 | low;
        let expected = [of(1, 1), of(1, 2), of(2, 1), of(2, 2), of(3, 1), of(3, 2)];
        assert_eq!(domain.values().collect::<Vec<_>>(), expected);
        let part = domain.part(32, 0xFFFF_FFFF).expect("named bits");
        assert_eq!(part.bounds(), (1, 3));
        assert!(domain.part(32, 0xFF).is_none());
    }

    #[test]
    fn the_largest_values_are_there() {
        let whole = Domain::whole(U64);
        let largest = i128::from(u64::MAX);
        assert_eq!(whole.next(largest), Next::Value(largest));
        assert_eq!(whole.upper_bound(), u64::MAX);
        assert_eq!(next_subset(1 << 63, 1), Some(1 << 63));
        assert_eq!(next_subset(u64::MAX >> 1, 1 << 63), None);
    }

    proptest! {
        #[test]
        fn a_signed_domain_has_the_values_that_its_rules_allow(valid in signed_rules()) {
            let domain = Domain::new(&valid, (-128, 127), 0xFF);
            let allowed: Vec<i128> = (-128..=127).filter(|value| valid.allows(*value)).collect();
            prop_assert!(domain.upper_bound() >= allowed.len() as u64);
            for value in -130..=130 {
                prop_assert_eq!(domain.contains(value), allowed.contains(&value));
            }
            prop_assert_eq!(domain.is_empty(), allowed.is_empty());
            prop_assert_eq!(domain.is_single(), allowed.len() == 1);
            prop_assert_eq!(domain.values().collect::<Vec<_>>(), allowed);
        }
    }

    fn signed_rules() -> impl Strategy<Value = Valid> {
        let one = || any::<i8>().prop_map(i128::from);
        let number = move || prop::option::weighted(0.4, one());
        let set = move |weight| {
            let values = prop::collection::vec(one(), 1..6);
            let set = values.prop_map(|values| OneOf {
                enumeration: None,
                values,
            });
            prop::option::weighted(weight, set)
        };
        let equals = prop::option::weighted(0.1, one());
        (number(), number(), set(0.2), set(0.3), equals).prop_map(
            |(min, max, one_of, none_of, equals)| Valid {
                equals,
                one_of,
                none_of,
                min,
                max,
                ..Valid::default()
            },
        )
    }

    #[test]
    fn a_search_for_what_is_too_rare_ends() {
        // Subsets of a sparse mask that a large prime divides: if there are any, they are far
        // apart.
        let valid = Valid {
            min: Some(1),
            mask: Some(0x5555_5555_5555_5555),
            multiple_of: Some(0xFFFF_FFFB),
            ..Valid::default()
        };
        let domain = Domain::new(&valid, (0, u64::MAX.into()), u64::MAX);
        assert_eq!(domain.first(), Next::Unknown);
        assert!(domain.upper_bound() > MAX_TRIES);
    }
}
