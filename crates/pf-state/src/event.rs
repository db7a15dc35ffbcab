//! What is told to Event Tracing for Windows, and how it is laid out.
//!
//! The provider's events are self-describing (`TraceLogging`). All have the same seven fields, so that
//! one function writes them: the PF's LUID and the path of its management interface, which are 0 and
//! empty for the driver as a whole; the VF (65535 for none), a status, two numbers, a sentence. Layouts
//! and type numbers are those of the public header `TraceLoggingProvider.h`.

use core::ffi::CStr;

use pcivirt_abi::{Guid, Luid};

/// The provider's GUID, made from its name as `TraceLogging` makes it: tools take the name instead.
pub static PROVIDER: Guid = Guid::from_u128(0xE22A_8D66_721F_511F_2DE4_BD4D_DDC9_4D7C);

/// The provider's traits: their length in 16 bits, then its name.
pub static PROVIDER_TRAITS: [u8; 11] = *b"\x0B\0PfBroker\0";

/// `TRACE_LEVEL_ERROR`: something does not work.
const ERROR: u8 = 2;
/// `TRACE_LEVEL_WARNING`: something was refused that should not have been asked for.
const WARNING: u8 = 3;
/// `TRACE_LEVEL_INFORMATION`: something happened.
const INFORMATION: u8 = 4;

/// Types of fields (`_tlg_In_t` of `TraceLoggingProvider.h`).
const ANSI_STRING: u8 = 2;
const UINT16: u8 = 6;
const UINT64: u8 = 10;
const HEX_INT32: u8 = 20;
const HEX_INT64: u8 = 21;

/// The fields of every event: names and types.
const FIELDS: [(&[u8], u8); 7] = [
    (b"Pf\0", HEX_INT64),
    (b"Interface\0", ANSI_STRING),
    (b"Vf\0", UINT16),
    (b"Status\0", HEX_INT32),
    (b"First\0", UINT64),
    (b"Second\0", UINT64),
    (b"Sentence\0", ANSI_STRING),
];

/// Room for an event's metadata.
const METADATA: usize = 96;

/// A LUID as one number, the high part first.
#[must_use]
pub const fn luid_number(luid: Luid) -> u64 {
    (luid.high_part.cast_unsigned() as u64) << 32 | luid.low_part as u64
}

/// Room for the path of a device interface and a zero: a device instance path has less than 200
/// characters (`MAX_DEVICE_ID_LEN` of `cfgmgr32.h`), a prefix and the class less than 50.
const PATH: usize = 256;

/// The path of a PF's management interface, as the system made it (`IoRegisterDeviceInterface`). It
/// holds the device instance path, and tools list the device by it.
#[derive(Clone, Copy, Debug)]
pub struct InterfacePath([u8; PATH]);

impl InterfacePath {
    /// No path.
    pub const EMPTY: Self = Self([0; PATH]);

    /// A path in UTF-16, with `?` for each unit that is no printable ASCII. What does not fit is left
    /// out.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        let mut path = Self::EMPTY;
        for (to, from) in path.0.iter_mut().take(PATH - 1).zip(units) {
            let printable = u8::try_from(*from).ok();
            *to = printable
                .filter(|byte| byte.is_ascii_graphic() || *byte == b' ')
                .unwrap_or(b'?');
        }
        path
    }

    /// The path with its zero.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// The description of an event.
#[derive(Debug)]
pub struct Kind {
    level: u8,
    metadata: [u8; METADATA],
    length: u8,
    sentence: &'static CStr,
}

impl Kind {
    /// Lays the metadata out: length, tags, name, fields.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the length is below METADATA"
    )]
    const fn new(level: u8, name: &[u8], sentence: &'static CStr) -> Self {
        let mut metadata = [0; METADATA];
        // Two bytes of length come first, then one of tags, which are none.
        let mut end = append(&mut metadata, 3, name);
        end += 1;
        let mut field = 0;
        while field < FIELDS.len() {
            let (name, kind) = FIELDS[field];
            end = append(&mut metadata, end, name);
            metadata[end] = kind;
            end += 1;
            field += 1;
        }
        metadata[0] = end as u8;
        Self {
            level,
            metadata,
            length: end as u8,
            sentence,
        }
    }

    /// The level, `TRACE_LEVEL_*`.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The event's metadata, as the `TraceLogging` format lays them out: their length in 16 bits, no
    /// tags, the name, and of each field its name and type.
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
}

const fn append(metadata: &mut [u8; METADATA], start: usize, bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        metadata[start + at] = bytes[at];
        at += 1;
    }
    start + bytes.len()
}

