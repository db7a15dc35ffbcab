//! A table with every element, and the verifier's result after a change.

use block_table::encode::{
    BlockSource, Checksum, Field, FieldRecord, Layout, Rule, Source, compare_constant, on_constant,
    on_stack, seal,
};
use block_table::format::{
    BlockRecord, Header, Instruction, LayoutRecord, RuleRecord, covered, op, owner, sequence,
};
use block_table::{Flaw, Table};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::source::{BE, U8, U16, U32, field, load, opaque, stream, table, whole};

/// A table in which every section has elements: a register with every kind of rule and two layouts,
/// and a stream.
pub(crate) fn everything() -> Source {
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
            owner: owner::VF | owner::PF,
            covered: covered::BEFORE,
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
pub(crate) struct Offsets {
    pub(crate) blocks: usize,
    pub(crate) slots: usize,
    pub(crate) layouts: usize,
    pub(crate) rules: usize,
    pub(crate) instructions: usize,
    pub(crate) values: usize,
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

pub(crate) fn record<T: FromBytes + IntoBytes + Immutable + KnownLayout>(
    bytes: &mut [u8],
    offset: usize,
) -> &mut T {
    T::mut_from_prefix(&mut bytes[offset..]).ok().unwrap().0
}

/// The verifier's result for [`everything`] after a change.
pub(crate) fn changed(change: impl FnOnce(&mut [u8], &Offsets)) -> Result<(), (Flaw, usize)> {
    let mut bytes = everything().encode().expect("it is well formed");
    let offsets = Offsets::of(&bytes);
    change(&mut bytes, &offsets);
    seal(&mut bytes);
    Table::verify(&bytes)
        .map(|_| ())
        .map_err(|error| (error.flaw, error.offset))
}

pub(crate) fn header(change: impl FnOnce(&mut Header)) -> Result<(), (Flaw, usize)> {
    changed(|bytes, _| change(record(bytes, 0)))
}

/// Changes block `index`; gives the flaw and whether the place is that of the block.
pub(crate) fn block(index: usize, change: impl FnOnce(&mut BlockRecord)) -> Option<Flaw> {
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

pub(crate) fn layout(index: usize, change: impl FnOnce(&mut LayoutRecord)) -> Option<Flaw> {
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
pub(crate) fn rule_of(kind: u8, change: impl FnOnce(&mut RuleRecord)) -> Option<Flaw> {
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
pub(crate) fn instruction(index: usize, change: impl FnOnce(&mut Instruction)) -> Option<Flaw> {
    changed(|bytes, offsets| {
        change(record(
            bytes,
            offsets.instructions + index * size_of::<Instruction>(),
        ));
    })
    .err()
    .map(|(flaw, _)| flaw)
}
