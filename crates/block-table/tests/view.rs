//! A table's view returns the content of its source, and the writer arranges it for fast
//! evaluation.

mod source;

use block_table::encode::{
    BlockSource, Field, FieldRecord, Layout, Rule as Check, Shape, Source, compare_constant,
    compare_field, on_constant,
};
use block_table::format::{Header, VERSION, op};
use block_table::{
    Access, Block, Companion, History, Kind, Limits, OnReset, Reset, Rule, ShortRead, Table,
    WhenFull, Writer,
};
use source::{U8, U16, bytes, field, load, opaque, stream, table, whole};
use zerocopy::FromBytes;

fn encoded(blocks: Vec<BlockSource>) -> Vec<u8> {
    table(blocks).encode().expect("the blocks are well formed")
}

#[test]
fn the_device_is_what_was_written() {
    let limits = Limits {
        writes_per_second: 2000,
        burst: 64,
    };
    let source = Source {
        limits: Some(limits),
        ..table(vec![opaque(5, 16), opaque(9, 16)])
    };
    let bytes = source.encode().unwrap();
    let table = Table::verify(&bytes).unwrap();
    let device = table.device();
    assert_eq!(
        (
            device.name,
            device.vendor_id,
            device.device_ids().collect(),
            device.max_vfs
        ),
        ("test", 0x1414, vec![1, 0xB001], 4)
    );
    for (vendor_id, device_id, is) in [
        (0x1414, 1, true),
        (0x1414, 0xB001, true),
        (0x1414, 0, false),
        (0x1415, 1, false),
    ] {
        assert_eq!(
            device.is(vendor_id, device_id),
            is,
            "{vendor_id:04x}:{device_id:04x}"
        );
    }
    assert_eq!(table.limits(), Some(limits));
    assert_eq!(table.reset(), Reset::Immediate);
    assert_eq!(table.block_count(), 2);
    assert_eq!(table.blocks().len(), 2);
    assert_eq!(table.as_bytes(), bytes);
    assert_eq!(table.crc().to_le_bytes(), bytes[16..20]);
    let shown = format!("{table:?} {:?}", table.block(1));
    assert!(
        shown.contains("\"test\"") && shown.contains("\"block-9\""),
        "{shown}"
    );
    let unlimited = encoded(vec![opaque(5, 16)]);
    assert_eq!(Table::verify(&unlimited).unwrap().limits(), None);
}

#[test]
fn the_manifest_and_the_version_are_what_was_written() {
    let source = Source {
        manifest: b"[device]".to_vec(),
        ..table(vec![opaque(5, 16)])
    };
    let with = source.encode().unwrap();
    assert_eq!(Table::verify(&with).unwrap().manifest(), b"[device]");
    let without = encoded(vec![opaque(5, 16)]);
    assert_eq!(Table::verify(&without).unwrap().manifest(), b"");
    for bytes in [with, without] {
        assert_eq!(Table::format_version(&bytes), Some(VERSION));
        assert_eq!(Table::format_version(&bytes[1..]), None);
    }
}

fn all<'t>(blocks: &[Block<'t>], what: impl Fn(&Block<'t>) -> bool) -> Vec<bool> {
    blocks.iter().map(what).collect()
}

#[test]
fn the_reset_is_what_was_written() {
    for timeout in [1, 5000, 60_000] {
        let reset = Reset::Acknowledged { timeout };
        let source = Source {
            reset,
            ..table(vec![opaque(5, 16)])
        };
        let bytes = source.encode().unwrap();
        assert_eq!(Table::verify(&bytes).unwrap().reset(), reset);
        assert_eq!(reset.timeout(), timeout);
    }
    let too_long = Source {
        reset: Reset::Acknowledged { timeout: 60_001 },
        ..table(vec![opaque(5, 16)])
    };
    assert!(too_long.encode().is_err());
}

