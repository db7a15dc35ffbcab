//! Expressions: instructions, fields, stack and jumps.

use block_table::Flaw;
use block_table::encode::{
    BlockSource, FieldRecord, Instruction, Rule, compare_constant, on_constant, on_stack,
};
use block_table::format::op;

use crate::changed::instruction;
use crate::source::{BE, U8, U16, U32, load, opaque, table, whole};

#[test]
fn instructions_have_only_what_they_use() {
    // The instructions are: 0 compare | 1 push field, 2 push field, 3 add, 4 not | 5 push, 6
    // or-else 2, 7 push, 8 equal 7.
    assert_eq!(instruction(3, |code| code.op = 9), Some(Flaw::Operation));
    assert_eq!(
        instruction(3, |code| code.op |= op::COMPARE),
        Some(Flaw::Operation)
    );
    assert_eq!(
        instruction(4, |code| code.op |= op::IMMEDIATE),
        Some(Flaw::Operation)
    );
    assert_eq!(
        instruction(6, |code| code.op = op::OR_ELSE),
        Some(Flaw::Operation)
    );
    assert_eq!(
        instruction(1, |code| code.op = op::PUSH),
        Some(Flaw::Operation)
    );
    assert_eq!(
        instruction(1, |code| code.op = op::PUSH | op::COMPARE),
        Some(Flaw::Operation)
    );
    // Only a comparison has both sides in its instruction.
    for operation in [op::PUSH, op::NOT, op::ADD, op::BIT_OR, op::COMPARISON] {
        assert_eq!(
            instruction(0, |code| code.op = operation | op::COMPARE),
            Some(Flaw::Operation),
            "operation {operation}"
        );
    }
    for index in [1, 3, 4] {
        assert_eq!(
            instruction(index, |code| code.immediate = 1.into()),
            Some(Flaw::Operation),
            "instruction {index}"
        );
    }
    let parts: [fn(&mut Instruction) -> &mut FieldRecord; 3] = [
        |code| &mut code.left,
        |code| &mut code.plus,
        |code| &mut code.right,
    ];
    for (index, unused) in [
        (1, &parts[..2]),
        (3, &parts),
        (4, &parts),
        (6, &parts),
        (8, &parts),
    ] {
        for part in unused {
            assert_eq!(
                instruction(index, |code| *part(code) = whole(0, U8)),
                Some(Flaw::Operation),
                "instruction {index}"
            );
        }
        assert_eq!(
            instruction(index, |code| code.reserved[1] = 1),
            Some(Flaw::Operation),
            "instruction {index}"
        );
    }
    assert_eq!(
        instruction(0, |code| code.right = whole(0, U8)),
        Some(Flaw::Operation),
        "a field and a constant"
    );
    assert_eq!(
        instruction(0, |code| (code.right, code.immediate) =
            (whole(0, U8), 0.into())),
        None
    );
    assert_eq!(instruction(0, |code| code.plus = whole(1, U8)), None);
    assert_eq!(
        instruction(0, |code| code.left = FieldRecord::default()),
        Some(Flaw::Operation)
    );
    assert_eq!(
        instruction(1, |code| code.right = FieldRecord::default()),
        Some(Flaw::Operation)
    );
}

