use proptest::prelude::*;

use crate::{Direction, LineError, Operation, PowerState, Target};

fn parse(line: &str) -> Result<Operation, LineError> {
    Operation::parse(line.as_bytes())
}

fn problem(line: &str) -> String {
    match parse(line) {
        Ok(operation) => panic!("{line} is taken for {operation:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_operation_of_the_language_is_read() {
    let lines = [
        (
            r#"{"op":"write","vf":0,"block":1,"data":"0100"}"#,
            Operation::Write {
                vf: 0,
                block: 1,
                data: vec![1, 0],
            },
        ),
        (
            r#"{"op":"read","vf":1,"block":0,"length":128}"#,
            Operation::Read {
                vf: 1,
                block: 0,
                length: 128,
            },
        ),
        (
            r#"{"op":"publish","vf":"all","block":0,"data":""}"#,
            Operation::Publish {
                vf: Target::All,
                block: 0,
                data: vec![],
                expect: None,
            },
        ),
        (
            r#"{"op":"publish","vf":3,"block":0,"data":"ff","expect":0}"#,
            Operation::Publish {
                vf: Target::Vf(3),
                block: 0,
                data: vec![255],
                expect: Some(0),
            },
        ),
        (
            r#"{"op":"host-read","vf":1,"block":2,"length":64}"#,
            Operation::HostRead {
                vf: 1,
                block: 2,
                length: 64,
            },
        ),
        (
            r#"{"op":"publish","vf":3,"block":0,"data":"ff"}"#,
            Operation::Publish {
                vf: Target::Vf(3),
                block: 0,
                data: vec![255],
                expect: None,
            },
        ),
        (
            r#"{"op":"invalidate","vf":"all","mask":"0x1"}"#,
            Operation::Invalidate {
                vf: Target::All,
                mask: 1,
            },
        ),
        (
            r#"{"op":"take-invalidation","vf":0}"#,
            Operation::TakeInvalidation { vf: 0 },
        ),
        (
            r#"{"op":"drain","vf":0,"block":1}"#,
            Operation::Drain { vf: 0, block: 1 },
        ),
        (r#"{"op":"reset","vf":0}"#, Operation::Reset { vf: 0 }),
        (
            r#"{"op":"acknowledge","vf":0}"#,
            Operation::Acknowledge { vf: 0 },
        ),
        (
            r#"{"op":"power","vf":0,"state":"D3"}"#,
            Operation::Power {
                vf: 0,
                state: PowerState::D3,
            },
        ),
        (r#"{"op":"stats","vf":0}"#, Operation::Stats { vf: 0 }),
        (r#"{"op":"changes"}"#, Operation::Changes),
        (
            r#"{"op":"advance","milliseconds":100}"#,
            Operation::Advance { milliseconds: 100 },
        ),
    ];
    for (line, operation) in lines {
        assert_read_and_printed(line, &operation);
    }
}

fn assert_read_and_printed(line: &str, operation: &Operation) {
    assert_eq!(parse(line).as_ref(), Ok(operation), "{line}");
    assert_eq!(operation.to_string(), line, "printed as it was read");
}

#[test]
fn every_operation_of_the_companion_is_read() {
    let lines = [
        (
            r#"{"op":"companion","ready":false}"#,
            Operation::Companion { ready: false },
        ),
        (
            r#"{"op":"answer","block":5,"status":"0xC0000001"}"#,
            Operation::Answer {
                block: 5,
                to: Direction::Write,
                status: 0xC000_0001,
                data: None,
            },
        ),
        (
            r#"{"op":"answer","block":5,"to":"read","status":"0x00000000","data":"0a"}"#,
            Operation::Answer {
                block: 5,
                to: Direction::Read,
                status: 0,
                data: Some(vec![0x0A]),
            },
        ),
        (r#"{"op":"handed"}"#, Operation::Handed),
    ];
    for (line, operation) in lines {
        assert_read_and_printed(line, &operation);
    }
    let default = r#"{"op":"answer","block":5,"to":"write","status":"0x0"}"#;
    let operation = Operation::Answer {
        block: 5,
        to: Direction::Write,
        status: 0,
        data: None,
    };
    assert_eq!(parse(default), Ok(operation), "the default, written");
}

#[test]
fn hexadecimal_digits_of_either_case_are_read() {
    assert_eq!(
        parse(r#"{"op":"write","vf":0,"block":0,"data":"aBCdEf"}"#),
        Ok(Operation::Write {
            vf: 0,
            block: 0,
            data: vec![0xAB, 0xCD, 0xEF]
        })
    );
    assert_eq!(
        parse(r#"{"op":"invalidate","vf":0,"mask":"0x00fF"}"#),
        Ok(Operation::Invalidate {
            vf: Target::Vf(0),
            mask: 0xFF
        })
    );
}

#[test]
fn key_order_and_white_space_say_nothing() {
    assert_eq!(
        parse("  { \"block\" : 7,\t\"vf\": 2, \"op\": \"drain\" } \r\n"),
        Ok(Operation::Drain { vf: 2, block: 7 })
    );
}

#[test]
fn whole_ranges_are_well_formed_and_their_ends_are_the_ends() {
    assert_eq!(
        parse(r#"{"op":"read","vf":65535,"block":4294967295,"length":4294967295}"#),
        Ok(Operation::Read {
            vf: 65535,
            block: u32::MAX,
            length: u32::MAX
        })
    );
    assert_eq!(
        parse(r#"{"op":"invalidate","vf":0,"mask":"0xffffffffffffffff"}"#),
        Ok(Operation::Invalidate {
            vf: Target::Vf(0),
            mask: u64::MAX
        })
    );
    for line in [
        r#"{"op":"reset","vf":65536}"#,
        r#"{"op":"reset","vf":-1}"#,
        r#"{"op":"reset","vf":0.0}"#,
        r#"{"op":"reset","vf":1e2}"#,
        r#"{"op":"reset","vf":"0"}"#,
        r#"{"op":"reset","vf":18446744073709551616}"#,
        r#"{"op":"drain","vf":0,"block":4294967296}"#,
        r#"{"op":"read","vf":0,"block":0,"length":4294967296}"#,
        r#"{"op":"read","vf":0,"block":0,"length":-1}"#,
        r#"{"op":"advance","milliseconds":4294967296}"#,
        r#"{"op":"publish","vf":0,"block":0,"data":"","expect":18446744073709551616}"#,
        r#"{"op":"publish","vf":0,"block":0,"data":"","expect":-1}"#,
        r#"{"op":"publish","vf":0,"block":0,"data":"","expect":"1"}"#,
        r#"{"op":"invalidate","vf":0,"mask":"0x10000000000000000"}"#,
        r#"{"op":"invalidate","vf":0,"mask":"0x"}"#,
        r#"{"op":"invalidate","vf":0,"mask":"0x+1"}"#,
        r#"{"op":"invalidate","vf":0,"mask":"1"}"#,
        r#"{"op":"invalidate","vf":0,"mask":1}"#,
        r#"{"op":"power","vf":0,"state":"D4"}"#,
        r#"{"op":"power","vf":0,"state":"d3"}"#,
        r#"{"op":"companion","ready":1}"#,
        r#"{"op":"companion","ready":"true"}"#,
        r#"{"op":"answer","block":5,"status":0}"#,
        r#"{"op":"answer","block":5,"status":"0"}"#,
        r#"{"op":"answer","block":5,"status":"0x"}"#,
        r#"{"op":"answer","block":5,"status":"0x-1"}"#,
        r#"{"op":"answer","block":5,"status":"0x100000000"}"#,
        r#"{"op":"answer","block":5,"status":"declined"}"#,
        r#"{"op":"answer","block":5,"status":"0x0","to":"drain"}"#,
    ] {
        assert!(
            matches!(parse(line), Err(LineError::Key { .. })),
            "{line}: {:?}",
            parse(line)
        );
    }
}

#[test]
fn an_unknown_operation_or_key_is_named_with_those_that_exist() {
    let text = problem(r#"{"op":"wirte","vf":0}"#);
    assert!(
        text.contains("`op`") && text.contains("`wirte`") && text.contains("`write`"),
        "{text}"
    );
    let text = problem(r#"{"op":"reset","vf":0,"blok":1}"#);
    assert!(
        text.contains("`blok`") && text.contains("`block`"),
        "{text}"
    );
}

#[test]
fn a_value_out_of_its_range_is_named_with_its_key_and_its_place() {
    let error = parse(r#"{"op":"reset","vf":70000}"#).expect_err("70000 is no VF index");
    let text = error.to_string();
    assert!(
        text.contains("`vf`") && text.contains("70000") && text.contains("65535"),
        "{text}"
    );
    assert_eq!(error.column(), Some(24));
}

#[test]
fn a_key_that_is_missing_or_another_operations_is_named() {
    assert_eq!(
        parse(r#"{"op":"write","vf":0,"block":1}"#),
        Err(LineError::Missing {
            op: "write",
            key: "data"
        })
    );
    assert_eq!(
        parse(r#"{"op":"reset","vf":0,"block":1}"#),
        Err(LineError::Superfluous {
            op: "reset",
            key: "block"
        })
    );
    assert_eq!(
        parse(r#"{"op":"drain","vf":"all","block":1}"#),
        Err(LineError::OneVf { op: "drain" })
    );
    assert_eq!(
        parse(r#"{"op":"host-read","vf":"all","block":1,"length":1}"#),
        Err(LineError::OneVf { op: "host-read" })
    );
    assert_eq!(
        parse(r#"{"op":"write","vf":0,"block":1,"data":"","expect":1}"#),
        Err(LineError::Superfluous {
            op: "write",
            key: "expect"
        })
    );
    assert_eq!(
        parse(r#"{"op":"publish","vf":"all","block":1,"data":"","expect":1}"#),
        Err(LineError::ExpectOfAll)
    );
    for (line, op, key) in [
        (r#"{"op":"companion"}"#, "companion", "ready"),
        (r#"{"op":"answer","block":5}"#, "answer", "status"),
        (r#"{"op":"answer","status":"0x0"}"#, "answer", "block"),
    ] {
        assert_eq!(parse(line), Err(LineError::Missing { op, key }));
    }
    for (line, op, key) in [
        (
            r#"{"op":"companion","ready":true,"vf":0}"#,
            "companion",
            "vf",
        ),
        (r#"{"op":"handed","ready":true}"#, "handed", "ready"),
        (
            r#"{"op":"drain","vf":0,"block":1,"status":"0x0"}"#,
            "drain",
            "status",
        ),
    ] {
        assert_eq!(parse(line), Err(LineError::Superfluous { op, key }));
    }
    let text = problem(r#"{"vf":0}"#);
    assert!(text.contains("`op`"), "{text}");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for line in [
        r#"{"op":"reset","vf":0,"vf":0}"#,
        r#"{"op":"reset","op":"reset","vf":0}"#,
        r#"{"op":"write","vf":0,"block":0,"data":"00","data":"00"}"#,
    ] {
        let text = problem(line);
        assert!(text.contains("duplicate field"), "{line}: {text}");
    }
}

#[test]
fn null_is_no_value() {
    assert!(parse(r#"{"op":"reset","vf":0,"block":null}"#).is_err());
    assert!(parse(r#"{"op":"reset","vf":null}"#).is_err());
}

#[test]
fn a_word_is_a_string_and_no_object_that_holds_one() {
    for (line, key) in [
        (r#"{"op":{"stats":null},"vf":0}"#, "`op`"),
        (r#"{"op":["stats"],"vf":0}"#, "`op`"),
        (r#"{"op":"power","vf":0,"state":{"D3":null}}"#, "`state`"),
    ] {
        let text = problem(line);
        assert!(text.starts_with(key) && text.contains("string"), "{text}");
    }
}

#[test]
fn odd_or_foreign_hexadecimal_digits_are_refused() {
    for data in ["0", "012", "0g", "0x00", " 00", "00 "] {
        let line = format!(r#"{{"op":"write","vf":0,"block":0,"data":"{data}"}}"#);
        let text = problem(&line);
        assert!(text.starts_with("`data`"), "{text}");
    }
}

#[test]
fn a_foreign_character_in_data_is_named_with_its_position_before_an_odd_number_of_digits() {
    for (data, words) in [
        ("00 01", "character 3 is ' '"),
        ("0001 ", "character 5 is ' '"),
        ("0g", "character 2 is 'g'"),
        ("ä0", "character 1 is 'ä'"),
        (r"00\u001b0", r"character 3 is '\u{1b}'"),
        ("012", "3 hexadecimal digits, an odd number"),
    ] {
        let line = format!(r#"{{"op":"write","vf":0,"block":0,"data":"{data}"}}"#);
        let text = problem(&line);
        assert!(
            text.starts_with(&format!("`data`: {words}")),
            "{data}: {text}"
        );
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for line in [
        "reset 0",
        "[\"reset\",0]",
        "\"reset\"",
        "17",
        "null",
        "{",
        "{}{}",
        "{\"op\":\"reset\",\"vf\":0}}",
        "{\"op\":\"reset\",\"vf\":0} {\"op\":\"reset\",\"vf\":0}",
        "{'op':'reset','vf':0}",
        "{\"op\":\"reset\",\"vf\":0,}",
        "",
        "   ",
        "\u{feff}{\"op\":\"reset\",\"vf\":0}",
    ] {
        assert!(parse(line).is_err(), "{line:?} is no operation");
    }
    assert!(
        Operation::parse(b"{\"op\":\"reset\xFF\",\"vf\":0}").is_err(),
        "not UTF-8"
    );
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![any::<u16>().prop_map(Target::Vf), Just(Target::All)]
}

/// The target of a publish, and the revision that it expects.
fn publishes() -> impl Strategy<Value = (Target, Option<u64>)> {
    prop_oneof![
        (any::<u16>(), any::<Option<u64>>()).prop_map(|(vf, expect)| (Target::Vf(vf), expect)),
        Just((Target::All, None)),
    ]
}

fn operations() -> impl Strategy<Value = Operation> {
    let data = || prop::collection::vec(any::<u8>(), 0..160);
    prop_oneof![
        (any::<u16>(), any::<u32>(), data()).prop_map(|(vf, block, data)| Operation::Write {
            vf,
            block,
            data
        }),
        (any::<u16>(), any::<u32>(), any::<u32>())
            .prop_map(|(vf, block, length)| Operation::Read { vf, block, length }),
        (publishes(), any::<u32>(), data()).prop_map(|((vf, expect), block, data)| {
            Operation::Publish {
                vf,
                block,
                data,
                expect,
            }
        }),
        (any::<u16>(), any::<u32>(), any::<u32>())
            .prop_map(|(vf, block, length)| Operation::HostRead { vf, block, length }),
        (targets(), any::<u64>()).prop_map(|(vf, mask)| Operation::Invalidate { vf, mask }),
        any::<u16>().prop_map(|vf| Operation::TakeInvalidation { vf }),
        (any::<u16>(), any::<u32>()).prop_map(|(vf, block)| Operation::Drain { vf, block }),
        any::<u16>().prop_map(|vf| Operation::Reset { vf }),
        (
            any::<u16>(),
            prop::sample::select(vec![
                PowerState::D0,
                PowerState::D1,
                PowerState::D2,
                PowerState::D3
            ])
        )
            .prop_map(|(vf, state)| Operation::Power { vf, state }),
        any::<u16>().prop_map(|vf| Operation::Stats { vf }),
        any::<u32>().prop_map(|milliseconds| Operation::Advance { milliseconds }),
        any::<bool>().prop_map(|ready| Operation::Companion { ready }),
        (
            any::<u32>(),
            prop::sample::select(vec![Direction::Write, Direction::Read]),
            any::<u32>(),
            prop::option::of(data())
        )
            .prop_map(|(block, to, status, data)| Operation::Answer {
                block,
                to,
                status,
                data
            }),
        Just(Operation::Handed),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(operation in operations()) {
        prop_assert_eq!(Operation::parse(operation.to_string().as_bytes()), Ok(operation));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Operation::parse(&bytes);
    }

    #[test]
    fn a_line_cut_short_is_refused(operation in operations(), cut in any::<prop::sample::Index>()) {
        let line = operation.to_string();
        let cut = cut.index(line.len());
        prop_assert!(Operation::parse(&line.as_bytes()[..cut]).is_err());
    }
}