#[test]
fn each_block_is_what_was_written() {
    let register = BlockSource {
        notify: true,
        short_read: ShortRead::Prefix,
        shape: Shape {
            vf: [0; 128],
            kept: bytes(3..4),
            ..opaque(63, 16).shape
        },
        vf_access: Access::ReadOnly,
        companion: Companion::Read,
        min_length: 8,
        ..opaque(63, 16)
    };
    let queue = BlockSource {
        when_full: WhenFull::DropOldest,
        companion: Companion::Write,
        ..stream(64, 32)
    };
    let both = BlockSource {
        companion: Companion::ReadWrite,
        ..opaque(2, 4)
    };
    let bytes = encoded(vec![register, queue, both, stream(3, 4)]);
    let table = Table::verify(&bytes).unwrap();
    let blocks: Vec<_> = table.blocks().collect();
    assert_eq!(all(&blocks, Block::notify), [true, false, false, false]);
    assert_eq!(
        all(&blocks, Block::invalidatable),
        [true, false, true, true]
    );
    assert_eq!(
        all(&blocks, |block| block.short_read() == ShortRead::Prefix),
        [true, false, false, false]
    );
    assert_eq!(
        all(&blocks, |block| block.on_reset() == OnReset::Keep),
        [true, false, false, false]
    );
    assert_eq!(
        all(&blocks, |block| block.when_full() == WhenFull::DropOldest),
        [false, true, false, false]
    );
    assert_eq!(
        all(&blocks, |block| block.companion().writes()),
        [false, true, true, false]
    );
    assert_eq!(
        all(&blocks, |block| block.companion().reads()),
        [true, false, true, false]
    );
    assert_eq!(
        all(&blocks, |block| block.kind() == Kind::Stream),
        [false, true, false, true]
    );
    assert_eq!(
        all(&blocks, |block| block.vf_access().readable()),
        [true, false, true, false]
    );
    assert_eq!(
        all(&blocks, |block| block.vf_access().writable()),
        [false, true, true, true]
    );
    let numbers: Vec<_> = blocks
        .iter()
        .map(|block| {
            (
                block.id(),
                block.min_length(),
                block.max_length(),
                block.depth(),
            )
        })
        .collect();
    assert_eq!(
        numbers,
        [(63, 8, 16, 0), (64, 32, 32, 4), (2, 4, 4, 0), (3, 4, 4, 4)]
    );
    assert_eq!(blocks[1].name(), "block-64");
}

#[test]
fn a_block_accepts_the_lengths_from_its_shortest_to_its_longest() {
    let block = BlockSource {
        min_length: 8,
        ..opaque(0, 16)
    };
    let bytes = encoded(vec![block]);
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let accepted: Vec<_> = (0..=129)
        .filter(|length| block.accepts_length(*length))
        .collect();
    assert_eq!(accepted, (8..=16).collect::<Vec<_>>());
}

#[test]
fn the_layout_of_an_image_is_the_first_whose_condition_holds() {
    let layout = |when| Layout {
        when,
        shape: opaque(0, 16).shape,
        rules: Vec::new(),
    };
    let equal = |value| compare_constant(op::EQUAL, whole(0, U8), FieldRecord::default(), value);
    let block = BlockSource {
        layouts: vec![
            layout(vec![equal(7)]),
            layout(vec![load(1, U8)]),
            layout(vec![equal(9)]),
        ],
        ..opaque(0, 16)
    };
    let bytes = encoded(vec![block, opaque(1, 16)]);
    let table = Table::verify(&bytes).unwrap();
    let layout_of = |index, start: [u8; 2]| {
        let mut image = [0; 128];
        image[..2].copy_from_slice(&start);
        table.block(index).unwrap().layout_of(&image)
    };
    assert_eq!(layout_of(0, [7, 1]), Some(0));
    assert_eq!(layout_of(0, [9, 1]), Some(1));
    assert_eq!(layout_of(0, [9, 0]), Some(2));
    assert_eq!(layout_of(0, [8, 0]), None);
    assert_eq!(layout_of(1, [7, 1]), None, "a block without layouts");
}

