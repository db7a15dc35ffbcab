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
