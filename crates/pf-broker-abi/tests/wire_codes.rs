//! Pins every wire code: a renumbering, which would break released clients, fails here. New codes
//! are appended.

use pf_broker_abi as abi;
use pf_broker_abi::{
    BlockKind, Companion, Operation, PowerState, Refusal, Service, TableSource, VfAccess,
};

/// Every code of an enum as its name and number, which have to be found again by number.
macro_rules! pinned {
    ($type:ident: $($name:ident = $code:literal),+ $(,)?) => {{
        let declared: Vec<(String, u8)> = $type::ALL
            .iter()
            .map(|value| (format!("{value:?}"), value.code()))
            .collect();
        let pinned: Vec<(String, u8)> =
            vec![$((stringify!($name).to_owned(), $code)),+];
        assert_eq!(declared, pinned);
        for value in $type::ALL {
            assert_eq!($type::from_code(value.code()), Some(value));
        }
        assert_eq!($type::from_code(u8::MAX), None);
    }};
}

#[test]
fn codes_keep_their_numbers() {
    pinned!(TableSource: Embedded = 0, Registry = 1);
    pinned!(BlockKind: Register = 0, Stream = 1);
    pinned!(VfAccess: ReadOnly = 1, WriteOnly = 2, ReadWrite = 3, None = 4);
    pinned!(Companion: None = 0, Write = 1, Read = 2, ReadWrite = 3);
    pinned!(PowerState: D0 = 0, D1 = 1, D2 = 2, D3 = 3);
    pinned!(Operation:
        Read = 0, Write = 1, Publish = 2, Invalidate = 3, Drain = 4, Reset = 5, SetPower = 6,
        HostRead = 7, TakeInvalidation = 8, BeginReset = 9, FailReset = 10, Remove = 11,
        Withdraw = 12, Acknowledge = 13, Expire = 14,
    );
    pinned!(Service: Held = 0, Open = 1, Unacknowledged = 2);
}

#[test]
fn refusals_keep_their_numbers_statuses_and_words() {
    let pinned: [(u8, u32, &str); 23] = [
        (0, 0xC000_000D, "vf"),
        (1, 0xC000_0225, "block"),
        (2, 0xC000_0022, "access"),
        (3, 0xC000_0010, "kind"),
        (4, 0xC000_02B6, "removed"),
        (5, 0xC000_00A3, "state"),
        (6, 0xC000_0044, "limit"),
        (7, 0xC000_0206, "length"),
        (8, 0xC000_003F, "checksum"),
        (9, 0xC000_090B, "reserved"),
        (10, 0xC000_0475, "value"),
        (11, 0xC000_0161, "text"),
        (12, 0xC000_008C, "count"),
        (13, 0xC000_0272, "layout"),
        (14, 0xC000_0030, "require"),
        (15, 0xC000_042A, "sequence"),
        (16, 0xC000_0095, "overflow"),
        (17, 0xC000_0099, "full"),
        (18, 0xC000_00BB, "invalidate"),
        (19, 0xC000_0059, "changed"),
        (20, 0xC000_009D, "companion"),
        (21, 0xC000_0240, "declined"),
        (22, 0xC000_00E7, "list"),
    ];
    let declared = Refusal::ALL.map(|refusal| (refusal.code(), refusal.status(), refusal.reason()));
    assert_eq!(declared, pinned);
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        assert_eq!(refusal.reason(), format!("{refusal:?}").to_lowercase());
    }
    assert_eq!(Refusal::from_code(23), None);
}

#[test]
fn flags_and_scopes_keep_their_numbers() {
    assert_eq!((abi::SCOPE_VF, abi::SCOPE_ALL), (0, 1));
    assert_eq!(abi::PUBLISH_EXPECTS, 1);
    assert_eq!(abi::MAX_REASONS, 24);
}

/// The low two bits are the method (0: buffered), bits 14 and 15 the access that the handle needs
/// (1: read, 3: read and write), bits 16 on the device type.
#[test]
fn control_codes_keep_their_numbers() {
    let declared = [
        abi::IOCTL_QUERY,
        abi::IOCTL_BLOCKS,
        abi::IOCTL_STATS,
        abi::IOCTL_BLOCK_STATS,
        abi::IOCTL_READ,
        abi::IOCTL_PUBLISH,
        abi::IOCTL_INVALIDATE,
        abi::IOCTL_DRAIN,
        abi::IOCTL_RESET,
        abi::IOCTL_POWER,
        abi::IOCTL_JOURNAL,
        abi::IOCTL_HOST_REFUSALS,
        abi::IOCTL_CHANGES,
        abi::IOCTL_ACKNOWLEDGE,
        abi::IOCTL_TABLE,
        abi::IOCTL_CLOCK,
        abi::IOCTL_LOCATION,
    ];
    let pinned = [
        0x0022_6400,
        0x0022_6404,
        0x0022_6408,
        0x0022_640C,
        0x0022_6410,
        0x0022_E414,
        0x0022_E418,
        0x0022_E41C,
        0x0022_E420,
        0x0022_E424,
        0x0022_6428,
        0x0022_6430,
        0x0022_6434,
        0x0022_E438,
        0x0022_643C,
        0x0022_6440,
        0x0022_6444,
    ];
    assert_eq!(declared, pinned);
}