#[test]
fn a_count_that_does_not_stand_first_is_read_where_it_stands() {
    let values = Field {
        offset: 4,
        operand: U16,
        elements: 3,
        counted: false,
    };
    let block = BlockSource {
        rules: vec![Check::Count {
            field: values,
            offset: 2,
            operand: U8,
        }],
        ..opaque(0, 16)
    };
    let bytes = encoded(vec![block]);
    let table = Table::verify(&bytes).unwrap();
    let admit = |sent: &[u8]| {
        let outcome = table
            .block(0)
            .unwrap()
            .admit(Writer::Vf, sent, &[0; 128], History::EMPTY);
        outcome
            .map(drop)
            .map_err(|violation| (violation.rule, violation.offset))
    };
    assert_eq!(admit(&[9, 9, 1, 0, 1, 1]), Ok(()));
    assert_eq!(admit(&[9, 9, 0, 0, 1, 1]), Err((Rule::Count, 4)));
    assert_eq!(admit(&[9, 9, 4]), Err((Rule::Count, 2)));
}

#[test]
fn a_sum_can_be_compared_with_a_field() {
    let sum = compare_field(op::EQUAL, whole(0, U8), whole(1, U8), whole(2, U8));
    let block = BlockSource {
        last_rules: vec![Check::Require(vec![sum])],
        ..opaque(0, 16)
    };
    let bytes = encoded(vec![block]);
    let table = Table::verify(&bytes).unwrap();
    let admit = |sent: &[u8]| {
        let block = table.block(0).unwrap();
        block
            .admit(Writer::Vf, sent, &[0; 128], History::EMPTY)
            .is_ok()
    };
    assert!(admit(&[2, 3, 5]));
    assert!(!admit(&[2, 3, 2]));
}

/// The encoding of a list of allowed values: a bitmap in its rule, or a list in the values.
#[test]
fn values_within_64_of_each_other_are_a_bitmap() {
    let listed = |values: &[u64]| {
        let block = BlockSource {
            rules: vec![Check::OneOf(field(0, U16), values.to_vec())],
            ..opaque(0, 16)
        };
        let bytes = encoded(vec![block]);
        let (header, _) = Header::ref_from_prefix(&bytes).unwrap();
        header.values.get()
    };
    assert_eq!(listed(&[100, 101]), 0);
    assert_eq!(listed(&[0, 63]), 0);
    assert_eq!(listed(&[0, 64]), 2);
}

/// The number of slots in the ID lookup of blocks with these IDs, and the number that it probes.
fn lookup(ids: impl IntoIterator<Item = u32>) -> (u32, u8) {
    let bytes = encoded(ids.into_iter().map(|id| opaque(id, 4)).collect());
    let (header, _) = Header::ref_from_prefix(&bytes).unwrap();
    (header.slots.get(), header.probes)
}

#[test]
fn blocks_are_found_in_one_step_where_that_costs_little() {
    assert_eq!(lookup(0..16), (16, 1), "dense IDs need no hash");
    assert_eq!(lookup([0, 1000]), (2, 1));
    // All of them fall into one slot unless they are spread.
    let (slots, probes) = lookup((0..8).map(|index| index << 16));
    assert!(slots <= 32 && probes == 1, "{slots} slots, {probes} probes");
    // Beyond four times as many slots as blocks, more probes cost less than more slots.
    let (slots, probes) = lookup((0..64_u32).map(|index| index * index * 7919));
    assert!(
        slots <= 512 && probes <= 8,
        "{slots} slots, {probes} probes"
    );
}

/// The longest possible expression, with a jump from its first condition to its end.
#[test]
fn an_expression_of_256_instructions_may_jump_to_its_end() {
    let mut code = vec![load(0, U8), on_constant(op::OR_ELSE, 254)];
    code.push(load(1, U8));
    code.extend((0..253).map(|_| on_constant(op::BIT_OR, 0)));
    assert_eq!(code.len(), 256);
    let block = BlockSource {
        last_rules: vec![Check::Require(code)],
        ..opaque(0, 16)
    };
    let bytes = encoded(vec![block]);
    let table = Table::verify(&bytes).unwrap();
    let admit = |sent: &[u8]| {
        let block = table.block(0).unwrap();
        block
            .admit(Writer::Vf, sent, &[0; 128], History::EMPTY)
            .is_ok()
    };
    assert!(admit(&[1, 0]) && admit(&[0, 1]) && !admit(&[0, 0]));
}
