//! Admits and refuses writes, rule by rule, on tables written by hand.

mod attempt;
mod context;
mod expressions;
mod lists;
mod sides;
mod signed;
#[path = "../source/mod.rs"]
mod source;
mod structures;

use attempt::{broken, first_write, sent, with_rules, write};
use block_table::encode::{BlockSource, Checksum, Field, Rule as Check, Shape};
use block_table::format::{covered, owner, sequence};
use block_table::{History, Image, Rule, Table, Violation, Writer, crc32};
use source::{BE, U8, U16, U32, bytes, field, opaque, table};

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
    let near_excluded = Check::NoneOf(field(2, U16), vec![70, 7, 9]);
    let listed_excluded = Check::NoneOf(field(2, U16), vec![1, 500, 30]);
    let cases: [(Check, &[u16], &[u16]); 8] = [
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
        (near_excluded, &[0, 6, 8, 69, 71, 7 + 64], &[7, 9, 70]),
        (listed_excluded, &[0, 2, 499, 501], &[1, 30, 500]),
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
    // The bytes after the array do not belong to it.
    assert!(first_write(rules(), &sent(0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).is_ok());
}

/// The rules do not apply to an uncounted element, in an array of one element too.
#[test]
fn a_counted_array_may_have_one_element() {
    let one = Field {
        elements: 1,
        ..field(1, U8)
    };
    let counted = Field {
        counted: true,
        ..one
    };
    let block = with_rules(vec![
        Check::Count {
            field: one,
            offset: 0,
            operand: U8,
        },
        Check::Range(counted, 5, 9),
        Check::Mask(counted, 7),
    ]);
    assert!(first_write(block.clone(), &sent(0, &[0, 0])).is_ok());
    assert!(first_write(block.clone(), &sent(0, &[1, 5])).is_ok());
    assert_eq!(
        first_write(block.clone(), &sent(0, &[1, 4])),
        broken(Rule::Value, 1)
    );
    assert_eq!(
        first_write(block, &sent(0, &[1, 8])),
        broken(Rule::Value, 1)
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
    let cases: [(u8, Steps, Steps); 6] = [
        (
            sequence::SIGNED_STRICT,
            &[(HALF, 0), (u32::MAX, 0), (HALF, HALF + 1), (0, HALF - 1)],
            &[(0, u32::MAX), (HALF - 1, HALF), (5, 5), (u32::MAX, HALF)],
        ),
        (
            sequence::SIGNED_NON_DECREASING,
            &[(HALF, HALF), (u32::MAX, 0), (HALF, HALF - 1)],
            &[(0, u32::MAX), (HALF - 1, HALF)],
        ),
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
        (
            sequence::NEXT,
            &[(1, 2), (u32::MAX, 0)],
            &[(2, 2), (1, 3), (2, 1), (0, u32::MAX)],
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
    let written_twice = History::EMPTY.after(Writer::Vf).after(Writer::Vf);
    assert!(sequenced(sequence::STRICT, 9, 1, written_twice).is_err());
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

/// A VF that owns a field together with host software must not prevent publishes by setting it far
/// ahead.
#[test]
fn a_sequence_that_both_sides_own_constrains_the_vf_alone() {
    let both = owner::VF | owner::PF;
    let moves_to_1_from_9 = |owner, writer, history| {
        let rule = Check::Sequence {
            field: field(4, U32),
            kind: sequence::STRICT,
            owner,
        };
        let sent = sent(4, &1_u32.to_le_bytes());
        let mut committed = [0; 128];
        committed[4] = 9;
        write(with_rules(vec![rule]), writer, &sent, &committed, history).is_ok()
    };
    let vf_wrote = History::EMPTY.after(Writer::Vf);
    let pf_wrote = History::EMPTY.after(Writer::Pf);
    assert!(moves_to_1_from_9(both, Writer::Pf, vf_wrote));
    assert!(moves_to_1_from_9(both, Writer::Pf, pf_wrote));
    assert!(!moves_to_1_from_9(both, Writer::Vf, vf_wrote));
    assert!(
        !moves_to_1_from_9(both, Writer::Vf, pf_wrote),
        "it goes on from what the host side published"
    );
    assert!(!moves_to_1_from_9(owner::PF, Writer::Pf, pf_wrote));
    assert!(moves_to_1_from_9(owner::PF, Writer::Pf, vf_wrote));
}

#[test]
fn only_a_sequence_of_the_host_sides_own_constrains_publishes() {
    for (owners, constrains) in [
        (owner::VF, false),
        (owner::PF, true),
        (owner::VF | owner::PF, false),
    ] {
        let rule = Check::Sequence {
            field: field(4, U32),
            kind: sequence::SERIAL,
            owner: owners,
        };
        let first = with_rules(vec![rule.clone()]);
        let last = BlockSource {
            last_rules: vec![rule],
            ..opaque(0, 16)
        };
        for block in [first, last] {
            let bytes = table(vec![block]).encode().unwrap();
            let table = Table::verify(&bytes).unwrap();
            let block = table.block(0).unwrap();
            assert_eq!(block.compares_publishes(), constrains, "{owners}");
        }
    }
    let range = with_rules(vec![Check::Range(field(4, U32), 0, 9)]);
    let bytes = table(vec![range]).encode().unwrap();
    let table = Table::verify(&bytes).unwrap();
    assert!(!table.block(0).unwrap().compares_publishes());
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
                covered: covered::BEFORE,
            }),
            shape: Shape {
                pf: bytes(0..9),
                ..opaque(0, 16).shape
            },
            ..opaque(0, 16)
        };
        let encoded = table(vec![block]).encode().unwrap();
        let table = Table::verify(&encoded).unwrap();
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
fn a_leading_checksum_covers_all_bytes_after_it_that_were_sent() {
    for (shape, order) in [
        (U32, u32::to_le_bytes as fn(u32) -> [u8; 4]),
        (U32 | BE, u32::to_be_bytes),
    ] {
        let block = BlockSource {
            checksum: Some(Checksum {
                offset: 2,
                operand: shape,
                owner: owner::VF,
                covered: covered::REST,
            }),
            min_length: 6,
            shape: Shape {
                pf: bytes(6..128),
                ..opaque(0, 128).shape
            },
            ..opaque(0, 128)
        };
        let encoded = table(vec![block]).encode().unwrap();
        let table = Table::verify(&encoded).unwrap();
        let block = table.block(0).unwrap();
        let wrong = Err(Violation {
            rule: Rule::Checksum,
            offset: 2,
        });
        let mut sent = [0x55; 15];
        sent[6..].copy_from_slice(b"123456789");
        sent[2..6].copy_from_slice(&order(0xCBF4_3926));
        assert_eq!(block.check_sent(Writer::Vf, &sent), Ok(()));
        for at in 0..sent.len() {
            let mut sent = sent;
            sent[at] ^= 0x10;
            let wanted = if at < 2 { Ok(()) } else { wrong };
            assert_eq!(
                block.check_sent(Writer::Vf, &sent),
                wanted,
                "bit in byte {at}"
            );
        }
        for short in 0..15 {
            assert_eq!(
                block.check_sent(Writer::Vf, &sent[..short]),
                wrong,
                "{short}"
            );
        }
        let mut longer = [0; 128];
        longer[..15].copy_from_slice(&sent);
        assert_eq!(
            block.check_sent(Writer::Vf, &longer[..16]),
            wrong,
            "zeros count"
        );
        let sum = order(crc32(&longer[6..]));
        longer[2..6].copy_from_slice(&sum);
        assert_eq!(
            block.check_sent(Writer::Vf, &longer),
            Ok(()),
            "the longest write"
        );
        // The CRC of no bytes is zero.
        assert_eq!(block.check_sent(Writer::Vf, &[0; 6]), Ok(()));
        assert_eq!(block.check_sent(Writer::Vf, &[0, 0, 1, 0, 0, 0]), wrong);
    }
}
