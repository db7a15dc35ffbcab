//! `require`: the results of expressions.

use block_table::Rule;
use block_table::encode::{
    FieldRecord, Instruction, Rule as Check, compare_constant, compare_field, field_record,
    on_constant, on_field, on_stack,
};
use block_table::format::op;

use crate::attempt::{broken, first_write, sent, with_rules};
use crate::source::{BE, U8, U16, U64, load, whole};

#[test]
fn each_operation_of_an_expression_gives_its_result() {
    let cases = [
        (op::ADD, 2, 3, 5),
        (op::SUBTRACT, 9, 4, 5),
        (op::MULTIPLY, 6, 7, 42),
        (op::BIT_AND, 6, 3, 2),
        (op::BIT_OR, 6, 3, 7),
        (op::EQUAL, 4, 4, 1),
        (op::EQUAL, 4, 5, 0),
        (op::NOT_EQUAL, 4, 5, 1),
        (op::NOT_EQUAL, 5, 5, 0),
        (op::LESS, 4, 5, 1),
        (op::LESS, 5, 5, 0),
        (op::LESS_OR_EQUAL, 5, 5, 1),
        (op::LESS_OR_EQUAL, 6, 5, 0),
        (op::GREATER, 6, 5, 1),
        (op::GREATER, 5, 5, 0),
        (op::GREATER_OR_EQUAL, 5, 5, 1),
        (op::GREATER_OR_EQUAL, 4, 5, 0),
    ];
    for (operation, left, right, result) in cases {
        let image = sent(0, &[left, right]);
        for wanted in [result, result ^ 1] {
            let stacked = vec![
                load(0, U8),
                load(1, U8),
                on_stack(operation),
                on_constant(op::EQUAL, wanted),
            ];
            let immediate = vec![
                load(0, U8),
                on_constant(operation, right.into()),
                on_constant(op::EQUAL, wanted),
            ];
            let mut codes = vec![stacked, immediate];
            if operation >= op::EQUAL {
                // The same in one instruction, with a constant, with a field, with a sum that adds
                // nothing, and with both sides increased.
                let (one, other, none) = (whole(0, U8), whole(1, U8), FieldRecord::default());
                let one_more = on_constant(op::EQUAL, wanted);
                codes.push(vec![
                    compare_constant(operation, one, none, right.into()),
                    one_more,
                ]);
                codes.push(vec![compare_field(operation, one, none, other), one_more]);
                codes.push(vec![
                    compare_field(operation, one, whole(8, U16), other),
                    one_more,
                ]);
                codes.push(vec![
                    compare_constant(operation, one, other, u64::from(right) * 2),
                    one_more,
                ]);
            }
            for code in codes {
                let outcome = first_write(with_rules(vec![Check::Require(code)]), &image);
                assert_eq!(
                    outcome.is_ok(),
                    wanted == result,
                    "{left} {operation} {right}"
                );
            }
        }
    }
}

#[test]
fn overflow_refuses_in_every_operation_that_can_overflow() {
    for (operation, left, right) in [
        (op::ADD, u64::MAX, 1),
        (op::SUBTRACT, 0, 1),
        (op::MULTIPLY, 1 << 32, 1 << 32),
    ] {
        let code = vec![load(0, U64), load(8, U64), on_stack(operation)];
        let mut image = [0; 16];
        image[..8].copy_from_slice(&left.to_le_bytes());
        image[8..].copy_from_slice(&u64::to_le_bytes(right));
        assert_eq!(
            first_write(with_rules(vec![Check::Require(code)]), &image),
            broken(Rule::Overflow, 0)
        );
    }
}

#[test]
fn overflow_refuses_in_a_comparison_of_a_sum() {
    let sum = |right: u64| {
        with_rules(vec![Check::Require(vec![compare_constant(
            op::GREATER_OR_EQUAL,
            whole(0, U64),
            whole(8, U64),
            right,
        )])])
    };
    let image = |one: u64, other: u64| {
        let mut image = [0; 16];
        image[..8].copy_from_slice(&one.to_le_bytes());
        image[8..].copy_from_slice(&other.to_le_bytes());
        image
    };
    assert!(first_write(sum(u64::MAX), &image(u64::MAX - 1, 1)).is_ok());
    assert_eq!(
        first_write(sum(u64::MAX), &image(u64::MAX - 1, 0)),
        broken(Rule::Require, 0)
    );
    assert_eq!(
        first_write(sum(0), &image(u64::MAX, 1)),
        broken(Rule::Overflow, 0)
    );
}

