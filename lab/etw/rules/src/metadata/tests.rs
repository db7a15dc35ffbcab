//! Descriptions as they should be, and each flaw.

use alloc::{borrow::ToOwned as _, vec::Vec};

use proptest::prelude::{any, proptest};

use super::{Description, FieldType, Flaw, provider_name};

/// Puts the size in front.
fn sized(rest: &[u8]) -> Vec<u8> {
    let size = u16::try_from(rest.len() + 2).unwrap();
    [&size.to_le_bytes(), rest].concat()
}

fn flaw(rest: &[u8]) -> Flaw {
    Description::read(&sized(rest)).unwrap_err()
}

#[test]
fn an_event_reads_back_as_its_name_and_fields() {
    let metadata = sized(b"\0Told\0Vf\0\x06Status\0\x14Words\0\x02");
    assert_eq!(
        Description::read(&metadata).unwrap(),
        Description {
            name: "Told".to_owned(),
            fields: [
                ("Vf".to_owned(), FieldType::Unsigned(2)),
                ("Status".to_owned(), FieldType::Hexadecimal(4)),
                ("Words".to_owned(), FieldType::AnsiString),
            ]
            .into(),
        }
    );
}

#[test]
fn tags_end_with_a_byte_whose_highest_bit_is_clear() {
    let event = Description::read(&sized(b"\x81\x82\x03Told\0")).unwrap();
    assert_eq!(event.name, "Told");
    assert_eq!(flaw(b"\x81\x82"), Flaw::EndlessTags);
}

#[test]
fn a_size_is_that_of_the_descriptor() {
    assert_eq!(
        Description::read(b"\x09\0\0Told\0").unwrap_err(),
        Flaw::OtherSize { inside: 9, size: 8 }
    );
    assert_eq!(
        Description::read(b"\x01").unwrap_err(),
        Flaw::NoSize { size: 1 }
    );
    assert_eq!(provider_name(b"").unwrap_err(), Flaw::NoSize { size: 0 });
}

#[test]
fn names_end_with_a_zero_and_are_not_empty() {
    assert_eq!(flaw(b"\0Told"), Flaw::EndlessName { of: "event" });
    assert_eq!(flaw(b"\0\0"), Flaw::EmptyName { of: "event" });
    assert_eq!(flaw(b"\0\xFF\0"), Flaw::NameNotUtf8 { of: "event" });
    assert_eq!(flaw(b"\0Told\0Vf"), Flaw::EndlessName { of: "field" });
}

#[test]
fn a_field_has_a_type_that_the_double_reads() {
    let field = "Vf".to_owned();
    assert_eq!(
        flaw(b"\0Told\0Vf\0"),
        Flaw::NoType {
            field: field.clone()
        }
    );
    // A chain to an output type.
    assert_eq!(
        flaw(b"\0Told\0Vf\0\x86\x04"),
        Flaw::UnknownType {
            field,
            number: 0x86
        }
    );
}

#[test]
fn a_provider_has_a_name_and_traits_that_fit() {
    assert_eq!(provider_name(&sized(b"Broker\0")).unwrap(), "Broker");
    assert_eq!(
        provider_name(&sized(b"Broker\0\x04\0\x01x")).unwrap(),
        "Broker"
    );
    for (last, size) in [(b"\x05\0\x01x", 5), (b"\x02\0\x01x", 2)] {
        let traits = sized(&[b"Broker\0".as_slice(), last].concat());
        assert_eq!(
            provider_name(&traits).unwrap_err(),
            Flaw::TraitSize { size, left: 4 }
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
        let _ = Description::read(&bytes);
        let _ = Description::read(&sized(&bytes));
        let _ = provider_name(&sized(&bytes));
    }
}
