//! The management interface between driver and host software: a device interface class, IOCTLs and
//! buffer layouts.
//!
//! Host software (a vendor's service, `pfbctl`, the lab's runner) opens the device through
//! [`INTERFACE_CLASS`] and sends these IOCTLs. From user mode only SYSTEM and members of
//! Administrators can open it, whatever the device's security descriptor says. The interface has
//! the reference string `management`, which is part of the path that Windows returns for the class;
//! through a handle opened by another path the IOCTLs fail with `STATUS_ACCESS_DENIED` for user
//! mode. Other drivers may send them with and without a file object. The IOCTLs are buffered
//! (`METHOD_BUFFERED`) and sent at `PASSIVE_LEVEL`; integers are little endian.
//!
//! | IOCTL | input | output |
//! |---|---|---|
//! | [`IOCTL_QUERY`] | – | [`QueryReply`] |
//! | [`IOCTL_BLOCKS`] | [`BlocksRequest`] | as many [`BlockInfo`] as fit |
//! | [`IOCTL_STATS`] | [`VfRequest`] | [`StatsReply`] |
//! | [`IOCTL_BLOCK_STATS`] | [`BlockRequest`] | [`BlockStatsReply`] |
//! | [`IOCTL_READ`] | [`BlockRequest`] | [`ReadReply`], then as many of the block's bytes as fit |
//! | [`IOCTL_PUBLISH`] | [`PublishRequest`], then the data | – |
//! | [`IOCTL_INVALIDATE`] | [`InvalidateRequest`] | – |
//! | [`IOCTL_DRAIN`] | [`BlockRequest`] | as many [`Message`] as fit and are there |
//! | [`IOCTL_RESET`] | [`VfRequest`] | – |
//! | [`IOCTL_POWER`] | [`PowerRequest`] | – |
//! | [`IOCTL_JOURNAL`] | [`JournalRequest`] | as many [`JournalEntry`] as fit and are there |
//! | [`IOCTL_HOST_REFUSALS`] | – | [`HostRefusalsReply`] |
//! | [`IOCTL_CHANGES`] | [`ChangesRequest`] | [`ChangesReply`], then as many [`Change`] as fit and are there |
//! | [`IOCTL_ACKNOWLEDGE`] | [`AcknowledgeRequest`] | – |
//! | [`IOCTL_TABLE`] | [`TableRequest`] | as many of the table's bytes as fit and are there |
//! | [`IOCTL_CLOCK`] | – | [`ClockReply`] |
//! | [`IOCTL_LOCATION`] | [`VfRequest`] | [`LocationReply`] |
//!
//! A request that the broker refuses completes with the NTSTATUS of its [`Refusal`]. The driver
//! adds these: an input shorter or longer than its structure, or a reserved byte that is not zero,
//! is `STATUS_INVALID_PARAMETER`; an output too small for the reply, or for one entry of a list, is
//! `STATUS_BUFFER_TOO_SMALL` and changes nothing; an unknown code is
//! `STATUS_INVALID_DEVICE_REQUEST`; a removed device answers `STATUS_DEVICE_REMOVED`. A list that
//! ends for lack of space continues with the next request.
//!
//! The files: `ioctl` has the control codes, `request` the inputs, `reply` the outputs, `changes`
//! both of [`IOCTL_CHANGES`], `codes` and `refusal` the numbers inside them, `simulated` how a
//! connection to a simulated device carries them.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod changes;
mod codes;
mod ioctl;
mod layout;
mod refusal;
mod reply;
mod request;
mod simulated;

pub use changes::{
    CHANGE_ATTACHED, CHANGE_DETACHED, CHANGE_JOURNALED, CHANGE_MESSAGE, CHANGE_POWER,
    CHANGE_PUBLISHED, CHANGE_REFUSED, CHANGE_RESET, CHANGE_WRITTEN, CHANGES_MORE, CHANGES_POLL,
    CHANGES_RESTARTED, Change, ChangesCookie, ChangesReply, ChangesRequest,
};
pub use codes::{BlockKind, Companion, Operation, PowerState, Service, TableSource, VfAccess};
pub use ioctl::{
    IOCTL_ACKNOWLEDGE, IOCTL_BLOCK_STATS, IOCTL_BLOCKS, IOCTL_CHANGES, IOCTL_CLOCK, IOCTL_DRAIN,
    IOCTL_HOST_REFUSALS, IOCTL_INVALIDATE, IOCTL_JOURNAL, IOCTL_LOCATION, IOCTL_POWER,
    IOCTL_PUBLISH, IOCTL_QUERY, IOCTL_READ, IOCTL_RESET, IOCTL_STATS, IOCTL_TABLE,
    is_management_code, needs_write_access,
};
pub use refusal::{MAX_REASONS, Refusal};
pub use reply::{
    BlockInfo, BlockStatsReply, ClockReply, HostRefusalsReply, JournalEntry, LocationReply,
    MAX_BLOCK_LENGTH, Message, NAME_LENGTH, QueryReply, ReadReply, StatsReply,
};
pub use request::{
    AcknowledgeRequest, BlockRequest, BlocksRequest, InvalidateRequest, JournalRequest,
    PUBLISH_EXPECTS, PowerRequest, PublishRequest, SCOPE_ALL, SCOPE_VF, TableRequest, VfRequest,
};
pub use simulated::{
    SIMULATED_CANCEL, SIMULATED_GREETING, SIMULATED_MAX_INPUT, SIMULATED_MAX_OUTPUT,
    SimulatedReply, SimulatedRequest,
};

/// The device interface class, as the digits of its GUID's text form.
pub const INTERFACE_CLASS: u128 = 0xFE9E_9C19_F427_4FF9_AE4B_D3F3_D0BC_C141;

/// The version of this interface, in [`QueryReply::abi_version`]. It grows with every change that
/// an older client would misread.
pub const ABI_VERSION: u32 = 3;
