//! What a write may do, rule by rule, on tables written by hand.

mod source;

use block_table::encode::{
    BlockSource, Checksum, Field, FieldRecord, Layout, Rule as Check, Shape, compare_constant,
    compare_field, field_record, on_constant, on_field, on_stack,
};
use block_table::format::{op, owner, sequence};
use block_table::{History, Image, OnReset, Rule, Table, Violation, Writer};
use source::{BE, U8, U16, U32, U64, bytes, field, load, opaque, table, whole};

/// Admits `sent` into a block that was never written.
fn first_write(block: BlockSource, sent: &[u8]) -> Result<Image, Violation> {
    write(block, Writer::Vf, sent, &[0; 128], History::EMPTY)
}

fn write(
    block: BlockSource,
    writer: Writer,
    sent: &[u8],
    committed: &Image,
    history: History,
) -> Result<Image, Violation> {
    let bytes = table(vec![block])
        .encode()
        .expect("the block is well formed");
    let table = Table::verify(&bytes).expect("the encoder verifies");
    table
        .block(0)
        .expect("there is one")
        .admit(writer, sent, committed, history)
}

fn broken(rule: Rule, offset: u8) -> Result<Image, Violation> {
    Err(Violation { rule, offset })
}

fn with_rules(rules: Vec<Check>) -> BlockSource {
    BlockSource {
        rules,
        ..opaque(0, 16)
    }
}

