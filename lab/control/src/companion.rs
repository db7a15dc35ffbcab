//! The control codes of the lab's function driver as the companion of the driver above it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_BLOCK_LENGTH, code};

/// Says whether the companion is ready: input a `u32`, 0 or 1. Ends with the status of `SetReady`.
pub const IOCTL_SET_READY: u32 = code(0xC10);
/// Sets how the companion answers writes or reads of a block: input [`Answer`].
pub const IOCTL_SET_ANSWER: u32 = code(0xC11);
/// Takes the writes that the companion was called with since the last time: output [`Handed`],
/// oldest first, as many as fit.
pub const IOCTL_TAKE_HANDED: u32 = code(0xC12);
/// Sets how the driver answers the next queries for the companion interface: input a `u32`, one of
/// [`offer`].
pub const IOCTL_SET_OFFER: u32 = code(0xC13);
/// Takes the record, which begins anew: output [`CompanionRecord`].
pub const IOCTL_TAKE_COMPANION_RECORD: u32 = code(0xC14);
/// Calls one of the functions that the companion was given, at the level of the request: input
/// [`BrokerCall`], output [`BrokerCalled`]. Fails with `STATUS_INVALID_DEVICE_STATE` if it was
/// given none.
pub const IOCTL_CALL_BROKER: u32 = code(0xC15);
/// Sets whether the companion keeps the functions after `Detach`: input a `u32`, 0 or 1.
pub const IOCTL_KEEP_FUNCTIONS: u32 = code(0xC16);

/// How the driver answers the query.
pub mod offer {
    /// As a companion.
    pub const COMPLETE: u32 = 0;
    /// Not at all: its callback fails.
    pub const NOTHING: u32 = 1;
    /// With a `Size` that is too small by one.
    pub const SIZE: u32 = 2;
    /// With another `Version`.
    pub const VERSION: u32 = 3;
    /// Without `InterfaceReference`.
    pub const NO_REFERENCE: u32 = 4;
    /// Without `InterfaceDereference`.
    pub const NO_DEREFERENCE: u32 = 5;
    /// Without `Attach`.
    pub const NO_ATTACH: u32 = 6;
    /// Without `Detach`.
    pub const NO_DETACH: u32 = 7;
    /// Without `VfWrite`.
    pub const NO_VF_WRITE: u32 = 8;
    /// Without `VfRead`.
    pub const NO_VF_READ: u32 = 9;
    /// As a companion whose `Attach` fails with `STATUS_INSUFFICIENT_RESOURCES`.
    pub const DECLINES: u32 = 10;
    /// As a companion without the functions that are optional.
    pub const LEAST: u32 = 11;
    /// As a companion that is ready within `Attach`.
    pub const READY: u32 = 12;
    /// With `Size` 0 and nothing else.
    pub const EMPTY: u32 = 13;
}

/// What the companion does in a call before it answers, beside the data.
pub mod action {
    /// Resets the same VF, which has to be refused.
    pub const RESET: u32 = 1;
    /// Resets the next VF.
    pub const RESET_NEXT: u32 = 2;
    /// Says that it is not ready.
    pub const NOT_READY: u32 = 4;
    /// Invalidates block 0 of the same VF.
    pub const INVALIDATE: u32 = 8;
    /// Of a write: publishes the first half of the block's bytes as the second half. If that fails,
    /// its status is the answer.
    pub const ECHO: u32 = 16;
    /// Of a read: sets the first four bytes to the number of reads of the VF that were handed over.
    pub const COUNT: u32 = 32;
}

/// Input of [`IOCTL_SET_ANSWER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Answer {
    /// The block.
    pub block: u32,
    /// 0 for writes, 1 for reads.
    pub reads: u32,
    /// The NTSTATUS of the answer.
    pub status: u32,
    /// How long a call takes, milliseconds.
    pub milliseconds: u32,
    /// Bits of [`action`].
    pub actions: u32,
    /// 1: there are data, which a call publishes to the block of a write or sets for a read.
    pub has_data: u32,
    /// Bytes that are published, of any number.
    pub length: u32,
    /// The data, as far as a block can have.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

