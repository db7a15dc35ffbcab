//! `pfbctl watch`: prints the events of journals as they occur.

use std::io::Write;

use pf_broker_abi as abi;
use pf_broker_client::{Control, Device, Error};

use super::report;
use crate::failure::Failure;

/// Most journal entries in one request; more than the driver keeps for a VF.
pub(super) const JOURNAL_ENTRIES: usize = 1024;

/// `STATUS_NO_SUCH_DEVICE`, `STATUS_DELETE_PENDING`, `STATUS_DEVICE_DOES_NOT_EXIST`,
/// `STATUS_FILE_DELETED` and `STATUS_DEVICE_REMOVED` of `ntstatus.h`: the replies to a handle whose
/// device has gone.
const GONE: [u32; 5] = [
    0xC000_000E,
    0xC000_0056,
    0xC000_00C0,
    0xC000_0123,
    0xC000_02B6,
];

/// Prints the events of one VF, or of all, until an error. If the device goes away, it is reopened
/// when it is back, and printed from its first event on.
///
/// `open` returns `None` while there is no device; `pause` runs before each retry.
pub(super) fn follow<C: Control>(
    first: Device<C>,
    only: Option<u16>,
    out: &mut dyn Write,
    mut open: impl FnMut() -> Result<Option<Device<C>>, Failure>,
    mut pause: impl FnMut(),
) -> Result<(), Failure> {
    let mut watcher = Watcher::new(first, only, From::Now)?;
    loop {
        match watcher.step(out) {
            Ok(()) => out.flush()?,
            Err(Failure::Driver(Error::Status(status))) if GONE.contains(&status) => {
                // An open handle keeps the device from being removed.
                drop(watcher);
                report::note(out, "the device has gone; waiting until it is back")?;
                out.flush()?;
                let back = loop {
                    pause();
                    if let Some(device) = open()? {
                        break device;
                    }
                };
                report::note(out, "the device is back")?;
                watcher = Watcher::new(back, only, From::Start)?;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Which events are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// Those from now on.
    Now,
    /// Those in the journal, too.
    Start,
}

/// Follows the journals of VFs.
pub(super) struct Watcher<C> {
    device: Device<C>,
    /// The number of events of all VFs when the journals were last read.
    seen: u64,
    /// For each watched VF, the number of the last printed event.
    shown: Vec<(u16, u64)>,
}

impl<C: Control> Watcher<C> {
    /// Watches one VF, or all.
    pub(super) fn new(device: Device<C>, only: Option<u16>, from: From) -> Result<Self, Failure> {
        let vfs = match only {
            Some(vf) => vf..vf.saturating_add(1),
            None => 0..device.query()?.num_vfs,
        };
        let shown = vfs
            .map(|vf| {
                let last = match from {
                    From::Start => None,
                    From::Now => device.journal(vf, 0, JOURNAL_ENTRIES)?.pop(),
                };
                Ok((vf, last.map_or(0, |entry| entry.sequence)))
            })
            .collect::<Result<_, Error>>()?;
        // The first wait ends at once, unless there was no event yet.
        Ok(Self {
            device,
            seen: 0,
            shown,
        })
    }

    /// Waits for an event, and prints the new ones.
    pub(super) fn step(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        // Before the journals are read: an event after the count ends the next wait.
        let count = self.device.wait(self.seen, abi::WAIT_JOURNAL)?;
        if count < self.seen {
            report::note(out, "the driver has started anew")?;
            for (_, shown) in &mut self.shown {
                *shown = 0;
            }
        }
        self.seen = count;
        for (vf, shown) in &mut self.shown {
            for entry in self.device.journal(*vf, *shown, JOURNAL_ENTRIES)? {
                show(out, *vf, *shown, &entry)?;
                *shown = entry.sequence;
            }
        }
        Ok(())
    }
}

/// Prints the events of an entry with numbers above `shown`, and how many before them are lost.
fn show(
    out: &mut dyn Write,
    vf: u16,
    shown: u64,
    entry: &abi::JournalEntry,
) -> Result<(), Failure> {
    let first = entry.sequence.saturating_sub(entry.repeated.into());
    if first <= shown {
        return report::more_of(out, vf, entry, entry.sequence.saturating_sub(shown));
    }
    match first - shown - 1 {
        0 => {}
        lost => report::note(
            out,
            &format!("VF {vf}: {lost} events were overwritten before they could be shown"),
        )?,
    }
    report::journal_line(out, vf, entry)
}

#[cfg(test)]
mod tests;
