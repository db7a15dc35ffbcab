//! Decodes an event as a trace tool does: by the metadata in it, without a list of the driver's.
//!
//! The format is that of `TraceLoggingProvider.h`. Event metadata are their size in 16 bits, tags
//! of one byte or more, the last of which has its highest bit clear, the event's name with a zero
//! after it, then of each field its name with a zero after it and its type. The data are the values
//! of the fields, one after the other.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};

use crate::etw_call::Data;

/// `EVENT_DATA_DESCRIPTOR_TYPE_NONE`: values of fields.
const VALUES: u32 = 0;
/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`
const EVENT_METADATA: u32 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`
const PROVIDER_METADATA: u32 = 2;
/// The place of the level in an `EVENT_DESCRIPTOR`.
const LEVEL: usize = 4;

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number that is shown in decimal.
    Unsigned(u64),
    /// A number that is shown in hexadecimal.
    Hexadecimal(u64),
    /// Text.
    Text(String),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    /// The level, `TRACE_LEVEL_*`.
    pub(crate) level: u8,
    /// Names and values of the fields, in order.
    pub(crate) fields: Vec<(String, Value)>,
}

impl Event {
    /// Decodes the arguments of `EtwWriteTransfer`.
    ///
    /// # Errors
    /// When there is no level, when the data do not begin with one descriptor for the provider's
    /// metadata and one for the event's, when the event's metadata cannot be read, or when values
    /// are missing or left over.
    pub(crate) fn decode(descriptor: &[u8], data: &[Data]) -> Result<Self> {
        let level = descriptor.get(LEVEL).context("no level")?;
        let [provider, metadata, values @ ..] = data else {
            bail!("{} data descriptors", data.len());
        };
        let kinds = (provider.kind, metadata.kind);
        ensure!(
            kinds == (PROVIDER_METADATA, EVENT_METADATA),
            "the first data descriptors have the types {kinds:?}"
        );
        if let Some(other) = values.iter().find(|data| data.kind != VALUES) {
            bail!("a data descriptor of type {}", other.kind);
        }
        let values: Vec<u8> = values
            .iter()
            .flat_map(|data| data.bytes.iter().copied())
            .collect();
        let mut metadata = Cursor(&metadata.bytes);
        let (size, length) = (metadata.0.len(), metadata.number(2)?);
        ensure!(
            usize::try_from(length) == Ok(size),
            "metadata of {size} bytes with the length {length}"
        );
        while metadata.number(1)? & 0x80 != 0 {}
        let name = metadata.text()?;
        let mut values = Cursor(&values);
        let mut fields = Vec::new();
        while !metadata.0.is_empty() {
            let field = metadata.text()?;
            let kind = metadata.number(1)?;
            let value = values.value(kind);
            let value = value.with_context(|| format!("{name}: the field {field}"))?;
            fields.push((field, value));
        }
        let left = values.0.len();
        ensure!(left == 0, "{name}: {left} bytes after the last field");
        Ok(Self {
            name,
            level: *level,
            fields,
        })
    }