/// `First` and `Second` tell more of the cause, `Sentence` which it is.
pub static START_FAILED: Kind = Kind::new(ERROR, b"StartFailed", c"The device does not start.");
/// VFs were turned on. `First` is their number.
pub static ENABLED: Kind = Kind::new(INFORMATION, b"Enabled", c"The VFs are on.");
/// The device was removed.
pub static REMOVED: Kind = Kind::new(INFORMATION, b"Removed", c"The device is gone.");
/// A query-remove was refused.
pub static REMOVE_VETOED: Kind = Kind::new(
    WARNING,
    b"RemoveVetoed",
    c"The device stays, as its interface is held.",
);
/// `IOCTL_SRIOV_ATTACH` was granted.
pub static ATTACHED: Kind = Kind::new(
    INFORMATION,
    b"Attached",
    c"A virtualization stack is attached.",
);
/// A detach, or the end of the attached handle.
pub static DETACHED: Kind = Kind::new(
    INFORMATION,
    b"Detached",
    c"No virtualization stack is attached.",
);
/// A callback begins to wait for the virtualization stack, without a limit. `First` is the event that the
/// stack has to answer: 0 query-stop, 1 restart.
pub static WAITING_FOR_STACK: Kind = Kind::new(
    INFORMATION,
    b"WaitingForStack",
    c"Plug and Play waits for the virtualization stack's answer.",
);
/// `First` is the event: 0 query-stop, 1 restart.
pub static EVENT_TOLD: Kind = Kind::new(
    INFORMATION,
    b"EventTold",
    c"The virtualization stack was told of an event.",
);
/// `Status` is the answer.
pub static EVENT_ANSWERED: Kind = Kind::new(
    INFORMATION,
    b"EventAnswered",
    c"The virtualization stack has answered.",
);
/// `First` is 1 when transactions were still pending, `Second` 1 when the VF's driver asked for the
/// reset.
pub static VF_RESET: Kind = Kind::new(INFORMATION, b"VfReset", c"A VF was reset.");
/// `Status` is the cause, `Second` 1 when the VF's driver asked for the reset.
pub static VF_RESET_FAILED: Kind = Kind::new(
    ERROR,
    b"VfResetFailed",
    c"A VF could not be reset and stays closed.",
);
/// `Vf` is the first VF, `Status` its cause, `First` the number of VFs.
pub static REGISTERS_LOST: Kind = Kind::new(
    ERROR,
    b"RegistersLost",
    c"Registers that VFs' drivers had set could not be saved or restored.",
);
/// The interface was dereferenced too often.
pub static UNBALANCED_DEREFERENCE: Kind = Kind::new(
    ERROR,
    b"UnbalancedDereference",
    c"More references to the interface were given back than taken.",
);

/// The unload begins to wait, without a limit. `First` is the number of PFs whose interface is held.
pub static WAITING_FOR_REFERENCES: Kind = Kind::new(
    WARNING,
    b"WaitingForReferences",
    c"The unload waits until the interfaces of removed devices are given back.",
);

/// Every event.
pub static ALL: [&Kind; 14] = [
    &START_FAILED,
    &ENABLED,
    &ATTACHED,
    &DETACHED,
    &WAITING_FOR_STACK,
    &EVENT_TOLD,
    &EVENT_ANSWERED,
    &VF_RESET,
    &VF_RESET_FAILED,
    &REGISTERS_LOST,
    &REMOVE_VETOED,
    &REMOVED,
    &UNBALANCED_DEREFERENCE,
    &WAITING_FOR_REFERENCES,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The name and the fields in an event's metadata, read back as a decoder would.
    fn read_back(kind: &Kind) -> (String, Vec<(String, u8)>) {
        let bytes = kind.metadata();
        let length = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        assert_eq!(length, bytes.len());
        assert_eq!(bytes[2], 0, "no tags");
        let text = |from: usize| {
            let end = from
                + bytes[from..]
                    .iter()
                    .position(|byte| *byte == 0)
                    .expect("ends");
            (
                String::from_utf8(bytes[from..end].to_vec()).expect("ASCII"),
                end + 1,
            )
        };
        let (name, mut at) = text(3);
        let mut fields = Vec::new();
        while at < bytes.len() {
            let (field, behind) = text(at);
            fields.push((field, bytes[behind]));
            at = behind + 1;
        }
        (name, fields)
    }

    #[test]
    fn every_event_reads_back_as_its_name_and_the_seven_fields() {
        for kind in ALL {
            let (name, fields) = read_back(kind);
            assert!(!name.is_empty());
            let expected = [
                ("Pf", 21),
                ("Interface", 2),
                ("Vf", 6),
                ("Status", 20),
                ("First", 10),
                ("Second", 10),
                ("Sentence", 2),
            ];
            let found: Vec<_> = fields
                .iter()
                .map(|(name, kind)| (name.as_str(), *kind))
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn the_documentation_lists_the_events_with_their_levels_and_no_others() {
        let document = include_str!("../../../docs/windows.md");
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
                (read_back(kind).0, level)
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

    #[test]
    fn the_traits_are_as_long_as_they_say() {
        assert_eq!(usize::from(PROVIDER_TRAITS[0]), PROVIDER_TRAITS.len());
        assert_eq!(PROVIDER_TRAITS.last(), Some(&0));
    }
}
