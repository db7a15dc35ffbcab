//! Signed integers: ranges, and expressions compared with arithmetic that has no limits.

use block_table::encode::{
    Field, FieldRecord, Instruction, Rule as Check, compare_constant, compare_field, on_constant,
    on_field, on_stack, with_sign,
};
use block_table::format::op;
use block_table::{Image, Rule, Violation};
use proptest::prelude::*;

use crate::attempt::{broken, first_write, sent, with_rules};
use crate::source::{BE, U8, U16, U32, U64, field, whole};

#[test]
fn a_signed_range_holds_at_its_edges_in_every_width_and_order() {
    for (shape, bits) in [
        (U8, 8),
        (U16, 16),
        (U32, 32),
        (U64, 64),
        (U16 | BE, 16),
        (U64 | BE, 64),
    ] {
        let bytes = |value: i64| {
            let width = bits / 8;
            let mut bytes = value.to_le_bytes()[..width].to_vec();
            if shape & BE != 0 {
                bytes.reverse();
            }
            bytes
        };
        let all = u64::MAX >> (64 - bits);
        let range = Check::SignedRange(field(3, shape), (-5_i64).cast_unsigned() & all, 7);
        let (least, most) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
        for value in [-5, -4, -1, 0, 6, 7] {
            let outcome = first_write(with_rules(vec![range.clone()]), &sent(3, &bytes(value)));
            assert!(outcome.is_ok(), "{value} in {bits} bits");
        }
        for value in [-6, 8, least, most] {
            let outcome = first_write(with_rules(vec![range.clone()]), &sent(3, &bytes(value)));
            assert_eq!(outcome, broken(Rule::Value, 3), "{value} in {bits} bits");
        }
    }
}

#[test]
fn a_signed_range_on_an_array_names_the_broken_element() {
    let elements = Field {
        elements: 4,
        ..field(2, U8)
    };
    let range = Check::SignedRange(elements, 0x80, 0);
    let outcome = first_write(
        with_rules(vec![range.clone()]),
        &sent(2, &[0, 0x80, 0xFF, 0]),
    );
    assert!(outcome.is_ok());
    let outcome = first_write(with_rules(vec![range]), &sent(2, &[0, 0xFF, 1, 1]));
    assert_eq!(outcome, broken(Rule::Value, 4));
}

/// Two fields: the first one signed, of 64 bits, and one of 16 bits.
fn image(wide: i64, narrow: i16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&wide.to_le_bytes());
    bytes[8..10].copy_from_slice(&narrow.to_be_bytes());
    bytes
}

fn wide() -> FieldRecord {
    with_sign(whole(0, U64))
}

fn narrow() -> FieldRecord {
    with_sign(whole(8, U16 | BE))
}

const SIGNED: u8 = op::SIGNED;
const NONE: FieldRecord = FieldRecord {
    start: 0,
    shift: 0,
    order: 0,
    bits: 0,
};

fn push(record: FieldRecord) -> Instruction {
    on_field(op::PUSH | SIGNED, record)
}

fn judged(code: Vec<Instruction>, bytes: &[u8]) -> Result<Image, Violation> {
    first_write(with_rules(vec![Check::Require(code)]), bytes)
}

/// What a `require` of this value means.
fn expected(value: Option<bool>) -> Result<(), Violation> {
    match value {
        Some(true) => Ok(()),
        Some(false) => Err(broken(Rule::Require, 0).unwrap_err()),
        None => Err(broken(Rule::Overflow, 0).unwrap_err()),
    }
}

fn in_range(value: i128) -> Option<i128> {
    i64::try_from(value).is_ok().then_some(value)
}

fn wide_values() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(-1),
        -40_000..40_000_i64,
        any::<i64>(),
    ]
}

fn narrow_values() -> impl Strategy<Value = i16> {
    prop_oneof![Just(i16::MIN), Just(i16::MAX), -3..3_i16, any::<i16>()]
}

