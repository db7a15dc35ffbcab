//! Rules that read the write itself, the block before it, or other blocks.

use block_table::encode::{
    BlockSource, EncodeError, FieldRecord, Instruction, Layout, Rule, Source, compare_constant,
    from_source, seal,
};
use block_table::format::{
    self, BlockRecord, Header, NO_BLOCK, RuleRecord, context, op, rule, source,
};
use block_table::{Access, Flaw, Table};
use zerocopy::FromBytes;

use crate::changed::record;
use crate::source::{U8, U16, bytes, opaque, stream, table, whole};

/// A block that host software alone writes.
fn published(id: u32, length: u8) -> BlockSource {
    BlockSource {
        vf_access: Access::None,
        ..opaque(id, length)
    }
}

fn at_most_9(field: FieldRecord) -> Vec<Instruction> {
    vec![compare_constant(
        op::LESS_OR_EQUAL,
        field,
        FieldRecord::default(),
        9,
    )]
}

/// A block that uses the blocks at the places `uses`, with one rule on `field`.
fn using(uses: &[u16], field: FieldRecord) -> BlockSource {
    BlockSource {
        uses: uses.to_vec(),
        rules: vec![Rule::Require(at_most_9(field))],
        ..opaque(0, 16)
    }
}

fn flaw(source: &Source) -> Option<Flaw> {
    match source.encode() {
        Ok(_) => None,
        Err(EncodeError::Refused(error)) => Some(error.flaw),
        Err(other) => panic!("{other}"),
    }
}

/// The verifier's result for [`using`] the first of two published blocks, after a change.
fn changed(change: impl FnOnce(&mut BlockRecord, &mut RuleRecord)) -> Option<Flaw> {
    let field = from_source(source::used(0), whole(0, U8));
    let source = table(vec![using(&[1], field), published(1, 16), published(2, 16)]);
    let mut bytes = source.encode().expect("it is well formed");
    let (header, _) = Header::ref_from_prefix(&bytes).unwrap();
    let block_at = size_of::<Header>();
    let slots = block_at + 3 * size_of::<BlockRecord>();
    let rule_at = slots + 2 * header.slots.get() as usize;
    let (mut block, mut rule) = (
        *record::<BlockRecord>(&mut bytes, block_at),
        *record::<RuleRecord>(&mut bytes, rule_at),
    );
    change(&mut block, &mut rule);
    *record(&mut bytes, block_at) = block;
    *record(&mut bytes, rule_at) = rule;
    seal(&mut bytes);
    Table::verify(&bytes).err().map(|error| error.flaw)
}

#[test]
fn a_block_uses_up_to_four_different_other_registers_that_no_vf_writes() {
    assert_eq!(changed(|_, _| ()), None);
    let uses = |uses: [u16; 4]| {
        changed(|block, _| {
            for (place, index) in block.uses.iter_mut().zip(uses) {
                place.set(index);
            }
        })
    };
    let none = NO_BLOCK;
    assert_eq!(uses([2, none, none, none]), None);
    assert_eq!(uses([2, 1, none, none]), None);
    for wrong in [
        [0, none, none, none],
        [3, none, none, none],
        [none, 1, none, none],
        [1, none, none, 2],
        [1, 1, none, none],
        [1, 2, 1, none],
        [1, 2, 0, none],
    ] {
        assert_eq!(uses(wrong), Some(Flaw::Uses), "{wrong:?}");
    }
    // Four are possible, a fifth has no place.
    let field = from_source(source::used(3), whole(0, U8));
    let blocks = |uses: &[u16]| {
        let others = (1..6).map(|id| published(id, 16));
        table([using(uses, field)].into_iter().chain(others).collect())
    };
    assert_eq!(flaw(&blocks(&[1, 2, 3, 4])), None);
    assert!(matches!(
        blocks(&[1, 2, 3, 4, 5]).encode(),
        Err(EncodeError::TooMany("used blocks"))
    ));
    // The VF writes neither of them.
    let field = from_source(source::used(0), whole(0, U8));
    for (other, expected) in [
        (published(1, 16), None),
        (
            BlockSource {
                vf_access: Access::ReadOnly,
                ..published(1, 16)
            },
            None,
        ),
        (opaque(1, 16), Some(Flaw::Uses)),
        (
            BlockSource {
                vf_access: Access::WriteOnly,
                ..opaque(1, 16)
            },
            Some(Flaw::Uses),
        ),
        (stream(1, 16), Some(Flaw::Uses)),
    ] {
        assert_eq!(flaw(&table(vec![using(&[1], field), other])), expected);
    }
}