fn sent(at: usize, value: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn an_opaque_block_takes_any_bytes_and_zero_fills_the_rest() {
    let image = first_write(opaque(0, 16), &[7; 9]).unwrap();
    assert_eq!(image[..9], [7; 9]);
    assert_eq!(image[9..], [0; 119]);
}

#[test]
fn bytes_behind_the_block_are_reserved() {
    assert_eq!(
        first_write(opaque(0, 16), &[1; 17]),
        broken(Rule::Reserved, 16)
    );
}

#[test]
fn each_value_rule_holds_at_its_edges() {
    let near = Check::OneOf(field(2, U16), vec![70, 7, 9]);
    let listed = Check::OneOf(field(2, U16), vec![1, 500, 30]);
    let cases: [(Check, &[u16], &[u16]); 6] = [
        (
            Check::Range(field(2, U16), 5, 9),
            &[5, 7, 9],
            &[4, 10, u16::MAX],
        ),
        (
            Check::Mask(field(2, U16), 0x0F01),
            &[0, 1, 0x0F01],
            &[2, 0x1000],
        ),
        (
            Check::Multiple(field(2, U16), 24),
            &[0, 24, 240],
            &[1, 23, 25],
        ),
        (
            Check::Multiple(field(2, U16), 4096),
            &[0, 4096, 8192],
            &[1, 4095, 4097],
        ),
        (near, &[7, 9, 70], &[0, 6, 8, 69, 71, 7 + 64]),
        (listed, &[1, 30, 500], &[0, 2, 499, 501]),
    ];
    for (check, good, bad) in cases {
        for value in good {
            let sent = sent(2, &value.to_le_bytes());
            assert!(
                first_write(with_rules(vec![check.clone()]), &sent).is_ok(),
                "{check:?} allows {value}"
            );
        }
        for value in bad {
            let sent = sent(2, &value.to_le_bytes());
            assert_eq!(
                first_write(with_rules(vec![check.clone()]), &sent),
                broken(Rule::Value, 2),
                "{check:?} refuses {value}"
            );
        }
    }
}

#[test]
fn a_rule_on_an_array_holds_in_each_element_and_names_the_broken_one() {
    let elements = Field {
        offset: 4,
        operand: U16 | BE,
        elements: 3,
        counted: false,
    };
    let block = || with_rules(vec![Check::Range(elements, 1, 0x0100)]);
    assert!(first_write(block(), &sent(4, &[1, 0, 0, 1, 0, 9])).is_ok());
    assert_eq!(
        first_write(block(), &sent(4, &[1, 0, 0, 1, 1, 1])),
        broken(Rule::Value, 8)
    );
}

#[test]
fn text_is_printable_ascii_with_zeros_behind() {
    let text = Check::Text(Field {
        offset: 2,
        operand: U8,
        elements: 6,
        counted: false,
    });
    for good in [b"".as_slice(), b"a", b" ~", b"full-6"] {
        assert!(
            first_write(with_rules(vec![text.clone()]), &sent(2, good)).is_ok(),
            "{good:?}"
        );
    }
    for (bad, at) in [
        (b"a\x1F".as_slice(), 3),
        (b"\x7F", 2),
        (b"a\0b", 4),
        (b"\xC3\xA9", 2),
    ] {
        assert_eq!(
            first_write(with_rules(vec![text.clone()]), &sent(2, bad)),
            broken(Rule::Text, at),
            "{bad:?}"
        );
    }
}

#[test]
fn a_count_bounds_its_array_and_what_is_behind_it_is_zero() {
    let elements = Field {
        offset: 4,
        operand: U16,
        elements: 3,
        counted: false,
    };
    let rules = || {
        let count = Check::Count {
            field: elements,
            offset: 0,
            operand: U32,
        };
        with_rules(vec![
            count,
            Check::Range(
                Field {
                    counted: true,
                    ..elements
                },
                5,
                9,
            ),
        ])
    };
    assert!(first_write(rules(), &sent(0, &[0, 0, 0, 0])).is_ok());
    assert!(first_write(rules(), &sent(0, &[2, 0, 0, 0, 5, 0, 9, 0])).is_ok());
    assert!(first_write(rules(), &sent(0, &[3, 0, 0, 0, 5, 0, 9, 0, 7, 0])).is_ok());
    assert_eq!(
        first_write(rules(), &sent(0, &[4, 0, 0, 0])),
        broken(Rule::Count, 0)
    );
    assert_eq!(
        first_write(rules(), &sent(0, &[0, 1, 0, 0])),
        broken(Rule::Count, 0)
    );
    assert_eq!(
        first_write(rules(), &sent(0, &[2, 0, 0, 0, 5, 0, 9, 0, 7, 0])),
        broken(Rule::Count, 4)
    );
    assert_eq!(
        first_write(rules(), &sent(0, &[1, 0, 0, 0, 0, 0, 0, 1])),
        broken(Rule::Count, 4)
    );
    assert_eq!(
        first_write(rules(), &sent(0, &[2, 0, 0, 0, 5, 0, 4, 0])),
        broken(Rule::Value, 6)
    );
    // What stands behind the array is not its own.
    assert!(first_write(rules(), &sent(0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).is_ok());
}

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
                // The same in one instruction, with a constant, with a field, with a sum that adds nothing, and with both sides increased.
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

fn sequenced(kind: u8, before: u32, now: u32, history: History) -> Result<Image, Violation> {
    let rule = Check::Sequence {
        field: field(4, U32),
        kind,
        owner: owner::VF,
    };
    let mut committed = [0; 128];
    committed[4..8].copy_from_slice(&before.to_le_bytes());
    write(
        with_rules(vec![rule]),
        Writer::Vf,
        &sent(4, &now.to_le_bytes()),
        &committed,
        history,
    )
}

#[test]
fn sequences_move_on_as_their_kind_says() {
    const HALF: u32 = 1 << 31;
    type Steps = &'static [(u32, u32)];
    let cases: [(u8, Steps, Steps); 3] = [
        (
            sequence::STRICT,
            &[(1, 2), (0, u32::MAX)],
            &[(2, 2), (3, 2), (u32::MAX, 0)],
        ),
        (
            sequence::NON_DECREASING,
            &[(2, 2), (2, 3)],
            &[(3, 2), (u32::MAX, 0)],
        ),
        (
            sequence::SERIAL,
            &[(1, 2), (u32::MAX, 0), (5, 5 + HALF - 1)],
            &[(2, 2), (3, 2), (5, 5 + HALF), (0, u32::MAX)],
        ),
    ];
    for (kind, good, bad) in cases {
        for (before, now) in good {
            assert!(
                sequenced(kind, *before, *now, History::EMPTY.after(Writer::Vf)).is_ok(),
                "{kind}: {before} {now}"
            );
        }
        for (before, now) in bad {
            let outcome = sequenced(kind, *before, *now, History::EMPTY.after(Writer::Vf));
            assert_eq!(outcome, broken(Rule::Sequence, 4), "{kind}: {before} {now}");
        }
    }
}

#[test]
fn the_first_value_of_a_sequence_may_be_any_and_only_its_owner_moves_it() {
    assert!(sequenced(sequence::STRICT, 9, 1, History::EMPTY).is_ok());
    assert!(sequenced(sequence::STRICT, 9, 1, History::EMPTY.after(Writer::Pf)).is_ok());
    let rule = Check::Sequence {
        field: field(4, U32),
        kind: sequence::STRICT,
        owner: owner::VF,
    };
    let both_wrote = History::EMPTY.after(Writer::Pf).after(Writer::Vf);
    assert!(
        write(
            with_rules(vec![rule]),
            Writer::Pf,
            &[0; 16],
            &[9; 128],
            both_wrote
        )
        .is_ok()
    );
}

/// Bytes 0..4 choose; the VF owns 0..8, the PF 8..16.
fn mixed() -> BlockSource {
    let shape = Shape {
        default: [0; 128],
        vf: bytes(0..8),
        pf: bytes(8..16),
        reserved: bytes(16..128),
    };
    BlockSource {
        shape,
        ..opaque(0, 16)
    }
}

#[test]
fn each_side_sets_its_own_bytes_only() {
    let vf = write(mixed(), Writer::Vf, &[1; 16], &[0x55; 128], History::EMPTY);
    assert_eq!(
        vf,
        broken(Rule::Reserved, 16),
        "a committed image with bytes behind the block is not what a broker has"
    );
    let mut committed = [0; 128];
    committed[..16].fill(0x55);
    let vf = write(mixed(), Writer::Vf, &[1; 16], &committed, History::EMPTY).unwrap();
    assert_eq!(
        (&vf[..8], &vf[8..16]),
        ([1; 8].as_slice(), [0x55; 8].as_slice())
    );
    let pf = write(mixed(), Writer::Pf, &[1; 16], &committed, History::EMPTY).unwrap();
    assert_eq!(
        (&pf[..8], &pf[8..16]),
        ([0x55; 8].as_slice(), [1; 8].as_slice())
    );
}

#[test]
fn reserved_bits_are_zero_in_a_write_of_either_side() {
    let mut block = mixed();
    block.shape.reserved[3] = 0xF0;
    block.shape.pf[3] = 0xFF;
    block.shape.reserved[9] = 1;
    assert!(
        write(
            block.clone(),
            Writer::Vf,
            &sent(3, &[0x0F]),
            &[0; 128],
            History::EMPTY
        )
        .is_ok()
    );
    assert_eq!(
        write(
            block.clone(),
            Writer::Vf,
            &sent(3, &[0x10]),
            &[0; 128],
            History::EMPTY
        ),
        broken(Rule::Reserved, 3)
    );
    assert_eq!(
        write(
            block,
            Writer::Pf,
            &sent(9, &[0x01]),
            &[0; 128],
            History::EMPTY
        ),
        broken(Rule::Reserved, 9)
    );
}

/// Byte 0 chooses: with 1 the VF owns 8..12 and the PF 12..16, with 2 it is the other way round, with 3 both are reserved.
fn with_layouts(on_reset: OnReset) -> BlockSource {
    let when = |value| vec![load(0, U8), on_constant(op::EQUAL, value)];
    let common = |mut mask: Image| {
        mask[..8].fill(0xFF);
        mask
    };
    let layout = |value, vf: Image, pf: Image, default_at: Option<usize>, reserved: Image| {
        let mut default = [0; 128];
        if let Some(at) = default_at {
            default[at] = 0xDD;
        }
        Layout {
            when: when(value),
            shape: Shape {
                default,
                vf: common(vf),
                pf,
                reserved,
            },
            rules: Vec::new(),
        }
    };
    let low = bytes(8..12);
    let high = bytes(12..16);
    let both = bytes(8..16);
    let layouts = vec![
        layout(1, low, high, Some(12), bytes(16..128)),
        layout(2, high, low, Some(8), bytes(16..128)),
        layout(3, both, both, None, bytes(8..128)),
    ];
    let shape = Shape {
        default: [0; 128],
        vf: bytes(0..16),
        pf: both,
        reserved: bytes(8..128),
    };
    let mut block = BlockSource {
        shape,
        common: bytes(0..8),
        layouts,
        on_reset,
        ..opaque(0, 16)
    };
    block.shape.default[0] = 3;
    block
}

fn image(first: u8, low: u8, high: u8) -> Image {
    let mut image = [0; 128];
    image[0] = first;
    image[8..12].fill(low);
    image[12..16].fill(high);
    image
}

#[test]
fn a_layout_is_chosen_by_the_merged_image_and_no_match_refuses() {
    let block = || with_layouts(OnReset::Default);
    let admit = |sent: Image, committed: Image| {
        write(block(), Writer::Vf, &sent[..16], &committed, History::EMPTY)
    };
    assert_eq!(
        admit(image(0, 0, 0), image(3, 0, 0)),
        broken(Rule::Layout, 0)
    );
    assert_eq!(
        admit(image(3, 1, 0), image(3, 0, 0)),
        broken(Rule::Reserved, 8)
    );
    // The same layout as before: the PF's bytes stay.
    assert_eq!(admit(image(1, 7, 7), image(1, 5, 6)), Ok(image(1, 7, 6)));
}

#[test]
fn a_newly_chosen_layout_starts_the_other_sides_fields_at_their_defaults() {
    let block = || with_layouts(OnReset::Default);
    // In layout 1 the VF wrote 8..12. In layout 2 these bytes are the PF's: the VF must not have filled them in.
    let admitted = write(
        block(),
        Writer::Vf,
        &image(2, 9, 7)[..16],
        &image(1, 5, 6),
        History::EMPTY,
    )
    .unwrap();
    let mut wanted = image(2, 0, 7);
    wanted[8] = 0xDD;
    assert_eq!(admitted, wanted);
}

#[test]
fn a_reset_wipes_what_a_vf_can_write_and_keeps_the_rest_where_the_manifest_says_so() {
    let reset = |block: BlockSource, committed: &Image| {
        let bytes = table(vec![block]).encode().unwrap();
        Table::verify(&bytes)
            .unwrap()
            .block(0)
            .unwrap()
            .reset_image(committed)
    };
    let mut default = [0; 128];
    default[0] = 3;
    assert_eq!(
        reset(with_layouts(OnReset::Default), &image(1, 5, 6)),
        default
    );
    assert_eq!(reset(with_layouts(OnReset::Keep), &image(1, 5, 6)), default);
    let kept = reset(
        BlockSource {
            on_reset: OnReset::Keep,
            ..mixed()
        },
        &image(1, 5, 6),
    );
    assert_eq!(kept, image(0, 5, 6));
    // Without the VF's hand in the choice the layout stays, and so do the PF's bytes in it.
    let mut chosen_by_pf = with_layouts(OnReset::Keep);
    for shape in std::iter::once(&mut chosen_by_pf.shape).chain(
        chosen_by_pf
            .layouts
            .iter_mut()
            .map(|layout| &mut layout.shape),
    ) {
        shape.vf[0] = 0;
        shape.pf[0] = 0xFF;
    }
    assert_eq!(reset(chosen_by_pf, &image(1, 5, 6)), image(1, 0, 6));
}

#[test]
fn a_checksum_covers_all_bytes_before_it_as_its_owner_sent_them() {
    for (shape, order) in [
        (U32, u32::to_le_bytes as fn(u32) -> [u8; 4]),
        (U32 | BE, u32::to_be_bytes),
    ] {
        let block = BlockSource {
            checksum: Some(Checksum {
                offset: 9,
                operand: shape,
                owner: owner::VF,
            }),
            ..opaque(0, 16)
        };
        let bytes = table(vec![block]).encode().unwrap();
        let table = Table::verify(&bytes).unwrap();
        let block = table.block(0).unwrap();
        let mut sent = [0; 16];
        sent[..9].copy_from_slice(b"123456789");
        sent[9..13].copy_from_slice(&order(0xCBF4_3926));
        assert_eq!(block.check_sent(Writer::Vf, &sent), Ok(()));
        for (at, writer, good) in [
            (15, Writer::Vf, true),
            (12, Writer::Vf, false),
            (0, Writer::Vf, false),
            (0, Writer::Pf, true),
        ] {
            let mut sent = sent;
            sent[at] ^= 1;
            let wanted = if good {
                Ok(())
            } else {
                Err(Violation {
                    rule: Rule::Checksum,
                    offset: 9,
                })
            };
            assert_eq!(block.check_sent(writer, &sent), wanted, "bit in byte {at}");
        }
        for short in [12, 9, 8, 0] {
            assert!(
                block.check_sent(Writer::Vf, &sent[..short]).is_err(),
                "{short} bytes"
            );
        }
    }
}

#[test]
fn last_rules_hold_in_every_layout() {
    let mut block = with_layouts(OnReset::Default);
    block.last_rules = vec![Check::Range(field(4, U8), 0, 3)];
    let mut sent = image(1, 0, 0);
    sent[4] = 4;
    assert_eq!(
        write(
            block,
            Writer::Vf,
            &sent[..16],
            &image(3, 0, 0),
            History::EMPTY
        ),
        broken(Rule::Value, 4)
    );
}
