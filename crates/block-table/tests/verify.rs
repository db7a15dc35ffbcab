//! Each rule of the verifier refuses the table that breaks it, and names it and the place.

mod source;

use block_table::encode::{
    BlockSource, Checksum, Field, FieldRecord, Layout, Rule, Source, compare_constant, on_constant,
    on_stack, seal,
};
use block_table::format::{
    self, BlockRecord, Header, Instruction, LayoutRecord, RuleRecord, op, owner, rule, sequence,
};
use block_table::{Flaw, Table};
use source::{BE, U8, U16, U32, field, load, opaque, stream, table, whole};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A table in which every section has elements: a register with every kind of rule and two layouts, and a stream.
fn everything() -> Source {
    let values = Field {
        offset: 4,
        operand: U16,
        elements: 3,
        counted: false,
    };
    let jumps = vec![
        load(0, U8),
        on_constant(op::OR_ELSE, 2),
        load(2, U16 | BE),
        on_constant(op::EQUAL, 7),
    ];
    let first = BlockSource {
        checksum: Some(Checksum {
            offset: 12,
            operand: U32,
            owner: owner::VF,
        }),
        rules: vec![
            Rule::Range(field(0, U8), 0, 200),
            Rule::Mask(field(0, U8), 0xFF),
            Rule::Multiple(field(0, U8), 1),
            Rule::OneOf(field(0, U8), vec![0, 1, 2]),
            Rule::OneOf(field(2, U16), vec![0, 1, 1000]),
            Rule::Text(Field {
                offset: 10,
                operand: U8,
                elements: 2,
                counted: false,
            }),
            Rule::Count {
                field: values,
                offset: 0,
                operand: U8,
            },
            Rule::Range(
                Field {
                    counted: true,
                    ..values
                },
                0,
                9,
            ),
        ],
        layouts: vec![
            Layout {
                when: vec![compare_constant(
                    op::LESS,
                    whole(0, U8),
                    FieldRecord::default(),
                    2,
                )],
                shape: opaque(0, 16).shape,
                rules: vec![Rule::Range(field(8, U16), 0, 1)],
            },
            Layout {
                when: Vec::new(),
                shape: opaque(0, 16).shape,
                rules: Vec::new(),
            },
        ],
        last_rules: vec![
            Rule::Require(vec![
                load(0, U8),
                load(1, U8),
                on_stack(op::ADD),
                on_stack(op::NOT),
            ]),
            Rule::Require(jumps),
            Rule::Sequence {
                field: field(8, U16),
                kind: sequence::SERIAL,
                owner: owner::VF,
            },
        ],
        ..opaque(5, 16)
    };
    table(vec![first, stream(900, 32)])
}

/// Where the sections begin.
struct Offsets {
    blocks: usize,
    slots: usize,
    layouts: usize,
    rules: usize,
    instructions: usize,
    values: usize,
}

impl Offsets {
    fn of(bytes: &[u8]) -> Self {
        let (header, _) = Header::ref_from_prefix(bytes).unwrap();
        let blocks = size_of::<Header>();
        let slots = blocks + usize::from(header.blocks.get()) * size_of::<BlockRecord>();
        let layouts = slots + header.slots.get() as usize * 2;
        let rules = layouts + header.layouts.get() as usize * size_of::<LayoutRecord>();
        let instructions = rules + header.rules.get() as usize * size_of::<RuleRecord>();
        let values = instructions + header.instructions.get() as usize * size_of::<Instruction>();
        Self {
            blocks,
            slots,
            layouts,
            rules,
            instructions,
            values,
        }
    }
}

fn record<T: FromBytes + IntoBytes + Immutable + KnownLayout>(
    bytes: &mut [u8],
    offset: usize,
) -> &mut T {
    T::mut_from_prefix(&mut bytes[offset..]).ok().unwrap().0
}

/// What the verifier says about [`everything`] with a change.
fn changed(change: impl FnOnce(&mut [u8], &Offsets)) -> Result<(), (Flaw, usize)> {
    let mut bytes = everything().encode().expect("it is well formed");
    let offsets = Offsets::of(&bytes);
    change(&mut bytes, &offsets);
    seal(&mut bytes);
    Table::verify(&bytes)
        .map(|_| ())
        .map_err(|error| (error.flaw, error.offset))
}

fn header(change: impl FnOnce(&mut Header)) -> Result<(), (Flaw, usize)> {
    changed(|bytes, _| change(record(bytes, 0)))
}

/// Changes block `index`; gives the flaw and whether the place is that of the block.
fn block(index: usize, change: impl FnOnce(&mut BlockRecord)) -> Option<Flaw> {
    let mut place = 0;
    let outcome = changed(|bytes, offsets| {
        place = offsets.blocks + index * size_of::<BlockRecord>();
        change(record(bytes, place));
    });
    outcome.err().map(|(flaw, offset)| {
        assert!(
            (place..place + size_of::<BlockRecord>()).contains(&offset),
            "{flaw:?} at {offset}"
        );
        flaw
    })
}

