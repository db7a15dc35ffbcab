//! The entries for the System event log that its double recorded. Before each of its checks the
//! runner writes a line with the name of the check.
//!
//! The rules are those of `IoAllocateErrorLogEntry`, `IoWriteErrorLogEntry` and
//! `IO_ERROR_LOG_PACKET` (windows-driver-docs-ddi, `wdm`).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use pf_state::event_log;

/// The name for the time before the first check, and for a run without checks.
const BEGINNING: &str = "the beginning";
/// `DISPATCH_LEVEL`
const DISPATCH_LEVEL: u8 = 2;
/// The bytes of `IO_ERROR_LOG_PACKET` before its data and its strings.
const HEAD: usize = 40;

/// An entry, and the check during which the driver wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedEntry {
    /// The name of the check.
    pub(crate) during: String,
    /// The message identifier.
    pub(crate) code: u32,
    /// `FinalStatus`
    pub(crate) status: u32,
    /// The strings, `%2` first.
    pub(crate) strings: Vec<String>,
}

impl LoggedEntry {
    /// What a viewer shows: the event ID, the level, and the message with `device` in place of the
    /// device's name, which is another one in each run.
    pub(crate) fn text(&self) -> String {
        let level = match self.code >> 30 {
            3 => "error",
            2 => "warning",
            _ => "information",
        };
        let mut text = messages().remove(&self.code).unwrap_or_default();
        for (number, string) in (2..).zip(&self.strings) {
            let string = if number == 2 { "device" } else { string };
            text = text.replace(&format!("%{number}"), string);
        }
        format!("{} {level}: {text}", self.code & 0xFFFF)
    }
}

/// The texts of all messages.
pub(crate) fn messages() -> BTreeMap<u32, String> {
    event_log::messages()
        .map(|message| (message.code, message.to_string()))
        .collect()
}

/// The contents of a log.
#[derive(Debug, Default)]
pub(crate) struct ErrorLog {
    /// The entries, in order.
    pub(crate) entries: Vec<LoggedEntry>,
    /// Entries that break a rule.
    pub(crate) violations: Vec<String>,
}

impl ErrorLog {
    /// Reads a log.
    pub(crate) fn read(log: &str) -> Self {
        let mut read = Self::default();
        let mut during = BEGINNING;
        for line in log.lines() {
            if let Some(check) = line.strip_prefix("check ") {
                during = check;
                continue;
            }
            match entry(line, during).with_context(|| format!("no entry of the event log: {line}"))
            {
                Ok(entry) => read.entries.push(entry),
                Err(violation) => read.violations.push(format!("{violation:#}")),
            }
        }
        read
    }
}

