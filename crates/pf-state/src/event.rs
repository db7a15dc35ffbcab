//! The events that the driver writes to Event Tracing for Windows.
//!
//! The provider's events are self-describing (`TraceLogging`). All have the same seven fields, so
//! that one function writes them: the PF's LUID and the path of its management interface, which are
//! 0 and empty for the driver as a whole; the VF (65535 for none), a status, two numbers, a
//! sentence.

mod trace_logging;

use core::ffi::CStr;

use pcivirt_abi::{Guid, Luid};
use trace_logging::{DATA, EVENT_METADATA, FieldType, PROVIDER_METADATA};
pub use trace_logging::{EtwData, EtwDescriptor, EventDescriptor};

use crate::status::{self, NtStatus};

/// The provider's GUID, derived from its name as `TraceLogging` does: tools take the name instead.
pub static PROVIDER: Guid = Guid::from_u128(0xE22A_8D66_721F_511F_2DE4_BD4D_DDC9_4D7C);

/// The provider's traits: their length in 16 bits, then its name.
pub static PROVIDER_TRAITS: [u8; 11] = *b"\x0B\0PfBroker\0";

/// `TRACE_LEVEL_ERROR`: something does not work.
const ERROR: u8 = 2;
/// `TRACE_LEVEL_WARNING`: something was refused or has to wait.
const WARNING: u8 = 3;
/// `TRACE_LEVEL_INFORMATION`: something happened.
const INFORMATION: u8 = 4;

/// The fields of every event: names and types. [`EtwRecord::pieces`] holds their values in this
/// order.
const FIELDS: [(&str, FieldType); 7] = [
    ("Pf", FieldType::HexInt64),
    ("Interface", FieldType::AnsiString),
    ("Vf", FieldType::Uint16),
    ("Status", FieldType::HexInt32),
    ("First", FieldType::Uint64),
    ("Second", FieldType::Uint64),
    ("Sentence", FieldType::AnsiString),
];

/// Pieces of an event: two of metadata, and its fields.
pub const PIECES: usize = 2 + FIELDS.len();

/// A LUID as one number, the high part first.
#[must_use]
pub const fn luid_number(luid: Luid) -> u64 {
    (luid.high_part.cast_unsigned() as u64) << 32 | luid.low_part as u64
}

/// Size of the path of a device interface and a zero: a device instance path has less than 200
/// characters (`MAX_DEVICE_ID_LEN` of `cfgmgr32.h`), a prefix and the class less than 50.
const PATH: usize = 256;

/// The path of a PF's management interface, as the system made it (`IoRegisterDeviceInterface`). It
/// holds the device instance path, and tools list the device by it.
#[derive(Clone, Copy, Debug)]
pub struct InterfacePath([u8; PATH]);

impl InterfacePath {
    /// No path.
    pub const EMPTY: Self = Self([0; PATH]);

    /// A path in UTF-16, with `?` for each unit that is no printable ASCII, cut to fit.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        let mut path = Self::EMPTY;
        for (to, from) in path.0.iter_mut().take(PATH - 1).zip(units) {
            let printable = u8::try_from(*from).ok();
            *to = printable
                .filter(|byte| byte.is_ascii_graphic() || *byte == b' ')
                .unwrap_or(b'?');
        }
        path
    }

    /// The path with its zero.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// One event: what happened, to which VF, with which values.
#[derive(Clone, Copy, Debug)]
pub struct EtwEvent {
    /// Its description.
    pub descriptor: &'static EventDescriptor,
    /// The VF, or `FFFFh` when it is about none.
    pub vf: u16,
    /// A status, 0 without a use for it.
    pub status: NtStatus,
    /// A number, 0 without a use for it.
    pub first: u64,
    /// Another number, 0 without a use for it.
    pub second: u64,
    /// What happened, in words.
    pub sentence: &'static CStr,
}

impl EtwEvent {
    /// An event without values.
    #[must_use]
    pub const fn of(descriptor: &'static EventDescriptor) -> Self {
        Self {
            descriptor,
            vf: u16::MAX,
            status: status::SUCCESS,
            first: 0,
            second: 0,
            sentence: descriptor.sentence(),
        }
    }
}

/// The bytes of one event as `EtwWriteTransfer` takes them.
#[derive(Debug)]
pub struct EtwRecord<'s> {
    descriptor: &'static EventDescriptor,
    for_etw: EtwDescriptor,
    luid: [u8; 8],
    interface: &'s CStr,
    vf: [u8; 2],
    status: [u8; 4],
    first: [u8; 8],
    second: [u8; 8],
    sentence: &'static CStr,
}

impl<'s> EtwRecord<'s> {
    /// An event of the PF with this LUID, as a number, and this interface path.
    #[must_use]
    pub const fn new(event: &EtwEvent, luid: u64, interface: &'s CStr) -> Self {
        Self {
            descriptor: event.descriptor,
            for_etw: event.descriptor.for_etw(),
            luid: luid.to_le_bytes(),
            interface,
            vf: event.vf.to_le_bytes(),
            status: event.status.to_le_bytes(),
            first: event.first.to_le_bytes(),
            second: event.second.to_le_bytes(),
            sentence: event.sentence,
        }
    }

    /// The event's descriptor.
    #[must_use]
    pub const fn descriptor(&self) -> &EtwDescriptor {
        &self.for_etw
    }