fn layout(index: usize, change: impl FnOnce(&mut LayoutRecord)) -> Option<Flaw> {
    let mut place = 0;
    let outcome = changed(|bytes, offsets| {
        place = offsets.layouts + index * size_of::<LayoutRecord>();
        change(record(bytes, place));
    });
    outcome.err().map(|(flaw, offset)| {
        assert!(
            (place..place + size_of::<LayoutRecord>()).contains(&offset),
            "{flaw:?} at {offset}"
        );
        flaw
    })
}

/// Changes the first rule of a kind.
fn rule_of(kind: u8, change: impl FnOnce(&mut RuleRecord)) -> Option<Flaw> {
    let mut place = 0;
    let outcome = changed(|bytes, offsets| {
        place = (offsets.rules..offsets.instructions)
            .step_by(size_of::<RuleRecord>())
            .find(|at| bytes[*at] == kind)
            .expect("there is one");
        change(record(bytes, place));
    });
    outcome.err().map(|(flaw, offset)| {
        assert_eq!(offset, place, "{flaw:?}");
        flaw
    })
}

/// Changes an instruction.
fn instruction(index: usize, change: impl FnOnce(&mut Instruction)) -> Option<Flaw> {
    changed(|bytes, offsets| {
        change(record(
            bytes,
            offsets.instructions + index * size_of::<Instruction>(),
        ));
    })
    .err()
    .map(|(flaw, _)| flaw)
}

#[test]
fn the_table_is_accepted_without_a_change() {
    assert_eq!(changed(|_, _| ()), Ok(()));
}

#[test]
fn the_header_is_what_it_says() {
    assert_eq!(Table::verify(&[0; 20]).unwrap_err().flaw, Flaw::TooShort);
    assert_eq!(
        Table::verify(&vec![0; block_table::MAX_TABLE_LENGTH + 1])
            .unwrap_err()
            .flaw,
        Flaw::TooLong
    );
    assert_eq!(
        Table::verify(&vec![0; block_table::MAX_TABLE_LENGTH])
            .unwrap_err()
            .flaw,
        Flaw::Magic
    );
    assert_eq!(
        header(|header| header.magic[7] = b'T'),
        Err((Flaw::Magic, 0))
    );
    assert_eq!(
        header(|header| header.version = 2.into()),
        Err((Flaw::Version, 8))
    );
    assert_eq!(
        header(|header| header.reserved = 1.into()),
        Err((Flaw::ReservedNotZero, 10))
    );
    let mut bytes = everything().encode().unwrap();
    bytes.push(0);
    assert_eq!(Table::verify(&bytes).unwrap_err().flaw, Flaw::Length);
    seal(&mut bytes);
    assert_eq!(Table::verify(&bytes).unwrap_err().flaw, Flaw::Sections);
    let mut bytes = everything().encode().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let error = Table::verify(&bytes).unwrap_err();
    assert_eq!((error.flaw, error.offset), (Flaw::Crc, 16));
    assert_eq!(
        error.to_string(),
        "block table refused at byte 16: the CRC in the header is not that of the bytes"
    );
}

#[test]
fn the_device_and_the_limits_are_in_range() {
    for max_vfs in [0, 4097] {
        assert_eq!(
            header(|header| header.max_vfs = max_vfs.into())
                .unwrap_err()
                .0,
            Flaw::MaxVfs
        );
    }
    for max_vfs in [1, 4096] {
        assert!(header(|header| header.max_vfs = max_vfs.into()).is_ok());
    }
    assert_eq!(
        header(|header| header.burst = 1.into()).unwrap_err().0,
        Flaw::Limits
    );
    assert_eq!(
        header(|header| header.writes_per_second = 1.into())
            .unwrap_err()
            .0,
        Flaw::Limits
    );
    assert!(
        header(|header| (header.writes_per_second, header.burst) = (1.into(), 1.into())).is_ok()
    );
    assert_eq!(
        header(|header| header.name.length = 0.into())
            .unwrap_err()
            .0,
        Flaw::Name
    );
    assert_eq!(
        header(|header| header.name.start = u32::MAX.into())
            .unwrap_err()
            .0,
        Flaw::Name
    );
    assert!(
        header(|header| header.name.start = 1.into()).is_ok(),
        "names may overlap"
    );
    let with_name = |name: String| {
        Source {
            name,
            ..everything()
        }
        .encode()
    };
    assert!(with_name("x".repeat(63)).is_ok());
    assert!(with_name("x".repeat(64)).is_err());
    assert_eq!(
        changed(|bytes, _| *bytes.last_mut().unwrap() = 0xFF)
            .unwrap_err()
            .0,
        Flaw::Name,
        "not UTF-8"
    );
}

