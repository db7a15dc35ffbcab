//! Generates the header: structures and numbers by cbindgen, what macros and functions declare by
//! the code of this file.

use std::fmt::{Debug, Write as _};

use cbindgen::{Builder, Config, DocumentationStyle, ExportConfig, Language, Style};
use heck::ToShoutySnakeCase as _;
use pf_broker_abi::{
    self as abi, BlockKind, Companion, Operation, PowerState, Refusal, Service, TableSource,
    VfAccess,
};

/// What stands at the beginning of the header.
const INTRODUCTION: &str = "\
/*
 * The management interface of pf_broker, for host software in C or C++.
 *
 * This file is generated from crates/pf-broker-abi; do not edit it.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Host software opens the device interface PF_BROKER_INTERFACE_CLASS and sends the control codes
 * below with DeviceIoControl. They are buffered; integers are little endian. An input is exactly the
 * structure that its code names, for a publish with the data after it. An output has room for the
 * structure, or for at least one entry of a list; the number of returned bytes says how many entries
 * there are. Reserved fields are zero.
 *
 * From user mode only SYSTEM and members of Administrators can open the device. A code that changes
 * something needs a handle with GENERIC_WRITE.
 *
 * A request that is refused fails with the NTSTATUS of its PF_BROKER_REFUSED_..., each of which has
 * its own. DeviceIoControl reports it as the Win32 error that follows it there, and several NTSTATUS
 * values have the same error. To obtain the NTSTATUS, send the request with FILE_FLAG_OVERLAPPED and
 * read OVERLAPPED.Internal when it is complete, or call NtDeviceIoControlFile.
 * examples/agent/c/device_windows.c does so.
 */";

/// The structures, with their names in C after the prefix.
const STRUCTURES: [(&str, &str); 23] = [
    ("QueryReply", "QUERY_REPLY"),
    ("BlocksRequest", "BLOCKS_REQUEST"),
    ("BlockInfo", "BLOCK_INFO"),
    ("VfRequest", "VF_REQUEST"),
    ("StatsReply", "STATS_REPLY"),
    ("BlockRequest", "BLOCK_REQUEST"),
    ("BlockStatsReply", "BLOCK_STATS_REPLY"),
    ("ReadReply", "READ_REPLY"),
    ("PublishRequest", "PUBLISH_REQUEST"),
    ("InvalidateRequest", "INVALIDATE_REQUEST"),
    ("Message", "MESSAGE"),
    ("AcknowledgeRequest", "ACKNOWLEDGE_REQUEST"),
    ("PowerRequest", "POWER_REQUEST"),
    ("JournalRequest", "JOURNAL_REQUEST"),
    ("JournalEntry", "JOURNAL_ENTRY"),
    ("HostRefusalsReply", "HOST_REFUSALS_REPLY"),
    ("ChangesCookie", "CHANGES_COOKIE"),
    ("ChangesRequest", "CHANGES_REQUEST"),
    ("ChangesReply", "CHANGES_REPLY"),
    ("Change", "CHANGE"),
    ("TableRequest", "TABLE_REQUEST"),
    ("ClockReply", "CLOCK_REPLY"),
    ("LocationReply", "LOCATION_REPLY"),
];
/// Those of a connection to a simulated device.
const FRAMES: [(&str, &str); 2] = [
    ("SimulatedRequest", "SIMULATED_REQUEST"),
    ("SimulatedReply", "SIMULATED_REPLY"),
];

