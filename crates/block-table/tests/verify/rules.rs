//! Rules on fields.

use block_table::Flaw;
use block_table::encode::{BlockSource, Field, Rule};
use block_table::format::{RuleRecord, rule};

use crate::changed::{changed, rule_of};
use crate::source::{U8, U16, field, opaque, table};

#[test]
fn rules_lie_in_their_block_and_can_hold() {
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.kind = 0x7F),
        Some(Flaw::RuleKind)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.kind = 0x7F | rule::COUNTED),
        Some(Flaw::Counted)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.operand = 8),
        Some(Flaw::Operand)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.elements = 0),
        Some(Flaw::Elements)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.elements = 17),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| (rule.offset, rule.start) = (16, 16)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| (rule.offset, rule.start) = (15, 15)),
        None
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.start = 1),
        Some(Flaw::Place)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.shift = 8),
        Some(Flaw::Place)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.mask = 0xFFFF.into()),
        Some(Flaw::Place)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.a = 201.into()),
        Some(Flaw::Range)
    );
    assert_eq!(rule_of(rule::RANGE, |rule| rule.a = 200.into()), None);
    for kind in [
        rule::RANGE,
        rule::MASK,
        rule::MULTIPLE,
        rule::ONE_OF_NEAR,
        rule::ONE_OF_LISTED,
        rule::TEXT,
    ] {
        assert_eq!(
            rule_of(kind, |rule| rule.detail = 1),
            Some(Flaw::ReservedNotZero),
            "kind {kind}"
        );
        assert_eq!(
            rule_of(kind, |rule| rule.second = 1),
            Some(Flaw::ReservedNotZero),
            "kind {kind}"
        );
    }
    for kind in [
        rule::MASK,
        rule::MULTIPLE,
        rule::TEXT,
        rule::COUNT,
        rule::SEQUENCE,
    ] {
        assert_eq!(
            rule_of(kind, |rule| rule.b = 1.into()),
            Some(Flaw::ReservedNotZero),
            "kind {kind}"
        );
    }
    for kind in [rule::TEXT, rule::COUNT, rule::SEQUENCE] {
        assert_eq!(
            rule_of(kind, |rule| rule.a = 1.into()),
            Some(Flaw::ReservedNotZero),
            "kind {kind}"
        );
    }
    assert_eq!(
        rule_of(rule::MULTIPLE, |rule| rule.a = 0.into()),
        Some(Flaw::Divisor)
    );
    assert_eq!(
        rule_of(rule::ONE_OF_NEAR, |rule| rule.b = 0.into()),
        Some(Flaw::Values)
    );
    let wide =
        |rule: &mut RuleRecord| (rule.operand, rule.elements, rule.mask) = (1, 1, 0xFFFF.into());
    assert_eq!(rule_of(rule::TEXT, wide), Some(Flaw::ReservedNotZero));
}

#[test]
fn lists_of_values_ascend() {
    assert_eq!(
        rule_of(rule::ONE_OF_LISTED, |rule| rule.a = 1.into()),
        Some(Flaw::Values)
    );
    for count in [0, 4, 4097, u64::MAX] {
        assert_eq!(
            rule_of(rule::ONE_OF_LISTED, |rule| rule.b = count.into()),
            Some(Flaw::Values)
        );
    }
    for value in [0, 1001] {
        let outcome = changed(|bytes, offsets| {
            bytes[offsets.values + 8..offsets.values + 16]
                .copy_from_slice(&u64::to_le_bytes(value));
        });
        assert_eq!(
            outcome.unwrap_err().0,
            Flaw::Values,
            "{value} between 0 and 1000"
        );
    }
    let values = |count: u64| {
        table(vec![BlockSource {
            rules: vec![Rule::OneOf(
                field(0, U16),
                (0..count).map(|value| value * 9).collect(),
            )],
            ..opaque(0, 4)
        }])
    };
    assert!(values(4096).encode().is_ok());
    assert!(values(4097).encode().is_err());
}

