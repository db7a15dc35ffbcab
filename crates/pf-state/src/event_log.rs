//! The entries that the driver writes to Windows' System event log: what an administrator must act
//! on.
//!
//! An entry accompanies an event for Event Tracing ([`event`]) and has its values. Its message is in
//! the message table of the driver's image, which `build.rs` makes from [`messages`]. The I/O
//! manager stores the entry's strings, and a viewer inserts them: `%1` is the driver's name, which
//! the I/O manager adds; the strings of [`Packet`] follow.

mod entry;
mod limit;
mod packet;

use core::fmt;

use entry::code;
pub use entry::{
    ALL, COMPANION_MISSING, COMPANION_REFUSED, LogEntry, REMOVE_VETOED, VF_FLOODS, VF_RESET_FAILED,
    WAITING_FOR_COMPANION, WAITING_FOR_REFERENCES, code_of_failed_start,
};
pub use limit::{Floods, Limit, Limits};
pub use packet::{DeviceName, Packet};

use crate::{event, failure::StartFailure};

/// A message of the table in the driver's image. Its text is [`Display`](fmt::Display), without the
/// end of the line.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The message identifier.
    pub code: u32,
    parts: [&'static str; 3],
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| f.write_str(part))
    }
}

/// Every message, in ascending order of the event IDs.
pub fn messages() -> impl Iterator<Item = Message> {
    let of_entries = ALL.iter().map(|entry| Message {
        code: entry.code(),
        parts: [entry.text, "", ""],
    });
    let of_starts = StartFailure::SENTENCES
        .iter()
        .map(|(number, sentence)| Message {
            code: code(&event::START_FAILED, *number),
            parts: [
                "%2 does not start: ",
                sentence.to_str().unwrap_or_default(),
                " (status %4, values %5 and %6)",
            ],
        });
    of_entries.chain(of_starts)
}

#[cfg(test)]
mod tests;
