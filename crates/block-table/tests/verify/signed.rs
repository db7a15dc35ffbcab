//! Signed rules and operations.

use block_table::encode::{BlockSource, FieldRecord, Rule, on_constant, on_stack, with_sign};
use block_table::format::{Instruction, RuleRecord, op, operand, rule};
use block_table::{Flaw, Table};

use crate::changed::{instruction, rule_of};
use crate::source::{U8, U16, field, opaque, table, whole};

#[test]
fn only_numbers_are_signed() {
    // The instructions are: 0 compare | 1 push field, 2 push field, 3 add, 4 not | 5 push, 6
    // or-else 2, 7 push, 8 equal 7.
    let signed = |index| instruction(index, |code| code.op |= op::SIGNED);
    for index in [0, 1, 2, 3, 5, 7, 8] {
        assert_eq!(signed(index), None, "instruction {index}");
    }
    for index in [4, 6] {
        assert_eq!(signed(index), Some(Flaw::Operation), "instruction {index}");
    }
    let pushed = on_constant(op::PUSH | op::SIGNED, 1);
    assert_eq!(
        instruction(1, |code| *code = pushed),
        Some(Flaw::Operation),
        "a constant has no sign to extend"
    );
    let unknown = on_stack(9 | op::SIGNED);
    assert_eq!(
        instruction(3, |code| *code = unknown),
        Some(Flaw::Operation)
    );
}

#[test]
fn a_field_has_a_sign_only_in_a_signed_operation() {
    type Change = fn(&mut Instruction);
    fn sign(field: &mut FieldRecord) {
        *field = with_sign(*field);
    }
    let parts: [(usize, Change); 3] = [
        (0, |code| sign(&mut code.left)),
        (0, |code| {
            code.plus = with_sign(whole(1, U8));
        }),
        (1, |code| sign(&mut code.right)),
    ];
    for (index, change) in parts {
        assert_eq!(instruction(index, change), Some(Flaw::Operation));
    }
    assert_eq!(
        instruction(0, |code| {
            code.op |= op::SIGNED;
            sign(&mut code.left);
        }),
        None
    );
    assert_eq!(
        instruction(1, |code| {
            code.op |= op::SIGNED;
            sign(&mut code.right);
        }),
        None
    );
    // A rule's field has none: its kind says how it is compared.
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.operand |= operand::SIGNED),
        Some(Flaw::Operand)
    );
}

/// The verifier's result for a signed range from -2 to 3 after a change.
fn range(change: impl FnOnce(&mut RuleRecord)) -> Option<Flaw> {
    let signed = |record: &mut RuleRecord| {
        record.kind = rule::SIGNED_RANGE;
        (record.a, record.b) = (0xFE.into(), 5.into());
        change(record);
    };
    rule_of(rule::RANGE, signed)
}

#[test]
fn a_signed_range_has_the_bits_of_its_integer() {
    assert_eq!(range(|_| ()), None);
    assert_eq!(range(|rule| rule.a = 0xFF.into()), None);
    assert_eq!(range(|rule| rule.a = 0x100.into()), Some(Flaw::Range));
    assert_eq!(range(|rule| rule.b = 0xFF.into()), None);
    assert_eq!(range(|rule| rule.b = 0x100.into()), Some(Flaw::Range));
    assert_eq!(range(|rule| rule.detail = 1), Some(Flaw::ReservedNotZero));
    // Some bits of an integer are no signed value.
    assert_eq!(range(|rule| rule.mask = 0x7F.into()), Some(Flaw::Range));
    let bytes = table(vec![BlockSource {
        rules: vec![Rule::SignedRange(field(14, U16), 0x8000, 0x7FFF)],
        ..opaque(0, 16)
    }])
    .encode()
    .expect("well formed");
    assert!(Table::verify(&bytes).is_ok());
}
