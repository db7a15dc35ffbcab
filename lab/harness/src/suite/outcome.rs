//! How a start of the PF ends: the status that Plug and Play sees, and the sentence of the driver.

use anyhow::{Result, ensure};

use crate::etw_event::Event;
use crate::run::Finished;

/// VFs of every start.
pub(super) const VFS: u16 = 4;

/// How a start ends.
pub(super) struct StartOutcome {
    /// The NTSTATUS that Plug and Play sees.
    seen: u32,
    /// The NTSTATUS that the driver gives.
    status: u32,
    /// The driver's sentence; none when it starts.
    sentence: Option<&'static str>,
    /// The two values that follow it, where they do not depend on the table's encoding.
    values: Option<(u64, u64)>,
}

/// With these the driver fails while the power of the device comes up:
/// `STATUS_DEVICE_HARDWARE_ERROR`, `STATUS_DEVICE_UNREACHABLE`, `STATUS_DEVICE_PROTOCOL_ERROR`,
/// `STATUS_MEMORY_NOT_ALLOCATED`, `STATUS_DEVICE_NOT_CONNECTED`, `STATUS_NOT_FOUND`,
/// `STATUS_INVALID_ADDRESS`.
const WITH_POWER: [u32; 7] = [
    0xC000_0483,
    0xC000_0464,
    0xC000_0186,
    0xC000_00A0,
    0xC000_009D,
    0xC000_0225,
    0xC000_0141,
];
/// `STATUS_DEVICE_POWER_FAILURE`, with which the framework then ends the start.
const POWER_FAILURE: u32 = 0xC000_009E;
/// `STATUS_NO_SUCH_DEVICE`, as the bus double puts it: no driver's device was above to be started.
const NOT_ADDED: u32 = 0xC000_000E;

impl StartOutcome {
    pub(super) const SUCCESS: Self = Self {
        seen: 0,
        status: 0,
        sentence: None,
        values: None,
    };

    /// The framework does not bind the driver, which so never runs.
    pub(super) const NOT_LOADED: Self = Self {
        seen: NOT_ADDED,
        ..Self::SUCCESS
    };

    /// The device is there and does not start.
    pub(super) fn failure(status: u32, sentence: &'static str, values: Option<(u64, u64)>) -> Self {
        Self {
            seen: if WITH_POWER.contains(&status) {
                POWER_FAILURE
            } else {
                status
            },
            status,
            sentence: Some(sentence),
            values,
        }
    }

    /// `EvtDriverDeviceAdd` fails, so that there is no device to start.
    pub(super) fn without_device(
        status: u32,
        sentence: &'static str,
        values: Option<(u64, u64)>,
    ) -> Self {
        Self {
            seen: NOT_ADDED,
            ..Self::failure(status, sentence, values)
        }
    }

    /// Whether the framework refuses to bind the driver.
    pub(super) fn is_not_loaded(&self) -> bool {
        self.seen == NOT_ADDED && self.sentence.is_none()
    }

    /// Compares with the runner's output, the kernel log and the events.
    pub(super) fn judge(&self, finished: &Finished) -> Result<()> {
        let (interfaces, vfs) = if self.seen == 0 { (2, VFS) } else { (0, 0) };
        let expected = format!(
            "status 0x{:08X}, {interfaces} interfaces, {vfs} VFs\n",
            self.seen
        );
        ensure!(
            finished.output == expected,
            "the start ends with {:?} instead of {expected:?}",
            finished.output
        );
        let lines = finished.kernel_log.lines();
        let printed: Vec<_> = lines
            .filter_map(|line| line.split_once("pf_broker: "))
            .map(|(_, text)| text.to_owned())
            .collect();
        let events: Vec<_> = events_of(finished, "StartFailed").map(as_a_line).collect();
        ensure!(
            events == printed,
            "the driver prints {printed:?}, and as events {events:?}"
        );
        let Some(sentence) = self.sentence else {
            ensure!(
                printed.is_empty(),
                "a start without a failure prints {printed:?}"
            );
            return if self.seen == 0 {
                enabled_once(finished)
            } else {
                ensure!(
                    finished.events.is_empty(),
                    "a driver that is not loaded writes events"
                );
                Ok(())
            };
        };
        let values = self.values.map_or_else(String::new, |(first, second)| {
            format!("{first} and {second})")
        });
        let expected = format!("{sentence} (status 0x{:08x}, values {values}", self.status);
        ensure!(
            matches!(printed.as_slice(), [line] if line.starts_with(&expected)),
            "the driver prints {printed:?} instead of {expected:?}"
        );
        Ok(())
    }
}

fn events_of<'f>(finished: &'f Finished, name: &str) -> impl Iterator<Item = &'f Event> {
    let events = finished.events.iter().map(|logged| &logged.event);
    events.filter(move |event| event.name == name)
}

/// A failed start as the driver prints it to a debugger.
fn as_a_line(event: &Event) -> String {
    let sentence = event.text("Sentence").unwrap_or_default();
    let [status, first, second] =
        ["Status", "First", "Second"].map(|field| event.number(field).unwrap_or_default());
    format!("{sentence} (status 0x{status:08x}, values {first} and {second})")
}

fn enabled_once(finished: &Finished) -> Result<()> {
    let vfs: Vec<_> = events_of(finished, "Enabled")
        .map(|event| event.number("First"))
        .collect();
    ensure!(
        vfs == [Some(VFS.into())],
        "a device that starts has {vfs:?} VFs in its event"
    );
    Ok(())
}
