//! The list of entries, each with the event that it accompanies and its message.

use crate::{
    event::{self, EventDescriptor},
    failure::StartFailure,
};

/// An entry for an event that has one message, whatever its values.
#[derive(Debug)]
pub struct LogEntry {
    pub(super) number: u16,
    place: usize,
    pub(super) descriptor: &'static EventDescriptor,
    pub(super) text: &'static str,
}

impl LogEntry {
    /// The event that it accompanies.
    #[must_use]
    pub const fn descriptor(&self) -> &'static EventDescriptor {
        self.descriptor
    }

    /// Its message identifier.
    #[must_use]
    pub const fn code(&self) -> u32 {
        code(self.descriptor, self.number)
    }

    /// Its place in [`ALL`].
    pub(super) const fn place(&self) -> usize {
        self.place
    }
}

/// The message identifier of a failed start: each cause has one of its own, because its sentence is
/// too long for a string of an entry.
#[must_use]
pub const fn code_of_failed_start(failure: StartFailure) -> u32 {
    code(&event::START_FAILED, failure.number())
}

/// `TRACE_LEVEL_ERROR`, the level of events whose entries are errors; those of all others are
/// warnings.
const LEVEL_OF_ERRORS: u8 = 2;

/// A message identifier: the severity in the two highest bits as in an NTSTATUS, then the bit for
/// codes that are not Microsoft's, so that no other file of messages has the same; the event ID
/// that a viewer shows in the lowest 16.
pub(super) const fn code(descriptor: &EventDescriptor, number: u16) -> u32 {
    const ERROR: u32 = 0xE000_0000;
    const WARNING: u32 = 0xA000_0000;
    let severity = if descriptor.level() == LEVEL_OF_ERRORS {
        ERROR
    } else {
        WARNING
    };
    severity | number as u32
}

/// Declares the entries, and [`ALL`] of them in their order.
macro_rules! entries {
    ($($(#[$doc:meta])* $entry:ident = $number:literal $text:literal;)*) => {
        /// The places of the entries in [`ALL`].
        #[expect(non_camel_case_types, reason = "named as the entries are")]
        enum Place { $($entry),* }

        $(
            $(#[$doc])*
            pub static $entry: LogEntry = LogEntry {
                number: $number,
                place: Place::$entry as usize,
                descriptor: &event::$entry,
                text: $text,
            };
        )*

        /// Every entry with one message.
        pub static ALL: [&LogEntry; [$($number),*].len()] = [$(&$entry),*];
    };
}

// The strings of an entry: %2 the device, %3 the VF, %4 the status, %5 and %6 the two numbers, %7
// how many entries were left out before it.
entries! {
    /// A reset that failed.
    VF_RESET_FAILED = 1
        "VF %3 of %2 could not be reset (status %4) and stays closed until a reset succeeds. \
         Entries left out before this one: %7.";
    /// A VF that writes beyond its limit.
    VF_FLOODS = 2
        "VF %3 of %2 writes faster than its limit allows. The writes beyond the limit are refused, \
         and other VFs are not affected. Floods that were not reported before this one: %7.";
    /// A removal that is refused while the interface is held.
    REMOVE_VETOED = 3
        "%2 cannot be removed or updated while the virtualization stack holds its interface: shut \
         down the virtual machines that have a VF of it, or take their VFs away. Entries left out \
         before this one: %7.";
    /// An unload that waits.
    WAITING_FOR_REFERENCES = 4
        "The unload of the driver waits until the virtualization stack releases the interfaces of \
         removed devices. Number of these devices: %5.";
    /// A reset, a stop or a removal that waits for the companion.
    WAITING_FOR_COMPANION = 5
        "A call into the vendor's driver below %2 has not returned for %5 milliseconds. A reset of \
         VF %3 waits for it, or with 65535 the stop or removal of the device. Entries left out \
         before this one: %7.";
    /// A table that hands blocks to a companion, without one.
    COMPANION_MISSING = 6
        "The vendor's driver that handles blocks of %2 does not answer (status %4). Operations on \
         these blocks are refused. Entries left out before this one: %7.";
    /// A driver below that is no companion.
    COMPANION_REFUSED = 7
        "The vendor's driver below %2 does not fit this driver (status %4, values %5 and %6). \
         Operations on the blocks that it handles are refused. Entries left out before this one: \
         %7.";
}