    /// The value of a field.
    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        let mut fields = self.fields.iter();
        fields.find_map(|(name, value)| (name == field).then_some(value))
    }

    /// The value of a field that is a number.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        match self.value(field)? {
            Value::Unsigned(number) | Value::Hexadecimal(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    /// The value of a field that is text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} level {}:", self.name, self.level)?;
        for (place, (name, value)) in self.fields.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} {name} {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Hexadecimal(number) => write!(f, "{number:#010x}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// The bytes that are still to be read.
struct Cursor<'b>(&'b [u8]);

impl Cursor<'_> {
    /// Takes a number of at most eight bytes off the front, the lowest byte first.
    fn number(&mut self, size: usize) -> Result<u64> {
        let split = self.0.split_at_checked(size);
        let (bytes, rest) = split.with_context(|| format!("no {size} bytes are left"))?;
        self.0 = rest;
        let bytes = bytes.iter().rev();
        Ok(bytes.fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// Takes a text and its zero off the front.
    fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|&byte| byte == 0);
        let end = end.context("a text without a zero")?;
        let text = std::str::from_utf8(&self.0[..end]).context("a text that is not UTF-8")?;
        self.0 = &self.0[end + 1..];
        Ok(text.to_owned())
    }

    /// Takes a value off the front: of the types in `TlgIn_t` those that the driver uses.
    fn value(&mut self, kind: u64) -> Result<Value> {
        Ok(match kind {
            2 => Value::Text(self.text()?),
            6 => Value::Unsigned(self.number(2)?),
            10 => Value::Unsigned(self.number(8)?),
            20 => Value::Hexadecimal(self.number(4)?),
            21 => Value::Hexadecimal(self.number(8)?),
            _ => bail!("the unknown type {kind}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Data, Event};

    const DESCRIPTOR: &[u8] = b"\0\0\0\x0B\x04\0\0\0\0\0\0\0\0\0\0\0";
    const METADATA: &[u8] = b"\x29\0\0Sent\0Vf\0\x06Status\0\x14First\0\x0APf\0\x15Sentence\0\x02";
    const VALUES: [&[u8]; 5] = [
        b"\x01\x02",
        b"\x0D\0\0\xC0",
        b"\x03\0\0\0\0\0\0\0",
        b"\x04\0\0\0\0\0\0\x10",
        b"so \"\0",
    ];

    /// Decodes an event with these bytes in its descriptors, whose types are those of their places.
    fn decode(metadata: &[u8], values: &[&[u8]]) -> anyhow::Result<Event> {
        let front = [(2, b"\x03\0".as_slice()), (1, metadata)].into_iter();
        let data = front.chain(values.iter().map(|bytes| (0, *bytes)));
        let data = data.map(|(kind, bytes)| Data {
            kind,
            bytes: bytes.into(),
        });
        Event::decode(DESCRIPTOR, &data.collect::<Vec<_>>())
    }

    /// Puts the size in front.
    fn sized(rest: &[u8]) -> Vec<u8> {
        let size = u16::try_from(rest.len() + 2).unwrap();
        [&size.to_le_bytes(), rest].concat()
    }

    #[test]
    fn an_event_is_read_by_its_metadata() {
        let event = decode(METADATA, &VALUES).unwrap();
        assert_eq!(
            event.to_string(),
            "Sent level 4: Vf 513, Status 0xc000000d, First 3, Pf 0x1000000000000004, \
             Sentence \"so \\\"\""
        );
        assert_eq!(event.number("Status"), Some(0xC000_000D));
        assert_eq!(event.text("Sentence"), Some("so \""));
        assert_eq!((event.number("Sentence"), event.text("Vf")), (None, None));
        assert_eq!(event.value("Second"), None);
    }

    #[test]
    fn tags_are_skipped() {
        let event = decode(&sized(b"\x81\x82\x03Sent\0"), &[]).unwrap();
        assert_eq!(event.name, "Sent");
    }

    #[test]
    fn metadata_that_cannot_be_read_are_errors() {
        assert!(decode(&METADATA[..40], &VALUES).is_err());
        for metadata in [
            b"".as_slice(),
            b"\x81\x82",
            b"\0Sent",
            b"\0\xFF\0",
            b"\0Sent\0Vf",
            b"\0Sent\0Vf\0",
            // A chain to an output type.
            b"\0Sent\0Vf\0\x86\x04",
        ] {
            assert!(decode(&sized(metadata), &[b"\0\0"]).is_err());
        }
        assert!(decode(b"\x01", &[]).is_err());
    }

    #[test]
    fn values_that_do_not_fit_the_fields_are_errors() {
        assert!(decode(METADATA, &VALUES[..4]).is_err());
        for last in [b"so".as_slice(), b"", b"so\0\0", b"\xFF\0"] {
            let mut values = VALUES;
            values[4] = last;
            assert!(decode(METADATA, &values).is_err(), "{last:?}");
        }
        let number = sized(b"\0Sent\0First\0\x0A");
        for size in [7, 9] {
            assert!(decode(&number, &[&[0; 9][..size]]).is_err(), "{size}");
        }
    }

    #[test]
    fn data_of_other_types_are_errors() {
        let data = |kinds: [u32; 3]| {
            let bytes = [
                b"\x03\0".to_vec(),
                sized(b"\0Sent\0X\0\x02"),
                b"\0".to_vec(),
            ];
            let data = kinds.into_iter().zip(bytes);
            data.map(|(kind, bytes)| Data { kind, bytes })
                .collect::<Vec<_>>()
        };
        let right = data([2, 1, 0]);
        assert!(Event::decode(DESCRIPTOR, &right).is_ok());
        assert!(Event::decode(&DESCRIPTOR[..4], &right).is_err());
        assert!(Event::decode(DESCRIPTOR, &right[..1]).is_err());
        for kinds in [[1, 1, 0], [2, 2, 0], [2, 1, 1], [2, 1, 0x100]] {
            assert!(Event::decode(DESCRIPTOR, &data(kinds)).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes, &[]);
            let _ = decode(&sized(&bytes), &[]);
            let _ = decode(METADATA, &[&bytes]);
        }
    }
}
