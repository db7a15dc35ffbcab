//! Lists of entries: what the verifier refuses, and the work that it counts.

use block_table::encode::{
    BlockSource, EncodeError, Entry, Field, FieldRecord, Layout, List, Rule, Shape, Source,
    compare_constant, from_source, on_field, seal,
};
use block_table::format::{Header, RuleRecord, entry, list, op, owner, rule, sequence, source};
use block_table::{Flaw, MAX_ENTRIES, Table};
use zerocopy::FromBytes;

use crate::source::{U8, U16, bytes, field, opaque, table, whole};

/// A list in the last 12 of 16 bytes, with tags of two bytes and lengths of one.
fn two_entries() -> List {
    let entry = |tag, rules| Entry {
        tag,
        length: 5,
        flags: 0,
        rules,
    };
    List {
        field: Field {
            offset: 4,
            operand: U16,
            elements: 12,
            counted: false,
        },
        length: U8,
        flags: list::OWNERS,
        end: Some(9),
        except: 0,
        entries: vec![
            entry(3, vec![Rule::Range(field(3, U16), 0, 9)]),
            entry(2, vec![Rule::Mask(field(4, U8), 7)]),
        ],
    }
}

fn with(list: List) -> Source {
    let rules = vec![Rule::List(list), Rule::Mask(field(0, U8), 0x7F)];
    table(vec![BlockSource {
        rules,
        ..opaque(0, 16)
    }])
}

fn refused(list: List) -> Option<Flaw> {
    match with(list).encode() {
        Ok(_) => None,
        Err(EncodeError::Refused(error)) => Some(error.flaw),
        Err(other) => panic!("{other}"),
    }
}

/// The flaw of the table with a change of its rule at `index`.
fn changed(index: usize, change: impl Fn(&mut RuleRecord)) -> Option<Flaw> {
    let mut bytes = with(two_entries()).encode().unwrap();
    let header = Header::ref_from_prefix(&bytes).unwrap().0;
    assert_eq!(header.rules.get(), 6);
    let slots = header.slots.get() as usize;
    let at = size_of::<Header>() + size_of::<block_table::format::BlockRecord>() + 2 * slots;
    let rule = &mut bytes[at + index * size_of::<RuleRecord>()..];
    change(RuleRecord::mut_from_prefix(rule).unwrap().0);
    seal(&mut bytes);
    Table::verify(&bytes).err().map(|error| error.flaw)
}

const LIST: usize = 0;
const ENTRIES: [usize; 2] = [1, 3];

#[test]
fn the_table_is_accepted_without_a_change() {
    for index in 0..6 {
        assert_eq!(changed(index, |_| ()), None);
    }
}

#[test]
fn a_list_lies_in_its_block_and_has_room_for_a_tag_and_a_length() {
    assert_eq!(
        changed(LIST, |rule| rule.offset = 5),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        changed(LIST, |rule| rule.elements = 13),
        Some(Flaw::OutOfBlock)
    );
    assert_eq!(
        changed(LIST, |rule| rule.elements = 0),
        Some(Flaw::Elements)
    );
    let room = |elements| {
        let mut list = two_entries();
        list.field.elements = elements;
        list.entries.clear();
        refused(list)
    };
    assert_eq!((room(2), room(3)), (Some(Flaw::List), None));
}

#[test]
fn a_list_has_no_other_parts_than_its_own() {
    let changes: [fn(&mut RuleRecord); 2] = [|rule| rule.start = 1, |rule| rule.shift = 1];
    for change in changes {
        assert_eq!(changed(LIST, change), Some(Flaw::ReservedNotZero));
    }
    assert_eq!(changed(LIST, |rule| rule.operand = 8), Some(Flaw::Operand));
    assert_eq!(changed(LIST, |rule| rule.second = 8), Some(Flaw::Operand));
    assert_eq!(
        changed(LIST, |rule| (rule.operand, rule.second) = (8, 8)),
        Some(Flaw::Operand)
    );
    assert_eq!(changed(LIST, |rule| rule.detail |= 0x40), Some(Flaw::List));
    assert_eq!(
        changed(LIST, |rule| rule.kind |= rule::COUNTED),
        Some(Flaw::Counted)
    );
    // An end tag that no tag can be, and one without its flag.
    assert_eq!(changed(LIST, |rule| rule.b = 0xFFFF.into()), None);
    assert_eq!(
        changed(LIST, |rule| rule.b = 0x1_0000.into()),
        Some(Flaw::List)
    );
    assert_eq!(
        changed(LIST, |rule| rule.detail &= !list::END),
        Some(Flaw::List)
    );
    // Only an end has bytes after it.
    assert_eq!(changed(LIST, |rule| rule.detail |= list::ANY_BEHIND), None);
    let without_end = |flags| {
        refused(List {
            end: None,
            flags: list::OWNERS | flags,
            ..two_entries()
        })
    };
    assert_eq!(without_end(0), None);
    assert_eq!(without_end(list::ANY_BEHIND), Some(Flaw::List));
    assert_eq!(
        changed(LIST, |rule| rule.mask = 0x1_0000.into()),
        Some(Flaw::List)
    );
}

