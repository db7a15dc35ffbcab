//! `pfbctl watch`: prints the events of journals as they occur.

use std::collections::BTreeMap;
use std::io::Write;

use pf_broker_abi as abi;
use pf_broker_abi::ChangesCookie;
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
/// when it is back, and its events are printed from where they ended: from the first one on, if the
/// driver has started anew.
///
/// `open` returns `None` while there is no device; `pause` runs before each retry.
pub(super) fn follow<C: Control>(
    first: Device<C>,
    only: Option<u16>,
    out: &mut dyn Write,
    mut open: impl FnMut() -> Result<Option<Device<C>>, Failure>,
    mut pause: impl FnMut(),
) -> Result<(), Failure> {
    let mut device = first;
    let mut watcher = Watcher::new(&device, only)?;
    loop {
        match watcher.step(&device, out) {
            Ok(()) => out.flush()?,
            Err(Failure::Driver(Error::Status(status))) if GONE.contains(&status) => {
                // An open handle keeps the device from being removed.
                drop(device);
                report::note(out, "the device has gone; waiting until it is back")?;
                out.flush()?;
                device = loop {
                    pause();
                    if let Some(device) = open()? {
                        break device;
                    }
                };
                report::note(out, "the device is back")?;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// How far the journals of VFs are printed.
pub(super) struct Watcher {
    /// The one VF to watch.
    only: Option<u16>,
    cookie: ChangesCookie,
    /// For each VF the number of the last printed event; 0 if it is not in here.
    shown: BTreeMap<u16, u64>,
}

impl Watcher {
    /// Watches one VF, or all, from now on.
    pub(super) fn new<C: Control>(device: &Device<C>, only: Option<u16>) -> Result<Self, Failure> {
        if let Some(vf) = only {
            // An error if there is no such VF.
            device.journal(vf, u64::MAX, 1)?;
        }
        let mut watcher = Self {
            only,
            cookie: ChangesCookie::default(),
            shown: BTreeMap::new(),
        };
        loop {
            let list = device.poll_changes(abi::CHANGE_JOURNALED, &watcher.cookie)?;
            // The revision of a VF is the number of its last event.
            let events = list.entries.iter().map(|entry| (entry.vf, entry.revision));
            watcher.shown.extend(events);
            watcher.cookie = list.cookie;
            if !list.more {
                return Ok(watcher);
            }
        }
    }

    /// Waits for events, and prints the new ones.
    pub(super) fn step<C: Control>(
        &mut self,
        device: &Device<C>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let list = device.changes(abi::CHANGE_JOURNALED, &self.cookie)?;
        self.cookie = list.cookie;
        if list.restarted {
            report::note(out, "the driver has started anew")?;
            self.shown.clear();
        }
        let vfs = list.entries.iter().map(|entry| entry.vf);
        for vf in vfs.filter(|vf| self.only.is_none_or(|only| only == *vf)) {
            let shown = self.shown.entry(vf).or_default();
            for entry in device.journal(vf, *shown, JOURNAL_ENTRIES)? {
                show(out, vf, *shown, &entry)?;
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