    /// The event's data.
    #[must_use]
    pub fn data(&self) -> [EtwData<'_>; PIECES] {
        self.pieces().map(|(kind, bytes)| EtwData::new(kind, bytes))
    }

    /// Types and bytes of the data: provider, event, then each field.
    fn pieces(&self) -> [(u32, &[u8]); PIECES] {
        [
            (PROVIDER_METADATA, &PROVIDER_TRAITS),
            (EVENT_METADATA, self.descriptor.metadata()),
            (DATA, &self.luid),
            (DATA, self.interface.to_bytes_with_nul()),
            (DATA, &self.vf),
            (DATA, &self.status),
            (DATA, &self.first),
            (DATA, &self.second),
            (DATA, self.sentence.to_bytes_with_nul()),
        ]
    }
}

/// Declares the events, and [`ALL`] of them in their order.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $level:ident $name:literal, $sentence:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $event: EventDescriptor =
                EventDescriptor::new($level, $name, &FIELDS, $sentence);
        )*

        /// Every event.
        pub static ALL: [&EventDescriptor; [$($name),*].len()] = [$(&$event),*];
    };
}

events! {
    /// `Sentence` is the cause, `First` and `Second` are its values.
    START_FAILED = ERROR "StartFailed",
        c"The device does not start.";
    /// VFs were turned on. `First` is their number.
    ENABLED = INFORMATION "Enabled",
        c"The VFs are on.";
    /// `IOCTL_SRIOV_ATTACH` was granted.
    ATTACHED = INFORMATION "Attached",
        c"A virtualization stack is attached.";
    /// A detach, or the end of the attached handle.
    DETACHED = INFORMATION "Detached",
        c"No virtualization stack is attached.";
    /// A callback begins to wait for the virtualization stack, without a limit. `First` is the
    /// event that the stack has to answer: 0 query-stop, 1 restart.
    WAITING_FOR_STACK = INFORMATION "WaitingForStack",
        c"Plug and Play waits for the virtualization stack's answer.";
    /// `First` is the event: 0 query-stop, 1 restart.
    EVENT_TOLD = INFORMATION "EventTold",
        c"The virtualization stack was notified of an event.";
    /// `Status` is the answer.
    EVENT_ANSWERED = INFORMATION "EventAnswered",
        c"The virtualization stack has answered.";
    /// `First` is 1 when transactions were still pending, `Second` 1 when the VF's driver started
    /// the reset.
    VF_RESET = INFORMATION "VfReset",
        c"A VF was reset.";
    /// `Status` is the cause, `Second` 1 when the VF's driver started the reset.
    VF_RESET_FAILED = ERROR "VfResetFailed",
        c"A VF could not be reset and stays closed.";
    /// A VF wrote more than its limit allows: at most once an hour for each VF. `First` is the number
    /// of its floods since the last such event.
    VF_FLOODS = WARNING "VfFloods",
        c"A VF writes faster than its limit allows.";
    /// Host software acknowledged a reset. `First` is the number of the reset.
    RESET_ACKNOWLEDGED = INFORMATION "ResetAcknowledged",
        c"Host software has acknowledged the reset of a VF, which is served again.";
    /// The time for an acknowledgement is up.
    RESET_NOT_ACKNOWLEDGED = WARNING "ResetNotAcknowledged",
        c"A VF is served again without an acknowledgement of its reset.";
    /// `Vf` is the first VF, `Status` its cause, `First` the number of VFs.
    REGISTERS_LOST = ERROR "RegistersLost",
        c"Registers that VFs' drivers had set could not be saved or restored.";
    /// A query-remove was refused.
    REMOVE_VETOED = WARNING "RemoveVetoed",
        c"The device stays, as its interface is held.";
    /// The device was removed.
    REMOVED = INFORMATION "Removed",
        c"The device is gone.";
    /// The interface was dereferenced too often.
    UNBALANCED_DEREFERENCE = ERROR "UnbalancedDereference",
        c"More references to the interface were given back than taken.";
    /// The unload begins to wait, without a limit. `First` is the number of PFs whose interface is
    /// held.
    WAITING_FOR_REFERENCES = WARNING "WaitingForReferences",
        c"The unload waits until the interfaces of removed devices are given back.";
    /// The device has been prepared, and a companion has accepted.
    COMPANION_ATTACHED = INFORMATION "CompanionAttached",
        c"A companion is attached.";
    /// The device releases its hardware: no other call follows.
    COMPANION_DETACHED = INFORMATION "CompanionDetached",
        c"The companion is detached.";
    /// The block table hands operations over. `Status` is that of the query, 0 for a driver that is
    /// the function driver itself.
    COMPANION_MISSING = WARNING "CompanionMissing",
        c"The block table needs a companion, and there is none.";
    /// A driver below answers the query and is no companion. `Sentence` is the cause; `Status`,
    /// `First` and `Second` are its values.
    COMPANION_REFUSED = ERROR "CompanionRefused",
        c"The driver below is no companion.";
    /// A reset of `Vf`, or with 65535 a stop or a removal, waits for a call into the companion.
    /// `First` is the time in milliseconds after which this is reported.
    WAITING_FOR_COMPANION = WARNING "WaitingForCompanion",
        c"A call into the companion has not returned, and is waited for without a limit.";
}

#[cfg(test)]
mod tests;
