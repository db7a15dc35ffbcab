//! The set of values that an integer may have, which can be enumerated without a scan over all
//! integers.

use crate::model::{Field, Valid};
use crate::types::Integer;

/// How many values the search for the next allowed one tries.
///
/// A domain of at most this many values is searched completely.
pub(crate) const MAX_TRIES: u64 = 1 << 16;

/// The values from `min` to `max` that have no bit outside `bits` and that `valid` allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain<'v> {
    valid: &'v Valid,
    bits: u64,
    min: u64,
    max: u64,
}

/// The result of the search for the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This one.
    Value(u64),
    /// There is none.
    Nothing,
    /// None was found in [`MAX_TRIES`].
    Unknown,
}

impl<'v> Domain<'v> {
    /// The values with rules up to `largest`, of whose bits only `defined` may be set.
    pub(crate) fn new(valid: &'v Valid, largest: u64, defined: u64) -> Self {
        let bits = defined & valid.mask.unwrap_or(u64::MAX);
        let listed = || valid.one_of.iter().flat_map(|one_of| &one_of.values);
        let min = [valid.min, valid.equals, listed().min().copied()];
        let max = [valid.max, valid.equals, listed().max().copied()];
        Self {
            valid,
            bits,
            min: min.into_iter().flatten().max().unwrap_or(0),
            max: max
                .into_iter()
                .flatten()
                .chain([largest, bits])
                .min()
                .unwrap_or(0),
        }
    }

    /// Every value of an `integer`.
    pub(crate) fn whole(integer: Integer) -> Self {
        Self::between(0, integer.max())
    }

