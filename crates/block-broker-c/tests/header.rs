//! The header for C is what cbindgen generates from the crate. Run the test with `UPDATE_DOCS=1` to
//! write it anew.

use std::fmt::{Debug, Write as _};
use std::path::Path;

use block_broker_c::STATUSES;
use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use heck::ToShoutySnakeCase as _;
use pf_broker_abi::{Operation, PowerState, Refusal, Service};
use windows_sys::Win32::Foundation as published;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// What stands at the beginning of the header.
const INTRODUCTION: &str = "\
/*
 * The broker of VF configuration blocks, for a PF driver in C or C++.
 *
 * A guide is docs/any-pf-driver.md. This file is generated from crates/block-broker-c; do not edit
 * it. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A driver verifies a block table, gives bb_initialize memory and lock functions, and passes the
 * calls of VFs and of its host software on. An operation returns an NTSTATUS: BB_SUCCESS, or one of
 * BB_REFUSED_..., each of which has its own value; a refused operation has no effect but counters
 * and journal. Its follow-up says what the driver does next: deliver invalidations, wake callers
 * that wait for changes.
 *
 * The library allocates nothing, keeps no pointer of a call, and calls nothing but the driver's lock
 * functions, memcpy and memset.
 */";

fn header() -> String {
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(INTRODUCTION.to_owned()),
        include_guard: Some("BLOCK_BROKER_H".to_owned()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"]
            .map(str::to_owned)
            .into(),
        after_includes: Some(codes()),
        usize_is_size_t: true,
        style: Style::Both,
        documentation_style: DocumentationStyle::Doxy,
        line_length: 100,
        ..Config::default()
    };
    let mut text = Vec::new();
    Builder::new()
        .with_crate(FOLDER)
        .with_config(config)
        .generate()
        .expect("cbindgen understands the crate")
        .write(&mut text);
    String::from_utf8(text)
        .expect("the header is text")
        .replace(" * # Safety\n", " * Pointers:\n")
        // A compiler for Windows reads a header in the code page of its machine.
        .replace('…', "...")
}

/// The statuses and codes, which cbindgen cannot see because macros declare them.
fn codes() -> String {
    let mut text = String::from("\n");
    for (name, value, symbol, meaning) in STATUSES {
        define(
            &mut text,
            &format!("{symbol}.{meaning}"),
            name,
            &status(*value),
        );
    }
    for refusal in Refusal::ALL {
        let name = format!("BB_REFUSED_{}", shouted(&refusal));
        let doc = format!("{}. {}", refusal.symbol(), refusal.sentence());
        define(&mut text, &doc, &name, &status(refusal.status()));
    }
    for operation in Operation::ALL {
        let name = format!("BB_OPERATION_{}", shouted(&operation));
        writeln!(text, "#define {name} {}", operation.code()).expect("written");
    }
    for state in PowerState::ALL {
        let name = format!("BB_POWER_STATE_{state:?}");
        writeln!(text, "#define {name} {}", state.code()).expect("written");
    }
    for service in Service::ALL {
        let name = format!("BB_SERVICE_{}", shouted(&service));
        writeln!(text, "#define {name} {}", service.code()).expect("written");
    }
    text
}

fn status(value: u32) -> String {
    format!("((bb_status)0x{value:08X})")
}

fn shouted(code: &impl Debug) -> String {
    format!("{code:?}").to_shouty_snake_case()
}

fn define(text: &mut String, doc: &str, name: &str, value: &str) {
    let lines = textwrap::Options::new(99)
        .initial_indent(" * ")
        .subsequent_indent(" * ");
    let doc = textwrap::fill(doc, lines);
    write!(text, "/**\n{doc}\n */\n#define {name} {value}\n\n").expect("written");
}

#[test]
fn the_header_is_what_the_crate_says() {
    let path = Path::new(FOLDER).join("include/block_broker.h");
    let generated = header();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(generated.is_ascii());
    assert!(
        written == generated,
        "{} is not what the crate says; UPDATE_DOCS=1 writes it anew",
        path.display()
    );
}

/// windows-sys is generated from the metadata that Microsoft publishes.
#[test]
fn every_status_has_the_number_of_its_name_in_windows() {
    macro_rules! published {
        ($($symbol:ident)+) => {
            [$((stringify!($symbol), published::$symbol.cast_unsigned())),+]
        };
    }
    let numbers = published![
        STATUS_SUCCESS STATUS_PENDING STATUS_INVALID_PARAMETER_1 STATUS_INVALID_PARAMETER_2
        STATUS_INVALID_PARAMETER_3 STATUS_INFO_LENGTH_MISMATCH STATUS_BUFFER_TOO_SMALL
        STATUS_DATA_ERROR STATUS_UNKNOWN_REVISION STATUS_INVALID_DEVICE_STATE
    ];
    let declared: Vec<_> = STATUSES
        .iter()
        .map(|&(_, value, symbol, _)| (symbol, value))
        .collect();
    assert_eq!(declared, numbers);
    for (name, value, ..) in STATUSES {
        assert_eq!(Refusal::from_status(*value), None, "{name} is a refusal's");
    }
}
