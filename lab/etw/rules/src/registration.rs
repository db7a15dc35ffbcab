//! The registrations of providers, from `EtwRegister` to `EtwUnregister`, and what may be done with
//! them between.

use crate::{
    event::{Event, Value},
    handle::Handle,
    metadata::{self, Description, FieldType},
    provider_id::ProviderId,
    violation::Violation,
};
use alloc::{
    borrow::ToOwned as _,
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};

/// The first handle. It is none that anybody would pass by accident.
const FIRST: u64 = 0xE703_0000_0000_0001;
/// `PASSIVE_LEVEL`
const PASSIVE_LEVEL: u8 = 0;
/// `EventProviderSetTraits` of `EVENT_INFO_CLASS`.
const SET_TRAITS: i32 = 2;
/// `WINEVENT_CHANNEL_TRACELOGGING`
const TRACE_LOGGING_CHANNEL: u8 = 11;
/// `EVENT_DATA_DESCRIPTOR_TYPE_NONE`
const DATA: u8 = 0;
/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`
const EVENT_METADATA: u8 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`
const PROVIDER_METADATA: u8 = 2;
/// `MAX_EVENT_DATA_DESCRIPTORS`
pub const MOST_DESCRIPTORS: u32 = 128;

/// A data descriptor, with the bytes that it points to.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'b> {
    /// What it points to.
    pub bytes: &'b [u8],
    /// `Reserved`: the type in the lowest byte, and reserved ones.
    pub reserved: u32,
}

/// What of `EVENT_DESCRIPTOR` is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The channel.
    pub channel: u8,
    /// The level, `TRACE_LEVEL_*`.
    pub level: u8,
}

#[derive(Debug)]
struct Registration {
    id: ProviderId,
    /// The name in its traits, once they are set.
    name: Option<String>,
}

/// Every registration.
#[derive(Debug, Default)]
pub struct Registrations {
    live: BTreeMap<Handle, Registration>,
    /// How many there have ever been.
    made: u64,
}

impl Registrations {
    /// No registrations.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            live: BTreeMap::new(),
            made: 0,
        }
    }

    /// `EtwRegister`
    ///
    /// # Errors
    /// The broken rule.
    pub fn register(&mut self, level: u8, id: ProviderId) -> Result<Handle, Violation> {
        passive("EtwRegister", level)?;
        let handle = Handle(FIRST + self.made);
        self.made += 1;
        self.live.insert(handle, Registration { id, name: None });
        Ok(handle)
    }

    /// `EtwUnregister`
    ///
    /// # Errors
    /// The broken rule.
    pub fn unregister(&mut self, level: u8, handle: Handle) -> Result<(), Violation> {
        passive("EtwUnregister", level)?;
        self.find("EtwUnregister", handle)?;
        self.live.remove(&handle);
        Ok(())
    }

    /// `EtwSetInformation`: the name that the provider has from now on.
    ///
    /// # Errors
    /// The broken rule.
    pub fn set_information(
        &mut self,
        level: u8,
        handle: Handle,
        class: i32,
        information: &[u8],
    ) -> Result<String, Violation> {
        const FUNCTION: &str = "EtwSetInformation";
        passive(FUNCTION, level)?;
        let registration = self.find(FUNCTION, handle)?;
        if class != SET_TRAITS {
            return Err(Violation::UnknownClass { class });
        }
        if registration.name.is_some() {
            return Err(Violation::TraitsAgain { handle });
        }
        let name = provider_name(FUNCTION, information)?;
        let (derived, registered) = (ProviderId::of_name(&name), registration.id);
        if derived != registered {
            return Err(Violation::OtherGuid {
                name,
                derived,
                registered,
            });
        }
        registration.name = Some(name.clone());
        Ok(name)
    }

    /// `EtwWriteTransfer`, at any level: the event that was written.
    ///
    /// # Errors
    /// The broken rule.
    pub fn write(
        &mut self,
        handle: Handle,
        header: Header,
        descriptors: &[Descriptor<'_>],
    ) -> Result<Event, Violation> {
        const FUNCTION: &str = "EtwWriteTransfer";
        let registration = self.find(FUNCTION, handle)?;
        let (channel, level) = (header.channel, header.level);
        if channel != TRACE_LOGGING_CHANNEL {
            return Err(Violation::Channel { channel });
        }
        if !(1..=5).contains(&level) {
            return Err(Violation::Level { level });
        }
        let [provider, event, fields @ ..] = descriptors else {
            let count = descriptors.len();
            return Err(Violation::TooFewDescriptors { count });
        };
        check_types(descriptors)?;
        let Some(registered) = &registration.name else {
            return Err(Violation::NoTraits);
        };
        let found = provider_name(FUNCTION, provider.bytes)?;
        if found != *registered {
            return Err(Violation::OtherProvider {
                found,
                registered: registered.clone(),
            });
        }
        let description = Description::read(event.bytes).map_err(Violation::Metadata)?;
        read(description, level, fields)
    }

    fn find(
        &mut self,
        function: &'static str,
        handle: Handle,
    ) -> Result<&mut Registration, Violation> {
        let made = self.made;
        self.live
            .get_mut(&handle)
            .ok_or(if (FIRST..FIRST + made).contains(&handle.0) {
                Violation::UseAfterUnregister { function, handle }
            } else {
                Violation::UnknownHandle { function, handle }
            })
    }
}

