//! Opens of the device, and the control codes that a file may carry.
//!
//! One security descriptor guards the device, and with it every way to open it. An administrator
//! may widen it so that a program that is no administrator can query the PF's LUID. The management
//! interface has a reference string, which the I/O manager leaves as the file's name when the
//! device is opened through it, and such an open is checked once more, against [`ADMINISTRATORS`].
//!
//! Facts of "Using Device Interfaces" and `WdfDeviceCreateDeviceInterface` (Microsoft's
//! documentation) for reference strings, and of MS-DTYP 2.4 for security descriptors.

/// The reference string of the management interface.
pub const MANAGEMENT: &[u8; 10] = b"management";

/// Whether a file of this name was opened through the management interface. A name that anyone adds
/// to another path by hand counts as well: it is the check of the caller that matters.
#[must_use]
pub fn is_management(name: &[u16]) -> bool {
    let Some((&first, rest)) = name.split_first() else {
        return false;
    };
    first == u16::from(b'\\')
        && rest.len() == MANAGEMENT.len()
        && rest.iter().zip(MANAGEMENT).all(|(&unit, &letter)| {
            u8::try_from(unit).is_ok_and(|unit| unit.eq_ignore_ascii_case(&letter))
        })
}

/// How a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Through the management interface, by a kernel-mode caller or an administrator.
    ForManagement,
    /// In another way: its requests may query the LUID, and those of the kernel may do everything.
    Plainly,
}

/// The result of an open. `is_administrator` checks the caller against [`ADMINISTRATORS`]; it runs
/// only for a user-mode caller that opens the management interface. `None` refuses the open.
#[must_use]
pub fn open(
    management: bool,
    user_mode: bool,
    is_administrator: impl FnOnce() -> bool,
) -> Option<Opened> {
    match (management, user_mode) {
        (false, _) => Some(Opened::Plainly),
        (true, false) => Some(Opened::ForManagement),
        (true, true) => is_administrator().then_some(Opened::ForManagement),
    }
}

/// Whether a request may carry a management code. Kernel-mode senders are trusted, with and without
/// a file object.
#[must_use]
pub const fn may_manage(user_mode: bool, opened: Option<Opened>) -> bool {
    !user_mode || matches!(opened, Some(Opened::ForManagement))
}

/// A security descriptor in self-relative form, aligned as the kernel reads it.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct SecurityDescriptor<const LENGTH: usize>(pub [u8; LENGTH]);

/// `O:BAG:SYD:P(A;;FA;;;SY)(A;;FA;;;BA)`: all access for SYSTEM and Administrators, none for
/// others.
pub static ADMINISTRATORS: SecurityDescriptor<100> = SecurityDescriptor([
    // Revision, padding, control: self-relative, protected DACL that is present.
    1, 0, 0x04, 0x90, // Offsets of owner, group, no SACL, DACL.
    20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, //
    // S-1-5-32-544
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, //
    // S-1-5-18
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, //
    // Revision, padding, 52 bytes, two entries, padding.
    2, 0, 52, 0, 2, 0, 0, 0, //
    // Allowed, no flags, 20 bytes, FILE_ALL_ACCESS, S-1-5-18
    0, 0, 20, 0, 0xFF, 0x01, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, //
    // Allowed, no flags, 24 bytes, FILE_ALL_ACCESS, S-1-5-32-544
    0, 0, 24, 0, 0xFF, 0x01, 0x1F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
]);

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn the_reference_string_is_known_in_any_case_and_nothing_like_it_is() {
        for text in [r"\management", r"\MANAGEMENT", r"\Management"] {
            assert!(is_management(&name(text)), "{text}");
        }
        for text in [
            "",
            r"\",
            "management",
            r"\managemen",
            r"\managements",
            r"\management\",
            r"\\management",
            r"/management",
            "\\man\u{161}gement",
            "\\manage\u{16D}ent",
        ] {
            assert!(!is_management(&name(text)), "{text}");
        }
    }

    #[test]
    fn only_a_user_mode_caller_of_the_management_interface_is_checked() {
        let unasked = || -> bool { panic!("asked for nothing") };
        assert_eq!(open(false, true, unasked), Some(Opened::Plainly));
        assert_eq!(open(false, false, unasked), Some(Opened::Plainly));
        assert_eq!(open(true, false, unasked), Some(Opened::ForManagement));
        assert_eq!(open(true, true, || true), Some(Opened::ForManagement));
        assert_eq!(open(true, true, || false), None);
    }

    #[test]
    fn a_user_mode_sender_needs_a_file_that_was_opened_for_management() {
        for opened in [None, Some(Opened::Plainly), Some(Opened::ForManagement)] {
            assert!(may_manage(false, opened), "{opened:?}");
            let expected = opened == Some(Opened::ForManagement);
            assert_eq!(may_manage(true, opened), expected, "{opened:?}");
        }
    }

    /// Little-endian number at a place.
    fn number(place: usize, length: usize) -> usize {
        let bytes = &ADMINISTRATORS.0[place..place + length];
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
    }

    /// A SID in its text form, and where it ends.
    fn sid(place: usize) -> (String, usize) {
        let bytes = &ADMINISTRATORS.0;
        assert_eq!(bytes[place], 1, "its revision");
        let authority = bytes[place + 2..place + 8]
            .iter()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let count = usize::from(bytes[place + 1]);
        let parts = (0..count).map(|part| format!("-{}", number(place + 8 + 4 * part, 4)));
        let text = format!("S-1-{authority}{}", parts.collect::<String>());
        (text, place + 8 + 4 * count)
    }

    #[test]
    fn the_descriptor_allows_system_and_administrators_and_nobody_else() {
        const SYSTEM: &str = "S-1-5-18";
        const BUILTIN_ADMINISTRATORS: &str = "S-1-5-32-544";
        assert_eq!((number(0, 1), number(2, 2)), (1, 0x9004));
        assert_eq!(sid(number(4, 4)).0, BUILTIN_ADMINISTRATORS);
        assert_eq!(sid(number(8, 4)).0, SYSTEM);
        assert_eq!(number(12, 4), 0, "there is no SACL");
        let dacl = number(16, 4);
        assert_eq!((number(dacl, 1), number(dacl + 4, 2)), (2, 2));
        let mut place = dacl + 8;
        for expected in [SYSTEM, BUILTIN_ADMINISTRATORS] {
            assert_eq!(number(place, 2), 0, "an entry that allows, for this object");
            assert_eq!(number(place + 4, 4), 0x001F_01FF, "FILE_ALL_ACCESS");
            let (text, end) = sid(place + 8);
            assert_eq!(text, expected);
            assert_eq!(number(place + 2, 2), end - place);
            place = end;
        }
        assert_eq!(number(dacl + 2, 2), place - dacl);
        assert_eq!(place, ADMINISTRATORS.0.len());
    }
}
