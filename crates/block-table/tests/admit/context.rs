//! Rules that read the write itself, the block before it, or other blocks.

use block_table::encode::{
    BlockSource, FieldRecord, Instruction, Rule as Check, compare_constant, compare_field,
    from_source, on_constant, on_field, on_stack,
};
use block_table::format::{op, owner, source};
use block_table::{Access, History, Image, Rule, Table, Violation, Write, Writer};

use crate::attempt::{broken, sent, with_rules, write};
use crate::source::{BE, U8, U16, bytes, opaque, table, whole};

const NONE: FieldRecord = FieldRecord {
    start: 0,
    shift: 0,
    order: 0,
    bits: 0,
};

fn of(source: u8, offset: u8, shape: u8) -> FieldRecord {
    from_source(source, whole(offset, shape))
}

fn require(code: Vec<Instruction>) -> BlockSource {
    with_rules(vec![Check::Require(code)])
}

fn outcome(block: BlockSource, writer: Writer, bytes: &[u8], committed: &Image) -> Option<Rule> {
    let written = write(block, writer, bytes, committed, History::EMPTY);
    written.err().map(|violation| violation.rule)
}

#[test]
fn a_rule_reads_how_many_bytes_were_sent() {
    let block = || BlockSource {
        min_length: 1,
        ..require(vec![compare_constant(
            op::EQUAL,
            of(source::WRITE, source::LENGTH, U8),
            NONE,
            7,
        )])
    };
    for (length, expected) in [
        (6, Some(Rule::Require)),
        (7, None),
        (8, Some(Rule::Require)),
    ] {
        let sent = &[0xFF; 16][..length];
        assert_eq!(
            outcome(block(), Writer::Vf, sent, &[0; 128]),
            expected,
            "{length} bytes"
        );
    }
}

#[test]
fn a_rule_reads_who_writes() {
    let writer = |side: u8| {
        require(vec![compare_constant(
            op::EQUAL,
            of(source::WRITE, source::WRITER, U8),
            NONE,
            side.into(),
        )])
    };
    for (side, wanted) in [(Writer::Vf, owner::VF), (Writer::Pf, owner::PF)] {
        for rule in [owner::VF, owner::PF] {
            let expected = (rule != wanted).then_some(Rule::Require);
            assert_eq!(
                outcome(writer(rule), side, &[0; 16], &[0; 128]),
                expected,
                "{side:?}"
            );
        }
    }
}

