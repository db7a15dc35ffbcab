//! The list of entries, their messages, and their bytes read back as `wdm.h` lays them out.

use std::collections::BTreeSet;

use super::*;
use crate::event::{EtwEvent, EventDescriptor, InterfacePath};

const PATH: &str = r"\??\PCI#VEN_1414&DEV_B001&SUBSYS_B0011414&REV_01#4&1a2b3c4d&0&0008#{fe9e9c19-f427-4ff9-ae4b-d3f3d0bcc141}\pf_broker";
const INSTANCE: &str = r"PCI\VEN_1414&DEV_B001&SUBSYS_B0011414&REV_01\4&1a2b3c4d&0&0008";

fn path(text: &str) -> InterfacePath {
    let units: Vec<u16> = text.encode_utf16().collect();
    InterfacePath::from_utf16(&units)
}

fn word(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

fn double(bytes: &[u8], offset: usize) -> u32 {
    u32::from(word(bytes, offset)) | u32::from(word(bytes, offset + 2)) << 16
}

/// The strings of a packet.
fn strings(packet: &Packet) -> Vec<String> {
    let bytes = packet.as_bytes();
    let units: Vec<u16> = bytes[usize::from(word(bytes, 6))..]
        .chunks(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    let (zero, texts) = units.split_last().expect("there are strings");
    assert_eq!(*zero, 0, "the last string ends with a zero");
    let texts: Vec<_> = texts
        .split(|unit| *unit == 0)
        .map(|text| String::from_utf16(text).expect("UTF-16"))
        .collect();
    assert_eq!(usize::from(word(bytes, 4)), texts.len());
    texts
}

#[test]
fn an_entry_has_its_code_its_status_and_its_strings() {
    let event = EtwEvent {
        vf: 3,
        status: 0xC000_0185_u32.cast_signed(),
        first: 17,
        ..EtwEvent::of(&event::VF_RESET_FAILED)
    };
    let path = path(PATH);
    let packet = Packet::new(
        &VF_RESET_FAILED,
        &event,
        DeviceName::of(&path),
        4_294_967_295,
    );
    let bytes = packet.as_bytes();
    assert_eq!(usize::from(packet.length()), bytes.len());
    assert_eq!(double(bytes, 12), 0xE000_0001);
    assert_eq!(double(bytes, 20), 0xC000_0185);
    assert_eq!(word(bytes, 2), 0, "no dump data");
    assert_eq!(
        strings(&packet),
        [INSTANCE, "3", "0xC0000185", "17", "0", "4294967295"]
    );
}

#[test]
fn the_longest_strings_fit_and_cut_the_devices_name() {
    let event = EtwEvent {
        vf: u16::MAX,
        status: -1,
        first: u64::MAX,
        second: u64::MAX,
        ..EtwEvent::of(&event::START_FAILED)
    };
    let path = path(PATH);
    let packet = Packet::new(&VF_FLOODS, &event, DeviceName::of(&path), u32::MAX);
    assert_eq!(packet.length(), 240, "ERROR_LOG_MAXIMUM_SIZE");
    let strings = strings(&packet);
    assert!(strings[0].len() >= 29 && INSTANCE.starts_with(&strings[0]));
    assert_eq!(
        strings[1..],
        [
            "65535",
            "0xFFFFFFFF",
            "18446744073709551615",
            "18446744073709551615",
            "4294967295"
        ]
    );
}

#[test]
fn a_device_without_a_path_is_a_device() {
    let event = EtwEvent::of(&event::START_FAILED);
    for path in ["", r"\??\", "#{}", "x"].map(path) {
        let packet =
            Packet::of_failed_start(StartFailure::NumVfsZero, &event, DeviceName::of(&path));
        let strings = strings(&packet);
        assert_eq!(strings[0], "A device");
        assert_eq!(strings[1..], ["65535", "0x00000000", "0", "0", "0"]);
    }
}

#[test]
fn every_message_has_a_number_of_its_own_that_ascends() {
    let numbers: Vec<u32> = messages().map(|message| message.code & 0xFFFF).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let causes = StartFailure::SENTENCES.len();
    assert_eq!(numbers.len(), ALL.len() + causes);
}

#[test]
fn the_severity_is_that_of_the_event() {
    for message in messages() {
        let severity = message.code >> 16;
        assert!([0xE000, 0xA000].contains(&severity), "{message}");
    }
    assert_eq!(VF_FLOODS.code() >> 16, 0xA000);
    assert_eq!(COMPANION_REFUSED.code() >> 16, 0xE000);
    assert_eq!(code_of_failed_start(StartFailure::NumVfsZero) >> 16, 0xE000);
}

#[test]
fn a_message_inserts_strings_that_an_entry_has() {
    for message in messages() {
        let text = message.to_string();
        let inserted: Vec<_> = text.split('%').skip(1).collect();
        assert!(!inserted.is_empty(), "{text}");
        for number in inserted {
            let digit = number.chars().next().and_then(|digit| digit.to_digit(10));
            assert!(
                digit.is_some_and(|digit| (2..=7).contains(&digit)),
                "{text}"
            );
        }
    }
}

#[test]
fn the_page_for_administrators_lists_the_entries_and_no_others() {
    let document = include_str!("../../../../docs/administrators.md");
    let (_, section) = document.split_once("## Event log").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let documented: Vec<_> = section
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let row = (cells.next()?, cells.next()?, cells.next()?);
            row.0
                .starts_with(|c: char| c.is_ascii_digit())
                .then_some(row)
        })
        .map(|(id, level, name)| format!("{id} {level} {name}"))
        .collect();
    let words = |descriptor: &EventDescriptor| {
        let level = if descriptor.level() == 2 {
            "error"
        } else {
            "warning"
        };
        format!("{level} `{}`", descriptor.name())
    };
    let causes: BTreeSet<_> = StartFailure::SENTENCES
        .iter()
        .map(|(number, _)| *number)
        .collect();
    let listed = ALL
        .iter()
        .map(|entry| format!("{} {}", entry.number, words(entry.descriptor)))
        .chain([format!(
            "{} to {} {}",
            causes.first().expect("a cause"),
            causes.last().expect("a cause"),
            words(&event::START_FAILED)
        )]);
    assert_eq!(documented, listed.collect::<Vec<_>>());
}