#[test]
fn sections_and_the_lookup_are_whole() {
    assert_eq!(
        header(|header| header.values = 9.into()).unwrap_err().0,
        Flaw::Sections
    );
    assert_eq!(
        header(|header| header.rules = u32::MAX.into())
            .unwrap_err()
            .0,
        Flaw::Sections
    );
    assert_eq!(
        header(|header| header.shift = 32).unwrap_err().0,
        Flaw::Lookup
    );
    for probes in [0, format::MAX_PROBES + 1] {
        assert_eq!(
            header(|header| header.probes = probes).unwrap_err().0,
            Flaw::Lookup
        );
    }
    assert_eq!(
        changed(|bytes, offsets| bytes[offsets.slots..offsets.slots + 2].fill(0xFE))
            .unwrap_err()
            .0,
        Flaw::Slot
    );
    assert_eq!(
        changed(|bytes, offsets| bytes[offsets.slots..offsets.layouts].fill(0xFF))
            .unwrap_err()
            .0,
        Flaw::NotFound
    );
    assert_eq!(block(1, |block| block.id = 5.into()), Some(Flaw::NotFound));
    assert_eq!(
        table(Vec::new()).encode().unwrap_err().to_string(),
        "block table refused at byte 46: the number of blocks is not 1 to 1024"
    );
    // A slot more than a power of two, and blocks that are as many fewer bytes: the sections still fill the table.
    let slots = changed(|bytes, _| {
        let header: &mut Header = record(bytes, 0);
        header.slots = (header.slots.get() + 64).into();
        header.images = (header.images.get() - 1).into();
    });
    assert_eq!(slots.unwrap_err().0, Flaw::SlotCount);
}

#[test]
fn blocks_are_what_the_broker_can_hold() {
    assert_eq!(block(0, |block| block.kind = 2), Some(Flaw::Kind));
    for access in [0, 4] {
        assert_eq!(block(0, |block| block.access = access), Some(Flaw::Access));
    }
    assert_eq!(
        block(1, |block| block.access = format::access::READ_WRITE),
        Some(Flaw::StreamAccess)
    );
    for depth in [0, 4097] {
        assert_eq!(
            block(1, |block| block.depth = depth.into()),
            Some(Flaw::Depth)
        );
    }
    assert_eq!(block(1, |block| block.depth = 4096.into()), None);
    assert_eq!(block(0, |block| block.depth = 1.into()), Some(Flaw::Depth));
    assert_eq!(
        block(0, |block| block.flags |= format::block_flag::DROP_OLDEST),
        Some(Flaw::Flags)
    );
    assert_eq!(block(0, |block| block.flags |= 0x80), Some(Flaw::Flags));
    for flag in [
        format::block_flag::NOTIFY,
        format::block_flag::SHORT_READ,
        format::block_flag::KEEP,
    ] {
        assert_eq!(block(1, |block| block.flags |= flag), Some(Flaw::Flags));
        assert_eq!(block(0, |block| block.flags |= flag), None);
    }
    assert_eq!(
        block(0, |block| block.flags &= !format::block_flag::VF_WRITES_ALL),
        Some(Flaw::WritesAll)
    );
    assert_eq!(
        block(0, |block| block.flags &= !format::block_flag::PF_WRITES_ALL),
        Some(Flaw::WritesAll)
    );
    assert_eq!(
        block(0, |block| block.min_length = 0),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(0, |block| block.max_length = 15),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(1, |block| block.max_length = 129),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(0, |block| block.name.length = 64.into()),
        Some(Flaw::Name)
    );
    let notifying = |id| {
        table(vec![BlockSource {
            notify: true,
            ..opaque(id, 8)
        }])
        .encode()
    };
    assert!(notifying(63).is_ok());
    assert!(
        notifying(64)
            .unwrap_err()
            .to_string()
            .contains("has no bit in the invalidation mask")
    );
}

#[test]
fn a_checksum_lies_in_every_write() {
    assert_eq!(
        block(0, |block| block.checksum_offset = 13),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(0, |block| block.min_length = 15),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(0, |block| block.checksum_operand = 3),
        Some(Flaw::Checksum)
    );
    assert_eq!(block(0, |block| block.checksum_operand = 2 | BE), None);
    for owner in [0, 4] {
        assert_eq!(
            block(0, |block| block.checksum_owner = owner),
            Some(Flaw::Checksum)
        );
    }
    assert_eq!(block(0, |block| block.checksum_owner = 3), None);
    assert_eq!(
        block(1, |block| block.checksum_owner = 1),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(1, |block| block.checksum_operand = 2),
        Some(Flaw::Checksum)
    );
}