impl Answer {
    /// Accepts writes of a block at once.
    #[must_use]
    pub const fn accept(block: u32) -> Self {
        Self {
            block,
            reads: 0,
            status: 0,
            milliseconds: 0,
            actions: 0,
            has_data: 0,
            length: 0,
            data: [0; MAX_BLOCK_LENGTH],
        }
    }
}

/// One write that the companion was called with.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Handed {
    /// The VF.
    pub vf: u16,
    /// Bytes of the block.
    pub length: u16,
    /// The block.
    pub block: u32,
    /// `VfReset` about the VF since the function driver was loaded.
    pub resets: u32,
    /// `Attach` since the record was taken.
    pub attaches: u32,
    /// The block as it would be committed.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// What has reached the companion. The first two values are kept when the record is taken.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CompanionRecord {
    /// References to the companion's interface.
    pub references: u32,
    /// Calls that have not returned.
    pub inside: u32,
    /// `Attach`, also where it failed.
    pub attaches: u32,
    /// `Detach`.
    pub detaches: u32,
    /// `VfWrite`.
    pub writes: u32,
    /// `VfRead`.
    pub reads: u32,
    /// `VfCommitted`.
    pub commits: u32,
    /// `VfPower`.
    pub powers: u32,
    /// The last state of a `VfPower`.
    pub power: u32,
    /// `VfReset`.
    pub resets: u32,
    /// Calls that came above `PASSIVE_LEVEL`.
    pub raised: u32,
    /// Calls about a VF while another one about it ran.
    pub overlapping: u32,
    /// Calls while the companion was not attached.
    pub unattached: u32,
    /// The status of the last reset of the same VF inside a call.
    pub own_reset: u32,
    /// The status of the last reset of the next VF inside a call.
    pub next_reset: u32,
    /// Publishes of [`action::ECHO`] that failed.
    pub unpublished: u32,
}

/// The functions of [`BrokerCall`].
pub mod function {
    /// `SetReady` with `value`.
    pub const SET_READY: u32 = 0;
    /// `Read`.
    pub const READ: u32 = 1;
    /// `Publish`.
    pub const PUBLISH: u32 = 2;
    /// `Invalidate` with the mask `value`.
    pub const INVALIDATE: u32 = 3;
    /// `Drain` with the capacity `length`, at most 2.
    pub const DRAIN: u32 = 4;
    /// `Reset`.
    pub const RESET: u32 = 5;
    /// `Statistics`.
    pub const STATISTICS: u32 = 6;
    /// `Release`, after which the companion has no functions.
    pub const RELEASE: u32 = 7;
}

/// The pointers of a [`BrokerCall`] that are NULL.
pub mod omitted {
    /// The first argument.
    pub const BROKER: u32 = 1;
    /// `buffer`, `data`, `messages`, `statistics`.
    pub const DATA: u32 = 2;
    /// `revision`, `expected`, `count`.
    pub const NUMBER: u32 = 4;
}

/// Input of [`IOCTL_CALL_BROKER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BrokerCall {
    /// One of [`function`].
    pub function: u32,
    /// The VF.
    pub vf: u16,
    /// The scope.
    pub scope: u16,
    /// The block.
    pub block: u32,
    /// The length, or the capacity.
    pub length: u32,
    /// Bits of [`omitted`].
    pub omitted: u32,
    /// Zero.
    pub reserved: u32,
    /// The expected revision, the mask, or whether it is ready.
    pub value: u64,
    /// The data of a publish.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// Output of [`IOCTL_CALL_BROKER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BrokerCalled {
    /// The status that the function returned.
    pub status: u32,
    /// The number of messages, or what stood there before.
    pub count: u32,
    /// The revision, or the counter of writes, or what stood there before.
    pub value: u64,
    /// The bytes that were read, or those of the first message.
    pub data: [u8; MAX_BLOCK_LENGTH],
}