fn passive(function: &'static str, level: u8) -> Result<(), Violation> {
    if level == PASSIVE_LEVEL {
        Ok(())
    } else {
        Err(Violation::LevelTooHigh { function, level })
    }
}

fn provider_name(function: &'static str, traits: &[u8]) -> Result<String, Violation> {
    metadata::provider_name(traits).map_err(|flaw| Violation::Traits { function, flaw })
}

/// Provider metadata, event metadata, and data behind them.
fn check_types(descriptors: &[Descriptor<'_>]) -> Result<(), Violation> {
    let expected = [PROVIDER_METADATA, EVENT_METADATA].into_iter();
    let expected = expected.chain(core::iter::repeat(DATA));
    for (place, (descriptor, expected)) in descriptors.iter().zip(expected).enumerate() {
        let [found, reserved @ ..] = descriptor.reserved.to_le_bytes();
        if reserved != [0; 3] {
            return Err(Violation::Reserved { place });
        }
        if found != expected {
            return Err(Violation::DescriptorType {
                place,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// Reads the fields as the metadata describe them, each from a descriptor of its own.
fn read(description: Description, level: u8, data: &[Descriptor<'_>]) -> Result<Event, Violation> {
    let Description { name, fields } = description;
    if fields.len() != data.len() {
        return Err(Violation::FieldCount {
            event: name,
            fields: fields.len(),
            given: data.len(),
        });
    }
    let mut values = Vec::with_capacity(fields.len());
    for ((field, kind), descriptor) in fields.into_iter().zip(data) {
        let value = value(&name, &field, kind, descriptor.bytes)?;
        values.push((field, value));
    }
    Ok(Event {
        name,
        level,
        fields: values,
    })
}

fn value(event: &str, field: &str, kind: FieldType, bytes: &[u8]) -> Result<Value, Violation> {
    match kind {
        FieldType::AnsiString => text(event, field, bytes),
        FieldType::Unsigned(size) if size == bytes.len() => Ok(Value::Unsigned(number(bytes))),
        FieldType::Hexadecimal(size) if size == bytes.len() => {
            Ok(Value::Hexadecimal(number(bytes)))
        }
        FieldType::Unsigned(_) | FieldType::Hexadecimal(_) => Err(Violation::FieldSize {
            event: event.to_owned(),
            field: field.to_owned(),
            kind,
            size: bytes.len(),
        }),
    }
}

/// A number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// A string whose zero is its last byte, and its only one.
fn text(event: &str, field: &str, bytes: &[u8]) -> Result<Value, Violation> {
    let wrong = |problem| {
        Err(Violation::StringEnd {
            event: event.to_owned(),
            field: field.to_owned(),
            size: bytes.len(),
            problem,
        })
    };
    match bytes.split_last() {
        Some((0, text)) if text.contains(&0) => wrong("ends before its last byte"),
        Some((0, text)) => Ok(Value::Text(String::from_utf8_lossy(text).to_string())),
        _ => wrong("does not end with a zero"),
    }
}

#[cfg(test)]
mod tests;
