//! Lists of entries with a tag and a length.

use block_table::encode::{
    Entry, Field, FieldRecord, List, Rule as Check, compare_field, from_source, on_field,
};
use block_table::format::{entry, list, op, source};
use block_table::{History, Image, ListFault, Rule, Table, Violation, Writer};

use crate::attempt::{broken, first_write, with_rules, write};
use crate::source::{BE, U8, U16, field, table, whole};

/// A list from byte 2 to the end of the block, with tags and lengths of a byte each.
fn plain() -> List {
    List {
        field: Field {
            offset: 2,
            operand: U8,
            elements: 14,
            counted: false,
        },
        length: U8,
        flags: list::OWNERS,
        end: Some(0),
        except: 0,
        entries: vec![entry_of(7, 3), entry_of(5, 4)],
    }
}

fn entry_of(tag: u64, length: u8) -> Entry {
    Entry {
        tag,
        length,
        flags: 0,
        rules: vec![Check::Range(field(2, U8), 0, 9)],
    }
}

/// The outcome of a write of two bytes of zero and `entries`.
fn outcome(list: List, entries: &[u8]) -> Result<Image, Violation> {
    let block = block_table::encode::BlockSource {
        min_length: 1,
        ..with_rules(vec![Check::List(list)])
    };
    first_write(block, &[&[0, 0], entries].concat())
}

fn fault(fault: ListFault, at: u8) -> Result<Image, Violation> {
    broken(Rule::List(fault), at)
}

#[test]
fn entries_follow_each_other_up_to_the_end_tag() {
    assert!(outcome(plain(), &[0]).is_ok());
    assert!(outcome(plain(), &[7, 3, 9, 0]).is_ok());
    assert!(outcome(plain(), &[7, 3, 9, 5, 4, 8, 0, 7, 3, 1, 0]).is_ok());
    assert!(outcome(plain(), &[7, 4, 9, 0, 0]).is_ok(), "a longer one");
    for (entries, at) in [
        (&[7, 3, 10, 0][..], 4),
        (&[7, 3, 9, 7, 3, 10, 0], 7),
        (&[5, 4, 9, 0, 7, 3, 10, 0], 8),
    ] {
        assert_eq!(outcome(plain(), entries), broken(Rule::Value, at));
    }
    // A list that fills the block.
    let full = [7, 3, 1, 7, 3, 1, 7, 3, 1, 5, 4, 1, 0, 0];
    assert!(outcome(plain(), &full).is_ok());
}

#[test]
fn only_a_list_without_an_end_tag_depends_on_the_number_of_bytes() {
    for (end, depends) in [(Some(0), false), (None, true)] {
        let list = List { end, ..plain() };
        let bytes = table(vec![with_rules(vec![Check::List(list)])]).encode();
        let bytes = bytes.unwrap();
        let table = Table::verify(&bytes).unwrap();
        let block = table.block(0).unwrap();
        assert_eq!(block.judges_in_context(), depends);
    }
}

#[test]
fn every_wrong_entry_is_named_with_its_place() {
    use ListFault::{AfterEnd, Cut, Repeated, Short, Unended, Unknown};
    let of = |entries: &[u8]| outcome(plain(), entries);
    assert_eq!(of(&[]), fault(Unended, 2));
    assert_eq!(of(&[7, 3, 1]), fault(Unended, 5));
    assert_eq!(of(&[7, 3, 1, 7]), fault(Cut, 5), "no length");
    assert_eq!(of(&[7, 3]), fault(Cut, 3), "no value");
    assert_eq!(of(&[7, 4, 1]), fault(Cut, 3));
    assert_eq!(of(&[7, 255, 1]), fault(Cut, 3));
    for length in 0..3 {
        assert_eq!(of(&[7, length, 1, 0]), fault(Short, 3), "{length}");
    }
    assert_eq!(
        of(&[5, 3, 1, 0]),
        fault(Short, 3),
        "shorter than its fields"
    );
    assert_eq!(of(&[7, 3, 1, 6, 2, 0]), fault(Unknown, 5));
    assert_eq!(of(&[0, 0, 0, 1, 0]), fault(AfterEnd, 5));
    let mut full = [0; 14];
    full[13] = 1;
    assert_eq!(of(&full), fault(AfterEnd, 15));
    let mut once = plain();
    once.entries[1].flags = entry::ONCE;
    assert!(outcome(once.clone(), &[7, 3, 1, 5, 4, 1, 0, 7, 3, 1, 0]).is_ok());
    let twice = outcome(once, &[5, 4, 1, 0, 7, 3, 1, 5, 4, 1, 0, 0]);
    assert_eq!(twice, fault(Repeated, 9));
    // The bytes of an entry after its fields.
    assert_eq!(of(&[7, 5, 1, 0, 1, 0]), broken(Rule::Reserved, 6));
    let mut any = plain();
    any.entries[0].flags = entry::ANY_BEHIND;
    assert!(outcome(any, &[7, 5, 1, 0, 1, 0]).is_ok());
}