type Relation = fn(&i128, &i128) -> bool;

const RELATIONS: [(u8, Relation); 6] = [
    (op::EQUAL, i128::eq),
    (op::NOT_EQUAL, i128::ne),
    (op::LESS, i128::lt),
    (op::LESS_OR_EQUAL, i128::le),
    (op::GREATER, i128::gt),
    (op::GREATER_OR_EQUAL, i128::ge),
];

proptest! {
    #[test]
    fn comparisons_are_those_of_numbers(
        one in wide_values(),
        two in narrow_values(),
        constant in wide_values(),
    ) {
        let bytes = image(one, two);
        let constant = constant.cast_unsigned();
        let number = i128::from(constant.cast_signed());
        let (wide_value, narrow_value) = (i128::from(one), i128::from(two));
        for (operation, holds) in RELATIONS {
            let signed = operation | SIGNED;
            let sum = in_range(wide_value + narrow_value);
            let cases: [(Vec<Instruction>, Option<bool>); 7] = [
                (vec![compare_field(signed, wide(), NONE, narrow())], Some(holds(&wide_value, &narrow_value))),
                (vec![compare_field(signed, narrow(), NONE, wide())], Some(holds(&narrow_value, &wide_value))),
                (vec![compare_constant(signed, narrow(), NONE, constant)], Some(holds(&narrow_value, &number))),
                (vec![compare_constant(signed, wide(), narrow(), constant)], sum.map(|sum| holds(&sum, &number))),
                (vec![push(wide()), on_field(signed, narrow())], Some(holds(&wide_value, &narrow_value))),
                (vec![push(narrow()), on_constant(signed, constant)], Some(holds(&narrow_value, &number))),
                (vec![push(narrow()), push(wide()), on_stack(signed)], Some(holds(&narrow_value, &wide_value))),
            ];
            for (code, value) in cases {
                let outcome = judged(code.clone(), &bytes).map(|_| ());
                prop_assert_eq!(outcome, expected(value), "{} {} {:?}", one, two, code);
            }
        }
    }

    #[test]
    fn arithmetic_is_that_of_numbers_or_overflows(one in wide_values(), two in narrow_values()) {
        let bytes = image(one, two);
        let (left, right) = (i128::from(one), i128::from(two));
        let results = [
            (op::ADD, in_range(left + right)),
            (op::SUBTRACT, in_range(left - right)),
            (op::MULTIPLY, in_range(left * right)),
            (op::BIT_AND, Some(left & right)),
            (op::BIT_OR, Some(left | right)),
        ];
        for (operation, result) in results {
            let operation = operation | SIGNED;
            let constant = i64::from(two).cast_unsigned();
            let forms = [
                vec![push(wide()), on_field(operation, narrow())],
                vec![push(wide()), push(narrow()), on_stack(operation)],
                vec![push(wide()), on_constant(operation, constant)],
            ];
            let wanted = result.unwrap_or_default();
            let wanted = i64::try_from(wanted).expect("in range").cast_unsigned();
            for mut code in forms {
                code.push(on_constant(op::EQUAL | SIGNED, wanted));
                let outcome = judged(code, &bytes).map(|_| ());
                prop_assert_eq!(outcome, expected(result.map(|_| true)), "{} {} {}", one, operation, two);
            }
        }
    }
}

/// An unsigned field keeps its value in a signed computation.
#[test]
fn an_unsigned_field_has_no_sign_in_a_signed_comparison() {
    // With a sign the field would be -0x8000.
    let bytes = sent(0, &[0, 0x80, 0xFE]);
    let minus_two = with_sign(whole(2, U8));
    let code = |operation| {
        vec![compare_field(
            operation | SIGNED,
            whole(0, U16),
            NONE,
            minus_two,
        )]
    };
    assert!(judged(code(op::GREATER), &bytes).is_ok());
    assert!(judged(code(op::LESS), &bytes).is_err());
}
