//! The rules of `TraceLoggingProvider.h`, `EtwRegister`, `EtwSetInformation` and `EtwWriteTransfer`
//! on the bytes that the driver hands to them, and the list of events.

use proptest::prelude::*;
use sha1_smol::Sha1;

use super::*;

/// A value of a field, as a decoder shows it.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Unsigned(u64),
    Hexadecimal(u64),
    Text(String),
}

/// Takes a name and its zero off the front.
fn name(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .expect("a name ends");
    assert_ne!(end, 0, "a name has characters");
    let name = String::from_utf8(bytes[..end].to_vec()).expect("a name is UTF-8");
    (name, &bytes[end + 1..])
}

/// Takes the size off the front, which is that of all bytes.
fn behind_size(bytes: &[u8]) -> &[u8] {
    let (size, rest) = bytes.split_at(2);
    let size = u16::from_le_bytes([size[0], size[1]]);
    assert_eq!(usize::from(size), bytes.len());
    rest
}

/// The name and the fields' names and types in an event's metadata.
fn read_metadata(metadata: &[u8]) -> (String, Vec<(String, u8)>) {
    let (tags, rest) = behind_size(metadata).split_at(1);
    assert_eq!(tags, [0], "no tags");
    let (event, mut rest) = name(rest);
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (field, behind) = name(rest);
        let (kind, behind) = behind.split_first().expect("a field has a type");
        fields.push((field, *kind));
        rest = behind;
    }
    (event, fields)
}

/// The value that a field of this type (`_tlg_In_t`) has in these bytes.
fn read_value(kind: u8, bytes: &[u8]) -> Value {
    let number = |size: usize| {
        assert_eq!(bytes.len(), size, "a number of type {kind}");
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    match kind {
        2 => {
            let (zero, text) = bytes.split_last().expect("a string ends");
            assert_eq!(*zero, 0, "a string ends with a zero");
            assert!(!text.contains(&0), "a string has one zero");
            Value::Text(String::from_utf8(text.to_vec()).expect("UTF-8"))
        }
        6 => Value::Unsigned(number(2)),
        10 => Value::Unsigned(number(8)),
        20 => Value::Hexadecimal(number(4)),
        21 => Value::Hexadecimal(number(8)),
        _ => panic!("type {kind}"),
    }
}

/// An event as a decoder reads it: its name and its fields.
fn decode(record: &EtwRecord<'_>) -> (String, Vec<(String, Value)>) {
    let pieces = record.pieces();
    let kinds = pieces.map(|(kind, _)| kind);
    assert_eq!(kinds, [2, 1, 0, 0, 0, 0, 0, 0, 0], "provider, event, data");
    let [(_, provider), (_, event), data @ ..] = pieces;
    assert_eq!(
        name(behind_size(provider)),
        ("PfBroker".to_owned(), &[][..])
    );
    let (event, fields) = read_metadata(event);
    assert_eq!(fields.len(), data.len(), "one descriptor for each field");
    let values = fields.into_iter().zip(data);
    let values = values.map(|((field, kind), (_, bytes))| (field, read_value(kind, bytes)));
    (event, values.collect())
}

/// Checks that each descriptor that ETW gets is that of its piece, and that ETW takes so many.
fn check_descriptors(record: &EtwRecord<'_>) {
    /// `MAX_EVENT_DATA_DESCRIPTORS` of `evntprov.h`.
    const MOST_DESCRIPTORS: usize = 128;
    assert!(record.data().len() <= MOST_DESCRIPTORS);
    let of_pieces = record
        .pieces()
        .map(|(kind, bytes)| EtwData::new(kind, bytes));
    assert_eq!(record.data(), of_pieces);
}

#[test]
fn every_event_has_metadata_that_read_back_as_its_name_and_the_seven_fields() {
    for event in &ALL {
        let expected = [
            ("Pf", 21),
            ("Interface", 2),
            ("Vf", 6),
            ("Status", 20),
            ("First", 10),
            ("Second", 10),
            ("Sentence", 2),
        ];
        let (name, fields) = read_metadata(event.metadata());
        assert_eq!(name, event.name());
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
            .collect();
        assert_eq!(fields, expected, "{name}");
    }
}

#[test]
fn every_event_without_values_decodes_as_that() {
    for event in ALL {
        let written = EtwEvent::of(event);
        let record = EtwRecord::new(&written, 0, c"");
        assert_eq!(*record.descriptor(), event.for_etw());
        assert!((1..=5).contains(&event.level()));
        check_descriptors(&record);
        let (name, fields) = decode(&record);
        assert_eq!(name, event.name());
        let sentence = event.sentence().to_str().expect("ASCII").to_owned();
        assert!(!sentence.is_empty(), "{name}");
        let expected = [
            Value::Hexadecimal(0),
            Value::Text(String::new()),
            Value::Unsigned(0xFFFF),
            Value::Hexadecimal(0),
            Value::Unsigned(0),
            Value::Unsigned(0),
            Value::Text(sentence),
        ];
        let values: Vec<_> = fields.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, expected);
    }
}

