//! What a VF may write in its configuration space, and what a write does.

use crate::{
    config::{Space, WritableSpace, check_range, find_capability},
    status::{self, NtStatus},
};
use pcivirt_abi::config::{
    self as register, Command, DeviceCapabilities, DeviceControl, DeviceStatus, MsiControl,
    MsiXControl, Status,
};

/// One register of a VF that may be written, and the bits of it that reach hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register {
    /// Where the register begins.
    offset: u32,
    /// Its length in bytes: 2 or 4.
    length: u32,
    /// Bits that are passed on; the others keep what hardware holds.
    mask: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Holds what is written.
    Stored,
    /// Message Control of MSI: like `Stored`, but Multiple Message Enable is at most this value.
    MessageControl { capable: u16 },
    /// Bits are cleared by writing one, so they are written as zero unless the caller sets them.
    ClearedByOne,
}

impl Register {
    const fn stored(offset: u32, length: u32, mask: u32) -> Self {
        Self {
            offset,
            length,
            mask,
            kind: Kind::Stored,
        }
    }

    const fn cleared_by_one(offset: u32, mask: u16) -> Self {
        Self {
            offset,
            length: 2,
            mask: mask as u32,
            kind: Kind::ClearedByOne,
        }
    }

    /// Whether the register holds what was written until its VF is reset.
    pub(super) fn is_stored(self) -> bool {
        self.kind != Kind::ClearedByOne
    }

    const fn overlaps(self, start: u32, end: u32) -> bool {
        self.offset < end && start < self.offset + self.length
    }

    /// Reads the whole register. None when the bus fails.
    pub(super) fn read(self, space: &mut impl Space) -> Option<u32> {
        if self.length == 2 {
            space.read_u16(self.offset).map(u32::from)
        } else {
            space.read_u32(self.offset)
        }
    }

    /// The value that reaches hardware when `value` is written to a register that holds `held`.
    fn admitted(self, value: u32, held: u32) -> u32 {
        let keep = if self.kind == Kind::ClearedByOne {
            0
        } else {
            held
        };
        let admitted = (value & self.mask) | (keep & !self.mask);
        match self.kind {
            Kind::Stored | Kind::ClearedByOne => admitted,
            Kind::MessageControl { capable } => {
                let field = u32::from(MsiControl::MULTIPLE_ENABLE.bits());
                let limit = u32::from(capable) << field.trailing_zeros();
                (admitted & !field) | (admitted & field).min(limit)
            }
        }
    }

    /// Writes the bits of `value` that the register takes. None when the bus fails. Of two writes
    /// at one time to one register of a VF one may be lost; a driver that sends both harms its own
    /// VF alone.
    pub(super) fn write(self, space: &mut impl WritableSpace, value: u32) -> Option<()> {
        let held = self.read(space)?;
        self.put(space, self.admitted(value, held))
    }

    /// Writes those of `bytes` that lie in the register, where `bytes` begin at `offset`; the
    /// register's other bytes stay as they are. None when the bus fails.
    fn write_part(self, space: &mut impl WritableSpace, offset: u32, bytes: &[u8]) -> Option<()> {
        let held = self.read(space)?;
        let untouched = if self.kind == Kind::ClearedByOne {
            0
        } else {
            held
        };
        let mut value = untouched.to_le_bytes();
        for (at, byte) in (self.offset..).zip(&mut value) {
            if let Some(sent) = byte_at(at, offset, bytes) {
                *byte = sent;
            }
        }
        self.put(space, self.admitted(u32::from_le_bytes(value), held))
    }

    fn put(self, space: &mut impl WritableSpace, value: u32) -> Option<()> {
        let [b0, b1, b2, b3] = value.to_le_bytes();
        let written = if self.length == 2 {
            space.write(self.offset, &[b0, b1])
        } else {
            space.write(self.offset, &[b0, b1, b2, b3])
        };
        written.then_some(())
    }
}

/// The byte for the address `at` of an access whose `bytes` begin at `offset`.
fn byte_at(at: u32, offset: u32, bytes: &[u8]) -> Option<u8> {
    let place = usize::try_from(at.checked_sub(offset)?).ok()?;
    bytes.get(place).copied()
}