#[test]
fn counts_and_sequences_are_known_integers() {
    assert_eq!(
        rule_of(rule::COUNT, |rule| rule.detail = 16),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        rule_of(rule::COUNT, |rule| rule.second = 8),
        Some(Flaw::Operand)
    );
    assert_eq!(
        rule_of(rule::RANGE | rule::COUNTED, |rule| rule.elements = 2),
        Some(Flaw::Counted)
    );
    assert_eq!(
        rule_of(rule::TEXT, |rule| rule.kind |= rule::COUNTED),
        Some(Flaw::Counted)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.kind |= rule::COUNTED),
        Some(Flaw::Counted)
    );
    // Some kinds of rules cannot apply to elements, even of a counted field.
    let twice = Field {
        offset: 4,
        operand: U8,
        elements: 3,
        counted: false,
    };
    let rules = vec![
        Rule::Count {
            field: twice,
            offset: 0,
            operand: U8,
        },
        Rule::Text(Field {
            counted: true,
            ..twice
        }),
    ];
    assert!(
        table(vec![BlockSource {
            rules,
            ..opaque(0, 16)
        }])
        .encode()
        .is_err()
    );
    assert_eq!(
        rule_of(rule::SEQUENCE, |rule| rule.detail = 6),
        Some(Flaw::SequenceKind)
    );
    assert_eq!(
        rule_of(rule::SEQUENCE, |rule| rule.elements = 2),
        Some(Flaw::Elements)
    );
    for owner in [0, 4] {
        assert_eq!(
            rule_of(rule::SEQUENCE, |rule| rule.second = owner),
            Some(Flaw::Owner)
        );
    }
}

#[test]
fn a_rule_may_judge_consecutive_bits_of_a_single_integer() {
    let bits = |shift: u8, mask: u64| {
        rule_of(rule::MASK, |rule| {
            (rule.shift, rule.mask) = (shift, mask.into());
        })
    };
    // The field is a byte.
    for (shift, mask) in [(0, 0xFF), (0, 1), (7, 1), (3, 0x1F), (1, 0x7F)] {
        assert_eq!(bits(shift, mask), None, "{shift} {mask:#x}");
    }
    for (shift, mask) in [
        (0, 0),
        (0, 2),
        (0, 5),
        (1, 0xFF),
        (7, 3),
        (8, 1),
        (64, 1),
        (255, 1),
    ] {
        assert_eq!(bits(shift, mask), Some(Flaw::Place), "{shift} {mask:#x}");
    }
    // The others judge the whole integer, or several.
    for kind in [rule::TEXT, rule::COUNT, rule::SEQUENCE] {
        assert_eq!(
            rule_of(kind, |rule| rule.mask = 1.into()),
            Some(Flaw::Place)
        );
    }
    let counted = rule::RANGE | rule::COUNTED;
    assert_eq!(
        rule_of(counted, |rule| rule.mask = 1.into()),
        Some(Flaw::Place)
    );
    let two = |rule: &mut RuleRecord| (rule.elements, rule.mask) = (2, 1.into());
    assert_eq!(rule_of(rule::MASK, two), Some(Flaw::Place));
}

#[test]
fn a_requirement_has_no_field() {
    let changes: [fn(&mut RuleRecord); 8] = [
        |rule| rule.offset = 1,
        |rule| rule.operand = 1,
        |rule| rule.elements = 1,
        |rule| rule.start = 1,
        |rule| rule.shift = 1,
        |rule| rule.detail = 1,
        |rule| rule.second = 1,
        |rule| rule.mask = 1.into(),
    ];
    for change in changes {
        assert_eq!(rule_of(rule::REQUIRE, change), Some(Flaw::ReservedNotZero));
    }
    for count in [0, 257, u64::MAX] {
        assert_eq!(
            rule_of(rule::REQUIRE, |rule| rule.b = count.into()),
            Some(Flaw::ExpressionLength)
        );
    }
    assert_eq!(
        rule_of(rule::REQUIRE, |rule| rule.a = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        rule_of(rule::REQUIRE, |rule| rule.b = 200.into()),
        Some(Flaw::Span)
    );
}