#[test]
fn a_rule_says_what_it_reads_beside_the_block() {
    assert_eq!(
        changed(|_, rule| rule.detail = 0),
        Some(Flaw::Context),
        "as if it applied to publishes"
    );
    assert_eq!(
        changed(|_, rule| rule.detail |= context::WAS),
        Some(Flaw::Context)
    );
    assert_eq!(changed(|_, rule| rule.detail = 4), Some(Flaw::Context));
    assert_eq!(
        changed(|_, rule| rule.kind = rule::REQUIRE),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(
        changed(|_, rule| (rule.kind, rule.detail) = (rule::REQUIRE, 0)),
        Some(Flaw::Context)
    );
    assert_eq!(
        changed(|_, rule| rule.second = 1),
        Some(Flaw::ReservedNotZero)
    );
    // A rule that reads the block alone does not pretend to read more.
    let mut bytes = table(vec![using(&[], whole(0, U8))]).encode().unwrap();
    let (header, _) = Header::ref_from_prefix(&bytes).unwrap();
    let at = size_of::<Header>() + size_of::<BlockRecord>() + 2 * header.slots.get() as usize;
    record::<RuleRecord>(&mut bytes, at).kind = rule::REQUIRE_IN_CONTEXT;
    seal(&mut bytes);
    assert_eq!(Table::verify(&bytes).unwrap_err().flaw, Flaw::Context);
}

#[test]
fn every_source_is_read_within_its_length() {
    let others = || vec![published(1, 4), published(2, 128)];
    let read = |field| {
        let block = using(&[1, 2], field);
        flaw(&table([vec![block], others()].concat()))
    };
    let of = |source, offset, shape| from_source(source, whole(offset, shape));
    assert_eq!(read(of(source::WAS, 14, U16)), None);
    assert_eq!(read(of(source::WAS, 15, U16)), Some(Flaw::OutOfBlock));
    assert_eq!(read(of(source::WRITE, source::WRITER, U8)), None);
    assert_eq!(
        read(of(source::WRITE, source::WRITER, U16)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(read(of(source::used(0), 2, U16)), None);
    assert_eq!(read(of(source::used(0), 3, U16)), Some(Flaw::OutOfBlock));
    assert_eq!(read(of(source::used(1), 126, U16)), None);
    for place in [2, 3] {
        assert_eq!(
            read(of(source::used(place), 0, U8)),
            Some(Flaw::OutOfBlock),
            "no block is there"
        );
    }
    assert_eq!(read(of(0x30, 0, U8)), Some(Flaw::Context), "no source");
    assert_eq!(read(of(0x80, 0, U8)), Some(Flaw::Operation));
}

/// A layout follows from the image, before and after the write, and rules before its choice judge
/// the common bytes only.
#[test]
fn layouts_are_chosen_by_the_block_alone() {
    let with = |when: Vec<Instruction>, rules: Vec<Rule>| {
        let layout = |when| Layout {
            when,
            shape: opaque(0, 16).shape,
            rules: Vec::new(),
        };
        flaw(&table(vec![BlockSource {
            common: bytes(0..2),
            rules,
            layouts: vec![layout(when), layout(Vec::new())],
            ..opaque(0, 16)
        }]))
    };
    assert_eq!(with(at_most_9(whole(0, U8)), Vec::new()), None);
    for source in [source::WAS, source::WRITE, source::used(0)] {
        let when = at_most_9(from_source(source, whole(0, U8)));
        assert_eq!(with(when, Vec::new()), Some(Flaw::Context), "{source:#x}");
    }
    let was = |offset| {
        let field = from_source(source::WAS, whole(offset, U8));
        vec![Rule::Require(at_most_9(field))]
    };
    assert_eq!(with(at_most_9(whole(0, U8)), was(1)), None);
    assert_eq!(
        with(at_most_9(whole(0, U8)), was(2)),
        Some(Flaw::BeforeLayout)
    );
}

#[test]
fn rules_that_apply_to_the_same_writes_are_joined() {
    let rules = |fields: &[FieldRecord]| {
        let rules = fields.iter().map(|field| Rule::Require(at_most_9(*field)));
        let block = BlockSource {
            uses: vec![1],
            rules: rules.collect(),
            ..opaque(0, 16)
        };
        let bytes = table(vec![block, published(1, 16)]).encode().unwrap();
        format::Header::ref_from_prefix(&bytes)
            .unwrap()
            .0
            .rules
            .get()
    };
    let block = whole(0, U8);
    let of = |source| from_source(source, block);
    assert_eq!(rules(&[block, block]), 1);
    assert_eq!(rules(&[of(source::WAS), of(source::WAS)]), 1);
    assert_eq!(rules(&[block, of(source::WRITE)]), 2);
    assert_eq!(rules(&[of(source::WRITE), of(source::WAS)]), 2);
    assert_eq!(
        rules(&[of(source::WAS), of(source::used(0)), of(source::used(0))]),
        2
    );
}