#[test]
fn without_an_end_tag_the_entries_end_with_the_bytes_that_were_sent() {
    let open = || List {
        end: None,
        ..plain()
    };
    assert!(outcome(open(), &[]).is_ok());
    assert!(outcome(open(), &[7, 3, 1]).is_ok());
    assert_eq!(outcome(open(), &[7, 3, 1, 0]), fault(ListFault::Cut, 5));
    let zeros = outcome(open(), &[7, 3, 1, 0, 0]);
    assert_eq!(zeros, fault(ListFault::Short, 6));
    // Fewer bytes than those before the list.
    let block = block_table::encode::BlockSource {
        min_length: 1,
        ..with_rules(vec![Check::List(open())])
    };
    assert!(first_write(block, &[0]).is_ok());
}

#[test]
fn a_length_may_count_the_value_alone() {
    let list = || List {
        flags: list::OWNERS | list::OF_VALUE,
        length: U16,
        ..plain()
    };
    let of = |entries: &[u8]| outcome(list(), entries);
    assert!(of(&[7, 0, 0, 0]).is_ok());
    assert!(of(&[7, 1, 0, 0, 5, 1, 0, 0, 0]).is_ok());
    assert_eq!(of(&[5, 0, 0, 0]), fault(ListFault::Short, 3));
    assert_eq!(of(&[7, 0xFF, 0xFF]), fault(ListFault::Cut, 3));
    assert_eq!(of(&[7, 2, 0, 0]), fault(ListFault::Cut, 3));
}

#[test]
fn tags_and_lengths_have_any_width_and_order() {
    let list = List {
        field: Field {
            operand: U16 | BE,
            ..plain().field
        },
        length: U16 | BE,
        end: Some(0x102),
        entries: vec![Entry {
            rules: Vec::new(),
            ..entry_of(0x201, 4)
        }],
        ..plain()
    };
    let of = |entries: &[u8]| outcome(list.clone(), entries);
    assert!(of(&[2, 1, 0, 4, 1, 2]).is_ok());
    assert_eq!(of(&[1, 2, 0, 4, 0, 0]), fault(ListFault::AfterEnd, 5));
    assert_eq!(of(&[2, 1, 4, 0, 1, 2]), fault(ListFault::Cut, 4));
    assert_eq!(of(&[2, 1, 0, 4, 1]), fault(ListFault::Cut, 6));
    assert_eq!(of(&[2, 1, 0, 3, 1, 2]), fault(ListFault::Short, 4));
}

#[test]
fn unknown_entries_are_skipped_or_not_as_a_bit_says() {
    let of = |flags, except, entries: &[u8]| {
        let list = List {
            flags: list::OWNERS | flags,
            except,
            ..plain()
        };
        outcome(list, entries)
    };
    let (low, high) = (&[6, 3, 99, 0][..], &[0x86, 3, 99, 0][..]);
    let unknown = || fault(ListFault::Unknown, 2);
    assert!(of(list::SKIP, 0, low).is_ok());
    assert!(of(list::SKIP, 0, high).is_ok());
    assert!(of(list::SKIP, 0x80, low).is_ok());
    assert_eq!(of(list::SKIP, 0x80, high), unknown());
    assert_eq!(of(0, 0x80, low), unknown());
    assert!(of(0, 0x80, high).is_ok());
    // A skipped entry has a tag, a length and an end, too.
    let of = |entries: &[u8]| of(list::SKIP, 0, entries);
    assert_eq!(of(&[6, 0, 0]), fault(ListFault::Short, 3));
    assert_eq!(of(&[6, 1, 0]), fault(ListFault::Short, 3));
    assert_eq!(of(&[6, 4, 0]), fault(ListFault::Cut, 3));
}