/// Bus Master Enable, the only bit of the command register that a VF has: its Memory Space, I/O
/// Space and Interrupt Disable bits are hardwired to zero (9.3.4.1.3).
const COMMAND: Register = Register::stored(register::COMMAND, 2, Command::BUS_MASTER.bits() as u32);
/// The error bits of the status register (9.3.4.1.4).
const STATUS: Register = Register::cleared_by_one(
    register::STATUS,
    Status::MASTER_DATA_PARITY_ERROR
        .union(Status::SIGNALED_TARGET_ABORT)
        .union(Status::RECEIVED_TARGET_ABORT)
        .union(Status::RECEIVED_MASTER_ABORT)
        .union(Status::SIGNALED_SYSTEM_ERROR)
        .union(Status::DETECTED_PARITY_ERROR)
        .bits(),
);
/// The error bits of Device Status (9.3.5.5).
const DEVICE_ERRORS: DeviceStatus = DeviceStatus::CORRECTABLE_ERROR
    .union(DeviceStatus::NON_FATAL_ERROR)
    .union(DeviceStatus::FATAL_ERROR)
    .union(DeviceStatus::UNSUPPORTED_REQUEST);
/// What a VF decides about its MSI-X (7.7.2.2).
const MSI_X_CONTROL: MsiXControl = MsiXControl::ENABLE.union(MsiXControl::FUNCTION_MASK);
/// What a VF decides in Message Control of MSI (7.7.1.2).
const MSI_CONTROL: MsiControl = MsiControl::ENABLE.union(MsiControl::MULTIPLE_ENABLE);

/// The PCI Express capability of a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Express {
    offset: u32,
    /// Device Capabilities says that the VF can be reset by itself, as every VF has to (9.3.5.3).
    function_level_reset: bool,
}

impl Express {
    fn find(space: &mut impl Space) -> Option<Self> {
        let offset = find_capability(space, register::CAPABILITY_PCI_EXPRESS)?;
        let capabilities = space.read_u32(offset + register::EXPRESS_DEVICE_CAPABILITIES)?;
        Some(Self {
            offset,
            function_level_reset: DeviceCapabilities::from_bits_retain(capabilities)
                .contains(DeviceCapabilities::FUNCTION_LEVEL_RESET),
        })
    }

    /// Whether the VF still shows the capability. None when the bus fails.
    fn answers(self, space: &mut impl Space) -> Option<bool> {
        Some(space.read_u8(self.offset)? == register::CAPABILITY_PCI_EXPRESS)
    }

    /// Whether an access sets Initiate Function Level Reset, in a VF that has the bit. The other
    /// bits of Device Control are reserved in a VF (9.3.5.4).
    fn is_reset(self, offset: u32, bytes: &[u8]) -> bool {
        let [low, high] = DeviceControl::INITIATE_FUNCTION_LEVEL_RESET
            .bits()
            .to_le_bytes();
        let control = self.offset + register::EXPRESS_DEVICE_CONTROL;
        let sets = |at, bits| byte_at(at, offset, bytes).is_some_and(|byte: u8| byte & bits != 0);
        self.function_level_reset && (sets(control, low) || sets(control + 1, high))
    }
}

/// The MSI capability of a VF (7.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Msi {
    offset: u32,
    /// It has an upper address register.
    wide: bool,
    /// It has a mask register.
    maskable: bool,
    /// Multiple Message Capable. 6 and 7 are reserved; 5 stands for the 32 vectors of the mask
    /// register.
    capable: u16,
}

impl Msi {
    /// Reads what the capability at `offset` has. None when the bus fails.
    fn read(space: &mut impl Space, offset: u32) -> Option<Self> {
        let control = space.read_u16(offset + register::MSI_MESSAGE_CONTROL)?;
        let control = MsiControl::from_bits_retain(control);
        let capable = control.intersection(MsiControl::MULTIPLE_CAPABLE).bits();
        let capable = capable >> MsiControl::MULTIPLE_CAPABLE.bits().trailing_zeros();
        Some(Self {
            offset,
            wide: control.contains(MsiControl::ADDRESS_64),
            maskable: control.contains(MsiControl::VECTOR_MASKING),
            capable: capable.min(5),
        })
    }