/// Reads `entry irql=N source=KIND bytes=HEX`.
fn entry(line: &str, during: &str) -> Result<LoggedEntry> {
    let argument = |name: &str| {
        let words = line.split(' ');
        let value = words.filter_map(|word| word.split_once('='));
        let mut found = value.filter(|(key, _)| *key == name);
        found
            .next()
            .map(|(_, value)| value)
            .context(name.to_owned())
    };
    let irql: u8 = argument("irql")?.parse()?;
    ensure!(irql <= DISPATCH_LEVEL, "it is written at IRQL {irql}");
    let source = argument("source")?;
    ensure!(
        source == "driver",
        "its source is a {source} object, which is not the driver's service"
    );
    let bytes = bytes(argument("bytes")?)?;
    let word = |offset: usize| -> Result<usize> {
        let word = bytes.get(offset..offset + 2).context("it is too short")?;
        Ok(usize::from(u16::from_le_bytes([word[0], word[1]])))
    };
    let double = |offset: usize| -> Result<u32> {
        let [low, high] = [word(offset)?, word(offset + 2)?];
        Ok(u32::try_from(low | high << 16)?)
    };
    ensure!(
        bytes[..1] == [0] && word(2)? == 0,
        "it has a function or dump data"
    );
    ensure!(word(6)? == HEAD, "its strings begin at {}", word(6)?);
    let code = double(12)?;
    ensure!(
        messages().contains_key(&code),
        "there is no message 0x{code:08X}"
    );
    let units: Vec<_> = bytes[HEAD..]
        .chunks(2)
        .map(|unit| u16::from(unit[0]) | unit.get(1).map_or(0, |&high| u16::from(high) << 8))
        .collect();
    let texts = units
        .strip_suffix(&[0])
        .context("no zero ends the strings")?;
    let strings: Vec<_> = texts
        .split(|&unit| unit == 0)
        .map(String::from_utf16_lossy)
        .collect();
    ensure!(
        strings.len() == word(4)?,
        "it has other strings: {strings:?}"
    );
    let device = &strings[0];
    ensure!(
        device == "A device" || device.to_uppercase().starts_with(r"PCI\VEN_"),
        "{device:?} is no device"
    );
    Ok(LoggedEntry {
        during: during.to_owned(),
        code,
        status: double(20)?,
        strings,
    })
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    let places = (0..text.len()).step_by(2);
    let byte = |place: usize| text.get(place..place + 2).context("half a byte");
    places
        .map(|place| Ok(u8::from_str_radix(byte(place)?, 16)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use pf_state::event::{self, EtwEvent, InterfacePath};
    use pf_state::event_log::{DeviceName, Packet, VF_RESET_FAILED};

    use super::ErrorLog;

    /// The double's line for an entry of the driver about VF 3.
    fn line() -> String {
        let path: Vec<_> = r"\??\PCI#VEN_1#2#{fe}\x".encode_utf16().collect();
        let event = EtwEvent {
            vf: 3,
            status: -1,
            ..EtwEvent::of(&event::VF_RESET_FAILED)
        };
        let path = InterfacePath::from_utf16(&path);
        let packet = Packet::new(&VF_RESET_FAILED, &event, DeviceName::of(&path), 7);
        let mut line = "entry irql=2 source=driver bytes=".to_owned();
        for byte in packet.as_bytes() {
            write!(line, "{byte:02x}").expect("a string");
        }
        line
    }

    fn read(log: &str) -> ErrorLog {
        ErrorLog::read(log)
    }

    #[test]
    fn an_entry_is_read_as_a_viewer_shows_it() {
        let log = read(&format!("{0}\ncheck a reset\n{0}\n", line()));
        assert_eq!(log.violations, [""; 0]);
        let during: Vec<_> = log.entries.iter().map(|entry| &*entry.during).collect();
        assert_eq!(during, ["the beginning", "a reset"]);
        assert_eq!(log.entries[0].strings[0], r"PCI\VEN_1\2");
        assert_eq!(log.entries[0].status, 0xFFFF_FFFF);
        assert_eq!(
            log.entries[0].text(),
            "1 error: VF 3 of device could not be reset (status 0xFFFFFFFF) and stays closed until \
             a reset succeeds. Entries left out before this one: 7."
        );
    }

    #[test]
    fn an_entry_that_breaks_a_rule_is_a_violation() {
        let line = line();
        let whole = line.len();
        for (what, broken) in [
            ("a level", line.replace("irql=2", "irql=3")),
            ("a device object", line.replace("=driver", "=device")),
            ("a missing zero", line[..whole - 4].to_owned()),
            (
                "another number of strings",
                line.replace("bytes=0000000006", "bytes=0000000005"),
            ),
            (
                "dump data",
                line.replace("bytes=00000000", "bytes=00000100"),
            ),
            ("another message", line.replace("010000e0", "010000e1")),
            ("other bytes", line.replace("bytes=", "bytes=xx")),
            ("no bytes", "entry irql=0".to_owned()),
        ] {
            assert_ne!(broken, line, "{what}");
            assert_eq!(read(&broken).violations.len(), 1, "{what}: {broken}");
        }
    }
}