#[test]
fn and_or_evaluate_their_right_side_only_when_it_matters() {
    // a != 0 && a - 1 < 4, and a == 0 || a - 1 < 4: with a = 0 the subtraction would overflow.
    let less = [
        load(0, U8),
        on_constant(op::SUBTRACT, 1),
        on_constant(op::LESS, 4),
    ];
    let joined = |first: u8, jump: u8| {
        let mut code = vec![load(0, U8), on_constant(first, 0), on_constant(jump, 3)];
        code.extend(less);
        with_rules(vec![Check::Require(code)])
    };
    let and = |a| first_write(joined(op::NOT_EQUAL, op::AND_THEN), &sent(0, &[a]));
    let or = |a| first_write(joined(op::EQUAL, op::OR_ELSE), &sent(0, &[a]));
    assert_eq!(and(0), broken(Rule::Require, 0));
    assert!(or(0).is_ok());
    for outcome in [and(4), or(4)] {
        assert!(outcome.is_ok());
    }
    for outcome in [and(5), or(5)] {
        assert_eq!(outcome, broken(Rule::Require, 0));
    }
}

#[test]
fn a_load_can_cut_out_bits_and_not_inverts() {
    let bits = on_field(op::PUSH, field_record(2, U16 | BE, 4, 3));
    let code = vec![bits, on_stack(op::NOT)];
    assert!(
        first_write(
            with_rules(vec![Check::Require(code.clone())]),
            &sent(2, &[0xFF, 0x8F])
        )
        .is_ok()
    );
    assert_eq!(
        first_write(with_rules(vec![Check::Require(code)]), &sent(2, &[0, 0x10])),
        broken(Rule::Require, 0)
    );
}

/// Conditions that need no stack have their own evaluation; one more instruction that needs it runs
/// the same condition on the stack machine.
#[test]
fn conditions_say_the_same_with_and_without_the_stack() {
    /// A condition on two truth values, and its result for them.
    type Case = (Vec<Instruction>, fn(bool, bool) -> bool);
    let is = |offset, value| {
        compare_constant(op::EQUAL, whole(offset, U8), FieldRecord::default(), value)
    };
    let (and, or) = (on_constant(op::AND_THEN, 1), on_constant(op::OR_ELSE, 1));
    let not = on_stack(op::NOT);
    let cases: [Case; 6] = [
        (vec![is(0, 1)], |a, _| a),
        (vec![is(0, 1), not], |a, _| !a),
        (vec![is(0, 1), and, is(1, 2)], |a, b| a && b),
        (vec![is(0, 1), or, is(1, 2)], |a, b| a || b),
        (vec![is(0, 1), not, and, is(1, 2), not], |a, b| a || !b),
        (vec![is(0, 1), not, or, is(1, 2), not], |a, b| a && !b),
    ];
    for (code, expected) in cases {
        let mut stacked = code.clone();
        stacked.push(on_constant(op::BIT_AND, 1));
        for (a, b) in [(0, 0), (0, 2), (1, 0), (1, 2)] {
            for code in [&code, &stacked] {
                let block = with_rules(vec![Check::Require(code.clone())]);
                assert_eq!(
                    first_write(block, &sent(0, &[a, b])).is_ok(),
                    expected(a == 1, b == 2),
                    "{a} {b} {code:?}"
                );
            }
        }
    }
}

#[test]
fn every_place_of_the_stack_keeps_its_value() {
    // 1 + (2 + (3 + ... 16)): all of them are pushed before the first is taken.
    let mut code: Vec<_> = (1..=16).map(|value| on_constant(op::PUSH, value)).collect();
    code.extend([on_stack(op::ADD); 15]);
    code.push(on_constant(op::EQUAL, 136));
    assert!(first_write(with_rules(vec![Check::Require(code)]), &sent(0, &[])).is_ok());
    // Comparisons with both sides in the instruction push their result on the stack.
    let one = |value| compare_constant(op::EQUAL, whole(0, U8), FieldRecord::default(), value);
    let mut code: Vec<_> = (1..=4).map(|value| on_constant(op::PUSH, value)).collect();
    code.extend([one(7), one(8), one(7)]);
    code.extend([on_stack(op::ADD); 6]);
    code.push(on_constant(op::EQUAL, 12));
    assert!(first_write(with_rules(vec![Check::Require(code)]), &sent(0, &[7])).is_ok());
}
