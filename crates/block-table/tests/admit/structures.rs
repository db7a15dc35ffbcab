//! Structures, computed counts, reserved bits of elements and MAC addresses.

use block_table::Rule;
use block_table::encode::{
    Field, Instruction, Rule as Check, compare_field, from_source, on_constant, on_field, on_stack,
};
use block_table::format::{mac, op, source};

use crate::attempt::{broken, first_write, sent, with_rules};
use crate::source::{BE, U8, U16, field, load, whole};

/// Structures of four bytes from byte 1 on.
fn structures(elements: u8, counted: bool) -> Field {
    Field {
        offset: 1,
        operand: U8,
        elements,
        counted,
    }
}

fn each(elements: u8, counted: bool, rules: Vec<Check>) -> Check {
    Check::Each {
        field: structures(elements, counted),
        length: 4,
        rules,
    }
}

fn count(number: Vec<Instruction>, clear: u8) -> Check {
    Check::CountByCode {
        field: structures(3, false),
        number,
        at: 0,
        clear,
    }
}

#[test]
fn every_element_is_judged_and_no_byte_beside_them() {
    let rules = || vec![each(3, false, vec![Check::Range(field(2, U16 | BE), 0, 5)])];
    let outcome = |at: usize| first_write(with_rules(rules()), &sent(at, &[6]));
    for start in [1, 5, 9] {
        assert_eq!(
            outcome(start + 3),
            broken(Rule::Value, u8::try_from(start + 2).unwrap())
        );
        assert_eq!(
            outcome(start + 2),
            broken(Rule::Value, u8::try_from(start + 2).unwrap())
        );
        assert!(outcome(start).is_ok());
        assert!(outcome(start + 1).is_ok());
    }
    assert!(outcome(0).is_ok());
    assert!(outcome(13).is_ok());
}

/// The last element of the longest block is judged where no eight bytes follow it.
#[test]
fn an_element_at_the_end_of_the_longest_block_is_read_whole() {
    let structures = Field {
        offset: 120,
        operand: U8,
        elements: 4,
        counted: false,
    };
    let rule = Check::Each {
        field: structures,
        length: 2,
        rules: vec![Check::Range(field(0, U16), 0, 5)],
    };
    let block = block_table::encode::BlockSource {
        rules: vec![rule],
        ..crate::source::opaque(0, 128)
    };
    for index in 0..4 {
        let mut bytes = [0; 128];
        bytes[121 + 2 * index] = 1;
        let at = u8::try_from(120 + 2 * index).unwrap();
        assert_eq!(first_write(block.clone(), &bytes), broken(Rule::Value, at));
    }
}

#[test]
fn rules_after_those_of_an_element_are_the_block_s() {
    let rules = vec![
        each(2, false, vec![Check::Mask(field(0, U8), 1)]),
        Check::Mask(field(0, U8), 2),
        each(1, false, vec![Check::Mask(field(3, U8), 4)]),
        Check::Mask(field(15, U8), 8),
    ];
    let outcome = |at, byte| first_write(with_rules(rules.clone()), &sent(at, &[byte]));
    for (at, allowed) in [(0, 2), (1, 1), (5, 1), (4, 4), (15, 8)] {
        assert!(outcome(at, allowed).is_ok());
        assert_eq!(
            outcome(at, 0x80),
            broken(Rule::Value, u8::try_from(at).unwrap())
        );
    }
    assert!(outcome(8, 0x80).is_ok(), "the second array has one element");
}

#[test]
fn a_count_of_too_many_elements_is_a_fault_of_its_integer() {
    let at = |at| {
        let number = vec![load(13, U8)];
        let structures = structures(3, false);
        let count = Check::CountByCode {
            field: structures,
            number,
            at,
            clear: 4,
        };
        first_write(with_rules(vec![count]), &sent(13, &[4]))
    };
    assert_eq!(at(13), broken(Rule::Count, 13));
    assert_eq!(at(0), broken(Rule::Count, 0));
}

#[test]
fn a_rule_on_bits_judges_no_other_bits() {
    let bits = |low, count| {
        let range = Box::new(Check::Range(field(2, U8), 2, 3));
        let rule = Check::Bits {
            low,
            count,
            rule: range,
        };
        move |byte| first_write(with_rules(vec![rule.clone()]), &sent(2, &[byte]))
    };
    for (low, count) in [(0, 4), (3, 2), (4, 4)] {
        let judged = bits(low, count);
        let others = !(((1 << count) - 1) << low);
        for value in 0..1_u8 << count {
            let outcome = judged(value << low | others);
            let is_kept = (2..=3).contains(&value);
            assert_eq!(outcome.is_ok(), is_kept, "{value} at {low}");
        }
    }
}