proptest! {
    #[test]
    fn every_value_decodes_in_its_field(
        luid: u64,
        vf: u16,
        status: i32,
        first: u64,
        second: u64,
        path in "[ -~]{0,60}",
    ) {
        let event = EtwEvent {
            vf,
            status,
            first,
            second,
            sentence: c"Why.",
            ..EtwEvent::of(&START_FAILED)
        };
        let units: Vec<u16> = path.encode_utf16().collect();
        let interface = InterfacePath::from_utf16(&units);
        let record = EtwRecord::new(&event, luid, interface.as_c_str());
        check_descriptors(&record);
        let (name, fields) = decode(&record);
        prop_assert_eq!(name, "StartFailed");
        let expected = [
            ("Pf", Value::Hexadecimal(luid)),
            ("Interface", Value::Text(path)),
            ("Vf", Value::Unsigned(vf.into())),
            ("Status", Value::Hexadecimal(status.cast_unsigned().into())),
            ("First", Value::Unsigned(first)),
            ("Second", Value::Unsigned(second)),
            ("Sentence", Value::Text("Why.".to_owned())),
        ];
        let expected = expected.map(|(field, value)| (field.to_owned(), value));
        prop_assert_eq!(fields, expected);
    }
}

/// The GUID that tools compute from a provider's name: the first 16 bytes of SHA-1 over a namespace
/// and the name, upper-case and in big-endian UTF-16, with 5 for a version.
fn guid_of_name(name: &str) -> [u8; 16] {
    let mut hash = Sha1::from(b"\x48\x2C\x2D\xB2\xC3\x90\x47\xC8\x87\xF8\x1A\x15\xBF\xC1\x30\xFB");
    for unit in name.to_uppercase().encode_utf16() {
        hash.update(&unit.to_be_bytes());
    }
    let mut guid: [u8; 16] = hash.digest().bytes()[..16].try_into().expect("20 bytes");
    guid[7] = guid[7] & 0x0F | 0x50;
    guid
}

/// The bytes of a GUID as they lie in memory.
fn bytes_of(guid: &Guid) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&guid.data1.to_le_bytes());
    bytes[4..6].copy_from_slice(&guid.data2.to_le_bytes());
    bytes[6..8].copy_from_slice(&guid.data3.to_le_bytes());
    bytes[8..].copy_from_slice(&guid.data4);
    bytes
}

#[test]
fn the_provider_has_the_guid_of_the_name_in_its_traits() {
    // The example in the documentation of the `tracelogging` crate.
    let example = Guid::from_u128(0xce5f_a4ea_ab00_5402_8b76_9f76_ac85_8fb5);
    assert_eq!(guid_of_name("MyCompany.MyComponent"), bytes_of(&example));
    let (name, traits) = name(behind_size(&PROVIDER_TRAITS));
    assert_eq!((name.as_str(), traits), ("PfBroker", &[][..]));
    assert_eq!(guid_of_name(&name), bytes_of(&PROVIDER));
}

#[test]
fn the_documentation_lists_the_events_with_their_levels_and_no_others() {
    let document = include_str!("../../../../docs/windows.md");
    let (_, section) = document
        .split_once("## Events")
        .expect("the section is there");
    let mut documented = Vec::new();
    for line in section.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let [
            "",
            names,
            level @ ("error" | "warning" | "information"),
            _,
            "",
        ] = cells[..]
        {
            for name in names.split(", ") {
                documented.push((name.trim_matches('`').to_owned(), level));
            }
        }
    }
    let all: Vec<_> = ALL
        .map(|kind| {
            let level = ["", "", "error", "warning", "information"][usize::from(kind.level())];
            (kind.name().to_owned(), level)
        })
        .into();
    assert_eq!(documented, all);
}

#[test]
fn a_luid_is_one_number_with_its_high_part_first() {
    let luid = Luid {
        low_part: 0x8000_0001,
        high_part: -2,
    };
    assert_eq!(luid_number(luid), 0xFFFF_FFFE_8000_0001);
}

#[test]
fn a_path_is_ascii_and_ends_in_time_whatever_the_system_gives() {
    let path = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        let path = InterfacePath::from_utf16(&units);
        path.as_c_str().to_str().expect("ASCII").to_owned()
    };
    assert_eq!(path(""), "");
    let usual = r"\??\PCI#VEN_15B3&DEV_101D#4&2F3&0&18#{e5f1e1c5-0000-0000-0000-000000000000}";
    assert_eq!(path(usual), usual);
    assert_eq!(path("a\u{e9}\u{0}\u{7f}\u{4e2d}b c"), "a????b c");
    assert_eq!(path(&"x".repeat(1000)).len(), PATH - 1);
}
