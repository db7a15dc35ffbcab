//! A registration as it should be used, and each rule broken.

use alloc::{borrow::ToOwned as _, string::ToString as _, vec::Vec};

use super::{Descriptor, FIRST, Handle, Header, Registrations};
use crate::{
    event::Event,
    metadata::{FieldType, Flaw},
    provider_id::ProviderId,
    violation::Violation,
};

const TRAITS: &[u8] = b"\x09\0Broker\0";
const METADATA: &[u8] = b"\x19\0\0Told\0Vf\0\x06Status\0\x14Say\0\x02";
const HEADER: Header = Header {
    channel: 11,
    level: 4,
};

fn id() -> ProviderId {
    ProviderId::of_name("Broker")
}

/// A registration with its traits.
fn registered() -> (Registrations, Handle) {
    let mut registrations = Registrations::new();
    let handle = registrations.register(0, id()).unwrap();
    let name = registrations.set_information(0, handle, 2, TRAITS).unwrap();
    assert_eq!(name, "Broker");
    (registrations, handle)
}

/// The descriptors of an event.
fn event(data: &[&'static [u8]]) -> Vec<Descriptor<'static>> {
    let typed = [(TRAITS, 2), (METADATA, 1)].into_iter();
    typed
        .chain(data.iter().map(|&bytes| (bytes, 0)))
        .map(|(bytes, reserved)| Descriptor { bytes, reserved })
        .collect()
}

fn good() -> Vec<Descriptor<'static>> {
    event(&[b"\x01\x02", b"\x0D\0\0\xC0", b"so\0"])
}

fn write(descriptors: &[Descriptor<'_>]) -> Result<Event, Violation> {
    let (mut registrations, handle) = registered();
    registrations.write(handle, HEADER, descriptors)
}

#[test]
fn an_event_is_read_by_its_metadata() {
    assert_eq!(
        write(&good()).unwrap().to_string(),
        "event Told level 4: Vf 513, Status 0xc000000d, Say \"so\""
    );
}

#[test]
fn a_handle_lives_from_its_registration_to_its_end() {
    let (mut registrations, handle) = registered();
    registrations.unregister(0, handle).unwrap();
    let function = "EtwWriteTransfer";
    assert_eq!(
        registrations.write(handle, HEADER, &good()),
        Err(Violation::UseAfterUnregister { function, handle })
    );
    let function = "EtwUnregister";
    assert_eq!(
        registrations.unregister(0, handle),
        Err(Violation::UseAfterUnregister { function, handle })
    );
    for handle in [0, FIRST + 1].map(Handle) {
        assert_eq!(
            registrations.unregister(0, handle),
            Err(Violation::UnknownHandle { function, handle })
        );
    }
    let other = registrations.register(0, id()).unwrap();
    assert_ne!(other, handle);
}

#[test]
fn all_but_writing_is_for_passive_level() {
    let (mut registrations, handle) = registered();
    let too_high = |function| Violation::LevelTooHigh { function, level: 2 };
    assert_eq!(
        registrations.register(2, id()),
        Err(too_high("EtwRegister"))
    );
    assert_eq!(
        registrations.set_information(2, handle, 2, TRAITS),
        Err(too_high("EtwSetInformation"))
    );
    assert_eq!(
        registrations.unregister(2, handle),
        Err(too_high("EtwUnregister"))
    );
}

#[test]
fn traits_are_set_once_and_fit_the_guid() {
    let (mut registrations, handle) = registered();
    let mut set = |class, traits| registrations.set_information(0, handle, class, traits);
    assert_eq!(set(2, TRAITS), Err(Violation::TraitsAgain { handle }));
    assert_eq!(set(1, TRAITS), Err(Violation::UnknownClass { class: 1 }));
    let handle = registrations.register(0, id()).unwrap();
    let mut set = |traits| registrations.set_information(0, handle, 2, traits);
    let flaw = Flaw::OtherSize { inside: 9, size: 8 };
    let function = "EtwSetInformation";
    assert_eq!(set(&TRAITS[..8]), Err(Violation::Traits { function, flaw }));
    assert_eq!(
        set(b"\x05\0No\0"),
        Err(Violation::OtherGuid {
            name: "No".to_owned(),
            derived: ProviderId::of_name("No"),
            registered: id(),
        })
    );
}

#[test]
fn types_mean_nothing_before_the_traits_are_set() {
    let mut registrations = Registrations::new();
    let handle = registrations.register(0, id()).unwrap();
    assert_eq!(
        registrations.write(handle, HEADER, &good()),
        Err(Violation::NoTraits)
    );
}

#[test]
fn an_event_has_its_channel_and_a_level() {
    let (mut registrations, handle) = registered();
    let mut write =
        |channel, level| registrations.write(handle, Header { channel, level }, &good());
    assert_eq!(write(0, 4), Err(Violation::Channel { channel: 0 }));
    for level in [0, 6] {
        assert_eq!(write(11, level), Err(Violation::Level { level }));
    }
}

#[test]
fn descriptors_have_the_types_of_their_places() {
    assert_eq!(
        write(&good()[..1]),
        Err(Violation::TooFewDescriptors { count: 1 })
    );
    for (place, expected) in [(0, 2), (1, 1), (2, 0), (4, 0)] {
        let mut other = good();
        other[place].reserved = 3;
        assert_eq!(
            write(&other),
            Err(Violation::DescriptorType {
                place,
                found: 3,
                expected
            })
        );
        other[place].reserved = u32::from(expected) | 0x100;
        assert_eq!(write(&other), Err(Violation::Reserved { place }));
    }
}

#[test]
fn an_event_is_of_the_registered_provider_and_reads() {
    let mut other = good();
    other[0].bytes = b"\x05\0No\0";
    assert_eq!(
        write(&other),
        Err(Violation::OtherProvider {
            found: "No".to_owned(),
            registered: "Broker".to_owned()
        })
    );
    other[0].bytes = b"\x05\0No";
    let flaw = Flaw::OtherSize { inside: 5, size: 4 };
    assert_eq!(
        write(&other),
        Err(Violation::Traits {
            function: "EtwWriteTransfer",
            flaw
        })
    );
    let mut other = good();
    other[1].bytes = &METADATA[..24];
    let flaw = Flaw::OtherSize {
        inside: 25,
        size: 24,
    };
    assert_eq!(write(&other), Err(Violation::Metadata(flaw)));
}

#[test]
fn data_fit_the_fields() {
    assert_eq!(
        write(&event(&[b"\x01\x02"])),
        Err(Violation::FieldCount {
            event: "Told".to_owned(),
            fields: 3,
            given: 1
        })
    );
    let size = |field: &str, kind, size| Violation::FieldSize {
        event: "Told".to_owned(),
        field: field.to_owned(),
        kind,
        size,
    };
    assert_eq!(
        write(&event(&[b"\x01", b"\x0D\0\0\xC0", b"so\0"])),
        Err(size("Vf", FieldType::Unsigned(2), 1))
    );
    assert_eq!(
        write(&event(&[b"\x01\x02", b"\x0D\0\0\xC0\0", b"so\0"])),
        Err(size("Status", FieldType::Hexadecimal(4), 5))
    );
}

#[test]
fn a_string_ends_at_its_last_byte() {
    let end = |size, problem| Violation::StringEnd {
        event: "Told".to_owned(),
        field: "Say".to_owned(),
        size,
        problem,
    };
    for (bytes, problem) in [
        (b"so".as_slice(), "does not end with a zero"),
        (b"", "does not end with a zero"),
        (b"s\0o\0", "ends before its last byte"),
    ] {
        assert_eq!(
            write(&event(&[b"\x01\x02", b"\x0D\0\0\xC0", bytes])),
            Err(end(bytes.len(), problem))
        );
    }
}
