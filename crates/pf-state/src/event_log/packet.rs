//! The bytes of an entry, as `IoWriteErrorLogEntry` takes them.

use super::entry::{LogEntry, code_of_failed_start};
use crate::{
    event::{EtwEvent, InterfacePath},
    failure::StartFailure,
    status::NtStatus,
};

/// `ERROR_LOG_MAXIMUM_SIZE` of `wdm.h` on 64-bit systems: the most bytes of an entry.
const MOST: usize = 240;

/// Offsets in `IO_ERROR_LOG_PACKET` of `wdm.h`: its integers that an entry sets, and its end, where
/// the strings begin, because an entry has no other data.
const NUMBER_OF_STRINGS: usize = 4;
const STRING_OFFSET: usize = 6;
const ERROR_CODE: usize = 12;
const FINAL_STATUS: usize = 20;
const STRINGS: usize = 40;

/// UTF-16 units of all strings with their zeros.
const UNITS: usize = (MOST - STRINGS) / 2;

/// The device of an entry about the driver as a whole, or about a device without a path.
const UNNAMED: &[u8] = b"A device";

/// How an entry names a device: by its instance path, as Device Manager and `pnputil` show it.
#[derive(Clone, Copy, Debug)]
pub struct DeviceName<'p>(&'p [u8]);

impl<'p> DeviceName<'p> {
    /// No device, or one whose path is not known.
    pub const UNNAMED: Self = Self(UNNAMED);

    /// The device with this interface: `\??\`, the instance path with `#` for each `\`, `#` and the
    /// class ("`IoRegisterDeviceInterface`").
    #[must_use]
    pub fn of(path: &'p InterfacePath) -> Self {
        let path = path.as_c_str().to_bytes();
        let path = path.strip_prefix(br"\??\").unwrap_or(path);
        let end = path.windows(2).rposition(|two| two == b"#{");
        match end.and_then(|end| path.get(..end)) {
            Some(instance) if !instance.is_empty() => Self(instance),
            _ => Self::UNNAMED,
        }
    }

    fn units(self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|byte| match byte {
            b'#' => u16::from(b'\\'),
            byte => u16::from(*byte),
        })
    }
}

/// An entry: an `IO_ERROR_LOG_PACKET` and its strings, in the order device, VF, status, first and
/// second number, number of entries left out. The device's name is cut to what the others leave.
#[derive(Clone, Debug)]
pub struct Packet {
    bytes: [u8; MOST],
    length: usize,
}

impl Packet {
    /// The entry that accompanies `event`. `left_out` is the number of entries that were left out
    /// before.
    #[must_use]
    pub fn new(entry: &LogEntry, event: &EtwEvent, device: DeviceName<'_>, left_out: u32) -> Self {
        Self::assemble(entry.code(), event, device, left_out)
    }

    /// The entry of a failed start, whose event is `event`.
    #[must_use]
    pub fn of_failed_start(
        failure: StartFailure,
        event: &EtwEvent,
        device: DeviceName<'_>,
    ) -> Self {
        Self::assemble(code_of_failed_start(failure), event, device, 0)
    }

    fn assemble(code: u32, event: &EtwEvent, device: DeviceName<'_>, left_out: u32) -> Self {
        let values = [
            Digits::decimal(u64::from(event.vf)),
            Digits::hexadecimal(event.status),
            Digits::decimal(event.first),
            Digits::decimal(event.second),
            Digits::decimal(u64::from(left_out)),
        ];
        let taken: usize = values.iter().map(|value| value.units().count() + 1).sum();
        let mut packet = Self {
            bytes: [0; MOST],
            length: STRINGS,
        };
        // One unit is the zero after the name.
        let room = UNITS.saturating_sub(taken).saturating_sub(1);
        packet.push(device.units().take(room));
        for value in &values {
            packet.push(value.units());
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "6 strings, from byte 40 on"
        )]
        let [count, start] = [(values.len() + 1) as u16, STRINGS as u16];
        packet.put(NUMBER_OF_STRINGS, &count.to_le_bytes());
        packet.put(STRING_OFFSET, &start.to_le_bytes());
        packet.put(ERROR_CODE, &code.to_le_bytes());
        packet.put(FINAL_STATUS, &event.status.to_le_bytes());
        packet
    }

    /// Appends a string and its zero.
    fn push(&mut self, units: impl Iterator<Item = u16>) {
        for unit in units.chain([0]) {
            self.put(self.length, &unit.to_le_bytes());
            self.length = self.length.saturating_add(2).min(MOST);
        }
    }

    fn put(&mut self, offset: usize, value: &[u8]) {
        let places = self.bytes.iter_mut().skip(offset);
        for (place, byte) in places.zip(value) {
            *place = *byte;
        }
    }

    /// The bytes: a multiple of 2, at most 240.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Their number, as `IoAllocateErrorLogEntry` takes it.
    #[must_use]
    pub fn length(&self) -> u8 {
        u8::try_from(self.length).unwrap_or_default()
    }
}

/// A number in digits, the last ones of `places`.
struct Digits {
    places: [u8; 20],
    start: usize,
    prefix: &'static [u8],
}

impl Digits {
    fn decimal(value: u64) -> Self {
        Self::write(value, 10, 1, b"")
    }

    /// A status as `0xC0000001`.
    fn hexadecimal(status: NtStatus) -> Self {
        Self::write(u64::from(status.cast_unsigned()), 16, 8, b"0x")
    }

    /// At least `fewest` digits.
    fn write(mut value: u64, base: u64, fewest: usize, prefix: &'static [u8]) -> Self {
        let mut places = [b'0'; 20];
        let mut start = places.len();
        for (place, digit) in places.iter_mut().enumerate().rev() {
            if value == 0 && digits_from(place) > fewest {
                break;
            }
            // A digit is below the base, which is 10 or 16.
            let number = u8::try_from(value % base).unwrap_or_default();
            *digit = match number {
                0..10 => b'0' + number,
                _ => b'A' + (number - 10),
            };
            value /= base;
            start = place;
        }
        Self {
            places,
            start,
            prefix,
        }
    }

    fn units(&self) -> impl Iterator<Item = u16> {
        let digits = self.places.iter().skip(self.start);
        self.prefix
            .iter()
            .chain(digits)
            .map(|byte| u16::from(*byte))
    }
}

/// How many digits there are from a place of 20 on.
const fn digits_from(place: usize) -> usize {
    20_usize.saturating_sub(place)
}