/// A control code: its name, its number, its input and its output.
type Code = (&'static str, u32, &'static str, &'static str);

const CODES: [Code; 17] = [
    ("QUERY", abi::IOCTL_QUERY, "none", "QUERY_REPLY"),
    (
        "BLOCKS",
        abi::IOCTL_BLOCKS,
        "BLOCKS_REQUEST",
        "a list of BLOCK_INFO",
    ),
    ("STATS", abi::IOCTL_STATS, "VF_REQUEST", "STATS_REPLY"),
    (
        "BLOCK_STATS",
        abi::IOCTL_BLOCK_STATS,
        "BLOCK_REQUEST",
        "BLOCK_STATS_REPLY",
    ),
    (
        "READ",
        abi::IOCTL_READ,
        "BLOCK_REQUEST",
        "READ_REPLY, then as many bytes as there is room for",
    ),
    (
        "PUBLISH",
        abi::IOCTL_PUBLISH,
        "PUBLISH_REQUEST, then the data",
        "none",
    ),
    (
        "INVALIDATE",
        abi::IOCTL_INVALIDATE,
        "INVALIDATE_REQUEST",
        "none",
    ),
    (
        "DRAIN",
        abi::IOCTL_DRAIN,
        "BLOCK_REQUEST",
        "a list of MESSAGE",
    ),
    ("RESET", abi::IOCTL_RESET, "VF_REQUEST", "none"),
    ("POWER", abi::IOCTL_POWER, "POWER_REQUEST", "none"),
    (
        "JOURNAL",
        abi::IOCTL_JOURNAL,
        "JOURNAL_REQUEST",
        "a list of JOURNAL_ENTRY",
    ),
    (
        "HOST_REFUSALS",
        abi::IOCTL_HOST_REFUSALS,
        "none",
        "HOST_REFUSALS_REPLY",
    ),
    (
        "CHANGES",
        abi::IOCTL_CHANGES,
        "CHANGES_REQUEST",
        "CHANGES_REPLY, then a list of CHANGE",
    ),
    (
        "ACKNOWLEDGE",
        abi::IOCTL_ACKNOWLEDGE,
        "ACKNOWLEDGE_REQUEST",
        "none",
    ),
    (
        "TABLE",
        abi::IOCTL_TABLE,
        "TABLE_REQUEST",
        "as many of the table's bytes as there is room for",
    ),
    ("CLOCK", abi::IOCTL_CLOCK, "none", "CLOCK_REPLY"),
    (
        "LOCATION",
        abi::IOCTL_LOCATION,
        "VF_REQUEST",
        "LOCATION_REPLY",
    ),
];

/// What the names of the header begin with.
const PREFIX: &str = "PF_BROKER_";

/// The text of the header.
pub(crate) fn header() -> String {
    let structures = || STRUCTURES.iter().chain(&FRAMES);
    let names = structures().map(|(rust, c)| ((*rust).to_owned(), (*c).to_owned()));
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(INTRODUCTION.to_owned()),
        include_guard: Some("PF_BROKER_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stdint.h".to_owned()],
        after_includes: Some(codes()),
        style: Style::Both,
        documentation_style: DocumentationStyle::Doxy,
        line_length: 100,
        export: ExportConfig {
            prefix: Some(PREFIX.to_owned()),
            include: structures().map(|(rust, _)| (*rust).to_owned()).collect(),
            // Written by hand: the one has 128 bits.
            exclude: vec!["INTERFACE_CLASS".to_owned()],
            rename: names.collect(),
            ..ExportConfig::default()
        },
        ..Config::default()
    };
    let mut text = Vec::new();
    Builder::new()
        .with_crate(env!("CARGO_MANIFEST_DIR"))
        .with_config(config)
        .generate()
        .expect("cbindgen understands the crate")
        .write(&mut text);
    in_c(&String::from_utf8(text).expect("the header is text"))
}

/// Comments with the names of C in the place of links of Rust's documentation.
fn in_c(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        plain.push_str(before);
        let (name, after) = after.split_once("`]").expect("the end of a link");
        plain.push_str(&name_in_c(name));
        rest = match after.strip_prefix('(') {
            Some(target) => target.split_once(')').expect("the end of its target").1,
            None => after,
        };
    }
    plain.push_str(rest);
    // A compiler for Windows reads a header in the code page of its machine.
    plain.replace('\u{2026}', "...").replace('\u{2013}', "-")
}