    /// The values from `min` to `max`.
    pub(crate) fn between(min: u64, max: u64) -> Self {
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
            bits: u64::MAX.checked_shr(max.leading_zeros()).unwrap_or(0),
            min,
            max,
        }
    }

    /// The values of `field`, a single integer.
    pub(crate) fn of(field: &'v Field) -> Self {
        Self::new(&field.valid, field.ty.element().max(), field.defined_bits())
    }

    /// Whether `value` is one of them.
    pub(crate) fn contains(&self, value: u64) -> bool {
        (self.min..=self.max).contains(&value)
            && value & !self.bits == 0
            && self.valid.allows(value)
    }

    /// About how many steps [`contains`](Self::contains) takes.
    pub(crate) fn cost(&self) -> u64 {
        let sets = [&self.valid.one_of, &self.valid.none_of];
        let listed = sets.into_iter().flatten();
        1 + listed.map(|set| set.values.len() as u64).sum::<u64>()
    }

    /// Whether there is certainly none.
    pub(crate) fn is_empty(&self) -> bool {
        self.next(0) == Next::Nothing
    }

    /// Whether there is certainly exactly one.
    pub(crate) fn is_single(&self) -> bool {
        match self.next(0) {
            Next::Value(u64::MAX) => true,
            Next::Value(value) => self.next(value + 1) == Next::Nothing,
            Next::Nothing | Next::Unknown => false,
        }
    }

    /// The bounds between which all of them lie.
    pub(crate) const fn bounds(&self) -> (u64, u64) {
        (self.min, self.max)
    }

    /// An upper bound of the number of values.
    pub(crate) fn upper_bound(&self) -> u64 {
        if self.min > self.max {
            return 0;
        }
        let listed = self.valid.one_of.as_ref();
        let listed = listed.map_or(u64::MAX, |one_of| one_of.values.len() as u64);
        let subsets = 1u64.checked_shl(self.bits.count_ones()).unwrap_or(u64::MAX);
        let step = self.valid.multiple_of.unwrap_or(1).max(1);
        let multiples = ((self.max - self.min) / step).saturating_add(1);
        listed.min(subsets).min(multiples)
    }

    /// The smallest value that is not below `from`.
    pub(crate) fn next(&self, from: u64) -> Next {
        let divisor = self.valid.multiple_of.unwrap_or(1);
        let one_of = self.valid.one_of.as_ref();
        let mut value = from.max(self.min);
        for _ in 0..MAX_TRIES {
            // Each rule advances the value to the next one that it allows, until no rule changes
            // it.
            let moved = next_subset(self.bits, value)
                .and_then(|value| value.checked_next_multiple_of(divisor))
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
                Some(moved) if moved == value => match value.checked_add(1) {
                    Some(next) => value = next,
                    None => return Next::Nothing,
                },
                Some(moved) => value = moved,
            }
        }
        Next::Unknown
    }

    /// All of them, ascending; those after the first long gap may be missing if there are more than
    /// [`MAX_TRIES`].
    pub(crate) fn values(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        if let Some(one_of) = &self.valid.one_of {
            // A list is sorted once here, and not searched for each of its values.
            let mut listed = one_of.values.clone();
            listed.sort_unstable();
            listed.dedup();
            let rules = Valid {
                one_of: None,
                ..self.valid.clone()
            };
            let (min, max, bits) = (self.min, self.max, self.bits);
            return Box::new(listed.into_iter().filter(move |value| {
                (min..=max).contains(value) && value & !bits == 0 && rules.allows(*value)
            }));
        }
        let value = |from| match self.next(from) {
            Next::Value(value) => Some(value),
            Next::Nothing | Next::Unknown => None,
        };
        Box::new(std::iter::successors(value(0), move |last| {
            last.checked_add(1).and_then(value)
        }))
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
    };

    fn rules() -> impl Strategy<Value = Valid> {
        let number = || prop::option::weighted(0.4, any::<u8>().prop_map(u64::from));
        let few = prop::collection::vec(any::<u8>().prop_map(u64::from), 0..6);
        let one_of = prop::option::weighted(0.2, few);
        let equals = prop::option::weighted(0.1, any::<u8>().prop_map(u64::from));
        let none_of = prop::option::weighted(0.3, prop::collection::vec(0..12_u64, 1..6));
        (
            number(),
            number(),
            number(),
            number(),
            one_of,
            none_of,
            equals,
        )
            .prop_map(
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
            let domain = Domain::new(&valid, Integer::U8.max(), defined.into());
            let allowed: Vec<u64> = (0..=u64::from(u8::MAX))
                .filter(|value| valid.allows(*value) && value & !u64::from(defined) == 0)
                .collect();
            prop_assert!(domain.upper_bound() >= allowed.len() as u64);
            for value in 0..=u64::from(u8::MAX) {
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
        };
        for integer in [u16, U64] {
            for valid in [
                rules(Some(5), Some(4), None, None),
                rules(Some(4097), Some(8191), None, Some(4096)),
                rules(Some(1), None, Some(0), None),
                rules(None, None, None, Some(0)),
                rules(Some(1), None, Some(0x0FFF), Some(4096)),
            ] {
                let next = Domain::new(&valid, integer.max(), integer.max()).next(0);
                assert_eq!(next, Next::Nothing, "{integer}: {valid:?}");
            }
            for (valid, first) in [
                (Valid::default(), 0),
                (rules(Some(4097), Some(8192), None, Some(4096)), 8192),
                (rules(Some(1), None, Some(0x8000), None), 0x8000),
                (rules(Some(0x8001), None, None, None), 0x8001),
            ] {
                let next = Domain::new(&valid, integer.max(), integer.max()).next(0);
                assert_eq!(next, Next::Value(first), "{integer}: {valid:?}");
            }
        }
    }

    #[test]
    fn the_largest_values_are_there() {
        let whole = Domain::whole(U64);
        assert_eq!(whole.next(u64::MAX), Next::Value(u64::MAX));
        assert_eq!(whole.upper_bound(), u64::MAX);
        assert_eq!(next_subset(1 << 63, 1), Some(1 << 63));
        assert_eq!(next_subset(u64::MAX >> 1, 1 << 63), None);
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
        let domain = Domain::new(&valid, u64::MAX, u64::MAX);
        assert_eq!(domain.next(0), Next::Unknown);
        assert!(domain.upper_bound() > MAX_TRIES);
    }
}
