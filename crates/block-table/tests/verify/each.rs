//! Rules on the elements of arrays of structures, and counts that are computed.

use block_table::Flaw;
use block_table::encode::{
    BlockSource, EncodeError, Field, Instruction, Rule, Source, compare_field, from_source,
    on_constant, on_field, seal,
};
use block_table::format::{Header, RuleRecord, mac, op, rule, sequence, source};
use block_table::{MAX_RULES, Table};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::source::{U8, U16, field, load, opaque, table, whole};

/// Three structures of four bytes from byte 2 on.
const STRUCTURES: Field = Field {
    offset: 2,
    operand: U8,
    elements: 3,
    counted: true,
};

fn count(field: Field, number: Vec<Instruction>) -> Rule {
    Rule::CountByCode {
        field: Field {
            counted: false,
            ..field
        },
        number,
        at: 0,
        clear: 4,
    }
}

fn each(rules: Vec<Rule>) -> Rule {
    Rule::Each {
        field: STRUCTURES,
        length: 4,
        rules,
    }
}

/// A rule that compares the last two bytes of an element with the first ones of the block.
fn over_both() -> Rule {
    Rule::Require(vec![compare_field(
        op::LESS,
        whole(2, U16),
        whole(0, U8),
        from_source(source::WHOLE, whole(0, U16)),
    )])
}

fn with(rules: Vec<Rule>) -> Source {
    table(vec![BlockSource {
        rules,
        ..opaque(0, 16)
    }])
}

fn everything() -> Source {
    with(vec![
        count(STRUCTURES, vec![load(0, U8), on_constant(op::ADD, 1)]),
        each(vec![
            Rule::Range(field(0, U8), 0, 9),
            Rule::Clear(field(1, U8), 0xF0),
            over_both(),
        ]),
        Rule::Mask(field(0, U16), 0x7FFF),
    ])
}

fn refused(source: &Source) -> Option<Flaw> {
    match source.encode() {
        Ok(_) => None,
        Err(EncodeError::Refused(error)) => Some(error.flaw),
        Err(other) => panic!("{other}"),
    }
}

fn record<T: FromBytes + IntoBytes + KnownLayout + Immutable>(
    bytes: &mut [u8],
    at: usize,
) -> &mut T {
    T::mut_from_prefix(&mut bytes[at..]).unwrap().0
}

/// The flaw of the table with a change of its rule at `index`.
fn changed(index: usize, change: impl Fn(&mut RuleRecord)) -> Option<Flaw> {
    let mut bytes = everything().encode().unwrap();
    let header: &mut Header = record(&mut bytes, 0);
    assert_eq!(header.rules.get(), 6);
    let slots = header.slots.get() as usize;
    let at = size_of::<Header>() + size_of::<block_table::format::BlockRecord>() + 2 * slots;
    change(record(&mut bytes, at + index * size_of::<RuleRecord>()));
    seal(&mut bytes);
    Table::verify(&bytes).err().map(|error| error.flaw)
}

const COUNT: usize = 0;
const EACH: usize = 1;
const RANGE: usize = 2;
const CLEAR: usize = 3;

#[test]
fn the_table_is_accepted_without_a_change() {
    for index in 0..6 {
        assert_eq!(changed(index, |_| ()), None);
    }
}