/// A name that a comment mentions, such as `StatsReply::resets`.
fn name_in_c(rust: &str) -> String {
    let mut parts = rust.split("::");
    let first = parts.next().unwrap_or_default();
    let all = STRUCTURES.iter().chain(&FRAMES);
    let known = all.clone().find(|(rust, _)| *rust == first);
    let mut name = match known {
        Some((_, c)) => format!("{PREFIX}{c}"),
        None => format!("{PREFIX}{}", first.to_shouty_snake_case()),
    };
    if let Some(code) = first.strip_prefix("IOCTL_") {
        name = format!("IOCTL_{PREFIX}{code}");
    }
    for part in parts {
        // A field of a structure, or the value of an enumeration.
        if known.is_some() {
            write!(name, ".{part}").expect("written");
        } else {
            write!(name, "_{}", part.to_shouty_snake_case()).expect("written");
        }
    }
    name
}

/// What cbindgen cannot see, because macros and functions declare it.
fn codes() -> String {
    let mut text = String::from("\n");
    interface_class(&mut text);
    for (name, code, input, output) in CODES {
        let doc = format!("Input: {input}. Output: {output}.");
        let code = format!("0x{code:08X}u");
        define(&mut text, &doc, &format!("IOCTL_{PREFIX}{name}"), &code);
    }
    for refusal in Refusal::ALL {
        let doc = format!(
            "{}, Win32 error {}. {}",
            refusal.symbol(),
            error(refusal.win32_error()),
            refusal.sentence()
        );
        let name = format!("{PREFIX}REFUSED_{}", shouted(&refusal));
        let status = format!("((uint32_t)0x{:08X})", refusal.status());
        define(&mut text, &doc, &name, &status);
    }
    enumeration(
        &mut text,
        "REASON",
        "Index of a refusal in counters",
        &Refusal::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "TABLE_SOURCE",
        "Where a block table comes from",
        &TableSource::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "BLOCK_KIND",
        "What a block holds",
        &BlockKind::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "VF_ACCESS",
        "What a VF may do with a block",
        &VfAccess::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "COMPANION",
        "Which operations the companion driver handles",
        &Companion::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "POWER_STATE",
        "Device power state of a VF",
        &PowerState::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "SERVICE",
        "Whether a VF is served",
        &Service::ALL,
        |code| code.code(),
    );
    enumeration(
        &mut text,
        "OPERATION",
        "What an entry of a journal records",
        &Operation::ALL,
        |code| code.code(),
    );
    let greeting: Vec<String> = abi::SIMULATED_GREETING
        .iter()
        .map(|byte| format!("0x{byte:02X}"))
        .collect();
    define(
        &mut text,
        "The first bytes of both sides of a connection to a simulated device, as an initializer; \
         the last one is the version of the framing.",
        &format!("{PREFIX}SIMULATED_GREETING"),
        &format!("{{{}}}", greeting.join(", ")),
    );
    text
}

/// The GUID of the device interface class as an initializer of a `GUID`.
fn interface_class(text: &mut String) {
    let bytes = abi::INTERFACE_CLASS.to_be_bytes();
    let part = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02X}");
            digits
        })
    };
    let last: Vec<String> = (8..16)
        .map(|byte| format!("0x{}", part(byte..byte + 1)))
        .collect();
    let guid = format!(
        "{{0x{}, 0x{}, 0x{}, {{{}}}}}",
        part(0..4),
        part(4..6),
        part(6..8),
        last.join(", ")
    );
    let doc = "The device interface class, as the initializer of a GUID.";
    define(text, doc, &format!("{PREFIX}INTERFACE_CLASS"), &guid);
}

/// A Win32 error, in decimal as `winerror.h` has most of them.
fn error(error: u32) -> String {
    if error < 0x1_0000 {
        error.to_string()
    } else {
        format!("0x{error:08X}")
    }
}

fn enumeration<T: Debug>(text: &mut String, name: &str, doc: &str, all: &[T], code: fn(&T) -> u8) {
    for value in all {
        let name = format!("{PREFIX}{name}_{}", shouted(value));
        define(text, &format!("{doc}."), &name, &code(value).to_string());
    }
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

/// The name in C of a structure of this crate.
pub(crate) fn structure(rust: &str) -> Option<String> {
    let mut all = STRUCTURES.iter().chain(&FRAMES);
    all.find(|(name, _)| *name == rust)
        .map(|(_, c)| format!("{PREFIX}{c}"))
}