#[test]
fn the_owners_of_a_list_are_those_of_its_bytes() {
    for owners in [0, owner::VF, owner::PF] {
        let outcome = refused(List {
            flags: owners,
            ..two_entries()
        });
        assert_eq!(outcome, Some(Flaw::Owner), "both sides set the bytes");
    }
    let of_vf = |from: usize| {
        let mut source = with(List {
            flags: owner::VF,
            ..two_entries()
        });
        source.blocks[0].shape.pf[from..].fill(0);
        match source.encode() {
            Ok(_) => None,
            Err(EncodeError::Refused(error)) => Some(error.flaw),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(of_vf(4), None);
    assert_eq!(of_vf(5), Some(Flaw::Owner));
}

#[test]
fn the_owners_of_a_layout_s_list_are_those_of_the_layout_s_bytes() {
    let in_layout = |owners| {
        let mut block = opaque(0, 16);
        block.common = bytes(0..4);
        block.layouts.push(Layout {
            when: vec![compare_constant(
                op::LESS,
                whole(0, U8),
                FieldRecord::default(),
                9,
            )],
            shape: Shape {
                pf: bytes(0..4),
                ..block.shape
            },
            rules: vec![Rule::List(List {
                flags: owners,
                ..two_entries()
            })],
        });
        match table(vec![block]).encode() {
            Ok(_) => None,
            Err(EncodeError::Refused(error)) => Some(error.flaw),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(in_layout(owner::VF), None);
    assert_eq!(in_layout(list::OWNERS), Some(Flaw::Owner));
}

#[test]
fn the_entries_follow_and_ascend_by_their_tags() {
    assert_eq!(changed(LIST, |rule| rule.a = 6.into()), Some(Flaw::Entry));
    assert_eq!(
        changed(LIST, |rule| rule.a = u64::MAX.into()),
        Some(Flaw::Entry)
    );
    assert_eq!(
        changed(LIST, |rule| rule.a = 5.into()),
        Some(Flaw::ReservedNotZero),
        "the rule after them is no entry"
    );
    assert_eq!(
        changed(LIST, |rule| rule.a = 2.into()),
        Some(Flaw::Entry),
        "the entry that is left has no list"
    );
    for entry in ENTRIES {
        assert_eq!(changed(entry, |rule| rule.a = 4.into()), Some(Flaw::Entry));
        assert_eq!(
            changed(entry, |rule| rule.detail = entry::ALL + 1),
            Some(Flaw::Entry)
        );
        assert_eq!(
            changed(entry, |rule| rule.kind = rule::LIST),
            Some(Flaw::Entry)
        );
        assert_eq!(changed(entry, |rule| rule.elements = 2), Some(Flaw::Entry));
        assert_eq!(
            changed(entry, |rule| rule.elements = 4),
            Some(Flaw::OutOfBlock),
            "a rule is over five bytes"
        );
        assert_eq!(changed(entry, |rule| rule.elements = 13), Some(Flaw::Entry));
        for change in [
            (|rule| rule.offset = 1) as fn(&mut RuleRecord),
            |rule| rule.operand = 1,
            |rule| rule.start = 1,
            |rule| rule.shift = 1,
            |rule| rule.second = 1,
            |rule| rule.mask = 1.into(),
        ] {
            assert_eq!(changed(entry, change), Some(Flaw::ReservedNotZero));
        }
    }
    assert_eq!(
        changed(ENTRIES[0], |rule| rule.b = 3.into()),
        Some(Flaw::Entry)
    );
    assert_eq!(
        changed(ENTRIES[1], |rule| rule.b = 0x1_0000.into()),
        Some(Flaw::Entry)
    );
    let many = |count: u64| {
        let entry = |tag| Entry {
            tag,
            length: 3,
            flags: entry::ONCE,
            rules: Vec::new(),
        };
        let entries = (0..count).map(entry).collect();
        refused(List {
            entries,
            ..two_entries()
        })
    };
    assert_eq!(many(0), None);
    assert_eq!(many(MAX_ENTRIES as u64), None);
    assert_eq!(many(MAX_ENTRIES as u64 + 1), Some(Flaw::Entry));
}

#[test]
fn an_entry_has_no_structures_lists_and_sequences() {
    let within = |rule: Rule| {
        let mut list = two_entries();
        list.entries[0].rules = vec![rule];
        refused(list)
    };
    let structures = Rule::Each {
        field: field(3, U8),
        length: 1,
        rules: vec![Rule::Range(field(0, U8), 0, 1)],
    };
    assert_eq!(within(structures), Some(Flaw::Each));
    let sequence = Rule::Sequence {
        field: field(3, U8),
        kind: sequence::STRICT,
        owner: owner::VF,
    };
    assert_eq!(within(sequence), Some(Flaw::Each));
    assert_eq!(within(Rule::List(two_entries())), Some(Flaw::Each));
    let reads = |source, offset| {
        let byte = from_source(source, whole(offset, U8));
        within(Rule::Require(vec![on_field(op::PUSH, byte)]))
    };
    assert_eq!(reads(source::BLOCK, 4), None);
    assert_eq!(reads(source::BLOCK, 5), Some(Flaw::OutOfBlock));
    assert_eq!(reads(source::WHOLE, 15), None);
    assert_eq!(reads(source::WHOLE, 16), Some(Flaw::OutOfBlock));
    assert_eq!(reads(source::WRITE, source::LENGTH), None);
}

/// Of the entries that may repeat those count that take most for their length.
#[test]
fn the_work_of_a_list_is_that_of_the_entries_that_fit() {
    let work = |change: &dyn Fn(&mut List)| {
        let mut list = two_entries();
        change(&mut list);
        let block = BlockSource {
            rules: vec![Rule::List(list)],
            ..opaque(0, 16)
        };
        block.work().unwrap().before
    };
    // Two kinds and three steps for each entry, 12 bytes of which must be zero.
    let (search, zeros) = (5, 2);
    let fill = |work: u32, length: u32| (12 * work).div_ceil(length);
    assert_eq!(work(&|_| ()), fill(search + 1, 5) + search + zeros);
    let ten = |list: &mut List| list.entries[0].rules = vec![Rule::Mask(field(3, U8), 7); 10];
    assert_eq!(work(&ten), fill(search + 10, 5) + search + zeros);
    let once = |list: &mut List| {
        ten(list);
        list.entries[0].flags = entry::ONCE;
    };
    let expected = (search + 10) + fill(search + 1, 5) + search + zeros;
    assert_eq!(work(&once), expected);
    // Both fit once, and together not as often as the one that takes most.
    let both = |list: &mut List| {
        once(list);
        list.entries[1].flags = entry::ONCE;
        list.entries[1].length = 12;
    };
    assert_eq!(work(&both), (search + 10) + (search + 1) + search + zeros);
    let long = |list: &mut List| {
        both(list);
        list.entries[0].length = 12;
    };
    assert_eq!(work(&long), (search + 10) + search + zeros);
    // Skipped entries have a tag and a length at least.
    let skips = |list: &mut List| list.flags |= list::SKIP;
    assert_eq!(work(&skips), fill(search, 3) + search + zeros);
    assert_eq!(
        work(&|list| list.except = 1),
        fill(search, 3) + search + zeros
    );
    assert_eq!(
        work(&|list| list.entries.clear()),
        3 + zeros,
        "every entry is refused"
    );
    // The rules after those of a list count once.
    let after = with(two_entries()).blocks[0].work().unwrap().before;
    assert_eq!(after, work(&|_| ()) + 1);
}