#[test]
fn a_computed_count_selects_the_elements() {
    let number = || vec![load(0, U8), on_constant(op::SUBTRACT, 2)];
    let rule = || each(3, true, vec![Check::Range(field(0, U8), 7, 9)]);
    let outcome = |first: u8, clear: u8, elements: [u8; 3]| {
        let mut bytes = [0; 16];
        bytes[0] = first;
        for (index, byte) in elements.into_iter().enumerate() {
            bytes[1 + 4 * index] = byte;
        }
        first_write(with_rules(vec![count(number(), clear), rule()]), &bytes)
    };
    assert_eq!(outcome(1, 4, [0; 3]), broken(Rule::Overflow, 0));
    assert!(outcome(2, 4, [0; 3]).is_ok());
    assert_eq!(outcome(2, 4, [7, 0, 0]), broken(Rule::Count, 1));
    assert!(outcome(2, 0, [1, 2, 3]).is_ok());
    assert!(outcome(4, 4, [7, 8, 0]).is_ok());
    assert_eq!(outcome(4, 4, [7, 6, 0]), broken(Rule::Value, 5));
    assert_eq!(outcome(4, 4, [7, 8, 1]), broken(Rule::Count, 1));
    assert!(outcome(4, 0, [7, 8, 1]).is_ok());
    assert!(outcome(5, 4, [7, 8, 9]).is_ok());
    assert_eq!(outcome(6, 4, [7, 8, 9]), broken(Rule::Count, 0));
    assert_eq!(outcome(255, 0, [7, 8, 9]), broken(Rule::Count, 0));
}

#[test]
fn a_count_of_some_bits_is_theirs() {
    let bits = block_table::encode::field_record(0, U8, 2, 2);
    let rule = || each(3, true, vec![Check::Range(field(0, U8), 1, 1)]);
    let outcome = |byte: u8| {
        let rules = vec![count(vec![on_field(op::PUSH, bits)], 0), rule()];
        first_write(with_rules(rules), &sent(0, &[byte, 1]))
    };
    for byte in 0..=u8::MAX {
        let expected = match byte >> 2 & 3 {
            0 | 1 => None,
            _ => Some(broken(Rule::Value, 5)),
        };
        assert_eq!(outcome(byte).err().map(Err), expected, "{byte:#x}");
    }
}

#[test]
fn an_element_is_compared_with_the_block() {
    let over_both = Check::Require(vec![compare_field(
        op::LESS_OR_EQUAL,
        whole(1, U8),
        whole(2, U8),
        from_source(source::WHOLE, whole(0, U8)),
    )]);
    let own = Check::Require(vec![
        load(0, U8),
        load(3, U8),
        on_stack(op::SUBTRACT),
        on_constant(op::LESS, 3),
    ]);
    let outcome = |first: u8, second: [u8; 4]| {
        let rules = vec![each(3, false, vec![own.clone(), over_both.clone()])];
        let mut bytes = [0; 16];
        bytes[0] = first;
        bytes[5..9].copy_from_slice(&second);
        first_write(with_rules(rules), &bytes)
    };
    assert!(outcome(9, [2, 4, 5, 0]).is_ok());
    assert_eq!(outcome(8, [2, 4, 5, 0]), broken(Rule::Require, 5));
    assert_eq!(outcome(9, [3, 0, 0, 0]), broken(Rule::Require, 5));
    assert_eq!(outcome(9, [1, 0, 0, 2]), broken(Rule::Overflow, 5));
}

#[test]
fn a_reserved_bit_of_an_element_is_reserved() {
    let gap = Field {
        elements: 2,
        ..field(2, U8)
    };
    let rules = || {
        vec![each(
            2,
            false,
            vec![Check::Clear(field(0, U16), 0x8001), Check::Clear(gap, 0xFF)],
        )]
    };
    let outcome = |at, byte| first_write(with_rules(rules()), &sent(at, &[byte]));
    assert_eq!(outcome(5, 1), broken(Rule::Reserved, 5));
    assert!(outcome(5, 0xFE).is_ok());
    assert_eq!(outcome(6, 0x80), broken(Rule::Reserved, 5));
    assert_eq!(outcome(7, 0x10), broken(Rule::Reserved, 7));
    assert_eq!(outcome(8, 0x10), broken(Rule::Reserved, 8));
    assert!(outcome(9, 0xFF).is_ok(), "there are two elements");
}

#[test]
fn a_mac_address_is_that_of_a_station_a_group_or_any() {
    let address = Field {
        elements: 6,
        ..field(3, U8)
    };
    let admits = |kind, bytes: [u8; 6]| {
        let written = first_write(
            with_rules(vec![Check::Mac(address, kind)]),
            &sent(3, &bytes),
        );
        assert!(written.is_ok() || written == broken(Rule::Value, 3));
        written.is_ok()
    };
    for (bytes, unicast, multicast, nonzero) in [
        ([0; 6], false, false, false),
        ([0, 0, 0, 0, 0, 1], true, false, true),
        ([2, 0, 0, 0, 0, 0], true, false, true),
        ([0xFE; 6], true, false, true),
        ([1, 0, 0, 0, 0, 0], false, true, true),
        ([0xFF; 6], false, true, true),
    ] {
        let kinds = [mac::UNICAST, mac::MULTICAST, mac::NONZERO];
        let admitted = kinds.map(|kind| admits(kind, bytes));
        assert_eq!(admitted, [unicast, multicast, nonzero], "{bytes:x?}");
    }
    // The bytes beside it do not count.
    let beside = first_write(
        with_rules(vec![Check::Mac(address, mac::NONZERO)]),
        &[1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
    );
    assert_eq!(beside, broken(Rule::Value, 3));
}