#[test]
fn structures_lie_in_their_block_and_have_bytes_and_elements() {
    assert_eq!(changed(EACH, |rule| rule.detail = 0), Some(Flaw::Elements));
    assert_eq!(
        changed(EACH, |rule| rule.detail = 5),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(changed(EACH, |rule| rule.offset = 5), Some(Flaw::Counted));
    let alone = |field: Field, length| {
        refused(&with(vec![Rule::Each {
            field: Field {
                counted: false,
                ..field
            },
            length,
            rules: vec![Rule::Range(
                Field {
                    elements: 1,
                    offset: 0,
                    ..field
                },
                0,
                9,
            )],
        }]))
    };
    let of = |offset, elements| Field {
        offset,
        operand: U8,
        elements,
        counted: false,
    };
    assert_eq!(alone(of(0, 16), 1), None);
    assert_eq!(alone(of(0, 17), 1), Some(Flaw::OutOfBlock));
    assert_eq!(alone(of(1, 16), 1), Some(Flaw::OutOfBlock));
    assert_eq!(alone(of(0, 1), 16), None);
    assert_eq!(alone(of(0, 1), 17), Some(Flaw::OutOfBlock));
    assert_eq!(alone(of(0, 0), 1), Some(Flaw::Elements));
    assert_eq!(alone(of(127, 255), 255), Some(Flaw::OutOfBlock));
}

#[test]
fn the_rules_of_an_element_follow_in_the_same_list() {
    assert_eq!(changed(EACH, |rule| rule.a = 0.into()), Some(Flaw::Each));
    for rules in [5, u64::MAX] {
        let outcome = changed(EACH, |rule| rule.a = rules.into());
        assert_eq!(outcome, Some(Flaw::Each), "there are four more");
    }
    // The rule after them would be the element's, which has two bytes there, too.
    assert_eq!(changed(EACH, |rule| rule.a = 4.into()), Some(Flaw::Work));
    // A rule of the element would be the block's.
    assert_eq!(changed(EACH, |rule| rule.a = 2.into()), Some(Flaw::Context));
    // They count as rules of the list.
    let many = |count| {
        let rules = vec![Rule::Range(field(0, U8), 0, 9); count];
        let one = Field {
            elements: 1,
            counted: false,
            ..STRUCTURES
        };
        refused(&with(vec![Rule::Each {
            field: one,
            length: 4,
            rules,
        }]))
    };
    assert_eq!(many(MAX_RULES - 1), None);
    assert_eq!(many(MAX_RULES), Some(Flaw::TooManyRules));
}

#[test]
fn an_element_has_no_elements_and_no_sequences() {
    let nested = each(vec![Rule::Each {
        field: Field {
            offset: 0,
            elements: 1,
            counted: false,
            ..STRUCTURES
        },
        length: 1,
        rules: vec![Rule::Range(field(0, U8), 0, 1)],
    }]);
    let number = || vec![load(0, U8)];
    assert_eq!(
        refused(&with(vec![count(STRUCTURES, number()), nested])),
        Some(Flaw::Each)
    );
    let sequence = each(vec![Rule::Sequence {
        field: field(0, U8),
        kind: sequence::STRICT,
        owner: 1,
    }]);
    assert_eq!(
        refused(&with(vec![count(STRUCTURES, number()), sequence])),
        Some(Flaw::Each)
    );
}

#[test]
fn the_rules_of_an_element_read_the_element_and_the_block() {
    let within = |rule: Rule| {
        let number = vec![load(0, U8)];
        refused(&with(vec![count(STRUCTURES, number), each(vec![rule])]))
    };
    assert_eq!(within(Rule::Range(field(3, U8), 0, 9)), None);
    assert_eq!(
        within(Rule::Range(field(4, U8), 0, 9)),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        within(Rule::Range(field(3, U16), 0, 9)),
        Some(Flaw::OutOfBlock)
    );
    let reads = |source, offset| {
        let byte = from_source(source, whole(offset, U8));
        within(Rule::Require(vec![on_field(op::PUSH, byte)]))
    };
    assert_eq!(reads(source::BLOCK, 3), None);
    assert_eq!(reads(source::BLOCK, 4), Some(Flaw::OutOfBlock));
    assert_eq!(reads(source::WHOLE, 15), None);
    assert_eq!(reads(source::WHOLE, 16), Some(Flaw::OutOfBlock));
    assert_eq!(reads(source::WAS, 15), None);
    assert_eq!(reads(source::WRITE, source::WRITER), None);
    // Without an element there is no other block than the block.
    let code = vec![on_field(op::PUSH, from_source(source::WHOLE, whole(0, U8)))];
    assert_eq!(
        refused(&with(vec![Rule::Require(code)])),
        Some(Flaw::Context)
    );
}

/// A rule before the choice of a layout reads the common bytes only, also from an element.
#[test]
fn elements_before_the_layouts_lie_in_the_common_bytes() {
    let with_layouts = |offset, rule: Rule| {
        let block = opaque(0, 16);
        let structures = Field {
            offset,
            elements: 2,
            ..field(0, U8)
        };
        refused(&table(vec![BlockSource {
            common: crate::source::bytes(0..8),
            rules: vec![Rule::Each {
                field: structures,
                length: 4,
                rules: vec![rule],
            }],
            layouts: vec![block_table::encode::Layout {
                when: Vec::new(),
                shape: block.shape,
                rules: Vec::new(),
            }],
            ..block
        }]))
    };
    let plain = || Rule::Range(field(0, U8), 0, 9);
    let reads = |offset| {
        let byte = from_source(source::WHOLE, whole(offset, U8));
        Rule::Require(vec![on_field(op::PUSH, byte)])
    };
    assert_eq!(with_layouts(0, plain()), None);
    assert_eq!(with_layouts(1, plain()), Some(Flaw::BeforeLayout));
    assert_eq!(with_layouts(0, reads(7)), None);
    assert_eq!(with_layouts(0, reads(8)), Some(Flaw::BeforeLayout));
}

#[test]
fn a_count_is_one_number_of_the_block() {
    let counted = |number: Vec<Instruction>| refused(&with(vec![count(STRUCTURES, number)]));
    assert_eq!(counted(vec![load(15, U8)]), None);
    assert_eq!(counted(vec![load(16, U8)]), Some(Flaw::OutOfBlock));
    assert_eq!(counted(Vec::new()), Some(Flaw::ExpressionLength));
    assert_eq!(counted(vec![load(0, U8), load(1, U8)]), Some(Flaw::Result));
    for source in [source::WAS, source::WRITE, source::WHOLE, source::used(0)] {
        let byte = from_source(source, whole(0, U8));
        let code = vec![on_field(op::PUSH, byte)];
        assert_eq!(counted(code), Some(Flaw::Context), "{source:#x}");
    }
    // In an element it may be the block's.
    let byte = from_source(source::WHOLE, whole(15, U8));
    let inner = Field {
        offset: 1,
        elements: 2,
        counted: false,
        operand: U8,
    };
    let rules = vec![
        count(STRUCTURES, vec![load(0, U8)]),
        each(vec![Rule::CountByCode {
            field: inner,
            number: vec![on_field(op::PUSH, byte)],
            at: 1,
            clear: 1,
        }]),
    ];
    assert_eq!(refused(&with(rules)), None);
}

#[test]
fn a_count_has_no_other_parts_than_its_code_and_its_elements() {
    let parts: [&dyn Fn(&mut RuleRecord); 3] =
        [&|rule| rule.start = 1, &|rule| rule.shift = 1, &|rule| {
            rule.mask = 1.into();
        }];
    for change in parts {
        assert_eq!(changed(COUNT, change), Some(Flaw::ReservedNotZero));
        assert_eq!(changed(EACH, change), Some(Flaw::ReservedNotZero));
    }
    assert_eq!(
        changed(EACH, |rule| rule.second = 1),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(
        changed(EACH, |rule| rule.b = 1.into()),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(changed(COUNT, |rule| rule.operand = 8), Some(Flaw::Operand));
    assert_eq!(
        changed(COUNT, |rule| rule.detail = 16),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        changed(COUNT, |rule| rule.second = 5),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        changed(COUNT, |rule| rule.elements = 0),
        Some(Flaw::Elements)
    );
    // Without the length of an element the bytes after the counted ones may be any.
    assert_eq!(changed(COUNT, |rule| rule.second = 0), Some(Flaw::Work));
    assert_eq!(
        changed(COUNT, |rule| rule.elements = 2),
        Some(Flaw::Counted)
    );
    assert_eq!(
        changed(COUNT, |rule| rule.kind |= rule::COUNTED),
        Some(Flaw::Counted)
    );
}

#[test]
fn reserved_bits_are_some() {
    assert_eq!(
        changed(CLEAR, |rule| rule.a = 0.into()),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(
        changed(CLEAR, |rule| rule.b = 1.into()),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(
        changed(CLEAR, |rule| rule.detail = 1),
        Some(Flaw::ReservedNotZero)
    );
    assert_eq!(
        changed(RANGE, |rule| rule.kind = rule::CLEAR),
        Some(Flaw::ReservedNotZero)
    );
}

#[test]
fn a_mac_address_has_six_bytes_of_the_block_and_a_known_kind() {
    let of = |offset, elements, operand, kind| {
        let address = Field {
            elements,
            ..field(offset, operand)
        };
        refused(&with(vec![Rule::Mac(address, kind)]))
    };
    for kind in [mac::UNICAST, mac::MULTICAST, mac::NONZERO] {
        assert_eq!(of(10, 6, U8, kind), None);
        assert_eq!(of(11, 6, U8, kind), Some(Flaw::OutOfBlock));
    }
    assert_eq!(of(0, 6, U8, 3), Some(Flaw::Mac));
    assert_eq!(of(0, 5, U8, mac::UNICAST), Some(Flaw::Elements));
    assert_eq!(of(0, 7, U8, mac::UNICAST), Some(Flaw::Elements));
    assert_eq!(of(0, 6, U16, mac::UNICAST), Some(Flaw::Operand));
}