#[test]
fn the_end_may_be_an_entry_of_its_own() {
    let list = |behind| {
        let mut list = List {
            flags: list::OWNERS | behind,
            ..plain()
        };
        list.entries.push(entry_of(0, 3));
        list
    };
    let of = |entries: &[u8]| outcome(list(0), entries);
    assert!(of(&[7, 3, 1, 0, 3, 9]).is_ok());
    assert_eq!(of(&[0]), fault(ListFault::Cut, 2));
    assert_eq!(of(&[0, 2, 0]), fault(ListFault::Short, 3));
    assert_eq!(of(&[0, 3, 10]), broken(Rule::Value, 4));
    assert_eq!(of(&[0, 3, 9, 0, 1]), fault(ListFault::AfterEnd, 6));
    assert!(outcome(list(list::ANY_BEHIND), &[0, 3, 9, 0, 1]).is_ok());
    let without = List {
        flags: list::OWNERS | list::ANY_BEHIND,
        ..plain()
    };
    assert!(outcome(without, &[0, 1, 2, 3]).is_ok());
}

#[test]
fn an_entry_is_compared_with_the_block() {
    let rule = Check::Require(vec![compare_field(
        op::LESS_OR_EQUAL,
        whole(2, U8),
        FieldRecord::default(),
        from_source(source::WHOLE, whole(0, U8)),
    )]);
    let length = Check::Require(vec![on_field(
        op::PUSH,
        from_source(source::WRITE, whole(source::LENGTH, U8)),
    )]);
    let mut list = plain();
    list.entries[0].rules = vec![rule, length];
    let block = with_rules(vec![Check::List(list)]);
    let of = |most: u8| {
        let mut sent = [0; 16];
        sent[0] = most;
        sent[2..8].copy_from_slice(&[7, 3, 4, 7, 3, 5]);
        first_write(block.clone(), &sent)
    };
    assert!(of(5).is_ok());
    assert_eq!(of(4), broken(Rule::Require, 5));
    assert_eq!(of(3), broken(Rule::Require, 2));
}

/// A write of the other side leaves the list as it is, and does not end where the list did.
#[test]
fn only_a_write_of_an_owner_is_judged() {
    let mut list = List {
        flags: block_table::format::owner::VF,
        ..plain()
    };
    list.field.offset = 8;
    list.field.elements = 8;
    let mut block = with_rules(vec![Check::List(list)]);
    block.shape.vf[..8].fill(0);
    block.shape.pf[8..].fill(0);
    let mut committed = [0; 128];
    committed[..16].fill(0xAA);
    let mut sent = [0; 16];
    let of = |writer, sent: &[u8]| write(block.clone(), writer, sent, &committed, History::EMPTY);
    assert!(of(Writer::Vf, &sent).is_ok());
    sent[8] = 9;
    assert_eq!(of(Writer::Vf, &sent), fault(ListFault::Short, 9));
    let published = of(Writer::Pf, &sent).expect("the list is that of before");
    assert_eq!(published[8..16], [0xAA; 8]);
}

/// The last entry of the longest block is judged where no bytes follow it.
#[test]
fn an_entry_at_the_end_of_the_longest_block_is_read_whole() {
    let mut list = List {
        end: None,
        ..plain()
    };
    list.field.offset = 122;
    list.field.elements = 6;
    let block = block_table::encode::BlockSource {
        rules: vec![Check::List(list)],
        ..crate::source::opaque(0, 128)
    };
    let mut sent = [0; 128];
    sent[122..].copy_from_slice(&[7, 3, 9, 7, 3, 9]);
    assert!(first_write(block.clone(), &sent).is_ok());
    sent[127] = 10;
    assert_eq!(first_write(block.clone(), &sent), broken(Rule::Value, 127));
    sent[126] = 4;
    assert_eq!(first_write(block, &sent), fault(ListFault::Cut, 126));
}