    /// The registers that the VF writes. Multiple Message Enable above Multiple Message Capable has
    /// no defined meaning (7.7.1.2), so it is lowered to it. A vector that the VF does not have has
    /// no mask bit.
    fn registers(self) -> [Option<Register>; 5] {
        let at = self.offset;
        let (data, mask) = if self.wide {
            (register::MSI_MESSAGE_DATA_64, register::MSI_MASK_64)
        } else {
            (register::MSI_MESSAGE_DATA_32, register::MSI_MASK_32)
        };
        let vectors = u32::MAX >> (u32::BITS - (1 << self.capable));
        let upper = at + register::MSI_MESSAGE_UPPER_ADDRESS;
        let control = Register {
            offset: at + register::MSI_MESSAGE_CONTROL,
            length: 2,
            mask: MSI_CONTROL.bits().into(),
            kind: Kind::MessageControl {
                capable: self.capable,
            },
        };
        [
            Some(Register::stored(
                at + register::MSI_MESSAGE_ADDRESS,
                4,
                register::MSI_ADDRESS_MASK,
            )),
            self.wide.then(|| Register::stored(upper, 4, u32::MAX)),
            Some(Register::stored(at + data, 2, u16::MAX.into())),
            self.maskable
                .then(|| Register::stored(at + mask, 4, vectors)),
            Some(control),
        ]
    }
}

/// What a write requests beside changes of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a VF that asks for its reset must be reset"]
pub enum Written {
    /// Nothing.
    Done,
    /// The VF starts a function level reset. The hardware did not get the write: the caller resets
    /// the VF as `ResetVf` does, so that its blocks are wiped with it.
    Reset,
}

/// Where the capabilities of a VF lie that it may write to. They are the same in every VF of a PF
/// (9.3.4), so they are looked up once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteList {
    express: Option<Express>,
    msi: Option<Msi>,
    msi_x: Option<u32>,
}

impl WriteList {
    /// The most registers of a VF that hold what was written to them.
    pub(super) const STORED: usize = 7;

    /// Looks the capabilities up in a VF. None when the bus fails, or when the VF shows no PCI
    /// Express capability, which every VF has (9.3.5): it does not answer.
    pub fn find(space: &mut impl Space) -> Option<Self> {
        Some(Self {
            express: Some(Express::find(space)?),
            msi: match find_capability(space, register::CAPABILITY_MSI) {
                Some(offset) => Some(Msi::read(space, offset)?),
                None => None,
            },
            msi_x: find_capability(space, register::CAPABILITY_MSI_X),
        })
    }

    /// Whether a VF answers: a function that is lost reads as ones without an error.
    pub(super) fn answers(self, space: &mut impl Space) -> bool {
        self.express.and_then(|express| express.answers(space)) == Some(true)
    }

    /// The registers that a VF may write, in the order in which they are to be restored: what a
    /// message is before it may be sent, and bus mastering, without which none is sent, last.
    ///
    /// Everything else is read-only in a VF, or the PF's or the host's to decide, as power
    /// management is.
    pub(super) fn registers(self) -> impl Iterator<Item = Register> {
        let msi = self.msi.into_iter().flat_map(Msi::registers);
        let msi_x_control = self.msi_x.map(|offset| {
            let at = offset + register::MSI_X_MESSAGE_CONTROL;
            Register::stored(at, 2, MSI_X_CONTROL.bits().into())
        });
        let device_status = self.express.map(|express| {
            let at = express.offset + register::EXPRESS_DEVICE_STATUS;
            Register::cleared_by_one(at, DEVICE_ERRORS.bits())
        });
        msi.chain([msi_x_control, device_status, Some(STATUS), Some(COMMAND)])
            .flatten()
    }

    /// Carries out a write to a VF, byte by byte: the bits of the list reach hardware, all others
    /// are ignored, as hardware ignores a write to a read-only or reserved bit. No event
    /// reports it: an operating system writes such registers in the ordinary course, for example to
    /// size base address registers.
    ///
    /// # Errors
    /// As [`check_range`], before anything is written; `STATUS_IO_DEVICE_ERROR` when the bus does
    /// not carry an access out. Registers before it have been written then.
    pub fn write(
        self,
        space: &mut impl WritableSpace,
        offset: u32,
        bytes: &[u8],
    ) -> Result<Written, NtStatus> {
        let length = u32::try_from(bytes.len()).map_err(|_| status::INVALID_PARAMETER)?;
        check_range(offset, length)?;
        let end = offset + length;
        for register in self.registers().filter(|r| r.overlaps(offset, end)) {
            register
                .write_part(space, offset, bytes)
                .ok_or(status::IO_DEVICE_ERROR)?;
        }
        match self.express {
            Some(express) if express.is_reset(offset, bytes) => Ok(Written::Reset),
            _ => Ok(Written::Done),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
