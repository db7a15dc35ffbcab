//! `pfbctl watch`: prints the events of journals as they occur.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::Utc;
use pf_broker_abi as abi;
use pf_broker_abi::ChangesCookie;
use pf_broker_client::{Control, Device, Error, STATUSES_OF_ABSENCE};

use super::clock::Clock;
use super::filter::Filter;
use super::names::Names;
use super::reply::{Event, Line};
use super::report::{self, Date};
use crate::failure::Failure;
use crate::json;

/// Most journal entries in one request; more than the driver keeps for a VF.
pub(super) const JOURNAL_ENTRIES: usize = 1024;

/// Whether a device has gone.
pub(super) fn is_gone(failure: &Failure) -> bool {
    matches!(failure, Failure::Driver(Error::Status(status)) if STATUSES_OF_ABSENCE.contains(status))
}

/// How the events of a device are shown.
#[derive(Default)]
pub(super) struct View {
    pub(super) names: Names,
    pub(super) filter: Filter,
}

/// Where the events go.
pub(super) struct Printer<'o> {
    pub(super) out: &'o mut dyn Write,
    /// A line of JSON for each event.
    pub(super) json: bool,
    pub(super) view: View,
    /// The date of the last line.
    pub(super) date: Date,
}

impl Printer<'_> {
    /// Prints one line, as JSON or as text.
    pub(super) fn print(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        if let Line::Event { event, .. } | Line::Repeated { event, .. } = line
            && !self.view.filter.passes(event)
        {
            return Ok(());
        }
        if self.json {
            return json::line(self.out, line);
        }
        let out = &mut *self.out;
        match line {
            Line::Event { vf, event } => {
                self.date.note(out, event)?;
                report::journal_line(out, *vf, event, &self.view.names)?;
            }
            Line::Repeated { vf, times, event } => {
                report::more_of(out, *vf, event, *times, &self.view.names)?;
            }
            Line::Lost { vf, events } => {
                let lost = "were overwritten before they could be shown";
                report::note(out, &format!("VF {vf}: {events} events {lost}"))?;
            }
            Line::Gone => report::note(out, "the device has gone; waiting until it is back")?,
            Line::Back => report::note(out, "the device is back")?,
            Line::Restarted => report::note(out, "the driver has started anew")?,
        }
        Ok(out.flush()?)
    }
}

/// Prints the events of one VF, or of all, until an error. If the device goes away, it is reopened
/// when it is back, and its events are printed from where they ended: from the first one on, if the
/// driver has started anew.
///
/// `open` returns `None` while there is no device; `pause` runs before each retry. `view` returns that
/// of a device, which may have another table when it is back.
pub(super) fn follow<C: Control>(
    first: Device<C>,
    only: Option<u16>,
    printer: &mut Printer<'_>,
    mut open: impl FnMut() -> Result<Option<Device<C>>, Failure>,
    mut pause: impl FnMut(),
    view: impl Fn(&Device<C>) -> Result<View, Failure>,
) -> Result<(), Failure> {
    let mut device = first;
    // Events from here on are printed, those during the next request too.
    let mut watcher = Watcher::new(&device, only)?;
    printer.view = view(&device)?;
    loop {
        match watcher.step(&device, printer) {
            Ok(()) => {}
            Err(failure) if is_gone(&failure) => {
                // An open handle keeps the device from being removed.
                drop(device);
                printer.print(&Line::Gone)?;
                device = loop {
                    pause();
                    if let Some(device) = open()? {
                        break device;
                    }
                };
                printer.print(&Line::Back)?;
                printer.view = view(&device)?;
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
        printer: &mut Printer<'_>,
    ) -> Result<(), Failure> {
        let list = device.changes(abi::CHANGE_JOURNALED, &self.cookie)?;
        self.cookie = list.cookie;
        if list.restarted {
            printer.print(&Line::Restarted)?;
            self.shown.clear();
        }
        // Each time anew: the clock stands still while the system sleeps.
        let clock = Clock::of(device, Utc::now)?;
        let vfs = list.entries.iter().map(|entry| entry.vf);
        for vf in vfs.filter(|vf| self.only.is_none_or(|only| only == *vf)) {
            let shown = self.shown.entry(vf).or_default();
            for entry in device.journal(vf, *shown, JOURNAL_ENTRIES)? {
                let event = Event::new(&entry, &printer.view.names, clock);
                show(printer, vf, *shown, &event)?;
                *shown = entry.sequence;
            }
        }
        Ok(())
    }
}

/// Prints the events of an entry with numbers above `shown`, and how many before them are lost.
fn show(printer: &mut Printer<'_>, vf: u16, shown: u64, event: &Event) -> Result<(), Failure> {
    let first = event.number.saturating_sub(event.repeated.into());
    if first <= shown {
        let times = event.number.saturating_sub(shown);
        return printer.print(&Line::Repeated { vf, times, event });
    }
    match first - shown - 1 {
        0 => {}
        events => printer.print(&Line::Lost { vf, events })?,
    }
    printer.print(&Line::Event { vf, event })
}

#[cfg(test)]
mod tests;