#[test]
fn images_exist_and_are_masks_where_masks_belong() {
    let missing: [fn(&mut BlockRecord); 3] = [
        |block| block.shape.default = 99.into(),
        |block| block.shape.vf = 99.into(),
        |block| block.shape.pf = 99.into(),
    ];
    for change in missing {
        assert_eq!(block(0, change), Some(Flaw::ImageIndex));
    }
    assert_eq!(
        block(0, |block| block.shape.reserved = 99.into()),
        Some(Flaw::ImageIndex)
    );
    assert_eq!(
        block(0, |block| block.common = 99.into()),
        Some(Flaw::ImageIndex)
    );
    assert_eq!(
        layout(1, |layout| layout.shape.vf = 99.into()),
        Some(Flaw::ImageIndex)
    );
    let image = |change: fn(&mut BlockSource)| {
        let mut source = everything();
        change(&mut source.blocks[0]);
        match source.encode().unwrap_err() {
            block_table::encode::EncodeError::Refused(error) => error.flaw,
            other @ block_table::encode::EncodeError::TooMany(_) => panic!("{other}"),
        }
    };
    assert_eq!(image(|block| block.shape.vf[3] = 0x0F), Flaw::Mask);
    assert_eq!(image(|block| block.common[3] = 0x0F), Flaw::Mask);
    assert_eq!(
        image(|block| (block.shape.vf[3], block.shape.pf[3]) = (0, 0)),
        Flaw::Mask
    );
    assert_eq!(
        image(|block| block.shape.reserved[16] = 0),
        Flaw::ReservedMask
    );
    assert_eq!(
        image(|block| block.shape.default[16] = 1),
        Flaw::DefaultImage
    );
    assert_eq!(
        image(|block| (block.shape.default[0], block.shape.reserved[0]) = (1, 1)),
        Flaw::DefaultImage
    );
}

#[test]
fn every_element_has_one_owner() {
    assert_eq!(
        block(0, |block| block.rules.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.last_rules.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.last_rules.count = 99.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.layouts.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.layouts.count = 3.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(1, |layout| layout.when.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(0, |layout| layout.when.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(0, |layout| layout.rules.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(1, |block| block.rules.count = 1025.into()),
        Some(Flaw::TooManyRules)
    );
    assert_eq!(
        block(1, |block| block.layouts.count = 65.into()),
        Some(Flaw::TooManyLayouts)
    );
    // The last rule belongs to nobody.
    let fewer = changed(|bytes, offsets| {
        let block: &mut BlockRecord = record(bytes, offsets.blocks);
        block.last_rules.count = 2.into();
        let stream: &mut BlockRecord = record(bytes, offsets.blocks + size_of::<BlockRecord>());
        stream.rules.start = (stream.rules.start.get() - 1).into();
        stream.last_rules.start = stream.rules.start;
    });
    assert_eq!(fewer.unwrap_err().0, Flaw::Sections);
}

#[test]
fn rules_lie_in_their_block_and_can_hold() {
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.kind = 9),
        Some(Flaw::RuleKind)
    );
    assert_eq!(
        rule_of(rule::RANGE, |rule| rule.kind = 9 | rule::COUNTED),
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
    assert_eq!(rule_of(rule::RANGE, |rule| rule.elements = 16), None);
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
    // Not every kind of rule can be about elements, even when the field was counted.
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
        rule_of(rule::SEQUENCE, |rule| rule.detail = 3),
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

#[test]
fn instructions_have_only_what_they_use() {
    // The instructions are: 0 compare | 1 push field, 2 push field, 3 add, 4 not | 5 push, 6 or-else 2, 7 push, 8 equal 7.
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
fn jumps_go_forward_and_arrive_with_the_stack_that_is_there() {
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
    // Two jumps may meet when they agree about the stack, and not otherwise.
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
            .contains("arrives with another stack depth")
    );
}

#[test]
fn every_flaw_has_a_sentence_of_its_own() {
    let sentences: std::collections::HashSet<_> =
        Flaw::ALL.iter().map(|flaw| flaw.sentence()).collect();
    assert_eq!(sentences.len(), Flaw::ALL.len());
}

#[test]
fn every_block_is_found_and_nothing_else() {
    for ids in [
        vec![0, 1, 2, 3],
        vec![7],
        vec![70, 0, u32::MAX, 1 << 31, 64],
        (0..1024)
            .map(|id| 0x0100_0001u32.wrapping_mul(id))
            .collect(),
    ] {
        let bytes = table(ids.iter().map(|id| opaque(*id, 4)).collect())
            .encode()
            .unwrap();
        let found = Table::verify(&bytes).unwrap();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(found.find(*id), Some(index));
            for other in [id.wrapping_add(1), id.wrapping_sub(1), !id] {
                assert_eq!(found.find(other).is_some(), ids.contains(&other));
            }
        }
    }
}
