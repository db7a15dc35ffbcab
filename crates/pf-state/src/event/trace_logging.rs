//! The `TraceLogging` format: layouts of `evntprov.h` and of `TraceLoggingProvider.h`.

use core::{ffi::CStr, marker::PhantomData};

/// `WINEVENT_CHANNEL_TRACELOGGING`: the channel of self-describing events.
const CHANNEL: u8 = 11;

/// `EVENT_DATA_DESCRIPTOR_TYPE_NONE`
pub(super) const DATA: u32 = 0;
/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`
pub(super) const EVENT_METADATA: u32 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`
pub(super) const PROVIDER_METADATA: u32 = 2;

/// `EVENT_DESCRIPTOR` of `evntprov.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EtwDescriptor {
    id: u16,
    version: u8,
    channel: u8,
    level: u8,
    opcode: u8,
    task: u16,
    keyword: u64,
}

/// `EVENT_DATA_DESCRIPTOR` of `evntprov.h`: points to bytes that live at least as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EtwData<'b> {
    address: u64,
    size: u32,
    kind: u32,
    bytes: PhantomData<&'b [u8]>,
}

impl<'b> EtwData<'b> {
    /// `kind` is an `EVENT_DATA_DESCRIPTOR_TYPE_*`.
    pub(super) fn new(kind: u32, bytes: &'b [u8]) -> Self {
        Self {
            address: bytes.as_ptr().addr() as u64,
            // All values are some hundred bytes long.
            size: u32::try_from(bytes.len()).unwrap_or_default(),
            kind,
            bytes: PhantomData,
        }
    }
}

/// The types of fields (`_tlg_In_t` of `TraceLoggingProvider.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FieldType {
    AnsiString = 2,
    Uint16 = 6,
    Uint64 = 10,
    HexInt32 = 20,
    HexInt64 = 21,
}

/// Room for an event's metadata.
const METADATA: usize = 96;

/// The description of an event: its name, its level, and its metadata as ETW takes them.
#[derive(Debug)]
pub struct EventDescriptor {
    level: u8,
    name: &'static str,
    metadata: [u8; METADATA],
    length: u8,
    sentence: &'static CStr,
}

impl EventDescriptor {
    /// Builds the metadata: length, tags, name, fields.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the length is below METADATA"
    )]
    pub(super) const fn new(
        level: u8,
        name: &'static str,
        fields: &[(&str, FieldType)],
        sentence: &'static CStr,
    ) -> Self {
        let mut metadata = [0; METADATA];
        // Two bytes of length come first, then one of tags, which are none.
        let mut end = append(&mut metadata, 3, name);
        let mut field = 0;
        while field < fields.len() {
            let (name, kind) = fields[field];
            end = append(&mut metadata, end, name);
            metadata[end] = kind as u8;
            end += 1;
            field += 1;
        }
        metadata[0] = end as u8;
        Self {
            level,
            name,
            metadata,
            length: end as u8,
            sentence,
        }
    }

    /// The event's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The level, `TRACE_LEVEL_*`.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The event's metadata: their length in 16 bits, no tags, the name, and of each field its name
    /// and type.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        self.metadata
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// What happened, in words.
    #[must_use]
    pub const fn sentence(&self) -> &'static CStr {
        self.sentence
    }

    /// The descriptor that ETW takes.
    #[must_use]
    pub const fn for_etw(&self) -> EtwDescriptor {
        EtwDescriptor {
            id: 0,
            version: 0,
            channel: CHANNEL,
            level: self.level,
            opcode: 0,
            task: 0,
            keyword: 0,
        }
    }
}

/// Appends a text and a zero; the end of both.
const fn append(metadata: &mut [u8; METADATA], start: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        metadata[start + at] = bytes[at];
        at += 1;
    }
    metadata[start + at] = 0;
    start + at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_the_layouts_of_evntprov() {
        assert_eq!(
            (size_of::<EtwDescriptor>(), size_of::<EtwData<'_>>()),
            (16, 16)
        );
        assert_eq!(core::mem::offset_of!(EtwDescriptor, channel), 3);
        assert_eq!(core::mem::offset_of!(EtwDescriptor, level), 4);
        assert_eq!(core::mem::offset_of!(EtwDescriptor, keyword), 8);
        assert_eq!(core::mem::offset_of!(EtwData<'_>, size), 8);
        assert_eq!(core::mem::offset_of!(EtwData<'_>, kind), 12);
    }

    #[test]
    fn data_are_described_by_address_size_and_type() {
        let bytes = [1, 2, 3];
        let data = EtwData::new(PROVIDER_METADATA, &bytes);
        assert_eq!(data.address, bytes.as_ptr().addr() as u64);
        assert_eq!((data.size, data.kind), (3, 2));
    }

    #[test]
    fn every_descriptor_has_the_channel_of_self_describing_events_and_its_level() {
        for level in 1..=5 {
            let descriptor = EventDescriptor::new(level, "Event", &[], c"").for_etw();
            assert_eq!((descriptor.channel, descriptor.level), (11, level));
            let EtwDescriptor {
                id,
                version,
                opcode,
                task,
                keyword,
                ..
            } = descriptor;
            assert_eq!((id, version, opcode, task, keyword), (0, 0, 0, 0, 0));
        }
    }
}