#[test]
fn fields_of_expressions_lie_in_their_block() {
    let left = |change: fn(&mut FieldRecord)| instruction(0, |code| change(&mut code.left));
    assert_eq!(left(|field| field.start = 121), Some(Flaw::Operation));
    assert_eq!(left(|field| field.shift = 64), Some(Flaw::Operation));
    assert_eq!(left(|field| field.order = 1), Some(Flaw::Operation));
    assert_eq!(left(|field| field.bits = 65), Some(Flaw::Operation));
    assert_eq!(
        left(|field| (field.start, field.bits) = (1, 0)),
        Some(Flaw::Operation)
    );
    assert_eq!(left(|field| field.start = 16), Some(Flaw::OutOfBlock));
    assert_eq!(left(|field| field.start = 15), None);
    assert_eq!(
        left(|field| (field.shift, field.bits) = (8, 8)),
        None,
        "the second byte of the block"
    );
    assert_eq!(
        left(|field| (field.start, field.bits) = (15, 9)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(left(|field| (field.start, field.shift) = (8, 56)), None);
    assert_eq!(
        left(|field| (field.start, field.shift) = (10, 41)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(left(|field| (field.start, field.shift) = (10, 40)), None);
    // In big-endian order the lowest bits lie in the last byte.
    assert_eq!(
        left(|field| (field.start, field.order) = (9, 4)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(left(|field| (field.start, field.order) = (8, 4)), None);
    assert_eq!(
        left(|field| (field.start, field.order, field.shift) = (9, 4, 8)),
        None
    );
    let outside = |part: fn(&mut Instruction) -> &mut FieldRecord| {
        instruction(0, |code| {
            code.immediate = 0.into();
            *part(code) = whole(16, U8);
        })
    };
    assert_eq!(outside(|code| &mut code.plus), Some(Flaw::OutOfBlock));
    assert_eq!(outside(|code| &mut code.right), Some(Flaw::OutOfBlock));
    // A field may end at the very end of the longest block.
    let last = |offset, shape| {
        table(vec![BlockSource {
            last_rules: vec![Rule::Require(vec![load(offset, shape)])],
            ..opaque(0, 128)
        }])
        .encode()
    };
    for (width, shape) in [(1, U8), (2, U16), (4, U32), (2, U16 | BE), (4, U32 | BE)] {
        assert!(last(128 - width, shape).is_ok());
    }
}

#[test]
fn stacks_are_balanced_and_bounded() {
    assert_eq!(
        instruction(0, |code| *code = on_stack(op::NOT)),
        Some(Flaw::StackUnderflow)
    );
    assert_eq!(
        instruction(2, |code| *code = on_stack(op::ADD)),
        Some(Flaw::StackUnderflow)
    );
    assert_eq!(
        instruction(4, |code| *code = on_constant(op::PUSH, 1)),
        Some(Flaw::Result)
    );
    let nested = |depth: usize| {
        let mut code = vec![load(0, U8); depth];
        code.extend(vec![on_stack(op::ADD); depth - 1]);
        table(vec![BlockSource {
            last_rules: vec![Rule::Require(code)],
            ..opaque(0, 16)
        }])
        .encode()
    };
    assert!(nested(16).is_ok());
    assert!(
        nested(17)
            .unwrap_err()
            .to_string()
            .contains("needs more than 16 places of stack")
    );
    let long = |length: usize| {
        let mut code = vec![load(0, U8)];
        code.resize(length, on_constant(op::ADD, 1));
        table(vec![BlockSource {
            last_rules: vec![Rule::Require(code)],
            ..opaque(0, 16)
        }])
        .encode()
    };
    assert!(long(256).is_ok());
    assert!(long(257).is_err());
}

#[test]
fn jumps_go_forward_and_depart_and_arrive_with_one_value() {
    for skip in [0, 3, u64::MAX] {
        assert_eq!(
            instruction(6, |code| code.immediate = skip.into()),
            Some(Flaw::Jump),
            "skip {skip}"
        );
    }
    let jumps = |code: Vec<Instruction>| {
        table(vec![BlockSource {
            last_rules: vec![Rule::Require(code)],
            ..opaque(0, 16)
        }])
        .encode()
    };
    // Two jumps may have one target only if it is reached with one value.
    let meeting = |skip| {
        vec![
            load(0, U8),
            on_constant(op::AND_THEN, 3),
            load(1, U8),
            on_constant(op::AND_THEN, skip),
            load(2, U8),
        ]
    };
    assert!(jumps(meeting(1)).is_ok());
    assert!(jumps(meeting(2)).is_err());
    // The first jump would arrive with two values. The evaluation without a stack would take the
    // second jump for the first comparison, and the stack machine for the second one.
    let compare =
        |offset| compare_constant(op::EQUAL, whole(offset, U8), FieldRecord::default(), 1);
    let two_meanings = vec![
        compare(0),
        compare(1),
        on_constant(op::AND_THEN, 3),
        on_constant(op::OR_ELSE, 3),
        compare(2),
        compare(3),
        on_stack(op::EQUAL),
    ];
    assert!(jumps(two_meanings).is_err());
    let uneven = vec![
        load(0, U8),
        load(0, U8),
        on_constant(op::AND_THEN, 2),
        on_constant(op::AND_THEN, 1),
        load(0, U8),
    ];
    assert!(
        jumps(uneven)
            .unwrap_err()
            .to_string()
            .contains("arrive with one value on the stack")
    );
}