/// A field of either order is read from the block before the write, on and off the stack.
#[test]
fn a_rule_reads_the_block_before_the_write() {
    for shape in [U16, U16 | BE] {
        let (before, now) = (of(source::WAS, 2, shape), whole(2, shape));
        let one_more = |value: u16| {
            if shape == U16 {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let fused = vec![compare_field(op::LESS, before, NONE, now)];
        let stacked = vec![
            on_field(op::PUSH, before),
            on_constant(op::ADD, 1),
            on_field(op::PUSH, now),
            on_stack(op::LESS_OR_EQUAL),
        ];
        for code in [fused, stacked] {
            let attempt = |was: u16, is: u16| {
                let mut committed = [0; 128];
                committed[2..4].copy_from_slice(&one_more(was));
                let bytes = sent(2, &one_more(is));
                outcome(require(code.clone()), Writer::Vf, &bytes, &committed)
            };
            assert_eq!(attempt(0x00FF, 0x0100), None);
            assert_eq!(attempt(0x0100, 0x00FF), Some(Rule::Require));
            assert_eq!(attempt(0x0100, 0x0100), Some(Rule::Require));
        }
    }
}

/// The length and the writer do not leak into the image, nor the image into them.
#[test]
fn sums_of_several_sources_are_compared() {
    let block = || BlockSource {
        min_length: 1,
        ..require(vec![compare_field(
            op::EQUAL,
            of(source::WAS, 0, U8),
            whole(0, U8),
            of(source::WRITE, source::LENGTH, U8),
        )])
    };
    let mut committed = [0; 128];
    committed[0] = 3;
    let write = |bytes: &[u8]| outcome(block(), Writer::Vf, bytes, &committed);
    assert_eq!(write(&[2, 9, 9, 9, 9]), None);
    assert_eq!(write(&[2, 9, 9, 9]), Some(Rule::Require));
    assert_eq!(write(&[3, 9, 9, 9, 9]), Some(Rule::Require));
}

fn overflowing(source: u8) -> BlockSource {
    require(vec![
        on_field(op::PUSH, of(source, 0, U8)),
        on_constant(op::SUBTRACT, 5),
        on_constant(op::LESS, 9),
    ])
}

#[test]
fn an_overflow_in_another_source_refuses_the_write() {
    let mut committed = [0; 128];
    for (was, expected) in [(5, None), (4, Some(Rule::Overflow))] {
        committed[0] = was;
        assert_eq!(
            outcome(overflowing(source::WAS), Writer::Vf, &[0; 16], &committed),
            expected
        );
    }
}

/// `request` at byte 0 is at most the limit at byte 3 of the second used block.
fn limited() -> Vec<u8> {
    let rule = vec![compare_field(
        op::LESS_OR_EQUAL,
        whole(0, U8),
        NONE,
        of(source::used(1), 3, U8),
    )];
    let other = |id, default: u8| {
        let mut block = BlockSource {
            vf_access: Access::None,
            ..opaque(id, 4)
        };
        block.shape.default[3] = default;
        block
    };
    let block = BlockSource {
        uses: vec![1, 2],
        last_rules: vec![Check::Require(rule)],
        ..opaque(0, 16)
    };
    table(vec![block, other(1, 99), other(2, 4)])
        .encode()
        .unwrap()
}

#[test]
fn a_rule_reads_the_blocks_that_its_block_uses() {
    let bytes = limited();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    assert_eq!(block.uses().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(table.block(1).unwrap().uses().count(), 0);
    let (zero, mut limit) = ([0; 128], [0; 128]);
    limit[3] = 7;
    let attempt = |writer, request, used| {
        let write = Write {
            used,
            ..Write::new(writer, 16, &zero, History::EMPTY)
        };
        let mut image = [0; 128];
        image[0] = request;
        block.admit_in_place(&write, &mut image)
    };
    let used = [&zero, &limit, &zero, &zero];
    let refused = Err(Violation {
        rule: Rule::Require,
        offset: 0,
    });
    assert_eq!(attempt(Writer::Vf, 7, used), Ok(()));
    assert_eq!(attempt(Writer::Vf, 8, used), refused);
    assert_eq!(
        attempt(Writer::Pf, 8, used),
        Ok(()),
        "a publish is not judged by other blocks"
    );
    // Without their values the used blocks have their defaults.
    assert_eq!(block.defaults_of_used()[1][3], 4);
    let by_default = |request| block.admit(Writer::Vf, &[request; 16], &zero, History::EMPTY);
    assert!(by_default(4).is_ok());
    assert_eq!(by_default(5), broken(Rule::Require, 0));
}

#[test]
fn a_judgement_without_the_value_before_skips_rules_that_compare_with_it() {
    let not_less = || {
        Check::Require(vec![compare_field(
            op::GREATER_OR_EQUAL,
            whole(0, U8),
            NONE,
            of(source::WAS, 0, U8),
        )])
    };
    let length = Check::Require(vec![compare_constant(
        op::EQUAL,
        of(source::WRITE, source::LENGTH, U8),
        NONE,
        16,
    )]);
    let bytes = table(vec![with_rules(vec![not_less(), length])])
        .encode()
        .unwrap();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let attempt = |compares, length| {
        let write = Write {
            compares,
            ..Write::new(Writer::Pf, length, &[9; 128], History::EMPTY)
        };
        let outcome = block.admit_in_place(&write, &mut [0; 128]);
        outcome.err().map(|violation| violation.rule)
    };
    assert_eq!(attempt(true, 16), Some(Rule::Require));
    assert_eq!(attempt(false, 16), None);
    assert_eq!(
        attempt(false, 15),
        Some(Rule::Require),
        "others still apply"
    );
}

#[test]
fn a_block_knows_what_its_rules_depend_on() {
    let knows = |source: Option<u8>, uses: Vec<u16>| {
        let field = source.map_or(whole(0, U8), |source| of(source, 0, U8));
        let block = BlockSource {
            uses,
            ..require(vec![compare_constant(op::LESS, field, NONE, 9)])
        };
        let other = BlockSource {
            vf_access: Access::ReadOnly,
            ..opaque(1, 4)
        };
        let bytes = table(vec![block, other]).encode().unwrap();
        let table = Table::verify(&bytes).unwrap();
        let block = table.block(0).unwrap();
        (block.judges_in_context(), block.compares_publishes())
    };
    assert_eq!(knows(None, Vec::new()), (false, false));
    assert_eq!(knows(Some(source::WRITE), Vec::new()), (true, false));
    assert_eq!(knows(Some(source::WAS), Vec::new()), (true, true));
    assert_eq!(knows(Some(source::used(0)), vec![1]), (true, false));
}

/// Bytes after the block, which the memory of a VF shares with the next block, are not read.
#[test]
fn what_follows_a_shorter_block_is_never_read() {
    let code = vec![compare_constant(
        op::EQUAL,
        of(source::WAS, 14, U16),
        NONE,
        0,
    )];
    let mut block = require(code);
    block.shape.vf = bytes(0..16);
    let mut committed = [0xEE; 128];
    committed[..16].fill(0);
    assert_eq!(outcome(block, Writer::Vf, &[0; 16], &committed), None);
}
